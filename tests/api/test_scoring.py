"""Values of molecules from Python: those of the command."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import molgfn
from molgfn.chemistry.molecules import Molecule, parse
from molgfn.cli.main import cli
from molgfn.errors import CheckpointError, ConfigError

SMILES = ["c1ccccc1O", "CCO", "no molecule", "CC(=O)Nc1ccc(O)cc1"]


def scored_by_command(folder, *words):
    (folder / "in.csv").write_text("smiles\n" + "".join(f"{text}\n" for text in SMILES))
    done = CliRunner().invoke(cli, ["score", str(folder / "in.csv"), *words, "-o", str(folder / "out.csv")])
    assert done.exit_code == 0, done.output
    return pd.read_csv(folder / "out.csv")


@pytest.mark.parametrize(
    "overrides", [["oracle=qed"], ["oracle=qed_sa", "reward=power", "reward.beta=8"], ["oracle=alerts"]]
)
def test_values_are_those_of_the_command(tmp_path, overrides):
    table = molgfn.score(SMILES, *overrides)
    written = scored_by_command(tmp_path, *overrides)
    assert list(table) == list(written)
    for name in set(table) - {"problem", "smiles"}:
        if table[name].dtype == float:
            np.testing.assert_allclose(table[name], written[name])
    assert table["smiles"].tolist() == SMILES
    assert table["problem"].notna().tolist() == [False, False, True, False]
    assert table["problem"][2] == written["problem"][2]


def test_a_run_scores_what_it_was_trained_for(molecules, tmp_path):
    table = molgfn.score(SMILES, run=molecules)
    written = scored_by_command(tmp_path, "--run", str(molecules.folder))
    np.testing.assert_allclose(table[["value", "log_reward"]], written[["value", "log_reward"]])
    samples = molgfn.sample(molecules, 5)
    again = molgfn.score(samples.objects, run=molecules.folder)
    np.testing.assert_allclose(again["value"], samples.values)
    assert again["smiles"].tolist() == samples.smiles
    steeper = molgfn.score(SMILES, "reward.beta=2", run=molecules)
    assert (steeper["log_reward"].dropna() != table["log_reward"].dropna()).all()
    with pytest.raises(ConfigError, match="oracle=sa: with --run the oracle and the reward are those of the run"):
        molgfn.score(SMILES, "oracle=sa", run=molecules)
    with pytest.raises(CheckpointError, match="no such file or folder"):
        molgfn.score(SMILES, run=tmp_path / "gone")


def test_texts_and_molecules_may_be_mixed_and_few_or_none(monkeypatch):
    monkeypatch.setattr("molgfn.api.scoring.BATCH", 2)
    things = [SMILES[0], parse([SMILES[1]])[0], Molecule.failed("gone"), SMILES[3]]
    table = molgfn.score(things, "oracle=qed")
    np.testing.assert_allclose(table["qed"], molgfn.score(SMILES, "oracle=qed")["qed"])
    assert table["problem"][2] == "gone"
    assert len(molgfn.score("CCO", "oracle=qed")) == 1
    assert molgfn.score([], "oracle=qed").empty


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["oracle=hypergrid"], "oracle: hypergrid measures grid objects, not molecules"),
        (["oracle=qedd"], "oracle: there is no `qedd`; did you mean `qed`?"),
        (["oracle=qed", "reward=power", "reward.beat=3"], "reward.beat: Power has no parameter `beat`"),
    ],
)
def test_bad_input_is_refused(overrides, says):
    with pytest.raises(ConfigError) as error:
        molgfn.score(SMILES, *overrides)
    assert error.value.problems[0].startswith(says)
