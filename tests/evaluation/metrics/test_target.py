"""Distances and bounds from R / Z, on what can be counted by hand."""

import math
from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy

from molgfn.evaluation.exact.distances.jensen_shannon import jensen_shannon
from molgfn.evaluation.exact.distances.kullback_leibler import kullback_leibler
from molgfn.evaluation.exact.distances.mean_l1 import mean_l1
from molgfn.evaluation.exact.distances.relative_mean_reward import relative_mean_reward
from molgfn.evaluation.exact.distances.total_variation import total_variation
from molgfn.evaluation.metrics.base import Samples, TerminalProbabilities
from molgfn.evaluation.metrics.target.eubo import EUBO
from molgfn.evaluation.metrics.target.flow_consistency import FlowConsistency
from molgfn.evaluation.metrics.target.importance_weighted import ImportanceWeightedBound
from molgfn.objects.string import STRING


def of(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def drawn(**columns):
    return Samples(STRING, ["A"], ["A"], **columns)


def known(name, log_p, log_reward, log_ratio=None):
    n = 1 if log_ratio is None else np.shape(log_ratio)[1]
    log_p, log_reward = np.array(log_p, dtype=float), np.array(log_reward, dtype=float)
    ratio = None if log_ratio is None else np.array(log_ratio, dtype=float)
    return TerminalProbabilities(name, log_p, np.zeros_like(log_p), log_reward, n, log_ratio=ratio)


def test_distances_by_hand():
    p, q = of(0.5, 0.5, 0.0), of(0.25, 0.25, 0.5)
    assert total_variation(p, q) == 0.5
    assert mean_l1(p, q) == pytest.approx(1 / 3)
    assert kullback_leibler(p, q) == pytest.approx(math.log(2))
    assert kullback_leibler(q, p) == math.inf
    # m = (3/8, 3/8, 1/4)
    by_hand = (math.log(4 / 3) + 0.5 * math.log(2 / 3) + 0.5 * math.log(2)) / 2
    assert jensen_shannon(p, q) == pytest.approx(by_hand)
    assert jensen_shannon(of(1.0, 0.0), of(0.0, 1.0)) == pytest.approx(math.log(2))


def test_distances_are_those_of_scipy():
    p, q = (torch.from_numpy(np.random.default_rng(seed).dirichlet(np.ones(50))) for seed in (0, 1))
    assert kullback_leibler(p, q) == pytest.approx(entropy(p.numpy(), q.numpy()), rel=1e-12)
    assert jensen_shannon(p, q) == pytest.approx(jensenshannon(p.numpy(), q.numpy()) ** 2, rel=1e-12)


def test_the_relative_mean_reward_is_not_clipped():
    log_reward = of(1.0, 3.0).log()
    # the target draws 3 with 3/4: its mean is 2.5
    assert relative_mean_reward(of(0.25, 0.75), log_reward) == pytest.approx(1)
    assert relative_mean_reward(of(0.0, 1.0), log_reward) == pytest.approx(1.2)
    assert relative_mean_reward(of(1.0, 0.0), log_reward) == pytest.approx(0.4)
    assert relative_mean_reward(of(0.0, 1.0), log_reward + 900) == pytest.approx(1.2)  # R itself has no float64


def test_importance_weighted_bounds_by_hand():
    weight = np.log([1.0, 3.0, 2.0, 2.0, 9.0])
    readings = ImportanceWeightedBound(k=(2, 3))(drawn(log_weight=weight))
    assert readings["importance_weighted_bound/k=2"].value == pytest.approx(math.log(2))  # means 2 and 2; 9 is left out
    assert readings["importance_weighted_bound/k=3"].value is None
    assert "two groups of 3 take 6" in readings["importance_weighted_bound/k=3"].note


def test_eubo_by_hand():
    """Terms log R - mean log (P_F / P_B): 1 - (-1) = 2 and 0 - (-4) = 4; weights e and 1."""
    found = EUBO()(drawn(heldout=known("heldout", [0, 0], [1.0, 0.0], [[-1.0, -1.0], [-3.0, -5.0]])))
    assert found["eubo/heldout/N=2"].value == pytest.approx(3)
    assert found["eubo/heldout/weighted/N=2"].value == pytest.approx((2 * math.e + 4) / (math.e + 1))
    assert "only where the objects were drawn from R / Z" in found["eubo/heldout/N=2"].note
    (reading,) = EUBO()(drawn(heldout=known("heldout", [0.0], [1.0]))).values()
    assert reading.value is None
    (reading,) = EUBO()(drawn(heldout=known("heldout", [0.0], [1.0], [[0.0, 0.0]]))).values()
    assert "1 objects" in reading.note


def test_flow_consistency_is_the_mean_over_sets():
    """Three objects, sets of two: all three sets come up alike often, so the mean is near that over them."""
    log_p, log_reward = np.log([0.2, 0.3, 0.5]), np.log([1.0, 2.0, 2.0])
    sets = []
    for i, j in combinations(range(3), 2):
        p, r = (np.exp(x[[i, j]]) / np.exp(x[[i, j]]).sum() for x in (log_p, log_reward))
        sets.append(abs(p - r).sum() / 2)
    found = FlowConsistency(size=2)(drawn(terminal=known("samples", log_p, log_reward)))
    reading = found["flow_consistency/samples/size=2/N=1"]
    assert reading.value == pytest.approx(np.mean(sets), abs=0.01)
    assert reading.low < np.mean(sets) < reading.high


def test_flow_consistency_needs_no_constants():
    log_reward = np.linspace(-3, 5, 20)
    good = known("samples", log_reward - 40, log_reward)
    found = FlowConsistency()(drawn(terminal=good, heldout=known("heldout", -log_reward, log_reward)))
    assert found["flow_consistency/samples/size=8/N=1"].value == pytest.approx(0, abs=1e-12)
    assert found["flow_consistency/heldout/size=8/N=1"].value > 0.5
    few = FlowConsistency()(drawn(terminal=known("samples", [0.0] * 7, [0.0] * 7)))
    assert "a set takes 8" in few["flow_consistency/samples/size=8/N=1"].note
