"""Random policy evaluation trained where it is valid: exact total variation of P_T from R/Z."""

import warnings

import pytest
import pytorch_lightning as pl
import torch

from molgfn.environments.hypergrid import HyperGrid
from molgfn.environments.strings import Strings
from molgfn.evaluation.exact.answers import compare, exact_target, exact_terminal
from molgfn.objectives.backward.uniform import Uniform
from molgfn.objectives.soft_q.random_policy_evaluation import RandomPolicyEvaluation
from molgfn.oracles.synthetic.hypergrid import HyperGrid as HyperGridReward
from molgfn.oracles.synthetic.string_modes import StringModes
from molgfn.policies.tabular import TabularPolicy
from molgfn.rewards.boltzmann import Boltzmann
from molgfn.training.data import TrajectoryDataModule
from molgfn.training.learner import Learner
from molgfn.training.module import GFlowNetModule
from molgfn.training.optimizers import Optimizers
from molgfn.trajectories.mixture import Sources
from molgfn.trajectories.sources.explored import Explored

CASES = {
    "line": lambda: (HyperGrid(dimensions=1, side=6), HyperGridReward(dimensions=1, side=6)),
    **{
        mode: lambda mode=mode: (
            Strings(alphabet="ABC", length=3, mode=mode),
            StringModes(alphabet="ABC", length=3, modes=["ABC", "CCA"]),
        )
        for mode in ("append", "prepend_append", "any_slot")
    },
}


def train(case, *, iterations, seed):
    """(TV before, TV after) of tables from zero; every action is drawn uniformly."""
    torch.manual_seed(seed)
    environment, oracle = CASES[case]()
    reward = Boltzmann(oracle=oracle, beta=4.0)
    policy = TabularPolicy(environment=environment)
    learner = Learner(
        policy=policy,
        objective=RandomPolicyEvaluation(),
        backward=Uniform(),
        optimizers=Optimizers(lr=0.05, clip_norm=None),
        seed=seed,
    )
    module = GFlowNetModule(learner)
    data = TrajectoryDataModule(
        policy=policy,
        environment=environment,
        reward=reward,
        sources=Sources(batch_size=16, sources=[Explored(epsilon=1.0)]),
        iterations=iterations,
        seed=seed,
        state_rewards=True,
    )
    target = exact_target(environment, Boltzmann(oracle=oracle, beta=4.0))

    def distance():
        return compare(target, exact_terminal(policy, target.graph)).tv

    before = distance()
    trainer = pl.Trainer(
        accelerator="cpu", max_epochs=1, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.fit(module, datamodule=data)
    assert policy.flows[environment.index(environment.initial(1))].item() == pytest.approx(target.log_z, abs=1.0)
    return before, distance()


def test_it_learns():
    before, after = train("line", iterations=200, seed=0)
    assert after < 0.1
    assert after < before / 2


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("case", CASES)
def test_it_reaches_the_target(case, seed):
    assert train(case, iterations=1500, seed=seed)[1] < 0.01
