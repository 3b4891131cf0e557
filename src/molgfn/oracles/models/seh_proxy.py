"""sEH proxy: predicted binding to soluble epoxide hydrolase."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch

from molgfn import downloads
from molgfn.chemistry.models.array_pickle import read_arrays
from molgfn.chemistry.models.seh_features import proxy_graphs
from molgfn.chemistry.molecules import Molecule
from molgfn.downloads import Download
from molgfn.errors import DataError
from molgfn.networks.seh_proxy import SEHProxyNetwork
from molgfn.oracles.base import Oracle
from molgfn.paths import InputFile

WEIGHTS = Download(
    name="seh_proxy_weights.pkl.gz",
    url="https://raw.githubusercontent.com/GFNOrg/gflownet/45dd2f90dbd4f433718eddde573010b225585a4c"
    "/mols/data/pretrained_proxy/best_params.pkl.gz",
    sha256="f76ab480b62e23dda04fd45fefe0e7ae2374b3f8c3f18fb7e00651cad05b9e1f",
    size=2_597_445,
    what="weights of the sEH proxy",
    source="Bengio et al. 2021, arXiv 2106.04399",
    licence="MIT",
)
#: atoms that go through the network at once: enough for fast products, little enough for the cache
CHUNK = 4096


class SEHProxy(Oracle):
    """Binding to soluble epoxide hydrolase (sEH), predicted by a network trained on AutoDock docking scores.

    The value is the network's raw output, typically between 0 and 8, unbounded in principle; higher is better. The
    usual task's reward is R = clip(value / 8, 1e-4, 100)^beta: ``reward=power reward.scale=8``. No value (NaN) for
    molecules with an element beyond barium or a bond that is not single, double, triple or aromatic.

    Args:
        weights: file of the published weights (``best_params.pkl.gz``), if you have it; null: fetched once, 2.6 MB.

    Raises:
        DataError: the weights cannot be fetched or read.

    Reference:
        Bengio et al., "Flow Network based Generative Models for Non-Iterative Diverse Candidate Generation",
        NeurIPS 2021, arXiv 2106.04399.
    """

    name: ClassVar[str] = "seh_proxy"
    range: ClassVar[tuple[float, float]] = (float("-inf"), float("inf"))
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    source: ClassVar[str] = "network and weights of Bengio et al. 2021, arXiv 2106.04399"

    def __init__(self, *, weights: InputFile | None = None) -> None:
        self.weights = weights
        path = downloads.fetch(WEIGHTS, path=weights)
        self._network = SEHProxyNetwork(read_arrays(_unzipped(path), str(path)), str(path))

    @property
    def files(self) -> tuple[Path, ...]:
        return () if self.weights is None else (Path(self.weights),)

    @torch.no_grad()
    def values(self, objects: Sequence[Molecule]) -> np.ndarray:
        """Raw proxy value of each molecule, float64 [B]; NaN where it is not defined."""
        mols = [molecule.mol for molecule in objects]
        values = np.full(len(mols), np.nan)
        start, atoms = 0, 0
        for end, mol in enumerate(mols, start=1):
            if mol is None:
                raise ValueError("sEH proxy: the molecule has no mol; only valid molecules have a value")
            atoms += mol.GetNumAtoms()
            if atoms >= CHUNK or end == len(mols):
                graphs = proxy_graphs([mol for mol in mols[start:end] if mol is not None])
                if len(graphs.rows):
                    parts = graphs.features, graphs.sizes, graphs.source, graphs.target, graphs.kind
                    values[start + graphs.rows] = self._network(*map(torch.from_numpy, parts)).numpy()
                start, atoms = end, 0
        return values


def _unzipped(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: should be {WEIGHTS.what}, a gzip file: {error}") from error
