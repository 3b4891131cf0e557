"""Last layers whose weights a network of the condition makes (HN-GFN)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from molgfn.environments.base import Environment, States
from molgfn.errors import ConfigError
from molgfn.networks.mlp import mlp, starting_at_zero

#: "hypernetwork": the weights of P_F's last layers depend on the condition; None: they do not
Head = Literal["hypernetwork"] | None
#: hidden layers over the condition, and their width
LAYERS, WIDTH = 3, 100


class Hypernetwork(nn.Module):
    """Weights W(c) = W + change(c) and biases of last layers, with an MLP over the condition for the change.

    W and the bias are those of the layers themselves, and the change starts at 0: at first P_F is, to the bit of its
    weights, that of the plain head, so its logits have the scale of that head whatever the widths.

    Args:
        condition_size: numbers of an encoded condition.
        layers: whose weights change.

    Reference: Zhu et al. 2023, NeurIPS (HN-GFN), where one such network is learned for all preference weights.
    """

    def __init__(self, condition_size: int, layers: Sequence[nn.Linear]) -> None:
        super().__init__()
        self.shapes = [(layer.out_features, layer.in_features) for layer in layers]
        outputs = sum(out * (inputs + 1) for out, inputs in self.shapes)
        self.network = starting_at_zero(mlp(condition_size, WIDTH, LAYERS, outputs))

    @classmethod
    def of(cls, environment: Environment, head: Head, layers: Sequence[nn.Linear]) -> Hypernetwork | None:
        """What a policy's option says.

        Raises:
            ConfigError: there is no condition.
        """
        if head is None:
            return None
        if not environment.condition_size:
            raise ConfigError(
                "policy.head: a hypernetwork makes weights of the condition, but there is none; leave head null, or "
                "give the run a condition"
            )
        return cls(environment.condition_size, layers)

    def changes(self, environment: Environment, states: States) -> list[Change]:
        """What is added to the outputs of each layer at B states."""
        condition: Tensor = environment.condition(states)  # type: ignore[assignment]
        made = self.network(condition.to(next(self.parameters()).dtype))
        sizes = [out * (inputs + 1) for out, inputs in self.shapes]
        return [
            Change(flat.view(len(made), out, inputs + 1))
            for flat, (out, inputs) in zip(made.split(sizes, 1), self.shapes, strict=True)
        ]


class Change:
    """What the changed weights of one layer add to its outputs.

    Args:
        weight: [B, out, inputs + 1], of the B states; the last column is the bias.
    """

    def __init__(self, weight: Tensor) -> None:
        self._whole = weight
        self.weight, self.bias = weight[:, :, :-1], weight[:, :, -1]

    def __call__(self, inputs: Tensor, rows: Tensor | None = None) -> Tensor:
        """[m, inputs] -> [m, out]; ``rows`` int64 [m], which of the B states each is of; None: one of each."""
        if rows is None:
            return torch.bmm(self.weight, inputs[:, :, None]).squeeze(2) + self.bias
        if self.weight.shape[1] == 1:
            weight = self.weight[:, 0].index_select(0, rows)
            return (inputs * weight).sum(1, keepdim=True) + self.bias.index_select(0, rows)
        if len(rows) <= len(self.weight):
            return Change(self._whole.index_select(0, rows))(inputs)
        return self._side_by_side(inputs, rows)

    def _side_by_side(self, inputs: Tensor, rows: Tensor) -> Tensor:
        """Of more inputs than states: those of one state in one product, so that no weights are copied for each."""
        batch, count = len(self.weight), rows.bincount(minlength=len(self.weight))
        order, slot = rows.argsort(stable=True), torch.empty_like(rows)
        slot[order] = torch.arange(len(rows), device=rows.device) - (count.cumsum(0) - count)[rows[order]]
        width = int(count.max())  # a wait for the device, as whoever asks for all branches of a choice has waited
        cell = rows * width + slot
        side_by_side = inputs.new_zeros(batch * width, inputs.shape[1]).index_copy(0, cell, inputs)
        found = torch.bmm(side_by_side.view(batch, width, -1), self.weight.transpose(1, 2)) + self.bias[:, None]
        return found.flatten(0, 1).index_select(0, cell)
