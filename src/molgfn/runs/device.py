"""The device that somebody asks for by name."""

from __future__ import annotations

import torch

from molgfn.errors import ConfigError


def usable(device: torch.device | str) -> torch.device | str:
    """``device`` where torch has such a one here.

    Raises:
        ConfigError: it has not.
    """
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ConfigError(f"device: {device}: not usable here ({reason[:100]})") from None
    return device
