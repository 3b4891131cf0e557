"""Crossover and mutation of molecules, by ``mol_ga``, as molecules of ours and of a bounded size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from mol_ga.graph_ga.gen_candidates import mutate, reproduce

from molgfn.chemistry.molecules import Molecule


def child(mother: Molecule, father: Molecule, mutation_rate: float, random: Random) -> Molecule | None:
    """A crossover of two molecules, mutated with probability ``mutation_rate``; None where there is none.

    Reference: Jensen 2019, doi:10.1039/C8SC05372C (graph GA).
    """
    return _molecule(lambda: reproduce(mother.smiles, father.smiles, mutation_rate, random))


def mutant(parent: Molecule, random: Random) -> Molecule | None:
    """One of seven kinds of mutation of a molecule (as ``child``): an atom or a bond changed, added, taken, a ring."""
    return _molecule(lambda: mutate(parent.smiles, random))


def _molecule(operate: Callable[[], str | None]) -> Molecule | None:
    """What an operator makes, read again, since it may be spelt in a way that is not canonical; None for nothing."""
    try:
        smiles = operate()
    except (RuntimeError, ValueError):  # of RDKit, in a molecule that it had taken for one
        return None
    if smiles is None:
        return None
    molecule = Molecule.from_smiles(smiles)
    return molecule if molecule.valid else None


def of_size(molecules: Sequence[Molecule | None], most: int) -> list[Molecule]:
    """Those with at most ``most`` heavy atoms, and in one part."""
    return [m for m in molecules if m is not None and m.mol.GetNumHeavyAtoms() <= most and "." not in m.smiles]  # type: ignore[union-attr]
