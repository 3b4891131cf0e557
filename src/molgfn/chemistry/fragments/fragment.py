"""One fragment of a vocabulary: a small molecule with the atoms by which it may be joined to others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from rdkit import Chem

from molgfn.chemistry.trees.rigid import RigidTypes
from molgfn.chemistry.trees.site_symmetries import site_symmetries
from molgfn.errors import DataError

#: so many attachment atoms never have more symmetries than can be listed
_FEW_SITES = 6
#: canonical SMILES plus the atoms with points, equal exactly for interchangeable fragments
Identity = str
#: labels of one point, see ``tidy_labels``
Labels = tuple[str, ...]


@dataclass(frozen=True)
class Fragment:
    """A fragment and its attachment points.

    Attributes:
        smiles: a neutral or charged, stereo-free, single-component SMILES without dummy atoms; open valences carry
            hydrogens (benzene is ``c1ccccc1``, whatever may be joined to it).
        points: one atom index (order of the SMILES) per attachment point; an atom that may take k bonds is listed
            k times. A *point* is a position in this tuple; a join spends it and one hydrogen of its atom. Where P or
            S has no hydrogen left but room for a higher valence (``O=S=O``), two hydrogens are understood there.
        count: how often it was seen where it was derived from; 0 where unknown.
        labels: per point, the labels under which it may be joined (see ``join_table``); an empty tuple joins any point.
            None where nothing is said of them. Points that are alike have the same labels.
    """

    smiles: str
    points: tuple[int, ...]
    count: int = 0
    labels: tuple[Labels, ...] | None = None

    def problem(self) -> str | None:
        """What makes the fragment unusable and what would be right, or None."""
        mol, problem = _parse(self.smiles)
        if mol is None:
            return problem
        n, taken = mol.GetNumAtoms(), Counter(self.points)
        mol = _saturated(mol, taken)
        for index, times in sorted(taken.items()):
            if not 0 <= index < n:
                return f"attachment atom {index} is out of range: '{self.smiles}' has atoms 0 to {n - 1}"
            atom = mol.GetAtomWithIdx(index)
            if times > atom.GetTotalNumHs():
                return (
                    f"atom {index} ({atom.GetSymbol()}) of '{self.smiles}' is listed {times}x as attachment atom but "
                    f"has {atom.GetTotalNumHs()} hydrogen(s) to give up; list it at most that often"
                )
        for points in ({p} for p in taken):
            if problem := _methylation_problem(mol, points):
                return problem
        return (
            _methylation_problem(mol, self.points)
            or _symmetry_problem(self.smiles, mol, self.points)
            or self._label_problem()
        )

    def _label_problem(self) -> str | None:
        """Labels must come one set per point, the same for points that a symmetry takes into each other."""
        if self.labels is None:
            return None
        if len(self.labels) != len(self.points):
            return f"'{self.smiles}' has {len(self.points)} attachment points but labels for {len(self.labels)}"
        for other, place in alike_points(self):
            if self.labels[place] != self.labels[other]:
                both = write_labels(tidy_labels([*self.labels[other], *self.labels[place]]))
                return (
                    f"attachment points {other} and {place} of '{self.smiles}' are alike but have the labels "
                    f"{write_labels(self.labels[other])} and {write_labels(self.labels[place])}; give both {both}"
                )
        return None

    def mol(self) -> Chem.Mol:
        """A fresh sanitised RDKit molecule, atoms in the order of the SMILES."""
        return _saturated(Chem.MolFromSmiles(self.smiles), Counter(self.points))

    def identity(self) -> Identity:
        """A string that is equal for two fragments exactly when they are the same up to the order of their atoms."""
        return Chem.MolToSmiles(_marked(self.mol(), Counter(self.points)))


def tidy_labels(labels: Iterable[str]) -> Labels:
    """Each label once, in the order in which people count (2 before 10)."""
    return tuple(sorted(set(labels), key=lambda label: (len(label), label)))


def write_labels(labels: Labels) -> str:
    """``1|6``; ``*`` where there is none and anything may be joined."""
    return "|".join(labels) or "*"


def alike_points(fragment: Fragment) -> list[tuple[int, int]]:
    """Each attachment point with the first that is like it: of the same atom, or taken into it by a symmetry."""
    taken = Counter(fragment.points)
    alike = Chem.CanonicalRankAtoms(_marked(fragment.mol(), taken), breakTies=False)
    first: dict[int, int] = {}
    return [(first.setdefault(alike[atom], place), place) for place, atom in enumerate(fragment.points)]


def give_up_hydrogen(atom: Chem.Atom) -> None:
    """Make room for one more single bond: an explicit hydrogen ([nH], [NH3+]) goes; implicit ones adapt."""
    explicit = atom.GetNumExplicitHs()
    if explicit:
        atom.SetNumExplicitHs(explicit - 1)


def _marked(mol: Chem.Mol, taken: Counter[int]) -> Chem.Mol:
    """A copy whose isotopes tell the number of attachment points."""
    marked = Chem.Mol(mol)
    for index, times in taken.items():
        atom = marked.GetAtomWithIdx(index)
        atom.SetIsotope(atom.GetIsotope() + 1000 * times)
    return marked


def _parse(smiles: str) -> tuple[Chem.Mol | None, str]:
    """The molecule, or None and the reason why it cannot be a fragment."""
    raw = Chem.MolFromSmiles(smiles, sanitize=False)
    mol = Chem.MolFromSmiles(smiles)
    if not smiles or raw is None or mol is None or not mol.GetNumAtoms():
        return None, f"'{smiles}' is not a valid SMILES"
    if len(Chem.GetMolFrags(mol)) > 1:
        return None, f"'{smiles}' has several components; keep one (no salts)"
    if any(a.GetAtomicNum() == 0 for a in raw.GetAtoms()):
        return None, f"'{smiles}' has a dummy atom; write the plain fragment and list the atom that '*' is bonded to"
    if any(a.GetAtomicNum() == 1 for a in raw.GetAtoms()):
        return None, f"'{smiles}' has a hydrogen as an atom of its own; write hydrogens implicitly or inside brackets"
    if any(a.GetAtomMapNum() for a in raw.GetAtoms()):
        return None, f"'{smiles}' has atom maps, which are no part of a molecule; write it without them"
    if any(a.GetNumRadicalElectrons() for a in mol.GetAtoms()):
        return None, f"'{smiles}' has unpaired electrons; fill open valences with hydrogens"
    if re.search(r"[@/\\]", smiles):
        plain = re.sub(r"[@/\\]", "", smiles)
        return None, f"'{smiles}' has stereo marks, which joins cannot keep; write it without them: '{plain}'"
    return mol, ""


def _saturated(mol: Chem.Mol, taken: Counter[int]) -> Chem.Mol:
    """``mol`` with two hydrogens more on each P or S that must take more bonds than it has hydrogens, if it can."""
    for index, times in taken.items():
        atom = mol.GetAtomWithIdx(index) if 0 <= index < mol.GetNumAtoms() else None
        if atom is None or atom.GetAtomicNum() not in (15, 16) or times <= atom.GetTotalNumHs():
            continue
        grown = Chem.Mol(mol)
        atom = grown.GetAtomWithIdx(index)
        atom.SetNumExplicitHs(atom.GetTotalNumHs() + 2)
        atom.SetNoImplicit(True)
        if Chem.SanitizeMol(grown, catchErrors=True) == Chem.SanitizeFlags.SANITIZE_NONE:
            mol = grown
    return mol


def _symmetry_problem(smiles: str, mol: Chem.Mol, points: tuple[int, ...]) -> str | None:
    """The symmetries of rings, and those of attachment atoms, are listed."""
    try:
        if len(set(points)) > _FEW_SITES:
            site_symmetries(mol, points)
        else:
            RigidTypes().read(mol)
    except DataError as error:
        return f"'{smiles}': {error}"
    return None


def _methylation_problem(mol: Chem.Mol, points: Iterable[int]) -> str | None:
    """A methyl on each of ``points`` must give a molecule that keeps the fragment's bonds and aromaticity."""
    grown = Chem.RWMol(mol)
    for index in points:
        give_up_hydrogen(grown.GetAtomWithIdx(index))
        grown.AddBond(index, grown.AddAtom(Chem.Atom(6)), Chem.BondType.SINGLE)
    where = f"with methyls on atoms {sorted(points)}, '{Chem.MolToSmiles(mol)}'"
    flag = Chem.SanitizeMol(grown, catchErrors=True)
    if flag != Chem.SanitizeFlags.SANITIZE_NONE:
        return f"{where} is no molecule ({str(flag).removeprefix('SANITIZE_').lower()}); remove that attachment atom"
    before = [b.GetBondType() for b in mol.GetBonds()]
    after = [b.GetBondType() for b in grown.GetBonds()][: len(before)]
    if before != after or any(a.GetNumRadicalElectrons() for a in grown.GetAtoms()):
        return f"{where} changes its bonds or aromaticity; remove that attachment atom"
    return None
