"""The nearest molecule that an environment can build, where it cannot build the one that is given."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from rdkit import Chem

from molgfn.chemistry.molecules import Molecule
from molgfn.editing.likeness import similarities
from molgfn.environments.base import Environment
from molgfn.errors import DataError
from molgfn.objects.molecule import MOLECULE

#: parts of a molecule that are tried
MOST_TRIED = 200


def nearest_buildable(
    environment: Environment, molecule: Molecule, tried: int = MOST_TRIED
) -> tuple[Molecule, float] | None:
    """The largest part of a molecule that the environment can build, and its Tanimoto similarity (ECFP4) to the whole.

    Parts are what is left where acyclic single bonds are cut, hydrogens put in their place; the larger ones are tried
    first, ``tried`` at most. None where none of them can be built.

    Args:
        environment: of molecules.
        molecule: a valid one.
        tried: parts that are tried.
    """
    assert molecule.mol is not None
    seen = {molecule.smiles}
    heap: list[tuple[int, str, Molecule]] = []

    def add(whole: Molecule) -> None:
        for part in parts_of(whole):
            if part.smiles not in seen:
                seen.add(part.smiles)
                heapq.heappush(heap, (-part.mol.GetNumHeavyAtoms(), part.smiles, part))  # type: ignore[union-attr]

    add(molecule)
    for _ in range(tried):
        if not heap:
            return None
        *_, part = heapq.heappop(heap)
        try:
            environment.states_of([part])
        except DataError:
            add(part)
        else:
            return part, similarities(MOLECULE, molecule, [part])[0]
    return None


def parts_of(molecule: Molecule) -> Iterator[Molecule]:
    """Both sides of every single bond of a valid molecule that is in no ring."""
    mol = molecule.mol
    assert mol is not None
    for bond in mol.GetBonds():
        if bond.GetBondType() == Chem.BondType.SINGLE and not bond.IsInRing():
            cut = Chem.RWMol(mol)
            ends = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
            cut.RemoveBond(*ends)
            for end in ends:  # without it an atom of a ring such as [nH] would have no hydrogen there
                atom = cut.GetAtomWithIdx(end)
                if atom.GetNoImplicit() or atom.GetIsAromatic():
                    atom.SetNumExplicitHs(atom.GetNumExplicitHs() + 1)
            for part in Chem.GetMolFrags(cut, asMols=True, sanitizeFrags=False):
                found = Molecule.from_mol(part)
                if found.valid:
                    yield found
