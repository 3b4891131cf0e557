"""Where symmetries of a fragment take some of its atoms, found without listing the symmetries of the rest.

A fragment with n CF2 groups has 2^n symmetries that move nothing but fluorine, so symmetries are never listed one by
one. Atoms are marked instead: a symmetry takes some atoms to others exactly when the fragment with marks on these has
the same canonical name as the fragment with marks on those.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import prod

from rdkit import Chem

from molgfn.chemistry.trees.canonical_trees import NodeType, canonical
from molgfn.chemistry.trees.rigid import RigidTypes
from molgfn.errors import DataError

#: a state batch holds a table of them per fragment
MOST_SYMMETRIES = 2000
_FEW = 1000


class MarkedAtoms:
    """Canonical names of a molecule with marks on some of its atoms.

    Args:
        mol: sanitised and connected; stereo marks are not looked at.

    Raises:
        DataError: see ``RigidTypes.read``.
    """

    def __init__(self, mol: Chem.Mol) -> None:
        types = RigidTypes()
        self._tree = types.read(mol)
        self._nodes = [types.nodes[t] for t in self._tree.types]
        self._names: dict[tuple[tuple[int, str], ...], str] = {}

    def name(self, marks: Iterable[tuple[int, str]]) -> str:
        """Equal exactly where a symmetry of the molecule takes the one (atom, text) marks to the others."""
        key = tuple(sorted(marks))
        if key not in self._names:
            n = len(self._nodes)
            flags = [NodeType(f"mark {text}", ((0,),)) for _, text in key]
            edges = [(*self._tree.where[atom], n + i, 0) for i, (atom, _) in enumerate(key)]
            self._names[key] = canonical(self._nodes + flags, [*self._tree.edges, *edges])[0]
        return self._names[key]


def site_symmetries(mol: Chem.Mol, points: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Permutations of the attachment atoms that symmetries of the fragment bring about: a group, ascending.

    Which symmetry of the rest goes with them does not matter to c(t): symmetries that move no attachment atom count in
    its numerator and its denominator alike.

    Args:
        mol: the fragment.
        points: its attachment atoms; one that is listed k times goes only to others that are, too.

    Returns:
        Tuples ``s`` that take the i-th of the attachment atoms (in ascending order) to the ``s[i]``-th.

    Raises:
        DataError: there are more than ``MOST_SYMMETRIES``.
    """
    marked, times = MarkedAtoms(mol), Counter(points)
    atoms = sorted(times)
    n = len(atoms)

    def name(image: Sequence[int]) -> str:
        """Equal for two sequences of sites exactly where a symmetry takes the one to the other, one by one."""
        place = {site: str(k) for k, site in enumerate(image)}
        return marked.name((atom, f"{place.get(site, '-')} {times[atom]}") for site, atom in enumerate(atoms))

    def orbits(image: list[int]) -> dict[str, list[int]]:
        """The sites, those together that symmetries take into each other while they keep the sites ``image``."""
        found: dict[str, list[int]] = {}
        for site in range(n):
            found.setdefault(name([*image, site]) if site not in image else str(image.index(site)), []).append(site)
        return found

    # A base: sites such that a symmetry that keeps them keeps all. Each of its sites goes to as many places, while
    # those before it are kept, as there are sites in its orbit, so the number of symmetries is the product.
    base: list[int] = []
    sizes = []
    while more := [sites for sites in orbits(base).values() if len(sites) > 1]:
        base.append(more[0][0])
        sizes.append(len(more[0]))
    if (order := prod(sizes)) > MOST_SYMMETRIES:
        raise DataError(
            f"its {n} attachment atoms have {order} symmetries (at most {MOST_SYMMETRIES} can be used); list fewer"
        )

    def symmetry(image: list[int]) -> tuple[int, ...]:
        """One that takes the first of the base to ``image``."""
        for depth in range(len(image), len(base)):
            wanted = name(base[: depth + 1])
            image = [*image, next(i for i in range(n) if i not in image and name([*image, i]) == wanted)]
        goals = orbits(image)
        moved = {site: goals[text][0] for text, (site,) in orbits(base).items()}
        return tuple(moved[site] for site in range(n))

    # every symmetry is the product of one of each level: those that keep the base up to there, by where they take the
    # next of it (transversals of the stabiliser chain)
    group = [tuple(range(n))]
    for depth in reversed(range(len(base))):
        wanted = name(base[: depth + 1])
        goals = [i for i in range(n) if i not in base[:depth] and name([*base[:depth], i]) == wanted]
        steps = [symmetry([*base[:depth], goal]) for goal in goals]
        group = [tuple(step[i] for i in rest) for step in steps for rest in group]
    return tuple(sorted(group))


class AtomImages:
    """Where symmetries of a fragment take groups of its atoms.

    Args:
        mol: the fragment.
    """

    def __init__(self, mol: Chem.Mol) -> None:
        self._mol = mol
        # most fragments have few symmetries, and RDKit lists them in no time
        matches = mol.GetSubstructMatches(mol, uniquify=False, maxMatches=_FEW + 1)
        hydrogens = [atom.GetTotalNumHs() for atom in mol.GetAtoms()]  # a match may take [nH] for n
        few = len(matches) <= _FEW
        self._listed = [m for m in matches if [hydrogens[i] for i in m] == hydrogens] if few else None
        self._marked: MarkedAtoms | None = None

    def of(self, atoms: Sequence[int]) -> set[tuple[int, ...]]:
        """The images of a group of atoms, each ascending; an atom may be listed several times."""
        if self._listed is not None:
            return {tuple(sorted(match[a] for a in atoms)) for match in self._listed}
        marked = self._marked = self._marked or MarkedAtoms(self._mol)
        # one atom after the other: an image of a group is one of the group without its last atom, and one atom more
        images: set[tuple[tuple[int, str], ...]] = {()}
        wanted: list[tuple[int, str]] = []
        for atom, times in sorted(Counter(atoms).items()):
            wanted.append((atom, str(times)))
            name = marked.name(wanted)
            longer = {
                tuple(sorted([*image, (other, str(times))]))
                for image in images
                for other in range(self._mol.GetNumAtoms())
                if all(other != taken for taken, _ in image)
            }
            images = {image for image in longer if marked.name(image) == name}
        return {tuple(a for a, times in image for _ in range(int(times))) for image in images}
