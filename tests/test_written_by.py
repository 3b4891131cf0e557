"""Files of a later molgfn: refused where this one cannot read them, told of where it can; each reader asks."""

import json
import logging

import pyarrow.parquet as pq
import pytest
import torch

import molgfn
from molgfn.errors import CheckpointError, DataError
from molgfn.evaluation.report.page import read_results
from molgfn.experiment.opening import again
from molgfn.optimising.checkpoints import read_loop
from molgfn.proxies.features import VERSION as FEATURES
from molgfn.proxies.files import read as read_proxy
from molgfn.runs import checkpoint
from molgfn.study.plan import Study
from molgfn.study.tidy import read_tidy, tidy, write_tidy
from molgfn.written_by import check_writer, is_later

LATER = "998.1.0"


@pytest.mark.parametrize("version", ["998", "998.0.1", "998.1.0.dev3", f"{molgfn.__version__}.1"])
def test_later_versions(version):
    assert is_later(version)


@pytest.mark.parametrize("version", [molgfn.__version__, "0", "0.0.9", f"{molgfn.__version__}.dev1", "", "x", None, 9])
def test_versions_that_are_not_later(version):
    assert not is_later(version)


def test_a_later_format_is_refused_with_both_versions_and_what_helps():
    with pytest.raises(DataError) as caught:
        check_writer("a.pt", version=LATER, format=3, reads=2, error=DataError, instead="fit it anew")
    assert str(caught.value) == (
        f"a.pt: is of format 3 of molgfn {LATER}; this is molgfn {molgfn.__version__}, which reads formats up to 2; "
        "install a later molgfn, or fit it anew"
    )
    for none in ("two", 0, True, 1.5):
        with pytest.raises(CheckpointError, match=rf"`format` should be a whole number from 1 on, got {none!r}"):
            check_writer("a.ckpt", version=LATER, format=none, reads=2, error=CheckpointError)


def test_a_later_version_is_told_of_once(caplog):
    with caplog.at_level(logging.WARNING, "molgfn"):
        for _ in range(3):
            check_writer("told-once.ckpt", version=LATER, format=1, reads=1, error=DataError)
    (record,) = caplog.records
    assert f"told-once.ckpt: was written by molgfn {LATER}, and this is molgfn {molgfn.__version__}" in record.message


def test_what_this_version_wrote_is_read_without_a_word(caplog):
    with caplog.at_level(logging.WARNING, "molgfn"):
        check_writer("a.ckpt", version=molgfn.__version__, format=1, reads=1, error=DataError)
        check_writer("a.ckpt", version=None, format=None, reads=1, error=DataError)
    assert not caplog.records


def of_checkpoint(folder, version, form):
    config = {
        "environment": {"_target_": "molgfn.environments.hypergrid.HyperGrid", "dimensions": 2, "side": 4},
        "policy": {"_target_": "molgfn.policies.tabular.TabularPolicy"},
        "backward": {"_target_": "molgfn.objectives.backward.uniform.Uniform"},
    }
    own = {"version": version, "format": form, "config": config, "iteration": 3}
    (folder / "checkpoints").mkdir()
    torch.save({"molgfn": own, "optimisation": {}, "state_dict": {}}, folder / "checkpoints" / "last.ckpt")
    checkpoint.read(folder / "checkpoints" / "last.ckpt")


def of_loop(folder, version, form):
    (folder / "checkpoints").mkdir()
    own = {"version": version, "format": form, "config": {}}
    torch.save({"molgfn": own, "optimisation": {}}, folder / "checkpoints" / "last.ckpt")
    read_loop(folder)


def of_proxy(folder, version, form):
    torch.save({"molgfn_proxy": {"format": form, "features": FEATURES, "made_by": version}}, folder / "a.pt")
    read_proxy(folder / "a.pt")


def of_report(folder, version, form):
    plain = {"format": form, "molgfn": version, "kind": "grid", "metrics": {}, "definitions": {}}
    (folder / "metrics.json").write_text(json.dumps(plain))
    (folder / "samples.csv").write_text("state,count\n")
    read_results(folder, folder)


def of_study(folder, version, form):
    plan = {"question": "?", "experiment": "a.yaml", "seeds": [0], "rows": [{"name": "a"}]}
    study = Study.model_validate(plan)
    path = folder / "results.parquet"
    write_tidy(study, tidy("s", study, []), path)
    table = pq.read_table(path)
    changed = {**table.schema.metadata, b"molgfn.version": version.encode(), b"molgfn.format": str(form).encode()}
    pq.write_table(table.replace_schema_metadata(changed), path)
    read_tidy(path)


@pytest.mark.parametrize("read", [of_checkpoint, of_loop, of_proxy, of_report, of_study])
def test_every_reader_refuses_a_later_format_and_tells_of_a_later_version(tmp_path, caplog, read):
    for name in ("later_format", "later_version", "now"):
        (tmp_path / name).mkdir()
    with pytest.raises((CheckpointError, DataError), match=rf"format 99 of molgfn {LATER}; this is molgfn"):
        read(tmp_path / "later_format", LATER, 99)
    with caplog.at_level(logging.WARNING, "molgfn"):
        read(tmp_path / "now", molgfn.__version__, 1)
        assert not caplog.records
        read(tmp_path / "later_version", LATER, 1)
    assert [f"was written by molgfn {LATER}" in record.message for record in caplog.records] == [True]


def test_a_run_that_goes_on_says_who_writes_now(tmp_path):
    of_checkpoint(tmp_path, "0.0.1", None)
    record = again(tmp_path / "checkpoints" / "last.ckpt").record
    assert record["version"] == molgfn.__version__
    assert record["format"] == checkpoint.FORMAT
