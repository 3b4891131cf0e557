"""What can still be built from a partial object, over spaces that can be listed.

A finished object x contains the state s (x >= s) where actions lead from s to x: of fragment trees, where one of the
trees of the molecule has the partial tree in it. The total reward of these objects is the flow F(s|s) of a network that
begins at s, exp of minus the free energy of s; it is not the flow F(s) through s, which P_B decides.

Reference: Bengio et al. 2021, arXiv 2111.09266 (free energies, marginals over supersets).
"""

from __future__ import annotations

import torch
from torch import Tensor

from molgfn.environments.base import Environment, States
from molgfn.environments.enumerable import enumerable
from molgfn.environments.enumeration import StateGraph
from molgfn.errors import ConfigError
from molgfn.evaluation.exact.answers import ExactTarget
from molgfn.evaluation.exact.layers import Layers
from molgfn.evaluation.exact.objects import ListedObjects


def place_of(environment: Environment, graph: StateGraph, state: States) -> int:
    """The index in ``graph`` of a state [1].

    Raises:
        ConfigError: it is not a state of this environment.
    """
    listing = enumerable(environment, "a partial object")
    wanted = listing.keys(state)[0]
    for place, key in enumerate(listing.keys(graph.states)):
        if key == wanted:
            return place
    raise ConfigError(f"{wanted!r} is no state of {type(environment).__name__}: no actions lead there")


def reachable(graph: StateGraph, start: int) -> Tensor:
    """Which states actions lead to from state ``start``, itself among them, bool [M]."""
    return ~Layers(graph).reach(torch.zeros(len(graph.source), dtype=torch.float64), start).isneginf()


def containing(listed: ListedObjects | ExactTarget, start: int) -> Tensor:
    """Which objects contain state ``start``, bool [K]."""
    inside = reachable(listed.graph, start) & (listed.objects >= 0)
    out = torch.zeros(len(listed.keys), dtype=torch.bool)
    out[listed.objects[inside]] = True
    return out


def exact_log_flow_from(target: ExactTarget, start: int) -> float:
    """log F(s|s), the log of the total reward of all objects that contain state ``start``; minus its free energy."""
    return float(torch.logsumexp(target.log_reward[containing(target, start)], 0))


def exact_marginal(listed: ListedObjects | ExactTarget, p: Tensor, start: int) -> float:
    """Probability that an object contains state ``start``, of probabilities p [K] of all objects."""
    return float(p.double()[containing(listed, start)].sum())


def exact_terminal_from(graph: StateGraph, log_pf: Tensor, log_stop: Tensor, start: int) -> Tensor:
    """log of the probability to stop in each state [M] for trajectories that begin at state ``start``.

    These are the supersets of s in proportion to P_T(x) times the probability that a trajectory to x comes through s,
    with balanced flows R(x) P_B(s|x): in proportion to R(x) alone where there is one way to each object.

    Args:
        graph: all states and edges.
        log_pf: log P_F of every edge [E]; of ``answers.edge_log_probs``, as is ``log_stop``.
        log_stop: log P_F(stop|s) of every state [M].
        start: where they begin.
    """
    return Layers(graph).reach(log_pf, start) + log_stop
