"""What a run leaves in its folder where it ends because losses or gradients are not finite, and how it is read."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from molgfn.runs.checkpoint import KEY
from molgfn.training.updates.skipped_steps import NotFiniteError
from molgfn.training.whole_file import whole_file

logger = logging.getLogger("molgfn")

#: in the run folder
NAME = "not_finite.pt"


def keep(folder: Path, record: Mapping[str, Any], streams: Mapping[str, torch.Tensor], error: NotFiniteError) -> str:
    """Write ``not_finite.pt``: plain data and tensors, the last iteration with all that it started from.

    Entries: ``molgfn`` (the record of a checkpoint, with the config), ``state`` (of ``NotFiniteError``), ``streams``
    (of the data, after the batch was drawn) and ``message``.

    Returns:
        What to do with it, or why there is none.
    """
    content = {KEY: dict(record), "state": error.state, "streams": dict(streams), "message": str(error)}
    try:
        with whole_file(folder / NAME) as file:
            torch.save(content, file)
    except OSError as problem:
        return f"what reproduces it could not be written ({problem})"
    return f"this reproduces it: python -c 'import molgfn; molgfn.reproduce(\"{folder}\")'"
