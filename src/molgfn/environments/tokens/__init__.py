"""Token strings that mean molecules."""

from molgfn.environments.tokens.selfies_tokens import Selfies
from molgfn.environments.tokens.smiles_tokens import Smiles
from molgfn.environments.tokens.strings import MoleculeStrings, TokenStates

__all__ = ["MoleculeStrings", "Selfies", "Smiles", "TokenStates"]
