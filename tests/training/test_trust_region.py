"""The trust-region optimizer alone, and the curvature of policies against finite differences."""

import pytest
import torch

from molgfn.environments.fragments import Fragments
from molgfn.objectives.policy_gradients.rl_trust_region import RLTrustRegion
from molgfn.policies.graph import GraphTransformerPolicy, MessagePassingPolicy
from molgfn.policies.mlp import MLPPolicy
from molgfn.testing import golden_dag
from molgfn.training.updates.trust_region import TrustRegionOptimizer, conjugate_gradients
from molgfn.trajectories.evaluate import evaluate, evaluate_and_anchor
from molgfn.trajectories.quantities.divergences import KLOld
from molgfn.trajectories.sampler import Sampler


def definite(n=12):
    root = torch.randn(n, n, dtype=torch.float64)
    return root @ root.T + 0.5 * torch.eye(n, dtype=torch.float64)


def test_conjugate_gradients_solve_a_quadratic():
    matrix, right = definite(), torch.randn(12, dtype=torch.float64)
    solution = conjugate_gradients(lambda v: matrix @ v, right, iterations=40, tolerance=1e-20)
    torch.testing.assert_close(solution, torch.linalg.solve(matrix, right), rtol=0, atol=1e-6)


def test_conjugate_gradients_do_not_raise_what_rounding_does():
    """Sums in another order change products in the last digit; nearly singular and undamped, as of a policy."""
    g = torch.Generator().manual_seed(0)
    n = 200
    axes = torch.linalg.qr(torch.randn(n, n, generator=g, dtype=torch.float64))[0]
    spectrum = torch.cat([torch.logspace(0, -3, 10), 1e-6 * torch.rand(n - 10, generator=g)]).double()
    matrix, right = axes @ spectrum.diag() @ axes.T, torch.randn(n, generator=g, dtype=torch.float64)
    order = torch.randperm(n, generator=g)
    one = conjugate_gradients(lambda v: matrix @ v, right, 16, tolerance=0.0)
    other = conjugate_gradients(lambda v: matrix[:, order] @ v[order], right, 16, tolerance=0.0)
    assert (one - other).norm() < 1e-9 * one.norm()  # 2e-5 without orthogonal residuals


def test_conjugate_gradients_stop_at_negative_curvature():
    right = torch.ones(3)
    assert not conjugate_gradients(lambda v: -v, right, 10).any()
    assert not conjugate_gradients(lambda v: v * torch.nan, right, 10).any()


def test_a_quadratic_step_is_the_exact_one():
    """Linear loss, quadratic divergence: the step reaches the edge of the region in the direction H^-1 g."""
    matrix, slope = definite(), torch.randn(12, dtype=torch.float64)
    x = torch.randn(12, dtype=torch.float64, requires_grad=True)
    start = x.detach().clone()
    optimizer = TrustRegionOptimizer([x], max_divergence=0.01, cg_iterations=40)
    optimizer.step(lambda: (slope @ x, 0.5 * (x - start) @ matrix @ (x - start)))
    natural = torch.linalg.solve(matrix, slope)
    full = -torch.sqrt(0.02 / (natural @ slope)) * natural
    moved = x.detach() - start
    halvings = optimizer.report["backtracks"]
    assert halvings <= 1  # rounding may put the full step just outside
    torch.testing.assert_close(moved, full * 0.5**halvings, rtol=1e-4, atol=1e-8)


class Softmax:
    """A policy over six actions with costs: surrogate and KL(old || new)."""

    def __init__(self):
        self.logits = torch.zeros(6, dtype=torch.float64, requires_grad=True)
        self.cost = torch.randn(6, dtype=torch.float64)
        self.old = torch.log_softmax(self.logits.detach(), 0)

    def closure(self):
        log_p = torch.log_softmax(self.logits, 0)
        return (log_p.exp() * self.cost).sum(), (self.old.exp() * (self.old - log_p)).sum()


@pytest.mark.parametrize("bound", [1e-4, 0.01, 0.5, 5.0])
def test_an_accepted_step_improves_within_the_bound(bound):
    toy = Softmax()
    before = toy.closure()[0].item()
    optimizer = TrustRegionOptimizer([toy.logits], max_divergence=bound)
    returned = optimizer.step(toy.closure)
    loss, divergence = (v.item() for v in toy.closure())
    assert returned.item() == before
    assert loss < before
    assert 0 < divergence <= bound * (1 + 1e-3)
    assert divergence > bound / 50  # and it goes there
    report = optimizer.report
    assert report["accepted"] == 1
    assert (report["divergence"], report["improvement"]) == (divergence, pytest.approx(before - loss))


def spoiled(toy, how):
    """Behaves at the start, and never again."""
    start = toy.logits.detach().clone()
    calls = []

    def closure():
        loss, divergence = toy.closure()
        calls.append(not torch.equal(toy.logits.detach(), start))
        if calls[-1]:
            if how == "raises":
                raise RuntimeError("on the way")
            bad = {"worse": loss.detach() * 0 + 1e9, "nan": loss * torch.nan}
            loss, divergence = bad.get(how, loss), divergence * torch.nan if how == "divergence" else divergence
        return loss, divergence

    return closure, calls


@pytest.mark.parametrize("how", ["worse", "nan", "divergence"])
def test_on_failure_the_parameters_come_back_bit_for_bit(how):
    toy = Softmax()
    with torch.no_grad():
        toy.logits.copy_(torch.randn(6) / 3)
    toy.old = torch.log_softmax(toy.logits.detach(), 0)
    start = toy.logits.detach().clone()
    closure, calls = spoiled(toy, how)
    optimizer = TrustRegionOptimizer([toy.logits], backtracks=5)
    optimizer.step(closure)
    assert torch.equal(toy.logits, start)
    assert sum(calls) == 6
    assert optimizer.report == {"accepted": 0.0, "divergence": 0.0, "improvement": 0.0, "backtracks": 5.0}


def test_an_error_on_the_way_leaves_nothing_half_done():
    toy = Softmax()
    start = toy.logits.detach().clone()
    with pytest.raises(RuntimeError, match="on the way"):
        TrustRegionOptimizer([toy.logits]).step(spoiled(toy, "raises")[0])
    assert torch.equal(toy.logits, start)


@pytest.mark.parametrize(
    "losses",
    [
        lambda x: (x.sum() * 0, x.square().sum()),  # no slope
        lambda x: (x.sum() * torch.nan, x.square().sum()),  # no number
        lambda x: (x.sum(), -x.square().sum()),  # the curvature is negative: s^T g is not positive
        lambda x: (x.sum(), x.square().sum() * torch.nan),
        lambda x: (x.sum(), torch.zeros(())),  # no divergence
    ],
    ids=["flat", "nan loss", "negative", "nan divergence", "constant"],
)
def test_no_step_where_there_is_no_direction(losses):
    x = torch.zeros(4, requires_grad=True)
    optimizer = TrustRegionOptimizer([x])
    optimizer.step(lambda: losses(x))
    assert torch.equal(x, torch.zeros(4))
    assert optimizer.report["accepted"] == 0


def test_damping_shortens_the_step():
    moved = []
    for damping in (0.0, 10.0):
        torch.manual_seed(0)
        toy = Softmax()
        TrustRegionOptimizer([toy.logits], damping=damping).step(toy.closure)
        moved.append(toy.logits.detach().norm().item())
    assert moved[1] < moved[0]


def test_state_of_the_optimizer_travels():
    toy = Softmax()
    optimizer = TrustRegionOptimizer([toy.logits], max_divergence=0.3, cg_iterations=3)
    optimizer.step(toy.closure)
    other = TrustRegionOptimizer([torch.zeros(6, requires_grad=True)])
    other.load_state_dict(optimizer.state_dict())
    assert other.param_groups[0]["max_divergence"] == 0.3
    assert other.param_groups[0]["cg_iterations"] == 3
    for wrong in ({"max_divergence": 0.0}, {"shrink": 1.0}, {"damping": -1.0}, {"cg_iterations": 0}):
        with pytest.raises(ValueError, match="max_divergence > 0"):
            TrustRegionOptimizer([toy.logits], **wrong)


def test_a_tabular_policy_takes_a_step_in_the_region():
    dag, objective = golden_dag(learned_backward=False), RLTrustRegion()
    first, anchor = evaluate_and_anchor(dag.trajectories, dag.policy, quantities=objective.quantities)
    frozen = objective.prepare(first.detach())

    def closure():
        output = phase_loss(objective, dag.trajectories, dag.policy, anchor, frozen)
        return output.losses["policy"].value, output.divergence

    before = closure()[0].item()
    optimizer = TrustRegionOptimizer(dag.policy.parameter_groups()["forward"])
    optimizer.step(closure)
    loss, divergence = closure()
    assert optimizer.report["accepted"] == 1
    assert loss.item() < before
    assert 0.0005 < divergence.item() <= 0.01 * (1 + 1e-3)


def phase_loss(objective, trajectories, policy, anchor, frozen):
    evaluated = evaluate(trajectories, policy, quantities=(KLOld,), anchor=anchor)
    return objective.policy(evaluated.having(frozen))


POLICIES = [
    (GraphTransformerPolicy, {"width": 16, "layers": 2, "heads": 2}),
    (MessagePassingPolicy, {"width": 16, "layers": 2}),
    (MessagePassingPolicy, {"width": 16, "layers": 2, "convolution": "gatv2"}),
    (MLPPolicy, {"hidden": 8}),
]


@pytest.mark.parametrize(("kind", "arguments"), POLICIES)
def test_curvature_of_a_network_policy(kind, arguments):
    """The Hessian-vector product of KL(old || new) against differences of its gradient; a step of the optimizer."""
    if kind is MLPPolicy:
        environment = golden_dag().environment
    else:
        environment = Fragments(vocabulary="rdkit_untyped", max_fragments=4, max_atoms=30)
    policy = kind(environment=environment, **arguments).double()
    trajectories = Sampler(environment).forward(policy, 4)
    trajectories = type(trajectories)(**{**vars(trajectories), "log_reward": torch.randn(4, dtype=torch.float64)})
    objective = RLTrustRegion()
    first, anchor = evaluate_and_anchor(trajectories, policy, quantities=objective.quantities)
    frozen = objective.prepare(first.detach())
    parameters = policy.parameter_groups()["forward"]

    def divergence():
        return phase_loss(objective, trajectories, policy, anchor, frozen).divergence

    def slope(create_graph=False):
        found = torch.autograd.grad(divergence(), parameters, create_graph=create_graph, allow_unused=True)
        return torch.cat(
            [(torch.zeros_like(p) if f is None else f).flatten() for f, p in zip(found, parameters, strict=True)]
        )

    vector = torch.randn(sum(p.numel() for p in parameters), dtype=torch.float64)
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        product = torch.autograd.grad(slope(True) @ vector, parameters, allow_unused=True)
    product = torch.cat(
        [(torch.zeros_like(p) if f is None else f).flatten() for f, p in zip(product, parameters, strict=True)]
    )

    def shift(size):
        with torch.no_grad():
            for p, piece in zip(parameters, vector.split([p.numel() for p in parameters]), strict=True):
                p.add_(size * piece.view_as(p))

    step = 1e-5
    shift(step)
    up = slope()
    shift(-2 * step)
    down = slope()
    shift(step)
    numeric = (up - down) / (2 * step)
    assert product.norm() > 1e-3
    assert (product - numeric).norm() / numeric.norm() < 1e-5

    def closure():
        output = phase_loss(objective, trajectories, policy, anchor, frozen)
        return output.losses["policy"].value, output.divergence

    before = closure()[0].item()
    optimizer = TrustRegionOptimizer(parameters)
    optimizer.step(closure)
    assert optimizer.report["accepted"] == 1
    assert closure()[0].item() < before
    assert closure()[1].item() <= 0.01 * (1 + 1e-3)
