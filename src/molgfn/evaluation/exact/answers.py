"""Exact answers over spaces whose states can be listed: P_T, flows, log Z and the distance to the target.

All numbers are float64 on the CPU. Spaces that cannot be listed raise ``NotEnumerableError`` with the reason that the
environment gives.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from molgfn.environments.actions import ListedActions
from molgfn.environments.base import Environment, States
from molgfn.environments.enumeration import StateGraph
from molgfn.errors import ContractError
from molgfn.evaluation.exact.distances.jensen_shannon import jensen_shannon
from molgfn.evaluation.exact.distances.kullback_leibler import kullback_leibler
from molgfn.evaluation.exact.distances.mean_l1 import mean_l1
from molgfn.evaluation.exact.distances.relative_mean_reward import relative_mean_reward
from molgfn.evaluation.exact.distances.total_variation import total_variation
from molgfn.evaluation.exact.layers import Layers
from molgfn.evaluation.exact.objects import by_object, list_objects
from molgfn.policies.base import Policy
from molgfn.policies.distributions import ActionDistribution, HasTable
from molgfn.rewards.base import Reward
from molgfn.serving.measurements import Measurements


@dataclass(frozen=True)
class ExactFlows:
    """Flows of an enumerated DAG that match a reward exactly, and the policy that they imply.

    Attributes:
        log_flow: [M], log G(s); -inf in a state from which no object can be finished.
        log_pf: [E], log P_F of every edge of the graph.
        log_stop: [M], log P_F(stop | s); -inf where stop is illegal.
        log_terminal: [M], log P_T of stopping in each state.
        log_z: log G(s0).
    """

    log_flow: Tensor
    log_pf: Tensor
    log_stop: Tensor
    log_terminal: Tensor
    log_z: float


@dataclass(frozen=True)
class ExactTarget:
    """The target distribution over finished objects, and which states stop at which object.

    Attributes:
        graph: all states and edges.
        keys: K object keys, each once.
        objects: int64 [M], index into ``keys``; -1 where stop is illegal.
        log_reward: [K], log R(x), without symmetry term.
        log_symmetry: [M], log C of each terminal state; 0 elsewhere.
        measurements: of the K objects, out of which log R under another condition is made; None where there are none.
    """

    graph: StateGraph
    keys: list[str]
    objects: Tensor
    log_reward: Tensor
    log_symmetry: Tensor
    measurements: Measurements | None = None

    @property
    def log_z(self) -> float:
        """Log sum over objects of R(x)."""
        return float(torch.logsumexp(self.log_reward, 0))

    @property
    def pi(self) -> Tensor:
        """Target probabilities R(x)/Z, [K]."""
        return torch.softmax(self.log_reward, 0)

    @property
    def log_target(self) -> Tensor:
        """Log R'(s) = log R(x) - log C(s) of every state, [M]; -inf where stop is illegal."""
        out = self.log_reward[self.objects.clamp(min=0)] - self.log_symmetry
        return out.masked_fill(self.objects < 0, -torch.inf)

    def by_object(self, log_terminal: Tensor) -> Tensor:
        """Probability of every object [K] from log P_T of every state [M]."""
        return by_object(self.objects, len(self.keys), log_terminal)


@dataclass(frozen=True)
class ExactResult:
    """How far a sampler is from its target, over objects.

    Attributes:
        keys: K object keys.
        p: [K], probability P_T(x) of the sampler, all the states that are this object summed.
        pi: [K], target R(x)/Z.
        log_z: log sum over objects of R(x).
        tv: total variation 1/2 sum |p - pi|, in [0, 1].
        jsd: Jensen-Shannon divergence in nats, in [0, log 2].
        kl: KL(pi || p) in nats.
        reverse_kl: KL(p || pi) in nats.
        mean_l1: 1/K sum |p - pi|.
        mean_reward: exact mean of R under the sampler.
        target_mean_reward: exact mean of R under the target, which a perfect sampler would have.
        relative_mean_reward: the first over the second, not clipped at 1.
    """

    keys: list[str]
    p: Tensor
    pi: Tensor
    log_z: float
    tv: float
    jsd: float
    kl: float
    reverse_kl: float
    mean_l1: float
    mean_reward: float
    target_mean_reward: float
    relative_mean_reward: float


def exact_terminal(policy: Policy, graph: StateGraph, *, batch: int = 4096) -> Tensor:
    """Log P_T of stopping in each state, float64 [M], by the forward recursion over all edges.

    P_T(x) = reach(x) P_F(stop | x), reach(s') = sum over edges s -> s' of reach(s) P_F(edge | s).

    Args:
        policy: what samples; see ``edge_log_probs``.
        graph: all states and edges (stop not among them).
        batch: states in one call of the policy.
    """
    log_pf, log_stop = edge_log_probs(policy, graph, batch=batch)
    return Layers(graph).reach(log_pf) + log_stop


@torch.no_grad()
def edge_log_probs(policy: Policy, graph: StateGraph, *, batch: int = 4096) -> tuple[Tensor, Tensor]:
    """Log P_F of every edge [E] and of the exit in every state [M] (-inf where illegal), float64 on the CPU.

    Read from the table of P_F where actions are single numbers and it has one, else asked for edge by edge.

    Args:
        policy: evaluated without gradient.
        graph: all states and edges.
        batch: states in one call of the policy, and about as many edges.
    """
    n = len(graph)
    order = torch.argsort(graph.source, stable=True)
    source, action = graph.source[order], graph.action[order]
    log_pf = torch.empty(len(order), dtype=torch.float64)
    log_stop = torch.empty(n, dtype=torch.float64)
    for lo in range(0, n, batch):
        hi = min(lo + batch, n)
        states = graph.states[slice(lo, hi)].to(policy.device)
        first, last = torch.searchsorted(source, torch.tensor([lo, hi])).tolist()
        row, taken = source[first:last] - lo, action[first:last]
        distribution = _forward(policy, states)
        if isinstance(distribution, HasTable) and isinstance(policy.environment, ListedActions):
            table = distribution.log_probs().double().cpu()
            log_pf[order[first:last]] = table[row, taken]
            log_stop[lo:hi] = table[:, policy.environment.stop_action]
            continue
        log_stop[lo:hi] = distribution.log_prob(policy.environment.exit_action(states)).double().cpu()
        for some in torch.arange(len(row)).split(batch):
            again = _forward(policy, states[row[some].to(states.device)])
            log_pf[order[first:last][some]] = again.log_prob(taken[some].to(states.device)).double().cpu()
    return log_pf, log_stop.masked_fill(~graph.can_stop, -torch.inf)


def _forward(policy: Policy, states: States) -> ActionDistribution:
    distribution = policy(states, forward=True).forward
    if distribution is None:
        raise ContractError(f"{type(policy).__name__} returned no forward distribution though it was asked for one")
    return distribution


def solve_flows(graph: StateGraph, log_target: Tensor, *, log_pb: Tensor | None = None) -> ExactFlows:
    """Flows that satisfy every balance condition exactly for one P_B.

    G(s) = [stop legal] R'(s) + sum over forward actions a of G(s_a) P_B(b_a | s_a), and P_F(a|s) = G(s_a) P_B / G(s),
    P_F(stop|s) = R'(s) / G(s). States of the graph may stand for isomorphism classes: the sum is over actions, so
    parallel edges count as often as they occur.

    Args:
        graph: all states and edges.
        log_target: log R'(s), [M] (read only where stop is legal); see ``ExactTarget.log_target``.
        log_pb: log P_B of each edge at its target [E]; the default is uniform over legal backward actions.
    """
    layers = Layers(graph)
    log_pb = -graph.back_parents.double().log() if log_pb is None else log_pb.double()
    log_exit = log_target.double().masked_fill(~graph.can_stop, -torch.inf)
    log_flow = layers.flows(log_pb, log_exit)
    # a dead state has no flow: whatever is divided there must come out as probability 0, not NaN
    below = log_flow.masked_fill(~log_flow.isfinite(), 0.0)
    log_pf = log_flow[graph.target] + log_pb - below[graph.source]
    log_stop = log_exit - below
    return ExactFlows(log_flow, log_pf, log_stop, layers.reach(log_pf) + log_stop, float(log_flow[0]))


def exact_target(environment: Environment, reward: Reward, *, limit: int = 200_000) -> ExactTarget:
    """List the space and score every distinct object once (this counts as oracle calls of ``reward``).

    Raises:
        NotEnumerableError: the space cannot be listed, or has more than ``limit`` states.
    """
    listed = list_objects(environment, limit=limit)
    graph, ends = listed.graph, listed.ends
    terminal: States = graph.states[ends]
    distinct = environment.kind.take(listed.made, listed.first.tolist())
    condition = environment.condition_values(terminal[listed.first])
    scores = reward(distinct, listed.keys, condition)
    log_symmetry = torch.zeros(len(graph), dtype=torch.float64)
    log_symmetry[ends] = environment.log_symmetry(terminal, listed.made).double()
    return ExactTarget(
        graph, listed.keys, listed.objects, scores.log_reward.double(), log_symmetry, scores.measurements
    )


def compare(target: ExactTarget, log_terminal: Tensor) -> ExactResult:
    """Distances between the objects' probabilities under log P_T of every state [M] and the target."""
    p, pi, reward = target.by_object(log_terminal), target.pi, target.log_reward.exp()
    return ExactResult(
        keys=target.keys,
        p=p,
        pi=pi,
        log_z=target.log_z,
        tv=total_variation(p, pi),
        jsd=jensen_shannon(p, pi),
        kl=kullback_leibler(pi, p),
        reverse_kl=kullback_leibler(p, pi),
        mean_l1=mean_l1(p, pi),
        mean_reward=float((p * reward).sum()),
        target_mean_reward=float((pi * reward).sum()),
        relative_mean_reward=relative_mean_reward(p, target.log_reward),
    )


def exact_distribution(
    environment: Environment,
    policy: Policy,
    reward: Reward,
    *,
    target: ExactTarget | None = None,
    batch: int = 4096,
) -> ExactResult:
    """Exact P_T of ``policy`` over finished objects, against R/Z.

    Args:
        environment: an enumerable environment.
        policy: what samples.
        reward: gives log R(x); each distinct object is scored once.
        target: the listed space from an earlier call of ``exact_target``, to list and score it only once in a run.
        batch: states in one call of the policy.

    Raises:
        NotEnumerableError: the space cannot be listed.
    """
    target = exact_target(environment, reward) if target is None else target
    return compare(target, exact_terminal(policy, target.graph, batch=batch))
