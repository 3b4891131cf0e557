"""What an environment of token strings shows to a policy that reads sequences.

A string grows at its end alone, so the states of a trajectory are the prefixes of its last one. A causal network reads
all of them in one pass over the longest, which is what policies do with these batches.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class SequenceSpec:
    """Sizes that a sequence policy is built from; ``Environment.spec`` where ``encoding`` is "sequence"."""

    symbols: int  #: V, different tokens
    max_length: int  #: L, most tokens of a string
    condition: int = 0  #: size of the encoded condition (``SequenceBatch.condition``); 0 for none


@dataclass(frozen=True)
class SequenceBatch:
    """B strings.

    Attributes:
        tokens: an integer type [B, L], in [0, V); -1 after the end.
        length: int64 [B], tokens that are there.
        condition: float [B, C], the encoded condition; None without one.
    """

    tokens: Tensor
    length: Tensor
    condition: Tensor | None = None

    def __len__(self) -> int:
        return len(self.length)
