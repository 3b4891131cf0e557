"""Rows of a table, and weighted sums of rows, differentiable any number of times whatever the number of rows."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def embedding(table: Tensor, rows: Tensor) -> Tensor:
    """``table[rows]``: int64 [m] -> [m, width]; without rows too, where torch's own has no second derivative."""
    return functional.embedding(rows, table) if len(rows) else table[:0]


def embedding_sum(table: Tensor, rows: Tensor, weights: Tensor) -> Tensor:
    """sum_p weights[., p] table[rows[., p]]: [m, P] -> [m, width].

    Gradients reach ``table`` [n, width] only, ``rows`` (int64) and ``weights`` being data. The map is linear in the
    table, so its derivative is its transpose, and the derivative of that is the map again; ``embedding_bag`` itself has
    no second derivative.
    """
    weights = weights.to(table.dtype)
    if not (table.requires_grad and torch.is_grad_enabled()):  # an autograd function costs more than the sum
        return _bags(table, rows, weights)
    return _Sum.apply(table, rows, weights)  # type: ignore[return-value]


def _bags(table: Tensor, rows: Tensor, weights: Tensor) -> Tensor:
    return functional.embedding_bag(rows, table, per_sample_weights=weights, mode="sum")


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, rows: Tensor, weights: Tensor) -> Tensor:
        ctx.save_for_backward(rows, weights)
        ctx.n = len(table)
        return _bags(table, rows, weights)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        rows, weights = ctx.saved_tensors
        return _Transposed.apply(gradient, rows, weights, ctx.n), None, None  # type: ignore[return-value]


class _Transposed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gradient: Tensor, rows: Tensor, weights: Tensor, n: int) -> Tensor:
        ctx.save_for_backward(rows, weights)
        out = gradient.new_zeros(n, gradient.shape[1])
        for row, weight in zip(rows.unbind(1), weights.unbind(1), strict=True):  # P is about four; [m, P, width] is big
            out.index_add_(0, row, gradient * weight[:, None])
        return out

    @staticmethod
    def backward(ctx: Any, vector: Tensor) -> tuple[Tensor, None, None, None]:  # type: ignore[override]
        rows, weights = ctx.saved_tensors
        return _Sum.apply(vector, rows, weights), None, None, None  # type: ignore[return-value]
