"""Weights & Biases: what is in a run, read back from its offline file, and that a server never costs the training."""

import json
import logging
import os
import re
import urllib.error
import urllib.request
from io import BytesIO
from pathlib import Path

import pytest
import wandb
from tests.training.conftest import node
from tests.training.wandb_files import history, records, summary

from molgfn.cli.main import cli
from molgfn.errors import ConfigError
from molgfn.evaluation.report import page as page_module
from molgfn.experiment import train
from molgfn.training.logs import wandb_run
from molgfn.training.logs.loggers import Loggers

KEY = "0123456789" * 4


def offline_file(folder, number=0):
    wandb.teardown()  # the process that writes the file has ended
    return sorted((folder / "wandb").glob("offline-run-*/*.wandb"))[number]


@pytest.fixture
def offline_config(config):
    kind = "rewards.weighted_mean.Component"
    easy = node("rewards.transforms.Linear", low=10, high=1)
    components = {
        "qed": node(kind, oracle=node("oracles.qed.QED")),
        "sa": node(kind, oracle=node("oracles.sa.SA"), transform=easy),
    }
    oracle = node("rewards.weighted_mean.WeightedMean", components=components)
    return config(oracle=oracle, logger=node("training.loggers.Loggers", wandb="offline"))


def test_what_an_offline_run_holds(config, capfd):
    run = train(config(logger=node("training.loggers.Loggers", wandb="offline")))
    path = offline_file(run.folder)
    rows = history(path)
    steps = [row["trainer/global_step"] for row in rows if "train/loss/policy" in row or "value/mean" in row]
    assert steps == list(range(6))
    histograms = [row for row in rows if any(name.startswith("histogram/") for name in row)]
    assert [row["trainer/global_step"] for row in histograms] == list(range(6))
    for row in histograms:
        assert sum(row["histogram/value.values"]) == sum(row["histogram/length.values"]) == 8
    (table,) = [row for row in rows if "best_molecules_table._type" in row]
    assert table["best_molecules_table.ncols"] == 4
    assert any("best_molecules._type" in row for row in rows)
    (entries,) = [a.manifest.contents for kind, a in records(path) if kind == "artifact"]
    places = {entry.path: Path(entry.local_path) for entry in entries}
    content = json.loads(places["best_molecules_table.table.json"].read_text())
    assert content["columns"] == ["molecule", "smiles", "value", "log_reward"]
    assert len(content["data"]) == table["best_molecules_table.nrows"] > 3
    values = [row[2] for row in content["data"]]
    assert values == sorted(values, reverse=True)
    assert all(places[row[0]["path"]].read_bytes()[:4] == b"\x89PNG" for row in content["data"])
    assert all(place.is_relative_to(run.folder) for place in places.values()), "what is sent later lies with the run"
    assert "anonymous" not in capfd.readouterr().err
    assert wandb.run is None
    assert wandb_run.STAGING not in os.environ


def test_component_means_are_in_the_rows(offline_config):
    run = train(offline_config)
    rows = [row for row in history(offline_file(run.folder)) if "value/mean" in row]
    for name in ("qed", "sa"):
        assert all(0 < row[f"component/{name}/mean"] < 10 for row in rows)
    text = (run.folder / "metrics.csv").read_text().splitlines()
    names, first = text[0].split(","), text[1].split(",")
    assert float(first[names.index("component/qed/mean")]) == pytest.approx(rows[0]["component/qed/mean"])


def test_an_evaluation_goes_into_the_run(config, call, monkeypatch):
    drawings, draw = [], page_module.distributions
    monkeypatch.setattr(page_module, "distributions", lambda *given: drawings.append(draw(*given)) or drawings[-1])
    run = train(config(logger=node("training.loggers.Loggers", wandb="offline")))
    result = call("evaluate", run.folder, "--no-untrained")
    assert result.exit_code == 0, result.output
    first, second = offline_file(run.folder), offline_file(run.folder, 1)
    assert first.name == second.name, "one run"
    assert f"the evaluation is in run {first.stem.removeprefix('run-')}" in result.stderr
    numbers = json.loads((run.folder / "evaluation" / "metrics.json").read_text())["metrics"]
    found = summary(second)
    for name, reading in numbers.items():
        if reading.get("value") is not None:
            assert found[f"evaluation/{name}"] == pytest.approx(reading["value"])
    (row,) = [row for row in history(second) if "evaluation/report._type" in row]
    assert row["evaluation/best_molecules.ncols"] >= 5
    assert sum(row["evaluation/histogram/value.values"]) == 32
    figures = {name for name in row if name.startswith("evaluation/figure/") and name.endswith("._type")}
    assert {f"evaluation/figure/{title}._type" for title in ("log R(x)", "Molecular weight (g per mol)")} <= figures
    drawn = next((second.parent / "files").rglob("evaluation/figure/log R(x)*.html")).read_text()
    assert drawn.startswith("<svg")
    assert "var(--" not in drawn
    assert len(drawings) == 1, "the page's charts are those of the W&B run"
    assert len(drawings[0]) == len(figures)
    (page,) = (second.parent / "files").rglob("evaluation/report*.html")
    assert page.read_text() == (run.folder / "evaluation" / "report.html").read_text()


def artefacts(path, kind="model"):
    return [content for what, content in records(path) if what == "artifact" and content.type == kind]


def test_the_last_checkpoint_goes_along_where_asked_for_and_again_when_the_run_goes_on(config, call):
    run = train(config(logger=node("training.loggers.Loggers", wandb="offline", checkpoint="last")))
    first = offline_file(run.folder)
    (artefact,) = artefacts(first)
    run_id = first.stem.removeprefix("run-")
    assert artefact.name == f"checkpoint-{run_id}"
    assert "latest" in artefact.aliases
    (entry,) = artefact.manifest.contents
    assert entry.path == "last.ckpt"
    kept = Path(entry.local_path)
    assert kept.is_relative_to(run.folder), "what is sent later lies with the run"
    last = run.folder / "checkpoints" / "last.ckpt"
    assert kept.read_bytes() == last.read_bytes()
    assert call("resume", run.folder, "--iterations", 8).exit_code == 0
    second = offline_file(run.folder, 1)
    assert second.stem == first.stem, "one run"
    (again,) = artefacts(second)
    assert again.name == artefact.name
    place = Path(again.manifest.contents[0].local_path)
    assert place.read_bytes() == last.read_bytes()
    assert kept.read_bytes() != last.read_bytes(), "what waits to be sent is not what the run writes over"


def test_no_checkpoint_goes_along_where_nobody_asked(config):
    run = train(config(logger=node("training.loggers.Loggers", wandb="offline")))
    assert artefacts(offline_file(run.folder)) == []


def test_an_evaluation_of_a_run_without_it_leaves_no_folder(config, call):
    run = train(config())
    assert call("evaluate", run.folder, "--no-untrained").exit_code == 0
    assert not (run.folder / "wandb").exists()


@pytest.fixture
def key(monkeypatch):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setenv("WANDB_API_KEY", KEY)


def answers(monkeypatch, *, url=None, login=None):
    """The server as far as it is asked before a run is made: exceptions, or None where all is well."""

    def urlopen(address, timeout):
        assert timeout <= 10
        if url is not None:
            raise url
        return BytesIO()

    def logs_in(**arguments):
        if login is not None:
            raise login
        return True

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    monkeypatch.setattr(wandb, "login", logs_in)


UNREACHABLE = [
    (urllib.error.URLError(OSError(-2, "Name or service not known")), None, "cannot be reached"),
    (TimeoutError("timed out"), None, "cannot be reached"),
    (None, wandb.errors.AuthenticationError("API key must have 40+ characters, has 5."), "40\\+ characters"),
    (None, wandb.errors.CommError("the service did not respond in time"), "did not respond"),
    (None, ValueError("no key"), "no key"),
]


@pytest.mark.parametrize(("url", "login", "says"), UNREACHABLE)
def test_auto_falls_back_to_offline_with_one_warning(config, monkeypatch, key, caplog, url, login, says):
    answers(monkeypatch, url=url, login=login)
    settings = config(logger=node("training.loggers.Loggers"))
    settings["trainer"] |= {"iterations": 3}
    with caplog.at_level(logging.WARNING, logger="molgfn"):
        run = train(settings)
    assert run.iteration == 3
    assert (run.folder / "metrics.csv").is_file()
    assert len(history(offline_file(run.folder))) >= 3
    (warning,) = [record.getMessage() for record in caplog.records if "Weights & Biases" in record.getMessage()]
    assert "kept offline" in warning
    assert re.search(says, warning)


@pytest.mark.parametrize(("url", "login", "says"), UNREACHABLE)
def test_online_fails_at_once_and_says_what_to_do(config, monkeypatch, key, tmp_path, url, login, says):
    answers(monkeypatch, url=url, login=login)
    with pytest.raises(ConfigError, match=f"{says}.*logger.wandb=offline"):
        train(config(logger=node("training.loggers.Loggers", wandb="online")))
    assert not list(tmp_path.glob("test-*")), "before there is a run folder"


def test_online_needs_somebody_who_is_logged_in(config, monkeypatch, tmp_path):
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    with pytest.raises(ConfigError, match=r"nobody is logged in .*logger\.wandb=offline"):
        train(config(logger=node("training.loggers.Loggers", wandb="online")))


@pytest.mark.parametrize("error", [wandb.errors.CommError("Failed to get resume status"), wandb.Error("timed out")])
@pytest.mark.parametrize("wanted", ["auto", "online"])
def test_a_server_that_makes_no_run_after_all(config, monkeypatch, key, caplog, error, wanted):
    answers(monkeypatch)
    start = wandb.init

    def init(**arguments):
        if arguments.get("mode") != "offline":
            assert arguments["settings"].init_timeout <= 60
            raise error
        return start(**arguments)

    monkeypatch.setattr(wandb, "init", init)
    settings = config(logger=node("training.loggers.Loggers", wandb=wanted))
    if wanted == "online":
        with pytest.raises(ConfigError, match=rf"{error}.*logger\.wandb=offline"):
            train(settings)
        return
    with caplog.at_level(logging.WARNING, logger="molgfn"):
        run = train(settings)
    assert run.iteration == 6
    assert offline_file(run.folder).is_file()
    assert sum("Weights & Biases" in record.getMessage() for record in caplog.records) == 1


def test_the_server_is_asked_once(config, monkeypatch, key):
    asked = []
    monkeypatch.setattr(wandb_run, "unavailable", lambda: asked.append(1))
    assert Loggers().ask() == "online"
    assert len(asked) == 1
    start = wandb.init
    monkeypatch.setattr(wandb, "init", lambda **arguments: start(**{**arguments, "mode": "offline"}))
    train(config(logger=node("training.loggers.Loggers", wandb="auto")))
    assert len(asked) == 2


def test_a_certificate_that_is_not_trusted_is_left_to_wandb(monkeypatch, key):
    answers(monkeypatch, url=urllib.error.URLError(wandb_run.ssl.SSLCertVerificationError("self-signed")))
    assert wandb_run.unavailable() is None


def test_a_key_of_the_server_in_use_counts(monkeypatch, tmp_path):
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org")
    (tmp_path / "netrc").write_text(f"machine api.wandb.ai\n login user\n password {KEY}\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert not wandb_run.logged_in()
    (tmp_path / "netrc").write_text(f"machine wandb.example.org\n login user\n password {KEY}\n")
    assert wandb_run.logged_in()


@pytest.fixture
def call():
    from click.testing import CliRunner

    return lambda *arguments: CliRunner().invoke(cli, [str(a) for a in arguments], prog_name="molgfn")
