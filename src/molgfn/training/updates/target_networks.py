"""Copies of networks that follow the originals: targets that stand still while the rest learns."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from molgfn.objectives.base import TargetNetwork
from molgfn.policies.base import Policy


class Followers(nn.Module):
    """Copies without gradient, moved towards the originals by ``follow``.

    Args:
        policy: copied as "policy" where there is a ``target``, as "backward" where ``backward`` says how.
        auxiliaries: copied under their names where there is a ``target``.
        target: how the copies of policy and auxiliaries follow; None makes none.
        backward: how the copy that P_B is read from follows; None makes none.
    """

    def __init__(
        self,
        policy: Policy,
        auxiliaries: Mapping[str, Policy],
        *,
        target: TargetNetwork | None,
        backward: TargetNetwork | None,
    ) -> None:
        super().__init__()
        originals: dict[str, tuple[Policy, TargetNetwork]] = {}
        if target is not None:
            originals |= {name: (network, target) for name, network in auxiliaries.items()}
            originals["policy"] = (policy, target)
        if backward is not None:
            originals["backward"] = (policy, backward)
        self._originals = originals
        self.copies = nn.ModuleDict(
            {name: network.copy().requires_grad_(False) for name, (network, _) in originals.items()}
        )

    def of(self, name: str) -> Policy | None:
        """The copy called ``name``, or None where there is none."""
        return dict(self.copies.items()).get(name)  # type: ignore[return-value]

    @property
    def auxiliaries(self) -> dict[str, Policy]:
        """The copies of auxiliaries by name."""
        return {k: v for k, v in self.copies.items() if k not in {"policy", "backward"}}  # type: ignore[misc]

    @torch.no_grad()
    def follow(self, iteration: int) -> None:
        """Move every copy whose turn it is after ``iteration`` (counted from 0)."""
        for name, (network, how) in self._originals.items():
            if how.every is not None and (iteration + 1) % how.every == 0:
                pairs = zip(self.copies[name].parameters(), network.parameters(), strict=True)
                for ours, theirs in pairs:
                    ours.lerp_(theirs, how.rate)
