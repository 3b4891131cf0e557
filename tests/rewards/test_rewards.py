import io
import math

import numpy as np
import pytest
import torch

from molgfn.chemistry.molecules import Molecule, parse
from molgfn.errors import ConfigError
from molgfn.objects.grid import GRID
from molgfn.oracles.properties.logp import LogP
from molgfn.oracles.properties.qed import QED
from molgfn.oracles.properties.sa import SA
from molgfn.oracles.properties.weight import Weight
from molgfn.oracles.synthetic.hypergrid import HyperGrid
from molgfn.rewards.boltzmann import Boltzmann
from molgfn.rewards.power import Power
from molgfn.rewards.transforms import Linear, Transform
from molgfn.rewards.weighted_mean import Component, WeightedMean

SMILES = ["CCO", "c1ccccc1", "CCCCCCCCCCCCCCCCCC", "NCC(=O)O"]


def scored(reward, smiles=SMILES):
    molecules = parse(smiles)
    return reward(molecules, [m.smiles for m in molecules])


def test_power_is_beta_log_of_the_clipped_value():
    scores = scored(Power(oracle=QED(), beta=3.0, scale=2.0, floor=1e-3))
    value = torch.from_numpy(QED().values(parse(SMILES)))
    torch.testing.assert_close(scores.value, value)
    torch.testing.assert_close(scores.log_reward, 3 * torch.log((value / 2).clamp(min=1e-3)))
    assert scores.log_reward.dtype == scores.value.dtype == torch.float64
    assert scores.valid.all()


def test_power_clips_before_the_power():
    reward = Power(oracle=LogP(), beta=2.0, floor=0.5)
    scores = scored(reward, ["CCO", "CCCCCCCC"])  # logP about 0 and 3.4
    assert scores.log_reward[0] == pytest.approx(2 * math.log(0.5)) == reward.floor
    assert scores.log_reward[1] == pytest.approx(2 * math.log(scores.value[1].item()))


def test_boltzmann_is_beta_times_the_value_from_the_floor_up():
    reward = Boltzmann(oracle=LogP(), beta=2.0, log_floor=-1.0)
    scores = scored(reward)
    torch.testing.assert_close(scores.log_reward, (2 * scores.value).clamp(min=-1.0))
    assert scores.log_reward.min() == reward.floor == -1.0
    less = scored(Boltzmann(oracle=LogP(), beta=2.0, sign=-1))
    torch.testing.assert_close(less.log_reward, -2 * less.value)


@pytest.mark.parametrize("make", [Power, Boltzmann])
def test_an_oracle_to_be_minimised_needs_a_direction(make):
    with pytest.raises(ConfigError, match=r"oracle sa is to be minimised.*falling transform"):
        make(oracle=SA())
    reward = make(oracle=SA(), transform=Linear(low=10.0, high=1.0))
    scores = scored(reward)
    assert scores.log_reward.argmax() == scores.value.argmin()
    torch.testing.assert_close(scores.components["sa_transformed"], (10 - scores.value) / 9)


def test_boltzmann_takes_a_sign_for_it():
    scores = scored(Boltzmann(oracle=SA(), sign=-1))
    torch.testing.assert_close(scores.log_reward, -scores.value)


@pytest.mark.parametrize(
    "reward", [Power(oracle=QED(), beta=16.0), Boltzmann(oracle=QED(), beta=96.0), Power(oracle=QED(), beta=0.0)]
)
def test_objects_without_a_value_get_the_floor(reward):
    molecules = [Molecule.from_smiles("CCO"), Molecule.failed("not connected")]
    scores = reward(molecules, ["CCO", ""])
    assert scores.log_reward[1] == reward.floor
    assert scores.value[1].isnan()
    assert scores.problems == [None, "not connected"]
    assert scores.valid.tolist() == [True, False]
    assert torch.isfinite(scores.log_reward).all()
    assert (scores.log_reward >= reward.floor).all()


def test_a_transform_that_gives_nan_costs_the_object_not_the_run():
    class Log(Transform):
        def _apply(self, values: np.ndarray) -> np.ndarray:
            with np.errstate(all="ignore"):
                return np.log(values)

    reward = Power(oracle=LogP(), transform=Log())
    scores = scored(reward, ["NCC(=O)O", "CCCCCCCC"])  # the first has a negative logP
    assert scores.problems == ["transform Log returned nan", None]
    assert scores.log_reward[0] == reward.floor
    assert scores.value.isnan().tolist() == [True, False]
    assert reward.counters.reasons == {"transform Log returned nan": 1}
    assert reward.counters.failed == 0  # the oracle had a value, and each object counts once
    again = scored(reward, ["NCC(=O)O"])
    assert again.problems == ["transform Log returned nan"]
    assert (reward.counters.raw, reward.counters.cached, reward.counters.unique) == (3, 1, 2)


def test_a_transform_that_raises_costs_the_object_not_the_run():
    class Picky(Transform):
        def _apply(self, values: np.ndarray) -> np.ndarray:
            if (values > 4).any():
                raise ValueError("too greasy")
            return values / 10

    reward = Power(oracle=LogP(), transform=Picky())
    scores = scored(reward, ["CCCC", "C" * 20])
    assert scores.problems == [None, "transform Picky raised ValueError: too greasy"]
    assert scores.log_reward[1] == reward.floor
    assert scores.log_reward[0] > reward.floor


@pytest.mark.parametrize(
    ("names", "match"), [(("Key",), "Key"), (("logp", "LogP"), "logp, .*LogP"), (("blocked",), "b")]
)
def test_component_names_that_the_record_cannot_hold(names, match):
    oracle = WeightedMean(components={name: Component(oracle=QED()) for name in names})
    with pytest.raises(ConfigError, match=f"oracle: {match}.*: names of components"):
        Power(oracle=oracle)


def test_hypergrid_reward_sums_to_its_known_partition_function():
    points = torch.cartesian_prod(torch.arange(16), torch.arange(16))
    reward = Power(oracle=HyperGrid())
    scores = reward(points, [",".join(map(str, p)) for p in points.tolist()])
    assert reward.kind is GRID
    assert scores.log_reward.logsumexp(0).item() == pytest.approx(4.183576, abs=1e-6)


def test_empty_batch():
    scores = Power(oracle=QED())([], [])
    assert len(scores) == 0
    assert scores.log_reward.dtype == torch.float64
    assert scores.valid.shape == (0,)


def test_resume_restores_counters_and_memory():
    reward = Power(oracle=QED())
    scored(reward)
    file = io.BytesIO()
    torch.save(reward.state_dict(), file)
    file.seek(0)
    again = Power(oracle=QED())
    again.load_state_dict(torch.load(file, weights_only=True))
    torch.testing.assert_close(scored(again).log_reward, scored(reward).log_reward)
    assert again.counters.cached == len(SMILES)
    assert again.counters == reward.counters


@pytest.mark.parametrize(
    ("reward", "says"),
    [
        (
            lambda o: Power(oracle=o, beta=32),
            "R = max(qed, 0.0001)^32: log R from -294.7 to 0; 10 % more qed is 21.1 times",
        ),
        (lambda o: Power(oracle=o, beta=16, scale=8), "R = max(qed / 8, 0.0001)^16: log R from -147.4 to -33.27; "),
        (
            lambda o: Boltzmann(oracle=o, beta=32),
            "R = exp(32 qed): log R from -30 to 32; 0.1 more qed is 24.5 times as",
        ),
        (lambda o: Power(oracle=o, beta=0), "log R from 0 to 0; 10 % more qed is 1 times as likely"),
        (lambda o: Power(oracle=o, beta=400), "e^38.1 times as likely"),
    ],
)
def test_what_a_reward_means_in_words(reward, says):
    assert says in reward(QED()).meaning


def test_an_oracle_without_a_bound_and_one_with_units():
    assert "log R from -294.7 up, since logp has no bound there" in Power(oracle=LogP(), beta=32).meaning
    weight = Boltzmann(oracle=Weight(), beta=0.01, sign=-1).meaning
    assert "R = exp(-0.01 weight): log R from -30 to 0; 1 g/mol less weight is 1.01 times as likely" in weight
    falling = Boltzmann(oracle=Weight(), beta=20, transform=Linear(low=500, high=200)).meaning
    assert "R = exp(20 Linear(weight)): log R from -30 to 20; 0.1 more Linear(weight) is 7.39 times" in falling
