"""How a proxy of each kind is trained, once its molecules are split and their values standardised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field
from rdkit import Chem
from scipy.special import expit

from molgfn.chemistry.count_similarity import count_rows, minmax
from molgfn.errors import ConfigError, DataError
from molgfn.proxies.base import FittedProxy, Uncertainty
from molgfn.proxies.classes.labels import Task
from molgfn.proxies.classes.lesson import Labels
from molgfn.proxies.ensemble import ProxyCard, ProxyEnsemble
from molgfn.proxies.features import MoleculeGraphs, molecule_graphs
from molgfn.proxies.masks.network import MaskedNetwork
from molgfn.proxies.masks.posterior import Evidence, MaskPosterior, train_conditional, train_unconditional
from molgfn.proxies.masks.proxy import Gflowout, MaskedCard, MCDropout, standard_members, with_noise
from molgfn.proxies.masks.samplers import BernoulliMasks, MaskSampler
from molgfn.proxies.masks.settings import MaskSettings
from molgfn.proxies.neighbours import Neighbours
from molgfn.proxies.splits import Parts
from molgfn.proxies.tanimoto import MOST_TRAINED, TanimotoCard, TanimotoProxy, fitted_variances
from molgfn.proxies.training import Epoch, FitSettings, Lesson, Values, predict, train, train_network

#: least noise of a network, standardised, so that a likelihood stays finite where the network errs nowhere
LEAST_NOISE = 1e-3


@dataclass(frozen=True, kw_only=True)
class ProcessSettings:
    """Of a Gaussian process.

    Attributes:
        radius: of the Morgan environments, 0 to 6.
        samples: draws that ``members`` makes, at least 2.
        seed: of these draws.

    Raises:
        ConfigError: a number outside of its range.
    """

    radius: Annotated[int, Field(ge=0, le=6)] = 3
    samples: Annotated[int, Field(ge=2)] = 64
    seed: Annotated[int, Field(ge=0)] = 0

    def __post_init__(self) -> None:
        if not 0 <= self.radius <= 6:
            raise ConfigError(f"radius: {self.radius}; it should be 0 to 6")
        if self.samples < 2:
            raise ConfigError(f"samples: {self.samples}; a standard deviation takes at least 2 draws")


@dataclass(frozen=True)
class Job:
    """What is to be learned.

    Attributes:
        mols: M molecules.
        values: standardised, or labels, 0 or 1; float64 [M].
        parts: their rows.
        settings: of the training of networks.
        on_epoch: called after each epoch.
        task: whether the values are numbers or labels.
    """

    mols: list[Chem.Mol]
    values: np.ndarray
    parts: Parts
    settings: FitSettings
    on_epoch: Callable[[Epoch], None]
    task: Task = "regression"

    @property
    def of_labels(self) -> bool:
        """Whether the values are labels."""
        return self.task == "classification"

    def lesson(self, graphs: MoleculeGraphs) -> Lesson:
        """What networks learn of the molecules, whose graphs these are."""
        return (Labels if self.of_labels else Values)(graphs, self.values, self.parts)

    def stated(self, outputs: np.ndarray) -> np.ndarray:
        """What the outputs of networks say: standardised values, or the probability of label 1."""
        return expit(outputs) if self.of_labels else outputs


@dataclass(frozen=True)
class Built:
    """What was learned.

    Attributes:
        mean: standardised prediction for each molecule, or the probability of label 1, float64 [M].
        deviation: raw standard deviation of a measurement, standardised, float64 [M]; of labels that over the members.
        proxy: makes the proxy from the fields that all cards have and the fingerprints.
        settings: what the card says of how it was trained.
    """

    mean: np.ndarray
    deviation: np.ndarray
    proxy: Callable[[dict[str, Any], Neighbours | None], FittedProxy]
    settings: dict[str, Any]


def ensemble(job: Job) -> Built:
    """Networks whose disagreement is the uncertainty."""
    settings = job.settings
    graphs = molecule_graphs(job.mols)
    network, history = train(job.lesson(graphs), settings, job.on_epoch)
    each = job.stated(predict(network, graphs).double().numpy())
    shape: dict[str, Any] = {"members": settings.members, "width": settings.width, "layers": settings.layers}
    return Built(
        each.mean(0),
        each.std(0, ddof=1),
        lambda common, near: ProxyEnsemble(ProxyCard(**common, **shape), network, near),
        {**asdict(settings), **run_of(history)},
    )


def masked(job: Job, masks: MaskSettings, uncertainty: Uncertainty) -> Built:
    """One network, and masks of its last layers from the prior (``mc_dropout``) or their posterior (``gflowout``)."""
    settings = replace(job.settings, members=1)
    graphs = molecule_graphs(job.mols)
    network = MaskedNetwork(width=settings.width, layers=settings.layers, rate=masks.rate, seed=settings.seed)
    network.initialise(settings.seed)
    network, history = train_network(network, job.lesson(graphs), settings, job.on_epoch)
    network.requires_grad_(False)
    evidence = _evidence(job, network)
    told: dict[str, Any] = {"rate": masks.rate, "samples": masks.samples}
    sampler: MaskSampler = BernoulliMasks(network.sizes, masks.rate)
    if uncertainty == "gflowout":
        posterior = _posterior(network, evidence, masks, settings.seed)
        sampler = posterior.at_test
        told = {**asdict(masks), "best_step": _best_step(posterior)}
    random = torch.Generator().manual_seed(settings.seed)
    uniforms = torch.rand(masks.samples, sum(network.sizes), generator=random)
    each = job.stated(standard_members(network, sampler, uniforms, graphs))
    noise = evidence["validation"].noise
    shape: dict[str, Any] = {
        "width": settings.width,
        "layers": settings.layers,
        "rate": masks.rate,
        "samples": masks.samples,
        "conditional": uncertainty == "gflowout" and masks.conditional,
        "noise": noise,
    }
    kind = Gflowout if uncertainty == "gflowout" else MCDropout
    own = asdict(settings)
    del own["members"]
    return Built(
        each.mean(0),
        with_noise(each, noise or 0.0),
        lambda common, near: kind(MaskedCard(**common, **shape), network, sampler, uniforms, near),
        {**own, **run_of(history), "masks": told},
    )


def gaussian_process(job: Job, settings: ProcessSettings) -> Built:
    """An exact Gaussian process on count fingerprints of the training part."""
    train_rows = job.parts.train
    if len(train_rows) > MOST_TRAINED:
        raise DataError(f"{len(train_rows):,} training molecules: a Gaussian process takes up to {MOST_TRAINED:,} here")
    rows = count_rows([job.mols[int(row)] for row in train_rows], settings.radius)
    values = job.values[train_rows]
    variance, noise = fitted_variances(minmax(rows, rows), values)
    own = {**asdict(settings), "variance": variance, "noise": noise}

    plain = {"mean": 0.0, "scale": 1.0, "std_factor": 1.0}  # in standardised units
    fitted = TanimotoProxy(TanimotoCard(**_EMPTY, **plain, **own), rows, values)
    mean, deviation = fitted.predict(job.mols)

    def proxy(common: dict[str, Any], near: Neighbours | None) -> TanimotoProxy:
        return fitted.with_card(TanimotoCard(**common, **own), near)

    return Built(mean, deviation, proxy, {"seed": job.settings.seed, "process": asdict(settings)})


#: fields of a card that predictions do not read
_EMPTY: dict[str, Any] = {
    **dict.fromkeys(("property", "units", "made_by"), ""),
    "direction": "maximise",
    "low": 0.0,
    "high": 0.0,
    "features": 0,
    **{name: {} for name in ("metrics", "settings", "data")},
}


def _evidence(job: Job, network: MaskedNetwork) -> dict[str, Evidence]:
    """Training and validation part; the noise is the error of the whole network on the latter; labels have none."""
    labels = torch.from_numpy(job.values.astype(np.float32))
    rows = {"train": job.parts.train, "validation": job.parts.validation}
    embedding = {
        part: network.embeddings(molecule_graphs([job.mols[int(row)] for row in own])) for part, own in rows.items()
    }
    noise = None
    if not job.of_labels:
        ones = torch.ones(sum(network.sizes))
        with torch.no_grad():
            error = network.walk(embedding["validation"], ones) - labels[rows["validation"]]
        noise = max(LEAST_NOISE, float(error.square().mean().sqrt()))
    return {part: Evidence(embedding[part], labels[own], noise) for part, own in rows.items()}


def _posterior(network: MaskedNetwork, evidence: dict[str, Evidence], masks: MaskSettings, seed: int) -> MaskPosterior:
    if masks.conditional:
        return train_conditional(network, evidence["train"], masks, seed, held=evidence["validation"])
    return train_unconditional(network, evidence["train"], masks, seed)


def _best_step(posterior: MaskPosterior) -> int:
    """The step whose masks were kept."""
    if not posterior.validation:
        return len(posterior.losses)
    return max(posterior.validation, key=lambda look: look[1])[0]


def run_of(history: list[Epoch]) -> dict[str, Any]:
    """What the card says of the epochs."""
    return {"epochs_run": len(history), "best_epochs": history[-1].best.tolist()}
