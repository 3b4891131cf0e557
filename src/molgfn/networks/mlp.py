"""A multi-layer perceptron."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn


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


def starting_at_zero(network: nn.Sequential) -> nn.Sequential:
    """``network`` with its last layer at 0, so that it gives 0 for all inputs until it is trained."""
    nn.init.zeros_(network[-1].weight)  # type: ignore[arg-type]
    nn.init.zeros_(network[-1].bias)  # type: ignore[arg-type]
    return network


def frozen(modules: Iterable[nn.Module]) -> Callable[[Tensor], Tensor] | None:
    """What ``modules``, one after the other, map [B, inputs] to under the weights as they are now, without gradient;
    None where they are not plain linear layers and ReLU alone.

    Of a few rows, a product with a transposed copy of the weights takes half the time of one with the weights of
    ``nn.Linear``, and a module costs as much to call as a small product to compute: together two thirds of an MLP on 16
    rows. Sums may run in another order, so results differ by rounding.
    """
    layers: list[tuple[Tensor, Tensor]] = []
    rectified: set[int] = set()  # layers that a ReLU follows
    for module in modules:
        if hooked(module):
            return None
        if type(module) is nn.ReLU:
            rectified.add(len(layers))
        elif type(module) is not nn.Linear or module.bias is None:
            return None
        else:
            weight = module.weight.detach().t().clone(memory_format=torch.contiguous_format)
            layers.append((weight, module.bias.detach().clone()))
    if 0 in rectified:
        return None

    def evaluate(x: Tensor) -> Tensor:
        for number, (weight, bias) in enumerate(layers, start=1):
            x = torch.addmm(bias, x, weight)
            if number in rectified:
                x.relu_()
        return x

    return evaluate


def hooked(module: nn.Module) -> bool:
    """Somebody watches or changes what goes through it."""
    return bool(module._forward_hooks or module._forward_pre_hooks)
