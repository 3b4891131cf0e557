"""The layer of environments whose states are told apart: keys, hashes, legal actions row by row, numbers of paths.

Exact answers, guides and checks read nothing else beside the transitions, whatever the actions look like. They go by
the state, so that one state which is reached by paths of different lengths is one state.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Hashable, Sequence

import torch
from torch import Tensor

from molgfn.docstrings import attributes_in_docstring
from molgfn.environments.base import Environment, States
from molgfn.errors import ConfigError, NotEnumerableError


@attributes_in_docstring
class Enumerable(Environment):
    """An environment whose states have keys. It says itself whether there are few enough to list them all."""

    #: number of states where every state has an index (see ``index``), else None
    n_states: int | None = None

    @abstractmethod
    def keys(self, states: States) -> Sequence[Hashable]:
        """One hashable per state, equal exactly when the states are the same up to relabelling (isomorphic)."""

    @abstractmethod
    def legal_actions(self, states: States) -> tuple[Tensor, Tensor]:
        """All legal forward actions but the exit: (row int64 [m], not decreasing; actions int64 [m, ...])."""

    @abstractmethod
    def legal_backward_actions(self, states: States) -> tuple[Tensor, Tensor]:
        """All legal backward actions: (row int64 [m], not decreasing; actions int64 [m, ...]); none at the source."""

    def n_forward(self, states: States) -> Tensor:
        """How many forward actions are legal, the exit counted, int64 [B]."""
        return torch.bincount(self.legal_actions(states)[0], minlength=len(states)) + self.stop_mask(states)

    def n_backward(self, states: States) -> Tensor:
        """How many backward actions are legal, int64 [B]."""
        return torch.bincount(self.legal_backward_actions(states)[0], minlength=len(states))

    def index(self, states: States) -> Tensor:
        """int64 [B] in [0, n_states), equal exactly when the states are the same; only where ``n_states`` is set."""
        raise NotEnumerableError(f"{type(self).__name__} has no index of its states")

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
        return "this environment does not say how many states it has"


def enumerable(environment: Environment, reader: str) -> Enumerable:
    """``environment`` where its states have keys.

    Raises:
        ConfigError: they have none; ``reader`` says what needs them.
    """
    if isinstance(environment, Enumerable):
        return environment
    raise ConfigError(
        f"{reader} tells states apart, but those of {type(environment).__name__} have no keys (it is no "
        "environments.enumerable.Enumerable)"
    )
