"""The contract of causal networks that evaluate whole sequences at once, or one place after the other."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Memory(ABC):
    """What a trunk remembers of B sequences that grow, so that one more place costs one place."""

    @abstractmethod
    def keep(self, rows: Tensor) -> None:
        """Forget all but the sequences ``rows``, int64 [b], in that order."""


class SequenceTrunk(nn.Module, ABC):
    """Maps sequences of vectors to states: that at place t is a function of places 0 .. t.

    Attributes:
        inputs: size of the vectors.
        width: size of the states.
    """

    inputs: int
    width: int

    @abstractmethod
    def forward(self, x: Tensor, length: Tensor) -> Tensor:
        """[R, T, inputs] -> [R, T, width].

        ``length``: int64 [R], in [1, T], real places of each; what is at later places has no meaning.
        """

    @abstractmethod
    def begin(self, x: Tensor, length: Tensor, room: int) -> tuple[Tensor, Memory]:
        """The states at the last real places of sequences [B, T, inputs], [B, width], and what to go on from.

        ``room``: most places that a sequence will have.
        """

    @abstractmethod
    def step(self, x: Tensor, memory: Memory, place: Tensor) -> Tensor:
        """The states [B, width] after one more vector each, [B, inputs], which stands at ``place`` int64 [B].

        ``memory`` is changed: it then has them. Nothing waits for the device.
        """
