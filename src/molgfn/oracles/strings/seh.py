"""String sEH: six molecular blocks in a row, with the binding to soluble epoxide hydrolase that trees predict."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from molgfn import downloads
from molgfn.chemistry.models.array_pickle import read_pickle
from molgfn.chemistry.models.boosted_trees import BoostedTrees
from molgfn.chemistry.models.sklearn_arrays import STAND_INS, boosted_arrays
from molgfn.downloads import Download
from molgfn.errors import DataError
from molgfn.objects.base import ObjectKind
from molgfn.objects.string import STRING
from molgfn.objects.string_tasks import STRING_TASKS
from molgfn.oracles.base import Oracle
from molgfn.paths import InputFile

TREES = Download(
    name="sehstr_gbtr.pkl",
    url="https://raw.githubusercontent.com/maxwshen/gflownet/4203ec0478ff791c2447d4f7b792e5c3dc02851d"
    "/datasets/sehstr/sehstr_gbtr.pkl",
    sha256="ff89f982cac43f76adf2d73113f5a0f30d44d8946756f71bf45cb5023033e91e",
    size=339_507,
    what="boosted trees that predict the sEH proxy of six blocks in a row",
    source="Shen et al. 2023, arXiv 2305.07170",
    licence="MIT",
)
ALPHABET, LENGTH = STRING_TASKS["seh"]


class SEHStrings(Oracle):
    """Binding to soluble epoxide hydrolase of six molecular blocks in a row, predicted by trees; more is better.

    Symbols 0 to h are the authors' 18 blocks. The trees were fitted to the sEH proxy's values of all 34,012,224 strings
    (Pearson .90). The usual reward is R = max(value, 1e-3)^6, its largest value 10 (arXiv 2305.07170).

    Args:
        weights: pickle of the published trees, if you have it; null: fetched once, .3 MB.

    Raises:
        DataError: the trees cannot be fetched or read.

    Reference:
        Shen et al., "Towards understanding and improving GFlowNet training", ICML 2023, arXiv 2305.07170.
    """

    kind: ClassVar[ObjectKind] = STRING
    name: ClassVar[str] = "seh_strings"
    range: ClassVar[tuple[float, float]] = (float("-inf"), float("inf"))
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    source: ClassVar[str] = "trees of Shen et al. 2023, arXiv 2305.07170"

    def __init__(self, *, weights: InputFile | None = None) -> None:
        self.weights = weights
        self.alphabet, self.length = ALPHABET, LENGTH
        path = downloads.fetch(TREES, path=weights)
        arrays = boosted_arrays(read_pickle(path.read_bytes(), str(path), STAND_INS), str(path))
        self.trees = BoostedTrees(**arrays, bits=len(ALPHABET) * LENGTH, where=str(path))
        self._place = {symbol: i for i, symbol in enumerate(ALPHABET)}

    @property
    def files(self) -> tuple[Path, ...]:
        return () if self.weights is None else (Path(self.weights),)

    def values(self, objects: Sequence[Any]) -> np.ndarray:
        """Predicted proxy value of each string, float64 [B]."""
        for text in objects:
            if not isinstance(text, str) or len(text) != LENGTH or not set(text) <= self._place.keys():
                raise DataError(f"oracle seh_strings: {text!r} is not a string of {LENGTH} symbols of '{ALPHABET}'")
        places = np.array([[self._place[s] for s in text] for text in objects], dtype=np.int64).reshape(-1, LENGTH)
        return self.of_places(places)

    def of_places(self, places: np.ndarray) -> np.ndarray:
        """The same, of places in the alphabet, integers [B, 6]."""
        return self.trees.predict((places[:, :, None] == np.arange(len(ALPHABET))).reshape(len(places), -1))
