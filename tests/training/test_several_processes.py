"""What the processes of a run find is recorded and counted as what one process found; stores and given molecules."""

import sqlite3
from contextlib import closing

import pandas as pd
import pytest
import torch
from tests.processes import in_processes

from molgfn.experiment import assemble
from molgfn.objects.molecule import MOLECULE
from molgfn.training.callbacks.discoveries import Discoveries
from molgfn.training.found import Found
from molgfn.training.logs.scored_record import ScoredRecord
from molgfn.trajectories.rewarded import Batch, Rewarded
from molgfn.trajectories.sources.offline import OfflineMolecules

from .conftest import node, run_config

ITERATIONS = 4
#: what the environment of ``run_config`` can build
GIVEN = ["CCCC", "CCO", "CC", "CCCCCO", "CCC", "CCCO", "CCCCC"]


def config_of(folder):
    sources = {
        "policy": node("trajectories.sources.on_policy.OnPolicy"),
        "gathered": node("trajectories.sources.replay.PrioritisedReplay", share=0.25, shared=True, capacity=30),
        "own": node("trajectories.sources.replay.UniformReplay", share=0.25, capacity=30),
    }
    data = node("trajectories.mixture.Sources", batch_size=16, sources=sources)
    # states on the way are scored, too: more than the finished ones of a batch, and not always any
    objective = node("objectives.modified_detailed_balance.ModifiedDetailedBalance", flow_without_stop=True)
    return run_config(folder, data=data, objective=objective, scoring=node("serving.settings.Scoring", budget=60))


def discoveries(ranks=None):
    return Discoveries(thresholds=(0.3, 0.4), cut=0.6, best=5, **({} if ranks is None else {"ranks": ranks}))


def drawing(ranks, folder):
    """Some iterations: what this rank drew, and what it knows of all at the end; and again from the middle."""
    e = assemble(config_of(folder), ranks)
    data = e.data(ScoredRecord(folder / f"scored-{ranks.rank}.sqlite"))
    found, own, middle = discoveries(ranks), [], None
    for iteration in range(ITERATIONS):
        batch = data.draw()
        found._record(data.found, batch, MOLECULE)
        own.append(batch.fresh)
        if iteration == 1:
            middle = data.state_dict()
    again = assemble(config_of(folder), ranks).data()
    again.load_state_dict(middle)
    resumed = [again.draw() for _ in range(2)]
    stores = e.sources.by_name
    return {
        "own": own,
        "drawn": data.drawn,
        "counters": vars(data.reward.counters),
        "found": found.state_dict(),
        "gathered": sorted(stores["gathered"]._keys),
        "kept": sorted(stores["own"]._keys),
        "resumed": [batch.trajectories.keys for batch in resumed],
        "keys": batch.trajectories.keys,
        "offline": passes(ranks, e, folder),
    }


def passes(ranks, e, folder):
    """The molecules that this rank was given in eight draws of four."""
    path = folder / f"given-{ranks.rank}.smi"
    path.write_text("\n".join(GIVEN))
    offline, order = OfflineMolecules(molecules=str(path)), torch.Generator().manual_seed(10 + ranks.rank)
    return [offline.sample(e.policy, 4, order=order, ranks=ranks).keys for _ in range(8)]


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return folder, in_processes(drawing, 2, folder)


def union(two, iteration):
    """What both drew in an iteration, as one process would have drawn it."""
    return Rewarded.cat([rank["own"][iteration] for rank in two[1]], MOLECULE)


def test_each_draws_its_own(two):
    first, second = two[1]
    assert first["own"][0].trajectories.keys != second["own"][0].trajectories.keys


def test_counters_are_those_of_all(two):
    first, second = two[1]
    assert first["counters"] == second["counters"]
    seen, raw = set(), 0
    for iteration in range(ITERATIONS):
        drawn = union(two, iteration)
        raw += len(drawn) + len(drawn.on_the_way.keys)
        seen |= {*drawn.trajectories.keys, *drawn.on_the_way.keys}
    assert first["counters"]["raw"] == raw
    assert first["counters"]["unique"] == min(len(seen), 60)
    assert first["drawn"] == second["drawn"] == sum(len(union(two, i)) for i in range(ITERATIONS))


def test_the_record_is_of_what_all_scored(two):
    folder, _ = two
    expected = ScoredRecord(folder / "expected.sqlite")
    for iteration in range(ITERATIONS):
        drawn = union(two, iteration)
        expected.add(iteration + 1, drawn.trajectories.keys, drawn.trajectories.source, drawn.scores)
        states = drawn.on_the_way
        expected.add(iteration + 1, states.keys, ["state"] * len(states.keys), states.scores)

    def table(name):
        with closing(sqlite3.connect(folder / name)) as connection:
            return pd.read_sql("SELECT * FROM scored ORDER BY call", connection)

    pd.testing.assert_frame_equal(table("scored-0.sqlite"), table("expected.sqlite"))
    assert len(table("expected.sqlite")) > 10
    assert not (folder / "scored-1.sqlite").exists()


def test_discoveries_are_of_what_all_drew(two):
    alone = discoveries()
    for iteration in range(ITERATIONS):
        batch = Batch.of(union(two, iteration))
        alone._record(Found.of(batch), batch, MOLECULE)
    first, second = (rank["found"] for rank in two[1])
    expected = alone.state_dict()
    assert [len(bits) for bits in expected["modes"]] != [0, 0]
    for name in ("best", "seen", "hits", "modes", "scores", "variety", "components"):
        assert plain(first[name]) == plain(expected[name]), name
        if name != "modes":  # told apart on rank 0 alone
            assert plain(second[name]) == plain(expected[name]), name


def plain(state):
    """Tensors as lists, NaN as a word, so that equal is equal."""
    if isinstance(state, torch.Tensor):
        return plain(state.tolist())
    if isinstance(state, dict):
        return {key: plain(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return [plain(value) for value in state]
    return "nan" if state != state else state


def test_a_store_holds_what_all_drew_or_what_its_process_drew(two):
    first, second = two[1]
    of_all = [{key for drawn in rank["own"] for key in drawn.trajectories.keys} for rank in two[1]]
    assert first["gathered"] == second["gathered"]
    assert set(first["gathered"]) <= of_all[0] | of_all[1]
    assert len(first["gathered"]) == min(30, len(of_all[0] | of_all[1]))
    for rank, keys in zip(two[1], of_all, strict=True):
        assert set(rank["kept"]) <= keys
        assert len(rank["kept"]) == min(30, len(keys))
    assert first["kept"] != second["kept"]


def test_each_goes_on_from_what_was_its_own(two):
    for rank in two[1]:
        assert rank["resumed"][-1] == rank["keys"]
        assert rank["resumed"][0][: len(rank["own"][2])] == rank["own"][2].trajectories.keys


def test_given_molecules_are_gone_through_together(two):
    first, second = (rank["offline"] for rank in two[1])
    everything = [key for a, b in zip(first, second, strict=True) for key in (*a, *b)]
    assert len(everything) == 64
    for start in range(0, 56, 7):  # pass by pass
        assert sorted(everything[start : start + 7]) == sorted(GIVEN)
    assert everything[:7] != everything[7:14]
