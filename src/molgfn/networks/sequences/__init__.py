"""Causal networks over sequences: the output at a place reads what stands up to it, and nothing after."""

from molgfn.networks.sequences.recurrent import Recurrent
from molgfn.networks.sequences.transformer import CausalTransformer
from molgfn.networks.sequences.trunk import Memory, SequenceTrunk

__all__ = ["CausalTransformer", "Memory", "Recurrent", "SequenceTrunk"]
