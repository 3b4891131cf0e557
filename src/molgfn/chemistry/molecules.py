"""A finished molecule: the RDKit object, its canonical SMILES, or the named reason why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rdkit import Chem, RDLogger

RDLogger.DisableLog("rdApp.*")  # type: ignore[attr-defined]  # what RDKit says of a bad molecule goes into Molecule.problem


@dataclass(frozen=True, slots=True)
class Molecule:
    """One molecule. ``mol`` is sanitised; ``smiles`` is canonical. Where ``problem`` is set both are absent."""

    mol: Chem.Mol | None
    smiles: str
    problem: str | None = None

    @property
    def valid(self) -> bool:
        return self.problem is None

    @classmethod
    def failed(cls, problem: str) -> Molecule:
        return cls(None, "", problem)

    @classmethod
    def from_mol(cls, mol: Chem.Mol) -> Molecule:
        """Sanitise ``mol`` in place and name it; never raises."""
        flag = Chem.SanitizeMol(mol, catchErrors=True)
        if flag != Chem.SanitizeFlags.SANITIZE_NONE:
            return cls.failed(f"sanitisation: {str(flag).removeprefix('SANITIZE_').lower()}")
        return cls(mol, Chem.MolToSmiles(mol))

    @classmethod
    def from_smiles(cls, smiles: str) -> Molecule:
        """Parse one SMILES; never raises."""
        text = smiles.strip()
        if not text:
            return cls.failed("empty SMILES")
        mol = Chem.MolFromSmiles(text)
        if mol is None or mol.GetNumAtoms() == 0:
            return cls.failed(f"not a SMILES: {text[:80]}")
        return cls(mol, Chem.MolToSmiles(mol))


def mols_of(molecules: Sequence[Molecule]) -> list[Chem.Mol]:
    """The RDKit molecules; an invalid one raises ``ValueError``."""
    mols = []
    for number, molecule in enumerate(molecules):
        if molecule.mol is None:
            raise ValueError(f"molecule {number} is not valid ({molecule.problem}); leave invalid ones out")
        mols.append(molecule.mol)
    return mols


def parse(lines: Iterable[str]) -> list[Molecule]:
    """One ``Molecule`` per SMILES, in order."""
    return [Molecule.from_smiles(line) for line in lines]
