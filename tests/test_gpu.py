"""What only a CUDA device can show; skipped elsewhere (pytest -m gpu)."""

import pytest
import torch

from molgfn.environments.fragments import Fragments
from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.oracles.properties.qed import QED
from molgfn.policies.graph import GraphTransformerPolicy
from molgfn.rewards.power import Power
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.flows import LogFlow, LogZ
from molgfn.trajectories.quantities.forward import Entropy
from molgfn.trajectories.rewarded import find_rewards
from molgfn.trajectories.sampler import Sampler

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, and torch sees none"),
]


@pytest.fixture
def policy():
    environment = Fragments(vocabulary="rdkit", max_fragments=6)
    return GraphTransformerPolicy(environment=environment, learned_backward=True).cuda()


def test_no_step_of_a_rollout_waits_for_the_host(policy):
    environment = policy.environment
    generator = torch.Generator("cuda").manual_seed(0)
    states = environment.initial(64, "cuda")

    def step(states):
        actions = policy(states).forward.sample(generator)
        after = environment.step(states, actions)
        environment.backward_action(states, actions, after)
        return after

    states = step(states)  # the tables move to the device here
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(4):
            states = step(states)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_same_scores_as_on_the_cpu(policy):
    environment = policy.environment
    t = Sampler(environment).forward(policy, 32, generator=torch.Generator("cuda").manual_seed(0))
    t = find_rewards(t, environment, Power(oracle=QED())).trajectories
    quantities = (LogPB, LogFlow, Entropy, LogZ)
    there = evaluate(t, policy, quantities=quantities, joint=True)
    here = evaluate(t.to("cpu"), policy.cpu(), quantities=quantities, joint=True)
    torch.testing.assert_close(there.log_pf.cpu(), here.log_pf, rtol=1e-3, atol=1e-3)
    for quantity in quantities:
        torch.testing.assert_close(there[quantity].cpu(), here[quantity].cpu(), rtol=1e-3, atol=1e-3)


def test_a_training_step(policy):
    environment, objective = policy.environment, TrajectoryBalance()
    t = find_rewards(Sampler(environment).forward(policy, 16), environment, Power(oracle=QED())).trajectories
    (loss,) = objective(evaluate(t, policy, quantities=objective.quantities, joint=True)).losses.values()
    loss.value.backward()
    grads = [p.grad for p in policy.parameters() if p.grad is not None]
    assert grads
    assert all(torch.isfinite(g).all() for g in grads)


@pytest.mark.parametrize("backward", ["uniform", "maxent", "tlm", "pessimistic", "rl_b", "rl_g", "rl_g_forward"])
def test_backward_policies_train(tmp_path, backward):
    train_two(tmp_path, f"backward={backward}")


@pytest.mark.parametrize(
    "objective",
    ["ent_ppo", "rl_u", "rl_t", "fm", "subtb", "sac", "munchausen_dqn", "fldb", "wake_sleep", "guided"],
)
def test_objectives_train(tmp_path, objective):
    chosen = ("objective=tb", "backward=guided_tb") if objective == "guided" else (f"objective={objective}",)
    train_two(tmp_path, *chosen)


def test_local_search_and_replay_train(tmp_path):
    train_two(tmp_path, "data=local_search", "objective=db", "target=soft")
    train_two(tmp_path, "data=prioritised_replay", "objective=soft_dqn")


def train_two(tmp_path, *overrides):
    """Two iterations on the GPU through the command line's own composition; the weights stay finite."""
    from molgfn.composing.compose import checked
    from molgfn.experiment import train

    base = ["trainer.accelerator=gpu", "trainer.iterations=2", "trainer.progress=none", "logger.wandb=off"]
    config = checked("quickstart", [*overrides, *base, "data.batch_size=16", f"output={tmp_path}"])
    run = train(config)
    assert run.iteration == 2
    assert all(torch.isfinite(p).all() for p in run.experiment.policy.parameters())
