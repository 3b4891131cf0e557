"""Molecules built from blocks by known reactions."""

from molgfn.environments.reactions.environment import Reactions
from molgfn.environments.reactions.states import ReactionStates

__all__ = ["ReactionStates", "Reactions"]
