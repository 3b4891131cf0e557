"""Molecules as SELFIES, token by token."""

from __future__ import annotations

from typing import Annotated

import selfies
from pydantic import Field

from molgfn.chemistry.molecules import Molecule
from molgfn.environments.tokens.alphabets import alphabet_of
from molgfn.environments.tokens.smiles_tokens import random_smiles
from molgfn.environments.tokens.strings import MoleculeStrings, Symmetry
from molgfn.errors import ConfigError, OutsideError
from molgfn.paths import NamedInput

#: beside the plain atoms and bonds of organic chemistry: charges, written hydrogens and stereo marks of drug-like
#: molecules, which the library's robust alphabet does not all have
DRUGLIKE = (
    *("[C]", "[=C]", "[#C]", "[N]", "[=N]", "[#N]", "[O]", "[=O]", "[S]", "[=S]", "[P]", "[=P]", "[B]"),
    *("[F]", "[Cl]", "[Br]", "[I]"),
    *("[Branch1]", "[=Branch1]", "[#Branch1]", "[Branch2]", "[=Branch2]", "[#Branch2]"),
    *("[Ring1]", "[=Ring1]", "[Ring2]", "[=Ring2]"),
    *("[NH1]", "[N+1]", "[=N+1]", "[NH1+1]", "[=NH1+1]", "[NH2+1]", "[=NH2+1]", "[NH3+1]", "[N-1]", "[=N-1]"),
    *("[NH1-1]", "[O-1]", "[=O+1]", "[=OH1+1]", "[S-1]", "[=S+1]", "[S+1]", "[CH1-1]", "[P+1]"),
    *("[C@]", "[C@@]", "[C@H1]", "[C@@H1]", "[S@]", "[S@@]", "[=S@]", "[=S@@]", "[P@]", "[P@@]"),
    *("[/C]", "[\\C]", "[/N]", "[\\N]", "[/O]", "[\\O]", "[/S]", "[\\S]", "[/O-1]", "[\\O-1]", "[\\S-1]", "[/S-1]"),
    *("[/F]", "[/Cl]", "[/Br]", "[/NH1]", "[\\NH1]", "[/NH1+1]", "[\\NH1+1]", "[/NH2+1]", "[/N+1]", "[\\N-1]"),
    *("[/N-1]", "[/C@H1]", "[/C@@H1]", "[\\C@H1]", "[\\C@@H1]", "[/C@@]", "[/C@]"),
)


class Selfies(MoleculeStrings):
    """SELFIES, written token by token: every string means a molecule, but for those that mean no atom at all.

    Strings are read by the package ``selfies`` under its own rules of valence. A string that starts with branch or ring
    tokens alone has no atoms: it is an object with the problem ``empty SMILES``. See ``MoleculeStrings`` for actions,
    stop and symmetry.

    Args:
        alphabet: "druglike" (see ``DRUGLIKE``); "robust" (``selfies.get_semantic_robust_alphabet``: atoms under
            default rules, without hydrogens that are written out and stereo marks); a list of tokens; a file of
            molecules, or the name of a set: the tokens of the SELFIES of the canonical and of one randomised SMILES of
            each.
        max_length: L, most tokens of a string. ZINC250k has 37 on average and 69 at most.
        min_length: fewest tokens at which the policy may stop.
        symmetry: "string": P_T over strings is trained to R; "molecule": P_T over molecules (small spaces alone).

    Reference: Krenn et al. 2020, arXiv 1905.13741; Lo et al. 2023, arXiv 2302.03620 (the package, version 2).
    """

    def __init__(
        self,
        *,
        alphabet: NamedInput | list[str] = "druglike",
        max_length: Annotated[int, Field(ge=1)] = 100,
        min_length: Annotated[int, Field(ge=1)] = 1,
        symmetry: Symmetry = "string",
    ) -> None:
        robust = sorted(selfies.get_semantic_robust_alphabet())
        tokens = alphabet_of(alphabet, {"druglike": DRUGLIKE, "robust": robust}, _spellings)
        if wrong := [token for token in tokens if not _is_token(token)]:
            raise ConfigError(
                f"alphabet: {', '.join(repr(t) for t in wrong[:5])} is no token of SELFIES; tokens are such as [C], "
                "[=N], [Branch1], [Ring1]"
            )
        if tokens and not any(selfies.decoder(token) for token in tokens):
            raise ConfigError("alphabet: no token is an atom, so that no string can be a molecule")
        super().__init__(tokens=tokens, max_length=max_length, min_length=min_length, symmetry=symmetry)

    def read(self, text: str) -> Molecule:
        return Molecule.from_smiles(str(selfies.decoder(text)))

    def spell(self, molecule: Molecule) -> list[str]:
        return _encoded(molecule.smiles)

    def spell_anew(self, molecule: Molecule, seed: int) -> list[str]:
        return _encoded(random_smiles(molecule, seed))


def _is_token(token: str) -> bool:
    """One token that the package can read and that is written alone ([nop] is padding, and "." starts another part)."""
    if token == "[nop]" or not (token.startswith("[") and token.endswith("]") and token.count("[") == 1):
        return False
    try:
        selfies.decoder(token)
    except selfies.DecoderError:
        return False
    return True


def _encoded(smiles: str) -> list[str]:
    try:
        return list(selfies.split_selfies(selfies.encoder(smiles)))
    except selfies.EncoderError as error:
        what = str(error).strip().splitlines()[0][:120]
        raise OutsideError("outside the rules of SELFIES", f"{smiles[:80]}: no SELFIES ({what})") from None


def _spellings(molecule: Molecule) -> list[list[str]]:
    return [_encoded(molecule.smiles), _encoded(random_smiles(molecule, 0))]
