"""Joint mutual information of class labels under S posterior members (BatchBALD)."""

from __future__ import annotations

import numpy as np
from scipy.special import xlogy

from molgfn.errors import DataError
from molgfn.information.base import Gains, Information

#: numbers that are worked on at once
_MOST = 10_000_000


class ClassInformation(Information):
    """I(B) = H(y_B) - sum_i E_s H(y_i | s), with p(y_B) = sum_s w_s prod_i p_s(y_i).

    The joint entropy is a sum over all C^k outcomes where they are at most ``exact``, and else an average over
    ``samples`` outcomes, drawn with the same random numbers for every batch, so that a batch has one value.

    Args:
        probabilities: p_s(y_i = c), float [S, n, C], or [S, n] of the second of two classes.
        names: of the members.
        exact: most outcomes of a batch that are summed over.
        samples: outcomes that are drawn where there are more.
        seed: of the draws.
        weights: of the posterior members, float [S], summing to 1; None: all alike.

    Raises:
        DataError: probabilities that are negative, or do not sum to 1; the member is named.

    Reference: Kirsch et al. 2019, arXiv 1906.08158, sections 3.1 and 4.
    """

    def __init__(
        self,
        probabilities: np.ndarray,
        names: list[str],
        *,
        exact: int = 10_000,
        samples: int = 10_000,
        seed: int = 0,
        weights: np.ndarray | None = None,
    ) -> None:
        p = np.asarray(probabilities, dtype=np.float64)
        p = np.stack([1 - p, p], 2) if p.ndim == 2 else p
        bad = (p < 0).any((0, 2)) | (np.abs(p.sum(2) - 1) > 1e-6).any(0) | ~np.isfinite(p).all((0, 2))
        if bad.any():
            raise DataError(f"probabilities: those of member `{names[int(bad.argmax())]}` do not sum to 1 in [0, 1]")
        self.p, self.names = p, names
        self.exact, self.samples, self.seed = exact, samples, seed
        self.weights = np.full(len(p), 1 / len(p)) if weights is None else weights
        #: expected entropy of each label once the posterior member is known, [n]
        self.within = self.weights @ -xlogy(p, p).sum(2)

    def of(self, batches: np.ndarray) -> np.ndarray:
        return self.estimate(batches)[0]

    def estimate(self, batches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As ``of``, and the standard error of each, float64 [B] both; 0 where it is exact."""
        value, error = np.zeros(len(batches)), np.zeros(len(batches))
        sizes = (batches >= 0).sum(1)
        for size in np.unique(sizes[sizes > 0]).tolist():
            rows = np.flatnonzero(sizes == size)
            few = self.p.shape[2] ** size <= self.exact
            width = (self.p.shape[2] ** size if few else self.samples) * len(self.p)
            for part in np.array_split(rows, max(1, -(-len(rows) * width // _MOST))):
                if len(part):
                    batch = batches[part, :size]
                    entropy, error[part] = self._summed(batch) if few else self._drawn(batch)
                    value[part] = entropy - self.within[batch].sum(1)
        return value, error

    def _summed(self, batch: np.ndarray) -> tuple[np.ndarray, float]:
        """Joint entropies [b] of batches [b, k] by all outcomes."""
        joint = np.ones((len(batch), 1, len(self.p)))
        for column in batch.T:
            joint = (joint[:, :, None, :] * self.p[:, column].transpose(1, 2, 0)[:, None]).reshape(
                len(batch), -1, len(self.p)
            )
        p = joint @ self.weights
        return -xlogy(p, p).sum(1), 0.0

    def _drawn(self, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Joint entropies and their errors by outcomes that are drawn."""
        random = np.random.default_rng(self.seed)
        member = np.searchsorted(np.cumsum(self.weights)[:-1], random.random(self.samples), side="right")
        uniform = random.random((batch.shape[1], self.samples))
        log = np.zeros((len(batch), self.samples, len(self.p)))
        rows = np.arange(len(batch))[:, None]
        with np.errstate(divide="ignore"):
            log_p = np.log(self.p)
        for column, u in zip(batch.T, uniform, strict=True):
            ends = self.p[:, column].cumsum(2)[member]  # [samples, b, C]
            outcome = (u[:, None, None] >= ends[:, :, :-1]).sum(2).T  # [b, samples]
            log += log_p.transpose(1, 2, 0)[column][rows, outcome]
        top = log.max(2, keepdims=True)
        found = (top + np.log(np.exp(log - top) @ self.weights)[:, :, None])[:, :, 0]
        return -found.mean(1), found.std(1) / np.sqrt(self.samples)

    def alone(self) -> np.ndarray:
        mean = np.einsum("s,snc->nc", self.weights, self.p)
        return -xlogy(mean, mean).sum(1) - self.within

    def gains(self) -> _ClassGains:
        return _ClassGains(self)

    def among(self, rows: np.ndarray) -> ClassInformation:
        return self._like(self.p[:, rows], [self.names[row] for row in rows.tolist()], self.weights)

    def after(self, rows: np.ndarray, random: np.random.Generator) -> ClassInformation:
        """The posterior members weighed by labels that one of them, drawn, gives to ``rows``."""
        member = random.choice(len(self.p), p=self.weights)
        log = np.log(np.maximum(self.weights, 1e-300))
        for row in np.asarray(rows).tolist():
            label = random.choice(self.p.shape[2], p=self.p[member, row] / self.p[member, row].sum())
            log = log + np.log(np.maximum(self.p[:, row, label], 1e-300))
        weights = np.exp(log - log.max())
        return self._like(self.p, self.names, weights / weights.sum())

    def _like(self, p: np.ndarray, names: list[str], weights: np.ndarray) -> ClassInformation:
        return ClassInformation(p, names, exact=self.exact, samples=self.samples, seed=self.seed, weights=weights)

    def distances(self, row: int) -> np.ndarray:
        return np.sqrt(np.einsum("s,snc->n", self.weights, (self.p - self.p[:, [row]]) ** 2))

    def summary(self) -> np.ndarray:
        mean = np.einsum("s,snc->nc", self.weights, self.p)
        return np.column_stack([self.alone(), mean])


class _ClassGains(Gains):
    """H(y_i | y_taken) - E_s H(y_i | s): over all outcomes of the taken members while they are few, then over some."""

    def __init__(self, of: ClassInformation) -> None:
        self.of = of
        self.share = np.ones(1)  # of each outcome
        self.posterior = of.weights[None, :]  # of the posterior members after each outcome, [Q, S]
        self.drawn = False
        self.random = np.random.default_rng(of.seed)

    def values(self) -> np.ndarray:
        p, n = self.of.p, len(self.of)
        entropy = np.zeros(n)
        step = max(1, _MOST // (n * p.shape[2]))
        for start in range(0, len(self.share), step):
            outcomes = slice(start, start + step)
            q = np.tensordot(self.posterior[outcomes], p, axes=1)  # [Q, n, C]
            entropy -= np.einsum("q,qnc->n", self.share[outcomes], xlogy(q, q))
        return entropy - self.of.within

    def take(self, row: int) -> None:
        of = self.of.p[:, row]  # [S, C]
        classes = of.shape[1]
        if not self.drawn and len(self.share) * classes > self.of.exact:
            some = self.random.choice(len(self.share), self.of.samples, p=self.share / self.share.sum())
            self.posterior, self.drawn = self.posterior[some], True
            self.share = np.full(self.of.samples, 1 / self.of.samples)
        if not self.drawn:
            joint = (self.posterior[:, None, :] * of.T[None]).reshape(-1, len(of))
            total = joint.sum(1)
            kept = total > 0
            self.share = (np.repeat(self.share, classes) * total)[kept]
            self.posterior = joint[kept] / total[kept, None]
            return
        ends = (self.posterior @ of).cumsum(1)
        label = (self.random.random(len(ends))[:, None] >= ends[:, :-1] / ends[:, -1:]).sum(1)
        joint = self.posterior * of.T[label]
        self.posterior = joint / joint.sum(1, keepdims=True)
