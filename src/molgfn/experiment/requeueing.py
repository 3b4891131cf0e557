"""A SLURM job that is put back into the queue goes on with its run: which run that is, and how the job is put back."""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from molgfn.paths import local

logger = logging.getLogger("molgfn")

#: of the job, in its environment; the same after it was put back
JOB = "SLURM_JOB_ID"


def run_of_job(config: Mapping[str, Any]) -> Path | None:
    """The run that an earlier life of this job has begun; None where there is none, or ``trainer.requeue`` is off."""
    place = _note(config)
    if place is None or not place.is_file():
        return None
    folder = Path(place.read_text(encoding="utf-8").strip())
    return folder if folder.is_dir() else None


def remember(config: Mapping[str, Any], folder: Path) -> None:
    """Note which run this job has begun, beside the run folders."""
    if (place := _note(config)) is not None:
        place.write_text(f"{folder.resolve()}\n", encoding="utf-8")


def put_back(config: Mapping[str, Any]) -> None:
    """Ask SLURM to put this job back into the queue; it is said where that fails."""
    if _note(config) is None:
        return
    job = os.environ[JOB]
    try:
        subprocess.run(["scontrol", "requeue", job], check=True, capture_output=True, text=True)
        logger.info("job %s is put back into the queue and will go on", job)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = (getattr(error, "stderr", None) or str(error)).strip()
        logger.error("job %s could not be put back into the queue (%s)", job, reason)


def _note(config: Mapping[str, Any]) -> Path | None:
    job = os.environ.get(JOB)
    if not job or not config["trainer"].get("requeue"):
        return None
    return local(config["output"]) / f".slurm-{job}"
