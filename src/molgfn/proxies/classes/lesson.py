"""What a network learns from labels: the likelihood of a Bernoulli variable."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from molgfn.proxies.features import MoleculeGraphs
from molgfn.proxies.network import EnsembleNetwork, tensors
from molgfn.proxies.splits import Parts
from molgfn.proxies.training import Lesson, predict


def log_bernoulli(log_odds: Tensor, labels: Tensor) -> Tensor:
    """log p of labels [..., n], 0 or 1, where 1 has these log odds [..., n]; in nats."""
    return logsigmoid(torch.where(labels > 0, log_odds, -log_odds))


class Labels(Lesson):
    """P(1 | molecule) = sigmoid of what the network says; the loss is the negative log likelihood in nats.

    Molecules of the rarer label weigh no more than others: probabilities would no longer be right.

    Args:
        graphs: M molecules.
        labels: 0 or 1, float64 [M].
        parts: rows of the molecules.
    """

    def __init__(self, graphs: MoleculeGraphs, labels: np.ndarray, parts: Parts) -> None:
        self._graphs, self._rows, self._held = graphs, parts.train, parts.validation
        self._labels = torch.from_numpy(labels.astype(np.float32))
        self.count = len(parts.train)

    def losses(self, network: EnsembleNetwork, places: np.ndarray) -> Tensor:
        rows = self._rows[places]
        return -log_bernoulli(network(*tensors(self._graphs.take(rows))), self._labels[rows])

    def held(self, network: EnsembleNetwork) -> Tensor:
        log_odds = predict(network, self._graphs.take(self._held))
        return -log_bernoulli(log_odds, self._labels[self._held]).mean(1)
