"""Processes of one run: one budget, one memory, one set of counters; each new object is asked for by one of them."""

import numpy as np
import pytest
from tests.processes import in_processes

from molgfn.chemistry.molecules import Molecule, parse
from molgfn.oracles.base import Oracle
from molgfn.ranks import ALONE
from molgfn.rewards.components import Component
from molgfn.rewards.diversity_filter import DiversityFilter
from molgfn.rewards.objectives import Objectives
from molgfn.rewards.power import Power
from molgfn.rewards.transforms import Transform
from molgfn.serving.counters import BUDGET_SPENT
from molgfn.serving.faults import OracleFault
from molgfn.serving.questions import Question, askers
from molgfn.serving.service import Service
from molgfn.serving.settings import Scoring


class Carbons(Oracle):
    """A thousandth of the number of heavy atoms; none, or no answer, for lengths in ``bad``."""

    name = "carbons"
    range = (0.0, 1.0)
    direction = "maximise"
    source = "counting"

    def __init__(self, bad=(), fault="nan"):
        self.bad, self.fault, self.asked = set(bad), fault, []

    def values(self, objects):
        counts = [m.mol.GetNumHeavyAtoms() for m in objects]
        self.asked += counts
        if self.fault == "memory" and self.bad & set(counts):
            raise MemoryError("no more")
        return np.array([np.nan if n in self.bad else n / 1000 for n in counts])


class OnlySmall(Transform):
    """Has no number for much."""

    def _apply(self, values):
        return np.where(values > 0.0085, np.nan, values)


#: what rank 0 and rank 1 draw, call by call: chains by length, None for what is no molecule
CALLS = [
    ([3, 1, 3], [1, 2, 3, 7]),
    ([4, None, 2], [4, 5]),
    ([], [8, 4]),
    ([9, 9, 6], [6, 1, 9, None]),
    ([1, 2], [3]),
    ([10, 11, 12], [12, 10, 3, 13]),
]
BAD = (2, 6)


def chains(lengths):
    molecules = [Molecule.failed("valence") if n is None else parse(["C" * n])[0] for n in lengths]
    return molecules, [m.smiles if m.valid else "invalid: valence" for m in molecules]


def state_of(service):
    state = service.state_dict()
    state["counters"].pop("seconds")
    return {**state, "seen": state["seen"].tolist(), "answers": state["answers"].tolist()}


def served(ranks, settings, calls=CALLS):
    """Of each call what came back on this rank; what it asked; the state at the end, and the one after loading it."""
    service = Service(oracle=Carbons(BAD), scoring=Scoring(ranks=ranks, **settings))
    said = []
    for call in calls:
        lengths = call[ranks.rank] if ranks.size > 1 else [n for part in call for n in part]
        answers = service(*chains(lengths))
        said.append((answers.values["carbons"].nan_to_num(-1.0).tolist(), answers.problems))
    state, again = service.state_dict(), Service(oracle=Carbons(BAD), scoring=Scoring(ranks=ranks, **settings))
    again.load_state_dict(state)
    return said, service.panel.oracles[0].asked, state_of(service), state_of(again), service.spent


SETTINGS = [
    {},
    {"cache_size": 3},
    {"budget": 7, "give_up": None},
    {"budget": 7, "cache_size": 0, "give_up": None},
]


DISK = {"recipe": "carbons"}


def raised(ranks, bad, fault, settings):
    service = Service(oracle=Carbons(bad, fault), scoring=Scoring(ranks=ranks, **settings))
    try:
        for call in ([1], [2, 3, 4]), ([5], [6]):
            service(*chains(call[ranks.rank]))
    except (OracleFault, MemoryError) as error:
        return type(error).__name__, str(error)
    return None


def rewarded(ranks):
    """Values by a transform that has none for some, and a diversity filter: log R of this rank, and states."""
    reward = Power(oracle=Carbons(), transform=OnlySmall(), scoring=Scoring(ranks=ranks))
    out = []
    for call in CALLS[3:]:
        lengths = call[ranks.rank] if ranks.size > 1 else [n for part in call for n in part]
        out += reward(*chains(lengths)).log_reward.tolist()
    return out, state_of(reward.service)


#: molecules of each rank in two batches, some of the same scaffold
FILTERED = [
    (["c1ccccc1C", "CCO", "c1ccccc1O"], ["c1ccccc1N", "c1ccncc1C", "c1ccccc1C"]),
    (["c1ccccc1Cl", "c1ccncc1O"], ["c1ccncc1N", "CCO", "C1CC1", "c1ccccc1O"]),
]


def filtered(ranks, kind):
    diversity = DiversityFilter(kind=kind, bucket_size=2, min_score=0.5)
    said = []
    for batch in FILTERED:
        for further, finished in ((False, True), (True, True), (True, False)):
            smiles = batch[ranks.rank] if ranks.size > 1 else [text for part in batch for text in part]
            molecules = parse(smiles)
            scores = np.array([0.4 if text == "c1ccccc1O" else 0.9 for text in smiles])
            said.append(
                diversity(
                    molecules, [m.smiles for m in molecules], scores, further=further, finished=finished, ranks=ranks
                ).tolist()
            )
    return said, diversity.state_dict()


def dealt_out(ranks):
    """The first rank draws everything new; workers are asked evenly."""
    service = Service(oracle=Carbons(), scoring=Scoring(ranks=ranks, workers=1))
    answers = service(*chains(range(1, 7) if ranks.first else []))
    seen = []
    own = service._workers.answer
    service._workers.answer = lambda objects, which: seen.append(len(objects)) or own(objects, which)
    service(*chains(range(7, 13) if ranks.first else []))
    return answers.values["carbons"].tolist(), seen, state_of(service)


STOPS = [
    ([2, 3, 4], "nan", {"give_up": 3}, "3 different objects in a row got no value"),
    ([2, 3, 4], "nan", {"on_failure": "stop"}, "returned nan for CC; "),
    ([3], "memory", {}, "no more"),
]
KINDS = ("murcko", "topological", "similar", "smiles")


def everything(ranks, folder):
    """All cases in one pair of processes, which take longer to start than the cases."""
    return {
        "served": [served(ranks, settings) for settings in SETTINGS],
        "disk": [served(ranks, {**DISK, "disk_cache": folder}) for _ in range(2)],
        "raised": [raised(ranks, bad, fault, settings) for bad, fault, settings, _ in STOPS],
        "rewarded": rewarded(ranks),
        "filtered": [filtered(ranks, kind) for kind in KINDS],
        "dealt out": dealt_out(ranks),
    }


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    return in_processes(everything, 2, str(tmp_path_factory.mktemp("answers")))


def of_both(two, name):
    return two[0][name], two[1][name]


@pytest.mark.parametrize("case", range(len(SETTINGS)))
def test_two_processes_come_to_what_one_makes_of_all(two, case):
    one, asked, state, loaded, spent = served(ALONE, SETTINGS[case])
    ranks = [part[case] for part in of_both(two, "served")]
    for rank, (said, _, of_rank, again, over) in enumerate(ranks):
        assert of_rank == state
        assert again == loaded
        assert over is spent
        for (values, problems), (all_values, all_problems), call in zip(said, one, CALLS, strict=True):
            first = 0 if rank == 0 else len(call[0])
            assert values == all_values[first : first + len(values)]
            assert problems == all_problems[first : first + len(values)]
    assert sorted(ranks[0][1] + ranks[1][1]) == sorted(asked)  # each is measured once, by one of them
    assert 0 < len(ranks[0][1]) < len(asked)
    if "budget" in SETTINGS[case]:
        assert spent
        assert state["counters"]["unique"] == 7
        assert state["counters"]["reasons"][BUDGET_SPENT] > 0


def test_answers_on_disk_are_shared(two):
    (first, again), (first_2, again_2) = of_both(two, "disk")
    assert sorted(first[1] + first_2[1]) == list(range(1, 14))
    assert sorted(again[1] + again_2[1]) == list(BAD)  # failures are not kept
    assert (again[0], again_2[0]) == (first[0], first_2[0])
    assert again[2] == again_2[2]
    assert again[2]["counters"]["disk"] == first[2]["counters"]["unique"] - len(BAD)


@pytest.mark.parametrize("case", [0, 1])
def test_who_gives_up_gives_up_together(two, case):
    first, second = (part[case] for part in of_both(two, "raised"))
    assert first == second
    assert first[0] == "OracleFault"
    assert STOPS[case][-1] in first[1]


def test_what_ends_one_process_ends_all(two):
    first, second = (part[2] for part in of_both(two, "raised"))
    assert second == ("MemoryError", "no more")
    assert first == ("OracleFault", "oracle carbons: process 1 of the run ended with MemoryError: no more")


def test_what_only_shows_after_measuring_is_counted_on_all(two):
    log_rewards, state = rewarded(ALONE)
    first, second = of_both(two, "rewarded")
    assert first[1] == second[1] == state
    assert sorted(first[0] + second[0]) == sorted(log_rewards)
    assert state["counters"]["reasons"]["transform OnlySmall returned nan"] == 3 + 6


@pytest.mark.parametrize("case", range(len(KINDS)))
def test_a_diversity_filter_judges_what_all_drew(two, case):
    one, state = filtered(ALONE, KINDS[case])
    first, second = (part[case] for part in of_both(two, "filtered"))
    assert first[1] == second[1] == state
    assert [a + b for a, b in zip(first[0], second[0], strict=True)] == one
    assert any(any(verdicts) for verdicts in one)


def test_workers_of_all_processes_have_equal_work(two):
    first, second = of_both(two, "dealt out")
    assert first[0] == [n / 1000 for n in range(1, 7)]
    assert second[0] == []
    assert first[1] == second[1] == [3]
    assert first[2] == second[2]


def test_who_asks():
    questions = [Question(str(row), [row], [None]) for row in (0, 1, 2, 3, 4, 6)]
    starts = [0, 5, 5]  # rank 1 has nothing, rank 2 begins at row 5
    assert askers(questions, starts, evenly=False) == [0, 0, 0, 0, 0, 2]
    assert askers(questions, starts, evenly=True) == [0, 0, 1, 1, 2, 2]
    assert askers([], starts, evenly=True) == []


class Loud(Carbons):
    """Raises for lengths in ``bad``."""

    name = "loud"

    def values(self, objects):
        if self.bad & {m.mol.GetNumHeavyAtoms() for m in objects}:
            raise RuntimeError("no licence")
        return super().values(objects)


def objectives_served(ranks):
    """What oracles that are asked apart say on this rank, and the counters; then why the run ended."""
    oracle = Objectives(components={"a": Component(oracle=Loud(BAD)), "b": Component(oracle=Carbons())})
    service = Service(oracle=oracle, scoring=Scoring(ranks=ranks))
    said = []
    for call in CALLS:
        lengths = call[ranks.rank] if ranks.size > 1 else [n for part in call for n in part]
        answers = service(*chains(lengths))
        said.append(([answers.values[name].nan_to_num(-1.0).tolist() for name in "ab"], answers.problems))
    state = {name: repr(part) for name, part in state_of(service).items()}  # NaN is not equal to NaN
    counters = service.state_dict()["counters"]
    short = Service(
        oracle=Objectives(components={"a": Component(oracle=Loud(range(30))), "b": Component(oracle=Carbons())}),
        scoring=Scoring(ranks=ranks, give_up=5),
    )
    try:
        for call in CALLS:
            short(*chains(call[ranks.rank] if ranks.size > 1 else [n for part in call for n in part]))
    except OracleFault as fault:
        return said, state, counters["reasons"], str(fault)
    return said, state, counters["reasons"], None


def test_oracles_that_are_asked_apart_fail_alike_on_all():
    first, second = in_processes(objectives_served, 2)
    said, state, reasons, fault = objectives_served(ALONE)
    assert first[1:] == second[1:] == (state, reasons, fault)
    assert reasons["oracle loud raised RuntimeError"] == 2
    assert fault is not None
    assert "oracle loud: 5 different objects in a row" in fault
    for (values, problems), one, other in zip(said, first[0], second[0], strict=True):
        assert values == [a + b for a, b in zip(one[0], other[0], strict=True)]
        assert problems == one[1] + other[1]
