"""A choice of n stages against its dense table: sampling, log-probability, entropy, KL, expectations, gradients."""

import pytest
import torch
from scipy.stats import chisquare

from molgfn.policies.distributions import Categorical, Packing, Staged

SIZES = [(5,), (4, 3), (3, 2, 4), (2, 3, 2, 2)]
B = 4


class Tables:
    """Random logits and masks of every stage, [B, *sizes[:k], sizes[k]]; at least one column is always legal."""

    def __init__(self, sizes, seed=0, masks=7):
        g, m = (torch.Generator().manual_seed(s) for s in (seed, masks))
        shapes = [(B, *sizes[: k + 1]) for k in range(len(sizes))]
        self.sizes = sizes
        self.logits = [torch.randn(s, generator=g, dtype=torch.float64, requires_grad=True) for s in shapes]
        self.legal = [torch.rand(s, generator=m) < 0.6 for s in shapes]
        for legal in self.legal:
            legal[..., -1] |= ~legal.any(-1)

    def distribution(self, packed):
        def stage(k, rows, chosen):
            at = (rows, *chosen.unbind(1))
            return Categorical(self.logits[k][at], self.legal[k][at])

        first = Categorical(self.logits[0], self.legal[0])
        later = [lambda rows, chosen, k=k: stage(k, rows, chosen) for k in range(1, len(self.sizes))]
        return Staged(first, *later, packing=Packing(self.sizes[1:]) if packed else None)

    def dense(self, packed):
        """Log-probabilities of all actions by brute force, [B, A]."""
        log_p = torch.zeros(B, dtype=torch.float64)
        for logits, legal in zip(self.logits, self.legal, strict=True):
            log_p = log_p[..., None] + logits.masked_fill(~legal, -torch.inf).log_softmax(-1)
        if not packed:
            return log_p.flatten(1)
        stop = self.logits[0].masked_fill(~self.legal[0], -torch.inf).log_softmax(-1)[:, :1]
        return stop if len(self.sizes) == 0 else torch.cat([stop, log_p[:, 1:].flatten(1)], 1)


def actions_of(sizes, packed):
    """All actions in the order of the dense table: int64 [A] or [A, n]."""
    if packed:
        return torch.arange(1 + (sizes[0] - 1) * int(torch.tensor(sizes[1:]).prod()))
    return torch.cartesian_prod(*(torch.arange(s) for s in sizes)).view(-1, len(sizes))


def mean(p, values):
    return torch.where(p > 0, p * torch.where(p > 0, values, 0.0), 0.0).sum(1)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("sizes", SIZES)
class TestAgainstTheTable:
    def test_the_table(self, sizes, packed):
        tables = Tables(sizes)
        found = tables.distribution(packed).log_probs()
        assert found.shape == ((B, len(actions_of(sizes, True))) if packed else (B, *sizes))
        torch.testing.assert_close(found.flatten(1), tables.dense(packed))
        torch.testing.assert_close(found.flatten(1).exp().sum(1), torch.ones(B, dtype=torch.float64))

    def test_log_probabilities(self, sizes, packed):
        """Of every legal action, alone, after all branches were evaluated, and frozen; with the same gradient."""
        tables = Tables(sizes)
        dense, actions = tables.dense(packed), actions_of(sizes, packed)
        for column in range(dense.shape[1]):
            legal = dense[:, column].isfinite()
            some = torch.where(legal, column, dense.argmax(1))
            alone, after = tables.distribution(packed), tables.distribution(packed)
            after.entropy()
            wanted = dense.gather(1, some[:, None]).squeeze(1)
            for d in (alone, after, after.frozen(), alone.frozen()):
                torch.testing.assert_close(d.log_prob(actions[some]), wanted)
            gradients = [
                torch.autograd.grad(d.log_prob(actions[some]).sum(), tables.logits, allow_unused=True)
                for d in (alone, after)
            ]
            by_hand = torch.autograd.grad(wanted.sum(), tables.logits, retain_graph=True)
            for mine in gradients:
                for a, b in zip(mine, by_hand, strict=True):
                    torch.testing.assert_close(torch.zeros_like(b) if a is None else a, b)

    def test_entropy_divergence_and_expectations(self, sizes, packed):
        one, other, third = (Tables(sizes, seed) for seed in (0, 1, 2))
        p, q, r = (t.dense(packed) for t in (one, other, third))
        new, old = one.distribution(packed), other.distribution(packed)
        torch.testing.assert_close(new.entropy(), -mean(p.exp(), p))
        torch.testing.assert_close(new.kl(old), mean(p.exp(), p - q))
        torch.testing.assert_close(new.kl(old.frozen()), mean(p.exp(), p - q))
        torch.testing.assert_close(new.kl(new), torch.zeros(B, dtype=torch.float64))
        v, w = torch.randn(2, B, dtype=torch.float64)
        least = torch.minimum(v[:, None] + q, w[:, None] + r)
        found = new.mean_gap([(v, old), (w, third.distribution(packed).frozen())])
        torch.testing.assert_close(found, mean(p.exp(), p - least))
        torch.testing.assert_close(new.mean_gap([(v, old)]), new.kl(old) - v)
        mine, by_hand = (
            torch.autograd.grad(x.sum(), one.logits) for x in (new.kl(old) + new.entropy(), mean(p.exp(), -q))
        )
        for a, b in zip(mine, by_hand, strict=True):
            torch.testing.assert_close(a, b)

    def test_sampling_frequencies(self, sizes, packed):
        """1,000 draws of each state, live and frozen: chi-square above the 1e-6 quantile, nothing illegal."""
        tables = Tables(sizes)
        dense = tables.dense(packed).exp().detach()
        d = tables.distribution(packed)
        of = {tuple(torch.atleast_1d(a).tolist()): i for i, a in enumerate(actions_of(sizes, packed))}
        for live in (d, d.frozen()):
            g = torch.Generator().manual_seed(5)
            draws = torch.stack([live.sample(g) for _ in range(1000)]).view(1000, B, -1)
            for state in range(B):
                counts = torch.zeros(dense.shape[1])
                for action, n in zip(*draws[:, state].unique(dim=0, return_counts=True), strict=True):
                    counts[of[tuple(action.tolist())]] = n
                assert counts[dense[state] == 0].sum() == 0
                there = dense[state] > 0
                if there.sum() > 1:
                    assert chisquare(counts[there].numpy(), (1000 * dense[state, there]).numpy()).pvalue > 1e-6

    def test_tempered_and_uniform(self, sizes, packed):
        tables = Tables(sizes)
        d = tables.distribution(packed)
        flat, even = d.tempered(1e9), d.uniform()
        torch.testing.assert_close(flat.log_probs(), even.log_probs(), rtol=1e-6, atol=1e-6)
        each = torch.tensor([0.5, 1.0, 2.0, 3.0], dtype=torch.float64)
        whole = d.tempered(each).log_probs()
        for state, t in enumerate(each.tolist()):
            torch.testing.assert_close(whole[state], d.tempered(t).log_probs()[state])

    def test_no_shape_depends_on_a_draw_where_rows_are_kept(self, sizes, packed, monkeypatch):
        """The way of a GPU gives the log-probabilities of a CPU, and legal draws of whole batches at every stage."""
        tables = Tables(sizes)
        d = tables.distribution(packed)
        seen = []
        kept = [lambda rows, chosen, s=s: seen.append(len(rows)) or s(rows, chosen) for s in d.later]
        watched = Staged(d.first, *kept, packing=d.packing)
        monkeypatch.setattr(Staged, "compact", False)
        drawn = watched.sample(torch.Generator().manual_seed(0))
        scored = watched.log_prob(drawn)
        monkeypatch.undo()
        assert set(seen) <= {B}
        torch.testing.assert_close(scored, d.log_prob(drawn))


@pytest.mark.parametrize("sizes", [s for s in SIZES if len(s) > 1])
def test_whole_actions_in_proportion_to_weights(sizes):
    tables = Tables(sizes)
    d = tables.distribution(False)
    last = d.levels()[-1]
    dense = d.log_probs().isfinite().flatten(1)
    even = d.weighted(torch.zeros(last.going.shape, dtype=torch.float64))
    torch.testing.assert_close(even.log_probs().flatten(1).exp(), dense / dense.sum(1, keepdim=True).double())
    rows, columns = d.leaves()
    place = actions_of(sizes, False)
    number = {tuple(a): i for i, a in enumerate(place.tolist())}
    weights = torch.randn(len(rows), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    other = d.weighted(torch.zeros(last.going.shape, dtype=torch.float64).masked_scatter(last.going, weights))
    wanted = torch.full(dense.shape, -torch.inf, dtype=torch.float64)
    wanted[rows, torch.tensor([number[tuple(c)] for c in columns.tolist()])] = weights
    torch.testing.assert_close(other.log_probs().flatten(1), wanted.log_softmax(1))
    draws = other.sample(torch.Generator().manual_seed(2))
    torch.testing.assert_close(other.log_prob(draws), other.log_probs()[(torch.arange(B), *draws.T)])


def test_packing_is_a_numbering():
    packing = Packing((3, 2))
    actions = torch.arange(1 + 4 * 6)
    columns, stop = packing.split(actions)
    assert stop.tolist() == [True] + [False] * 24
    assert columns[0].min() == 0
    assert torch.equal(packing.join(torch.stack(columns, 1)[1:]), actions[1:])
    with pytest.raises(ValueError, match="2 later stages for 1"):
        Staged(Categorical(torch.zeros(1, 2), torch.ones(1, 2).bool()), lambda rows, chosen: None, packing=packing)
