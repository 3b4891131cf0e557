"""What finishing a molecule costs on one core: assembly, canonical SMILES, symmetry terms, one decomposition.

    OMP_NUM_THREADS=1 python benchmarks/symmetry.py [vocabulary] [molecules]

Random trees of 1 to 9 fragments of the shipped vocabulary (35 heavy atoms on average), every molecule once.
"""

import sys
import time

import numpy as np
from rdkit import Chem

from molgfn.chemistry.fragments.assembly import Assembler
from molgfn.chemistry.fragments.vocabulary import Vocabulary
from molgfn.chemistry.trees.symmetry import MoleculeSymmetry, TreeSymmetry

SIZE = 9


def random_trees(vocabulary, n, rng):
    """Uniform random growth; kinds [n, SIZE] and joins [n, SIZE - 1, 4]."""
    kinds, joins = np.full((n, SIZE), -1), np.full((n, SIZE - 1, 4), -1)
    for tree in range(n):
        kinds[tree, 0] = kind = rng.integers(len(vocabulary))
        free = [(0, p) for p in range(len(vocabulary[kind].points))]
        for node in range(1, rng.integers(1, SIZE + 1)):
            if not free:
                break
            u, p = free.pop(rng.integers(len(free)))
            kind = rng.integers(len(vocabulary))
            q = rng.integers(len(vocabulary[kind].points))
            kinds[tree, node], joins[tree, node - 1] = kind, (u, p, node, q)
            free += [(node, r) for r in range(len(vocabulary[kind].points)) if r != q]
    return kinds, joins


def clock(name, n, function):
    start = time.perf_counter()
    result = function()
    seconds = time.perf_counter() - start
    print(f"{name:34s} {n / seconds:9,.0f} molecules/s  {1e3 * seconds / n:7.3f} ms each")
    return result


def main():
    vocabulary = Vocabulary.load(sys.argv[1] if len(sys.argv) > 1 else "rdkit")
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    kinds, joins = random_trees(vocabulary, n, np.random.default_rng(0))
    assembler, trees = Assembler(vocabulary), TreeSymmetry(vocabulary)
    symmetry = MoleculeSymmetry(vocabulary, max_fragments=SIZE)
    molecules = clock("assembly with canonical SMILES", n, lambda: assembler.molecules(kinds, joins))
    mols = [m.mol for m in molecules if m.mol is not None]
    clock("  of which canonical SMILES", len(mols), lambda: [Chem.MolToSmiles(m) for m in mols])
    clock("log c(t) of trees", n, lambda: trees.log_symmetry(kinds, joins))
    clock("keys of trees", n, lambda: trees.keys(kinds, joins))
    terms = clock("log C(x) of molecules", len(mols), lambda: [symmetry.log_symmetry(m) for m in mols])
    rng = np.random.default_rng(0)
    clock("one random decomposition", len(mols), lambda: [symmetry.decomposer.decompose(m, rng) for m in mols])
    atoms = np.mean([m.GetNumAtoms() for m in mols])
    print(
        f"{vocabulary}; {len(mols)} of {n} valid, {atoms:.1f} heavy atoms; "
        f"log C from {min(terms):.2f} to {max(terms):.2f}"
    )


if __name__ == "__main__":
    main()
