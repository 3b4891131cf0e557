"""log R under a diversity filter: one number for each object of a batch, wherever it stands in a trajectory."""

from collections import Counter
from dataclasses import replace

import pytest
import torch

from molgfn.environments.fragments import Fragments
from molgfn.objectives.balance.forward_looking_detailed_balance import ForwardLookingDetailedBalance
from molgfn.objectives.balance.modified_detailed_balance import ModifiedDetailedBalance
from molgfn.oracles.properties.qed import QED
from molgfn.policies.graph import GraphTransformerPolicy
from molgfn.rewards.diversity_filter import DiversityFilter
from molgfn.rewards.power import Power
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.mixture import Sources
from molgfn.trajectories.rewarded import find_rewards
from molgfn.trajectories.sources.explored import Explored
from molgfn.trajectories.sources.local_search import LocalSearch
from molgfn.trajectories.sources.offline import OfflineMolecules
from molgfn.trajectories.sources.on_policy import OnPolicy
from molgfn.trajectories.sources.replay import PrioritisedReplay, UniformReplay

VOCABULARY = [["C", [0]], ["CO", [0, 1]], ["c1ccccc1", [0, 1, 2, 3, 4, 5]], ["C1CNCCN1", [2, 5]]]
BATCH = 24
WAYS = {
    "policy": lambda given: {},
    "exploration": lambda given: {"policy": Explored(epsilon=0.3)},
    "two ways": lambda given: {"explored": Explored(share=0.5, epsilon=0.3)},
    "local_search": lambda given: {"local_search": LocalSearch(rounds=5)},
    "metropolis": lambda given: {"local_search": LocalSearch(rounds=5, accept="metropolis", cut="random")},
    "replay": lambda given: {"replay": UniformReplay(share=0.5, capacity=50)},
    "offline": lambda given: {"offline": OfflineMolecules(share=0.5, molecules=given)},
    "all": lambda given: {
        "local_search": LocalSearch(rounds=2),
        "replay": PrioritisedReplay(share=0.25, capacity=50),
        "offline": OfflineMolecules(share=0.25, molecules=given),
    },
}


@pytest.fixture
def policy():
    torch.manual_seed(0)
    environment = Fragments(vocabulary=VOCABULARY, max_fragments=3)
    return GraphTransformerPolicy(environment=environment, width=16, layers=1)


def filtered(**settings):
    return Power(oracle=QED(), beta=4.0, diversity_filter=DiversityFilter(**{"min_score": 0.2, **settings}))


def sources(way, tmp_path):
    path = tmp_path / "given.smi"
    path.write_text("\n".join(["Cc1ccccc1", "Oc1ccccc1", "CC", "COc1ccccc1"]))
    return Sources(batch_size=BATCH, sources={"policy": OnPolicy(), **WAYS[way](str(path))})


@pytest.mark.parametrize("kind", ["murcko", "smiles"])
@pytest.mark.parametrize("way", WAYS)
def test_the_last_state_has_the_log_target_of_the_object(policy, tmp_path, way, kind):
    drawn, reward = sources(way, tmp_path), filtered(kind=kind, bucket_size=2)
    generators = {name: torch.Generator().manual_seed(i) for i, name in enumerate(("generator", "replay_generator"))}
    finished, rewarded = set(), set()
    for iteration in range(5):
        found = drawn.draw(policy, reward, iteration=iteration, state_rewards=True, **generators)
        batch = found.trajectories
        assert torch.equal(batch.log_reward_state[batch.last], batch.log_target)
        worth = {}  # one value for each object of what is new in the batch, on the way too
        states = batch.states[batch.step > 0]
        objects = policy.environment.objects(states)
        keys = policy.environment.kind.keys(objects)
        values = (batch.log_reward_state[batch.step > 0] + policy.environment.log_symmetry(states, objects)).tolist()
        source = [batch.source[b] for b in batch.trajectory[batch.step > 0].tolist()]
        for key, value, origin in zip(keys, values, source, strict=True):
            if origin != "replay":
                assert worth.setdefault(key, value) == pytest.approx(value, abs=1e-12)
        fresh, scores = found.fresh.trajectories, found.fresh.scores
        blocked = scores.components["blocked"].tolist()
        counted = {key for key, value in zip(fresh.keys, scores.value.tolist(), strict=True) if value >= 0.2}
        paid = {key for key, b in zip(fresh.keys, blocked, strict=True) if not b} & counted
        assert not paid & finished, "found in an earlier batch, and rewarded again"
        rewarded |= paid
        finished |= counted
        state = reward.state_dict()["diversity_filter"]
        assert set(state["found"]) == finished  # neither replay nor given molecules nor states on the way
        if kind == "murcko":
            assert sum(count for _, count in state["buckets"]) == len(rewarded)
            if "local_search" not in drawn.by_name:
                assert max(count for _, count in state["buckets"]) <= 2
    assert 0 < len(rewarded) <= len(finished)


@pytest.mark.parametrize(
    "objective", [ForwardLookingDetailedBalance(), ModifiedDetailedBalance(flow_without_stop=True)]
)
@pytest.mark.parametrize("way", ["policy", "local_search"])
def test_a_filter_that_blocks_nothing_changes_no_loss(policy, tmp_path, objective, way):
    """In the first batch nothing was found before, and 1,000 places are enough: loss and gradient to the bit."""
    found = []
    for reward in (Power(oracle=QED(), beta=4.0), filtered(bucket_size=1000)):
        generator = torch.Generator().manual_seed(3)
        found_there = sources(way, tmp_path).draw(policy, reward, iteration=0, generator=generator, state_rewards=True)
        batch = found_there.trajectories
        if way == "policy":
            assert max(Counter(batch.keys).values()) > 1  # an object twice in the batch, and also on the way
        (loss,) = objective(evaluate(batch, policy, quantities=objective.quantities)).losses.values()
        gradient = torch.autograd.grad(loss.value, list(policy.parameters()), allow_unused=True)
        found.append((loss.value, [g for g in gradient if g is not None]))
    assert torch.equal(found[0][0], found[1][0])
    assert all(torch.equal(a, b) for a, b in zip(found[0][1], found[1][1], strict=True))


def test_scoring_a_batch_again_changes_nothing(policy):
    """Asked again within the batch, the filter says the same and counts nothing."""
    reward = filtered(bucket_size=1)
    batch = Sources(batch_size=BATCH).draw(policy, reward, iteration=0, state_rewards=True)
    drawn = batch.trajectories
    before = reward.state_dict()["diversity_filter"]
    again = find_rewards(
        replace(drawn, log_reward=None, log_symmetry=None),
        policy.environment,
        reward,
        state_rewards=True,
        score=lambda objects, keys, condition: reward.further(objects, keys, condition, finished=True),
    ).trajectories
    assert torch.equal(again.log_reward, drawn.log_reward)
    assert torch.equal(again.log_reward_state, drawn.log_reward_state)
    assert reward.state_dict()["diversity_filter"] == before
    assert int((batch.fresh.scores.components["blocked"] > 0).sum()) > 0
