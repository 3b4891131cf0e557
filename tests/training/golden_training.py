"""Training on the golden DAG with the module itself: tables from zero, exact total variation afterwards."""

import warnings

import pytorch_lightning as pl
import torch

from molgfn.environments.hypergrid import HyperGrid
from molgfn.objectives.backward.base import policy_needs
from molgfn.objectives.backward.uniform import Uniform
from molgfn.objects.grid import GRID
from molgfn.policies.tabular import TabularPolicy
from molgfn.rewards.base import Reward, Scores
from molgfn.serving.counters import Counters
from molgfn.serving.measurements import Measurements
from molgfn.testing import golden_dag
from molgfn.training.data import TrajectoryDataModule
from molgfn.training.learner import Learner
from molgfn.training.module import GFlowNetModule
from molgfn.training.optimizers import Optimizers
from molgfn.trajectories.mixture import Sources


class GoldenReward(Reward):
    """R = 1 + 2i + 3j + ij."""

    kind = GRID

    def __init__(self):
        self.table = golden_dag().log_reward

    def log_reward(self, measurements, condition=None):
        return measurements.values["r"].log()

    def __call__(self, objects, keys, condition=None):
        value = self.table[objects[:, 0] * 3 + objects[:, 1]].exp()
        measured = Measurements({"r": value}, [None] * len(keys))
        # of the table itself, so that not even the last bit depends on exp and log
        log_reward = self.table[objects[:, 0] * 3 + objects[:, 1]]
        return Scores(log_reward=log_reward, value=value, problems=measured.problems, measurements=measured)

    @property
    def counters(self):
        return Counters()

    @property
    def floor(self):
        return 0.0

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


def train_on_golden(
    objective, backward=None, *, iterations=1500, batch=16, lr=0.05, seed=0, sources=None, target=None, **optimizer
):
    """(TV of P_T from R/Z, module) after training."""
    torch.manual_seed(seed)
    backward = backward or Uniform()
    environment = HyperGrid(dimensions=2, side=3)
    needs = policy_needs(objective, backward)
    needs.pop("own_losses")  # tables share nothing
    policy = TabularPolicy(environment=environment, **needs)
    learner = Learner(
        policy=policy,
        objective=objective,
        backward=backward,
        optimizers=Optimizers(**{"lr": lr, "lr_log_z": 0.1, "clip_norm": None, **optimizer}),
        target=target,
        auxiliaries={
            network.name: TabularPolicy(environment=environment)
            for network in (*objective.networks, *backward.networks)
        },
        seed=seed,
    )
    module = GFlowNetModule(learner)
    data = TrajectoryDataModule(
        policy=policy,
        environment=environment,
        reward=GoldenReward(),
        sources=sources or Sources(batch_size=batch),
        iterations=iterations,
        seed=seed,
        state_rewards=any(q.reads_state_rewards for q in objective.quantities),
    )
    trainer = pl.Trainer(
        accelerator="cpu", max_epochs=1, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.fit(module, datamodule=data)
    return total_variation(policy), module


@torch.no_grad()
def total_variation(policy):
    dag = golden_dag()
    dag.policy.forward_logits.copy_(policy.forward_logits)
    p = torch.zeros(9, dtype=torch.float64)
    p = p.index_add(0, dag.environment.index(dag.trajectories.terminal), dag.probabilities())
    return 0.5 * (p - dag.log_reward.softmax(0)).abs().sum().item()
