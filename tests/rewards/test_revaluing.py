"""log R is a function of what was measured (and of a condition): it asks nobody, and says the same every time."""

import math

import numpy as np
import pytest
import torch

from molgfn.chemistry.molecules import Molecule, parse
from molgfn.errors import ContractError
from molgfn.oracles.properties.qed import QED
from molgfn.oracles.properties.sa import SA
from molgfn.oracles.synthetic.hypergrid import HyperGrid
from molgfn.rewards.base import Scores
from molgfn.rewards.boltzmann import Boltzmann
from molgfn.rewards.diversity_filter import DiversityFilter
from molgfn.rewards.power import Power
from molgfn.rewards.transforms import Linear, Transform
from molgfn.rewards.weighted_mean import Component, WeightedMean

SMILES = ["CCO", "c1ccccc1C", "c1ccccc1O", "CCCCCCCC"]


class Falls(Transform):
    """Raises for what is larger than 0.5."""

    def _apply(self, values: np.ndarray) -> np.ndarray:
        if (values > 0.5).any():
            raise ValueError("too much")
        return values


def mean(**more):
    components = {"qed": Component(oracle=QED()), "sa": Component(oracle=SA(), transform=Linear(low=10.0, high=1.0))}
    return WeightedMean(components=components | more)


def objects():
    molecules = [*parse(SMILES), Molecule.failed("not connected")]
    return molecules, [*SMILES, ""]


@pytest.mark.parametrize(
    "reward",
    [
        lambda: Power(oracle=QED(), beta=3.0),
        lambda: Power(oracle=mean(), beta=8.0),
        lambda: Boltzmann(oracle=SA(), sign=-1),
        lambda: Power(oracle=QED(), transform=Falls()),
        lambda: Power(oracle=mean(c=Component(oracle=QED(), transform=Falls()))),
        lambda: Power(oracle=QED(), floor=1e-3, diversity_filter=DiversityFilter(bucket_size=1, min_score=0.1)),
    ],
)
def test_log_reward_is_that_of_the_call_and_calls_nobody(reward):
    reward = reward()
    scores = reward(*objects())
    assert scores.measurements is not None
    counted = vars(reward.counters).copy()
    state = reward.diversity_filter.state_dict() if reward.diversity_filter else None
    for _ in range(2):
        again = reward.log_reward(scores.measurements)
        assert torch.equal(again, scores.log_reward)
        assert torch.equal(reward.revalue(scores.measurements), scores.log_reward)
    assert again[-1] == reward.floor
    assert vars(reward.counters) == counted
    assert state == (reward.diversity_filter.state_dict() if reward.diversity_filter else None)
    stored = scores.measurements.index([3, 0])
    assert torch.equal(reward.log_reward(stored), scores.log_reward[[3, 0]])


def test_the_value_of_an_object_says_what_its_transform_did():
    reward = Power(oracle=mean(c=Component(oracle=QED(), transform=Falls())))
    scores = reward(*objects())
    bad = QED().values(parse(SMILES)) > 0.5
    assert bad.any()
    assert not bad.all()
    wrong = "weighted_mean raised ValueError: too much"
    assert scores.problems == [*(wrong if b else None for b in bad), "not connected"]
    assert scores.value.isnan().tolist() == [*bad, True]
    assert reward.counters.reasons == {wrong: bad.sum(), "not connected": 1}


def test_another_temperature_without_a_call():
    reward = Power(oracle=QED(), beta=None, floor=1e-2)
    assert reward.reads == {"beta"}
    beta = torch.tensor([1.0, 2.0, 4.0, 8.0, 16.0])
    scores = reward(*objects(), {"beta": beta, "other": beta})
    value = torch.tensor([*QED().values(parse(SMILES)), 0.0], dtype=torch.float64)
    expected = beta.double() * value.clamp(min=1e-2).log()
    torch.testing.assert_close(scores.log_reward, expected, rtol=1e-14, atol=0)
    calls = reward.counters.raw
    hot = reward.revalue(scores.measurements, {"beta": torch.zeros(5)})
    assert hot.tolist() == [0.0] * 5
    for b in (0.5, 32.0):
        fixed = Power(oracle=QED(), beta=b, floor=1e-2)
        again = reward.revalue(scores.measurements, {"beta": torch.full((5,), b)})
        assert torch.equal(again, fixed.log_reward(scores.measurements))
    assert reward.counters.raw == calls


def test_boltzmann_under_a_drawn_temperature_has_one_floor():
    reward = Boltzmann(oracle=SA(), beta=None, sign=-1, log_floor=-5.0)
    scores = reward(*objects(), {"beta": torch.tensor([0.0, 0.5, 1.0, 100.0, 1.0])})
    assert scores.log_reward[0] == 0.0
    assert scores.log_reward[1] == -0.5 * SA().values(parse(SMILES[1:2]))[0]
    assert scores.log_reward[3:].tolist() == [-5.0, -5.0]
    assert reward.floor == -5.0
    assert Power(oracle=QED(), beta=None).floor == -math.inf


def test_points_of_a_grid_too():
    points = torch.cartesian_prod(torch.arange(8), torch.arange(8))
    keys = [",".join(map(str, p)) for p in points.tolist()]
    reward = Boltzmann(oracle=HyperGrid(side=8), beta=None)
    scores = reward(points, keys, {"beta": torch.full((64,), 3.0)})
    assert torch.equal(scores.log_reward, Boltzmann(oracle=HyperGrid(side=8), beta=3.0)(points, keys).log_reward)


@pytest.mark.parametrize("condition", [None, {}, {"weight": torch.ones(5)}])
def test_a_condition_that_is_not_there_is_named(condition):
    reward = Power(oracle=QED(), beta=None)
    with pytest.raises(ContractError, match=r"Power: R depends on the condition `beta`.*they have (none|weight)"):
        reward(*objects(), condition)


def test_what_a_reward_under_conditions_means_in_words():
    assert Power(oracle=QED(), beta=None).meaning == ("R = max(qed, 0.0001)^beta, with beta of the object's condition")
    assert (
        Boltzmann(oracle=SA(), beta=None, sign=-1).meaning == "R = exp(-beta sa), with beta of the object's condition"
    )


def test_scores_of_several_batches_keep_what_was_measured():
    reward = Power(oracle=mean())
    parts = [reward(*objects()), reward(*objects())]
    whole = Scores.cat(parts)
    assert torch.equal(reward.log_reward(whole.measurements), whole.log_reward)
    assert len(whole) == len(whole.problems) == 10
    unmeasured = Scores(parts[0].log_reward, parts[0].value, parts[0].components, parts[0].problems)
    assert Scores.cat([parts[0], unmeasured]).measurements is None
