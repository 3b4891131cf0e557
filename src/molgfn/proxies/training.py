"""The training loop of a proxy: all members at once, each stopped by its own validation error."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from molgfn.docstrings import attributes_in_docstring
from molgfn.errors import TrainingError
from molgfn.proxies.features import MoleculeGraphs
from molgfn.proxies.network import EnsembleNetwork, tensors
from molgfn.proxies.splits import Parts

#: molecules that are predicted at once
CHUNK = 64
Network = TypeVar("Network", bound=EnsembleNetwork)
#: share of the steps in which the learning rate rises
WARMUP = 0.05


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """How a proxy is trained.

    Attributes:
        members: networks in the ensemble, at least 2.
        width: size of atom and bond states.
        layers: rounds of messages.
        epochs: passes over the training molecules, at most; the learning rate reaches 0 at their end.
        batch: molecules per step.
        lr: largest learning rate of AdamW.
        patience: epochs without a better validation error after which a member is stopped.
        bootstrap: give each member its own sample of the training molecules, drawn with replacement.
        seed: of parameters, batches and samples.
    """

    members: int = 5
    width: int = 64
    layers: int = 4
    epochs: int = 50
    batch: int = 64
    lr: float = 1e-3
    patience: int = 10
    bootstrap: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Epoch:
    """What one epoch gave, per member, float64 [K]; errors as of the lesson (``Lesson.shown``).

    Attributes:
        number: from 1.
        train: error while training.
        validation: error after the epoch.
        best: epoch (from 1) that each member is at its best so far, int64 [K].
    """

    number: int
    train: np.ndarray
    validation: np.ndarray
    best: np.ndarray


@attributes_in_docstring
class Lesson(ABC):
    """What a network learns from examples, and is stopped by others."""

    #: examples in training
    count: int

    @abstractmethod
    def losses(self, network: EnsembleNetwork, places: np.ndarray) -> Tensor:
        """Loss of each member at the training examples ``places`` (of ``count``), [K, n], with gradient."""

    @abstractmethod
    def held(self, network: EnsembleNetwork) -> Tensor:
        """Mean loss of each member at the validation examples, [K]; without gradient."""

    def shown(self, loss: Tensor) -> Tensor:
        """A mean loss in the units in which an epoch shows it."""
        return loss


class Values(Lesson):
    """Numbers of molecules, squared errors; shown as their root.

    Args:
        graphs: M molecules.
        values: standardised, float64 [M].
        parts: rows of the molecules.
    """

    def __init__(self, graphs: MoleculeGraphs, values: np.ndarray, parts: Parts) -> None:
        self._graphs, self._rows, self._held = graphs, parts.train, parts.validation
        self._truth = torch.from_numpy(values.astype(np.float32))
        self.count = len(parts.train)

    def losses(self, network: EnsembleNetwork, places: np.ndarray) -> Tensor:
        rows = self._rows[places]
        return (network(*tensors(self._graphs.take(rows))) - self._truth[rows]) ** 2

    def held(self, network: EnsembleNetwork) -> Tensor:
        return (predict(network, self._graphs.take(self._held)) - self._truth[self._held]).square().mean(1)

    def shown(self, loss: Tensor) -> Tensor:
        return loss.sqrt()


def train(
    lesson: Lesson,
    settings: FitSettings,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> tuple[EnsembleNetwork, list[Epoch]]:
    """Train an ensemble; each member keeps the parameters of its best validation epoch.

    Args:
        lesson: what is learned.
        settings: how.
        on_epoch: called after each epoch.

    Returns:
        The network, in evaluation mode, and the epochs.

    Raises:
        TrainingError: the loss is not finite.
    """
    network = EnsembleNetwork(members=settings.members, width=settings.width, layers=settings.layers)
    network.initialise(settings.seed)
    return train_network(network, lesson, settings, on_epoch)


def train_network(
    network: Network,
    lesson: Lesson,
    settings: FitSettings,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> tuple[Network, list[Epoch]]:
    """``train`` of a network that is there and initialised, of ``settings.members`` members; it is changed in place."""
    count = lesson.count
    random = np.random.default_rng(settings.seed)
    shares = torch.from_numpy(_shares(count, settings))
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.lr)
    steps = math.ceil(count / settings.batch) * settings.epochs
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, steps))
    least = np.full(settings.members, np.inf)
    best = np.zeros(settings.members, dtype=np.int64)
    kept = [p.detach().clone() for p in network.parameters()]
    running = np.ones(settings.members, dtype=bool)
    history: list[Epoch] = []
    for number in range(1, settings.epochs + 1):
        losses = torch.zeros(settings.members)
        order = random.permutation(count)
        network.train()
        for first in range(0, count, settings.batch):
            places = order[first : first + settings.batch]
            errors = lesson.losses(network, places) * shares[:, places]
            loss = errors.mean(1).sum()  # over members: each gets the gradient of its own mean
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rate.step()
            losses += errors.detach().sum(1)
        network.eval()
        error = lesson.shown(lesson.held(network)).double().numpy()
        if not np.isfinite(error).all() or not losses.isfinite().all():
            raise TrainingError(f"epoch {number}: the error is not finite; try a lower lr than {settings.lr:g}")
        better = running & (error < least)
        least[better], best[better] = error[better], number
        chosen = torch.from_numpy(better)
        for store, parameter in zip(kept, network.parameters(), strict=True):
            store[chosen] = parameter.detach()[chosen]
        running &= number - best < settings.patience
        history.append(Epoch(number, lesson.shown(losses / count).double().numpy(), error, best.copy()))
        on_epoch(history[-1])
        if not running.any():
            break
    with torch.no_grad():
        for store, parameter in zip(kept, network.parameters(), strict=True):
            parameter.copy_(store)
    return network.eval(), history


@torch.no_grad()
def predict(network: EnsembleNetwork, graphs: MoleculeGraphs) -> Tensor:
    """Standardised prediction of each member for each molecule, float32 [K, M], in pieces that fit the cache."""
    rows = np.arange(len(graphs))
    pieces = [network(*tensors(graphs.take(rows[i : i + CHUNK]))) for i in range(0, len(rows), CHUNK)]
    return torch.cat(pieces, 1) if pieces else torch.zeros(network.members, 0)


def _rate(step: int, steps: int) -> float:
    """Share of the largest learning rate: a short linear rise, then a half cosine down to 0."""
    rise = max(1, round(WARMUP * steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def _shares(count: int, settings: FitSettings) -> np.ndarray:
    """How often each member has each training molecule, float32 [K, count]."""
    if not settings.bootstrap:
        return np.ones((settings.members, count), dtype=np.float32)
    draws = [np.random.default_rng([settings.seed, k]).integers(count, size=count) for k in range(settings.members)]
    return np.stack([np.bincount(draw, minlength=count) for draw in draws]).astype(np.float32)
