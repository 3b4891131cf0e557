"""The processes of a run: who is who, what they add up, and what they decide together.

A run on several devices is several processes that each draw a share of the batch. Everything that one process alone
could assume is asked here: random streams, means and counts over the whole batch, one gradient for all, who writes.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

T = TypeVar("T")
#: in a checkpoint of several ranks: a list of states, in their order
BY_RANK = "by_rank"


class Ranks:
    """One process, which is rank 0 of 1; every question has the plain answer and nothing is sent.

    Attributes:
        rank: number of this process, from 0.
        size: processes of the run.
    """

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """This process writes the files and talks to loggers."""
        return self.rank == 0

    def seed(self, seed: int, stream: str) -> int:
        """Of a random stream, by name: ``seed`` itself on rank 0, one for each stream on each other rank."""
        if self.first:
            return seed
        digest = hashlib.blake2b(f"{seed} {stream} {self.rank}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") >> 1

    def share(self, n: int) -> int:
        """What is this rank's of n equal things.

        Raises:
            ValueError: they cannot be shared out equally.
        """
        if n % self.size:
            raise ValueError(f"{n} cannot be shared out equally among {self.size} processes")
        return n // self.size

    def sum(self, values: Tensor) -> Tensor:
        """Sum of a tensor of one shape over the ranks, without gradient; the same on every rank."""
        return values.detach()

    def gather(self, thing: T) -> list[T]:
        """Plain data and tensors of every rank, in their order; on every rank. Tensors are on the CPU."""
        return [thing]

    def keep(self, state: Any) -> Any:
        """What a checkpoint holds of a part whose state differs by rank; asked on every rank."""
        return state

    def own(self, kept: Any) -> Any:
        """The state of this rank in what ``keep`` gave."""
        return kept

    def add_up_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Let every rank have the mean over ranks of the gradients of ``parameters``, in one message."""

    def any(self, flag: bool) -> bool:
        """Whether it holds on any rank."""
        return flag

    def all(self, flag: bool) -> bool:
        """Whether it holds on every rank."""
        return flag

    def wait(self) -> None:
        """Until every rank is here."""


class ProcessGroup(Ranks):
    """The ranks of ``torch.distributed``'s default group, which has been set up."""

    def __init__(self) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        # NCCL sends what lies on its own device only
        on_gpu = dist.get_backend() == "nccl"
        self._device = torch.device("cuda", torch.cuda.current_device()) if on_gpu else torch.device("cpu")

    def sum(self, values: Tensor) -> Tensor:
        total = values.detach().to(self._device, copy=True)
        dist.all_reduce(total)
        return total.to(values.device)

    def gather(self, thing: T) -> list[T]:
        buffer = io.BytesIO()
        torch.save(thing, buffer)
        mine = torch.frombuffer(bytearray(buffer.getvalue()), dtype=torch.uint8).to(self._device)
        sizes = torch.zeros(self.size, dtype=torch.int64, device=self._device)
        sizes[self.rank] = len(mine)
        dist.all_reduce(sizes)
        counts = sizes.tolist()
        padded = torch.zeros(max(counts), dtype=torch.uint8, device=self._device)
        padded[: len(mine)] = mine
        everything = [torch.empty_like(padded) for _ in counts]
        dist.all_gather(everything, padded)
        parts = (part[:n].cpu().numpy().tobytes() for part, n in zip(everything, counts, strict=True))
        return [torch.load(io.BytesIO(part), map_location="cpu", weights_only=False) for part in parts]

    def keep(self, state: Any) -> Any:
        return {BY_RANK: self.gather(state)}

    def own(self, kept: Any) -> Any:
        return kept[BY_RANK][self.rank]

    def add_up_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        for p in parameters:
            if p.grad is None:  # a rank whose share did not reach it still takes part
                p.grad = torch.zeros_like(p)
        for kind in sorted({(p.dtype, str(p.device)) for p in parameters}, key=str):
            some = [p for p in parameters if (p.dtype, str(p.device)) == kind]
            flat = torch.cat([p.grad.reshape(-1) for p in some])  # type: ignore[union-attr]
            dist.all_reduce(flat)
            flat /= self.size
            for p, part in zip(some, flat.split([p.numel() for p in some]), strict=True):
                p.grad.copy_(part.view_as(p))  # type: ignore[union-attr]

    def any(self, flag: bool) -> bool:
        return bool(self.sum(torch.tensor(int(flag))) > 0)

    def all(self, flag: bool) -> bool:
        return bool(self.sum(torch.tensor(int(flag))) == self.size)

    def wait(self) -> None:
        dist.barrier()


#: a process of its own
ALONE = Ranks()
