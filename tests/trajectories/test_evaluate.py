"""One evaluation: each network is asked once, for the heads that are read and no others; quantities pad as they say."""

from dataclasses import replace
from typing import ClassVar

import pytest
import torch

from molgfn.errors import ContractError
from molgfn.objectives.policy_gradients.frozen import Advantage
from molgfn.testing import golden_dag
from molgfn.testing.objective import reordered, widened
from molgfn.trajectories.evaluate import evaluate, evaluate_and_anchor, evaluate_backward
from molgfn.trajectories.quantities.action_values import QGap, QTaken, QValue
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.backward_values import LogPaths
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.children import LogPFAll
from molgfn.trajectories.quantities.divergences import KL
from molgfn.trajectories.quantities.flows import LogFlow, LogZ, NextLogFlow, TargetLogFlow, TargetLogPF
from molgfn.trajectories.quantities.forward import ConstantLogPF, Entropy
from molgfn.trajectories.quantities.networks import Head, Networks
from molgfn.trajectories.quantities.prior import KLToPrior, LogPrior
from molgfn.trajectories.quantities.rewards import LogRewardState, ObjectLogReward

PF, PB, FLOW = "forward", "backward", "flow"


@pytest.fixture
def dag():
    return golden_dag()


def watched(policy, calls, name):
    """``policy``, whose evaluations are written down: (name, heads, with gradient)."""

    def note(_module, _args, asked):
        heads = tuple(h for h, default in ((PF, True), (PB, False), (FLOW, False)) if asked.get(h, default))
        calls.append((name, heads, torch.is_grad_enabled()))

    policy.register_forward_pre_hook(note, with_kwargs=True)
    return policy


@pytest.mark.parametrize(
    ("quantities", "arguments", "expected"),
    [
        ((LogZ,), {"needs_log_pf": False}, []),
        ((LogZ,), {}, [("policy", (PF,), True)]),
        ((LogFlow,), {"needs_log_pf": False}, [("policy", (FLOW,), True)]),
        ((LogPB, LogFlow, NextLogFlow, LogZ), {"joint": True}, [("policy", (PF, PB, FLOW), True)]),
        ((LogPB, LogFlow), {}, [("policy", (PF, FLOW), True), ("policy", (PB,), False)]),
        (
            (LogPB, ConstantLogPF),
            {"joint": True, "needs_log_pf": False},
            [("policy", (PB,), True), ("policy", (PF,), False)],
        ),
        (
            (LogPB, LogFlow, NextLogFlow, TargetLogFlow, TargetLogPF),
            {"target": True},
            [("policy", (PF, FLOW), True), ("policy", (PB,), False), ("target", (PF, FLOW), False)],
        ),
        ((LogPB, TargetLogFlow, TargetLogPF), {}, [("policy", (PF,), True), ("policy", (PF, PB, FLOW), False)]),
        (
            (QTaken, QGap, QValue),
            {"own": ("q1",)},
            [("policy", (PF,), True), ("q1", (PF, FLOW), True), ("q1", (PF, FLOW), False)],
        ),
        ((LogPaths,), {"own": ("log_paths",), "needs_log_pf": False}, [("log_paths", (FLOW,), True)]),
        ((LogPrior, KLToPrior), {"frozen": ("prior",)}, [("policy", (PF,), True), ("prior", (PF,), False)]),
    ],
    ids=lambda x: "-".join(q.name for q in x) if isinstance(x, tuple) and x and isinstance(x[0], type) else "",
)
def test_each_network_is_asked_once_for_what_is_read(dag, quantities, arguments, expected):
    calls = []
    copies = {
        kind: {name: watched(dag.policy.copy(), calls, name) for name in arguments.pop(kind, ())}
        for kind in ("own", "frozen")
    }
    target = watched(dag.policy.copy(), calls, "target") if arguments.pop("target", False) else None
    networks = Networks(target=target, **copies)
    watched(dag.policy, calls, "policy")
    evaluate(dag.trajectories, dag.policy, quantities=quantities, networks=networks, **arguments)
    assert calls == expected
    if not any(name == "policy" for name, *_ in expected):
        return
    assert calls[0][0] == "policy"  # with gradient first: autocast would keep weights that were cast without


def test_next_log_flow_is_log_flow_where_nothing_lags_behind(dag):
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=(LogFlow, NextLogFlow))
    assert evaluated[NextLogFlow] is evaluated[LogFlow]
    other = dag.policy.copy()
    with torch.no_grad():
        other.flows.add_(1.0)
    networks = Networks(target=other)
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=(LogFlow, NextLogFlow), networks=networks)
    torch.testing.assert_close(evaluated[NextLogFlow], (evaluated[LogFlow] + evaluated.mask).detach())
    assert not evaluated[NextLogFlow].requires_grad


def test_of_the_prior(dag):
    """log P_prior of the actions and the exact KL, without a gradient into the prior."""
    prior = dag.policy.copy()
    with torch.no_grad():
        prior.forward_logits.mul_(0.3)
    networks = Networks(frozen={"prior": prior})
    evaluated = evaluate(
        dag.trajectories, dag.policy, quantities=(LogPrior, KLToPrior, LogPFAll, Entropy), networks=networks
    )
    alone = evaluate(dag.trajectories, prior, quantities=(LogPFAll,))
    torch.testing.assert_close(evaluated[LogPrior], alone.log_pf.detach())
    here, there = (e[LogPFAll].exp().nan_to_num() for e in (evaluated, alone))
    gap = torch.where(here > 0, here * (here / there).log(), 0.0).sum(-1)
    torch.testing.assert_close(evaluated[KLToPrior], gap * evaluated.mask)
    evaluated[KLToPrior].sum().backward()
    assert dag.policy.forward_logits.grad.any()
    assert all(p.grad is None for p in prior.parameters())


def test_the_reward_of_an_object_has_no_symmetry_term(dag):
    t = replace(dag.trajectories, log_symmetry=torch.linspace(0, 1, 19, dtype=torch.float64))
    evaluated = evaluate(t, dag.policy, quantities=(ObjectLogReward,))
    torch.testing.assert_close(evaluated[ObjectLogReward], t.log_reward)
    torch.testing.assert_close(evaluated.log_reward, t.log_reward - t.log_symmetry)


def test_an_anchor_is_where_the_divergence_is_measured_from(dag):
    first, anchor = evaluate_and_anchor(dag.trajectories, dag.policy, quantities=(KL,))
    assert not first[KL].any()
    with torch.no_grad():
        dag.policy.forward_logits.mul_(2.0)
    assert evaluate(dag.trajectories, dag.policy, quantities=(KL,), anchor=anchor)[KL].max() > 0.1
    assert evaluate_and_anchor(dag.trajectories, dag.policy, quantities=(KL,), keep=False)[1] is None


class Padded(Quantity):
    """[B, T, 2], one and two, with -3 on pads."""

    name: ClassVar[str] = "padded"
    padding: ClassVar[float] = -3.0

    @classmethod
    def compute(cls, evaluation):
        return torch.tensor([1.0, 2.0]).expand(len(evaluation.trajectories.actions), 2)


class Undeclared(Quantity):
    """Reads a head that it does not list."""

    name: ClassVar[str] = "undeclared"

    @classmethod
    def compute(cls, evaluation):
        return evaluation.log_flow()


class Absent(Undeclared):
    """Reads a network that nobody declares."""

    reads: ClassVar = (Head("flow", "nowhere"),)


def test_pads_are_those_of_the_quantity(dag):
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=(Padded, LogZ))
    wide = widened(evaluated, 2)
    for e in (evaluated, wide, reordered(wide, torch.arange(18, -1, -1))):
        assert (e[Padded][~e.mask] == -3).all()
        assert e[Padded][e.mask].unique().tolist() == [1, 2]
        assert e[LogZ].dim() == 0
    assert wide.mask.shape == (19, evaluated.mask.shape[1] + 2)


def test_what_is_not_listed_is_named(dag):
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=(LogPB,))
    with pytest.raises(ContractError, match=r"log_flow is not there: .* evaluated\[LogFlow\] must list it"):
        evaluated[LogFlow]
    with pytest.raises(ContractError, match=r"advantage is not there: .* must return it from `prepare`"):
        evaluated[Advantage]
    with pytest.raises(ContractError, match="'log_pb' is no quantity"):
        evaluated["log_pb"]
    with pytest.raises(ContractError, match=r"reads `flow` of the network `policy` .* no listed quantity"):
        evaluate(dag.trajectories, dag.policy, quantities=(Undeclared,))
    with pytest.raises(ContractError, match="there is no network `nowhere` to read from, only policy"):
        evaluate(dag.trajectories, dag.policy, quantities=(Absent,))
    with pytest.raises(ContractError, match="`prepare` must give it"):
        evaluate(dag.trajectories, dag.policy, quantities=(Advantage,))
    bare = replace(dag.trajectories, log_reward_state=None)
    with pytest.raises(ContractError, match="rewards of states on the way were not asked for"):
        evaluate(bare, dag.policy, quantities=(LogRewardState,))


def test_of_pb_alone(dag):
    evaluated = evaluate_backward(dag.trajectories, dag.policy, quantities=(LogPB, ConstantLogPF))
    assert evaluated[LogPB].requires_grad
    assert not evaluated[ConstantLogPF].requires_grad
    assert not evaluated.log_pf.any()
    torch.testing.assert_close(evaluated[ConstantLogPF].sum(1).exp(), dag.probabilities())
