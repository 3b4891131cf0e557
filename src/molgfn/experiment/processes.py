"""How many processes a run has, and which of them this one is."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

import torch
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment

from molgfn.errors import ConfigError
from molgfn.ranks import Seat

#: seconds in which the first of too many processes has said what is wrong, before the others end
SAID = 5.0


def wanted(trainer: Mapping[str, Any]) -> int:
    """Processes that a config asks for, by its node ``trainer``; 1 where nobody asks for several.

    A run of one device and one node is a process of its own, whatever a cluster's variables say: it may be one run of
    a sweep within a job.

    Raises:
        ConfigError: "auto" without a launcher on more than one node.
    """
    devices, nodes = trainer.get("devices") or 1, trainer.get("nodes") or 1
    if devices == 1 and nodes == 1:
        return 1
    started = _started()
    if "auto" in (devices, nodes):
        if started is not None:
            return started.size
        if nodes not in (1, "auto"):
            raise ConfigError(_no_launcher(nodes))
        return _here(trainer) if devices == "auto" else _number(devices)
    return _number(devices) * _number(nodes)


def seat(trainer: Mapping[str, Any], size: int) -> Seat | None:
    """Of this process where torchrun or srun started it; None where the processes are still to be started.

    Raises:
        ConfigError: they have started another number of processes, or nobody has started those of other nodes.
    """
    started, nodes = _started(), trainer.get("nodes") or 1
    if started is None:
        if nodes not in (1, "auto"):
            raise ConfigError(_no_launcher(nodes))
        return None
    if started.size == size:
        return started
    if started.rank:  # one message is enough
        time.sleep(SAID)
        raise SystemExit(2)
    raise ConfigError(
        f"trainer.devices x trainer.nodes asks for {size} processes, but {started.size} were started (torchrun "
        "--nproc-per-node x --nnodes, srun --ntasks); make them equal"
    )


def _started() -> Seat | None:
    """What a launcher says of this process; None where there is none, or it has started this one alone."""
    if os.environ.get("RANK") and os.environ.get("WORLD_SIZE"):
        found = Seat(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]), int(os.environ.get("LOCAL_RANK") or 0))
        return found if found.size > 1 else None
    # the script of a job has these variables, too; srun alone numbers its step
    if os.environ.get("SLURM_STEP_ID") and os.environ.get("SLURM_PROCID"):
        size = int(os.environ.get("SLURM_STEP_NUM_TASKS") or os.environ.get("SLURM_NTASKS") or 1)
        if size > 1:
            _find_each_other()
            return Seat(int(os.environ["SLURM_PROCID"]), size, int(os.environ.get("SLURM_LOCALID") or 0))
    return None


def _find_each_other() -> None:
    """Where the processes of a SLURM step meet: its first node, at a port that each step of a job has to itself."""
    nodes = os.environ.get("SLURM_STEP_NODELIST") or os.environ.get("SLURM_NODELIST") or "127.0.0.1"
    os.environ.setdefault("MASTER_ADDR", SLURMEnvironment.resolve_root_node_address(nodes))
    number = int(os.environ.get("SLURM_JOB_ID") or 0) + 101 * int(os.environ.get("SLURM_STEP_ID") or 0)
    os.environ.setdefault("MASTER_PORT", str(15000 + number % 20000))


def _here(trainer: Mapping[str, Any]) -> int:
    """Devices of this machine that "auto" takes."""
    on_gpu = trainer.get("accelerator", "auto") in {"auto", "gpu", "cuda"}
    return max(torch.cuda.device_count(), 1) if on_gpu else 1


def _number(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 1  # what is neither is refused by the config's check


def _no_launcher(nodes: Any) -> str:
    return (
        f"trainer.nodes={nodes}: processes on several machines are started there by torchrun or srun, one for each "
        "device; docs/devices.md has commands"
    )
