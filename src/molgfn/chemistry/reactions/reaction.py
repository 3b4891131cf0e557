"""A reaction: a template in SMARTS, run forwards on reactants and backwards on a product."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rdkit import Chem, RDLogger
from rdkit.Chem import rdChemReactions

from molgfn.chemistry.reactions.weighing.kind import kind
from molgfn.chemistry.reading.identity import canonical_smiles

RDLogger.DisableLog("rdApp.*")  # type: ignore[attr-defined]  # most proposals of an inverted template are no molecules

#: outcomes of one template on one set of reactants; RDKit stops at 1,000 unless told otherwise
_MOST_OUTCOMES = 100_000
#: an aliphatic atom of which a pattern says no more than the element, and its map
_PLAIN_ATOM = r"[CNOS]|\[[CNOS](:\d+)?\]"
#: reactants that a template may have
MOST_SLOTS = 3
#: molecules (5 kB each) that are kept as they were read
_MOLECULES = 20_000
#: content of what inverted templates gave -> its name, and how many are kept (0.5 kB each)
_NAMES: dict[bytes, str] = {}
_MOST_NAMES = 100_000


@dataclass(frozen=True, slots=True)
class Reaction:
    """One reaction of a library.

    Attributes:
        index: its place in the library.
        name: in words, unique in a library.
        family: what kind of reaction it is; several templates may be of one family.
        yield_: share of the reactants that becomes product, in (0, 1]; None where it is not known.
        smarts: ``reactants>>product`` or ``reactants>agents>product``. Where it has several products, the first is
            the one that is made, the others are by-products.
        slots: number of reactants, 1 to 3.
        without: SMARTS of groups that no reactant may have, since they do not survive the reaction, or stop it.
    """

    index: int
    name: str
    family: str
    yield_: float | None
    smarts: str
    slots: int
    without: tuple[str, ...] = ()


def sides(smarts: str) -> tuple[str, str, str]:
    """Reactants, agents and products of a reaction SMARTS, each as text without blanks.

    An ``>`` inside brackets does not occur in SMARTS, so that the text has exactly two of them.

    Raises:
        ValueError: it has not.
    """
    parts = "".join(smarts.split()).split(">")
    if len(parts) != 3:
        raise ValueError("not a reaction: it should be reactants>>product or reactants>agents>product")
    return parts[0], parts[1], parts[2]


class Template:
    """A reaction SMARTS ready to run.

    Args:
        smarts: of the reaction.

    Attributes:
        queries: one query molecule per slot.
        slots: number of reactants.
        others: number of by-products.
        product: the first pattern on the right side.
        product_query: the pattern that every product holds.

    Raises:
        ValueError: RDKit cannot read it; the message says why.
    """

    def __init__(self, smarts: str) -> None:
        reactants, _, products = sides(smarts)
        if not reactants or not products:
            raise ValueError(f"not a reaction: it has no {'product' if reactants else 'reactant'}")
        self._forward = _compiled(f"{reactants}>>{products}")
        self.slots = self._forward.GetNumReactantTemplates()
        self.others = self._forward.GetNumProductTemplates() - 1
        # copies, for what RDKit hands out ends with the reaction
        self.queries = tuple(Chem.Mol(self._forward.GetReactantTemplate(k)) for k in range(self.slots))
        self.product = first = Chem.Mol(self._forward.GetProductTemplate(0))
        relaxed = _aromatic_too(first)
        product = Chem.MolToSmarts(first if relaxed is None else relaxed) if self.others or relaxed else products
        try:
            # by-products are not known of a finished molecule: what they took along is made anew from the template
            self._inverse = _compiled(f"{product}>>{reactants}")
        except ValueError:
            self._inverse = None
        self.product_query = first if self._inverse is None else Chem.Mol(self._inverse.GetReactantTemplate(0))
        # atoms that the inverse may give a wrong number of hydrogens, which stand first, as in the pattern
        self._taking_part = [
            [atom.GetIdx() for atom in query.GetAtoms() if atom.GetAtomMapNum()] for query in self.queries
        ]

    @property
    def invertible(self) -> bool:
        """Whether RDKit can read the template from right to left."""
        return self._inverse is not None

    def products(self, reactants: Sequence[Chem.Mol]) -> tuple[str, ...]:
        """Canonical SMILES of what can be made, different ones, sorted.

        What RDKit cannot sanitise is no product, nor is what falls apart into several molecules.

        Args:
            reactants: one sanitised molecule per slot.
        """
        found: set[str] = set()
        for outcome in self._forward.RunReactants(tuple(reactants), _MOST_OUTCOMES):
            if smiles := _named(outcome[0]):
                found.add(smiles)
        return tuple(sorted(smiles for smiles in map(_settled, found) if smiles))

    def precursors(
        self,
        product: Chem.Mol,
        known: Sequence[Container[str]],
        kinds: Sequence[Container[int]] | None = None,
        *,
        unknown: int = 1,
        may_be: Callable[[int], bool] | None = None,
    ) -> tuple[tuple[str, ...], ...]:
        """Canonical SMILES of reactants, one per slot, that the inverted template proposes; different ones, sorted.

        A proposal need not give the product when the reaction is run forwards.

        Args:
            product: sanitised molecule.
            known: of each slot; a reactant may be none of these ``unknown`` times.
            kinds: of those that are ``known`` in each slot (see ``kind``): most proposals are refused by them, before
                anything is sanitised. None: not refused so.
            unknown: 0 or 1.
            may_be: of the kind of a reactant that is not known, whether there may be one. None: there may.
        """
        found: set[tuple[str, ...]] = set()
        if self._inverse is None:
            return ()
        for outcome in self._inverse.RunReactants((product,), _MOST_OUTCOMES):
            if names := self._proposal(outcome, known, kinds, unknown, may_be):
                found.add(names)
        return tuple(sorted(found))

    def _proposal(
        self,
        outcome: Sequence[Chem.Mol],
        known: Sequence[Container[str]],
        kinds: Sequence[Container[int]] | None,
        unknown: int,
        may_be: Callable[[int], bool] | None,
    ) -> tuple[str, ...] | None:
        """Names of the reactants of the inverted template; None where one is no molecule, or more are not known than
        may be.

        First all are weighed, which refuses most outcomes at little cost; then those that should be known are named.
        """
        weighed = [kind(mol) for mol in outcome] if kinds is not None or may_be is not None else [0] * len(outcome)
        left = unknown
        order: list[int] = []
        strange: list[int] = []
        for i, number in enumerate(weighed):
            if kinds is None or number in kinds[i]:
                order.append(i)
            elif left and (may_be is None or may_be(number)):
                left -= 1
                strange.append(i)
            else:
                return None
        names = [""] * len(weighed)
        for i in sorted(order, key=lambda i: outcome[i].GetNumAtoms()) + strange:
            names[i] = self._precursor(outcome[i], i)
            if not names[i]:
                return None
            if i in strange or names[i] in known[i]:
                continue
            left -= 1
            if left < 0 or (may_be is not None and not may_be(weighed[i])):
                return None
        return tuple(names)

    def _precursor(self, mol: Chem.Mol, slot: int) -> str:
        """Its name; of what was named before, atom by atom the same, it is known."""
        _free_hydrogens(mol, self._taking_part[slot])
        content = mol.ToBinary(0)  # without properties, which a name does not depend on
        name = _NAMES.get(content)
        if name is None:
            if len(_NAMES) >= _MOST_NAMES:
                _NAMES.clear()
            name = _NAMES[content] = _settled(_named(mol))
        return name


def _compiled(smarts: str) -> rdChemReactions.ChemicalReaction:
    try:
        reaction = rdChemReactions.ReactionFromSmarts(smarts)
        reaction.Initialize()
    except (ValueError, RuntimeError) as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        raise ValueError(f"RDKit cannot read it ({lines[0].strip() if lines else 'no reason given'})") from error
    return reaction


def _aromatic_too(query: Chem.Mol) -> Chem.Mol | None:
    """A product pattern that also matches once its rings of alternating bonds are aromatic; None where it has none.

    Published templates write a tetrazole as ``C1=NN-N=N1``: what they give is aromatic, which such a pattern is not.
    """
    alike = Chem.RWMol(query)
    Chem.FastFindRings(alike)
    rings = alike.GetRingInfo()
    changed = False
    for atoms, bonds in zip(rings.AtomRings(), rings.BondRings(), strict=True):
        members = [alike.GetAtomWithIdx(atom) for atom in atoms]
        double = sum(alike.GetBondWithIdx(bond).GetBondType() == Chem.BondType.DOUBLE for bond in bonds)
        plain = all(re.fullmatch(_PLAIN_ATOM, atom.GetSmarts()) for atom in members)
        if not plain or (len(atoms), double) not in ((5, 2), (6, 3)):
            continue
        for atom in members:
            number = f":{atom.GetAtomMapNum()}" if atom.GetAtomMapNum() else ""
            alike.ReplaceAtom(atom.GetIdx(), Chem.AtomFromSmarts(f"[#{atom.GetAtomicNum()}{number}]"))
        for bond in bonds:
            alike.ReplaceBond(bond, Chem.BondFromSmarts("~"))
        changed = True
    return alike.GetMol() if changed else None


def _free_hydrogens(mol: Chem.Mol, atoms: Sequence[int]) -> None:
    """Let the valence say how many hydrogens the atoms have that took part.

    RDKit gives an atom of ``[N;H1,H2:1]`` one hydrogen where the pattern stands on the right of a reaction: an amine
    that had two would not be found again. Aromatic atoms keep theirs, which valence does not tell.
    """
    for number in atoms:
        atom = mol.GetAtomWithIdx(number)
        if not atom.GetIsAromatic():
            atom.SetNoImplicit(False)
            atom.SetNumExplicitHs(0)


def _named(mol: Chem.Mol) -> str:
    """Canonical SMILES of what a reaction gave; empty where it is no molecule or several."""
    if Chem.SanitizeMol(mol, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
        return ""
    smiles = Chem.MolToSmiles(mol)
    return "" if "." in smiles or "*" in smiles else smiles


@lru_cache(_MOLECULES)
def molecule(smiles: str) -> Chem.Mol:
    """The molecule of a SMILES, not to be changed; its ring information is there, as templates need it.

    Raises:
        ValueError: RDKit cannot read it.
    """
    mol = Chem.MolFromSmiles(smiles)
    if mol is None or not mol.GetNumAtoms():
        raise ValueError(f"{smiles}: RDKit cannot read it")
    return mol


@lru_cache(100_000)
def _settled(smiles: str) -> str:
    """The canonical SMILES of the molecule that ``smiles`` is read as; empty where it cannot be read.

    A molecule out of a reaction may carry marks (stereo that is none, hydrogens) which reading its SMILES takes off.
    """
    try:
        return canonical_smiles(molecule(smiles)) if smiles else ""
    except ValueError:
        return ""
