"""Several processes on one machine for tests: each runs the same function and gives its result back."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from molgfn.ranks import ProcessGroup, Ranks


def in_processes(function: Callable[..., Any], n: int, *arguments: Any) -> list[Any]:
    """``function(ranks, *arguments)`` in n new processes that talk by gloo; results in the order of the ranks.

    ``function`` is of a module's top level; results are what ``torch.save`` takes. An exception of one is raised here.
    """
    with tempfile.TemporaryDirectory() as folder:
        mp.start_processes(_run, (n, folder, function, arguments), nprocs=n, start_method="spawn")
        return [torch.load(Path(folder) / f"{rank}.pt", weights_only=False) for rank in range(n)]


def _run(rank: int, n: int, folder: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    store = dist.FileStore(f"{folder}/store", n)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=n, timeout=timedelta(seconds=120))
    try:
        ranks: Ranks = ProcessGroup()
        torch.save(function(ranks, *arguments), f"{folder}/{rank}.pt")
    finally:
        dist.destroy_process_group()
