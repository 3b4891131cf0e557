"""Strings of tokens that are written at the end, and mean molecules."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from molgfn.chemistry.molecules import Molecule
from molgfn.environments.actions import ListedActions
from molgfn.environments.base import States
from molgfn.environments.build_steps import BuildStep
from molgfn.environments.enumerable import Enumerable
from molgfn.environments.hashing import hash_rows
from molgfn.environments.sequences import SequenceBatch, SequenceSpec
from molgfn.environments.tokens.spellings import MOST_SPELLED, Spellings
from molgfn.errors import ConfigError, OutsideError
from molgfn.objects.base import ObjectKind
from molgfn.objects.capabilities import HasPictures
from molgfn.objects.molecule import MOLECULE

#: what states hold tokens in: a trajectory stores all its prefixes
_STORED = torch.int16
#: most states that are listed; each finished one is read by RDKit
MOST_LISTED = 2_000_000
#: random spellings of a molecule that are tried before its own is taken
_TRIES = 8

#: over what the flows are exact
Symmetry = Literal["string", "molecule"]


@dataclass(frozen=True)
class TokenStates(States):
    """``tokens``: int16 [B, L], places in the alphabet, -1 after the end; ``length``: int64 [B]."""

    tokens: Tensor
    length: Tensor


class MoleculeStrings(ListedActions, Enumerable):
    """Strings of at most L tokens, each written after the last one; a tree, so P_B = 1 and every loss of trees holds.

    Forward action a < V writes token a, action V stops; the only backward action takes the last token away. Stop is
    legal from ``min_length`` tokens on, and the only action at L: there log P_F(stop) = 0, so that a string that was
    stopped at L and one that ran into L are one and the same terminal state.

    Several strings may mean the same molecule, and a string may mean none (``Molecule.problem`` says why).

    Args:
        tokens: V different tokens.
        max_length: L, most tokens of a string.
        min_length: fewest tokens at which the policy may stop.
        symmetry: "string": P_T over *strings* is trained to R, so that a molecule gets R(x) times the number of its
            strings; "molecule": log R is lowered by the log of that number, so that P_T over molecules is R / Z. The
            number is known where all strings can be read, ``spellings.MOST_SPELLED`` of them at most.

    Raises:
        ConfigError: no or equal tokens, lengths the wrong way round, or too many strings for symmetry "molecule".
    """

    kind: ClassVar[ObjectKind] = MOLECULE
    encoding: ClassVar[str] = "sequence"
    counts_paths = True

    def __init__(self, *, tokens: Sequence[str], max_length: int, min_length: int, symmetry: Symmetry) -> None:
        if not tokens:
            raise ConfigError("alphabet: names no token")
        if twice := sorted({t for t in tokens if list(tokens).count(t) > 1}):
            raise ConfigError(f"alphabet: {', '.join(twice)} is there twice")
        if len(tokens) > torch.iinfo(_STORED).max:
            raise ConfigError(f"alphabet: {len(tokens):,} tokens; at most {torch.iinfo(_STORED).max:,} can be kept")
        if min_length > max_length:
            raise ConfigError(f"min_length ({min_length}) is above max_length ({max_length})")
        self.tokens = tuple(tokens)
        self.max_length, self.min_length, self.symmetry = max_length, min_length, symmetry
        self.corrects_symmetry = symmetry == "molecule"
        size = len(self.tokens)
        self.n_actions = size + 1
        self.n_backward_actions = 1
        self.stop_action = size
        self.max_steps = max_length + 1
        self.spec = SequenceSpec(symbols=size, max_length=max_length)
        self._place = {token: i for i, token in enumerate(self.tokens)}
        shorter = [0]
        for n in range(max_length + 1):
            shorter.append(shorter[-1] + size**n)
        #: strings of fewer than n tokens, n = 0 .. L + 1
        self._shorter = shorter
        self.n_states = shorter[-1] if shorter[-1] < 2**63 else None
        if self.corrects_symmetry and (self.n_states is None or self.n_states > MOST_SPELLED):
            raise ConfigError(
                f"symmetry: how many strings of up to {max_length} of {size} tokens mean a molecule is known only "
                f"where all can be read, {MOST_SPELLED:,} at most; use symmetry=string (P_T over strings), a smaller "
                "alphabet or a smaller max_length"
            )
        self._spellings: Spellings | None = None

    # ------------------------------------------------------------------ strings and molecules

    @abstractmethod
    def read(self, text: str) -> Molecule:
        """The molecule that a string means; one with a problem where it means none."""

    @abstractmethod
    def spell(self, molecule: Molecule) -> list[str]:
        """Tokens of the string that stands for a valid molecule.

        Raises:
            OutsideError: there is no such string.
        """

    @abstractmethod
    def spell_anew(self, molecule: Molecule, seed: int) -> list[str]:
        """As ``spell``, of a string that is drawn at random."""

    def texts(self, states: TokenStates) -> list[str]:
        """The strings themselves."""
        rows = zip(states.tokens.tolist(), states.length.tolist(), strict=True)
        return ["".join(self.tokens[i] for i in row[:n]) for row, n in rows]

    def objects(self, states: TokenStates) -> list[Molecule]:
        return [self.read(text) for text in self.texts(states)]

    def build_steps(self, states: TokenStates, actions: Tensor) -> list[BuildStep]:
        """The tokens, and at the exit the molecule that they mean."""
        (molecule,) = self.objects(states[-1:])
        svg = self.kind.icon(molecule) if isinstance(self.kind, HasPictures) and molecule.valid else ""
        return [*(BuildStep(self.tokens[a]) for a in actions[:-1].tolist()), BuildStep("stops", svg)]

    # ------------------------------------------------------------------ transitions

    def initial(self, n: int, device: torch.device | str = "cpu") -> TokenStates:
        return TokenStates(
            tokens=torch.full((n, self.max_length), -1, dtype=_STORED, device=device),
            length=torch.zeros(n, dtype=torch.int64, device=device),
        )

    def step(self, states: TokenStates, actions: Tensor) -> TokenStates:
        add = actions != self.stop_action
        slot = states.length.clamp(max=self.max_length - 1)[:, None]
        written = torch.where(add[:, None], actions[:, None].to(_STORED), states.tokens.gather(1, slot))
        return TokenStates(states.tokens.scatter(1, slot, written), states.length + add)

    def undo(self, states: TokenStates, backward_actions: Tensor) -> TokenStates:
        last = (states.length - 1).clamp(min=0)
        return TokenStates(states.tokens.scatter(1, last[:, None], -1), last)

    def forward_mask(self, states: TokenStates) -> Tensor:
        grows = (states.length < self.max_length)[:, None].expand(-1, len(self.tokens))
        return torch.cat([grows, self.stop_mask(states)[:, None]], 1)

    def stop_mask(self, states: TokenStates) -> Tensor:
        return states.length >= self.min_length

    def backward_mask(self, states: TokenStates) -> Tensor:
        return (states.length > 0)[:, None]

    def backward_action(self, states: TokenStates, actions: Tensor, next_states: TokenStates) -> Tensor:
        return torch.zeros_like(actions)

    def forward_action(self, states: TokenStates, backward_actions: Tensor, previous: TokenStates) -> Tensor:
        last = (states.length - 1).clamp(min=0)
        return states.tokens.gather(1, last[:, None]).squeeze(1).long()

    def is_initial(self, states: TokenStates) -> Tensor:
        return states.length == 0

    def encode(self, states: TokenStates) -> SequenceBatch:
        return SequenceBatch(states.tokens, states.length)

    # ------------------------------------------------------------------ states that are told apart

    def keys(self, states: TokenStates) -> Sequence[Hashable]:
        return [tuple(row[:n]) for row, n in zip(states.tokens.tolist(), states.length.tolist(), strict=True)]

    def index(self, states: TokenStates) -> Tensor:
        """See ``Enumerable.index``; shorter strings come first."""
        if self.n_states is None:
            return super().index(states)
        size, device = len(self.tokens), states.length.device
        power = torch.tensor([size**n for n in range(self.max_length)], device=device)
        shorter = torch.tensor(self._shorter[:-1], device=device)
        return shorter[states.length] + (states.tokens.clamp(min=0).long() * power).sum(1)

    def states_at(self, index: Tensor) -> TokenStates:
        """The states whose ``index`` int64 [B] is."""
        length = torch.searchsorted(torch.tensor(self._shorter[:-1]), index, right=True) - 1
        rest = index - torch.tensor(self._shorter[:-1])[length]
        place = torch.arange(self.max_length)
        tokens = rest[:, None] // torch.tensor([len(self.tokens) ** n for n in range(self.max_length)])
        tokens = (tokens % len(self.tokens)).masked_fill(place >= length[:, None], -1)
        return TokenStates(tokens.to(_STORED), length)

    def hashes(self, states: TokenStates) -> Tensor:
        return hash_rows(states.tokens.long()) if self.n_states is None else self.index(states)

    def log_path_count(self, states: TokenStates) -> Tensor:
        return torch.zeros(len(states), dtype=torch.float64, device=states.device)

    def enumeration_unavailable_reason(self) -> str | None:
        if self.n_states is not None and self.n_states <= MOST_LISTED:
            return None
        return f"there are more than {MOST_LISTED:,} strings of up to {self.max_length} of {len(self.tokens)} tokens"

    # ------------------------------------------------------------------ molecules to states

    @property
    def spellings(self) -> Spellings | None:
        """All strings of each molecule, where symmetry is "molecule"; read when first asked for."""
        if self.corrects_symmetry and self._spellings is None:
            index = torch.arange(self._shorter[self.min_length], self._shorter[-1])
            self._spellings = Spellings(self.kind.keys(self.objects(self.states_at(index))), int(index[0]))
        return self._spellings

    def log_symmetry(self, states: TokenStates, objects: list[Molecule]) -> Tensor:
        if (spellings := self.spellings) is None:
            return torch.zeros(len(states), dtype=torch.float64)
        return torch.from_numpy(np.log([float(spellings.count(key)) for key in self.kind.keys(objects)]))

    def states_of(self, objects: list[Molecule]) -> TokenStates:
        """The string that stands for each molecule (of its canonical SMILES); with symmetry "molecule" the first one.

        Raises:
            OutsideError: a molecule without such a string, by the reason.
        """
        if self.spellings is not None:
            return self._spelled(objects, None)
        return self._written([self._tokens(i, molecule) for i, molecule in enumerate(objects)])

    def terminal_draws(self, objects: list[Molecule], seed: int = 0) -> tuple[TokenStates, Tensor]:
        """A string of each molecule, drawn anew, and its log weight (see ``Environment.terminal_draws``).

        With symmetry "molecule" uniform among all strings of x with the weight log C(x), so that the mean of weighted
        P_F is exactly P_T(x). Otherwise a randomised SMILES of RDKit (one that fits among the first eight, else that of
        ``states_of``) with the weight 0: how probable RDKit makes each of its spellings is not known, and there are
        strings that it never writes. The mean is then that of P_F over RDKit's spellings, and below P_T(x).
        """
        rng = np.random.default_rng(seed)
        if self.spellings is not None:
            states = self._spelled(objects, rng)
            return states, self.log_symmetry(states, objects)
        rows = []
        for i, molecule in enumerate(objects):
            drawn = self._drawn_anew(molecule, rng) if molecule.valid else None
            rows.append(self._tokens(i, molecule) if drawn is None else drawn)
        return self._written(rows), torch.zeros(len(rows), dtype=torch.float64)

    def _spelled(self, objects: list[Molecule], rng: np.random.Generator | None) -> TokenStates:
        """A string of each by the table, the first one or one drawn uniformly."""
        spellings, rows = self.spellings, []
        assert spellings is not None
        for i, (molecule, key) in enumerate(zip(objects, self.kind.keys(objects), strict=True)):
            if not molecule.valid or not spellings.count(key):
                reason = molecule.problem or "no string"
                raise OutsideError(reason, f"molecule {i + 1} ({key}): {reason} of up to {self.max_length} tokens")
            rows.append(spellings.first(key) if rng is None else spellings.drawn(key, rng))
        return self.states_at(torch.tensor(rows, dtype=torch.int64))

    def _drawn_anew(self, molecule: Molecule, rng: np.random.Generator) -> list[int] | None:
        """Places of a random string of a valid molecule; None where none that was tried fits."""
        for seed in rng.integers(2**31 - 1, size=_TRIES).tolist():
            try:
                tokens = self.spell_anew(molecule, seed)
            except OutsideError:
                continue
            if self._misfit(tokens) is None:
                return [self._place[token] for token in tokens]
        return None

    def _tokens(self, i: int, molecule: Molecule) -> list[int]:
        """Places of the string that stands for the i-th molecule."""
        if not molecule.valid:
            raise OutsideError("no molecule", f"molecule {i + 1}: {molecule.problem}")
        tokens = self.spell(molecule)
        if (reason := self._misfit(tokens)) is not None:
            raise OutsideError(reason, f"molecule {i + 1} ({molecule.smiles}): {reason}")
        return [self._place[token] for token in tokens]

    def _misfit(self, tokens: Sequence[str]) -> str | None:
        """Why a string lies outside; None where it does not."""
        if unknown := [token for token in tokens if token not in self._place]:
            return f"the alphabet has no {unknown[0]}"
        if len(tokens) > self.max_length:
            return f"more than {self.max_length} tokens"
        return None if len(tokens) >= self.min_length else f"fewer than {self.min_length} tokens"

    def _written(self, rows: list[list[int]]) -> TokenStates:
        length = torch.tensor([len(row) for row in rows], dtype=torch.int64)
        blank = np.full((len(rows), self.max_length), -1, dtype=np.int16)
        for line, row in zip(blank, rows, strict=True):
            line[: len(row)] = row
        return TokenStates(torch.from_numpy(blank), length)

    def portable(self) -> dict[str, Any]:
        return {"alphabet": list(self.tokens)}
