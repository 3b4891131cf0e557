"""A proxy of your own: graph networks, or a Gaussian process, that ``molgfn proxy fit`` trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from rdkit import Chem

from molgfn.chemistry.molecules import Molecule
from molgfn.errors import ConfigError
from molgfn.oracles.base import Oracle
from molgfn.paths import InputFile


class Proxy(Oracle):
    """A property that was learned from a table: ``molgfn proxy fit data.csv --property ...``.

    The value is the mean of the prediction (``mean``), or the mean plus (``ucb``) or minus (``lcb``) ``kappa`` of its
    standard deviations, which ``fit`` scaled to be right on average on its validation molecules. What it knows of its
    uncertainty (an ensemble of networks, dropout, the posterior over dropout masks, a Gaussian process) the file says.
    Components are ``mean``, ``std`` and ``nearest_similarity``, the Tanimoto similarity (ECFP4) to the nearest
    molecule that it was trained on: where it is low, the proxy guesses. Direction and units come from the file; the
    range is unbounded, because a network says what it likes far from its data. To stay near them take the
    pessimistic bound: ``lcb`` where more is better, ``ucb`` where less is; the other one explores.

    Of a proxy of labels (``--task classification``) the value is the probability of label 1, in [0, 1], to which the
    bounds are cut; ``std`` is that of the probability over the posterior members, and two more components are the
    ``entropy`` of the label and its ``mutual_information`` with the member (BALD), in nats.

    Stereo and isotopes are not seen. float32: a value may differ in its last digits with the company of the molecule.

    Args:
        weights: the file that ``molgfn proxy fit`` wrote.
        acquisition: what the value is.
        kappa: standard deviations that ``ucb`` adds and ``lcb`` takes off.
        nearest: measure ``nearest_similarity``; without effect where ``fit`` kept no fingerprints. It takes 1 to 2 ms a
            molecule for 10,000 training molecules, less than the networks do, and goes with their number.

    Raises:
        ConfigError: no file is given.
        DataError: the file is not there, is no proxy, is damaged, or was made by another version.

    Reference:
        Lakshminarayanan et al., "Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles", NeurIPS
        2017, arXiv 1612.01474.
    """

    name: ClassVar[str] = "proxy"
    range: ClassVar[tuple[float, float]] = (float("-inf"), float("inf"))
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    source: ClassVar[str] = "what `molgfn proxy fit` trained"

    def __init__(
        self,
        *,
        weights: InputFile | None = None,
        acquisition: Literal["mean", "ucb", "lcb"] = "mean",
        kappa: Annotated[float, Field(ge=0)] = 1.0,
        nearest: bool = True,
    ) -> None:
        if weights is None:
            raise ConfigError("weights: give the file that `molgfn proxy fit` wrote, such as weights=proxy.pt")
        from molgfn.proxies.loading import load  # here, so that the module itself is quickly imported

        self._file = Path(weights)
        self.proxy = load(self._file)
        self.acquisition = acquisition
        self.kappa = kappa
        self._training = self.proxy.training if nearest else None
        self.direction = self.proxy.card.direction  # type: ignore[misc]
        self.units = self.proxy.card.units  # type: ignore[misc]
        self._of_labels = self.proxy.card.task == "classification"
        if self._of_labels:
            self.range = (0.0, 1.0)  # type: ignore[misc]

    @property
    def files(self) -> tuple[Path, ...]:
        return (self._file,)

    @property
    def component_names(self) -> tuple[str, ...]:
        told = ("mean", "std", "entropy", "mutual_information") if self._of_labels else ("mean", "std")
        return told if self._training is None else (*told, "nearest_similarity")

    def values(self, objects: Sequence[Molecule]) -> np.ndarray:
        """The acquisition value of each molecule in units of the property, or a probability, float64 [B]."""
        return self.measure(objects)[0]

    def measure(self, objects: Sequence[Molecule]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The acquisition value, and the components, float64 [B] each."""
        mols = [molecule.mol for molecule in objects if molecule.mol is not None]
        if len(mols) < len(objects):
            raise ValueError("proxy: the molecule has no mol; only valid molecules have a value")
        told = self._predicted(mols)
        shift = {"mean": 0.0, "ucb": self.kappa, "lcb": -self.kappa}[self.acquisition]
        values = told["mean"] + shift * told["std"]
        if self._training is not None:
            told["nearest_similarity"] = self._training.similarity(mols)
        return values.clip(0.0, 1.0) if self._of_labels else values, told

    def _predicted(self, mols: Sequence[Chem.Mol]) -> dict[str, np.ndarray]:
        """What the proxy says of each molecule."""
        if not self._of_labels:
            mean, std = self.proxy.predict(mols)
            return {"mean": mean, "std": std}
        from molgfn.proxies.classes.uncertainty import of_members

        found = of_members(self.proxy.members(mols))
        of_label = {"entropy": found.entropy, "mutual_information": found.mutual_information}
        return {"mean": found.probability, "std": found.std, **of_label}
