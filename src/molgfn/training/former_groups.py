"""Optimizer states of earlier versions, in which log Z of a condition was one parameter group."""

from __future__ import annotations

from typing import Any

import torch

from molgfn.training.optimizers import HEAD


def present_groups(optimizer: torch.optim.Optimizer, state: dict[str, Any], schedule: dict[str, Any]) -> None:
    """Part the group of log Z in a state that ``optimizer`` has in two; it keeps its rate. Nothing else is changed.

    Args:
        optimizer: that the state will be loaded into.
        state: of an optimizer, changed in place.
        schedule: of its ``LambdaLR``, changed in place.
    """
    groups = state["param_groups"]
    wanted, there = ([group["name"] for group in part] for part in (optimizer.param_groups, groups))
    if wanted != [*there, HEAD] or "log_z" not in there:
        return
    place = there.index("log_z")
    constant, *head = groups[place]["params"]
    groups.append({**groups[place], "params": head, "name": HEAD})
    groups[place]["params"] = [constant]
    for key in ("base_lrs", "_last_lr", "lr_lambdas"):
        schedule[key] = [*schedule[key], schedule[key][place]]
