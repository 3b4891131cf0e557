import pytest
import torch

from molgfn.policies.distributions import Categorical, Packing, Staged, choose
from molgfn.policies.exploration import Exploration


@pytest.fixture
def pair():
    """Two factorised distributions over the same legal actions, 3 states, 4 columns, 5 options, float64."""
    mask = torch.tensor([[1, 1, 0, 1], [0, 1, 1, 1], [1, 0, 0, 0]], dtype=torch.bool)
    legal = torch.rand(3, 4, 5) < 0.6
    legal[..., 0] = True

    def make(seed):
        g = torch.Generator().manual_seed(seed)
        where = torch.randn(3, 4, generator=g, dtype=torch.float64)
        what = torch.randn(3, 4, 5, generator=g, dtype=torch.float64)
        return Staged(
            Categorical(where, mask),
            lambda rows, c: Categorical(what[rows, c[:, 0]], legal[rows, c[:, 0]]),
            packing=Packing((5,)),
        )

    return make(0), make(1)


def dense(distribution):
    table = distribution.log_probs()
    return table, table.exp()


def test_staged_is_a_distribution(pair):
    table, p = dense(pair[0])
    assert table.shape == (3, 1 + 3 * 5)
    torch.testing.assert_close(p.sum(1), torch.ones(3, dtype=torch.float64))


def test_log_prob_entropy_and_kl_agree_with_the_dense_table(pair):
    new, old = pair
    table, p = dense(new)
    other = old.log_probs()
    row, action = (p > 0).nonzero(as_tuple=True)
    for r, a in zip(row.tolist(), action.tolist(), strict=True):
        actions = p.argmax(1)
        actions[r] = a
        assert new.log_prob(actions)[r].item() == pytest.approx(table[r, a].item())
    finite = torch.where(p > 0, table, 0.0)
    torch.testing.assert_close(new.entropy(), -(p * finite).sum(1))
    torch.testing.assert_close(new.kl(old), (p * (finite - torch.where(p > 0, other, 0.0))).sum(1))
    torch.testing.assert_close(new.kl(new), torch.zeros(3, dtype=torch.float64))


def test_sampling_frequencies(pair):
    """Chi-square of 20,000 draws per state: below the 1e-6 quantile."""
    from scipy.stats import chisquare

    new, _ = pair
    _, p = dense(new)
    generator = torch.Generator().manual_seed(3)
    draws = torch.stack([new.sample(generator) for _ in range(20_000)])
    for state in range(3):
        counts = torch.bincount(draws[:, state], minlength=16)
        assert counts[p[state] == 0].sum() == 0
        there = p[state] > 0
        if there.sum() > 1:
            assert chisquare(counts[there].numpy(), (20_000 * p[state, there]).numpy()).pvalue > 1e-6


def test_gradients_are_finite_where_actions_are_illegal():
    logits = torch.randn(4, 6, requires_grad=True)
    mask = torch.zeros(4, 6, dtype=torch.bool)
    mask[:, 2] = True
    d = Categorical(logits, mask)
    (d.entropy() + d.kl(d.uniform()) + d.log_prob(torch.full((4,), 2))).sum().backward()
    assert torch.isfinite(logits.grad).all()


def test_choose_never_takes_a_zero_probability_column():
    log_p = torch.tensor([[-1e9, 0.0, -1e9]]).expand(5000, 3)
    assert (choose(log_p) == 1).all()
    tiny = torch.log_softmax(torch.tensor([[-80.0, 0.0, -1e9, -80.0, -1e9]]), 1).expand(5000, 5)
    assert set(choose(tiny).unique().tolist()) <= {0, 1, 3}


def test_tempered_and_uniform(pair):
    new, _ = pair
    flat = new.tempered(1e6)
    torch.testing.assert_close(flat.first.log_p.exp(), new.uniform().first.log_p.exp(), rtol=1e-4, atol=1e-4)
    sharp = new.tempered(1e-3)
    assert (sharp.first.log_p.exp().max(1).values > 0.999).all()
    torch.testing.assert_close(new.tempered(1.0).log_probs(), new.log_probs())


def test_exploration_mixes_in_the_stated_share():
    """P = .8 policy + .2 uniform on a 3-way choice, 60,000 draws, within 5 sigma."""
    p = torch.tensor([0.9, 0.1, 0.0001])
    d = Categorical(p.log().expand(60_000, 3), torch.ones(60_000, 3, dtype=torch.bool))
    draws = Exploration(epsilon=0.2).sample(d, torch.Generator().manual_seed(0))
    share = (draws == 2).double().mean().item()
    want = 0.2 / 3 + 0.8 * (p[2] / p.sum()).item()
    assert abs(share - want) < 5 * (want * (1 - want) / 60_000) ** 0.5


def test_exploration_decays():
    exploration = Exploration(epsilon=1.0, final_epsilon=0.0, decay_iterations=10)
    assert [exploration.at(i).epsilon for i in (0, 5, 10, 20)] == [1.0, 0.5, 0.0, 0.0]
    assert exploration.active
    assert not Exploration().active
    assert Exploration(temperature=2.0).active


def test_mean_gap_takes_the_smallest_value_of_each_action(pair):
    """sum_a p (log p - min_c (v_c + log p_c)), against dense tables; with one value it is KL less v."""
    new, old = pair
    table, p = dense(new)
    third = new.tempered(0.4)
    v, w = torch.tensor([0.3, -1.0, 2.0], dtype=torch.float64), torch.tensor([0.1, 0.5, 1.0], dtype=torch.float64)
    for values in ([(v, old)], [(v, old), (w, third)], [(v, old.frozen()), (w, third.frozen())]):
        least = torch.stack([c[:, None] + q.log_probs() for c, q in values]).amin(0)
        gap = torch.where(p > 0, table, 0.0) - torch.where(p > 0, least, 0.0)
        torch.testing.assert_close(new.mean_gap(values), (p * gap).sum(1))
    torch.testing.assert_close(new.mean_gap([(v, old)]), new.kl(old) - v)


def test_frozen_is_the_same_distribution_without_gradient(pair):
    logits = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    dense_one = Categorical(logits, pair[0].first.mask)
    for one in (dense_one, pair[0]):
        still = one.frozen()
        torch.testing.assert_close(still.log_probs(), one.log_probs().detach())
        torch.testing.assert_close(one.kl(still), torch.zeros(3, dtype=torch.float64))
        torch.testing.assert_close(still.entropy(), one.entropy().detach())
    still = dense_one.frozen()
    before = still.log_probs().clone()
    with torch.no_grad():
        logits += 1.0 * torch.arange(4)
    torch.testing.assert_close(still.log_probs(), before)
    assert not still.entropy().requires_grad


def test_log_prob_reads_branches_that_are_there():
    """Same values and gradients for every legal action, and no branch evaluated twice."""
    mask = torch.tensor([[1, 1, 0, 1], [0, 1, 1, 1], [1, 0, 0, 0]], dtype=torch.bool)
    where, what = (torch.randn(s, dtype=torch.float64, requires_grad=True) for s in ((3, 4), (3, 4, 5)))
    calls = []

    def one():
        def branch(rows, chosen):
            calls.append(len(rows))
            return Categorical(what[rows, chosen[:, 0]], torch.ones(len(rows), 5, dtype=torch.bool))

        return Staged(Categorical(where, mask), branch, packing=Packing((5,)))

    legal = one().log_probs().isfinite()
    longest = int(legal.sum(1).max())
    for i in range(longest):
        actions = torch.stack([row.nonzero().squeeze(1)[i % int(row.sum())] for row in legal])
        alone, after = one(), one()
        wanted = alone.log_prob(actions)
        after.entropy()
        calls.clear()
        found = after.log_prob(actions)
        assert not calls
        torch.testing.assert_close(found, wanted)
        torch.testing.assert_close(after.frozen().log_prob(actions), wanted.detach())
        gradients = (torch.autograd.grad(x.sum(), (where, what)) for x in (found, wanted))
        torch.testing.assert_close(*gradients)


def test_log_prob_where_stopping_is_all_that_is_legal():
    mask = torch.tensor([[True, False], [True, False]])
    d = Staged(
        Categorical(torch.zeros(2, 2), mask),
        lambda rows, _: Categorical(torch.zeros(len(rows), 3), torch.ones(len(rows), 3, dtype=torch.bool)),
        packing=Packing((3,)),
    )
    d.entropy()
    torch.testing.assert_close(d.log_prob(torch.zeros(2, dtype=torch.int64)), torch.zeros(2))


def test_freezing_leaves_the_gradient_of_what_comes_after():
    logits = torch.randn(2, 2, 3, requires_grad=True)
    d = Staged(
        Categorical(torch.zeros(2, 3), torch.ones(2, 3, dtype=torch.bool)),
        lambda rows, c: Categorical(logits[rows, c[:, 0] - 1], torch.ones(len(rows), 3, dtype=torch.bool)),
        packing=Packing((3,)),
    )
    still = d.frozen()
    assert not still.entropy().requires_grad
    d.entropy().sum().backward()
    assert logits.grad.abs().sum() > 0
