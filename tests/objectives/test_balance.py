"""FM, MDB, FL-DB, VarGrad, SubTB's weightings: golden values, identities; target networks; zero at exact flows."""

from dataclasses import replace

import pytest
import torch

from molgfn.environments.enumeration import enumerate_states
from molgfn.environments.strings import Strings
from molgfn.errors import ConfigError, ContractError
from molgfn.evaluation.exact.answers import solve_flows
from molgfn.objectives import residuals
from molgfn.objectives.balance.detailed_balance import DetailedBalance
from molgfn.objectives.balance.flow_matching import FlowMatching
from molgfn.objectives.balance.forward_looking_detailed_balance import ForwardLookingDetailedBalance
from molgfn.objectives.balance.log_variance import LogVariance
from molgfn.objectives.balance.modified_detailed_balance import ModifiedDetailedBalance
from molgfn.objectives.balance.subtrajectory_balance import SubTrajectoryBalance
from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.policies.tabular import TabularPolicy
from molgfn.testing import golden_dag
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.flows import LogFlow, LogZ, NextLogFlow
from molgfn.trajectories.quantities.forward import CanStop, LogPFExit
from molgfn.trajectories.quantities.inflow import LogInflow
from molgfn.trajectories.quantities.networks import Networks
from molgfn.trajectories.quantities.rewards import LogRewardState
from molgfn.trajectories.sampler import Sampler

LOG_Z = 4.143134726391533
EVERYTHING = (LogPB, LogFlow, LogPFExit, LogRewardState, LogInflow, LogZ)


@pytest.fixture
def dag():
    return golden_dag()


def evaluated_for(dag, objective, **arguments):
    return evaluate(dag.trajectories, dag.policy, quantities=objective.quantities, **arguments)


def value(objective, evaluated):
    (loss,) = objective(evaluated).losses.values()
    return loss.value


def rows(evaluated, index):
    """Some trajectories of a batch."""
    return evaluated.map(lambda v, _: v[index] if v.dim() else v)


def expected(dag, objective):
    """sum_tau P_F(tau) loss(tau), the sampling distribution not differentiated."""
    p, evaluated = dag.probabilities(), evaluated_for(dag, objective, joint=True)
    return sum(p[i] * value(objective, rows(evaluated, slice(i, i + 1))) for i in range(len(p)))


@pytest.mark.parametrize(
    ("objective", "golden"),
    [
        (ModifiedDetailedBalance(), 4.814855),
        (ModifiedDetailedBalance(flow_without_stop=True), 4.814855),
        (ForwardLookingDetailedBalance(), 4.372144),
    ],
    ids=["mdb", "mdb, flow_without_stop", "fldb"],
)
def test_golden_values(dag, objective, golden):
    assert expected(dag, objective).item() == pytest.approx(golden, abs=1e-6)


def test_forward_looking_residuals_are_those_of_detailed_balance(dag):
    """Identity 11: with log F = log F~ + phi, for any parameters, loss and gradient."""
    looking, plain = ForwardLookingDetailedBalance(), DetailedBalance()
    evaluated = evaluated_for(dag, looking)
    shifted = evaluated.having(dict.fromkeys((LogFlow, NextLogFlow), evaluated[LogFlow] + evaluated[LogRewardState]))
    torch.testing.assert_close(value(looking, evaluated), value(plain, shifted))
    of = [dag.policy.forward_logits, dag.policy.flows]
    for one, other in zip(
        torch.autograd.grad(value(looking, evaluated), of, retain_graph=True),
        torch.autograd.grad(value(plain, shifted), of),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_modified_residuals_are_those_of_detailed_balance_at_the_implied_flow(dag):
    """The exits then hold by themselves; minus the residual as the authors write it."""
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=EVERYTHING)
    implied = evaluated[LogRewardState] - evaluated[LogPFExit]
    d = residuals.detailed_balance(evaluated, implied)
    assert d[evaluated.is_exit].abs().max() < 1e-12
    by_hand = 0.0
    for b, length in enumerate(dag.trajectories.lengths.tolist()):
        for t in range(length - 1):
            r, exit_, pb = (evaluated[q][b] for q in (LogRewardState, LogPFExit, LogPB))
            pf = evaluated.log_pf[b]
            by_hand += (r[t + 1] + pb[t] + exit_[t] - r[t] - pf[t] - exit_[t + 1]) ** 2
    assert value(ModifiedDetailedBalance(), evaluated).item() == pytest.approx(by_hand.item() / 19, rel=1e-9)


def test_flow_without_stop_is_read_where_stop_is_illegal_and_nowhere_else(dag):
    objective = ModifiedDetailedBalance(flow_without_stop=True)
    evaluated = evaluated_for(dag, objective)
    nowhere = torch.autograd.grad(value(objective, evaluated), dag.policy.flows, retain_graph=True)[0]
    assert not nowhere.any()
    can_stop = evaluated[CanStop].clone()
    can_stop[:, 0] = False
    first = torch.autograd.grad(value(objective, evaluated.having({CanStop: can_stop})), dag.policy.flows)[0]
    assert first.nonzero().flatten().tolist() == [0]
    assert ModifiedDetailedBalance().needs_stop_everywhere
    assert not objective.needs_stop_everywhere


def test_flow_matching_by_hand(dag):
    """Against edge flows as a table of numbers."""
    logits, flows = dag.policy.forward_logits.detach(), dag.policy.flows.detach()
    edge = {}
    for s in range(9):
        legal = [a for a, ok in enumerate((s // 3 < 2, s % 3 < 2, True)) if ok]
        total = logits[s, legal].exp().sum()
        edge |= {(s, a): (flows[s].exp() * logits[s, a].exp() / total).item() for a in legal}
    want = 0.0
    for i in range(19):
        t = dag.trajectories.select(torch.tensor([i]))
        visited = dag.environment.index(t.states).tolist()
        for s in visited[1:]:
            inflow = sum(edge[p, a] for p, a in ((s - 3, 0), (s - 1, 1)) if (p, a) in edge)
            want += (torch.tensor(inflow).log() - flows[s]).item() ** 2
        want += (torch.tensor(edge[visited[-1], 2]).log() - dag.log_reward[visited[-1]]).item() ** 2
    assert value(FlowMatching(), evaluated_for(dag, FlowMatching())).item() == pytest.approx(want / 19, rel=1e-6)


@pytest.mark.parametrize(
    ("state", "action", "touched"), [(0, 0, {3}), (4, 1, {4, 5}), (1, 0, {1, 4}), (8, 2, {8}), (3, 2, {3})]
)
def test_one_wrong_edge_flow_is_seen_in_the_states_that_it_touches(dag, state, action, touched):
    """Matching is off where the edge ends and begins (but not at the source), the exit where it is the edge."""
    dag.solve()
    with torch.no_grad():
        legal = [a for a, ok in enumerate((state // 3 < 2, state % 3 < 2, True)) if ok]
        dag.policy.forward_logits[state, action] += 0.3  # the tables hold log edge flows
        dag.policy.flows[state] = dag.policy.forward_logits[state, legal].logsumexp(0)
    objective = FlowMatching()
    evaluated = evaluated_for(dag, objective)
    wrong = set()
    index = dag.trajectories.pad(dag.environment.index(dag.trajectories.states))
    inside = (evaluated[LogInflow] - evaluated[LogFlow]).abs() > 1e-9
    inside[:, 0] = False
    leaving = ((evaluated[LogFlow] + evaluated.log_pf - evaluated.log_reward[:, None]).abs() > 1e-9) & evaluated.is_exit
    for part in (inside & evaluated.mask, leaving):
        wrong |= set(index[part].tolist())
    assert wrong == touched
    losses = [value(objective, rows(evaluated, slice(i, i + 1))).item() for i in range(19)]
    for i, loss in enumerate(losses):
        t = dag.trajectories.select(torch.tensor([i]))
        visited = dag.environment.index(t.states).tolist()
        passes = set(visited[1:]) & (touched if action < 2 or state == 8 else set())
        ends = action == 2 and visited[-1] == state
        within = action == 2 and state in visited[1:]
        assert (loss > 1e-12) == bool(passes or ends or within)


@pytest.mark.parametrize("objective", [FlowMatching(reduction="transition"), FlowMatching()])
def test_flow_matching_reductions(dag, objective):
    evaluated = evaluated_for(dag, objective)
    total = sum(value(objective, rows(evaluated, slice(i, i + 1))) * n for i, n in enumerate(_counts(dag, objective)))
    assert value(objective, evaluated).item() == pytest.approx(total.item() / sum(_counts(dag, objective)), rel=1e-9)


def _counts(dag, objective):
    return dag.trajectories.lengths.tolist() if objective.reduction == "transition" else [1] * 19


def test_vargrad_golden_value(dag):
    """Population variance of S under P_F."""
    p, evaluated = dag.probabilities(), evaluated_for(dag, LogVariance())
    s = residuals.log_ratios(evaluated).detach()
    assert (p * (s - (p * s).sum()) ** 2).sum().item() == pytest.approx(2.538804, abs=1e-6)


@pytest.mark.parametrize("ddof", [0, 1])
def test_vargrad_is_the_variance_of_the_batch(dag, ddof):
    objective = LogVariance(ddof=ddof)
    output = objective(evaluated_for(dag, objective))
    s = residuals.log_ratios(evaluated_for(dag, objective)).detach()
    assert output.losses["vargrad"].value.item() == pytest.approx(s.var(correction=ddof).item(), rel=1e-12)
    assert output.metrics["log_z"].item() == pytest.approx(-s.mean().item(), rel=1e-12)


@pytest.mark.parametrize(("ddof", "factor"), [(1, 2.0), (0, 1.0)])
@pytest.mark.parametrize("detached", [False, True])
def test_vargrad_gradient_is_twice_that_of_kl(dag, ddof, factor, detached):
    """Identity 6, over all batches of two: 2 grad KL with ddof 1, (B - 1)/B of it with ddof 0; mean detached or not."""
    p = dag.probabilities()
    evaluated = evaluated_for(dag, LogVariance())
    s = residuals.log_ratios(evaluated)
    total = torch.zeros((), dtype=p.dtype)
    for i in range(19):
        for j in range(19):
            if detached:
                pair = s[[i, j]]
                loss = (pair - pair.mean().detach()).square().sum() / (2 - ddof)
            else:
                loss = value(LogVariance(ddof=ddof), rows(evaluated, [i, j]))
            total = total + p[i] * p[j] * loss
    kl = (evaluated.log_pf.sum(1).exp() * (s + LOG_Z)).sum()
    logits = dag.policy.forward_logits
    got = torch.autograd.grad(total, logits, retain_graph=True)[0]
    want = factor * torch.autograd.grad(kl, logits)[0]
    torch.testing.assert_close(got, want, rtol=0, atol=1e-10)


def test_vargrad_needs_two_trajectories(dag):
    evaluated = evaluated_for(dag, LogVariance())
    with pytest.raises(ContractError, match="a batch of 1 has no variance"):
        LogVariance()(rows(evaluated, slice(0, 1)))


def _bounds(dag):
    evaluated = evaluated_for(dag, TrajectoryBalance(), joint=True)
    p, g = evaluated.log_pf.sum(1).exp(), -residuals.log_ratios(evaluated)
    posterior = (evaluated[LogPB].sum(1) + evaluated.log_reward - LOG_Z).exp()
    return evaluated, p, posterior, g


def test_bounds_of_log_z(dag):
    """Identity 1: ELBO and EUBO are log Z less and plus a KL."""
    _, p, posterior, g = _bounds(dag)
    kl = (p * (p / posterior).log()).sum()
    kl_back = (posterior * (posterior / p).log()).sum()
    elbo, eubo = (p * g).sum(), (posterior * g).sum()
    for got, want in ((elbo, 2.398504), (eubo, 5.969562), (kl, 1.744631), (kl_back, 1.826427)):
        assert got.item() == pytest.approx(want, abs=1e-6)
    assert kl.item() == pytest.approx(LOG_Z - elbo.item(), abs=1e-10)
    assert kl_back.item() == pytest.approx(eubo.item() - LOG_Z, abs=1e-10)


def test_slope_of_log_z_is_its_distance_from_the_elbo(dag):
    """Identity 3."""
    _, p, _, g = _bounds(dag)
    slope = torch.autograd.grad(expected(dag, TrajectoryBalance()), dag.policy.log_z.constant)[0]
    assert slope.item() == pytest.approx(2 * (2.0 - (p * g).sum().item()), abs=1e-9)


@pytest.mark.parametrize("log_z", [0.0, 2.0, LOG_Z])
def test_backward_sampled_trajectory_balance_trains_pb_by_a_kl(dag, log_z):
    """Identity 4: from pi* and P_B, half the gradient with respect to P_B is that of KL(P_B || P_F), for any log Z."""
    with torch.no_grad():
        dag.policy.log_z.constant.fill_(log_z)
    evaluated, p, posterior, g = _bounds(dag)
    half = (posterior.detach() * (evaluated[LogZ] - g).square()).sum() / 2
    kl = (posterior * (posterior / p).log()).sum()
    logits = dag.policy.backward_logits
    got = torch.autograd.grad(half, logits, retain_graph=True)[0]
    torch.testing.assert_close(got, torch.autograd.grad(kl, logits)[0], rtol=0, atol=1e-10)


def test_backward_importance_weights_give_the_terminating_probability(dag):
    """Identity 13: E_{P_B(.|x)}[P_F(tau) / P_B(tau|x)] = P_T(x)."""
    evaluated, p, _, _ = _bounds(dag)
    pb = evaluated[LogPB].sum(1).exp()
    last = dag.environment.index(dag.trajectories.terminal)
    total = torch.zeros(9, dtype=p.dtype)
    mass = total.index_add(0, last, pb)
    torch.testing.assert_close(mass, torch.ones_like(mass))
    by_weights = total.index_add(0, last, pb * (p / pb))
    golden = [0.408861, 0.043935, 0.010776, 0.238043, 0.013140, 0.023939, 0.146406, 0.010100, 0.104801]
    assert by_weights.tolist() == pytest.approx(golden, abs=1e-6)


def test_soft_returns_add_up_to_the_residual(dag):
    """sum of g = log Z - D."""
    evaluated = evaluated_for(dag, TrajectoryBalance())
    g = (-residuals.steps(evaluated) * evaluated.mask).sum(1)
    torch.testing.assert_close(g, evaluated[LogZ] - (evaluated[LogZ] + residuals.log_ratios(evaluated)))


@pytest.mark.parametrize(("name", "like"), [("equal", "geometric"), ("equal_within", "geometric_within")])
def test_equal_weightings(dag, name, like):
    """The mean over all sub-trajectories of the batch, and of each trajectory, by the definition."""
    objective = SubTrajectoryBalance(lambda_=1, weighting=name)
    evaluated = evaluated_for(dag, objective)
    d = residuals.detailed_balance(evaluated).detach()
    means, everything = [], []
    for b, length in enumerate(dag.trajectories.lengths.tolist()):
        squares = [d[b, i:j].sum().item() ** 2 for i in range(length) for j in range(i + 1, length + 1)]
        means.append(sum(squares) / len(squares))
        everything += squares
    want = sum(everything) / len(everything) if name == "equal" else sum(means) / 19
    assert value(objective, evaluated).item() == pytest.approx(want, rel=1e-9)
    same = SubTrajectoryBalance(lambda_=1, weighting=like)
    assert value(same, evaluated).item() == value(objective, evaluated).item()
    with pytest.raises(ConfigError, match="give lambda_=1"):
        SubTrajectoryBalance(lambda_=0.9, weighting=name)


TARGETED = [DetailedBalance(), SubTrajectoryBalance(), ForwardLookingDetailedBalance(), FlowMatching()]


@pytest.mark.parametrize("objective", TARGETED, ids=lambda o: type(o).__name__)
def test_a_target_that_is_the_policy_changes_the_gradient_only(dag, objective):
    assert objective.bootstraps
    networks = Networks(target=dag.policy.copy())
    without, with_ = evaluated_for(dag, objective), evaluated_for(dag, objective, networks=networks)
    assert without[NextLogFlow] is without[LogFlow]
    assert not with_[NextLogFlow].requires_grad
    assert value(objective, with_).item() == pytest.approx(value(objective, without).item(), rel=1e-12)
    one, other = (torch.autograd.grad(value(objective, s), dag.policy.flows)[0] for s in (without, with_))
    assert (one - other).abs().max() > 1e-3


def test_gradient_goes_through_the_first_state_of_a_residual_only(dag):
    """One trajectory (0,0) (0,1) (0,2): the squared residual of step t moves log F(s_t) by twice the residual."""
    i = next(i for i in range(19) if dag.trajectories.select(torch.tensor([i])).actions.tolist() == [1, 1, 2])
    t = dag.trajectories.select(torch.tensor([i]))
    other = dag.policy.copy()
    with torch.no_grad():
        other.flows.add_(0.7)
    objective = DetailedBalance()
    evaluated = evaluate(t, dag.policy, quantities=objective.quantities, networks=Networks(target=other))
    gradient = torch.autograd.grad(value(objective, evaluated), dag.policy.flows)[0]
    d = residuals.detailed_balance(evaluated).detach() - torch.tensor([[0.7, 0.7, 0.0]], dtype=torch.float64)
    assert gradient[:3].tolist() == pytest.approx((2 * d[0]).tolist(), abs=1e-9)
    assert not gradient[3:].any()
    assert other.flows.grad is None


def test_subtrajectories_end_at_the_flow_of_the_target(dag):
    """Against the definition, with another network as target."""
    other = dag.policy.copy()
    with torch.no_grad():
        other.flows.copy_(torch.linspace(-1, 2, 9))
    objective = SubTrajectoryBalance()
    evaluated = evaluated_for(dag, objective, networks=Networks(target=other))
    step = residuals.steps(evaluated).detach()
    means = []
    for b, length in enumerate(dag.trajectories.lengths.tolist()):
        top = bottom = 0.0
        for i in range(length):
            for j in range(i + 1, length + 1):
                end = evaluated[NextLogFlow][b, j].item() if j < length else 0.0
                top += 0.9 ** (j - i) * (evaluated[LogFlow][b, i].item() + step[b, i:j].sum().item() - end) ** 2
                bottom += 0.9 ** (j - i)
        means.append(top / bottom)
    assert value(objective, evaluated).item() == pytest.approx(sum(means) / 19, rel=1e-9)


OBJECTIVES = [
    TrajectoryBalance(),
    DetailedBalance(),
    SubTrajectoryBalance(),
    FlowMatching(),
    ForwardLookingDetailedBalance(),
    ModifiedDetailedBalance(flow_without_stop=True),
    LogVariance(),
]


@pytest.mark.parametrize("alphabet", ["A", "AB"])
@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: type(o).__name__)
def test_zero_at_exact_flows_of_strings_with_parallel_edges(objective, alphabet):
    """Prepended or appended to a homopolymer, a symbol gives the same string by two edges; one edge more is seen."""
    environment = Strings(alphabet=alphabet, length=3, mode="prepend_append")
    graph = enumerate_states(environment)
    draw = torch.Generator().manual_seed(0)
    log_reward = torch.randn(len(graph), generator=draw, dtype=torch.float64)
    flows = solve_flows(graph, log_reward)
    policy = TabularPolicy(environment=environment).double()
    number = environment.index(graph.states)
    with torch.no_grad():
        policy.forward_logits[number[graph.source], graph.action] = flows.log_pf
        policy.forward_logits[number[graph.can_stop], environment.stop_action] = 0.0
        policy.flows[number] = flows.log_flow
        if objective.forward_looking:
            policy.flows[number] -= torch.where(graph.can_stop, log_reward, 0.0)
        policy.log_z.constant.fill_(flows.log_z)
    texts = ["AAA"] * 16 if alphabet == "A" else ["AAA", "AAB", "ABA", "BAB", "BBA", "BBB"] * 8
    t = Sampler(environment).backward(policy, environment.states_of(texts), generator=draw)
    reward_of = torch.zeros(environment.n_states, dtype=torch.float64)
    reward_of[number] = log_reward
    here = reward_of[environment.index(t.states)]
    t = replace(t, log_reward=here[t.last], log_reward_state=torch.where(environment.has_object(t.states), here, 0.0))

    def loss():
        return value(objective, evaluate(t, policy, quantities=objective.quantities))

    assert loss().item() < 1e-20
    with torch.no_grad():  # the first of two parallel edges taken for both
        start = environment.index(environment.initial(1))
        policy.forward_logits[start, 0] += 0.5
    if alphabet == "AB" or not isinstance(objective, FlowMatching):  # FM reads the two edges into A as one sum
        assert loss().item() > 1e-3
