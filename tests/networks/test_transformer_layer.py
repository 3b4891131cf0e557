"""A layer with its gradient written out is the layer that torch derives."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from molgfn.networks.graph_transformer import GraphTransformer, GraphTransformerLayer, Layout

SIZES = [(1, 3), (2, 2), (4, 3)]
WIDTH = 16


def batch(dtype, seed=0):
    """Nodes, edges of paths within graphs (both directions), and where the graphs lie."""
    torch.manual_seed(seed)
    ends, start = [], 0
    for size, count in SIZES:
        for _ in range(count):
            ends += [(start + i, start + i + 1) for i in range(size - 1)]
            start += size
    one_way = torch.tensor(ends).T
    edge_index = torch.cat([one_way, one_way.flip(0)], 1)
    x = torch.randn(start, WIDTH, dtype=dtype, requires_grad=True)
    edges = torch.randn(edge_index.shape[1], WIDTH, dtype=dtype, requires_grad=True)
    return x, edge_index, edges, Layout(sizes=SIZES)


def layer(dtype):
    torch.manual_seed(1)
    made = GraphTransformerLayer(width=WIDTH, heads=4, expansion=2).to(dtype)
    for p in made.parameters():
        torch.nn.init.normal_(p, std=0.5)
    return made


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_forward_and_gradients(dtype):
    x, edge_index, edges, layout = batch(dtype)
    ours = layer(dtype)
    inputs = [x, edges, *ours.weights]
    given = torch.randn(len(x), WIDTH, dtype=dtype)
    fast, plain = ours(x, edge_index, edges, layout), ours._plain(edge_index, layout, x, edges)
    tight = 1e-5 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(fast, plain, rtol=tight, atol=tight)
    kept = given.clone()
    for a, b in zip(torch.autograd.grad(fast, inputs, given), torch.autograd.grad(plain, inputs, given), strict=True):
        torch.testing.assert_close(a, b, rtol=tight, atol=10 * tight)
    assert torch.equal(given, kept)  # a gradient that comes in may be read by others


def test_second_derivatives():
    x, edge_index, edges, layout = batch(torch.float64)
    ours = layer(torch.float64)
    inputs = [x, edges, *ours.weights]

    def product(out):
        first = torch.autograd.grad(out.square().sum(), inputs, create_graph=True)
        return torch.autograd.grad(sum(g.square().sum() for g in first), inputs)

    fast = product(ours(x, edge_index, edges, layout))
    with sdpa_kernel(SDPBackend.MATH):
        plain = product(ours._plain(edge_index, layout, x, edges))
    rounding = 1e-12 * max(float(b.abs().max()) for b in plain)  # a bias of the keys has no gradient at all
    for a, b in zip(fast, plain, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=rounding)


def test_what_is_frozen_gets_no_gradient():
    x, edge_index, edges, layout = batch(torch.float64)
    ours = layer(torch.float64)
    ours.feed_in.requires_grad_(False)
    ours(x, edge_index, edges, layout).sum().backward()
    assert ours.feed_in.weight.grad is None
    assert all(p.grad is not None for p in ours.feed_out.parameters())


def test_graphs_without_nodes():
    trunk = GraphTransformer(width=WIDTH, layers=2)
    none = torch.zeros(0, WIDTH, requires_grad=True)
    out = trunk(none, torch.zeros(2, 0, dtype=torch.int64), torch.zeros(0, WIDTH), Layout(sizes=[]))
    assert out.shape == (0, WIDTH)
    out.sum().backward()


@pytest.mark.parametrize("expected", [0, 3, 1000])
def test_a_recording_of_several_batches_is_the_pass_over_all_of_them(expected, monkeypatch):
    """Recorded graph by graph, in another order, in one block of memory or several; asked for all and for some."""
    monkeypatch.setattr("molgfn.networks.recording._SLOTS", 1)
    x, edge_index, edges, _ = batch(torch.float64)
    trunk = GraphTransformer(width=WIDTH, layers=3).double()
    sizes = [size for size, count in SIZES for _ in range(count)]
    starts = torch.tensor([0, *sizes]).cumsum(0).tolist()
    max_nodes, recorded, order = 4, trunk.recording(expected), [5, 0, 7, 2, 1, 6, 3, 4]
    with torch.no_grad():
        for g in order:
            start, end = starts[g], starts[g + 1]
            inside = (edge_index[0] >= start) & (edge_index[0] < end)
            slot = torch.arange(end - start)
            rows = recorded.more(end - start, torch.zeros_like(slot), slot, 1, max_nodes, x)
            layout = Layout(sizes=[(end - start, 1)])
            trunk.record(x[start:end], edge_index[:, inside] - start, edges[inside], layout, recorded, rows)
    place = torch.cat([order.index(g) * max_nodes + torch.arange(size) for g, size in enumerate(sizes)])
    assert (len(recorded._blocks) > 1) == (expected < 1000)
    some = [layer.out.clone() for layer in recorded.at(place[3:])]
    known, layout = recorded.at(place), Layout(sizes=SIZES)
    for layers in (recorded.at(place[3:]), [layer.rows(3, len(place)) for layer in recorded.at(place)]):
        assert all(torch.equal(layer.out, out) for layer, out in zip(layers, some, strict=True))
    again, plain = trunk(x, edge_index, edges, layout, known=known), trunk(x, edge_index, edges, layout)
    torch.testing.assert_close(again, plain, rtol=1e-12, atol=1e-12)
    inputs = [x, edges, *(p for layer in trunk.layers for p in layer.weights)]
    given = torch.randn_like(plain)
    for a, b in zip(torch.autograd.grad(again, inputs, given), torch.autograd.grad(plain, inputs, given), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)
