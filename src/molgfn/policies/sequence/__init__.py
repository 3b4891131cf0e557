"""Policies of environments whose states are sequences."""

from molgfn.policies.sequence.kinds import GRUPolicy, TransformerPolicy
from molgfn.policies.sequence.policy import SequencePolicy

__all__ = ["GRUPolicy", "SequencePolicy", "TransformerPolicy"]
