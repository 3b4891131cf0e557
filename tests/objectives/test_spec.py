"""All shipped objectives and backward policies: names, sources, stop-gradients, far-off numbers, refusals."""

import copy
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from molgfn.config import build
from molgfn.objectives.backward.base import BackwardPolicyTraining, mismatch
from molgfn.objectives.base import Objective
from molgfn.testing import golden_dag
from molgfn.testing.objective import evaluate_for, networks_of
from molgfn.trajectories.evaluate import evaluate, evaluate_backward
from molgfn.trajectories.quantities.backward import LogPB

CONFIGS = Path(__file__).parents[2] / "configs"


def shipped(group, kind):
    files = sorted((CONFIGS / group).glob("*.yaml"))
    return {p.stem: build(yaml.safe_load(p.read_text()), kind, group) for p in files}


OBJECTIVES = shipped("objective", Objective)
BACKWARD = shipped("backward", BackwardPolicyTraining)
#: gradient reaches P_F, P_B where it is trained jointly, log F or V, log Z, or networks of its own
REACHED = {
    "tb": {"forward", "backward", "log_z"},
    "db": {"forward", "backward", "flow"},
    "subtb": {"forward", "backward", "flow"},
    "fldb": {"forward", "backward", "flow"},
    "mdb": {"forward", "backward"},
    "vargrad": {"forward", "backward"},
    "order_preserving": {"forward", "backward"},
    "rtb": {"forward", "log_z"},
    "fm": {"forward", "flow"},
    "vpg": {"forward", "flow"},
    "ent_ppo": {"forward", "flow"},
    "rl_u": {"forward", "flow", "log_z"},
    "rl_t": {"forward", "flow", "log_z"},
    "soft_dqn": {"forward", "flow"},
    "munchausen_dqn": {"forward", "flow"},
    "pcl": {"forward", "flow"},
    "sac": {"forward", "q1", "q2"},
    "rpe": {"forward", "flow"},
    "reverse_kl": {"forward"},
    "wake_sleep": {"forward"},
    "renyi": {"forward"},
    "mle": {"forward"},
    "agfn": {"forward", "backward", "log_z"},
    "dpo": {"forward"},
    "dpo_steps": {"forward"},
    "self_play": {"forward"},
}
ON_POLICY = {"vpg", "ent_ppo", "rl_u", "rl_t", "reverse_kl", "wake_sleep", "renyi"}
OWN_LOSS = {"tlm", "pessimistic", "rl_b", "rl_g", "rl_g_forward", "guided_tb"}


def total(objective, evaluated):
    return torch.stack([loss.value for loss in objective(evaluated).losses.values()]).sum()


def test_nothing_is_missing():
    assert set(OBJECTIVES) == set(REACHED)
    assert set(BACKWARD) == OWN_LOSS | {"uniform", "maxent", "joint", "cost_guided", "decomposability_guided"}
    assert {name for name, o in OBJECTIVES.items() if o.on_policy} == ON_POLICY
    assert {name for name, b in BACKWARD.items() if b.on_policy} == {"tlm"}


@pytest.mark.parametrize("part", [*OBJECTIVES.values(), *BACKWARD.values()], ids=[*OBJECTIVES, *BACKWARD])
def test_each_names_its_source_and_its_equation(part):
    ids = re.findall(r"arXiv (\d{4}\.\d{5})", part.reference)
    assert ids
    text = type(part).__doc__
    assert all(number in text for number in ids)
    assert "P_B" in text
    assert "``" in text or type(part).__name__ == "Joint"  # whose loss is that of the objective


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("joint", [False, True])
def test_stop_gradient_table(name, joint):
    objective, dag = OBJECTIVES[name], golden_dag()
    networks = networks_of(objective, dag)
    total(objective, evaluate_for(objective, dag, networks=networks, joint=joint)).backward()
    groups = {k: p for k, (p, *_) in dag.policy.parameter_groups().items()}
    groups |= {k: network.flows for k, network in networks.own.items()}
    reached = {k for k, p in groups.items() if p.grad is not None}
    assert reached == REACHED[name] - (set() if joint else {"backward"})
    followers = [networks.target, *networks.targets.values()]
    assert all(p.grad is None for copied in followers if copied is not None for p in copied.parameters())


@pytest.mark.parametrize("name", ["tlm", "pessimistic", "rl_b"])
def test_losses_of_pb_leave_pf_alone(name):
    dag, backward = golden_dag(), BACKWARD[name]
    critic = dag.policy.copy()
    networks = replace(networks_of(OBJECTIVES["tb"], dag), own={"value_backward": critic})
    evaluated = evaluate_backward(dag.trajectories, dag.policy, quantities=backward.quantities, networks=networks)
    for loss in backward(evaluated).losses.values():
        loss.value.backward()
    reached = {k for k, (p, *_) in dag.policy.parameter_groups().items() if p.grad is not None}
    assert reached == {"backward"}
    assert (critic.flows.grad is not None) == bool(backward.networks)


def test_entropy_of_trajectories():
    p = golden_dag().probabilities()
    assert -(p * p.log()).sum().item() == pytest.approx(1.773870, abs=1e-6)


def test_likelihood_of_pb_has_the_gradient_of_the_kl():
    """grad_phi of -E_PF[log P_B] is grad_phi KL(P_F || P_B R / Z)."""
    dag = golden_dag()
    p = dag.probabilities()
    log_pb = evaluate_backward(dag.trajectories, dag.policy)[LogPB].sum(1)
    target = log_pb + dag.trajectories.log_reward - torch.logsumexp(dag.log_reward, 0)
    assert target.exp().sum().item() == pytest.approx(1, abs=1e-12)
    (of_kl,) = torch.autograd.grad((p * (p.log() - target)).sum(), dag.policy.backward_logits)
    size = 200_000  # a batch in which every trajectory is there as often as it is likely
    index = torch.repeat_interleave(torch.arange(19), (p * size).round().long())
    evaluated = evaluate_backward(dag.trajectories.select(index), dag.policy)
    (loss,) = BACKWARD["tlm"](evaluated).losses.values()
    (of_tlm,) = torch.autograd.grad(loss.value, dag.policy.backward_logits)
    torch.testing.assert_close(of_tlm, of_kl, rtol=0, atol=2e-4)
    assert of_kl.abs().max() > 0.01


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("log_scale", [-100.0, -2000.0])
@pytest.mark.parametrize("which", ["all", "shortest", "longest"])
def test_single_precision_far_from_everything(name, log_scale, which):
    """Tiny rewards, actions of probability 0, a batch of one trajectory, one of a single step."""
    objective, dag = OBJECTIVES[name], golden_dag()
    policy = dag.policy.float()
    with torch.no_grad():
        policy.forward_logits[:, 0] = policy.backward_logits[4, 0] = -3e4
    t = dag.trajectories
    state = t.log_reward_state.float() + log_scale
    t = replace(t, log_reward=t.log_reward.float() + log_scale, log_reward_state=state)
    if which != "all":
        one = int(t.lengths.argmin() if which == "shortest" else t.lengths.argmax())
        t = t.select(torch.tensor([one] * objective.least_batch))
    networks = networks_of(objective, dag)
    joint = "backward" in objective.trains
    evaluated = evaluate(t, policy, quantities=objective.quantities, joint=joint, networks=networks)
    loss = total(objective, evaluated)
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)
    networks_all = [policy, *networks.own.values()]
    parameters = [p for network in networks_all for p in network.parameters()]
    for gradient in torch.autograd.grad(loss, parameters, allow_unused=True):
        assert gradient is None or torch.isfinite(gradient).all()
    assert all(torch.isfinite(v).all() for v in objective(evaluated).metrics.values())


@pytest.mark.parametrize("backward", BACKWARD)
@pytest.mark.parametrize("name", OBJECTIVES)
def test_what_goes_with_what(name, backward):
    reason = mismatch(OBJECTIVES[name], copy.deepcopy(BACKWARD[backward]))
    refused = {
        "joint": "backward" not in REACHED[name],  # rtb reads no P_B at all
        "guided_tb": name not in {"tb", "vargrad"},
    }.get(backward, False) or (name == "rpe" and backward != "uniform")
    assert (reason is not None) == refused
    if name == "rpe" and refused:
        assert "uniform P_B only" in reason
        assert "use backward=uniform" in reason
