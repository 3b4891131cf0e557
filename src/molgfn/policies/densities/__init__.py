"""Policies whose actions have real coordinates: a choice, and a mixture density of the move after it."""

from molgfn.policies.densities.hybrid import Hybrid
from molgfn.policies.densities.mixture import Mixture, Reference

__all__ = ["Hybrid", "Mixture", "Reference"]
