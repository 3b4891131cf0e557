"""The bound on total variation: proved by enumeration on random policies, its limits counted over many samples."""

import math

import numpy as np
import pytest
import torch

from molgfn.evaluation.exact.distances.total_variation import total_variation
from molgfn.evaluation.metrics.base import Samples
from molgfn.evaluation.metrics.target.total_variation_bound import TotalVariationBound
from molgfn.evaluation.tv_bound import from_loss, limits, sides
from molgfn.objects.grid import GRID
from molgfn.testing.golden import golden_dag
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.quantities.backward import LogPB


def enumerated(scale: float, seed: int):
    """P_F of the 19 trajectories of the golden DAG, log R' P_B / P_F of each, and TV over its 9 objects."""
    golden = golden_dag()
    generator = torch.Generator().manual_seed(seed)
    golden.solve()
    with torch.no_grad():
        for logits in (golden.policy.forward_logits, golden.policy.backward_logits):
            noise = torch.randn(logits.shape, generator=generator, dtype=torch.float64)
            logits.add_(noise * scale if logits is golden.policy.forward_logits else 0 * noise)
    t = golden.trajectories
    found = evaluate(t, golden.policy, quantities=(LogPB,))
    log_pf, log_pb = found.log_pf.sum(1).detach(), found[LogPB].sum(1).detach()
    p = log_pf.exp()
    last = t.terminal.position[:, 0] * 3 + t.terminal.position[:, 1]
    of_objects = torch.zeros(9, dtype=torch.float64).index_add(0, last, p)
    tv = total_variation(of_objects, golden.log_reward.softmax(0))
    return p.numpy(), (t.log_target + log_pb - log_pf).numpy(), tv, float(golden.log_reward.logsumexp(0))


@pytest.mark.parametrize("scale", [0.0, 0.1, 0.5, 2.0])
@pytest.mark.parametrize("seed", range(5))
def test_it_holds_exactly_for_every_constant(scale, seed):
    p, log_weight, tv, log_z = enumerated(scale, seed)
    assert p.sum() == pytest.approx(1)
    for off in (-1.0, -0.1, 0.0, 0.1, 1.0):
        residual = log_weight - log_z - off
        found = sides(residual, p)
        assert tv <= max(found.overdone, found.missed) + 1e-12
        assert found.bound <= from_loss(float(p @ residual**2), float(residual.max())) + 1e-12
    at_z = sides(log_weight - log_z, p)
    assert at_z.overdone == pytest.approx(at_z.missed, abs=1e-12)  # both are TV over trajectories
    if scale == 0:
        assert at_z.bound == pytest.approx(0, abs=1e-9)
    else:
        assert tv > 1e-3


def test_by_hand():
    # two ways of probability 1/2, weights 3/2 and 1/4: means 3/8 of what is too often, 1/4 of what is too seldom
    found = sides(np.log([1.5, 0.25]), np.array([0.5, 0.5]))
    assert (found.overdone, found.missed) == pytest.approx((0.375, 0.25))
    assert found.bound == pytest.approx(0.375)
    assert from_loss(0.01, math.log(2)) == pytest.approx(0.1 / math.log(2))
    assert from_loss(0.01, 0.0) == pytest.approx(0.1)
    assert from_loss(9.0, 1.0) == 1.0
    values = np.log(np.array([1.0, 0.5] * 50))  # (1 - w)_+ is 0 or 1/2
    spread = math.sqrt(2 * (0.0625 * 100 / 99) * math.log(80) / 100)
    assert limits(values, log_largest=0.0).overdone == pytest.approx(0.25 + spread + 7 * math.log(80) / (3 * 99))
    assert limits(values, log_largest=0.0).missed == pytest.approx(0)


def test_the_limits_hold_as_often_as_they_say():
    p, log_weight, tv, log_z = enumerated(0.5, 0)
    residual = log_weight - log_z
    random = np.random.default_rng(0)
    held, trivial = 0, 0
    for _ in range(400):
        drawn = residual[random.choice(len(p), size=500, p=p)]
        bound = limits(drawn, log_largest=float(residual.max())).bound
        held += tv <= bound
        trivial += bound >= 1
    assert held >= 0.95 * 400
    assert trivial == 0


def test_the_metric_brackets_the_exact_distance_and_says_on_what_condition():
    p, log_weight, tv, _ = enumerated(0.5, 1)
    rows = np.random.default_rng(1).choice(len(p), size=4000, p=p)
    samples = Samples(GRID, np.zeros((4000, 2), dtype=np.int64), [""] * 4000, log_weight=log_weight[rows])
    found = TotalVariationBound()(samples)
    assert tv < found["tv_bound"].value < 1
    assert found["tv_bound"].value == max(found["tv_bound/overdone"].value, found["tv_bound/missed"].value)
    assert "if no trajectory has a weight above" in found["tv_bound"].note
    few = Samples(GRID, np.zeros((4, 2), dtype=np.int64), [""] * 4, log_weight=np.zeros(4))
    assert found["tv_bound"].value < found["tv_bound/from_loss"].value
    assert TotalVariationBound()(few)["tv_bound"].value is None


def test_a_missing_mode_is_what_it_cannot_see():
    """A sampler that never draws half of the mass: the unconditional side is small, and the condition is what fails."""
    seen = np.zeros(1000)  # all weights 1 with c = what it sees
    found = limits(seen, log_largest=0.0)
    assert found.overdone < 0.05
    assert found.missed < 0.05
