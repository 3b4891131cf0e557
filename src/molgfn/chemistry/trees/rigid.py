"""A molecule as a tree of rigid pieces: what is left when all acyclic single bonds are cut.

Pieces are ring systems, multiple bonds and single atoms. They are small and have few automorphisms, so these are
listed once per *type* of piece; all else about the molecule is work on a tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rdkit import Chem

from molgfn.chemistry.trees.canonical_trees import Edge, NodeType
from molgfn.errors import DataError

#: element, charge, isotope, aromatic, radicals, hydrogens once every cut bond is capped with hydrogen
AtomLabel = tuple[int, int, int, bool, int, int]
_SINGLE = Chem.BondType.SINGLE
_MOST_SYMMETRIES = 50_000
_MOST_KNOWN = 100_000


@dataclass(frozen=True)
class Piece:
    """A rigid piece: labels of its atoms and its bonds (i, j, type), atoms numbered from 0."""

    labels: tuple[AtomLabel, ...]
    bonds: tuple[tuple[int, int, int], ...]

    def neighbours(self) -> list[dict[int, int]]:
        """Bonded atoms and bond types of each atom."""
        table: list[dict[int, int]] = [{} for _ in self.labels]
        for i, j, kind in self.bonds:
            table[i][j] = table[j][i] = kind
        return table


@dataclass(frozen=True)
class RigidTree:
    """A molecule as a tree.

    Attributes:
        types: type of each node (a number of the ``RigidTypes`` that made the tree).
        atoms: per node, the molecule's atom at each site.
        edges: the acyclic single bonds (node, site, node, site).
        where: (node, site) of each atom of the molecule.
    """

    types: list[int]
    atoms: list[list[int]]
    edges: list[Edge]
    where: list[tuple[int, int]]


class RigidTypes:
    """Numbers the types of rigid pieces as it meets them."""

    def __init__(self) -> None:
        self.nodes: list[NodeType] = []
        self._pieces: list[Piece] = []
        self._buckets: dict[tuple, list[int]] = {}
        self._known: dict[Piece, tuple[int, tuple[int, ...]]] = {}

    def read(self, mol: Chem.Mol) -> RigidTree:
        """The tree of a sanitised, connected molecule.

        Raises:
            DataError: several components, or a piece with more symmetries than can be listed.
        """
        cut, kept = [], []
        # by index: RDKit's own iterators take as long as half of what is read
        for bond in map(mol.GetBondWithIdx, range(mol.GetNumBonds())):
            ends = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
            type_ = bond.GetBondType()
            if type_ == _SINGLE and not bond.IsInRing():
                cut.append(ends)
            else:
                kept.append((*ends, int(type_)))
        n = mol.GetNumAtoms()
        degree = [0] * n
        for i, j in cut:
            degree[i] += 1
            degree[j] += 1
        labels = [
            (
                a.GetAtomicNum(),
                a.GetFormalCharge(),
                a.GetIsotope(),
                a.GetIsAromatic(),
                a.GetNumRadicalElectrons(),
                a.GetTotalNumHs() + d,
            )
            for a, d in zip(map(mol.GetAtomWithIdx, range(n)), degree, strict=True)
        ]
        types, atoms, where = [], [], [(-1, -1)] * n
        for members, bonds in _components(n, kept):
            local = {atom: i for i, atom in enumerate(members)}
            piece = Piece(
                tuple(labels[a] for a in members),
                tuple(
                    sorted(
                        (local[i], local[j], t) if local[i] < local[j] else (local[j], local[i], t) for i, j, t in bonds
                    )
                ),
            )
            number, order = self._known.get(piece) or self._place(piece)
            for site, index in enumerate(order):
                where[members[index]] = (len(types), site)
            types.append(number)
            atoms.append([members[index] for index in order])
        if len(cut) != len(types) - 1:
            raise DataError(f"a molecule of one component is needed, not {Chem.MolToSmiles(mol)}")
        return RigidTree(types, atoms, [(*where[i], *where[j]) for i, j in cut], where)

    def _place(self, piece: Piece) -> tuple[int, tuple[int, ...]]:
        """Type number of a piece, and the piece's atom at each site of the type."""
        bucket = self._buckets.setdefault((tuple(sorted(piece.labels)), len(piece.bonds)), [])
        for number in bucket:
            order = next(isomorphisms(self._pieces[number], piece), None)
            if order is not None:
                break
        else:
            number, order = len(self.nodes), tuple(range(len(piece.labels)))
            symmetries = []
            for symmetry in isomorphisms(piece, piece):
                symmetries.append(symmetry)
                if len(symmetries) > _MOST_SYMMETRIES:
                    raise DataError(
                        f"a ring system of {len(piece.labels)} atoms has over {_MOST_SYMMETRIES} symmetries"
                    )
            self.nodes.append(NodeType(f"R{number}", tuple(symmetries)))
            self._pieces.append(piece)
            bucket.append(number)
        if len(self._known) >= _MOST_KNOWN:  # long files of unlike molecules must not fill the memory
            self._known.clear()
        self._known[piece] = number, order
        return number, order


def isomorphisms(a: Piece, b: Piece) -> Iterator[tuple[int, ...]]:
    """All maps from the atoms of ``a`` onto those of ``b`` that keep labels and bonds; both are connected."""
    if len(a.labels) != len(b.labels) or len(a.bonds) != len(b.bonds):
        return
    near_a, near_b = a.neighbours(), b.neighbours()
    colours_a, colours_b = _colours(a, b, near_a, near_b)
    if sorted(colours_a) != sorted(colours_b):
        return
    order, parent = [0], {0: -1}
    for atom in order:
        for other in near_a[atom]:
            if other not in parent:
                parent[other] = atom
                order.append(other)
    image: dict[int, int] = {}

    def extend(depth: int) -> Iterator[tuple[int, ...]]:
        if depth == len(order):
            yield tuple(image[i] for i in range(len(order)))
            return
        atom = order[depth]
        options = range(len(b.labels)) if depth == 0 else near_b[image[parent[atom]]]
        taken = set(image.values())
        for option in options:
            if option in taken or colours_a[atom] != colours_b[option]:
                continue
            if all(near_b[option].get(image[o]) == t for o, t in near_a[atom].items() if o in image):
                image[atom] = option
                yield from extend(depth + 1)
                del image[atom]

    yield from extend(0)


def _colours(
    a: Piece, b: Piece, near_a: list[dict[int, int]], near_b: list[dict[int, int]]
) -> tuple[list[int], list[int]]:
    """A number per atom, equal for all that an isomorphism may take into each other, to prune the search.

    Labels, then those of the neighbours as well, until no more atoms are told apart (Weisfeiler and Leman 1968).
    """
    numbers: dict[object, int] = {}
    colours = [[numbers.setdefault(label, len(numbers)) for label in piece.labels] for piece in (a, b)]
    while True:
        finer: dict[object, int] = {}
        following = [
            [
                finer.setdefault((here[i], *sorted((kind, here[o]) for o, kind in near[i].items())), len(finer))
                for i in range(len(here))
            ]
            for here, near in zip(colours, (near_a, near_b), strict=True)
        ]
        if len(finer) == len(numbers):
            return colours[0], colours[1]
        colours, numbers = following, finer


def _components(n: int, bonds: list[tuple[int, int, int]]) -> Iterator[tuple[list[int], list[tuple[int, int, int]]]]:
    """Connected groups of atoms (ascending) and the bonds inside each."""
    root = list(range(n))
    for i, j, _ in bonds:
        while root[i] != i:
            i = root[i]
        while root[j] != j:
            j = root[j]
        root[max(i, j)] = min(i, j)
    members: dict[int, list[int]] = {}
    for atom in range(n):
        top = atom
        while root[top] != top:
            top = root[top]
        root[atom] = top
        members.setdefault(top, []).append(atom)
    inside: dict[int, list[tuple[int, int, int]]] = {}
    for bond in bonds:
        inside.setdefault(root[bond[0]], []).append(bond)
    for top, atoms in members.items():
        yield atoms, inside.get(top, [])
