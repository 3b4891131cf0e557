"""List every state of a small environment, as a graph on which exact answers can be computed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from molgfn.environments.base import Environment, States
from molgfn.environments.enumerable import Enumerable
from molgfn.errors import NotEnumerableError


@dataclass(frozen=True)
class StateGraph:
    """All M states (one per isomorphism class) and all E forward edges, parallel edges kept.

    ``states`` are in order of depth, the source first, so every edge goes from a lower to a higher index.

    Attributes:
        states: M states.
        depth: int64 [M], number of forward actions from the source along the longest path.
        source, target: int64 [E], indices of states.
        action: int64 [E] or [E, parts], forward action at the source state.
        backward_action: int64 [E] or [E, parts], the action that undoes it, *at the state that the step led to*; see
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

    @property
    def graded(self) -> bool:
        """All paths to a state are equally long: every edge leads from one depth to the next."""
        return bool((self.depth[self.target] == self.depth[self.source] + 1).all())


def enumerate_states(environment: Environment, limit: int = 200_000) -> StateGraph:
    """Breadth-first list of all states, each once; tensors throughout, one dictionary look-up per edge.

    One state that is reached by paths of different lengths is one state, known again by its key.

    Raises:
        NotEnumerableError: the environment says why not, there are more than ``limit`` states, or actions lead in a
            circle.
    """
    environment.require_enumerable()
    if not isinstance(environment, Enumerable):
        raise NotEnumerableError(f"{type(environment).__name__}: its states have no keys by which one is known again")
    layer = environment.initial(1)
    layers, sources, targets, actions, backs = [layer], [], [], [], []
    found = {key: 0 for key in environment.keys(layer)}
    offset = 0  # of the first state of the layer
    while len(layer):
        row, action = environment.legal_actions(layer)
        if not len(row):
            break
        before = layer[row]
        after = environment.step(before, action)
        known = len(found)
        number = torch.tensor([found.setdefault(k, len(found)) for k in environment.keys(after)])
        new = number >= known
        first = torch.zeros(len(found) - known, dtype=torch.int64).scatter_reduce_(
            0, number[new] - known, torch.arange(len(number))[new], "amin", include_self=False
        )
        sources.append(row + offset)
        targets.append(number)
        actions.append(action)
        backs.append(environment.backward_action(before, action, after))
        offset, layer = known, after[first]
        layers.append(layer)
        if len(found) > limit:
            raise NotEnumerableError(f"{type(environment).__name__}: more than {limit:,} states")
    states = type(layer).cat(layers)
    empty = torch.empty(0, dtype=torch.int64)
    source, target = (torch.cat([empty, *parts]) for parts in (sources, targets))
    breadth_first = torch.arange(len(layers)).repeat_interleave(torch.tensor([len(part) for part in layers]))
    depth = _longest_paths(environment, breadth_first, source, target)
    # where some paths are longer than others, the order of discovery is not that of the depths
    order = torch.argsort(depth, stable=True)
    place = torch.empty_like(order).index_copy(0, order, torch.arange(len(order)))
    states, source, target = states[order], place[source], place[target]
    return StateGraph(
        states=states,
        depth=depth[order],
        source=source,
        target=target,
        action=torch.cat(actions) if actions else empty,
        backward_action=torch.cat(backs) if backs else empty,
        back_parents=environment.n_backward(states)[target],
        can_stop=environment.stop_mask(states),
    )


def _longest_paths(environment: Environment, depth: Tensor, source: Tensor, target: Tensor) -> Tensor:
    """Steps from the source to each state [M] along the longest path, from those along the shortest."""
    for _ in range(environment.max_steps + 1):
        longer = depth.scatter_reduce(0, target, depth[source] + 1, "amax")
        if torch.equal(longer, depth):
            return depth
        depth = longer
    raise NotEnumerableError(
        f"{type(environment).__name__}: actions lead in a circle, or further than max_steps = {environment.max_steps}"
    )
