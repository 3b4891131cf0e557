"""Predicted ADMET properties: absorption, distribution, metabolism, excretion, toxicity."""

from __future__ import annotations

import difflib
import importlib
import io
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from rdkit import Chem

from molgfn.chemistry.molecules import Molecule
from molgfn.errors import ConfigError, DataError
from molgfn.oracles.base import Oracle

_INSTALL = "pip install -c constraints.txt '.[admet]' (in the clone)"
#: endpoints that are probabilities
CLASSIFICATION = [
    "AMES",
    "BBB_Martins",
    "Bioavailability_Ma",
    "CYP1A2_Veith",
    "CYP2C19_Veith",
    "CYP2C9_Substrate_CarbonMangels",
    "CYP2C9_Veith",
    "CYP2D6_Substrate_CarbonMangels",
    "CYP2D6_Veith",
    "CYP3A4_Substrate_CarbonMangels",
    "CYP3A4_Veith",
    "Carcinogens_Lagunin",
    "ClinTox",
    "DILI",
    "HIA_Hou",
    "NR-AR",
    "NR-AR-LBD",
    "NR-AhR",
    "NR-Aromatase",
    "NR-ER",
    "NR-ER-LBD",
    "NR-PPAR-gamma",
    "PAMPA_NCATS",
    "Pgp_Broccatelli",
    "SR-ARE",
    "SR-ATAD5",
    "SR-HSE",
    "SR-MMP",
    "SR-p53",
    "Skin_Reaction",
    "hERG",
]
#: endpoints that are quantities, and their units
REGRESSION = {
    "Caco2_Wang": "log10(10^-6 cm/s)",
    "Clearance_Hepatocyte_AZ": "uL/min/10^6 cells",
    "Clearance_Microsome_AZ": "uL/min/mg",
    "Half_Life_Obach": "h",
    "HydrationFreeEnergy_FreeSolv": "kcal/mol",
    "LD50_Zhu": "log10(kg/mol)",
    "Lipophilicity_AstraZeneca": "log10(ratio)",
    "PPBR_AZ": "%",
    "Solubility_AqSolDB": "log10(mol/L)",
    "VDss_Lombardo": "L/kg",
}
ENDPOINTS = (*CLASSIFICATION, *REGRESSION)
#: the classes of which objects may be in its model files, beside tensors and plain data
CLASSES = (
    "chemprop.nn.agg.NormAggregation",
    "chemprop.nn.message_passing.base.BondMessagePassing",
    "chemprop.nn.metrics.BinaryAUPRC",
    "chemprop.nn.metrics.BinaryAUROC",
    "chemprop.nn.metrics.MAE",
    "chemprop.nn.metrics.R2Score",
    "chemprop.nn.predictors.BinaryClassificationFFN",
    "chemprop.nn.predictors.RegressionFFN",
    "chemprop.nn.transforms.GraphTransform",
    "chemprop.nn.transforms.UnscaleTransform",
    "torch.nn.modules.activation.ReLU",
    "torch.nn.modules.linear.Identity",
    "torchmetrics.metric.jit_distributed_available",
    "torchmetrics.utilities.data.dim_zero_cat",
    "torchmetrics.utilities.data.dim_zero_sum",
)
#: mappings that torch reads as plain ones
MAPPINGS = ("lightning.fabric.utilities.data.AttributeDict",)
#: far outside of what the models were trained on, so that only nonsense is refused
WIDE = (-1e5, 1e5)
#: molecules per forward pass, to bound memory
CHUNK = 128


class ADMET(Oracle):
    """One of ADMET-AI's 41 endpoints: the mean of five graph networks trained on the Therapeutics Data Commons.

    Classification endpoints are probabilities in [0, 1]; regression endpoints are in the units of their data set and
    may leave its physical limits (a negative half-life, say). Their names are those of ``admet_ai``. Needs
    ``pip install -c constraints.txt '.[admet]'`` (in the clone); the models (13 MB) come with it. Endpoints of one kind
    share the networks and the last batch's answer, so a second one costs nothing. Equal to ``admet_ai.ADMETModel`` up
    to float32 rounding.

    Args:
        endpoint: which one.
        direction: which way is better; hERG is a toxicity, so less is.

    Raises:
        ConfigError: there is no such endpoint, or admet-ai is not installed.

    Reference:
        Swanson et al., "ADMET-AI", Bioinformatics 40, btae416 (2024), doi:10.1093/bioinformatics/btae416.
    """

    name: ClassVar[str] = "admet"
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    direction: ClassVar[Literal["maximise", "minimise"]] = "minimise"
    source: ClassVar[str] = "admet-ai 2.0; Swanson et al. 2024, doi:10.1093/bioinformatics/btae416"

    def __init__(self, *, endpoint: str = "hERG", direction: Literal["maximise", "minimise"] = "minimise") -> None:
        if endpoint not in ENDPOINTS:
            raise ConfigError(f"endpoint: admet-ai has no `{endpoint}`{_nearest(endpoint)}")
        self.endpoint = endpoint
        self.direction = direction  # type: ignore[misc]
        kind = "admet_regression" if endpoint in REGRESSION else "admet_classification"
        self.range = WIDE if endpoint in REGRESSION else (0.0, 1.0)  # type: ignore[misc]
        self.units = REGRESSION.get(endpoint, "1")  # type: ignore[misc]
        self._folder = _models() / kind

    @cached_property
    def _ensemble(self) -> _Ensemble:
        return _ensemble(self._folder)

    def prepare(self) -> None:
        """Load the networks."""
        if self.endpoint not in self._ensemble.columns:
            raise ConfigError(f"endpoint: the installed admet-ai has no `{self.endpoint}`; molgfn knows version 2.0")

    def values(self, objects: Sequence[Molecule]) -> np.ndarray:
        """Prediction for each molecule, float64 [B]."""
        self.prepare()
        return self._ensemble.predict(objects)[:, self._ensemble.columns.index(self.endpoint)].copy()


class _Ensemble:
    """The five networks of one kind; each predicts all endpoints of the kind at once.

    Attributes:
        columns: names of the endpoints, in order.
    """

    def __init__(self, folder: Path) -> None:
        paths = sorted(folder.glob("*.pt"))
        if not paths:
            raise ConfigError(f"admet: the installed admet-ai has no models in {folder}; molgfn knows version 2.0")
        import torch  # here, so that the module itself is quickly imported

        self._torch = torch
        models = importlib.import_module("chemprop.models")
        files = [(path, path.read_bytes()) for path in paths]
        contents = [_plain(path, data) for path, data in files]
        self.columns: list[str] = contents[0]["output_columns"]
        # chemprop reads a pickle as it is; these bytes have just been found to hold nothing but what is expected
        self._models = [models.load_model(io.BytesIO(data), multicomponent=False).eval() for _, data in files]
        self._graph = importlib.import_module("chemprop.featurizers").SimpleMoleculeMolGraphFeaturizer()
        self._batch = importlib.import_module("chemprop.data").BatchMolGraph
        self._last: tuple[tuple[str, ...], np.ndarray] = ((), np.zeros((0, len(self.columns))))

    def predict(self, molecules: Sequence[Molecule]) -> np.ndarray:
        """All endpoints of each molecule, float64 [B, E]."""
        key = tuple(m.smiles for m in molecules)
        if key != self._last[0]:
            rows = [self._forward([m.mol for m in molecules[i : i + CHUNK]]) for i in range(0, len(key), CHUNK)]
            self._last = (key, np.concatenate(rows) if rows else np.zeros((0, len(self.columns))))
        return self._last[1]

    def _forward(self, mols: list[Chem.Mol | None]) -> np.ndarray:
        graph = self._batch([self._graph(mol) for mol in mols])
        with self._torch.inference_mode():
            return self._torch.stack([model(graph) for model in self._models]).mean(dim=0).double().numpy()


def _plain(path: Path, data: bytes) -> dict[str, Any]:
    """The content of a model file, read without running code: tensors, plain data, and objects of ``CLASSES``.

    Raises:
        DataError: there is something else in it.
    """
    import torch

    places = [(name, *name.rsplit(".", 1)) for name in CLASSES]
    allowed: list[Any] = [(getattr(importlib.import_module(module), last), name) for name, module, last in places]
    allowed += [(OrderedDict, name) for name in MAPPINGS]
    try:
        with torch.serialization.safe_globals(allowed):
            return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise DataError(f"{path}: not a model of admet-ai 2.0, or a changed one; it was not run ({lines[0]})") from None


@lru_cache(maxsize=2)
def _ensemble(folder: Path) -> _Ensemble:
    """The networks of one kind, shared by all oracles of the process."""
    try:
        return _Ensemble(folder)
    except ImportError as error:
        raise ConfigError(f"admet: chemprop cannot be imported ({error}): {_INSTALL}") from error


def _models() -> Path:
    """Where admet-ai keeps its networks. Importing it, or chemprop, takes seconds and is not needed for that."""
    found = find_spec("admet_ai")
    if found is None or not found.submodule_search_locations or find_spec("chemprop") is None:
        raise ConfigError(f"admet: needs admet-ai and chemprop: {_INSTALL}")
    return Path(next(iter(found.submodule_search_locations))) / "resources" / "models"


def _nearest(word: str) -> str:
    """The nearest names, without case; all of them where none is near."""
    lowered = {name.lower(): name for name in ENDPOINTS}
    near = difflib.get_close_matches(word.lower(), lowered, 3, cutoff=0.5)
    near = near or [low for low in lowered if word.lower() in low]
    if near:
        return f"; did you mean {' or '.join(f'`{lowered[n]}`' for n in near)}?"
    return f"; there is {', '.join(ENDPOINTS)}"
