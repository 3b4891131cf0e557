"""Policies of molecules that are built by reactions."""

from molgfn.policies.reactions.policy import ReactionPolicy

__all__ = ["ReactionPolicy"]
