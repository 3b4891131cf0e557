"""What a network learns from judgements: the likelihood of Bradley and Terry's model."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from molgfn.proxies.features import MoleculeGraphs
from molgfn.proxies.network import EnsembleNetwork, tensors
from molgfn.proxies.pairs.judgements import Judgements
from molgfn.proxies.splits import Parts
from molgfn.proxies.training import Lesson, predict


class PairLesson(Lesson):
    """P(a is preferred to b) = sigmoid(s(a) - s(b)); the loss of a judgement is its negative log likelihood in nats,
    times its weight over the mean weight of its part.

    Args:
        graphs: of the M molecules.
        judgements: N of them.
        parts: rows of the judgements.

    Reference: Bradley and Terry, "Rank analysis of incomplete block designs", Biometrika 39 (1952).
    """

    def __init__(self, graphs: MoleculeGraphs, judgements: Judgements, parts: Parts) -> None:
        self._graphs = graphs
        self._train, self._held = (self._part(judgements, rows) for rows in (parts.train, parts.validation))
        self.count = len(parts.train)

    @staticmethod
    def _part(judgements: Judgements, rows: np.ndarray) -> tuple[np.ndarray, Tensor, Tensor]:
        """Molecules of each judgement [n, 2], labels and weights [n]."""
        both = np.stack([judgements.chosen[rows], judgements.rejected[rows]], 1)
        weights = judgements.weights[rows] / judgements.weights[rows].mean()
        labels = torch.from_numpy(judgements.labels[rows].astype(np.float32))
        return both, labels, torch.from_numpy(weights.astype(np.float32))

    def losses(self, network: EnsembleNetwork, places: np.ndarray) -> Tensor:
        both, labels, weights = self._train
        molecules, which = np.unique(both[places], return_inverse=True)
        scores = network(*tensors(self._graphs.take(molecules)))
        return _losses(scores, which.reshape(-1, 2), labels[places], weights[places])

    def held(self, network: EnsembleNetwork) -> Tensor:
        both, labels, weights = self._held
        molecules, which = np.unique(both, return_inverse=True)
        scores = predict(network, self._graphs.take(molecules))
        return _losses(scores, which.reshape(-1, 2), labels, weights).mean(1)


def _losses(scores: Tensor, which: np.ndarray, labels: Tensor, weights: Tensor) -> Tensor:
    """Of each member and judgement, [K, n]; ``scores`` [K, M], ``which`` of them is chosen and rejected [n, 2]."""
    chosen, rejected = torch.from_numpy(which).unbind(1)
    margin = scores[:, chosen] - scores[:, rejected]
    return -weights * (labels * logsigmoid(margin) + (1 - labels) * logsigmoid(-margin))
