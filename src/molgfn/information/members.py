"""The members of a pool: their names, the features by which they are told apart, and labels where they have some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator

from molgfn.chemistry.molecules import Molecule, mols_of
from molgfn.errors import DataError


@dataclass(frozen=True, eq=False)
class Members:
    """n members, in order.

    Attributes:
        names: different ones.
        features: float64 [n, F], finite; of order one, as networks want them.
        molecules: of a pool of molecules; None of any other.
        labels: what was measured of each, float64 [n]; None where nothing was.
    """

    names: list[str]
    features: np.ndarray
    molecules: list[Molecule] | None = None
    labels: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.names)

    def take(self, rows: Sequence[int] | np.ndarray) -> Members:
        """The members at ``rows``, in that order."""
        rows = np.asarray(rows, dtype=np.int64)
        return Members(
            [self.names[row] for row in rows.tolist()],
            self.features[rows],
            None if self.molecules is None else [self.molecules[row] for row in rows.tolist()],
            None if self.labels is None else self.labels[rows],
        )


def checked(members: Members, where: str) -> Members:
    """``members`` as they are.

    Args:
        members: of a pool.
        where: file or parameter that they come from, for the message.

    Raises:
        DataError: a member twice (by its name, or with the features of another), a feature that is no finite number, or
            a label that is missing; the member is named.
    """
    seen: dict[str, int] = {}
    for row, name in enumerate(members.names):
        if name in seen:
            raise DataError(f"{where}: member {row} is `{name}`, and so is member {seen[name]}; each may be there once")
        seen[name] = row
    if (bad := ~np.isfinite(members.features).all(1)).any():
        raise DataError(f"{where}: a feature of member `{members.names[int(bad.argmax())]}` is no finite number")
    if members.molecules is None:
        _, first, which = np.unique(members.features, axis=0, return_index=True, return_inverse=True)
        again = first[which.ravel()]
        if (twice := again != np.arange(len(members))).any():
            row = int(twice.argmax())
            other = members.names[int(again[row])]
            raise DataError(f"{where}: members `{other}` and `{members.names[row]}` have the same features")
    if members.labels is not None and (missing := ~np.isfinite(members.labels)).any():
        raise DataError(f"{where}: member `{members.names[int(missing.argmax())]}` has no label")
    return members


def count_features(mols: Sequence[Chem.Mol], radius: int, size: int) -> np.ndarray:
    """log(1 + count) of Morgan environments up to ``radius``, folded to ``size``, float64 [n, size]: what networks read
    of molecules.
    """
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=radius, fpSize=size)
    counts = [generator.GetCountFingerprintAsNumPy(mol) for mol in mols]
    return np.log1p(np.array(counts, dtype=np.float64).reshape(len(counts), size))


def of_molecules(molecules: Sequence[Molecule], radius: int, size: int) -> Members:
    """Valid molecules as members with ``count_features``, by their SMILES."""
    molecules = list(molecules)
    return Members([m.smiles for m in molecules], count_features(mols_of(molecules), radius, size), molecules)
