"""Molecules built atom by atom, in Kekule form."""

from molgfn.environments.atoms.environment import Atoms
from molgfn.environments.atoms.states import AtomStates

__all__ = ["AtomStates", "Atoms"]
