"""A run of one device is one process with local files, whatever the environment variables of a cluster say."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning_fabric.utilities.rank_zero import rank_zero_only
from pytorch_lightning.plugins.io import CheckpointIO

from molgfn.ranks import ALONE, Ranks

logger = logging.getLogger("molgfn")

#: where launchers leave a process' number; Lightning, and libraries like it, write nothing where it is above 0
RANKS = (
    "RANK", "LOCAL_RANK", "SLURM_PROCID", "SLURM_LOCALID", "JSM_NAMESPACE_RANK", "PMI_RANK", "PMIX_RANK",
    "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK", "PALS_RANKID",
)  # fmt: skip


@contextmanager
def alone(ranks: Ranks = ALONE) -> Iterator[None]:
    """Within it, Lightning's loggers write, though a rank was left in the environment when it was imported.

    In a run of several processes they write in the first.
    """
    before = rank_zero_only.rank
    rank_zero_only.rank = ranks.rank
    found = [f"{name}={os.environ[name]}" for name in RANKS if os.environ.get(name, "0") not in ("", "0")]
    if found and ranks.size == 1:
        logger.info("%s is set; this run is a process of its own and shares nothing with others", ", ".join(found))
    try:
        yield
    finally:
        rank_zero_only.rank = before


class OneProcess(ClusterEnvironment):
    """Rank 0 of 1. Given to Lightning, it looks for no launcher: not SLURM, torchrun, LSF or MPI."""

    @property
    def creates_processes_externally(self) -> bool:
        return True

    @property
    def main_address(self) -> str:
        return "127.0.0.1"

    @property
    def main_port(self) -> int:
        return 0

    @staticmethod
    def detect() -> bool:
        return True

    def world_size(self) -> int:
        return 1

    def set_world_size(self, size: int) -> None:
        pass

    def global_rank(self) -> int:
        return 0

    def set_global_rank(self, rank: int) -> None:
        pass

    def local_rank(self) -> int:
        return 0

    def node_rank(self) -> int:
        return 0


class LocalCheckpoints(CheckpointIO):
    """Checkpoints at local paths of any name; Lightning's own reads a path as a URL (``::``, ``file:``)."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with Path(path).open("wb") as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())

    def load_checkpoint(
        self,
        path: str | Path,
        map_location: Callable[..., Any] | None = lambda storage, place: storage,
        weights_only: bool | None = None,
    ) -> dict[str, Any]:
        with Path(path).open("rb") as file:
            return torch.load(file, map_location=map_location, weights_only=weights_only is not False)

    def remove_checkpoint(self, path: str | Path) -> None:
        Path(path).unlink(missing_ok=True)
