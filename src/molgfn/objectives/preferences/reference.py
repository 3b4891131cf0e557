"""What a preference is measured from: nothing, the policy as training began, or that of a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from molgfn.errors import ConfigError
from molgfn.objectives.base import TargetNetwork
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.prior import LogPrior
from molgfn.trajectories.quantities.start import LogStart

#: as configs have it
ReferencePolicy = Literal["none", "start", "prior"]


class Reference:
    """The reference policy of a preference objective.

    Args:
        kind: "none", "start" (a copy that stands still) or "prior" (a frozen policy).
        prior: checkpoint or run folder, with "prior" only.
        count_paths: what is compared without a reference is set right for the number of paths.

    Attributes:
        quantity: log P_ref of each step; None for "none".
        target: what keeps the copy; None where there is none.
        frozen: as ``Objective.frozen``.

    Raises:
        ConfigError: a prior beside another kind, or paths left uncounted beside a reference, where they cancel.
    """

    def __init__(self, kind: ReferencePolicy, prior: str | None, *, count_paths: bool = True) -> None:
        if prior is not None and kind != "prior":
            raise ConfigError(f"prior: is read with reference=prior only, not with reference={kind}")
        if kind != "none" and not count_paths:
            raise ConfigError(
                f"count_paths: beside a reference paths cancel, so there is nothing to leave out; leave it true "
                f"with reference={kind}"
            )
        quantities: Mapping[ReferencePolicy, type[Quantity]] = {"start": LogStart, "prior": LogPrior}
        self.quantity = quantities.get(kind)
        self.target = TargetNetwork(every=None) if kind == "start" else None
        self.frozen: dict[str, str | None] = {"prior": prior} if kind == "prior" else {}
