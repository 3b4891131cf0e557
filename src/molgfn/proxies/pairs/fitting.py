"""From judgements to a proxy: split, train, centre, judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from molgfn import __version__
from molgfn.errors import ConfigError
from molgfn.proxies.base import FittedProxy, Uncertainty
from molgfn.proxies.ensemble import ProxyCard, ProxyEnsemble
from molgfn.proxies.features import VERSION, MoleculeGraphs, molecule_graphs
from molgfn.proxies.kinds import LEAST_NOISE, run_of
from molgfn.proxies.masks.network import MaskedNetwork
from molgfn.proxies.masks.proxy import MaskedCard, MCDropout, standard_members
from molgfn.proxies.masks.samplers import BernoulliMasks
from molgfn.proxies.masks.settings import MaskSettings
from molgfn.proxies.neighbours import Neighbours
from molgfn.proxies.network import EnsembleNetwork, StackedLinear
from molgfn.proxies.pairs.evaluating import pair_metrics
from molgfn.proxies.pairs.judgements import Judgements
from molgfn.proxies.pairs.lesson import PairLesson
from molgfn.proxies.splits import Kind
from molgfn.proxies.training import Epoch, FitSettings, Lesson, predict, train, train_network

#: kinds of uncertainty whose networks learn from pairs
OF_PAIRS: tuple[Uncertainty, ...] = ("ensemble", "mc_dropout")


def fit_pairs(
    judgements: Judgements,
    settings: FitSettings | None = None,
    *,
    uncertainty: Uncertainty = "ensemble",
    masks: MaskSettings | None = None,
    name: str = "preference",
    kind: Kind = "random",
    validation: float = 0.1,
    test: float = 0.1,
    fingerprints: bool = True,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> FittedProxy:
    """Fit scores s to judgements by maximum likelihood: P(a is preferred to b) = sigmoid(s(a) - s(b)).

    A score is in nats: a difference of 1 are odds of e. Only differences can be told, so each member is shifted to a
    mean of 0 over the molecules of the training part. The standard deviation is the disagreement of the members as it
    is: of a score there is no truth to calibrate it on.

    Args:
        judgements: what to learn from.
        settings: of the training; None for the defaults. A batch is of judgements.
        uncertainty: "ensemble" or "mc_dropout".
        masks: of mc_dropout; None for the defaults.
        name: of the property.
        kind: of the split, see ``Judgements.parts``; its seed is that of the settings.
        validation: share that stops training.
        test: share for judging only; 0 for none.
        fingerprints: keep those of the training molecules, so that the proxy can say how near a molecule is to them.
        on_epoch: called after each epoch; errors are negative log likelihoods in nats.

    Raises:
        ConfigError: another kind of uncertainty.
        DataError: too few pairs.
        TrainingError: training diverged.

    Reference: Bradley and Terry 1952; as a reward model Christiano et al. 2017, arXiv 1706.03741, eq. 1.
    """
    if uncertainty not in OF_PAIRS:
        raise ConfigError(
            f"uncertainty: {uncertainty} cannot be fitted to pairs, because its posterior is that of numbers with "
            f"normal noise; use {' or '.join(OF_PAIRS)}"
        )
    settings = settings or FitSettings()
    parts = judgements.parts(kind=kind, validation=validation, test=test, seed=settings.seed)
    mols = [molecule.mol for molecule in judgements.molecules if molecule.mol is not None]
    graphs = molecule_graphs(mols)
    seen = np.unique([judgements.chosen[parts.train], judgements.rejected[parts.train]])
    lesson = PairLesson(graphs, judgements, parts)
    build = _ensemble if uncertainty == "ensemble" else _dropout
    members, proxy, told = build(lesson, graphs, seen, settings, masks or MaskSettings(), on_epoch)
    scores = members.mean(0)
    table = judgements.table
    common = {
        "property": name,
        "direction": "maximise",
        "units": "nats",
        "mean": 0.0,
        "scale": 1.0,
        "low": float(scores.min()),
        "high": float(scores.max()),
        "std_factor": 1.0,
        "features": VERSION,
        "metrics": {},
        "pairs": pair_metrics(scores, judgements, parts),
        "settings": {**told, "split": kind, "validation": validation, "test": test},
        "data": {
            "file": table.path.name,
            "sha256": judgements.sha256,
            "rows": table.rows,
            "pairs": len(judgements),
            "ties": judgements.ties,
            "contradicted": table.contradicted.count,
            "molecules": len(mols),
            "left_out": {out.reason: out.count for out in judgements.left_out},
        },
        "made_by": __version__,
    }
    return proxy(common, Neighbours.of([mols[row] for row in seen]) if fingerprints else None)


Made = tuple[np.ndarray, Callable[[dict[str, Any], Neighbours | None], FittedProxy], dict[str, Any]]


def _ensemble(
    lesson: Lesson,
    graphs: MoleculeGraphs,
    seen: np.ndarray,
    settings: FitSettings,
    masks: MaskSettings,
    on_epoch: Callable[[Epoch], None],
) -> Made:
    """Scores of each member for each molecule [K, M], the proxy, and what the card says of its training."""
    network, history = train(lesson, settings, on_epoch)
    _shift(network, predict(network, graphs.take(seen)).double().mean(1))
    shape: dict[str, Any] = {"members": settings.members, "width": settings.width, "layers": settings.layers}
    return (
        predict(network, graphs).double().numpy(),
        lambda common, near: ProxyEnsemble(ProxyCard(**common, **shape), network, near),
        {**asdict(settings), **run_of(history)},
    )


def _dropout(
    lesson: Lesson,
    graphs: MoleculeGraphs,
    seen: np.ndarray,
    settings: FitSettings,
    masks: MaskSettings,
    on_epoch: Callable[[Epoch], None],
) -> Made:
    """The same of masks of one network. Each molecule has a mask of its own in training, so that masks which shift all
    scores alike cost likelihood, and only their common mean is free.
    """
    settings = replace(settings, members=1)
    network = MaskedNetwork(width=settings.width, layers=settings.layers, rate=masks.rate, seed=settings.seed)
    network.initialise(settings.seed)
    network, history = train_network(network, lesson, settings, on_epoch)
    network.requires_grad_(False)
    sampler = BernoulliMasks(network.sizes, masks.rate)
    random = torch.Generator().manual_seed(settings.seed)
    uniforms = torch.rand(masks.samples, sum(network.sizes), generator=random)
    under_masks = standard_members(network, sampler, uniforms, graphs.take(seen))
    _shift(network, torch.tensor([float(under_masks.mean())]))
    own = {**asdict(settings), **run_of(history), "masks": {"rate": masks.rate, "samples": masks.samples}}
    del own["members"]
    shape: dict[str, Any] = {
        **{"width": settings.width, "layers": settings.layers, "rate": masks.rate, "samples": masks.samples},
        **{"conditional": False, "noise": LEAST_NOISE},
    }
    return (
        standard_members(network, sampler, uniforms, graphs),
        lambda common, near: MCDropout(MaskedCard(**common, **shape), network, sampler, uniforms, near),
        own,
    )


@torch.no_grad()
def _shift(network: EnsembleNetwork, offset: torch.Tensor) -> None:
    """Take ``offset`` [K] off the scores of each member."""
    last = cast("StackedLinear", cast("nn.Sequential", network.readout)[-1])
    last.bias.sub_(offset.to(last.bias.dtype)[:, None, None])
