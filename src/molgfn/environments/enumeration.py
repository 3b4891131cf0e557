"""List every state of a small environment, as a graph on which exact answers can be computed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from molgfn.environments.base import Environment, States
from molgfn.errors import NotEnumerableError


@dataclass(frozen=True)
class StateGraph:
    """All M states (one per isomorphism class) and all E forward edges, parallel edges kept.

    ``states`` are in order of depth, the source first, so every edge goes from a lower to a higher index.

    Attributes:
        states: M states.
        depth: int64 [M], number of forward actions from the source (equal along every path).
        source, target: int64 [E], indices of states.
        action: int64 [E], forward action at the source state.
        backward_action: int64 [E], the action that undoes it, *at the state that the step led to*; see
            ``back_parents``.
        back_parents: int64 [E], number of legal backward actions at the target.
        can_stop: bool [M].
    """

    states: States
    depth: Tensor
    source: Tensor
    target: Tensor
    action: Tensor
    backward_action: Tensor
    back_parents: Tensor
    can_stop: Tensor

    def __len__(self) -> int:
        return len(self.depth)


def enumerate_states(environment: Environment, limit: int = 200_000) -> StateGraph:
    """Breadth-first list of all states, by layers; tensors throughout, one dictionary look-up per edge.

    Raises:
        NotEnumerableError: the environment says why not, or there are more than ``limit`` states.
    """
    environment.require_enumerable()
    layer = environment.initial(1)
    layers, depth_of, sources, targets, actions, backs = [layer], [torch.zeros(1, dtype=torch.int64)], [], [], [], []
    offset, depth = 0, 0
    while len(layer):
        mask = environment.forward_mask(layer)
        mask[:, environment.stop_action] = False
        row, action = mask.nonzero(as_tuple=True)
        if not len(row):
            break
        before = layer[row]
        after = environment.step(before, action)
        found: dict = {}
        number = torch.tensor([found.setdefault(k, len(found)) for k in environment.keys(after)])
        first = torch.zeros(len(found), dtype=torch.int64).scatter_reduce_(
            0, number, torch.arange(len(number)), "amin", include_self=False
        )
        sources.append(row + offset)
        offset += len(layer)
        depth += 1
        targets.append(number + offset)
        actions.append(action)
        backs.append(environment.backward_action(before, action, after))
        layer = after[first]
        layers.append(layer)
        depth_of.append(torch.full((len(layer),), depth))
        if offset + len(layer) > limit:
            raise NotEnumerableError(f"{type(environment).__name__}: more than {limit:,} states")
    states = type(layer).cat(layers)
    source, target = torch.cat(sources), torch.cat(targets)
    return StateGraph(
        states=states,
        depth=torch.cat(depth_of),
        source=source,
        target=target,
        action=torch.cat(actions),
        backward_action=torch.cat(backs),
        back_parents=environment.backward_mask(states).sum(1)[target],
        can_stop=environment.forward_mask(states)[:, environment.stop_action],
    )
