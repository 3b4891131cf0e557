"""Where shipped configs and experiments are found."""

import pytest

from molgfn.composing import places
from molgfn.errors import ConfigError


def test_the_wheel_carries_its_own_and_they_come_first(tmp_path, monkeypatch):
    package = tmp_path / "src" / "molgfn"
    (package / "configs").mkdir(parents=True)
    (tmp_path / "configs").mkdir()
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "shipped.yaml").write_text("")
    monkeypatch.setattr(places, "PACKAGE", package)
    assert places.shipped("configs") == package / "configs"
    assert places.shipped("experiments") == tmp_path / "experiments"
    for name in ("shipped", "shipped.yaml", "experiments/shipped.yaml", "experiments/shipped"):
        assert places.find_experiment(name) == tmp_path / "experiments" / "shipped.yaml"


def test_an_installation_without_its_configs_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "PACKAGE", tmp_path / "src" / "molgfn")
    with pytest.raises(ConfigError, match="install it again"):
        places.shipped("configs")
    with pytest.raises(ConfigError, match="no such file"):
        places.find_experiment("quickstart")


def test_a_file_of_the_user_comes_before_a_shipped_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quickstart.yaml").write_text("")
    assert places.find_experiment("quickstart.yaml") == tmp_path / "quickstart.yaml"
    assert places.find_experiment("quickstart") == places.shipped("experiments") / "quickstart.yaml"


def test_a_shipped_name_cannot_leave_its_folder():
    with pytest.raises(ConfigError, match="no such experiment file"):
        places.find_experiment("../configs/train")
