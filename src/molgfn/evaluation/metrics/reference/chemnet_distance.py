"""How like the reference the molecules are to a network that has learned chemistry and biology."""

from __future__ import annotations

import importlib
import warnings
from typing import ClassVar

import numpy as np
from scipy import linalg

from molgfn.evaluation.metrics.base import Metric, Reading, Samples
from molgfn.evaluation.scales import SHARE, Scale, Scales
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MoleculeKind

#: package with the network and its weights, and the extra that has it
PACKAGE, EXTRA = "fcd_torch", "fcd"
#: numbers that the network makes of a molecule; fewer molecules have a covariance of lower rank
FEATURES = 512


class ChemNetDistance(Metric):
    """FCD: Fréchet distance between the ChemNet activations (512 numbers) of the samples and of the reference, >= 0.

    Squared distance of the means plus Tr(S + T - 2 (S T)^(1/2)) of the covariances. Of unique valid molecules; n counts
    those of the samples, and the note those of the reference. The fewer there are the larger it is, by more than 1 for
    a thousand, so compare equal numbers only. ``fcd/score`` is GuacaMol's exp(-FCD / 5), in (0, 1]. Needs the
    extra ``fcd``.
    """

    name: ClassVar[str] = "fcd"
    requires: ClassVar[frozenset[str]] = frozenset({"reference_sample"})
    kinds: ClassVar[type[ObjectKind]] = MoleculeKind
    reference: ClassVar[str] = "Preuer et al., J. Chem. Inf. Model. 58 (2018), arXiv 1803.09518"
    scales: ClassVar[Scales] = {"fcd": Scale("minimise", best=0.0), "fcd/score": SHARE}

    def __call__(self, samples: Samples) -> dict[str, Reading]:
        known = samples.reference_sample
        n, m = len(samples.unique), 0 if known is None else len(known.unique)
        if known is None or min(n, m) < 2:
            return {self.name: Reading.missing(f"needs two different molecules on both sides, has {n} and {m}")}
        try:
            package = importlib.import_module(PACKAGE)
        except ImportError:
            return {
                self.name: Reading.missing(
                    f"{PACKAGE} is not installed: pip install -c constraints.txt '.[{EXTRA}]' (in the clone)"
                )
            }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of functions of other packages that it uses
            network = package.FCD(device="cpu", n_jobs=1)
            ours, theirs = (
                np.asarray(network.get_predictions([part.keys[i] for i in np.sort(part.unique)]), dtype=np.float64)
                for part in (samples, known)
            )
        distance = frechet_distance(ours, theirs)
        note = f"against {m:,} molecules of the reference"
        if min(n, m) <= FEATURES:
            note += f"; {FEATURES} numbers of so few molecules have a covariance that is not of full rank"
        return {
            self.name: Reading(distance, count=n, note=note),
            f"{self.name}/score": Reading(float(np.exp(-0.2 * distance)), count=n),
        }


def frechet_distance(x: np.ndarray, y: np.ndarray) -> float:
    """Fréchet distance (squared Wasserstein-2) of the Gaussians with the means and covariances of the rows, >= 0.

    Args:
        x: float64 [n, F], n >= 2.
        y: float64 [m, F], m >= 2.
    """
    s, t = (np.atleast_2d(np.cov(part, rowvar=False)) for part in (x, y))
    # Tr (S T)^(1/2) is that of the symmetric S^(1/2) T S^(1/2), whose eigenvalues are real and not negative
    values, vectors = linalg.eigh(s)
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    cross = np.sqrt(linalg.eigvalsh(root @ t @ root).clip(min=0)).sum()
    apart = x.mean(0) - y.mean(0)
    return max(float(apart @ apart + np.trace(s) + np.trace(t) - 2 * cross), 0.0)
