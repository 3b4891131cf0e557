"""How likely samplers are to come through each state of a space that can be listed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch

from molgfn.environments.enumeration import StateGraph, enumerate_states
from molgfn.evaluation.exact.answers import edge_log_probs
from molgfn.evaluation.exact.layers import Layers
from molgfn.policies.composed.reach import Member, ReachTable


def reach_table(
    members: Sequence[Member], *, graph: StateGraph | None = None, limit: int = 200_000, batch: int = 4096
) -> ReachTable:
    """Exact u_i(s) of the members of a composition, by the forward recursion over all edges with their P_F.

    These are the probabilities of the policies as they are, trained well or not; no flow head, no P_B and no reward is
    read, and no oracle is called.

    Args:
        members: of one environment.
        graph: all its states, without a condition, where they are at hand; None lists them.
        limit: most states.
        batch: states in one call of a policy.

    Raises:
        NotEnumerableError: the space cannot be listed, or has more than ``limit`` states.
    """
    plain = members[0].plain
    graph = enumerate_states(plain, limit) if graph is None else graph
    layers, reach = Layers(graph), []
    for member in members:
        log_pf, _ = edge_log_probs(member.policy, member_graph(member, graph), batch=batch)
        reach.append(layers.reach(log_pf))
    return ReachTable(plain, graph.states, torch.stack(reach, 1))


def member_graph(member: Member, graph: StateGraph) -> StateGraph:
    """A graph of states without a condition, as the member reads them."""
    return dataclasses.replace(graph, states=member.states(graph.states))
