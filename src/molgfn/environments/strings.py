"""Strings of a fixed length, built symbol by symbol, or word by word, in one of three ways."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import log
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from molgfn.environments.base import States
from molgfn.environments.build_steps import BuildStep
from molgfn.environments.constant import Constant
from molgfn.environments.enumerable import Enumerable
from molgfn.environments.hashing import hash_rows
from molgfn.environments.slots import ActsAtSlots
from molgfn.errors import ConfigError, DataError
from molgfn.objects.base import ObjectKind
from molgfn.objects.string import STRING
from molgfn.objects.string_tasks import TaskName, symbols_of

#: most states that are listed; at this size a table of them still fits into memory
MOST_LISTED = 10_000_000
#: most words that may be written; each is an action
MOST_WORDS = 65_536


@dataclass(frozen=True)
class StringStates(States):
    """``symbols``: int64 [B, slots], place among the words (symbols, where word=1), -1 where a slot is empty."""

    symbols: Tensor


class Strings(ActsAtSlots, Enumerable):
    """Strings of ``length`` symbols. Only a full string may stop, and then nothing else is legal: log P_F(stop) = 0.

    Forward action ``k W + a`` writes word a of the W = |A|^word words of the alphabet A, by default single symbols;
    backward action k takes it back; stop is last.

    * "append": k = 0, at the end. A tree: one way to each string.
    * "prepend_append": k = 0 at the front, k = 1 at the end. Both are actions of their own even where they lead to the
      same string (from the empty one, and to strings of one symbol), and so are the two ways back.
    * "any_slot": into slot k, 0 <= k < length / word, if it is empty.

    ``encode`` is one-hot per slot, with one more word for "empty": [B, length / word * (W + 1)]. Partial strings of the
    first two modes lie to the left. Finished objects are ``str``.

    Args:
        task: a published task, which says alphabet and length; its reward is an oracle (``experiments/strings``).
        alphabet: different characters; None: the task's, or ACGT.
        length: L, symbols of a finished string; None: the task's, or 8.
        mode: where a word may be written.
        word: symbols that are written at once, a divisor of the length; None: one.

    Raises:
        ConfigError: an alphabet that is not the task's, or that names a symbol twice; words that do not divide the
            length, or of which there are more than 65,536.

    Reference:
        Shen et al. 2023, arXiv 2305.07170 (prepend_append); Niu et al. 2024, arXiv 2408.05885 (any_slot); Malkin et al.
        2022, arXiv 2201.13259 (words of bits, append); Tiapkin et al. 2023, arXiv 2310.12934 (words, any_slot).
    """

    kind: ClassVar[ObjectKind] = STRING
    encoding: ClassVar[str] = "vector"
    encoded_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    counts_paths = True

    def __init__(
        self,
        *,
        task: TaskName | None = None,
        alphabet: Annotated[str, Field(min_length=1)] | None = None,
        length: Annotated[int, Field(ge=1)] | None = None,
        mode: Literal["append", "prepend_append", "any_slot"] = "prepend_append",
        word: Annotated[int, Field(ge=1)] | None = None,
    ) -> None:
        alphabet, length = symbols_of(task, alphabet, length)
        word = 1 if word is None else word
        if length % word:
            raise ConfigError(f"word: {word} symbols at a time do not make a string of {length}")
        if len(alphabet) ** word > MOST_WORDS:
            raise ConfigError(
                f"word: {len(alphabet)}^{word} words of {word} symbols of '{alphabet}' are more than {MOST_WORDS:,}"
            )
        self.order_free = mode == "any_slot"
        self.task, self.alphabet, self.length, self.mode, self.word = task, alphabet, length, mode, word
        self.slots = length // word
        self.n_words = size = len(alphabet) ** word
        places = {"append": 1, "prepend_append": 2, "any_slot": self.slots}[mode]
        self.n_actions = places * size + 1
        self.n_backward_actions = places
        self.stop_action = places * size
        self.max_steps = self.slots + 1
        self.n_features = self.slots * (size + 1)
        self._one_hot = Constant(torch.eye(size + 1))
        states = (size + 1) ** self.slots if mode == "any_slot" else sum(size**n for n in range(self.slots + 1))
        self.n_states = states if states < 2**63 else None

    def initial(self, n: int, device: torch.device | str = "cpu") -> StringStates:
        return StringStates(torch.full((n, self.slots), -1, dtype=torch.int64, device=device))

    def _written(self, states: StringStates) -> Tensor:
        """int64 [B], words that are there."""
        return (states.symbols >= 0).sum(1)

    def _slot(self, written: Tensor, places: Tensor) -> Tensor:
        """The slot [B] of the word that backward actions take away from strings of so many words."""
        if self.mode == "any_slot":
            return places
        last = (written - 1).clamp(min=0)
        return last if self.mode == "append" else torch.where(places == 0, 0, last)

    def step(self, states: StringStates, actions: Tensor) -> StringStates:
        size, old = self.n_words, states.symbols
        place, symbol = actions // size, actions % size
        add = actions != self.stop_action
        slot = self._slot(self._written(states) + 1, place).clamp(max=self.slots - 1)
        room = old
        if self.mode == "prepend_append":  # what is there moves one to the right; the last slot is empty
            room = torch.where((place == 0)[:, None], old.roll(1, 1), old)
        new = room.scatter(1, slot[:, None], symbol[:, None])
        return StringStates(torch.where(add[:, None], new, old))

    def undo(self, states: StringStates, backward_actions: Tensor) -> StringStates:
        slot = self._slot(self._written(states), backward_actions)
        less = states.symbols.scatter(1, slot[:, None], -1)
        if self.mode == "prepend_append":
            less = torch.where((backward_actions == 0)[:, None], less.roll(-1, 1), less)
        return StringStates(less)

    def forward_mask(self, states: StringStates) -> Tensor:
        empty = states.symbols < 0
        full = self.stop_mask(states)[:, None]
        places = empty if self.mode == "any_slot" else ~full.expand(-1, self.n_backward_actions)
        return torch.cat([places.repeat_interleave(self.n_words, 1), full], 1)

    def backward_mask(self, states: StringStates) -> Tensor:
        there = states.symbols >= 0
        return there if self.mode == "any_slot" else there[:, :1].repeat(1, self.n_backward_actions)

    def backward_action(self, states: StringStates, actions: Tensor, next_states: StringStates) -> Tensor:
        return actions // self.n_words

    def forward_action(self, states: StringStates, backward_actions: Tensor, previous: StringStates) -> Tensor:
        slot = self._slot(self._written(states), backward_actions)
        return backward_actions * self.n_words + states.symbols.gather(1, slot[:, None]).squeeze(1)

    @property
    def n_slots(self) -> int:
        """See ``ActsAtSlots``; of "any_slot", the only mode that is free of order."""
        return self.slots

    def taken_slots(self, states: StringStates) -> Tensor:
        return states.symbols >= 0

    def filled_slot(self, states: StringStates, actions: Tensor) -> Tensor:
        return torch.where(actions == self.stop_action, -1, actions // self.n_words)

    def rebuilt_slots(self, backward_actions: Tensor, previous: StringStates) -> Tensor:
        return torch.arange(self.slots, device=backward_actions.device).repeat(len(backward_actions), 1)

    def renumbered(self, actions: Tensor, slots: Tensor) -> Tensor:
        return actions

    def places(self, device: torch.device | str = "cpu") -> Tensor:
        return torch.arange(self.n_actions, device=device) // self.n_words

    def is_initial(self, states: StringStates) -> Tensor:
        return (states.symbols < 0).all(1)

    def stop_mask(self, states: StringStates) -> Tensor:
        return (states.symbols >= 0).all(1)

    def has_object(self, states: StringStates) -> Tensor:
        return self.stop_mask(states)

    def encode(self, states: StringStates) -> Tensor:
        table = self._one_hot.on(states.symbols.device, torch.get_default_dtype())
        return functional.embedding(states.symbols + 1, table).flatten(1)

    def index(self, states: StringStates) -> Tensor:
        """See ``Enumerable.index``; of "append" and "prepend_append" the shorter strings come first."""
        if self.n_states is None:
            return super().index(states)
        size, symbols = self.n_words, states.symbols
        power = torch.tensor([size**n for n in range(self.slots)], device=symbols.device)
        if self.mode == "any_slot":
            power = torch.tensor([(size + 1) ** n for n in range(self.slots)], device=symbols.device)
            return ((symbols + 1) * power).sum(1)
        shorter = torch.cat([power.new_zeros(1), power.cumsum(0)])
        return shorter[self._written(states)] + (symbols.clamp(min=0) * power).sum(1)

    def objects(self, states: StringStates) -> list[str]:
        symbols = states.symbols.cpu().numpy()
        if (symbols < 0).any():
            raise ValueError("a string that is not full is no object; ask has_object first")
        power = len(self.alphabet) ** np.arange(self.word - 1, -1, -1)
        letters = np.array(list(self.alphabet))[symbols[:, :, None] // power % len(self.alphabet)]
        letters = np.ascontiguousarray(letters.reshape(len(symbols), self.length))
        return letters.view(f"<U{self.length}").ravel().tolist()

    def build_steps(self, states: StringStates, actions: Tensor) -> list[BuildStep]:
        """The symbols so far, a dot for each that is missing."""
        letters = [*self.alphabet, "·"]
        written = ["".join(letters[symbol] for symbol in row) for row in states.symbols[1:].tolist()]
        return [*map(BuildStep, written), BuildStep("stops")]

    def keys(self, states: StringStates) -> Sequence[Hashable]:
        if self.n_states is None:
            return [tuple(row) for row in states.symbols.tolist()]
        return self.index(states).tolist()

    def hashes(self, states: StringStates) -> Tensor:
        return hash_rows(states.symbols) if self.n_states is None else self.index(states)

    def log_path_count(self, states: StringStates) -> Tensor:
        n = self._written(states).double()
        return {"append": 0.0 * n, "prepend_append": log(2) * n, "any_slot": torch.lgamma(n + 1)}[self.mode]

    def states_of(self, objects: list[str]) -> StringStates:
        place = {symbol: i for i, symbol in enumerate(self.alphabet)}
        for i, text in enumerate(objects):
            if len(text) != self.length or not set(text) <= place.keys():
                raise DataError(f"string {i + 1} ('{text}'): it takes {self.length} symbols of '{self.alphabet}'")
        rows = torch.tensor([[place[symbol] for symbol in text] for text in objects], dtype=torch.int64)
        power = len(self.alphabet) ** torch.arange(self.word - 1, -1, -1)
        return StringStates((rows.reshape(-1, self.slots, self.word) * power).sum(2))

    def enumeration_unavailable_reason(self) -> str | None:
        if self.n_states is not None and self.n_states <= MOST_LISTED:
            return None
        return f"there are more than {MOST_LISTED:,} partial and full strings"
