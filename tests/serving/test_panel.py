"""Several oracles behind the one door: asked once each, kept each on its own, one object counted once."""

import functools
import io

import numpy as np
import pytest
import torch

from molgfn.chemistry.molecules import parse
from molgfn.errors import CheckpointError
from molgfn.oracles.base import Oracle
from molgfn.rewards.power import Power
from molgfn.rewards.transforms import Linear
from molgfn.rewards.weighted_mean import Component, WeightedMean
from molgfn.serving.counters import BUDGET_SPENT
from molgfn.serving.faults import OracleFault
from molgfn.serving.panel import Entry, Panel
from molgfn.serving.service import Service
from molgfn.serving.settings import Scoring


class Atoms(Oracle):
    """A tenth of the number of carbon atoms; ``fault`` for those in ``bad``."""

    name = "atoms"
    range = (0.0, 1.0)
    direction = "maximise"
    source = "counting"
    log: str | None = None

    def __init__(self, *, bad: tuple[int, ...] = (), fault: str = "nan", log: str | None = None):
        self.bad, self.fault, self.log = set(bad), fault, log
        self.asked = []

    def values(self, objects):
        counts = [m.mol.GetNumHeavyAtoms() for m in objects]
        self.asked.append(counts)
        if self.fault == "raise" and self.bad & set(counts):
            raise RuntimeError("no value for this one")
        if self.log:
            with open(self.log, "a") as file:
                file.write("".join(f"{self.name}{n}\n" for n in counts))
        return np.array([np.nan if n in self.bad else n / 10 for n in counts], dtype=np.float64)


class Halves(Atoms):
    name = "halves"

    def values(self, objects):
        return super().values(objects) / 2


def chains(lengths):
    molecules = parse(["C" * n for n in lengths])
    return molecules, [m.smiles for m in molecules]


def mean(a=None, b=None, weight=1.0, filter=False):
    return WeightedMean(
        components={
            "a": Component(oracle=a or Atoms(), weight=weight),
            "b": Component(oracle=b or Halves(), filter=filter),
        }
    )


def service(part, *, recipe=None, **settings):
    return Service(oracle=part, scoring=Scoring(recipe=recipe, **settings))


def recipe(weight):
    """The node that ``mean`` would have been built from."""
    oracles = {"a": {"_target_": "tests.Atoms"}, "b": {"_target_": "tests.Halves"}}
    return {"_target_": "WeightedMean", "components": {k: {"oracle": v, "weight": weight} for k, v in oracles.items()}}


def asked(door):
    return [oracle.asked for oracle in door.panel.oracles]


def test_an_object_counts_once_however_many_oracles_there_are():
    door = service(mean(), budget=3)
    measured = door(*chains([1, 2, 2]))
    assert measured.values["a"].tolist() == [0.1, 0.2, 0.2]
    assert measured.values["b"].tolist() == [0.05, 0.1, 0.1]
    assert asked(door) == [[[1, 2]], [[1, 2]]]
    counters = door.counters
    assert (counters.raw, counters.unique, counters.cached, counters.failed) == (3, 2, 1, 0)
    assert door(*chains([3, 4])).problems == [None, BUDGET_SPENT]
    assert door.spent


def test_a_stated_nan_of_one_is_no_problem_and_of_all_is_one():
    door = service(mean(Atoms(bad=(1, 2)), Halves(bad=(2, 3))))
    measured = door(*chains([1, 2, 3, 4]))
    assert measured.problems == [None, "oracle weighted_mean returned nan", None, None]
    assert measured.values["a"].isnan().tolist() == [True, True, False, False]
    assert measured.values["b"].isnan().tolist() == [False, True, True, False]
    assert door(*chains([2])).problems == ["oracle weighted_mean returned nan"]
    assert asked(door)[0] == [[1, 2, 3, 4]]  # remembered, as every failure
    assert door.counters.failed == 2
    strict = service(mean(Atoms(), Halves(bad=(3,)), filter=True))
    assert strict(*chains([3, 4])).problems == ["oracle weighted_mean returned nan", None]


def test_whom_one_fails_for_the_next_is_not_asked():
    door = service(mean(Atoms(bad=(2,), fault="raise"), Halves()))
    measured = door(*chains([1, 2, 3]))
    problem = "oracle atoms raised RuntimeError (no value for this one)"
    assert measured.problems == [None, problem, None]
    assert all(column.isnan().tolist() == [False, True, False] for column in measured.values.values())
    assert asked(door) == [[[1, 2, 3], [1], [2], [3]], [[1, 3]]]


def test_answers_on_disk_are_shared_by_other_weights_and_by_the_oracle_alone(tmp_path):
    first = service(mean(weight=1.0), recipe=recipe(1.0), disk_cache=str(tmp_path))
    first(*chains([1, 2]))
    second = service(mean(weight=5.0), recipe=recipe(5.0), disk_cache=str(tmp_path))
    measured = second(*chains([1, 2, 3]))
    assert asked(second) == [[[3]], [[3]]]
    assert measured.values["b"].tolist() == pytest.approx([0.05, 0.1, 0.15])
    assert (second.counters.disk, second.counters.unique) == (2, 3)
    alone = service(Halves(), recipe={"_target_": "tests.Halves"}, disk_cache=str(tmp_path))
    alone(*chains([3, 4]))
    assert asked(alone) == [[[4]]]
    third = service(mean(), recipe=recipe(1.0), disk_cache=str(tmp_path))
    third(*chains([4, 3]))
    assert asked(third) == [[[4]], []]  # only who does not know it is asked; that is no answer from disk
    assert (third.counters.disk, third.counters.raw) == (1, 2)


def test_what_one_oracle_answered_is_kept_though_another_failed(tmp_path):
    broken = service(mean(Atoms(), Halves(bad=(2,), fault="raise")), recipe=recipe(1.0), disk_cache=str(tmp_path))
    broken(*chains([1, 2]))
    again = service(mean(), recipe=recipe(1.0), disk_cache=str(tmp_path))
    assert again(*chains([1, 2])).problems == [None, None]
    assert asked(again) == [[], [[2]]]


def test_nan_is_kept_where_it_is_an_answer_and_asked_for_again_where_it_is_none(tmp_path):
    first = service(mean(Atoms(bad=(1, 2)), Halves(bad=(2,))), recipe=recipe(1.0), disk_cache=str(tmp_path))
    first(*chains([1, 2]))
    again = service(mean(Atoms(bad=(1,))), recipe=recipe(1.0), disk_cache=str(tmp_path))
    measured = again(*chains([1, 2]))
    assert asked(again) == [[[2]], [[2]]]
    assert measured.values["a"].isnan().tolist() == [True, False]
    alone = service(Atoms(), recipe={"_target_": "tests.Atoms"}, disk_cache=str(tmp_path))
    assert alone(*chains([1])).problems == [None]
    assert asked(alone) == [[[1]]]


def test_workers_hold_all_oracles(tmp_path):
    log = tmp_path / "log"
    make = functools.partial(mean, Atoms(log=str(log)), Halves(bad=(3,), fault="raise", log=str(log)))
    cache = str(tmp_path / "c")
    scoring = Scoring(workers=1, chunk=2, disk_cache=cache, retries=1, make=make, recipe=recipe(1.0))
    door = Service(oracle=make(), scoring=scoring)
    measured = door(*chains([1, 2, 3, 4]))
    assert measured.problems == [None, None, "oracle halves raised RuntimeError (no value for this one)", None]
    assert measured.values["b"].tolist()[:2] == [0.05, 0.1]
    asked = log.read_text().split()
    assert {word for word in asked if word.startswith("halves")} == {"halves1", "halves2", "halves4"}
    other = service(mean(), recipe=recipe(2.0), disk_cache=str(tmp_path / "c"))
    other(*chains([1, 2, 3, 4]))
    assert [oracle.asked for oracle in other.panel.oracles] == [[], [[3]]]


def test_stored_answers_of_before_there_were_measurements():
    """Their columns were the value, then the components with what each is worth."""
    reward = Power(oracle=mean())
    state = {
        "oracle": "weighted_mean",
        "components": ["a", "a_transformed", "b", "b_transformed"],
        "counters": {"raw": 2, "unique": 2, "cached": 0, "disk": 0, "failed": 1, "seconds": 0.5, "reasons": {"x": 1}},
        "seen": torch.tensor([1, 2]),
        "keys": ["C"],
        "answers": torch.tensor([[0.07, 0.1, 0.1, 0.05, 0.05]], dtype=torch.float64),
        "failures": [["CC", "no", "x"]],
    }
    reward.load_state_dict(state)
    scores = reward(*chains([1, 2]))
    assert scores.value[0].item() == pytest.approx(np.sqrt(0.1 * 0.05))
    assert scores.problems == [None, "no"]
    assert asked(reward.service) == [[], []]
    plain = Service(oracle=Atoms())
    plain.load_state_dict({**state, "oracle": "atoms", "components": ["atoms"], "answers": torch.tensor([[0.7, 0.7]])})
    assert plain(*chains([1])).values["atoms"].tolist() == pytest.approx([0.7])
    with pytest.raises(CheckpointError, match=r"of weighted_mean with weighted_mean, a, a_t, .* with a, b: resume"):
        Service(oracle=mean(filter=True, b=Atoms())).load_state_dict({**state, "components": ["a", "a_t", "c", "c_t"]})


def test_new_state_goes_through_a_weights_only_file():
    door = service(mean(Atoms(bad=(1,))))
    before = door(*chains([1, 2]))
    file = io.BytesIO()
    torch.save(door.state_dict(), file)
    file.seek(0)
    again = service(mean())
    again.load_state_dict(torch.load(file, weights_only=True))
    after = again(*chains([1, 2]))
    for name in ("a", "b"):
        torch.testing.assert_close(after.values[name], before.values[name], rtol=0, atol=0, equal_nan=True)
    assert asked(again) == [[], []]
    fewer = WeightedMean(components={"a": Component(oracle=Atoms(), transform=Linear())})
    with pytest.raises(CheckpointError, match="weighted_mean with a, b, the reward here has weighted_mean with a:"):
        Service(oracle=fewer).load_state_dict(door.state_dict())


def test_two_properties_of_one_name_are_refused():
    entries = [Panel.of(Atoms()).entries[0]] * 2
    with pytest.raises(ValueError, match="two properties are called atoms"):
        Panel("both", tuple(entries), lambda values: values["atoms"] > 0)


class Apart:
    """Two oracles that are asked each for itself."""

    def __init__(self, *oracles):
        self.oracles = oracles

    def panel(self, recipe=None):
        nodes = [None] * len(self.oracles) if recipe is None else recipe
        entries = tuple(Entry.of(oracle, node) for oracle, node in zip(self.oracles, nodes, strict=True))
        return Panel("both", entries, self.has_value, apart=True)

    @staticmethod
    def has_value(values):
        return ~(np.isnan(values["atoms"]) & np.isnan(values["halves"]))


def test_whom_one_fails_for_the_next_is_asked_where_they_are_asked_apart():
    door = service(Apart(Atoms(bad=(2,), fault="raise"), Halves(bad=(4,), fault="raise")))
    measured = door(*chains([1, 2, 4, 2]))
    assert measured.problems == [None] * 4
    assert measured.values["atoms"].isnan().tolist() == [False, True, False, True]
    assert measured.values["halves"].isnan().tolist() == [False, False, True, False]
    counters = door.counters
    assert (counters.raw, counters.unique, counters.cached, counters.failed) == (4, 3, 1, 0)
    assert counters.reasons == {"oracle atoms raised RuntimeError": 1, "oracle halves raised RuntimeError": 1}
    before = [list(calls) for calls in asked(door)]
    assert door(*chains([2])).problems == [None]  # remembered
    assert asked(door) == before


def test_apart_a_number_out_of_range_is_the_same_as_none():
    class Ten(Halves):
        def values(self, objects):
            return super().values(objects) * 30

    door = service(Apart(Atoms(), Ten()))
    measured = door(*chains([1]))
    assert measured.problems == [None]
    assert measured.values["halves"].isnan().all()
    assert door.counters.reasons == {"oracle halves returned a value outside [0, 1]": 1}


def test_apart_all_that_fail_have_no_value():
    door = service(Apart(Atoms(bad=(2,), fault="raise"), Halves(bad=(2,))))
    assert door(*chains([1, 2])).problems == [None, "oracle atoms raised RuntimeError (no value for this one)"]
    assert door.counters.failed == 1


def test_apart_failures_are_not_kept_on_disk(tmp_path):
    recipes = [{"_target_": "tests.Atoms"}, {"_target_": "tests.Halves"}]
    first = service(Apart(Atoms(bad=(2,), fault="raise"), Halves()), recipe=recipes, disk_cache=str(tmp_path))
    first(*chains([1, 2]))
    again = service(Apart(Atoms(), Halves()), recipe=recipes, disk_cache=str(tmp_path))
    measured = again(*chains([1, 2]))
    assert measured.values["atoms"].tolist() == [0.1, 0.2]
    assert asked(again) == [[[2]], []]
    assert again.counters.disk == 1


def test_apart_what_may_be_better_the_next_time_is_asked_again():
    class Once(Atoms):
        def values(self, objects):
            self.fault = "raise" if not self.asked else "nan"
            return super().values(objects)

    door = service(Apart(Once(bad=(2,)), Halves()), retries=1)
    assert door(*chains([2])).values["atoms"].isnan().all()  # a stated NaN in the end
    assert door.counters.reasons == {}


def test_apart_an_oracle_that_always_fails_is_given_up_whatever_the_others_say():
    door = service(Apart(Atoms(), Halves(bad=tuple(range(20)), fault="raise")), give_up=3)
    with pytest.raises(OracleFault, match="oracle halves: 3 different objects in a row got no value"):
        door(*chains([1, 2, 3, 4]))
    kind = service(Apart(Atoms(), Halves(bad=(1, 2, 4, 5), fault="raise")), give_up=3)
    assert kind(*chains([1, 2, 3, 4, 5])).problems == [None] * 5
    with pytest.raises(OracleFault, match=r"scoring\.on_failure=floor"):
        service(Apart(Atoms(), Halves(bad=(2,), fault="raise")), on_failure="stop")(*chains([1, 2]))


def test_apart_in_workers(tmp_path):
    oracles = Atoms(bad=(2,), fault="raise"), Halves()
    door = Service(oracle=Apart(*oracles), scoring=Scoring(workers=1, chunk=4))
    measured = door(*chains([1, 2, 3]))
    assert measured.problems == [None] * 3
    assert measured.values["atoms"].isnan().tolist() == [False, True, False]
    assert measured.values["halves"].tolist() == [0.05, 0.1, 0.15]
