"""A scaffold that molecules grow from: its fragment, and what its attachment points are called."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rdkit import Chem

from molgfn.chemistry.fragments.capping import capped
from molgfn.chemistry.fragments.fragment import Fragment
from molgfn.errors import ConfigError

_R_GROUP = re.compile(r"\[R(\d*)\]")
_RIGHT = "write attachment points as * (for example 'c1ccc(*)cc1*' or 'c1ccc([*:1])cc1[*:2]')"


@dataclass(frozen=True)
class Scaffold:
    """A scaffold.

    Attributes:
        smiles: as it was given.
        fragment: it without the stars, hydrogens in their place.
        names: what its points are called: the numbers of ``[*:1]``, ``[*:2]`` ... where it has them, else 1, 2 ... in
            the order in which the stars are written. A number that is there twice names both points.
    """

    smiles: str
    fragment: Fragment
    names: tuple[int, ...]

    @classmethod
    def parse(cls, smiles: str) -> Scaffold:
        """``c1ccc(*)cc1*``, ``Cc1ccn([*:1])n1``.

        Raises:
            ConfigError: not a SMILES, no star, a star that is not bonded to one atom by a single bond, stereo marks,
                several components, or a point that cannot take a bond.
        """
        mol = Chem.MolFromSmiles(smiles)
        if mol is None:
            raise ConfigError(f"scaffold: '{smiles}' is {_what_is_wrong(smiles)}; {_RIGHT}")
        stars = [atom for atom in mol.GetAtoms() if atom.GetAtomicNum() == 0]
        if not stars:
            raise ConfigError(f"scaffold: '{smiles}' has no attachment point; {_RIGHT}")
        if len(stars) == mol.GetNumAtoms():
            raise ConfigError(f"scaffold: '{smiles}' has no atom but attachment points; {_RIGHT}")
        if any(a.GetDegree() != 1 or a.GetBonds()[0].GetBondType() != Chem.BondType.SINGLE for a in stars):
            raise ConfigError(f"scaffold: each * of '{smiles}' must be joined to one atom by a single bond")
        if any(a.GetNeighbors()[0].GetAtomicNum() == 0 for a in stars):
            raise ConfigError(f"scaffold: a * of '{smiles}' is joined to another *; {_RIGHT}")
        if re.search(r"[@/\\]", smiles):
            plain = re.sub(r"[@/\\]", "", smiles)
            raise ConfigError(
                f"scaffold: '{smiles}' has stereo marks, which joins cannot keep; write it without them: '{plain}'"
            )
        numbers = [star.GetAtomMapNum() for star in stars]
        if any(numbers) and not all(numbers):
            raise ConfigError(
                f"scaffold: '{smiles}' has attachment points with a number and without; number all of them, or none"
            )
        found = capped(mol)
        fragment = None if found is None else Fragment(*found)
        problem = "without its stars it is no molecule" if fragment is None else fragment.problem()
        if fragment is None or problem is not None:
            raise ConfigError(f"scaffold: '{smiles}' cannot be grown from: {problem}")
        return cls(smiles, fragment, tuple(numbers if any(numbers) else range(1, len(stars) + 1)))


def _what_is_wrong(smiles: str) -> str:
    starred = _R_GROUP.sub(lambda found: f"[*:{found[1]}]" if found[1] else "*", smiles)
    if starred != smiles:
        return f"not a SMILES, an R group is written as in '{starred}'"
    loose = Chem.MolFromSmiles(smiles, sanitize=False)
    if loose is None:
        return "not a SMILES"
    flag = Chem.SanitizeMol(loose, catchErrors=True)
    return f"no molecule ({str(flag).removeprefix('SANITIZE_').lower()})"
