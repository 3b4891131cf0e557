"""Who computes a gradient and who moves the parameters: torch alone, or a trainer around it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Engine:
    """Backward passes and optimizer steps by torch alone; a trainer gives one that also runs its hooks."""

    def backward(self, loss: Tensor, parameters: Sequence[nn.Parameter], *, keep_graph: bool) -> None:
        """Add the gradient of ``loss`` (scalar) to ``parameters`` and to nothing else."""
        loss.backward(inputs=list(parameters), retain_graph=keep_graph)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """Move the parameters by their gradients."""
        optimizer.step()
