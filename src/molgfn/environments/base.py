"""The contract of an environment: a pointed DAG whose states, masks and transitions are batched tensors.

Letters used everywhere: B states in a batch, A forward actions, A' backward actions, N nodes of a graph.
"""

from __future__ import annotations

import dataclasses
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from molgfn.errors import NotEnumerableError
from molgfn.objects.base import ObjectKind


@dataclass(frozen=True)
class States:
    """A batch of states: a dataclass whose fields are tensors with the same leading dimension B."""

    def __len__(self) -> int:
        return len(getattr(self, dataclasses.fields(self)[0].name))

    def _map(self, function: Any) -> Self:
        return type(self)(**{f.name: function(getattr(self, f.name)) for f in dataclasses.fields(self)})

    def __getitem__(self, index: Tensor | slice) -> Self:
        """The states at ``index`` (integer tensor, boolean mask or slice), in that order."""
        return self._map(lambda t: t[index])

    def to(self, device: torch.device | str) -> Self:
        return self._map(lambda t: t.to(device))

    @property
    def device(self) -> torch.device:
        return getattr(self, dataclasses.fields(self)[0].name).device

    @classmethod
    def cat(cls, batches: Sequence[Self]) -> Self:
        """Batches one after the other along B."""
        return cls(**{f.name: torch.cat([getattr(b, f.name) for b in batches]) for f in dataclasses.fields(cls)})


class Environment(ABC):
    """How objects are built, step by step, by actions that can be undone.

    A state is never a finished object: *stop* is an action (``stop_action``) of its own, legal wherever the state may
    be a whole object. Forward actions are integers in ``[0, n_actions)``, backward actions integers in
    ``[0, n_backward_actions)``. P_F and P_B count the same edges: every legal forward action other than stop has a
    backward action that undoes it, and the other way round (architecture section 3, "one multigraph").

    All methods take and return batches and contain no Python loop over the batch, except ``objects``, ``keys`` and
    ``log_symmetry``, which look at finished objects or serve tests.
    """

    #: what finished objects are (``objects.molecule.MOLECULE``, ``objects.string.STRING``, ``objects.grid.GRID`` or a
    #: kind of one's own); an oracle of another ``kind`` is refused before a run
    kind: ClassVar[ObjectKind]
    #: what ``encode`` returns: "vector" (float tensor [B, F]) or "graph" (environments.graphs.GraphBatch)
    encoding: ClassVar[str]

    #: number of forward actions A, with stop
    n_actions: int
    #: number of backward actions A'
    n_backward_actions: int
    #: index of the stop action
    stop_action: int
    #: most transitions that a trajectory can have, the exit counted
    max_steps: int
    #: number of states where every state has an index (see ``index``), else None
    n_states: int | None = None
    #: size of the encoded condition that its states carry (see ``condition``); 0 for none
    condition_size: int = 0
    #: stop is legal in every state
    stops_everywhere: bool = False
    #: ``log_path_count`` is there
    counts_paths: bool = False
    #: ``log_symmetry`` is all of log C(x), so that the flows are trained to sum to sum_x R(x)
    corrects_symmetry: bool = True

    @abstractmethod
    def initial(self, n: int, device: torch.device | str = "cpu") -> States:
        """``n`` copies of the source s0."""

    @abstractmethod
    def step(self, states: States, actions: Tensor) -> States:
        """States after legal forward ``actions`` [B]. A stop leaves its state as it is. Inputs are not changed."""

    @abstractmethod
    def undo(self, states: States, backward_actions: Tensor) -> States:
        """States before: ``backward_actions`` [B] taken back. Inputs are not changed."""

    @abstractmethod
    def forward_mask(self, states: States) -> Tensor:
        """Legal forward actions, bool [B, A]. At least one is legal in every state."""

    @abstractmethod
    def backward_mask(self, states: States) -> Tensor:
        """Legal backward actions, bool [B, A']; all False exactly at the source."""

    @abstractmethod
    def backward_action(self, states: States, actions: Tensor, next_states: States) -> Tensor:
        """The backward action [B] at ``next_states = step(states, actions)`` that undoes ``actions`` (-1 for stop)."""

    @abstractmethod
    def forward_action(self, states: States, backward_actions: Tensor, previous: States) -> Tensor:
        """The forward action [B] at ``previous = undo(states, backward_actions)`` that leads back to ``states``."""

    @abstractmethod
    def is_initial(self, states: States) -> Tensor:
        """bool [B]: the state is the source."""

    @abstractmethod
    def encode(self, states: States) -> Any:
        """What a policy reads; see ``encoding``."""

    def condition(self, states: States) -> Tensor | None:
        """The encoded condition that each state carries, float [B, condition_size]; None without one."""
        return None

    @abstractmethod
    def objects(self, states: States) -> Any:
        """The finished objects that the states stand for (see ``kind``), in order, one each."""

    @abstractmethod
    def keys(self, states: States) -> Sequence[Hashable]:
        """One hashable per state, equal exactly when the states are the same up to relabelling (isomorphic)."""

    def index(self, states: States) -> Tensor:
        """int64 [B] in [0, n_states), equal exactly when the states are the same; only where ``n_states`` is set."""
        raise NotEnumerableError(f"{type(self).__name__} has no index of its states")

    @abstractmethod
    def states_of(self, objects: Any) -> States:
        """One terminal state for each object, for backward sampling; raises ``DataError`` where there is none."""

    def terminal_draws(self, objects: Any, seed: int = 0) -> tuple[States, Tensor]:
        """A terminal state t drawn for each object, and the log weight float64 [B] of the draw.

        The log weight is log c(t) - log P(t | x), where c(t) is how many forward trajectories (as action sequences)
        lead to t for each backward one from it, so that P_T(x) = E[exp(log weight) P_F(tau) / P_B(tau | t)] over t and
        tau ~ P_B(. | t). Both are 1 where an object is one state. Where several states are the same object (fragment
        trees of one molecule) and t is drawn in proportion to c(t), the weight is log C(x), whatever correction
        ``log_symmetry`` applies.
        """
        states = self.states_of(objects)
        return states, torch.zeros(len(states), dtype=torch.float64)

    def log_symmetry(self, states: States, objects: Any) -> Tensor:
        """log C(x) [B], float64, on the CPU: how many times too much mass x would get; subtracted from log R(x).

        With equivariant policies P_T(x) ~ R'(x) C(x); training on log R' = log R - log C makes P_T(x) ~ R(x).
        Zero where states and objects are the same thing.
        """
        return torch.zeros(len(states), dtype=torch.float64)

    def stop_mask(self, states: States) -> Tensor:
        """bool [B]: stop is legal."""
        return self.forward_mask(states)[:, self.stop_action]

    def has_object(self, states: States) -> Tensor:
        """bool [B]: the state stands for an object that ``objects`` can be asked for, whether stop is legal or not."""
        return self.stop_mask(states)

    def hashes(self, states: States) -> Tensor:
        """int64 [B]: equal for states that are the same up to relabelling, different (almost surely) for others.

        The same from process to process. The default goes through ``keys`` one by one; batched code beats it.
        """
        digests = [hashlib.blake2b(repr(key).encode(), digest_size=8).digest() for key in self.keys(states)]
        return torch.tensor(
            [int.from_bytes(d, "little", signed=True) for d in digests], dtype=torch.int64, device=states.device
        )

    def log_path_count(self, states: States) -> Tensor:
        """log n(s), float64 [B]: how many sequences of backward actions lead from s to the source.

        Only where ``counts_paths``. n(s0) = 1, n(s') = sum over legal backward actions of n of where they lead.
        """
        raise NotEnumerableError(f"{type(self).__name__} does not count its paths")

    def enumeration_unavailable_reason(self) -> str | None:
        """None where all states can be listed (see ``environments.enumeration``), else a sentence that says why not."""
        return "this environment does not say how many states it has"

    def require_enumerable(self) -> None:
        """Raise ``NotEnumerableError`` with the reason where the space cannot be listed."""
        if reason := self.enumeration_unavailable_reason():
            raise NotEnumerableError(f"{type(self).__name__}: {reason}")

    def portable(self) -> dict[str, Any]:
        """Constructor arguments to keep in a checkpoint instead of those of the config (files read become content)."""
        return {}
