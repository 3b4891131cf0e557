"""A multi-layer perceptron."""

from __future__ import annotations

from torch import nn


def mlp(inputs: int, hidden: int, layers: int, outputs: int | None = None) -> nn.Sequential:
    """``layers`` hidden layers of width ``hidden`` with ReLU; a linear output layer where ``outputs`` is given.

    Maps [..., inputs] to [..., outputs], or to [..., hidden] without an output layer.
    """
    parts: list[nn.Module] = []
    for i in range(layers):
        parts += [nn.Linear(inputs if i == 0 else hidden, hidden), nn.ReLU()]
    if outputs is not None:
        parts.append(nn.Linear(hidden if layers else inputs, outputs))
    return nn.Sequential(*parts)
