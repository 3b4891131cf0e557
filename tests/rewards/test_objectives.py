"""Several objectives under conditions: values, failures, what was achieved, exact targets."""

import math
from typing import ClassVar

import numpy as np
import pytest
import torch

from molgfn.chemistry.molecules import parse
from molgfn.conditions.base import Condition
from molgfn.conditions.encoders import SimplexWeights
from molgfn.environments.conditional import conditional, under
from molgfn.environments.hypergrid import HyperGrid
from molgfn.errors import ConfigError, ContractError
from molgfn.evaluation.exact.answers import exact_target
from molgfn.objects.grid import GRID
from molgfn.oracles.base import Oracle
from molgfn.oracles.properties.logp import LogP
from molgfn.oracles.properties.qed import QED
from molgfn.oracles.properties.sa import SA
from molgfn.oracles.properties.weight import Weight
from molgfn.rewards.aggregations.goal import Goal
from molgfn.rewards.aggregations.lexicographic import Lexicographic
from molgfn.rewards.aggregations.weighted import Chebyshev, WeightedProduct, WeightedSum
from molgfn.rewards.boltzmann import Boltzmann
from molgfn.rewards.components import Component
from molgfn.rewards.grid_objectives import GridObjectives
from molgfn.rewards.objectives import Objectives
from molgfn.rewards.power import Power
from molgfn.rewards.readings import Readings
from molgfn.rewards.transforms import Linear, Near, Step
from molgfn.rewards.weighted_mean import WeightedMean

SMILES = ["CCO", "c1ccccc1C", "c1ccccc1O", "CCCCCCCC"]


def components(qed=1.0, sa=1.0, **more):
    return {
        "qed": Component(oracle=QED(), weight=qed),
        "sa": Component(oracle=SA(), transform=Linear(low=10.0, high=1.0), weight=sa),
        **more,
    }


def molecules(smiles=SMILES):
    return parse(smiles), list(smiles)


def preference(qed, n=4):
    return {
        "preference_qed": torch.full((n,), qed, dtype=torch.float64),
        "preference_sa": torch.full((n,), 1 - qed, dtype=torch.float64),
    }


@pytest.mark.parametrize("kind", [WeightedSum, WeightedProduct, Chebyshev])
@pytest.mark.parametrize("reward", [Power, Boltzmann])
def test_a_reward_under_a_preference_is_the_reward_with_these_weights(kind, reward):
    drawn = reward(oracle=Objectives(components=components(), scalarisation=kind()), beta=3.0)
    assert drawn.reads == {"preference_qed", "preference_sa"}
    scores = drawn(*molecules(), preference(0.25))
    for share in (0.25, 0.8):
        fixed = reward(
            oracle=Objectives(components=components(share, 1 - share), scalarisation=kind(weights="components")),
            beta=3.0,
        )
        plain = fixed(*molecules())
        given = drawn(*molecules(), preference(share))
        assert torch.equal(given.log_reward, plain.log_reward)
        assert torch.equal(given.value, plain.value)
        assert torch.equal(drawn.revalue(scores.measurements, preference(share)), plain.log_reward)
        assert fixed.floor == drawn.floor  # a preference does not change it
    assert drawn.counters.unique == len(SMILES)
    assert drawn.counters.raw == 3 * len(SMILES)


def test_a_temperature_and_a_preference_together():
    reward = Power(oracle=Objectives(components=components(), scalarisation=WeightedSum()), beta=None)
    assert reward.reads == {"beta", "preference_qed", "preference_sa"}
    beta = {"beta": torch.full((4,), 7.0, dtype=torch.float64)}
    fixed = Power(oracle=Objectives(components=components(0.3, 0.7)), beta=7.0)(*molecules())
    assert torch.equal(reward(*molecules(), beta | preference(0.3)).log_reward, fixed.log_reward)
    assert reward.floor == -math.inf
    with pytest.raises(ContractError, match="`preference_qed`, which these objects do not carry"):
        reward(*molecules(), beta)


def test_values_and_columns():
    oracle = Objectives(
        components=components(weight=Component(oracle=Weight(), transform=Step(low=60.0, high=100.0), filter=True))
    )
    assert oracle.objective_names == ("qed", "sa")
    assert oracle.title == "weighted sum of qed and sa, filtered by weight"
    names = ("qed", "qed_transformed", "sa", "sa_transformed", "weight", "weight_transformed")
    assert oracle.component_names == names
    scores = Power(oracle=oracle)(*molecules())
    worth = (scores.components["qed"] + scores.components["sa_transformed"]) / 2
    passed = scores.components["weight_transformed"]
    assert passed.tolist() == [0.0, 1.0, 1.0, 0.0]
    torch.testing.assert_close(scores.value, worth * passed)


def test_a_goal_outside_of_which_there_is_the_least_reward():
    reward = Power(oracle=Objectives(components=components(), scalarisation=Goal()), beta=2.0, floor=1e-3)
    scores = Power(oracle=Objectives(components=components()))(*molecules())
    made = torch.stack([scores.components["qed_transformed"], scores.components["sa_transformed"]])
    own = made / made.norm(dim=0)
    here = reward(*molecules(), {"goal_qed": own[0], "goal_sa": own[1]})
    torch.testing.assert_close(here.log_reward, 2 * scores.value.log())
    away = reward(*molecules(), {"goal_qed": own[1] * 0 + 1, "goal_sa": own[1] * 0})
    assert away.log_reward.tolist() == [reward.floor] * 4
    assert away.problems == [None] * 4


class Fails(Oracle):
    """A tenth of the number of heavy atoms; raises for those of ``bad``."""

    name, range, direction, source = "fails", (0.0, 1.0), "maximise", "counting"

    def __init__(self, *bad, how="raise"):
        self.bad, self.how, self.asked = set(bad), how, []

    def values(self, objects):
        counts = [m.mol.GetNumHeavyAtoms() for m in objects]
        self.asked.append(counts)
        if self.how == "raise" and self.bad & set(counts):
            raise RuntimeError("no licence")
        return np.array([np.nan if n in self.bad else n / 10 for n in counts])


@pytest.mark.parametrize("how", ["raise", "nan"])
def test_a_property_that_fails_costs_an_object_only_where_it_is_read(how):
    after = Fails()
    oracle = Objectives(
        components={"a": Component(oracle=Fails(2, 3, how=how)), "b": Component(oracle=after)},
        scalarisation=WeightedSum(),
    )
    reward = Power(oracle=oracle, floor=1e-3)
    objects = molecules(["C", "CC", "CCC", "CCCC"])
    share = torch.tensor([0.5, 0.5, 0.0, 1.0], dtype=torch.float64)
    scores = reward(*objects, {"preference_a": share, "preference_b": 1 - share})
    assert scores.problems == [None, "objectives has no value of a", None, None]
    assert scores.measurements.problems == [None] * 4
    assert after.asked == [[1, 2, 3, 4]]
    torch.testing.assert_close(
        scores.log_reward, torch.tensor([0.1, 1e-3, 0.3, 0.4], dtype=torch.float64).log(), rtol=1e-14, atol=0
    )
    assert scores.measurements.values["a"].isnan().tolist() == [False, True, True, False]
    none = torch.zeros(4, dtype=torch.float64)
    again = reward.revalue(scores.measurements, {"preference_a": none, "preference_b": none + 1})
    torch.testing.assert_close(again, torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64).log())
    counters = reward.counters
    assert (counters.raw, counters.unique, counters.failed) == (4, 4, 0)
    expected = {"objectives has no value of a": 1} | ({"oracle fails raised RuntimeError": 2} if how == "raise" else {})
    assert counters.reasons == expected
    other = Power(oracle=oracle, floor=1e-3)
    other.load_state_dict(reward.state_dict())
    assert torch.equal(
        other(*objects, {"preference_a": share, "preference_b": 1 - share}).log_reward, scores.log_reward
    )
    assert len(after.asked) == 1


def test_an_object_for_which_all_objectives_fail_has_no_value_at_all():
    oracle = Objectives(components={"a": Component(oracle=Fails(2)), "b": Component(oracle=Fails(2, 3))})
    scores = Power(oracle=oracle)(*molecules(["C", "CC", "CCC"]))
    lost = "oracle fails raised RuntimeError (no licence)"
    assert scores.measurements.problems == [None, lost, None]
    assert scores.problems == [None, lost, "objectives has no value of b"]


def test_a_filter_that_fails_costs_all():
    filtered = {"b": Component(oracle=Fails(2), filter=True)}
    scores = Power(oracle=Objectives(components=components() | filtered))(*molecules(["C", "CC"]))
    assert scores.measurements.problems == [None, "oracle fails raised RuntimeError (no licence)"]


def test_an_order_reads_no_further_than_it_comes():
    oracle = Objectives(
        components={"a": Component(oracle=Fails()), "b": Component(oracle=Fails(3, 7))}, scalarisation=Lexicographic()
    )
    scores = Power(oracle=oracle)(*molecules(["CCC", "CCCCCCC"]))
    assert scores.problems == [None, "objectives has no value of b"]
    assert scores.value[0] == pytest.approx(0.3)


def test_what_was_achieved_whatever_was_asked_for():
    oracle = Objectives(
        components=components(
            logp=Component(oracle=LogP(), transform=Near(width=1.0, name="logp")),
            weight=Component(oracle=Weight(), transform=Step(low=0.0, high=100.0), filter=True),
        ),
        scalarisation=WeightedSum(),
    )
    reward = Power(oracle=oracle)
    condition = {name: torch.full((4,), 0.5, dtype=torch.float64) for name in reward.reads}
    scores = reward(*molecules(), condition)
    achieved = reward.achieved(scores.measurements)
    assert list(achieved) == ["qed", "qed_raw", "sa", "sa_raw", "logp", "logp_raw"]
    for name in ("qed", "sa"):
        assert torch.equal(achieved[name], scores.components[f"{name}_transformed"])
        assert torch.equal(achieved[f"{name}_raw"], scores.components[name])
    assert achieved["logp"].isnan().all()  # that is a matter of the target
    assert torch.equal(achieved["logp_raw"], scores.components["logp"])
    assert reward.counters.raw == 4


def test_what_was_achieved_of_one_property_and_of_a_mean():
    def of(reward):
        return reward.achieved(reward(*molecules()).measurements)

    qed = of(Power(oracle=QED()))
    assert qed.keys() == {"qed", "qed_raw"}
    assert torch.equal(qed["qed"], qed["qed_raw"])
    sa = of(Power(oracle=SA(), transform=Linear(low=10.0, high=1.0)))
    torch.testing.assert_close(sa["sa"], (10 - sa["sa_raw"]) / 9)
    assert of(Boltzmann(oracle=LogP()))["logp"].isnan().all()  # nothing says what it is worth
    assert list(of(Power(oracle=WeightedMean(components=components())))) == ["qed", "qed_raw", "sa", "sa_raw"]


def test_an_oracle_without_a_reward_is_read_under_conditions_too():
    readings = Readings(oracle=Objectives(components=components(), scalarisation=WeightedSum()))
    given = {name: column.numpy() for name, column in preference(1.0).items()}
    _, reading = readings(*molecules(), given)
    np.testing.assert_array_equal(reading.value, reading.components["qed"])


def test_a_target_in_a_component_of_a_mean_and_as_transform_of_the_reward():
    mean = WeightedMean(components={"logp": Component(oracle=LogP(), transform=Near(width=0.5, name="logp"))})
    target = {"target_logp": torch.tensor([0.0, 1.0, 2.0, 3.0], dtype=torch.float64)}
    inside = Power(oracle=mean, beta=2.0, floor=1e-6)
    outside = Power(oracle=LogP(), transform=Near(width=0.5, name="logp"), beta=2.0, floor=1e-6)
    assert mean.reads == inside.reads == outside.reads == {"target_logp"}
    logp = torch.from_numpy(LogP().values(parse(SMILES)))
    expected = 2 * (-((logp - target["target_logp"]) / 0.5).square() / 2).clamp(min=math.log(1e-6))
    for reward in (inside, outside):
        scores = reward(*molecules(), target)
        torch.testing.assert_close(scores.log_reward, expected, rtol=1e-9, atol=1e-9)
        moved = reward.revalue(scores.measurements, {"target_logp": logp})
        torch.testing.assert_close(moved, torch.zeros(4, dtype=torch.float64), rtol=0, atol=1e-12)


class Weights(Condition):
    """Of two objectives of a grid."""

    name = "the preference"
    columns = ("preference_branin", "preference_currin")
    reference: ClassVar = {"preference_branin": 0.5, "preference_currin": 0.5}

    def __init__(self):
        self.encoder = SimplexWeights(2)
        self.size = self.encoder.size

    def draw(self, n, generator=None, device="cpu"):
        share = torch.rand(n, 1, generator=generator, device=device, dtype=torch.float64)
        return torch.cat([share, 1 - share], 1)

    def encode(self, values):
        return self.encoder(values)


def test_exact_targets_under_two_preferences_differ_as_they_should():
    environment = conditional(HyperGrid(side=8), Weights())
    oracle = GridObjectives(functions=["branin", "currin"], side=8, scalarisation=WeightedSum())
    targets = []
    for share in (0.9, 0.1):
        here = under(environment, {"preference_branin": share, "preference_currin": 1 - share})
        target = exact_target(here, Power(oracle=oracle, beta=2.0))
        points = GRID.parse(target.keys)
        branin, currin = (oracle.components[name].oracle.values(points) for name in oracle.objective_names)
        value = torch.from_numpy(np.maximum(share * branin + (1 - share) * currin, 1e-4) ** 2)
        torch.testing.assert_close(target.pi, value / value.sum(), rtol=1e-12, atol=0)
        assert target.log_z == pytest.approx(math.log(value.sum()), abs=1e-12)
        targets.append(target.pi)
    assert (targets[0] - targets[1]).abs().sum() / 2 > 0.1


def test_a_function_twice_is_refused():
    with pytest.raises(ConfigError, match="functions: each should be there once"):
        GridObjectives(functions=["branin", "branin"])
