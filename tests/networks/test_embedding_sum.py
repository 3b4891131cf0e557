"""The weighted sum of embeddings against its definition, and its derivatives against finite differences."""

import torch

from molgfn.networks.embedding_sum import embedding, embedding_sum


def example():
    rows = torch.randint(5, (7, 3))
    weights = torch.rand(7, 3, dtype=torch.float64)
    return torch.randn(5, 4, dtype=torch.float64, requires_grad=True), rows, weights


def test_value_and_first_derivative():
    table, rows, weights = example()
    plain = (table[rows] * weights[..., None]).sum(1)
    ours = embedding_sum(table, rows, weights)
    torch.testing.assert_close(ours, plain)
    upstream = torch.randn_like(plain)
    one, other = (torch.autograd.grad(x, table, upstream)[0] for x in (ours, plain))
    torch.testing.assert_close(one, other)


def test_higher_derivatives():
    table, rows, weights = example()

    def curved(t):
        return embedding_sum(t, rows, weights).tanh()

    assert torch.autograd.gradcheck(curved, (table,))
    assert torch.autograd.gradgradcheck(curved, (table,))


def test_no_rows():
    table, *_ = example()
    out = embedding_sum(table, torch.zeros(0, 3, dtype=torch.long), torch.zeros(0, 3))
    assert out.shape == (0, 4)
    assert not torch.autograd.grad(out.sum(), table)[0].any()


def test_rows_of_a_table_have_every_derivative_even_where_there_are_none():
    table, rows, _ = example()
    torch.testing.assert_close(embedding(table, rows[:, 0]), table[rows[:, 0]])
    for some in (rows[:, 0], rows[:0, 0]):
        assert torch.autograd.gradgradcheck(lambda t, some=some: embedding(t, some).tanh(), (table,))
        out = embedding(table, some)
        assert out.shape == (len(some), 4)
        (slope,) = torch.autograd.grad(out.square().sum(), table, create_graph=True)
        assert torch.isfinite(torch.autograd.grad(slope.sum(), table)[0]).all()


def test_weights_in_another_precision():
    table, rows, weights = example()
    torch.testing.assert_close(
        embedding_sum(table, rows, weights.float()), embedding_sum(table, rows, weights), rtol=1e-6, atol=1e-6
    )
