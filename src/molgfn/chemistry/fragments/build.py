"""Derive a fragment vocabulary from molecules: cut BRICS bonds, keep the atoms that were cut, keep what is frequent.

Reference: Degen et al., "On the Art of Compiling and Using 'Drug-Like' Chemical Fragment Spaces",
ChemMedChem 2008, 3, 1503 (BRICS). Only acyclic single bonds are cut, because joins are single bonds.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from rdkit import Chem

from molgfn.chemistry.files.left_out import LeftOut, described
from molgfn.chemistry.fragments.capping import capped
from molgfn.chemistry.fragments.cutting import cut, read_mark
from molgfn.chemistry.fragments.fragment import Fragment, Labels, give_up_hydrogen
from molgfn.chemistry.fragments.join_table import JoinTable
from molgfn.chemistry.fragments.labels import beside_heteroatoms, fillable, holds
from molgfn.chemistry.fragments.vocabulary import Vocabulary
from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.motifs import unusual_motifs
from molgfn.chemistry.trees.site_symmetries import AtomImages
from molgfn.errors import DataError

#: core SMILES and the (sorted) atoms that were cut, in the atom order of that SMILES
Cut = tuple[str, tuple[int, ...]]


@dataclass
class BuildReport:
    """A derived vocabulary and how well it covers the molecules that it came from.

    Attributes:
        vocabulary: the fragments kept, most frequent first.
        molecules: how many were read and could be used.
        left_out: reason -> those that could not.
        salts: molecules of several parts of which the largest was used.
        found: number of distinct fragments found.
        refused: number of distinct fragments left out by a rule, by reason.
        ranks: int64 [molecules], how many fragments (most frequent first) it takes to rebuild each molecule the
            way it was cut; -1 where one of its fragments was left out by a rule.
        typed: bool [molecules], whether that way is there with the joins of BRICS, too: no point open that must be
            filled, no hetero-atom on a carbon that holds one (see ``join_table``). True throughout without labels.
    """

    vocabulary: Vocabulary
    molecules: int
    left_out: dict[str, LeftOut]
    salts: int
    found: int
    refused: dict[str, int]
    ranks: np.ndarray = field(repr=False)
    typed: np.ndarray = field(repr=False)

    def coverage_at(self, size: int) -> float:
        """Share of the molecules that the ``size`` most frequent fragments rebuild the way they were cut."""
        return float(np.mean((self.ranks >= 0) & (self.ranks <= size)))

    @property
    def typed_coverage(self) -> float:
        """``coverage`` with BRICS's joins."""
        return float(np.mean((self.ranks >= 0) & (self.ranks <= len(self.vocabulary)) & self.typed))

    @property
    def coverage(self) -> float:
        """``coverage_at`` the size of the vocabulary. A lower bound: a molecule may have other decompositions."""
        return self.coverage_at(len(self.vocabulary))

    def summary(self) -> str:
        """The report as a few lines of text."""
        atoms = [f.mol().GetNumAtoms() for f in self.vocabulary]
        points = [len(f.points) for f in self.vocabulary]
        sizes = sorted({n for n in (72, 200, 500, 1000) if n < self.found} | {len(self.vocabulary)})
        lines = [
            f"molecules: {self.molecules} used"
            + (f" (of {self.salts} with several parts the largest)" if self.salts else "")
            + f", {sum(out.count for out in self.left_out.values())} left out",
            f"fragments: {self.found} found, {len(self.vocabulary)} kept"
            + "".join(f", {n} refused ({why})" for why, n in self.refused.items()),
            f"kept fragments: {np.mean(atoms):.1f} heavy atoms (at most {max(atoms)}), "
            f"{np.mean(points):.1f} attachment points (at most {max(points)})",
            "coverage by the most frequent: " + ", ".join(f"{n}: {self.coverage_at(n):.1%}" for n in sizes),
        ]
        if self.vocabulary.labelled:
            lines.append(f"coverage with the joins of BRICS only: {self.typed_coverage:.1%}")
        lines += described(self.left_out)
        return "\n".join(lines)


def build_vocabulary(
    molecules: Iterable[tuple[int, Molecule]],
    *,
    progress: Callable[[int], None] | None = None,
    **rules: Any,
) -> BuildReport:
    """Derive a vocabulary from molecules that are there.

    Args:
        molecules: (line number, molecule) pairs; the number is used in the report only.
        progress: called with the number of molecules done, every 100.
        rules: of ``VocabularyBuilder.finish``, which says what it raises.
    """
    builder = VocabularyBuilder()
    for number, (line, molecule) in enumerate(molecules, start=1):
        if progress is not None and number % 100 == 0:
            progress(number)
        builder.add(line, cut(molecule))
    return builder.finish(**rules)


class VocabularyBuilder:
    """Counts the pieces of molecules as they come, and keeps a few bytes of each molecule."""

    def __init__(self) -> None:
        self._cores = _Cores()
        self._left_out: dict[str, LeftOut] = {}
        self._salts = 0
        self._numbers: dict[Cut, int] = {}
        self._cuts, self._starts = array("l"), array("q")  # numbers of the cuts of each molecule, one after the other
        self._as_joined = array("b")  # whether carbons that hold a hetero-atom were cut as they are joined
        self._patterns: dict[str, Counter[tuple[int, ...]]] = defaultdict(Counter)

    def add(self, line: int, pieces: list[str] | str, *, salt: bool = False) -> None:
        """One molecule more.

        Args:
            line: its number, for the report.
            pieces: what ``cut`` gave: its pieces, or why there are none.
            salt: it is the largest part of a salt.
        """
        cuts = pieces if isinstance(pieces, str) else self._cores.of(pieces)
        if isinstance(cuts, str):
            reason, _, detail = cuts.partition(": ")
            self._left_out.setdefault(reason, LeftOut(reason)).add(line, detail)
            return
        self._salts += salt
        self._starts.append(len(self._cuts))
        self._as_joined.append(self._cores.as_joined(pieces))
        for core, atoms in cuts:
            self._patterns[core][atoms] += 1
            self._cuts.append(self._numbers.setdefault((core, atoms), len(self._numbers)))

    @property
    def kept_bytes(self) -> int:
        """What is kept of molecules."""
        return sum(len(values) * values.itemsize for values in (self._cuts, self._starts, self._as_joined))

    def finish(
        self,
        *,
        size: int | None = 200,
        coverage: float | None = None,
        min_count: int = 1,
        max_atoms: int = 14,
        max_points: int = 4,
        neutral: bool = True,
        unusual: bool = False,
        labels: bool = True,
    ) -> BuildReport:
        """The vocabulary, whose points have the labels of BRICS under which they were seen (see ``join_table``).

        What was seen at a point counts for all points that a symmetry of the fragment takes it to, and for those of its
        atom.

        Args:
            size: keep at most this many fragments; None for no limit.
            coverage: keep no more fragments than are needed to rebuild this share (0 to 1) of the molecules.
            min_count: keep fragments that were seen at least this often.
            max_atoms: refuse fragments with more heavy atoms.
            max_points: a fragment gets at most this many attachment points, the most frequently seen ones.
            neutral: refuse fragments with a net charge.
            unusual: keep fragments that hold one of the motifs of ``motifs``.
            labels: give labels, and leave out fragments with a point that must be filled and that no other can fill.

        Raises:
            DataError: no usable molecule, or no fragment left.
        """
        patterns = self._patterns
        if not self._starts:
            found = "; ".join(described(self._left_out)) or "there is none"
            raise DataError(f"no molecule to derive fragments from: {found}")
        kept, served, refused = _select(patterns, min_count, max_atoms, max_points, neutral=neutral, unusual=unusual)
        ranks = self._ranks(kept, served)
        limit = len(kept) if size is None else min(len(kept), size)
        if coverage is not None:
            usable = np.sort(np.where(ranks < 0, len(kept), ranks))
            enough = min(max(int(np.ceil(coverage * len(usable))), 1), len(usable))
            limit = min(limit, int(usable[enough - 1]))
        if not any(f.points for f in kept[:limit]):
            raise DataError(
                f"no fragment with an attachment point is left of {len(patterns)} found; "
                f"refused: {dict(refused) or 'none'}"
            )
        table = JoinTable.load("brics") if labels else JoinTable.of([])
        vocabulary = kept[:limit]
        if labels:
            labelled = [replace(f, labels=_labels(f, self._cores.labels[f.smiles])) for f in vocabulary]
            vocabulary = fillable(labelled, table)
            if not any(f.points for f in vocabulary):
                raise DataError(
                    f"the {len(labelled)} most frequent fragments have points that must not stay open (acyl, sulfonyl, "
                    "sulfur) and nothing to fill them; keep more, or build without labels"
                )
        if left_out := min(limit, len(kept)) - len(vocabulary):
            refused["nothing fills a point that must not stay open"] = left_out
            ranks = self._ranks(vocabulary, served)
        closed = {(f.smiles, atoms) for f in vocabulary for atoms in patterns[f.smiles] if _is_closed(f, atoms, table)}
        typed = self._over_molecules(np.logical_and, [cut in closed for cut in self._numbers])
        return BuildReport(
            vocabulary=Vocabulary(vocabulary),
            molecules=len(self._starts),
            left_out=self._left_out,
            salts=self._salts,
            found=len(patterns),
            refused=dict(refused),
            ranks=ranks,
            typed=typed & np.array(self._as_joined, dtype=bool) if labels else typed,
        )

    def _ranks(self, kept: list[Fragment], served: set[Cut]) -> np.ndarray:
        """``BuildReport.ranks``: the last fragment, by frequency, that each molecule needs."""
        place = {f.smiles: i + 1 for i, f in enumerate(kept)}
        missing = len(kept) + 1
        needed = [place.get(cut[0], missing) if cut in served else missing for cut in self._numbers]
        ranks = self._over_molecules(np.maximum, needed)
        return np.where(ranks == missing, -1, ranks)

    def _over_molecules(self, reduce: np.ufunc, of_cuts: list[Any]) -> np.ndarray:
        """[molecules] out of a value per different cut."""
        return reduce.reduceat(np.array(of_cuts)[np.frombuffer(self._cuts, dtype=self._cuts.typecode)], self._starts)


def _select(
    patterns: dict[str, Counter[tuple[int, ...]]],
    min_count: int,
    max_atoms: int,
    max_points: int,
    *,
    neutral: bool,
    unusual: bool,
) -> tuple[list[Fragment], set[Cut], Counter[str]]:
    """Fragments that the rules allow, most frequent first; the cuts that their points serve; refusals by reason."""
    kept, served, refused = [], set(), Counter()
    for core, seen in sorted(patterns.items(), key=lambda item: (-item[1].total(), item[0])):
        mol = Chem.MolFromSmiles(core)
        reason = _refusal(mol, max_atoms=max_atoms, neutral=neutral)
        if reason is None and seen.total() < min_count:
            reason = f"seen fewer than {min_count} times"
        if reason is None:
            points, reached = _choose_points(mol, seen, max_points)
            fragment = Fragment(core, points, seen.total())
            motifs = [] if unusual else _motifs(fragment)
            if motifs:
                reason = f"holds {motifs[0]}"
            elif fragment.problem() is None:
                kept.append(fragment)
                served |= {(core, atoms) for atoms in reached}
                continue
            else:
                reason = "not usable as a fragment"
        refused[reason] += 1
    return kept, served, refused


class _Cores:
    """Turns pieces with dummies into cores and cut atoms, every distinct one once."""

    def __init__(self) -> None:
        self._known: dict[str, Cut | None] = {}
        self._unusual: set[str] = set()  # pieces with a cut from what their carbon is not joined to (``labels.holds``)
        #: by core and atom, the labels under which it was cut
        self.labels: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))

    def of(self, pieces: list[str]) -> list[Cut] | str:
        """Those of the pieces of a molecule, or what is wrong."""
        found: list[Cut] = []
        for piece in pieces:
            if piece not in self._known:
                self._known[piece] = self._core(piece)
            core = self._known[piece]
            if core is None:
                return f"a piece that is no molecule of its own: {piece}"
            found.append(core)
        return found

    def as_joined(self, pieces: Iterable[str]) -> bool:
        """Whether all carbons of known pieces that hold a hetero-atom were cut from what they may be joined to."""
        return self._unusual.isdisjoint(pieces)

    def _core(self, piece: str) -> Cut | None:
        """A piece with dummies to the same piece with hydrogens: its canonical SMILES, and the atoms that were cut."""
        mol = Chem.MolFromSmiles(piece)
        if mol is None:
            return None
        found = capped(mol)
        if found is None:
            return None
        core, atoms = found
        dummies = [atom for atom in mol.GetAtoms() if atom.GetAtomicNum() == 0]
        for atom, dummy in zip(atoms, dummies, strict=True):
            label, hetero, nitrogen = read_mark(dummy)
            self.labels[core][atom].add(label)
            if {"c": hetero, "h": nitrogen}.get(holds(dummy.GetNeighbors()[0]), False):
                self._unusual.add(piece)
        return core, tuple(sorted(atoms))


def _labels(fragment: Fragment, seen: dict[int, set[str]]) -> tuple[Labels, ...]:
    """Labels of the points, from those of atoms, united over atoms that are alike in the bare fragment."""
    mol = Chem.MolFromSmiles(fragment.smiles)
    alike = list(Chem.CanonicalRankAtoms(mol, breakTies=False))
    united: dict[int, set[str]] = defaultdict(set)
    for atom, labels in seen.items():
        united[alike[atom]] |= labels
    return tuple(beside_heteroatoms(united[alike[atom]], mol.GetAtomWithIdx(atom)) for atom in fragment.points)


def _is_closed(fragment: Fragment, atoms: tuple[int, ...], table: JoinTable) -> bool:
    """Whether a molecule cut at ``atoms`` has all points of the fragment filled that must be."""
    if fragment.labels is None:
        return True
    alike = list(Chem.CanonicalRankAtoms(Chem.MolFromSmiles(fragment.smiles), breakTies=False))
    must = [alike[a] for a, labels in zip(fragment.points, fragment.labels, strict=True) if table.must_fill(labels)]
    return sum(alike[a] in must for a in atoms) == len(must)


def _motifs(fragment: Fragment) -> list[str]:
    """Unusual motifs of a fragment, its points filled with carbon."""
    grown = Chem.RWMol(fragment.mol())
    for atom in fragment.points:
        give_up_hydrogen(grown.GetAtomWithIdx(atom))
        grown.AddBond(atom, grown.AddAtom(Chem.Atom(6)), Chem.BondType.SINGLE)
    if Chem.SanitizeMol(grown, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
        return []
    return unusual_motifs(grown)


def _refusal(mol: Chem.Mol | None, *, max_atoms: int, neutral: bool) -> str | None:
    if mol is None:
        return "not usable as a fragment"
    if mol.GetNumAtoms() > max_atoms:
        return f"more than {max_atoms} heavy atoms"
    if neutral and Chem.GetFormalCharge(mol):
        return "charged"
    return None


def _choose_points(
    mol: Chem.Mol, seen: Counter[tuple[int, ...]], most: int
) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    """Attachment points that serve the observed patterns, frequent ones first, and the patterns that they serve.

    A pattern may be served by any of its images under the automorphisms of the fragment; the one that adds the
    fewest new points is taken (one point on benzene serves every monosubstituted phenyl).
    """
    images = AtomImages(mol)
    points: Counter[int] = Counter()
    served = []
    for pattern, _ in sorted(seen.items(), key=lambda item: (-item[1], item[0])):
        if len(pattern) > most:
            continue
        best = min((points | Counter(o) for o in images.of(pattern)), key=lambda u: (u.total(), sorted(u.elements())))
        if best.total() <= most:
            points = best
            served.append(pattern)
    return tuple(sorted(points.elements())), served
