import io
import logging

import numpy as np
import pytest
import torch

from molgfn.chemistry.molecules import Molecule, parse
from molgfn.errors import CheckpointError, ConfigError
from molgfn.oracles.base import Oracle
from molgfn.oracles.properties.qed import QED
from molgfn.oracles.properties.weight import Weight
from molgfn.oracles.synthetic.hypergrid import HyperGrid
from molgfn.rewards.power import Power
from molgfn.rewards.weighted_mean import Component, WeightedMean
from molgfn.serving.counters import BUDGET_SPENT
from molgfn.serving.faults import OracleFault
from molgfn.serving.service import MAX_REASONS, Service
from molgfn.serving.settings import Scoring
from molgfn.testing import check_oracle


class Carbons(Oracle):
    """Share of 1,000 that the number of carbon atoms is; does what ``fault`` says for the lengths in ``bad``."""

    name = "carbons"
    range = (0.0, 1.0)
    direction = "maximise"
    source = "counting"

    def __init__(self, bad=(), fault="raise"):
        self.bad = set(bad)
        self.fault = fault
        self.asked = []

    def values(self, objects):
        counts = [m.mol.GetNumAtoms() for m in objects]
        self.asked.append(counts)
        out = np.array(counts) / 1000.0
        wrong = np.isin(counts, list(self.bad))
        if not wrong.any():
            return out
        match self.fault:
            case "raise":
                raise RuntimeError("no value for this one")
            case "length":
                return out[:-1]
            case "text":
                return ["a"] * len(objects)
            case "none":
                return None
            case "matrix":
                return out[:, None]
            case number:
                return np.where(wrong, number, out)


def asked(service):
    """What the one oracle of a service was asked, call by call."""
    return service.panel.oracles[0].asked


def chains(lengths):
    molecules = parse(["C" * n for n in lengths])
    return molecules, [m.smiles for m in molecules]


def test_values_components_and_counters_of_a_good_oracle():
    service = Service(oracle=Carbons())
    objects, keys = chains([3, 1, 3, 2])
    answers = service(objects, keys)
    assert list(answers.values) == ["carbons"]
    np.testing.assert_allclose(answers.values["carbons"], [0.003, 0.001, 0.003, 0.002])
    assert answers.problems == [None] * 4
    counters = service.counters
    assert (counters.raw, counters.unique, counters.cached, counters.failed) == (4, 3, 1, 0)
    assert asked(service) == [[3, 1, 2]]
    service(*chains([2, 5]))
    assert (counters.raw, counters.unique, counters.cached, counters.failed) == (6, 4, 2, 0)
    assert asked(service) == [[3, 1, 2], [5]]
    assert counters.seconds > 0


def test_invalid_objects_never_reach_the_oracle():
    service = Service(oracle=Carbons())
    objects = [Molecule.failed("sanitisation: valence"), Molecule.from_smiles("CC"), Molecule.failed("too big")]
    answers = service(objects, ["", "CC", ""])
    assert answers.problems == ["sanitisation: valence", None, "too big"]
    assert answers.values["carbons"].isnan().tolist() == [True, False, True]
    assert asked(service) == [[2]]
    assert service.counters.reasons == {"sanitisation: valence": 1, "too big": 1}
    assert (service.counters.raw, service.counters.unique, service.counters.failed) == (3, 1, 2)


def test_nothing_valid_asks_nothing():
    service = Service(oracle=Carbons())
    assert service([], []).values["carbons"].shape == (0,)
    assert service([Molecule.failed("x")], [""]).values["carbons"].isnan().all()
    assert asked(service) == []


@pytest.mark.parametrize(
    ("fault", "message", "reason", "one_by_one"),
    [
        (
            "raise",
            "oracle carbons raised RuntimeError (no value for this one)",
            "oracle carbons raised RuntimeError",
            True,
        ),
        ("length", "oracle carbons returned shape (0,), not one number per object", None, True),
        (
            "text",
            "oracle carbons returned list, not one number per object (<U1 is not a number type)",
            "oracle carbons returned list, not one number per object",
            True,
        ),
        (
            "none",
            "oracle carbons returned NoneType, not one number per object (object is not a number type)",
            "oracle carbons returned NoneType, not one number per object",
            True,
        ),
        ("matrix", "oracle carbons returned shape (1, 1), not one number per object", None, True),
        (np.nan, "oracle carbons returned nan", None, False),
        (
            np.inf,
            "oracle carbons returned inf, outside [0, 1]",
            "oracle carbons returned a value outside [0, 1]",
            False,
        ),
        (3.2, "oracle carbons returned 3.2, outside [0, 1]", "oracle carbons returned a value outside [0, 1]", False),
        (-1, "oracle carbons returned -1, outside [0, 1]", "oracle carbons returned a value outside [0, 1]", False),
    ],
)
def test_faults_at_ten_percent_cost_the_culprits_only(fault, message, reason, one_by_one, caplog):
    lengths = list(range(1, 201)) * 5  # 1,000 molecules, 200 different ones, 20 of them (100 in all) are culprits
    bad = set(range(10, 201, 10))
    reward = Power(oracle=Carbons(bad, fault), floor=1e-3)
    objects, keys = chains(lengths)
    with caplog.at_level(logging.WARNING, logger="molgfn.rewards"):
        parts = [reward(objects[i : i + 50], keys[i : i + 50]) for i in range(0, 1000, 50)]
    value = torch.cat([p.value for p in parts])
    log_reward = torch.cat([p.log_reward for p in parts])
    problems = [problem for p in parts for problem in p.problems]
    culprit = torch.tensor([n in bad for n in lengths])

    assert len(value) == len(log_reward) == len(problems) == 1000
    assert torch.equal(value.isnan(), culprit)
    assert problems == [message if c else None for c in culprit.tolist()]
    torch.testing.assert_close(value[~culprit], torch.tensor(lengths, dtype=torch.float64)[~culprit] / 1000)
    assert torch.isfinite(log_reward).all()
    assert (log_reward[culprit] == reward.floor).all()
    assert torch.equal(parts[0].valid, ~culprit[:50])

    counters = reward.counters
    assert (counters.raw, counters.unique, counters.failed) == (1000, 200, 100)
    assert counters.cached == 1000 - 180 - 100
    assert counters.reasons == {reason or message: 100}
    assert len([r for r in caplog.records if r.name == "molgfn.rewards"]) == 1
    singles = [call for call in reward.oracle.asked if len(call) == 1]
    assert bool(singles) == one_by_one


def test_equal_objects_that_fail_all_count():
    service = Service(oracle=Carbons({2}, np.nan))
    answers = service(*chains([2, 2, 3]))
    assert (service.counters.failed, service.counters.cached, service.counters.unique) == (2, 0, 2)
    assert answers.problems[:2] == ["oracle carbons returned nan"] * 2


def test_a_failure_is_remembered_and_counted_again_without_asking():
    service = Service(oracle=Carbons({2}))
    service(*chains([2, 3]))
    service.panel.oracles[0].bad = set()
    answers = service(*chains([2, 3]))
    assert answers.problems == ["oracle carbons raised RuntimeError (no value for this one)", None]
    assert asked(service) == [[2, 3], [2], [3]]
    assert (service.counters.raw, service.counters.cached, service.counters.failed) == (4, 1, 2)


def test_what_may_be_better_the_next_time_is_asked_again():
    class Moody(Carbons):
        tries = 0

        def values(self, objects):
            self.tries += 2 in [m.mol.GetNumAtoms() for m in objects]
            if self.tries == 3:
                self.bad.discard(2)
            return super().values(objects)

    service = Service(oracle=Moody({2, 5}), scoring=Scoring(retries=2))
    answers = service(*chains([1, 2, 5]))
    assert answers.problems == [None, None, "oracle carbons raised RuntimeError (no value for this one)"]
    assert answers.values["carbons"][1] == 0.002
    assert asked(service) == [[1, 2, 5], [1], [2], [5], [2, 5], [2], [5], [5]]
    assert (service.counters.raw, service.counters.unique, service.counters.failed) == (3, 3, 1)
    nan = Service(oracle=Carbons({2}, np.nan), scoring=Scoring(retries=2))
    nan(*chains([2]))
    assert asked(nan) == [[2]]  # a NaN is an answer


def test_a_failure_ends_the_run_where_that_is_asked_for():
    service = Service(oracle=Carbons({2}), scoring=Scoring(on_failure="stop"))
    service(*chains([1]))
    with pytest.raises(OracleFault, match=r"raised RuntimeError \(no value for this one\) for CC;"):
        service(*chains([1, 2, 3]))


def test_an_oracle_that_answers_nobody_is_given_up():
    service = Service(oracle=Carbons(range(1, 9)), scoring=Scoring(give_up=4))
    service(*chains([1, 2, 3]))
    service(*chains([3, 2, 9]))  # remembered failures are no news, and one value says that the oracle lives
    service(*chains([4, 5, 6]))
    with pytest.raises(OracleFault, match=r"carbons: 4 different objects in a row got no value, the last one \(C{7}\)"):
        service(*chains([4, 7, 8]))
    assert service.counters.failed == 3 + 2 + 3 + 3  # each once, the remembered ones again
    patient = Service(oracle=Carbons(range(500)), scoring=Scoring(give_up=None))
    assert patient(*chains(range(1, 300))).values["carbons"].isnan().all()


def test_invalid_objects_and_a_spent_budget_say_nothing_of_the_oracle():
    service = Service(oracle=Carbons(), scoring=Scoring(give_up=2, budget=1))
    bad = parse(["x", "y", "z"])
    service(bad, [m.smiles for m in bad])
    service(*chains([1, 2, 3, 4, 5]))
    assert service.counters.failed == 7


def test_the_budget_counts_different_objects_and_refuses_the_rest():
    service = Service(oracle=Carbons(), scoring=Scoring(budget=3, cache_size=2))
    service(*chains([1, 1, 2]))
    assert not service.spent
    answers = service(*chains([2, 3, 4, 3, 4, 1]))
    assert service.spent
    assert answers.problems == [None, None, BUDGET_SPENT, None, BUDGET_SPENT, None]
    assert asked(service) == [[1, 2], [3]]
    assert service.counters.reasons == {BUDGET_SPENT: 2}
    assert service.counters.unique == 3
    # 1 and 2 were paid for: what memory has forgotten may be asked for again
    assert service(*chains([1, 2, 3])).values["carbons"].isnan().tolist() == [False, False, False]
    assert service.counters.unique == 3


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_interrupts_and_memory_errors_pass_through(error):
    class Interrupted(QED):
        def values(self, objects):
            raise error

    with pytest.raises(error):
        Service(oracle=Interrupted())(*chains([1, 2]))
    with pytest.raises(error):
        Service(oracle=WeightedMean(components={"q": Component(oracle=Interrupted())}))(*chains([1, 2]))


def test_lists_and_single_precision_are_taken_as_numbers():
    class Loose(Carbons):
        def values(self, objects):
            return super().values(objects).astype(np.float32).tolist()

    assert Service(oracle=Loose())(*chains([7])).values["carbons"].dtype == torch.float64


def test_the_least_recently_used_is_forgotten():
    service = Service(oracle=Carbons(), scoring=Scoring(cache_size=2))
    service(*chains([1, 2]))
    service(*chains([1]))
    service(*chains([3]))  # 2 goes, 1 was used after it
    service(*chains([1]))
    service(*chains([2]))
    assert asked(service) == [[1, 2], [3], [2]]
    assert service.counters.unique == 3
    without = Service(oracle=Carbons(), scoring=Scoring(cache_size=0))
    without(*chains([1]))
    without(*chains([1]))
    assert asked(without) == [[1], [1]]
    assert without.counters.unique == 1


def test_reasons_are_bounded():
    service = Service(oracle=Carbons())
    n = MAX_REASONS + 50
    service([Molecule.failed(f"reason {i}") for i in range(n)], [""] * n)
    assert len(service.counters.reasons) == MAX_REASONS + 1
    assert service.counters.reasons["other reasons"] == 50
    assert sum(service.counters.reasons.values()) == service.counters.failed == n


def test_state_goes_through_a_weights_only_file():
    service = Service(oracle=Carbons({4}))
    service(*chains([1, 2, 4, 2]))
    file = io.BytesIO()
    torch.save(service.state_dict(), file)
    file.seek(0)
    state = torch.load(file, weights_only=True)
    again = Service(oracle=Carbons({4}))
    again.load_state_dict(state)
    assert again.counters == service.counters
    before = service(*chains([2, 1, 5]))
    after = again(*chains([2, 1, 5]))
    assert torch.equal(before.values["carbons"], after.values["carbons"])
    assert asked(again) == [[5]]
    service.counters.seconds = again.counters.seconds = 0.0
    assert again.counters == service.counters
    assert [*again.state_dict()["keys"]] == [*service.state_dict()["keys"]]


def test_an_empty_state_and_that_of_another_oracle():
    fresh = Service(oracle=QED())
    fresh.load_state_dict(Service(oracle=QED()).state_dict())
    assert fresh.counters.raw == 0
    with pytest.raises(CheckpointError, match="of weight"):
        fresh.load_state_dict(Service(oracle=Weight()).state_dict())


def test_grid_points_stay_a_tensor():
    points = torch.tensor([[0, 0], [1, 2], [0, 0]])
    service = Service(oracle=HyperGrid())
    answers = service(points, ["0,0", "1,2", "0,0"])
    np.testing.assert_array_equal(answers.values["hypergrid"], HyperGrid().values(points))
    assert service.counters.cached == 1


def test_what_a_mean_is_made_of_is_remembered():
    oracle = WeightedMean(components={"c": Component(oracle=Carbons())})
    service = Service(oracle=oracle)
    first = service(*chains([1, 2]))
    second = service(*chains([2, 1]))
    assert set(first.values) == {"c"}  # measured; what it is worth is the mean's business
    assert torch.equal(second.values["c"], first.values["c"].flip(0))
    assert asked(service) == [[1, 2]]


def test_keys_must_match_objects():
    with pytest.raises(ValueError, match="2 objects came with 1 keys"):
        Service(oracle=QED())(chains([1, 2])[0], ["C"])


class Speaking(QED):
    """QED that says of each molecule how long its SMILES is."""

    name = "speaking"
    remark_names = ("speaking_length", "speaking_first")

    def remarks(self, objects):
        assert all(m.valid for m in objects)
        return {
            "speaking_length": [str(len(m.smiles)) for m in objects],
            "speaking_first": [m.smiles[:1] for m in objects],
        }


def test_what_an_oracle_says_in_words_comes_in_order_and_not_of_invalid_objects():
    molecules = parse(["CCO", "no molecule", "N"])
    expected = {"speaking_length": ["3", "", "1"], "speaking_first": ["C", "", "N"]}
    service = Service(oracle=Speaking())
    assert service.remarks(molecules) == expected
    assert Power(oracle=Speaking()).remarks(molecules) == expected
    assert service.remarks(parse(["no molecule"])) == {"speaking_length": [""], "speaking_first": [""]}
    assert service.remarks([]) == {"speaking_length": [], "speaking_first": []}
    assert Service(oracle=QED()).remarks(molecules) == {}
    check_oracle(Speaking())


def test_an_oracle_that_fails_to_speak_is_said_and_costs_no_value(caplog):
    class Mute(Speaking):
        def remarks(self, objects):
            raise OSError("no voice")

    service = Service(oracle=Mute())
    assert service.remarks(parse(["CCO"])) == {"speaking_length": [""], "speaking_first": [""]}
    assert "oracle speaking: its remarks are left out (OSError: no voice)" in caplog.text
    assert service(parse(["CCO"]), ["CCO"]).problems == [None]


def test_words_under_a_reserved_name_are_refused():
    class Wrong(Speaking):
        remark_names = ("value",)

    with pytest.raises(ConfigError, match="oracle: value: names of components"):
        Power(oracle=Wrong())


def test_why_objects_are_asked_one_by_one_is_said_once(caplog):
    reward = Power(oracle=Carbons({3, 7}, "matrix"), floor=1e-3)
    objects, keys = chains(range(1, 11))
    with caplog.at_level(logging.WARNING, logger="molgfn.serving"):
        parts = [reward(objects[i : i + 5], keys[i : i + 5]) for i in (0, 5)]
    (said,) = [r.getMessage() for r in caplog.records if r.name == "molgfn.serving"]
    assert "not one number per object for a batch of 5" in said
    assert said.endswith("where a batch fails, its objects are asked one by one")
    assert [int(part.value.isnan().sum()) for part in parts] == [1, 1]
