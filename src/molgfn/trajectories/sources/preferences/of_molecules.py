"""What sources have alike whose pairs are made of given molecules."""

from __future__ import annotations

from typing import Any

from molgfn.environments.base import Environment
from molgfn.policies.base import Policy
from molgfn.trajectories.sources.base import Kind, Source
from molgfn.trajectories.sources.offline import OfflineMolecules
from molgfn.trajectories.sources.preferences.paths_to import unconditional


class PairsOfMolecules(Source):
    """Molecules of a file, of which trajectories by P_B are one or both of each pair.

    Attributes:
        given: reads and draws them; its order is all that a checkpoint holds.
        share: share of each batch.
    """

    kind = Kind.GIVEN
    given: OfflineMolecules
    share: float

    @property
    def off_policy(self) -> str:
        return f"gives it molecules that P_F did not choose (share {self.share:g})"

    def misfit(self, policy: Policy) -> str | None:
        return self.given.misfit(policy) or unconditional(policy)

    def prepare(self, environment: Environment) -> None:
        self.given.prepare(environment)

    def state_dict(self) -> dict[str, Any]:
        """Which molecules are still to come in this pass."""
        return self.given.state_dict()

    def load_state_dict(self, state: dict[str, Any], environment: Environment) -> None:
        self.given.load_state_dict(state, environment)
