"""How a state is shown to an agent."""

from molgfn.gym.observations.base import Observation
from molgfn.gym.observations.choose import KINDS, observation

__all__ = ["KINDS", "Observation", "observation"]
