"""The processes of a run: who is who, what they add up, and what they decide together.

A run on several devices is several processes that each draw a share of the batch. Everything that one process alone
could assume is asked here: random streams, means and counts over the whole batch, one gradient for all, who writes.
"""

from __future__ import annotations

import hashlib
import io
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed import FileStore  # pyright: ignore[reportPrivateImportUsage]
from torch.distributed.rendezvous import rendezvous

from molgfn.errors import ConfigError, TrainingError

T = TypeVar("T")
#: in a checkpoint of several ranks: a list of states, in their order
BY_RANK = "by_rank"
#: bytes of the first message of a ``gather``, and of the length that it begins with
LETTER, HEAD = 2**15, 8
#: how long processes wait for each other to appear; and, once they are all there, for a slow one among them
APPEAR, ANSWER = timedelta(minutes=5), timedelta(days=1)


class LostRankError(TrainingError):
    """Another process of the run is gone, or cannot be reached; what went wrong there is said there."""


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
        return kept[BY_RANK][self.rank] if isinstance(kept, dict) and BY_RANK in kept else kept

    def add_up_gradients(self, parameters: Sequence[nn.Parameter], sound: Tensor) -> Tensor:
        """Let every rank have the mean over ranks of the gradients of ``parameters``, in one message.

        Args:
            parameters: the same on every rank.
            sound: whether this rank's share is, a scalar of bool.

        Returns:
            Whether it is on every rank, which the same message says; a scalar of bool.
        """
        return sound

    def any(self, flag: bool) -> bool:
        """Whether it holds on any rank."""
        return flag

    def all(self, flag: bool) -> bool:
        """Whether it holds on every rank."""
        return flag

    def wait(self) -> None:
        """Until every rank is here."""


class Planned(Ranks):
    """Processes that are still to be started: what each will draw can be asked, and nothing is sent."""

    def __init__(self, size: int) -> None:
        self.size = size


class ProcessGroup(Ranks):
    """The ranks of ``torch.distributed``'s default group, which has been set up (``joined``).

    Raises:
        LostRankError: by every question that is sent, where another process is gone.
    """

    def __init__(self) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        # NCCL sends what lies on its own device only
        on_gpu = dist.get_backend() == "nccl"
        self._device = torch.device("cuda", torch.cuda.current_device()) if on_gpu else torch.device("cpu")

    def sum(self, values: Tensor) -> Tensor:
        total = values.detach().to(self._device, copy=True)
        with _sending():
            dist.all_reduce(total)
        return total.to(values.device)

    def gather(self, thing: T) -> list[T]:
        buffer = io.BytesIO()
        torch.save(thing, buffer)
        mine = buffer.getvalue()
        # its length, and as much of it as the first message holds: most are smaller, and are told by it alone
        first = self._told(len(mine).to_bytes(HEAD, "little") + mine[: LETTER - HEAD], LETTER)
        lengths = [int.from_bytes(part[:HEAD], "little") for part in first]
        rest = max(lengths) - (LETTER - HEAD)
        more = self._told(mine[LETTER - HEAD :], rest) if rest > 0 else [b""] * self.size
        parts = [(a[HEAD:] + b)[:n] for a, b, n in zip(first, more, lengths, strict=True)]
        return [torch.load(io.BytesIO(part), map_location="cpu", weights_only=False) for part in parts]

    def _told(self, mine: bytes, length: int) -> list[bytes]:
        """``length`` bytes of every rank, of which each gives as many at most; what one lacks is filled up."""
        padded = torch.frombuffer(bytearray(mine.ljust(length, b"\0")), dtype=torch.uint8).to(self._device)
        everything = [torch.empty_like(padded) for _ in range(self.size)]
        with _sending():
            dist.all_gather(everything, padded)
        return [part.cpu().numpy().tobytes() for part in everything]

    def keep(self, state: Any) -> Any:
        return {BY_RANK: self.gather(state)}

    def add_up_gradients(self, parameters: Sequence[nn.Parameter], sound: Tensor) -> Tensor:
        if not parameters:
            return self.sum((~sound).int()) == 0
        for p in parameters:
            if p.grad is None:  # a rank whose share did not reach it still takes part
                p.grad = torch.zeros_like(p)
        everywhere = sound
        for kind in sorted({(p.dtype, str(p.device)) for p in parameters}, key=str):
            some = [p for p in parameters if (p.dtype, str(p.device)) == kind]
            unsound = (~sound).to(some[0]).reshape(1)
            flat = torch.cat([*(p.grad.reshape(-1) for p in some), unsound])  # type: ignore[union-attr]
            with _sending():
                dist.all_reduce(flat)
            everywhere = everywhere & (flat[-1] == 0).to(everywhere.device)
            flat /= self.size
            for p, part in zip(some, flat[:-1].split([p.numel() for p in some]), strict=True):
                p.grad.copy_(part.view_as(p))  # type: ignore[union-attr]
        return everywhere

    def any(self, flag: bool) -> bool:
        return bool(self.sum(torch.tensor(int(flag))) > 0)

    def all(self, flag: bool) -> bool:
        return bool(self.sum(torch.tensor(int(flag))) == self.size)

    def wait(self) -> None:
        with _sending():
            dist.barrier()


@contextmanager
def _sending() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise LostRankError(f"another process of this run is gone, or cannot be reached ({first[:200]})") from error


#: a process of its own
ALONE = Ranks()


@dataclass(frozen=True)
class Seat:
    """One process among those of a run.

    Attributes:
        rank: its number, from 0.
        size: processes in all.
        local: its number on its machine, which is that of its device.
        file: where they find each other; None: at ``MASTER_ADDR`` and ``MASTER_PORT``.
    """

    rank: int
    size: int
    local: int
    file: str | None = None


@contextmanager
def joined(seat: Seat, backend: Literal["gloo", "nccl"]) -> Iterator[ProcessGroup]:
    """Within it, the processes of a run talk to each other; it begins when all of them are there.

    Args:
        seat: of this process.
        backend: gloo, or nccl between CUDA devices.

    Raises:
        ConfigError: they do not find each other, with the reason.
    """
    if backend == "nccl":
        torch.cuda.set_device(seat.local)
    try:
        if seat.file is not None:
            if any(name == "lo" for _, name in socket.if_nameindex()):  # on one machine: whatever its network is
                os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
            store = FileStore(seat.file, seat.size)
            store.set_timeout(APPEAR)
        else:
            store, _, _ = next(iter(rendezvous("env://", seat.rank, seat.size, timeout=APPEAR)))
        dist.init_process_group(backend, store=store, rank=seat.rank, world_size=seat.size, timeout=ANSWER)
    except (RuntimeError, ValueError) as error:
        raise ConfigError(_unmet(seat, error)) from error
    try:
        yield ProcessGroup()
    finally:
        dist.destroy_process_group()


def _unmet(seat: Seat, error: Exception) -> str:
    """Why processes do not find each other, in one sentence."""
    place = "" if seat.file else f" at {os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if "EADDRINUSE" in str(error) or "address already in use" in str(error).lower():
        return f"port {os.environ.get('MASTER_PORT')} of this machine is taken; set MASTER_PORT to another one"
    return f"process {seat.rank} of {seat.size} does not find the others{place} ({first[:200]})"
