"""Molecules as SMILES, token by token."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field
from rdkit import Chem

from molgfn.chemistry.molecules import Molecule
from molgfn.environments.tokens.alphabets import alphabet_of
from molgfn.environments.tokens.strings import MoleculeStrings, Symmetry
from molgfn.errors import ConfigError, OutsideError
from molgfn.paths import NamedInput

#: a bracket atom, an element of two letters, %nn and every other character are one token each
#: (Schwaller et al. 2019, arXiv 1811.02633)
TOKEN = re.compile(r"\[[^\[\]]+\]|Br|Cl|%[0-9]{2}|[BCNOSPFIbcnosp]|[()=#$:/\\.*~-]|[0-9]")
_ATOM = re.compile(r"\[|[A-Za-z*]")

#: atoms of drug-like molecules with their charges and stereo marks, bonds, branches, nine rings at a time
DRUGLIKE = (
    *("C", "N", "O", "S", "P", "F", "Cl", "Br", "I", "B", "c", "n", "o", "s"),
    *("[nH]", "[n+]", "[nH+]", "[n-]", "[o+]", "[s+]"),
    *("[NH+]", "[NH2+]", "[NH3+]", "[N+]", "[N-]", "[NH-]", "[O-]", "[OH+]", "[S-]", "[S+]", "[CH-]", "[P+]"),
    *("[C@]", "[C@@]", "[C@H]", "[C@@H]", "[S@]", "[S@@]", "[P@]", "[P@@]"),
    *("=", "#", "-", "/", "\\", "(", ")"),
    *"123456789",
)


def tokens_of(text: str) -> list[str]:
    """The tokens of a SMILES, which joined are the SMILES.

    Raises:
        OutsideError: a part of it is no token.
    """
    tokens = TOKEN.findall(text)
    if sum(map(len, tokens)) != len(text):
        rest = TOKEN.sub("", text)
        raise OutsideError(f"no token {rest[:1]}", f"{text[:80]}: '{rest[:8]}' is no token of SMILES")
    return tokens


class Smiles(MoleculeStrings):
    """SMILES, written token by token; not every string means a molecule.

    A string that RDKit cannot read, or that is no molecule, is an object with a problem: it is counted with its reason
    (``not a SMILES``, ``valence``, ``aromaticity`` ...) and has the floor of log R (``Reward.floor``).
    See ``MoleculeStrings`` for actions, stop and symmetry.

    Args:
        alphabet: "druglike" (56 tokens, see ``DRUGLIKE``); a list of tokens; a file of molecules, or the name of a set:
            the tokens of the canonical and of one randomised SMILES of each.
        max_length: L, most tokens of a string. ZINC250k has 38 on average and 72 at most in canonical SMILES;
            randomised ones are longer.
        min_length: fewest tokens at which the policy may stop.
        symmetry: "string": P_T over strings is trained to R; "molecule": P_T over molecules (small spaces alone).
    """

    def __init__(
        self,
        *,
        alphabet: NamedInput | list[str] = "druglike",
        max_length: Annotated[int, Field(ge=1)] = 100,
        min_length: Annotated[int, Field(ge=1)] = 1,
        symmetry: Symmetry = "string",
    ) -> None:
        tokens = alphabet_of(alphabet, {"druglike": DRUGLIKE}, _spellings)
        if wrong := [token for token in tokens if not TOKEN.fullmatch(token)]:
            raise ConfigError(
                f"alphabet: {', '.join(repr(t) for t in wrong[:5])} is no token of SMILES; tokens are atoms (C, Cl, "
                "[nH]), bonds (=, #, -, /, \\), (, ), ring numbers (1, %10)"
            )
        if tokens and not any(_ATOM.match(token) for token in tokens):
            raise ConfigError("alphabet: no token is an atom, so that no string can be a molecule")
        super().__init__(tokens=tokens, max_length=max_length, min_length=min_length, symmetry=symmetry)

    def read(self, text: str) -> Molecule:
        return Molecule.from_smiles(text)

    def spell(self, molecule: Molecule) -> list[str]:
        return tokens_of(molecule.smiles)

    def spell_anew(self, molecule: Molecule, seed: int) -> list[str]:
        return tokens_of(random_smiles(molecule, seed))


def random_smiles(molecule: Molecule, seed: int) -> str:
    """A SMILES of a valid molecule that starts at a random atom and takes branches in a random order, as RDKit does."""
    return Chem.MolToRandomSmilesVect(molecule.mol, 1, randomSeed=seed + 1)[0]  # 0 would be a seed of RDKit's own


def _spellings(molecule: Molecule) -> list[list[str]]:
    return [tokens_of(molecule.smiles), tokens_of(random_smiles(molecule, 0))]
