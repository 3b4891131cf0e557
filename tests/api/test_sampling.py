"""Samples and evaluation from Python: what comes back, and what a notebook shows."""

import io

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from PIL import Image
from rdkit import Chem

import molgfn
from molgfn.cli.main import cli
from molgfn.errors import ConfigError, DataError


def test_samples_are_those_of_the_command(molecules, tmp_path):
    out = tmp_path / "a.csv"
    words = ["sample", str(molecules.folder), "-n", "12", "--seed", "3", "--log-pt-samples", "4", "-o", str(out)]
    assert CliRunner().invoke(cli, words).exit_code == 0
    samples = molgfn.sample(molecules, 12, seed=3, log_pt_samples=4)
    written = pd.read_csv(out)
    pd.testing.assert_frame_equal(samples.table.drop(columns="problem"), written.drop(columns="problem"))
    assert samples.smiles == written["smiles"].tolist()
    np.testing.assert_allclose(samples.values, written["value"])
    np.testing.assert_allclose(samples.log_pt, written["log_pt"])
    samples.save(tmp_path / "b.csv")
    assert (tmp_path / "b.csv").read_text() == out.read_text()


def test_samples_repeat_and_differ(molecules):
    first = molgfn.sample(molecules, 12, values=False)
    assert molgfn.sample(molgfn.load(molecules), 12, values=False).smiles == first.smiles
    assert molgfn.sample(molecules.folder, 12, seed=1, values=False).smiles != first.smiles
    assert list(first.table) == ["smiles"]
    once = molgfn.sample(molecules, 6, unique=True, values=False)
    assert len(set(once.smiles)) == len(once) == once.different == 6


def test_the_best_are_different_and_in_order(molecules):
    samples = molgfn.sample(molecules, 60)
    best = samples.best(5)
    assert len(set(best.smiles)) == 5
    assert (np.diff(best.values) <= 0).all()
    assert best.values[0] == samples.values.max()
    assert best.take([1, 1]).smiles == [best.smiles[1]] * 2
    assert best.take([1, 1]).different == 1


def test_what_a_notebook_shows(molecules, grid, tmp_path):
    samples = molgfn.sample(molecules, 20)
    page = samples._repr_html_()
    assert page.startswith(f"<p>20 molecules, {samples.different} different, from 20 draws</p>")
    assert "data:image/png;base64," in page
    assert page.count("<tr") == 13
    for place in (samples.picture(4).save(tmp_path / "a.png"), samples.picture(40).save(tmp_path / "b.png")):
        assert Image.open(place).format == "PNG"
    assert Image.open(tmp_path / "b.png").height > Image.open(tmp_path / "a.png").height
    points = molgfn.sample(grid, 3)
    assert "<img" not in points._repr_html_()
    assert list(points.table)[:3] == ["x0", "x1", "value"]
    with pytest.raises(ConfigError, match="grids have no picture"):
        points.picture()
    with pytest.raises(ConfigError, match="grids have no SMILES; `keys` has their texts"):
        _ = points.smiles


def test_files_of_every_format(molecules, tmp_path):
    samples = molgfn.sample(molecules, 4)
    for name in ("a.smi", "a.sdf", "a.csv", "a.parquet"):
        assert samples.save(tmp_path / name) == tmp_path / name
    assert (tmp_path / "a.smi").read_text().split() == samples.smiles
    assert [m.GetProp("_Name") for m in Chem.SDMolSupplier(str(tmp_path / "a.sdf"))] == samples.smiles
    for name, says in {"a.txt": "should end in", "no/a.csv": "there is no folder"}.items():
        with pytest.raises(ConfigError, match=says):
            samples.save(tmp_path / name)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"number": 0}, "number: should be at least 1, got 0"),
        ({"batch": 0}, "batch: should be at least 1, got 0"),
        ({"seed": -1}, "seed: should be at least 0, got -1"),
        ({"temperature": 0}, "temperature: should be above 0, got 0"),
        ({"log_pt_samples": 1}, "log_pt_samples: a standard error takes at least 2"),
    ],
)
def test_numbers_out_of_range_are_refused(grid, arguments, says):
    with pytest.raises(ConfigError, match=says):
        molgfn.sample(grid, **arguments)


def test_what_was_not_asked_for_is_not_known(grid):
    samples = molgfn.sample(grid, 3, values=False)
    with pytest.raises(ConfigError, match=r"value is not known of these objects; sample them with values=True"):
        _ = samples.values
    with pytest.raises(ConfigError, match="log_pt_samples=16"):
        _ = samples.log_pt
    with pytest.raises(ConfigError, match="log_reward is not known"):
        samples.best()


def test_too_few_are_given_and_said(grid, caplog, monkeypatch):
    monkeypatch.setattr("molgfn.api.sampling.MOST_DRAWS", 2)
    samples = molgfn.sample(grid, 17, unique=True, values=False, batch=20)
    assert len(samples) < 17
    assert f"only {len(samples)} of 17 different objects in {samples.draws} draws" in caplog.text


def test_metrics_and_report(molecules, tmp_path):
    known = tmp_path / "known.smi"
    known.write_text("c1ccccc1C\nCCO\n")
    measured = molgfn.evaluate(molecules, samples=25, reference=known, output=tmp_path / "out", untrained=False)
    assert measured.report == tmp_path / "out" / "report.html"
    assert measured.report.is_file()
    assert measured.metrics["validity"] == 1
    assert measured.table.loc["validity", "count"] == 25
    assert measured.table.loc["heldout", "note"] if "heldout" in measured.table.index else True
    assert set(measured.metrics) <= set(measured.table.index)
    assert measured.report.as_uri() in measured._repr_html_()
    whole = CliRunner().invoke(cli, ["evaluate", str(molecules.folder), "-n", "25", "-o", str(tmp_path / "cli")])
    assert whole.exit_code == 0, whole.output
    molgfn.evaluate(molecules, samples=25, output=tmp_path / "again")
    assert (tmp_path / "again" / "samples.csv").read_text() == (tmp_path / "cli" / "samples.csv").read_text()
    with pytest.raises(DataError, match=r"gone\.smi"):
        molgfn.evaluate(molecules, samples=5, reference=tmp_path / "gone.smi", output=tmp_path / "out")


def test_molecules_are_drawn_from_whatever_they_are():
    picture = molgfn.draw(["c1ccccc1", Chem.MolFromSmiles("CCO")], ["a", "b"], columns=2)
    image = Image.open(io.BytesIO(picture._repr_png_()))
    assert image.width > image.height
    assert image.width == Image.open(io.BytesIO(molgfn.draw(["C", "CC", "O"], columns=2).png)).width
    assert repr(picture) == "Picture()"
    assert picture.html.startswith("<img")
    assert molgfn.draw("CCO").png != molgfn.draw("CCN").png
    with pytest.raises(DataError, match="molecule 2: not a SMILES: xx"):
        molgfn.draw(["C", "xx"])
    with pytest.raises(ConfigError, match="draw: a grid needs at least one molecule"):
        molgfn.draw([])
    with pytest.raises(ConfigError, match="1 legends for 2 molecules"):
        molgfn.draw(["C", "CC"], ["a"])
