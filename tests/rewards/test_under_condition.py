"""A reward under one fixed condition is the reward with that number."""

import torch

from molgfn.chemistry.molecules import parse
from molgfn.oracles.properties.qed import QED
from molgfn.rewards.power import Power
from molgfn.rewards.under_condition import UnderCondition

SMILES = ["CCO", "c1ccccc1", "CCCC", "nonsense"]


def test_it_is_the_reward_with_that_number():
    molecules = parse(SMILES)
    plain = Power(oracle=QED(), beta=3.0)(molecules, SMILES)
    reward = UnderCondition(Power(oracle=QED(), beta=None), {"beta": 3.0})
    assert reward.reads == frozenset()
    scores = reward(molecules, SMILES)
    for log_reward in (
        scores.log_reward,
        reward.further(molecules, SMILES, finished=False).log_reward,
        reward.log_reward(scores.measurements),
        reward.revalue(scores.measurements),
    ):
        assert torch.equal(log_reward, plain.log_reward)
    assert scores.problems == plain.problems
    assert reward.meaning == "R = max(qed, 0.0001)^beta, with beta of the object's condition, here beta = 3"
    assert reward.counters.raw == 2 * len(SMILES)
    assert reward.scored == reward.inner.scored


def test_what_objects_carry_themselves_goes_first():
    molecules = parse(SMILES[:1])
    reward = UnderCondition(Power(oracle=QED(), beta=None), {"beta": 3.0})
    own = reward(molecules, SMILES[:1], {"beta": torch.tensor([1.0])})
    torch.testing.assert_close(own.log_reward, torch.from_numpy(QED().values(molecules)).log())
    again = UnderCondition(Power(oracle=QED(), beta=None), {"beta": 3.0})
    again.load_state_dict(reward.state_dict())
    assert again(molecules, SMILES[:1]).log_reward == 3 * own.log_reward
    assert again.counters.cached == 1
