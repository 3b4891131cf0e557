"""Sets: k of the n members of a pool, in any order (Malik et al. 2023, arXiv 2306.15058)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import comb
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from molgfn.environments.actions import ListedActions
from molgfn.environments.base import States
from molgfn.environments.build_steps import BuildStep
from molgfn.environments.constant import Constant
from molgfn.environments.enumerable import Enumerable
from molgfn.environments.hashing import hash_rows
from molgfn.environments.sets.encoding import SetBatch, SetSpec
from molgfn.errors import ConfigError, DataError
from molgfn.information.pools import Pool
from molgfn.objects.base import ObjectKind
from molgfn.objects.set import SET

#: most sets that are listed
MOST_LISTED = 1_000_000


@dataclass(frozen=True)
class SetStates(States):
    """``members``: int64 [B, size], numbers of the members of each set, rising, then n of the n members."""

    members: Tensor


class Sets(ListedActions, Enumerable):
    """Sets of members of a pool of n; the source is the empty set.

    Forward action i < n adds member i, action n stops. Backward action j takes the j-th of the members out, in their
    rising order. A set of k members is reached by k! orders, so log P_B(tau | set) = -log k! where P_B is uniform.
    Finished objects are int64 [B, size], rising, then -1. States have no room for anything of the pool's size, so that
    a trajectory through a pool of 10^5 costs what one through a pool of 10 costs.

    Args:
        pool: the members and their features, in order.
        size: members of a finished set; with ``least`` the most of them.
        least: least members of a finished set; None: all finished sets have ``size``.
        labelled: what has been measured already, with the features of the pool and labels, for policies to read; None
            for nothing.

    Raises:
        ConfigError: the pool has fewer members than ``size``, ``least`` is larger than that, or the labelled set has
            other features.
        DataError: a member is there twice, or a labelled one has no label; the member is named.
    """

    kind: ClassVar[ObjectKind] = SET
    encoding: ClassVar[str] = "set"
    counts_paths = True

    def __init__(
        self,
        *,
        pool: Pool,
        size: Annotated[int, Field(ge=1)] = 4,
        least: Annotated[int, Field(ge=0)] | None = None,
        labelled: Pool | None = None,
    ) -> None:
        self.pool, self.size, self.labelled = pool, size, labelled
        self.least = size if least is None else least
        self.n = n = len(pool.members)
        if n < size:
            raise ConfigError(f"size: a set of {size} members cannot be taken from {pool.where}, which has {n}")
        if self.least > size:
            raise ConfigError(f"least: {least} members are more than size={size}")
        features = torch.from_numpy(pool.members.features)
        self._features = Constant(features)
        self._labelled = None if labelled is None else Constant(self._known(labelled, features.shape[1]))
        self.spec = SetSpec(features.shape[1], size, labelled is not None)
        self.n_actions = n + 1
        self.n_backward_actions = size
        self.stop_action = n
        self.max_steps = size + 1
        self.stops_everywhere = self.least == 0
        states = sum(comb(n, k) for k in range(size + 1))
        self.n_states = states if states < 2**63 else None
        self._ranks: Constant | None = None

    @staticmethod
    def _known(labelled: Pool, features: int) -> Tensor:
        members = labelled.members
        if members.features.shape[1] != features:
            raise ConfigError(
                f"labelled: {labelled.where} has {members.features.shape[1]} features, and the pool has {features}"
            )
        if members.labels is None:
            raise DataError(f"{labelled.where}: member `{(*members.names, 'none')[0]}` has no label, nor has any other")
        return torch.cat([torch.from_numpy(members.features), torch.from_numpy(members.labels)[:, None]], 1)

    def on(self, pool: Pool, labelled: Pool | None = None) -> Sets:
        """Sets of the same sizes of another pool; a policy goes over by ``PoolPolicy.on``."""
        return Sets(pool=pool, size=self.size, least=self.least, labelled=labelled)

    def initial(self, n: int, device: torch.device | str = "cpu") -> SetStates:
        return SetStates(torch.full((n, self.size), self.n, dtype=torch.int64, device=device))

    def _count(self, states: SetStates) -> Tensor:
        """int64 [B], members that are there."""
        return (states.members < self.n).sum(1)

    def step(self, states: SetStates, actions: Tensor) -> SetStates:
        # the exit is number n, as an empty place is; a full set is only ever left by it
        last = torch.minimum(states.members[:, -1], actions)
        return SetStates(torch.cat([states.members[:, :-1], last[:, None]], 1).sort(1).values)

    def undo(self, states: SetStates, backward_actions: Tensor) -> SetStates:
        return SetStates(states.members.scatter(1, backward_actions[:, None], self.n).sort(1).values)

    def forward_mask(self, states: SetStates) -> Tensor:
        legal = (states.members[:, -1:] == self.n).expand(-1, self.n + 1)
        legal = legal.scatter(1, states.members, False)
        legal[:, self.n] = self.stop_mask(states)
        return legal

    def backward_mask(self, states: SetStates) -> Tensor:
        return states.members < self.n

    def stop_mask(self, states: SetStates) -> Tensor:
        if self.least == 0:
            return torch.ones(len(states), dtype=torch.bool, device=states.device)
        return states.members[:, self.least - 1] < self.n

    def has_object(self, states: SetStates) -> Tensor:
        return self.stop_mask(states)

    def backward_action(self, states: SetStates, actions: Tensor, next_states: SetStates) -> Tensor:
        return (states.members < actions[:, None]).sum(1).clamp(max=self.size - 1)

    def forward_action(self, states: SetStates, backward_actions: Tensor, previous: SetStates) -> Tensor:
        return states.members.gather(1, backward_actions[:, None]).squeeze(1)

    def is_initial(self, states: SetStates) -> Tensor:
        return states.members[:, 0] == self.n

    def encode(self, states: SetStates) -> SetBatch:
        device, dtype = states.device, torch.get_default_dtype()
        return SetBatch(
            members=states.members,
            features=self._features.on(device, dtype),
            labelled=None if self._labelled is None else self._labelled.on(device, dtype),
            can_add=states.members[:, -1] == self.n,
            can_stop=self.stop_mask(states),
        )

    def index(self, states: SetStates) -> Tensor:
        """See ``Enumerable.index``: smaller sets come first, sets of one size by the combinatorial number system."""
        if self.n_states is None:
            return super().index(states)
        if self._ranks is None:  # row k: how many sets of k + 1 numbers lie below a largest number; last: of fewer
            below = [[comb(m, k + 1) for m in range(self.n)] + [0] for k in range(self.size)]
            fewer = [sum(comb(self.n, j) for j in range(k)) for k in range(self.size + 1)]
            width = max(self.n + 1, self.size + 1)
            rows = [row + [0] * (width - len(row)) for row in [*below, fewer]]
            self._ranks = Constant(torch.tensor(rows, dtype=torch.int64))
        table = self._ranks.on(states.device, torch.int64)
        places = torch.arange(self.size, device=states.device)
        return table[places, states.members].sum(1) + table[-1][self._count(states)]

    def keys(self, states: SetStates) -> Sequence[Hashable]:
        if self.n_states is None:
            return [tuple(row) for row in states.members.tolist()]
        return self.index(states).tolist()

    def hashes(self, states: SetStates) -> Tensor:
        return hash_rows(states.members) if self.n_states is None else self.index(states)

    def log_path_count(self, states: SetStates) -> Tensor:
        return torch.lgamma(self._count(states).double() + 1)  # members were added in any order

    def objects(self, states: SetStates) -> Tensor:
        return torch.where(states.members < self.n, states.members, -1).cpu()

    def build_steps(self, states: SetStates, actions: Tensor) -> list[BuildStep]:
        """The names of the members, one after the other."""
        names = self.pool.members.names
        return [*(BuildStep(f"takes {names[row]}") for row in actions[:-1].tolist()), BuildStep("stops")]

    def states_of(self, objects: Tensor) -> SetStates:
        """States of sets, int64 [B, at most size], -1 for no member.

        Raises:
            DataError: a member that the pool does not have, one that is there twice, or another size.
        """
        given = torch.as_tensor(objects, dtype=torch.int64)
        if given.dim() != 2:
            raise DataError(f"sets of shape {list(given.shape)}; it takes [B, k]")
        if (beyond := (given >= self.n).any(1)).any():
            row = int(beyond.nonzero()[0])
            raise DataError(
                f"set {row + 1}: the pool has no member {int(given[row].max())}; they are 0 to {self.n - 1}"
            )
        members = torch.where(given < 0, self.n, given).sort(1).values
        twice = (members[:, 1:] == members[:, :-1]) & (members[:, 1:] < self.n)
        if twice.any():
            row = int(twice.any(1).nonzero()[0])
            name = self.pool.members.names[int(members[row, 1:][twice[row]][0])]
            raise DataError(f"set {row + 1}: member `{name}` is there twice")
        count = (members < self.n).sum(1)
        if (wrong := (count > self.size) | (count < self.least)).any():
            row = int(wrong.nonzero()[0])
            sizes = f"{self.size}" if self.least == self.size else f"{self.least} to {self.size}"
            raise DataError(f"set {row + 1}: has {int(count[row])} members; sets here have {sizes}")
        missing = self.size - members.shape[1]
        return SetStates(
            torch.constant_pad_nd(members, (0, missing), self.n) if missing > 0 else members[:, : self.size]
        )

    def enumeration_unavailable_reason(self) -> str | None:
        if self.n_states is not None and self.n_states <= MOST_LISTED:
            return None
        return f"there are more than {MOST_LISTED:,} sets of up to {self.size} of {self.n:,} members"
