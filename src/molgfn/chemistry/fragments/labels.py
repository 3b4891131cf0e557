"""From what a user says of joins to types of points: labels of vocabulary and scaffold, and a table over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rdkit import Chem
from rdkit.Chem import BRICS

from molgfn.chemistry.fragments.fragment import Fragment, Labels, give_up_hydrogen, tidy_labels
from molgfn.chemistry.fragments.join_table import HALOGEN, JoinTable, brics_number
from molgfn.chemistry.fragments.joins import Joins
from molgfn.chemistry.fragments.vocabulary import Vocabulary
from molgfn.errors import VocabularyError

HALOGENS = (9, 17, 35, 53)
#: where no environment of BRICS fits an atom, the one that is nearest: by element, 8 on anything else (vinyl ...)
_OTHERWISE = {7: ("5",), 8: ("3",), 16: ("11",), **dict.fromkeys(HALOGENS, (HALOGEN,))}


def resolve_joins(
    joins: str | Mapping[str, Any] | None, vocabulary: Vocabulary, scaffold: Fragment | None = None
) -> tuple[JoinTable | None, Joins]:
    """What may be joined in a fragment space.

    Args:
        joins: "any": any point to any other, whatever the labels. "brics": by BRICS's table; a vocabulary without
            labels gets those of BRICS's environments. Otherwise an own table, as a path or as ``JoinTable.plain`` gives
            it; the vocabulary must have labels. None: "brics" where the vocabulary has labels, else "any".
        vocabulary: the fragments.
        scaffold: gets the labels of BRICS's environments where the table knows no others, else none: anything may be
            joined to its points.

    Returns:
        The table (None for "any") and the types of points of the fragments, the scaffold last.

    Raises:
        ConfigError: no such table, or a bad one.
        VocabularyError: labels are missing, or the table does not know one.
    """
    kinds = [*vocabulary, *([] if scaffold is None else [scaffold])]
    if joins == "any" or (joins is None and not vocabulary.labelled):
        return None, Joins.any(kinds)
    table = JoinTable.load("brics" if joins is None else joins)
    if not vocabulary.labelled and joins != "brics":
        raise VocabularyError(
            "joins: a table needs labels at the attachment points, and the vocabulary has none; write them as the "
            "fourth column (`molgfn fragments build` does), or set joins to any or brics"
        )
    labels = [_labels_of(fragment) for fragment in vocabulary]
    for fragment, per_point in zip(vocabulary, labels, strict=True):
        if unknown := sorted({label for x in per_point for label in x} - table.labels):
            known = ", ".join(tidy_labels(table.labels))
            hint = "; name the file of your own table with environment.joins" if joins is None else ""
            raise VocabularyError(
                f"label '{unknown[0]}' of fragment '{fragment.smiles}' is not in the table of joins ({known}){hint}"
            )
    if scaffold is not None:
        by_brics = table.labels <= JoinTable.load("brics").labels
        labels.append(_labels_of(scaffold) if by_brics else [()] * len(scaffold.points))
    return table, Joins.of_labels(kinds, labels, table)


def _labels_of(fragment: Fragment) -> Sequence[Labels]:
    return brics_labels(fragment.mol(), fragment.points) if fragment.labels is None else fragment.labels


def fillable(fragments: Sequence[Fragment], table: JoinTable) -> list[Fragment]:
    """Without fragments that have a point which must be filled and cannot be, as ``growth`` asks for.

    Args:
        fragments: with labels.
        table: of joins.
    """
    kept = list(fragments)
    while True:
        must = [[x for x in f.labels or () if table.must_fill(x)] for f in kept]
        caps = {x for f, own in zip(kept, must, strict=True) for x in f.labels or () if own in ([], [x])}
        left = [
            f for f, own in zip(kept, must, strict=True) if all(any(table.joins(x, cap) for cap in caps) for x in own)
        ]
        if len(left) == len(kept):
            return kept
        kept = left


def brics_labels(mol: Chem.Mol, points: Sequence[int]) -> tuple[Labels, ...]:
    """Labels of attachment points by BRICS's environments, for a fragment that was not cut from molecules.

    An environment fits a point where its atom fits once every point is bonded to something (a dummy atom). Where none
    fits, the nearest is taken: 5 on nitrogen, 3 on oxygen, 11 on sulfur, x on halogen, 4 and 8 on saturated carbon
    outside rings (BRICS never cuts a methyl off), 8 on anything else.

    Args:
        mol: of the fragment, with hydrogens at its points.
        points: attachment atoms, as in ``Fragment.points``.
    """
    grown = Chem.RWMol(mol)
    for index in points:
        give_up_hydrogen(grown.GetAtomWithIdx(index))
        grown.AddBond(index, grown.AddAtom(Chem.Atom(0)), Chem.BondType.SINGLE)
    Chem.SanitizeMol(grown)
    known = JoinTable.load("brics").labels
    fitting: dict[int, set[str]] = {index: set() for index in points}
    for name, pattern in BRICS.environMatchers.items():
        if name.startswith("L") and brics_number(name) in known:  # "#L8" is one that was given up
            for match in grown.GetSubstructMatches(pattern, uniquify=False):
                if match[0] in fitting:
                    fitting[match[0]].add(brics_number(name))
    atoms = [mol.GetAtomWithIdx(index) for index in points]
    return tuple(beside_heteroatoms(fitting[a.GetIdx()] or _nearest(a), a) for a in atoms)


def beside_heteroatoms(labels: Iterable[str], atom: Chem.Atom) -> Labels:
    """BRICS's labels of an attachment atom; of a saturated carbon with what it ``holds`` behind them.

    Args:
        labels: as BRICS has them.
        atom: in its fragment.
    """
    if not (held := holds(atom)):
        return tidy_labels(labels)
    known = JoinTable.load("brics").labels
    return tidy_labels([label + held for label in labels if label + held in known] or ["8" + held])


def holds(atom: Chem.Atom) -> str:
    """What a saturated carbon holds: "c" for N, O or S (it is joined to carbon only), "h" for halogen alone (it is not
    joined to N); else "".
    """
    if atom.GetAtomicNum() != 6 or atom.GetHybridization() != Chem.HybridizationType.SP3:
        return ""
    beside = {other.GetAtomicNum() for other in atom.GetNeighbors()}
    return "c" if beside & {7, 8, 16} else "h" if beside & set(HALOGENS) else ""


def _nearest(atom: Chem.Atom) -> Labels:
    saturated = atom.GetHybridization() == Chem.HybridizationType.SP3 and not atom.IsInRing()
    if atom.GetAtomicNum() == 6 and saturated:
        return ("4", "8")
    return _OTHERWISE.get(atom.GetAtomicNum(), ("8",))
