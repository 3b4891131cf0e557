"""How alike shapes are: heavy-atom RMSD up to symmetry, clusters, and coverage of a reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdMolAlign

#: automorphisms that are tried for one pair; more are rare and cost as many alignments
MOST_MATCHES = 1000


def best_rmsd(mols: Sequence[Chem.Mol], others: Sequence[Chem.Mol]) -> np.ndarray:
    """RMSD of heavy atoms after the best alignment over all automorphisms of the graph, angstrom [n, m].

    RDKit's ``GetBestRMS``. 20 microseconds a pair without symmetry.

    Args:
        mols: shapes of one molecule, each with one conformer.
        others: further shapes of the same molecule.
    """
    left, right = [Chem.RemoveHs(mol) for mol in mols], [Chem.RemoveHs(mol) for mol in others]
    if not left or not right:
        return np.zeros((len(left), len(right)))
    matches = right[0].GetSubstructMatches(left[0], uniquify=False, maxMatches=MOST_MATCHES)
    maps = [list(enumerate(match)) for match in matches]
    out = np.empty((len(left), len(right)))
    for row, one in enumerate(left):
        for column, other in enumerate(right):
            out[row, column] = rdMolAlign.GetBestRMS(one, other, map=maps)
    return out


def clusters(mols: Sequence[Chem.Mol], order: Sequence[int], *, within: float = 0.5) -> np.ndarray:
    """The cluster of each shape, int64 [B], from 0 on, in the order in which their first members come.

    Taken one after the other, a shape that is no more than ``within`` from the first of a cluster joins the nearest
    such one, and begins one of its own otherwise.

    Args:
        mols: B shapes of one molecule.
        order: in which they are taken, a permutation, such as by energy: then the first of each cluster is its lowest.
        within: angstrom of ``best_rmsd``.
    """
    out = np.full(len(mols), -1, dtype=np.int64)
    firsts: list[Chem.Mol] = []
    for row in order:
        apart = best_rmsd([mols[row]], firsts)[0]
        if len(apart) and apart.min() <= within:
            out[row] = int(apart.argmin())
        else:
            out[row] = len(firsts)
            firsts.append(mols[row])
    return out


@dataclass(frozen=True)
class Coverage:
    """How sampled shapes cover reference shapes (Ganea et al. 2021, arXiv 2106.07802).

    Attributes:
        recall: share of the reference shapes with a sample within the threshold (COV-R), in [0, 1].
        recall_rmsd: mean over reference shapes of the RMSD to the nearest sample, angstrom (MAT-R).
        precision: share of the samples with a reference shape within the threshold (COV-P).
        precision_rmsd: mean over samples of the RMSD to the nearest reference shape, angstrom (MAT-P).
    """

    recall: float
    recall_rmsd: float
    precision: float
    precision_rmsd: float


def coverage(reference: Sequence[Chem.Mol], samples: Sequence[Chem.Mol], *, threshold: float = 0.75) -> Coverage:
    """COV and MAT of samples against reference shapes of the same molecule, at least one of each.

    Args:
        reference: shapes with one conformer each.
        samples: usually twice as many.
        threshold: angstrom; published ones are .5 for GEOM-QM9, .75 and 1.25 for GEOM-DRUGS.
    """
    apart = best_rmsd(reference, samples)
    near, nearest = apart.min(1), apart.min(0)
    return Coverage(
        recall=float((near <= threshold).mean()),
        recall_rmsd=float(near.mean()),
        precision=float((nearest <= threshold).mean()),
        precision_rmsd=float(nearest.mean()),
    )
