from collections import defaultdict
from dataclasses import dataclass, field
from math import perm

import numpy as np
import pytest
from rdkit import Chem

from molgfn.chemistry.fragments.fragment import Fragment
from molgfn.chemistry.fragments.vocabulary import Vocabulary


@dataclass
class Tree:
    kinds: list[int]
    joins: list[tuple[int, int, int, int]] = field(default_factory=list)

    @property
    def used(self):
        return {end for u, p, v, q in self.joins for end in ((u, p), (v, q))}


class BruteForce:
    """Every tree of a small vocabulary up to a size, c(t) = product of N_F / N_B, by RDKit and counting alone."""

    def __init__(self, fragments, size, scaffold=None):
        self.fragments = [Fragment(s, tuple(p)) for s, p in fragments]
        self.vocabulary = Vocabulary(self.fragments)
        self.n_kinds = len(self.fragments)
        self.scaffold = Fragment(scaffold[0], tuple(scaffold[1])) if scaffold else None
        if self.scaffold:
            self.fragments.append(self.scaffold)
        first = [self.n_kinds] if scaffold else range(self.n_kinds)
        self.trees: dict[str, Tree] = {self.key(t): t for t in (Tree([k]) for k in first)}
        self.c = dict.fromkeys(self.trees, 1.0)
        layer = dict(self.trees)
        for _ in range(size - 1):
            forward, following = defaultdict(lambda: defaultdict(int)), {}
            for s, tree in layer.items():
                for child in self.children(tree):
                    key = self.key(child)
                    forward[s][key] += 1
                    following.setdefault(key, child)
            for key, tree in following.items():
                backward = defaultdict(int)
                for parent in self.parents(tree):
                    backward[self.key(parent)] += 1
                values = [self.c[s] * forward[s][key] / backward[s] for s in backward]
                assert max(values) == pytest.approx(min(values), rel=1e-12)  # the same along every path
                self.c[key] = values[0]
            layer = following
            self.trees.update(following)

    def children(self, tree):
        for u, kind in enumerate(tree.kinds):
            for p in range(len(self.fragments[kind].points)):
                if (u, p) in tree.used:
                    continue
                for k in range(self.n_kinds):
                    for q in range(len(self.fragments[k].points)):
                        yield Tree([*tree.kinds, k], [*tree.joins, (u, p, len(tree.kinds), q)])

    def parents(self, tree):
        n = len(tree.kinds)
        for leaf in range(n):
            if tree.kinds[leaf] == self.n_kinds or sum(leaf in (u, v) for u, _, v, _ in tree.joins) != 1:
                continue
            new = {i: j for j, i in enumerate(i for i in range(n) if i != leaf)}
            joins = [(new[u], p, new[v], q) for u, p, v, q in tree.joins if leaf not in (u, v)]
            yield Tree([k for i, k in enumerate(tree.kinds) if i != leaf], joins)

    def key(self, tree):
        """Canonical SMILES of the tree with kinds and points as isotopes and a xenon on every join."""
        mol, offsets = Chem.RWMol(), []
        for kind in tree.kinds:
            fragment = Chem.RWMol(self.fragments[kind].mol())
            for atom in fragment.GetAtoms():
                atom.SetIsotope(10 * (kind + 1) + self.fragments[kind].points.count(atom.GetIdx()))
                atom.SetNoImplicit(True)
            offsets.append(mol.GetNumAtoms())
            mol.InsertMol(fragment)
        for u, p, v, q in tree.joins:
            xenon = mol.AddAtom(Chem.Atom(54))
            mol.GetAtomWithIdx(xenon).SetNoImplicit(True)
            for node, point in ((u, p), (v, q)):
                atom = offsets[node] + self.fragments[tree.kinds[node]].points[point]
                mol.AddBond(atom, xenon, Chem.BondType.SINGLE)
        return Chem.MolToSmiles(mol)

    def open_points(self, tree):
        return sum(len(self.fragments[k].points) for k in tree.kinds) - 2 * len(tree.joins)

    def arrays(self, size):
        return as_arrays([(t.kinds, t.joins) for t in self.trees.values()], size)


def as_arrays(trees, size):
    """Padded kinds [B, size] and joins [B, size - 1, 4]."""
    kinds = np.full((len(trees), size), -1, dtype=np.int64)
    joins = np.full((len(trees), size - 1, 4), -1, dtype=np.int64)
    for i, (nodes, rows) in enumerate(trees):
        kinds[i, : len(nodes)] = nodes
        if rows:
            joins[i, : len(rows)] = rows
    return kinds, joins


def random_trees(vocabulary, n, size, seed):
    """``n`` random trees of 1 to ``size`` fragments, padded."""
    rng = np.random.default_rng(seed)
    trees = []
    for _ in range(n):
        nodes = [int(rng.integers(len(vocabulary)))]
        rows = []
        free = [(0, p) for p in range(len(vocabulary[nodes[0]].points))]
        for node in range(1, int(rng.integers(1, size + 1))):
            kind = int(rng.integers(len(vocabulary)))
            if not free or not vocabulary[kind].points:
                break
            u, p = free.pop(int(rng.integers(len(free))))
            q = int(rng.integers(len(vocabulary[kind].points)))
            nodes.append(kind)
            rows.append((u, p, node, q))
            free += [(node, r) for r in range(len(vocabulary[kind].points)) if r != q]
        trees.append((nodes, rows))
    return as_arrays(trees, size)


def shuffled(kinds, joins, rng):
    """The same tree (no batch dimension) with its nodes in another order and its joins written the other way round."""
    n = int((kinds >= 0).sum())
    order = rng.permutation(n)
    kinds, joins = kinds.copy(), joins.copy()
    kinds[order] = kinds[:n].copy()
    rows = joins[: n - 1]
    rows[:, 0], rows[:, 2] = order[rows[:, 0]], order[rows[:, 2]]
    flip = rng.random(n - 1) < 0.5
    rows[flip] = rows[flip][:, [2, 3, 0, 1]]
    joins[: n - 1] = rows[rng.permutation(n - 1)]
    return kinds, joins


def placements(pattern, types, molecule):
    """Every way to lay a pattern on a molecule (both with their rigid trees), listed one by one.

    Yields:
        [(node of the molecule, symmetry)] for each node of the pattern from a root outwards, and the number of ways to
        choose points for the cut bonds.
    """
    bonds = molecule.bonds
    steps, place = [(0, -1, -1, -1)], {0: 0}  # node, parent's place, its site, own site
    for node, *_ in steps:
        for site, ends in pattern.bonds[node].items():
            for other, other_site in ends:
                if other not in place:
                    place[other] = len(steps)
                    steps.append((other, place[node], site, other_site))

    def ways(node, target, symmetry):
        product = 1
        for site, atom in enumerate(pattern.atoms[node]):
            inner = len(pattern.bonds[node].get(site, ()))
            product *= perm(
                pattern.points.count(atom), max(cuts := len(bonds[target].get(symmetry[site], ())) - inner, 0)
            )
            product *= cuts >= 0
        return product

    def extend(placed, number):
        if len(placed) == len(steps):
            yield placed, number
            return
        node, before, site, own = steps[len(placed)]
        if before < 0:
            options = [(target, -1) for target in range(len(bonds))]
        else:
            target, symmetry = placed[before]
            options = bonds[target].get(symmetry[site], ())
        for target, end in options:
            if molecule.tree.types[target] != pattern.types[node] or any(target == taken for taken, _ in placed):
                continue
            for symmetry in types.nodes[pattern.types[node]].symmetries:
                if (end < 0 or symmetry[own] == end) and (more := ways(node, target, symmetry)):
                    yield from extend([*placed, (target, symmetry)], number * more)

    yield from extend([], 1)


@pytest.fixture(scope="session")
def tools():
    """Helpers for trees of fragments, as a namespace."""

    class Tools:
        pass

    for helper in (BruteForce, as_arrays, random_trees, shuffled, placements):
        setattr(Tools, helper.__name__, staticmethod(helper))
    return Tools


@pytest.fixture(scope="session")
def shipped():
    return Vocabulary.load("rdkit_untyped")
