"""A layer of the graph transformer over packed graphs on a CPU, with its gradient written out.

The operations of ``GraphTransformerLayer``, so the same numbers but for rounding, without the bookkeeping of autograd
for each; and what its backward pass needs can have been computed earlier, by a rollout. What attention gives and the
sums of messages lie side by side, so that one product reads both.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

#: (nodes, number of graphs): see ``GraphBatch.sizes``
Sizes = list[tuple[int, int]]
_EPSILON = 1e-5


class Weights(NamedTuple):
    """Parameters of a layer of width w: norms [w]; linear maps [out, in] with biases [out]."""

    norm: Tensor
    norm_bias: Tensor
    qkv: Tensor
    qkv_bias: Tensor
    from_all: Tensor
    from_all_bias: Tensor
    from_edges: Tensor
    feed_norm: Tensor
    feed_norm_bias: Tensor
    feed_in: Tensor
    feed_in_bias: Tensor
    feed_out: Tensor
    feed_out_bias: Tensor

    def to(self, products: torch.dtype) -> Weights:
        """With the linear maps of this type."""
        if self.qkv.dtype == products:
            return self
        return Weights(*(t if "norm" in name else t.to(products) for name, t in zip(self._fields, self, strict=True)))

    @property
    def from_both(self) -> Tensor:
        """[w, 2 w]: ``from_all`` and ``from_edges`` side by side, as ``Activations.both`` is."""
        return torch.cat([self.from_all, self.from_edges], 1)

    def prepared(self) -> Prepared:
        """What ``compute`` reads, once for many calls."""
        maps = (self.qkv, self.from_both, self.feed_in, self.feed_out)
        return Prepared(self, list(self.norm.shape), *(weight.t() for weight in maps))


class Prepared(NamedTuple):
    """Weights, the shape of a node's state, and the linear maps [in, out]."""

    weights: Weights
    shape: list[int]
    qkv: Tensor
    from_both: Tensor
    feed_in: Tensor
    feed_out: Tensor


HALF = frozenset({torch.bfloat16, torch.float16})
#: names of the activations that only go into products
LOW = frozenset({"h", "both", "feed", "hidden"})


class Activations(NamedTuple):
    """What a layer computes at n nodes and its backward pass reads, [n, ...] each.

    ``out`` comes out; ``h`` and ``feed`` are normalised, with their means and 1 / deviations; ``both`` is what
    attention gives, with the log sums [n, heads], and beside it the sum of messages; ``mid`` lies between the two
    blocks, ``hidden`` within the second. What only goes into products (``LOW``) is of the type of the products. In a
    half type all have room for more rows behind their own, see ``_whole``.
    """

    h: Tensor
    mean: Tensor
    scale: Tensor
    qkv: Tensor
    both: Tensor
    log_sums: Tensor
    mid: Tensor
    feed: Tensor
    feed_mean: Tensor
    feed_scale: Tensor
    hidden: Tensor
    out: Tensor

    @classmethod
    def empty(cls, n: int, width: int, heads: int, expansion: int, like: Tensor, products: torch.dtype) -> Activations:
        """Room for n nodes, of the type of ``like`` but for what is of the type ``products``."""
        w, rows = width, _rows(n, products)
        columns = (w, 1, 1, 3 * w, 2 * w, heads, w, w, 1, 1, expansion * w, w)
        types = (products if name in LOW else like.dtype for name in cls._fields)
        made = (like.new_empty(rows, k, dtype=dtype) for k, dtype in zip(columns, types, strict=True))
        return cls(*(t[:n] for t in made))

    def at(self, rows: Tensor) -> Activations:
        """Of the nodes ``rows``, int64 [m], copied."""

        def gather(t: Tensor) -> Tensor:
            out = t.new_empty(_rows(len(rows), self.h.dtype), t.shape[1])[: len(rows)]
            return torch.index_select(t, 0, rows, out=out)

        return Activations(*map(gather, self))

    def rows(self, start: int, end: int) -> Activations:
        """Of the nodes from ``start`` to before ``end``; the same memory."""
        return Activations(*(t[start:end] for t in self))


def can(x: Tensor) -> bool:
    """Whether this is the way for ``x``: on a CPU, in its own precision, with attention by torch's fused kernel."""
    here = x.device.type == "cpu" and not torch.is_autocast_enabled("cpu")
    return here and torch.backends.cuda.flash_sdp_enabled()


def compute(
    x: Tensor, edge_index: Tensor, edges: Tensor, sizes: Sizes, w: Prepared, heads: int, room: Activations
) -> Tensor:
    """One layer, written into ``room``; no gradient. Returns ``room.out``.

    ``w``: linear maps and their biases of the type of the products (``Weights.to``), norms as they are.
    """
    a, weights, width = room, w.weights, x.shape[1]
    h = _normalise(x, w.shape, weights.norm, weights.norm_bias, a.h, a.mean, a.scale)
    _linear(a.h, w.qkv, weights.qkv_bias, a.qkv)
    attended, local = a.both.split(width, 1)
    _attend(a.qkv, sizes, heads, attended, a.log_sums)
    messages = h.index_select(0, edge_index[0]).add_(edges).relu_()
    local.copy_(torch.zeros_like(h).index_add_(0, edge_index[1], messages))
    _linear(a.both, w.from_both, weights.from_all_bias, a.mid, x)
    _normalise(a.mid, w.shape, weights.feed_norm, weights.feed_norm_bias, a.feed, a.feed_mean, a.feed_scale)
    _linear(a.feed, w.feed_in, weights.feed_in_bias, a.hidden)
    a.hidden.relu_()
    _linear(a.hidden, w.feed_out, weights.feed_out_bias, a.out, a.mid)
    return a.out


class Layer(torch.autograd.Function):
    """``apply(heads, sizes, products, edge_index, known, plain, x, edges, *weights)``: [n, width] to [n, width].

    ``products``: the type that matrix products are computed in; attention, norms and sums are computed in that of x.
    ``known``: what was computed of it before; None: computed now. A second derivative is that of ``plain(x, edges)``,
    which composes the layer of operations that torch can derive twice.
    """

    @staticmethod
    def forward(
        ctx: Any,
        heads: int,
        sizes: Sizes,
        products: torch.dtype,
        edge_index: Tensor,
        known: Activations | None,
        plain: Any,
        x: Tensor,
        edges: Tensor,
        *weights: Tensor,
    ) -> Tensor:
        w = Weights(*weights)
        if known is None:
            width = x.shape[1]
            known = Activations.empty(len(x), width, heads, w.feed_in.shape[0] // width, x, products)
            compute(x, edge_index, edges, sizes, w.to(products).prepared(), heads, known)
        ctx.heads, ctx.sizes, ctx.plain, ctx.products = heads, sizes, plain, products
        ctx.save_for_backward(edge_index, x, edges, *weights, *known[:-1])
        return known.out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        edge_index, x, edges, *rest = ctx.saved_tensors
        count = len(Weights._fields)
        needed = ctx.needs_input_grad[6:]
        if torch.is_grad_enabled():  # somebody wants to derive what comes out
            inputs = [x, edges, *rest[:count]]
            wanted = [t for t, need in zip(inputs, needed, strict=True) if need]
            with sdpa_kernel(SDPBackend.MATH):  # fused attention has no second derivative
                found = iter(torch.autograd.grad(ctx.plain(x, edges), wanted, gradient, create_graph=True))
            return (None,) * 6 + tuple(next(found) if need else None for need in needed)
        a = Activations(*rest[count:], gradient)  # type: ignore[call-arg]
        w = Weights(*rest[:count]).to(ctx.products)
        found = _gradients(gradient, edge_index, x, edges, ctx.sizes, w, ctx.heads, a)
        return (None,) * 6 + tuple(g if need else None for g, need in zip(found, needed, strict=True))


def _gradients(
    g: Tensor, edge_index: Tensor, x: Tensor, edges: Tensor, sizes: Sizes, w: Weights, heads: int, a: Activations
) -> tuple[Tensor, ...]:
    """Of x, edges and the weights, given ``g`` [n, width] of what comes out."""
    shape, all_three, width = list(w.norm.shape), [True, True, True], x.shape[1]
    layer_norm = torch.ops.aten.native_layer_norm_backward
    n, full, low = g.shape[0], g.dtype, w.qkv.dtype
    a = a._replace(**{name: _whole(getattr(a, name), 0) for name in LOW})
    g_low = _lowered(g, low)
    hidden = torch.ops.aten.threshold_backward(g_low @ w.feed_out, a.hidden, 0)
    feed = (hidden @ w.feed_in)[:n].to(full)
    mid, feed_norm, feed_norm_bias = layer_norm(
        feed, a.mid, shape, a.feed_mean, a.feed_scale, w.feed_norm, w.feed_norm_bias, all_three
    )
    mid.add_(g)
    mid_low = _lowered(mid, low)
    attended, local = (mid_low @ w.from_both)[:n].to(full).split(width, 1)
    qkv = _attend_gradient(attended, a.qkv, sizes, heads, a.both[:n, :width].to(full), a.log_sums)
    qkv_low = _lowered(qkv, low)
    source, target = edge_index.unbind(0)
    passed = a.h.index_select(0, source).to(full).add_(edges)
    messages = torch.ops.aten.threshold_backward(local.index_select(0, target), passed, 0)
    h = torch.zeros_like(x).index_add_(0, source, messages).add_((qkv_low @ w.qkv)[:n])
    into, norm, norm_bias = layer_norm(h, x, shape, a.mean, a.scale, w.norm, w.norm_bias, all_three)
    from_all, from_edges = (mid_low.t() @ a.both).to(full).split(width, 1)
    weights = Weights(
        norm=norm,
        norm_bias=norm_bias,
        qkv=(qkv_low.t() @ a.h).to(full),
        qkv_bias=qkv.sum(0),
        from_all=from_all,
        from_all_bias=mid.sum(0),
        from_edges=from_edges,
        feed_norm=feed_norm,
        feed_norm_bias=feed_norm_bias,
        feed_in=(hidden.t() @ a.feed).to(full),
        feed_in_bias=hidden.sum(0, dtype=full),
        feed_out=(g_low.t() @ a.hidden).to(full),
        feed_out_bias=g.sum(0),
    )
    return (into.add_(mid), messages, *weights)


def _linear(x: Tensor, weight: Tensor, bias: Tensor, out: Tensor, beside: Tensor | None = None) -> None:
    """x @ weight + bias (+ ``beside``) into ``out``, which may be of another type than the rest."""
    if out.dtype == weight.dtype:
        torch.addmm(bias, _whole(x), weight, out=_whole(out))
        if beside is not None:
            out.add_(beside)
        return
    found = torch.addmm(bias, _whole(x), weight)[: x.shape[0]]
    if beside is None:
        out.copy_(found)
    else:
        torch.add(beside, found, out=out)


def _rows(n: int, products: torch.dtype) -> int:
    """Rows of a product of n rows: in a half type torch compiles a kernel for each number, so there are few."""
    if products not in HALF:
        return n
    unit = 64 if n <= 4096 else 512
    return -(-n // unit) * unit


def _whole(t: Tensor, fill: float | None = None) -> Tensor:
    """``t`` [n, k] of a half type with the rows behind its own, whose numbers nobody reads, or are ``fill``."""
    if t.dtype not in HALF:
        return t
    n, width = t.shape
    whole = t.as_strided((_rows(n, t.dtype), width), t.stride())
    if fill is not None:
        whole[n:] = fill
    return whole


def _lowered(t: Tensor, low: torch.dtype) -> Tensor:
    """``t`` in the type of products, with rows of 0 up to the number that products have."""
    if t.dtype == low:
        return t
    n, width = t.shape
    out = t.new_empty(_rows(n, low), width, dtype=low)
    out[:n] = t
    out[n:] = 0
    return out


def _normalise(x: Tensor, shape: Any, weight: Tensor, bias: Tensor, out: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    normalised, means, scales = torch.native_layer_norm(x, shape, weight, bias, _EPSILON)
    out.copy_(normalised)
    mean.copy_(means)
    scale.copy_(scales)
    return normalised


def _attend(qkv: Tensor, sizes: Sizes, heads: int, out: Tensor, log_sums: Tensor) -> None:
    """Attention among the nodes of each graph, size by size."""
    width, start = out.shape[1], 0
    for size, count in sizes:
        end = start + size * count
        if size == 1:
            out[start:end] = qkv[start:end, 2 * width :]
            log_sums[start:end] = 0
        else:
            q, k, v = _split(qkv[start:end], count, size, heads)
            found, sums = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(q, k, v)
            out[start:end].view(count, size, heads, -1).copy_(found.transpose(1, 2))
            log_sums[start:end].view(count, size, heads).copy_(sums.transpose(1, 2))
        start = end


def _attend_gradient(g: Tensor, qkv: Tensor, sizes: Sizes, heads: int, out: Tensor, log_sums: Tensor) -> Tensor:
    """Of ``qkv``, given that of ``out``."""
    found, width, start = torch.empty_like(qkv), out.shape[1], 0
    for size, count in sizes:
        end = start + size * count
        if size == 1:
            found[start:end, : 2 * width] = 0
            found[start:end, 2 * width :] = g[start:end]
        else:
            q, k, v = _split(qkv[start:end], count, size, heads)
            given, was = (t[start:end].view(count, size, heads, -1).transpose(1, 2) for t in (g, out))
            sums = log_sums[start:end].view(count, size, heads).transpose(1, 2)
            parts = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward(
                given, q, k, v, was, sums, 0.0, False
            )
            for into, part in zip(_split(found[start:end], count, size, heads), parts, strict=True):
                into.copy_(part)
        start = end
    return found


def _split(qkv: Tensor, count: int, size: int, heads: int) -> tuple[Tensor, ...]:
    """[count * size, 3 width] -> three of [count, heads, size, width / heads], the same memory."""
    return qkv.view(count, size, 3, heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
