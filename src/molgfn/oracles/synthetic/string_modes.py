"""Nearness of a string to the nearest of some given or drawn strings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, PositiveInt

from molgfn.errors import ConfigError, DataError
from molgfn.objects.base import ObjectKind
from molgfn.objects.string import STRING
from molgfn.objects.string_tasks import TaskName, symbols_of
from molgfn.oracles.base import Oracle


class StringModes(Oracle):
    r"""1 - d(x) / length, d the Hamming distance to the nearest mode: 1 at a mode, 0 where no symbol agrees.

    Under the Boltzmann reward with ``beta = k length`` this is R(x) ~ exp(-k d(x)).

    Modes are drawn as a row of blocks, each block uniformly among ``blocks``; what comes twice is drawn again. The bit
    sequences of the reference are ``oracle=bit_sequences``: 60 rows of 00000000, 11111111, 11110000, 00001111 and
    00111100.

    Args:
        task: a published task, as the environment has it.
        alphabet: symbols; equal to that of the environment.
        length: symbols of a string; equal to that of the environment.
        modes: the modes; None draws them.
        n_modes: how many are drawn, where ``modes`` is None.
        blocks: what drawn modes are made of, all of one length that divides ``length``; None for single symbols.
        seed: of the drawing.

    Raises:
        ConfigError: modes or blocks that do not fit the strings, or fewer possible modes than ``n_modes``.

    Reference:
        Malkin et al., "Trajectory balance", arXiv 2201.13259 (bit sequences).
    """

    kind: ClassVar[ObjectKind] = STRING
    name: ClassVar[str] = "string_modes"
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    source: ClassVar[str] = "arXiv 2201.13259, bit sequences"

    def __init__(
        self,
        *,
        task: TaskName | None = None,
        alphabet: Annotated[str, Field(min_length=1)] | None = None,
        length: PositiveInt | None = None,
        modes: Annotated[list[str], Field(min_length=1)] | None = None,
        n_modes: PositiveInt = 4,
        blocks: Annotated[list[str], Field(min_length=1)] | None = None,
        seed: Annotated[int, Field(ge=0)] = 0,
    ) -> None:
        alphabet, length = symbols_of(task, alphabet, length)
        self.alphabet = alphabet
        self.length = length
        if modes is None:
            modes = _draw(list(alphabet) if blocks is None else blocks, length, n_modes, seed)
        elif blocks is not None:
            raise ConfigError("blocks: modes are given, so none are drawn from blocks")
        self.modes = list(modes)
        if problem := self._problem(self.modes):
            raise ConfigError(f"modes: {problem}")
        self._codes = _codes(self.modes)

    def values(self, objects: Sequence[Any]) -> np.ndarray:
        """Nearness of each string, float64 [B]."""
        if problem := self._problem(objects):
            raise DataError(f"oracle string_modes: {problem}")
        if not len(objects):
            return np.zeros(0)
        strings = _codes(objects)
        nearest = np.full(len(strings), self.length)
        for mode in self._codes:  # [B, modes, length] at once would be large
            np.minimum(nearest, (strings != mode).sum(1), out=nearest)
        return 1.0 - nearest / self.length

    def _problem(self, strings: Sequence[Any]) -> str | None:
        known = set(self.alphabet)
        for text in strings:
            if not isinstance(text, str) or len(text) != self.length or not set(text) <= known:
                return f"{text!r} is not a string of {self.length} symbols of '{self.alphabet}'"
        return None


def _codes(strings: Sequence[str]) -> np.ndarray:
    """Code points [n, length] of strings of one length."""
    return np.frombuffer("".join(strings).encode("utf-32-le"), dtype=np.uint32).reshape(len(strings), -1)


def _draw(blocks: list[str], length: int, n: int, seed: int) -> list[str]:
    """``n`` different rows of blocks."""
    size = len(blocks[0])
    if size == 0 or any(len(block) != size for block in blocks) or length % size:
        raise ConfigError(f"blocks: all must have one length that divides length ({length})")
    different = sorted(set(blocks))
    if len(different) ** (length // size) < n:
        raise ConfigError(f"n_modes: there are only {len(different) ** (length // size)} rows of these blocks, not {n}")
    rng = np.random.default_rng(seed)
    found: dict[str, None] = {}
    while len(found) < n:
        found["".join(different[i] for i in rng.integers(len(different), size=length // size))] = None
    return list(found)
