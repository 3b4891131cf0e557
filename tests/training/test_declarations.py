"""Parts that declare what nobody knows, or forget what should be trained, are refused before a run."""

import sys
import types

import pytest

from molgfn.environments.fragments import Fragments
from molgfn.environments.hypergrid import HyperGrid
from molgfn.errors import ConfigError, ContractError
from molgfn.experiment import assemble
from molgfn.objectives.backward.trajectory_likelihood import TrajectoryLikelihood
from molgfn.objectives.backward.uniform import Uniform
from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.objectives.base import Network
from molgfn.objectives.policy_gradients.frozen import Advantage
from molgfn.policies.graph import GraphTransformerPolicy, MessagePassingPolicy
from molgfn.policies.mlp import MLPPolicy
from molgfn.policies.tabular import TabularPolicy
from molgfn.testing import check_objective
from molgfn.training.declarations import misdeclared
from molgfn.training.learner import Learner
from molgfn.training.optimizers import Optimizers
from molgfn.trajectories.quantities.action_values import QTaken
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.flows import LogZ

GRID = HyperGrid(dimensions=2, side=3)


class Forgetful(MLPPolicy):
    """Its trunk is in no group."""

    def group_modules(self):
        return {**super().group_modules(), "forward": self.forward_head.parameters()}


class Twice(MLPPolicy):
    def group_modules(self):
        return {**super().group_modules(), "flow": self.parameters()}


class OwnGroup(MLPPolicy):
    def group_modules(self):
        groups = super().group_modules()
        return {**groups, "heads": groups.pop("flow")}


class Frozen(Forgetful):
    """What is left out is not to be trained."""

    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.trunk.requires_grad_(False)


class Misspelt(TrajectoryBalance):
    quantities = (LogPB, LogZ, "log_prior")


class ListsWhatPrepareGives(TrajectoryBalance):
    quantities = (LogPB, LogZ, Advantage)


class Unfinished(LogPB):
    """It does not say how it is computed."""

    compute = Quantity.compute


class ListsTheUnfinished(TrajectoryBalance):
    quantities = (LogZ, Unfinished)


class ReadsAnUndeclaredNetwork(TrajectoryBalance):
    quantities = (LogPB, LogZ, QTaken)


class TrainsNothingKnown(TrajectoryBalance):
    trains = frozenset({"forward", "log_z", "head"})


class NetworkOfABadName(TrajectoryBalance):
    networks = (Network("q 3"),)


class NetworkOfATakenName(TrajectoryBalance):
    networks = (Network("flow"),)


class MisspeltBackward(TrajectoryLikelihood):
    quantities = (LogPB, "log_prior")


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        (Forgetful, r"Forgetful\.group_modules leaves out trunk\.0\.weight, trunk\.0\.bias, .* never be trained"),
        (Twice, r"Twice\.group_modules has .*trunk\.0\.weight.* more than once"),
        (OwnGroup, r"OwnGroup\.group_modules names heads; the groups are forward, backward, flow"),
    ],
)
def test_a_policy_whose_groups_are_not_all_there_is(policy, says):
    made = policy(environment=GRID, hidden=4)
    (problem,) = misdeclared(TrajectoryBalance(), Uniform(), made)
    assert problem.startswith("policy: ")
    with pytest.raises(ContractError, match=says):
        Learner(policy=made, objective=TrajectoryBalance(), backward=Uniform(), optimizers=Optimizers())


@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize("share", [None, False, True])
def test_every_policy_names_all_of_its_parameters(learned, share):
    molecules = Fragments(vocabulary=[["C", [0]], ["CC", [0, 1]]], max_fragments=2)
    made = [
        MLPPolicy(environment=GRID, learned_backward=learned, share_trunk=bool(share)),
        TabularPolicy(environment=GRID, learned_backward=learned),
        Frozen(environment=GRID, hidden=4),
        *(
            kind(environment=molecules, learned_backward=learned, width=8, share_trunk=share)
            for kind in (GraphTransformerPolicy, MessagePassingPolicy)
        ),
    ]
    for policy in made:
        assert not misdeclared(TrajectoryBalance(), Uniform(), policy)


@pytest.mark.parametrize(
    ("objective", "says"),
    [
        (Misspelt, "quantities lists 'log_prior', which is no quantity: a class of molgfn.trajectories.quantities"),
        (ListsWhatPrepareGives, "quantities lists Advantage, which is read without being listed: `prepare` gives it"),
        (ListsTheUnfinished, "quantities lists Unfinished, which does not say how it is computed"),
        (ReadsAnUndeclaredNetwork, "quantities lists QTaken, which reads the network `q1`, but neither"),
        (TrainsNothingKnown, "trains names head; known are backward, flow, forward"),
        (NetworkOfABadName, "networks names `q 3`, which is no name"),
        (NetworkOfATakenName, "networks names flow, which is already the name of something else"),
    ],
)
def test_words_that_nobody_knows(objective, says):
    policy = MLPPolicy(environment=GRID, hidden=4)
    problems = misdeclared(objective(), Uniform(), policy)
    assert all(p.startswith(f"objective: {objective.__name__}.") for p in problems)
    with pytest.raises(ContractError, match=f"{objective.__name__}: {says}"):
        check_objective(objective())


def test_words_of_a_backward_policy_that_nobody_knows():
    (problem,) = misdeclared(TrajectoryBalance(), MisspeltBackward(), MLPPolicy(environment=GRID, hidden=4))
    assert problem.startswith("backward: MisspeltBackward.quantities lists 'log_prior', which is no quantity")


def test_a_run_is_refused_with_all_of_it(config, monkeypatch):
    """By dotted path, as in a user's own package; nothing is made."""
    settings = config(
        environment={"_target_": "molgfn.environments.hypergrid.HyperGrid", "dimensions": 2, "side": 3},
        oracle={"_target_": "molgfn.oracles.synthetic.hypergrid.HyperGrid", "dimensions": 2, "side": 3},
        policy={"_target_": "my_lab.Forgetful", "hidden": 4},
        objective={"_target_": "my_lab.Misspelt"},
    )
    module = types.ModuleType("my_lab")
    vars(module).update(Forgetful=Forgetful, Misspelt=Misspelt)
    monkeypatch.setitem(sys.modules, "my_lab", module)
    with pytest.raises(ConfigError) as error:
        assemble(settings)
    text = str(error.value)
    assert "objective: Misspelt.quantities lists 'log_prior'" in text
    assert "policy: Forgetful.group_modules leaves out trunk.0.weight" in text
