"""Two processes with halves of a batch take the very steps that one takes with the whole, for every objective."""

from dataclasses import replace
from types import MethodType

import pytest
import torch
from tests.processes import in_processes

import molgfn
from molgfn.experiment import assemble
from molgfn.ranks import ALONE, Ranks
from molgfn.training.learner import Learner
from molgfn.trajectories.rewarded import Batch
from molgfn.trajectories.sampler import Sampler

#: each condition of four trajectories; of one condition all, so that both processes hold it
WARM = ["condition=temperature", "reward.beta=null", "condition.per_condition=4"]
SHARED = [*WARM, "condition.per_condition=16"]
#: name -> overrides; plain gradient descent, so that a difference of the gradients is one of the parameters
CASES = {
    "tb": ["objective=tb"],
    "tb, one rate of log Z": ["objective=tb", "optimizer.lr_log_z=0.1"],
    "tb, joint": ["objective=tb", "backward=joint"],
    "tb, tlm": ["objective=tb", "backward=tlm"],
    "vargrad": ["objective=vargrad"],
    "order": ["objective=order_preserving"],
    "pareto order": ["objective=order_preserving", "oracle=grid_objectives", "scalarisation=pareto"],
    "db over transitions": ["objective=db", "objective.reduction=transition"],
    "fldb over transitions": ["objective=fldb", "objective.reduction=transition"],
    "mdb over transitions": ["objective=mdb", "objective.reduction=transition"],
    "fm over transitions": ["objective=fm", "objective.reduction=transition"],
    "subtb": ["objective=subtb"],
    "subtb over the batch": ["objective=subtb", "objective.weighting=geometric", "objective.lambda_=1.5"],
    "gae": ["objective=vpg"],
    "gae, centred": ["objective=vpg", "objective.center=true"],
    "gae, critic in parts": ["objective=vpg", "objective.critic_epochs=2", "objective.critic_splits=2"],
    "leave one out": ["objective=vpg", "objective.advantage=leave_one_out"],
    "ent_ppo": ["objective=ent_ppo"],
    "ent_ppo, sub_eb": ["objective=ent_ppo", "objective.critic=sub_eb"],
    "rl_u": ["objective=rl_u"],
    "rl_t": ["objective=rl_t"],
    "rl_t, damped": ["objective=rl_t", "objective.damping=0.1"],
    "tb, rl_g": ["objective=tb", "backward=rl_g"],
    "tb, rl_b": ["objective=tb", "backward=rl_b"],
    "tb, maxent": ["objective=tb", "backward=maxent", "backward.counts=learned"],
    "sac": ["objective=sac"],
    "soft_dqn": ["objective=soft_dqn"],
    "munchausen_dqn": ["objective=munchausen_dqn"],
    "pcl": ["objective=pcl", "objective.span=2"],
    "reverse_kl": ["objective=reverse_kl"],
    "renyi": ["objective=renyi"],
    "wake_sleep": ["objective=wake_sleep"],
    "tb under conditions": ["objective=tb", *WARM],
    "vargrad under conditions": ["objective=vargrad", *WARM],
    "vargrad under one condition": ["objective=vargrad", *SHARED],
    "leave one out under one condition": ["objective=vpg", "objective.advantage=leave_one_out", *SHARED],
    "rl_u under conditions": ["objective=rl_u", *WARM],
    "rl_u under one condition": ["objective=rl_u", *SHARED],
    "reverse_kl under one condition": ["objective=reverse_kl", *SHARED],
    "renyi under one condition": ["objective=renyi", *SHARED],
    "wake_sleep under one condition": ["objective=wake_sleep", *SHARED],
    "ent_ppo under conditions": ["objective=ent_ppo", *WARM],
}
BASE = [
    "environment.side=5",
    "policy.hidden=16",
    "data.batch_size=16",
    "optimizer.algorithm=SGD",
    "optimizer.betas=null",
    "optimizer.lr=0.01",
    "optimizer.lr_flow=0.02",
    "optimizer.lr_log_z=null",
    "logger.wandb=off",
]


def share_of(t, ranks: Ranks):
    n = ranks.share(len(t))
    return t.select(torch.arange(ranks.rank * n, (ranks.rank + 1) * n))


def draws_back_together(steps, ranks: Ranks) -> None:
    """P_B's own draws are those of one process, of which each rank takes its share."""

    def trajectories(self, batch):
        if self.backward.trajectories != "backward":
            return batch
        whole = self.whole
        drawn = Sampler(self.policy.environment).backward(self.policy, whole.terminal, generator=self.stream)
        drawn = replace(drawn, log_reward=whole.log_reward, log_symmetry=whole.log_symmetry, keys=whole.keys)
        return share_of(drawn, ranks)

    steps.stream = torch.Generator().manual_seed(3)
    steps._trajectories = MethodType(trajectories, steps)


def trained(ranks: Ranks, overrides: list[str], joined: bool = True) -> dict:
    """Parameters and losses after two iterations on shares of the batches that one process draws."""
    config = molgfn.compose("experiments/hypergrid/tb.yaml", *BASE, *overrides)
    e = assemble(config)
    learner = Learner(
        policy=e.policy,
        objective=e.objective,
        backward=e.backward,
        optimizers=e.optimizers,
        auxiliaries=e.auxiliaries,
        ranks=ranks if joined else ALONE,
    )
    networks = torch.nn.ModuleDict(learner.networks).double()
    draws_back_together(learner.backward_steps, ranks)
    before = {name: p.detach().clone() for name, p in networks.named_parameters()}
    data = e.data()
    for _ in range(2):
        whole = data.draw()
        learner.backward_steps.whole = whole.trajectories
        fresh = replace(whole.fresh, trajectories=share_of(whole.fresh.trajectories, ranks))
        metrics = learner.step(Batch(share_of(whole.trajectories, ranks), fresh, None))
    return {
        "moved": sum(float((p.detach() - before[name]).abs().sum()) for name, p in networks.named_parameters()),
        "parameters": {name: p.detach() for name, p in networks.named_parameters()},
        "losses": {name: float(value) for name, value in metrics.items() if name.startswith("loss/")},
    }


def every_case(ranks: Ranks) -> dict:
    return {name: trained(ranks, overrides) for name, overrides in CASES.items()}


@pytest.fixture(scope="module")
def together():
    return in_processes(every_case, 2)


def distance(one: dict, other: dict) -> float:
    pairs = ((one["parameters"][name], other["parameters"][name]) for name in one["parameters"])
    return max(float((a - b).abs().max()) for a, b in pairs)


@pytest.mark.parametrize("name", CASES)
def test_halves_step_as_the_whole(together, name):
    alone = trained(ALONE, CASES[name])
    first, second = (result[name] for result in together)
    assert alone["moved"] > 1e-3
    assert distance(first, second) == 0
    assert distance(alone, first) < 1e-9
    mean = {k: (v + second["losses"][k]) / 2 for k, v in first["losses"].items()}
    assert mean == pytest.approx(alone["losses"], rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    "name", ["vargrad", "gae, centred", "db over transitions", "renyi", "rl_t", "rl_u under one condition"]
)
def test_a_half_alone_steps_otherwise(name):
    """What the test above would not see if halves were like the whole."""

    class Half(Ranks):
        size = 2

    assert distance(trained(ALONE, CASES[name]), trained(Half(), CASES[name], joined=False)) > 1e-5
