"""A finished molecule: the RDKit object, its canonical SMILES, or the named reason why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rdkit import Chem, RDLogger

from molgfn.chemistry.files.aromatic_blocks import AROMATIC_BONDS, kekule_blocks
from molgfn.chemistry.files.mol_blocks import without_queries
from molgfn.chemistry.reading.identity import canonical_smiles, plain, unusual

RDLogger.DisableLog("rdApp.*")  # type: ignore[attr-defined]  # what RDKit says of a bad molecule goes into Molecule.problem

#: what is copied along from web pages: zero-width blanks and byte-order marks
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"


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
            return cls.failed(_reason(flag))
        return cls(mol, canonical_smiles(mol))

    @classmethod
    def from_smiles(cls, smiles: str) -> Molecule:
        """Parse one SMILES, which is the first word of the text; never raises.

        Atom maps and hydrogens that are written out are taken off. A failed one has one of these reasons, a colon and
        the text: ``empty SMILES``, ``not a SMILES`` (syntax), ``valence`` and ``aromaticity`` (it can be read, but not
        be), ``sanitisation (...)``, ``dummy atom``, ``query bond`` and the like (it is not one molecule).
        """
        words = smiles.split(maxsplit=1)
        text = words[0].strip(_INVISIBLE) if words else ""
        if not text:
            return cls.failed("empty SMILES")
        if not (text.isascii() and text.isprintable()):  # RDKit stops reading there, and takes what stood before
            return cls.failed(f"not a SMILES: {text[:80]} (a character that is not ASCII)")
        mol = Chem.MolFromSmiles(text)
        if mol is None or mol.GetNumAtoms() == 0:
            return cls.failed(f"{_impossible(Chem.MolFromSmiles(text, sanitize=False)) or 'not a SMILES'}: {text[:80]}")
        return cls._named(plain(mol), text) if unusual(text) else cls(mol, canonical_smiles(mol))

    @classmethod
    def from_mol_block(cls, block: str) -> Molecule:
        """Read one MOL block (V2000 or V3000), stereo from its coordinates; never raises. Reasons as ``from_smiles``.

        How many hydrogens an atom should have in a search (the field ``hhh``, which PDBbind fills in), how many
        neighbours, and whether it is unsaturated, is left aside. Bonds of type 4 without hydrogens are read where only
        one molecule has them all aromatic; else the reason is ``aromatic bonds without hydrogens``.
        """
        name = block.partition("\n")[0].strip()[:80] or "without a name"
        text = without_queries(block)
        if AROMATIC_BONDS.search(text) and (readings := kekule_blocks(text)) is not None:
            molecules = {(molecule := cls._from_block(reading, name)).smiles: molecule for reading in readings}
            if len(molecules) == 1:
                return molecules.popitem()[1]
            what = f"may be {' or '.join(sorted(molecules)[:2])}" if molecules else "which atoms have one is not said"
            return cls.failed(f"aromatic bonds without hydrogens: {name} ({what})")
        return cls._from_block(text, name)

    @classmethod
    def _from_block(cls, text: str, name: str) -> Molecule:
        mol = Chem.MolFromMolBlock(text)
        if mol is None:
            loose = Chem.MolFromMolBlock(text, sanitize=False)
            return cls.failed(f"{_impossible(loose) or 'broken MOL block'}: {name}")
        if not mol.GetNumAtoms():
            return cls.failed("no atoms: MOL block")
        return cls._named(plain(mol), name)

    @staticmethod
    def as_drawn(block: str) -> Chem.Mol:
        """The molecule of a block that ``from_mol_block`` reads, with its hydrogens and coordinates."""
        text = without_queries(block)
        readings = kekule_blocks(text) if AROMATIC_BONDS.search(text) else None
        return Chem.MolFromMolBlock(readings[0] if readings else text, removeHs=False)

    @classmethod
    def _named(cls, mol: Chem.Mol | str, text: str) -> Molecule:
        return cls.failed(f"{mol}: {text[:80]}") if isinstance(mol, str) else cls(mol, canonical_smiles(mol))


def _impossible(mol: Chem.Mol | None) -> str | None:
    """Why a structure that can be read is no molecule; None where it cannot be read or is one."""
    if mol is None or mol.GetNumAtoms() == 0:
        return None
    flag = Chem.SanitizeMol(mol, catchErrors=True)
    return None if flag == Chem.SanitizeFlags.SANITIZE_NONE else _reason(flag)


def _reason(flag: Chem.SanitizeFlags) -> str:
    named = {Chem.SanitizeFlags.SANITIZE_PROPERTIES: "valence", Chem.SanitizeFlags.SANITIZE_KEKULIZE: "aromaticity"}
    return named.get(flag, f"sanitisation ({str(flag).removeprefix('SANITIZE_').lower()})")


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
