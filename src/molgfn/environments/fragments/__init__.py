"""Molecules as trees of fragments joined at attachment points."""

from molgfn.environments.fragments.environment import Fragments
from molgfn.environments.fragments.states import FragmentStates

__all__ = ["FragmentStates", "Fragments"]
