"""The loop: what is spent, what is recorded, how it goes on after it was killed, and what is refused before a call."""

import contextlib
import os
import signal
import sqlite3
import warnings
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
import yaml
from tests.optimise.small import FEW, MOLECULES, SMALL, calls_in, config_of, small_loop

import molgfn
from molgfn.chemistry.molecules import parse
from molgfn.errors import CheckpointError, ConfigError, DataError
from molgfn.optimising.assembling import assemble
from molgfn.optimising.loop import Loop, record_in
from molgfn.optimising.progress import of_the_best
from molgfn.optimising.summary import summary_lines
from molgfn.oracles.properties.qed import QED

GP_GA = "optimise/gp_ga"


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A whole small optimisation."""
    return small_loop(tmp_path_factory.mktemp("runs"), "rounds.hit=0.8", "rounds.report=true")


def test_every_call_is_recorded_with_its_reason(done):
    calls = done.calls
    assert calls["call"].tolist() == list(range(1, 25))
    assert calls["round"].tolist() == [1] * 8 + [2] * 8 + [3] * 8
    assert calls["smiles"].is_unique
    values = QED().values(parse(calls["smiles"]))
    assert calls["value"].to_numpy() == pytest.approx(values)
    first, later = calls[calls["round"] == 1], calls[calls["round"] > 1]
    assert set(first["proposer"]) == {"given"}
    assert first["why"].str.contains("nothing is known yet").all()
    assert set(later["proposer"]) == {"graph_ga"}
    assert later["why"].str.startswith("ucb, beta ").all()
    assert later["acquisition"].notna().all()
    assert calls["problem"].isna().all()
    read, kept = (table.drop(columns="problem") for table in (calls_in(done.folder), calls))
    pd.testing.assert_frame_equal(read, kept)


def test_what_is_said_at_the_end(done):
    summary = yaml.safe_load((done.folder / "summary.yaml").read_text())
    assert summary == done.summary
    assert (summary["track"], summary["labels_outside_the_budget"]) == ("A", 0)
    assert (summary["calls"], summary["rounds"], summary["budget"]) == (24, 3, 24)
    best = done.calls["value"].max()
    assert summary["best"] == pytest.approx(best, abs=1e-6)
    assert summary["simple_regret"] == pytest.approx(1 - best, abs=1e-6)
    assert summary["hits"] == (done.calls["value"] >= 0.8).sum()
    assert summary["calls_by_proposer"] == {"graph_ga": 16, "given": 8}
    assert 0 < summary["auc_top10"] <= summary["auc_top1"] <= 1
    assert 1 <= summary["sa_top100"] <= 10
    assert summary["circles_top100"] >= 1
    assert done.best(3)["value"].tolist() == sorted(done.calls["value"], reverse=True)[:3]
    assert done.metrics["calls"].tolist() == [8, 16, 24]
    assert done.metrics["best"].is_monotonic_increasing
    page = (done.folder / "report.html").read_text()
    assert "track A: no label outside the budget" in page
    assert done.best(1)["smiles"].item() in page
    assert "mean of the 10 best: " in page
    assert "AUC top-100 (the mean of all 24): " in page
    assert "of all 24 with an unusual group: " in page
    assert "100 best" not in page
    assert done.metrics["scored"].tolist() == [8, 16, 24]
    results = yaml.safe_load((done.folder / "results.yaml").read_text())
    assert len(results) == 24  # PMO's own file


def test_lines_count_the_objects_that_have_a_value():
    summary = {
        **{"track": "A", "labels_outside_the_budget": 0, "units": "1", "oracle": "qed", "calls": 12, "rounds": 1},
        **{"ended": "", "without_value": 3, "calls_by_proposer": {}, "avg_top10": 0.5, "auc_top10": 0.4},
        **{"alerts_top100": 0.25, "circles_top100": 4},
    }
    most = summary_lines({**summary, "direction": "maximise"})
    assert "mean of the 10 best: 0.5" in most  # without a value counts as 0, as in PMO
    assert "AUC top-10: 0.4" in most
    assert "of all 9 with an alert (PAINS, BRENK): 25%" in most
    assert "#Circles of all 9 (distance .7): 4" in most
    assert "mean of all 9: 0.5" in summary_lines({**summary, "direction": "minimise"})
    assert "#Circles of the 100 best (distance .7): 4" in summary_lines(
        {**summary, "direction": "maximise", "calls": 200}
    )
    assert of_the_best(10, 1) == "the only one"


def test_another_seed_is_another_loop_and_the_same_seed_the_same(done, tmp_path):
    same, other = (small_loop(tmp_path, f"seed={seed}", "rounds.most=2").calls for seed in (0, 1))
    pd.testing.assert_frame_equal(same, done.calls.head(16))
    assert other["smiles"].tolist() != same["smiles"].tolist()


ORACLE = """
import os, signal
import numpy as np
from rdkit import Chem

def count(batch):
    out = []
    for smiles in batch:
        with open({place!r}, "a") as file:
            file.write(smiles + "\\n")
        if sum(1 for _ in open({place!r})) == {fatal}:
            os.kill(os.getpid(), signal.SIGKILL)
        out.append(Chem.MolFromSmiles(smiles).GetNumHeavyAtoms() / 100)
    return np.array(out)
"""


def function(folder, text):
    """An oracle made of a file."""
    folder.mkdir(exist_ok=True)
    (folder / "oracle.py").write_text(text)
    node = {"_target_": "molgfn.oracles.own.function.Function", "range": [0, 1]}
    return {**node, "function": f"{folder / 'oracle.py'}:count"}


def counting(folder, fatal):
    """An oracle that kills its process at one of the calls."""
    return function(folder, ORACLE.format(place=str(folder / "asked"), fatal=fatal))


def killed(work):
    """The signal that ended a process in which ``work`` was done."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads, none of which the child asks for anything
        child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def test_killed_in_the_middle_of_a_round_it_goes_on_and_ends_with_the_same_record(tmp_path):
    whole = small_loop(tmp_path / "a", oracle=counting(tmp_path / "whole", -1))
    oracle = counting(tmp_path / "killed", 20)
    assert killed(lambda: small_loop(tmp_path / "b", oracle=oracle)) == signal.SIGKILL
    (folder,) = (tmp_path / "b").iterdir()
    with closing(sqlite3.connect(folder / "scored.sqlite")) as connection:
        (kept,) = connection.execute("SELECT count(*) FROM scored").fetchone()
    assert kept == 16  # two whole rounds
    going_on = molgfn.resume_optimisation(folder)
    assert going_on.folder == folder
    pd.testing.assert_frame_equal(going_on.calls, whole.calls)
    pd.testing.assert_frame_equal(going_on.metrics, whole.metrics)
    with pytest.raises(ConfigError, match="an optimisation that goes on keeps its config"):
        molgfn.resume_optimisation(folder, "seed=1")
    more = molgfn.resume_optimisation(folder, "scoring.budget=28")
    assert len(more.calls) == 28
    pd.testing.assert_frame_equal(more.calls.head(24), whole.calls)


def test_killed_in_the_first_round_it_begins_again(tmp_path):
    whole = small_loop(tmp_path / "a", "rounds.most=1", oracle=counting(tmp_path / "whole", -1))
    oracle = counting(tmp_path / "killed", 5)
    assert killed(lambda: small_loop(tmp_path / "b", "rounds.most=1", oracle=oracle)) == signal.SIGKILL
    (folder,) = (tmp_path / "b").iterdir()
    pd.testing.assert_frame_equal(molgfn.resume_optimisation(folder).calls, whole.calls)


def test_an_oracle_that_fails_costs_the_molecule_and_not_the_round(tmp_path):
    text = (
        "def count(batch):\n    if any('n' in s for s in batch):\n        raise RuntimeError('no nitrogen')\n"
        "    return [0.5] * len(batch)\n"
    )
    run = small_loop(tmp_path / "runs", oracle=function(tmp_path, text))
    lost = run.calls["smiles"].str.contains("n", regex=False)
    assert 0 < lost.sum() < 24
    assert (run.calls["value"].isna() == lost).all()
    assert run.calls["problem"][lost].str.contains("no nitrogen").all()
    assert len(run.calls) == 24
    assert run.summary["without_value"] == lost.sum()


def test_what_is_to_be_minimised(tmp_path):
    reward = {"_target_": "molgfn.rewards.boltzmann.Boltzmann", "sign": -1}
    oracle = {"_target_": "molgfn.oracles.properties.sa.SA"}
    run = small_loop(tmp_path, "acquisition.standardise=true", oracle=oracle, reward=reward)
    assert run.summary["direction"] == "minimise"
    assert run.summary["best"] == pytest.approx(run.calls["value"].min(), abs=1e-6)
    assert run.best(1)["value"].item() == run.calls["value"].min()
    assert "auc_top10" not in run.summary
    first, last = (run.calls.loc[run.calls["round"] == n, "value"].mean() for n in (1, 3))
    assert last < first  # the model works downwards


def test_track_b_is_said_with_its_labels(tmp_path):
    table = pd.read_csv(MOLECULES, header=None, nrows=40)[[0]].set_axis(["smiles"], axis=1)
    table["y"] = QED().values(parse(table["smiles"]))
    table.to_csv(tmp_path / "labels.csv", index=False)
    node = {"_target_": "molgfn.optimising.prescreen.Prescreen", "molecules": str(tmp_path / "labels.csv"), "keep": 20}
    told, asked = (
        small_loop(tmp_path / "runs", "rounds.report=true", prescreen={**node, "values": values})
        for values in ("y", None)
    )
    for run in (told, asked):
        assert (run.summary["track"], run.summary["labels_outside_the_budget"]) == ("B", 40)
        assert len(run.calls) == 24
        first = run.calls[run.calls["round"] == 1]
        assert first["value"].to_numpy() == pytest.approx(np.sort(table["y"])[::-1][:8])
        assert set(first["proposer"]) == {"prescreen"}
    assert told.calls["smiles"].tolist() == asked.calls["smiles"].tolist()
    assert "track B: 40 labels outside the budget" in (told.folder / "report.html").read_text()


def test_a_label_that_the_oracle_contradicts_is_corrected_for_all_who_learn(tmp_path):
    table = pd.read_csv(MOLECULES, header=None, nrows=20)[[0]].set_axis(["smiles"], axis=1)
    table["y"] = np.linspace(0.9, 0.99, 20)  # of a file that flatters
    table.to_csv(tmp_path / "labels.csv", index=False)
    node = {
        "_target_": "molgfn.optimising.prescreen.Prescreen",
        "molecules": str(tmp_path / "labels.csv"),
        "values": "y",
    }
    config = config_of(GP_GA, *SMALL, *FEW, "oracle=qed") | {"prescreen": {**node, "keep": 20}}
    loop = Loop(assemble(config), record_in(tmp_path))
    loop.begin()
    flattered = loop.known.scores.log_reward.clone()
    loop.step()
    asked = [loop.known.keys.index(key) for key in loop.calls.keys]
    others = sorted(set(range(20)) - set(asked))
    truth = QED().values(loop.known.take(np.array(asked)))
    assert len(asked) == 8
    assert loop.known.worth[asked] == pytest.approx(truth)
    assert loop.known.scores.value[asked].numpy() == pytest.approx(truth)
    assert (loop.known.scores.log_reward[asked] < flattered[asked]).all()
    assert loop.known.scores.log_reward[others].tolist() == flattered[others].tolist()


def test_without_a_new_candidate_it_ends(tmp_path):
    given = {"_target_": "molgfn.acquisition.proposers.given.GivenMolecules", "molecules": str(MOLECULES), "limit": 10}
    candidates = {"_target_": "molgfn.acquisition.proposers.several.Candidates", "proposers": {"given": given}}
    acquisition = {"_target_": "molgfn.acquisition.models.plain.RandomChoice"}
    run = small_loop(tmp_path, candidates=candidates, acquisition=acquisition)
    assert len(run.calls) == 10
    assert run.ended == "no proposer had a new candidate in 10 rounds"


#: a sampler of points of a grid
GRID = ["oracle=hypergrid", "environment=hypergrid", "policy=mlp", "objective=tb", "backward=uniform", "optimizer=adam"]
GRID += ["candidates=policy"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["scoring.budget=null"], "scoring.budget: how many oracle calls in all"),
        (["scoring.budget=20", "rounds.size=32"], "rounds.size: a round of 32 calls is more than the whole budget"),
        (["scoring.budget=20", "rounds.size=8", "rounds.first=30"], "rounds.first: a round of 30 calls is more"),
        (["scoring.record=false"], "scoring.record: every call of an optimisation is recorded"),
        (["candidates.proposers.given=null"], "nothing before the first round"),
        (["candidates.proposers.graph_ga.ofspring=3"], "did you mean `offspring`"),
        (["trainer={}"], "a run has no key `trainer`"),
        (["oracle={_target_: molgfn.oracles.properties.weight.Weight}"], "acquisition.standardise: TanimotoGP takes"),
        (["candidates.proposers.given.molecules=nowhere.smi"], "nowhere.smi"),
    ],
)
def test_refused_before_the_first_call(words, says, tmp_path):
    reward = {"_target_": "molgfn.rewards.boltzmann.Boltzmann", "sign": -1} if "Weight" in words[0] else None
    with pytest.raises((ConfigError, DataError)) as refused:
        small_loop(tmp_path / "runs", *words, **({"reward": reward} if reward else {}))
    assert says in str(refused.value)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([*GRID, "learning=replay"], "acquisition: TanimotoGP reads molecules, but the oracle measures grid objects"),
        (["candidates=policy"], "draws from the sampler of the loop, and there is none"),
        (["objective=tb"], "objective: belongs to a sampler that learns in the loop, and there is no policy"),
        (["policy=gru", "environment=smiles"], "learning: a policy learns in the loop, and needs one"),
        (["oracle=seh_four", "scalarisation=weighted_sum"], "oracle: it reads the condition"),
    ],
)
def test_parts_that_do_not_fit_are_refused(words, says):
    with pytest.raises(ConfigError) as refused:
        assemble(config_of(GP_GA, "oracle=qed", *words))
    assert says in str(refused.value)


@pytest.mark.parametrize("name", ["gp_ga", "fragments_gp_ga"])
def test_shipped_experiments_fit_together(name):
    given = [f"candidates.proposers.given.molecules={MOLECULES}"] if name == "gp_ga" else []
    assert assemble(config_of(f"optimise/{name}", *given)).budget == 10_000


def test_an_experiment_with_a_prior_asks_for_it():
    with pytest.raises(ConfigError, match=r"objective\.prior: .* give its checkpoint or run folder"):
        assemble(config_of("optimise/smiles_gp_ga"))


def test_docking_fits_together(optional_data, needs_extra):
    needs_extra("docking", "vina")
    receptor = optional_data("seh_4jnc_receptor.pdbqt")
    words = (f"oracle.receptor={receptor}", f"candidates.proposers.given.molecules={MOLECULES}")
    parts = assemble(config_of("optimise/docking", *words, "scoring.disk_cache=false"))
    assert parts.reward.scored.direction == "minimise"


def test_an_optimisation_is_no_training_run(done):
    with pytest.raises(ConfigError, match="molgfn optimise --resume"):
        molgfn.resume(done.folder)


def test_a_training_run_is_no_optimisation(tmp_path):
    with pytest.raises(CheckpointError):
        molgfn.resume_optimisation(tmp_path)
