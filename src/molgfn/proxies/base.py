"""The contract of a fitted proxy, whatever its uncertainty comes from, and what all of them say of themselves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import ConfigDict, Field, with_config
from rdkit import Chem
from scipy.special import expit

from molgfn.docstrings import attributes_in_docstring
from molgfn.proxies.classes.labels import Task
from molgfn.proxies.classes.metrics import ClassMetrics
from molgfn.proxies.files import FORMAT, KEY, read, write
from molgfn.proxies.metrics import Metrics
from molgfn.proxies.neighbours import Neighbours
from molgfn.proxies.pairs.metrics import PairMetrics

#: where the uncertainty of a proxy comes from
Uncertainty = Literal["ensemble", "mc_dropout", "gflowout", "gp"]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, kw_only=True)
class Card:
    """Everything about a proxy but its weights.

    Attributes:
        property: what it predicts, the name of the column of numbers.
        direction: which way of the property is better.
        units: of the property, "1" for none.
        mean: of the property over the training molecules; 0 of labels.
        scale: its standard deviation there; 1 of labels.
        low: least value among all molecules of the table.
        high: largest one.
        std_factor: what the raw standard deviation is multiplied by, from the validation part; 1 of labels.
        features: version of the featurisation (``proxies.features.VERSION``).
        metrics: part -> its metrics; none where it was fitted to pairs or labels.
        settings: how it was split and trained.
        data: which file, its sha256, and what became of its rows.
        made_by: version of molgfn.
        pairs: part -> metrics of its judgements; none where it was fitted to numbers or labels.
        task: whether it was fitted to numbers (or pairs), or to labels.
        classes: part -> metrics of its labels; none where it was fitted to anything else.
    """

    property: str
    direction: Literal["maximise", "minimise"]
    units: str
    mean: float
    scale: Positive
    low: float
    high: float
    std_factor: Positive
    features: int
    metrics: dict[str, Metrics]
    settings: dict[str, Any]
    data: dict[str, Any]
    made_by: str
    pairs: dict[str, PairMetrics] = field(default_factory=dict)
    task: Task = "regression"
    classes: dict[str, ClassMetrics] = field(default_factory=dict)

    def stated(self, outputs: np.ndarray) -> np.ndarray:
        """Outputs of networks in units of the property; of labels, whose log odds they are, the probability of 1."""
        return expit(outputs) if self.task == "classification" else outputs * self.scale + self.mean


def of_label(probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of labels that are 1 with these probabilities [B], float64 [B] each."""
    return probability, np.sqrt(probability * (1 - probability))


@attributes_in_docstring
class FittedProxy(ABC):
    """A proxy that ``molgfn proxy fit`` made: predictions in units of the property, and how sure it is of them.

    Letters: S posterior members (networks of an ensemble, masks of one network, draws of a process), B molecules.
    """

    #: where its uncertainty comes from
    uncertainty: ClassVar[Uncertainty]

    #: what it is
    card: Card
    #: fingerprints of the molecules that it was trained on; None where they were not kept
    training: Neighbours | None

    @abstractmethod
    def members(self, mols: Sequence[Chem.Mol]) -> np.ndarray:
        """Prediction of each posterior member for each molecule, in units of the property, float64 [S, B]; of labels
        the probability of 1.

        Without the noise of a measurement, and not calibrated. Row s is one function of the molecules, so that the
        columns are jointly distributed as the proxy believes the property to be.
        """

    @abstractmethod
    def latent(self, mols: Sequence[Chem.Mol]) -> tuple[np.ndarray, np.ndarray]:
        """Mean and calibrated standard deviation of the property without noise, float64 [B] each; of labels those of
        the probability of 1 over the members.
        """

    @abstractmethod
    def predict(self, mols: Sequence[Chem.Mol]) -> tuple[np.ndarray, np.ndarray]:
        """Mean and calibrated standard deviation of a measurement, float64 [B] each; of a label p and the root of
        p (1 - p).
        """

    @abstractmethod
    def describe(self) -> str:
        """What it is made of, in a few words."""

    @abstractmethod
    def _plain(self) -> dict[str, Any]:
        """Weights and whatever else goes into the file: plain data and tensors."""

    @classmethod
    @abstractmethod
    def of(cls, path: Path, content: dict[str, Any]) -> Self:
        """The proxy in what was read from the file at ``path``."""

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a proxy of this kind; nothing in the file is run. ``proxies.loading.load`` reads those of every kind.

        Raises:
            DataError: no such file, not a proxy, damaged, of another version, or with weights that do not fit.
        """
        return cls.of(Path(path), read(Path(path)))

    def save(self, path: str | Path) -> None:
        """Write the whole proxy as one file of plain data and tensors, all of it or nothing."""
        head = {"format": FORMAT, **asdict(self.card)}
        if self.uncertainty != "ensemble":  # files of ensembles are as they were
            head["uncertainty"] = self.uncertainty
        if not head["pairs"]:  # files of tables are as they were
            del head["pairs"]
        if self.card.task == "regression":  # likewise
            del head["task"], head["classes"]
        content: dict[str, Any] = {KEY: head, **self._plain()}
        if self.training is not None:
            content["training"] = self.training.plain()
        write(Path(path), content)
