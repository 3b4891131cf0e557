"""Every objective under a condition: a mixed batch is its parts, and exact flows of each condition are at rest."""

import pytest
import torch
from tests.objectives.conditional_grid import BETAS, Tables, drawn, grid, shipped

from molgfn.objectives.backward.base import BackwardPolicyTraining
from molgfn.objectives.base import Objective
from molgfn.policies.mlp import MLPPolicy
from molgfn.trajectories.evaluate import evaluate, evaluate_backward
from molgfn.trajectories.quantities.networks import Networks

OBJECTIVES = {
    **shipped("objective", Objective),
    **{
        f"vpg, {name}": (lambda change=change: shipped("objective", Objective, vpg=change)["vpg"]())
        for name, change in {
            "leave_one_out": {"advantage": "leave_one_out"},
            "centred": {"center": True},
            "total": {"advantage": "total"},
            "sub_eb": {"critic": "sub_eb"},
        }.items()
    },
    "reverse_kl, alone": lambda: shipped("objective", Objective, reverse_kl={"baseline": "none"})["reverse_kl"](),
    "vargrad, population": lambda: shipped("objective", Objective, vargrad={"ddof": 0})["vargrad"](),
}
#: pairs do not tell their condition, so that a run under one is refused
OBJECTIVES = {name: make for name, make in OBJECTIVES.items() if not make().reads_pairs}
BACKWARDS = shipped("backward", BackwardPolicyTraining)
#: what compares trajectories
COMPARING = {
    "vargrad", "vargrad, population", "reverse_kl", "renyi", "wake_sleep", "rl_u", "rl_t", "vpg, leave_one_out",
    "vpg, centred", "order_preserving",
}  # fmt: skip
#: losses that are means over steps, where those that are not listed are means over trajectories
OF_STEPS = {
    "ent_ppo": {"critic"}, "vpg": {"critic"}, "vpg, centred": {"critic"}, "soft_dqn": {"q"}, "munchausen_dqn": {"q"},
    "sac": {"critic", "actor"}, "rpe": {"evaluation", "extraction"},
}  # fmt: skip


def network(environment, seed, **arguments):
    """An MLP with random weights; every head of it reads the condition."""
    torch.manual_seed(seed)
    policy = MLPPolicy(environment=environment, hidden=12, layers=1, **arguments).double()
    for p in policy.parameters():
        torch.nn.init.normal_(p, std=0.3)
    return policy


def networks_of(part, environment):
    own = {n.name: network(environment, 2 + i) for i, n in enumerate(part.networks)}
    frozen = {name: network(environment, 9) for name in getattr(part, "frozen", {})}
    target = network(environment, 7) if part.target is not None else None
    targets = {n.name: network(environment, 5) for n in part.networks if n.copied}
    return Networks(target=target, own=own, targets=targets, frozen=frozen)


def losses(objective, trajectories, policy, networks):
    joint = "backward" in objective.trains
    evaluated = evaluate(trajectories, policy, quantities=objective.quantities, networks=networks, joint=joint)
    return {name: loss.value for name, loss in objective(evaluated).losses.items()}


def gradient(loss, modules):
    parameters = [p for module in modules for p in module.parameters()]
    found = torch.autograd.grad(loss, parameters, allow_unused=True, retain_graph=True)
    return torch.cat(
        [torch.zeros_like(p).flatten() if g is None else g.flatten() for g, p in zip(found, parameters, strict=True)]
    )


def assert_is_its_parts(of, whole, parts, modules, of_steps):
    """Losses and gradients of ``whole`` are the means of those of ``parts``, by trajectories or by steps."""
    mixed, apart = of(whole), [of(part) for part in parts]
    for name, loss in mixed.items():
        sizes = [int(p.lengths.sum()) if name in of_steps else len(p) for p in parts]
        weights = [size / sum(sizes) for size in sizes]
        wanted = sum(w * part[name] for w, part in zip(weights, apart, strict=True))
        torch.testing.assert_close(loss, wanted, rtol=1e-10, atol=1e-10)
        found = gradient(loss, modules)
        assert found.abs().max() > 1e-6
        torch.testing.assert_close(found, gradient(wanted, modules), rtol=1e-10, atol=1e-10)


def parts_of(environment, policy):
    """A batch with 5, 4 and 6 trajectories under three temperatures, not in their order; and each of the three."""
    betas = [BETAS[i] for i in (0, 0, 1, 1, 2, 2, 0, 0, 2, 2, 0, 1, 1, 2, 2)]
    whole = drawn(environment, policy, betas)
    parts = [whole.select(torch.tensor([i for i, b in enumerate(betas) if b == beta])) for beta in BETAS]
    assert len({float(p.lengths.double().mean()) for p in parts}) == 3
    return whole, parts


def space_of(objective):
    """RPE needs a graph in which products along paths do not depend on the path."""
    return grid(dimensions=1, side=6) if objective.needs_path_independence else grid()


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_batch_of_several_conditions_is_its_parts(name):
    objective = OBJECTIVES[name]()
    environment = space_of(objective)
    policy = network(environment, 1, learned_backward=not objective.needs_uniform_backward)
    networks = networks_of(objective, environment)
    whole, parts = parts_of(environment, policy)
    modules = [policy, *networks.own.values()]
    assert objective.compares == (name in COMPARING)

    def of(trajectories):
        return losses(objective, trajectories, policy, networks)

    assert_is_its_parts(of, whole, parts, modules, OF_STEPS.get(name, set()))


@pytest.mark.parametrize("name", sorted(COMPARING))
def test_it_would_be_seen_if_conditions_were_mixed(name):
    """The same batch without groups has another gradient: what the test above looks at is there."""
    objective, environment = OBJECTIVES[name](), grid()
    policy = network(environment, 1)
    evaluated = evaluate(parts_of(environment, policy)[0], policy, quantities=objective.quantities)
    mixed = type(evaluated)(**{**vars(evaluated), "groups": None})
    one, other = (list(objective(e).losses.values()) for e in (evaluated, mixed))
    far = [gradient(a.value, [policy]) - gradient(b.value, [policy]) for a, b in zip(one, other, strict=True)]
    assert max(f.abs().max() for f in far) > 1e-3


@pytest.mark.parametrize("name", sorted({"uniform", *BACKWARDS} - {"joint", "guided_tb", "rl_g", "rl_g_forward"}))
def test_so_it_is_for_every_training_of_pb(name):
    backward, environment = BACKWARDS[name](counts_paths=False), grid()
    if not backward.has_loss:
        pytest.skip("nothing is trained")
    policy = network(environment, 1, learned_backward=True)
    networks = networks_of(backward, environment)
    whole, parts = parts_of(environment, policy)

    def of(trajectories):
        evaluated = evaluate_backward(trajectories, policy, quantities=backward.quantities, networks=networks)
        return {name: loss.value for name, loss in backward(evaluated).losses.items()}

    assert_is_its_parts(of, whole, parts, [policy, *networks.own.values()], set())


#: surrogates whose gradient is 0 in expectation alone, and what has no R / Z for its target
NOT_AT_REST = {"mle", "rtb", "order_preserving", "vpg, total", "reverse_kl, alone"}


@pytest.mark.parametrize("name", sorted(set(OBJECTIVES) - NOT_AT_REST))
def test_exact_flows_of_each_condition_are_at_rest(name):
    """On trajectories of the exact samplers of three temperatures in one batch every gradient is 0, to rounding."""
    objective = OBJECTIVES[name]()
    environment = space_of(objective)
    policy = Tables(environment, forward_looking=objective.forward_looking)
    own = {n.name: policy.copy() for n in objective.networks}
    copies = {n.name: policy.copy() for n in objective.networks if n.copied}
    networks = Networks(target=policy.copy() if objective.target is not None else None, own=own, targets=copies)
    whole, _ = parts_of(environment, policy)
    for loss in losses(objective, whole, policy, networks).values():
        assert gradient(loss, [policy, *own.values()]).abs().max() < 1e-9
    for p in policy.parameters():  # and what is not exact is not
        with torch.no_grad():
            p.add_(0.3 * torch.randn(p.shape, generator=torch.Generator().manual_seed(0), dtype=p.dtype))
    moved = [gradient(loss, [policy, *own.values()]) for loss in losses(objective, whole, policy, networks).values()]
    assert max(g.abs().max() for g in moved) > 1e-3


def test_a_prior_under_a_condition_is_turned_to_its_own_posterior():
    """RTB at P_F = prior, log Z = 0 where log R is 0: the residual of each condition is log R less its log Z."""
    objective, environment = OBJECTIVES["rtb"](), grid()
    policy = network(environment, 1)
    networks = Networks(frozen={"prior": policy.copy()})
    whole, _ = parts_of(environment, policy)
    (loss,) = losses(objective, whole, policy, networks).values()
    residual = policy.log_z_of(whole.terminal) - whole.log_reward
    torch.testing.assert_close(loss, residual.square().mean(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_network_that_is_read_reads_the_condition(name):
    """Critics, values and flows are asked at states that carry it: another temperature, another number."""
    objective = OBJECTIVES[name]()
    environment = space_of(objective)
    policy, networks = network(environment, 1), networks_of(objective, environment)
    whole, _ = parts_of(environment, policy)
    warmer = whole.states.values * 1.25
    other = type(whole)(**{**vars(whole), "states": type(whole.states)(inner=whole.states.inner, values=warmer)})
    quantities = [q for q in objective.quantities if q.reads]
    if not quantities:
        pytest.skip("it reads P_F alone")
    one, two = (evaluate(t, policy, quantities=quantities, networks=networks) for t in (whole, other))
    for quantity in quantities:
        if quantity.anchored or not any(h.name in {"flow", "log_z", "forward"} for h in quantity.reads):
            continue  # divergences from the policy itself; P_B at random weights is uniform where there is one parent
        far = (one[quantity] - two[quantity]).nan_to_num(0.0).abs()
        assert far.max() > 1e-4, quantity.name
