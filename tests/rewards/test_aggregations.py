"""What each aggregation makes of desirabilities, by hand."""

import math

import numpy as np
import pytest

from molgfn.errors import ConfigError
from molgfn.oracles.base import Oracle
from molgfn.rewards.aggregations.goal import Goal
from molgfn.rewards.aggregations.lexicographic import Lexicographic
from molgfn.rewards.aggregations.weighted import Chebyshev, WeightedProduct, WeightedSum
from molgfn.rewards.components import Component
from molgfn.rewards.objectives import Objectives

NAN = float("nan")


def number(aggregation, *rows, weights=None, **condition):
    """Of objects with these desirabilities (a, b, ...)."""
    names = "abcd"[: len(rows[0])]
    worth = {
        name: np.array(column, dtype=np.float64) for name, column in zip(names, zip(*rows, strict=True), strict=True)
    }
    given = {name: np.array(column, dtype=np.float64) for name, column in condition.items()}
    own = dict(zip(names, weights or [1.0] * len(names), strict=True))
    assert aggregation.reads(names) <= set(given)
    assert aggregation.problem(own) is None
    return aggregation(worth, own, given).tolist()


def test_a_sum_of_fixed_weights():
    assert number(WeightedSum(weights="components"), (0.2, 0.8), (1.0, 0.0), weights=(1.0, 3.0)) == pytest.approx(
        [0.65, 0.25], rel=1e-15
    )
    assert number(WeightedSum(weights="components"), (0.2, 0.8)) == [0.5]


def test_a_product_of_fixed_weights():
    values = number(WeightedProduct(weights="components"), (0.2, 0.8), (1.0, 0.0), weights=(1.0, 3.0))
    assert values == pytest.approx([0.2**0.25 * 0.8**0.75, 1e-8**0.75], rel=1e-14)


def test_the_distance_to_the_utopia_point():
    even = number(Chebyshev(weights="components"), (0.25, 0.8), (1.0, 1.0), (0.0, 1.0))
    assert even == [0.25, 1.0, 0.0]
    # with weights 1 and 3: 1 - max((1 - a) / 3, 1 - b)
    values = number(Chebyshev(weights="components"), (0.2, 0.9), (0.2, 0.5), (0.0, 1.0), (1.0, 0.0), weights=(1.0, 3.0))
    assert values == pytest.approx([1 - 0.8 / 3, 0.5, 1 - 1 / 3, 0.0], rel=1e-14)


def test_a_point_in_the_dent_of_a_concave_front_is_best_by_distance_and_never_by_a_sum():
    front = [(1.0, 0.0), (0.45, 0.45), (0.0, 1.0)]
    shares = np.linspace(0.0, 1.0, 101)
    for share in shares:
        weights = {"preference_a": [share] * 3, "preference_b": [1 - share] * 3}
        assert np.argmax(number(WeightedSum(), *front, **weights)) != 1
    even = {"preference_a": [0.5] * 3, "preference_b": [0.5] * 3}
    assert np.argmax(number(Chebyshev(), *front, **even)) == 1


@pytest.mark.parametrize("kind", [WeightedSum, WeightedProduct, Chebyshev])
def test_weights_of_a_condition_are_fixed_ones_bit_for_bit(kind):
    rows = np.random.default_rng(0).random((50, 3))
    rows[0] = 0.0
    for weights in ((0.2, 0.3, 0.5), (1.0, 0.0, 0.0), (1 / 3, 1 / 3, 1 / 3)):
        drawn = {f"preference_{name}": [w] * len(rows) for name, w in zip("abc", weights, strict=True)}
        assert number(kind(), *rows, **drawn) == number(kind(weights="components"), *rows, weights=weights)


@pytest.mark.parametrize("kind", [WeightedSum, WeightedProduct, Chebyshev])
def test_each_object_has_its_own_weights_and_lies_between_0_and_1(kind):
    rng = np.random.default_rng(1)
    rows, weights = rng.random((40, 4)), rng.dirichlet([0.5] * 4, 40)
    drawn = {f"preference_{name}": column for name, column in zip("abcd", weights.T, strict=True)}
    together = number(kind(), *rows, **drawn)
    alone = [number(kind(), row, **{n: [c[i]] for n, c in drawn.items()})[0] for i, row in enumerate(rows)]
    assert together == alone
    assert all(0 <= value <= 1 for value in together)


@pytest.mark.parametrize("kind", [WeightedSum, WeightedProduct, Chebyshev])
def test_what_has_no_weight_is_not_read(kind):
    rows = [(0.4, NAN), (NAN, 0.4), (NAN, NAN)]
    values = number(kind(), *rows, preference_a=[1.0, 1.0, 0.5], preference_b=[0.0, 0.0, 0.5])
    assert values[0] == pytest.approx(0.4, rel=1e-15)
    assert np.isnan(values[1:]).all()


def test_an_order_by_hand():
    rows = [(0.25, 1.0, 1.0), (0.5, 0.25, 1.0), (0.9, 0.5, 0.3), (1.0, 1.0, 1.0), (0.0, 1.0, 1.0)]
    expected = [0.5 / 3, 1.5 / 3, 2.3 / 3, 1.0, 0.0]
    assert number(Lexicographic(), *rows) == pytest.approx(expected, rel=1e-15)
    backwards = number(Lexicographic(order=["c", "b", "a"]), (1.0, 0.25, 0.5))
    assert backwards == pytest.approx([1.5 / 3])
    own = number(Lexicographic(thresholds={"a": 0.2, "b": 1.0, "c": 0.3}), (0.2, 1.0, 0.15), (0.1, 1.0, 1.0))
    assert own == pytest.approx([2.5 / 3, 0.5 / 3])


def test_more_thresholds_in_a_row_are_worth_more_whatever_comes_after():
    rows = np.random.default_rng(2).random((500, 3))
    values = np.array(number(Lexicographic(), *rows))
    reached = (rows[:, 0] >= 0.5).astype(int) + ((rows[:, 0] >= 0.5) & (rows[:, 1] >= 0.5))
    for level in (0, 1):
        assert values[reached == level].max() < values[reached == level + 1].min()


def test_an_order_reads_as_far_as_it_comes():
    values = number(Lexicographic(), (0.4, NAN), (0.5, NAN), (NAN, 1.0))
    assert values[0] == pytest.approx(0.4)
    assert np.isnan(values[1:]).all()


@pytest.mark.parametrize(
    ("aggregation", "weights", "match"),
    [
        (Lexicographic(order=["a", "x"]), {"a": 1.0, "b": 1.0}, "order: there is no objective x; there are a, b"),
        (Lexicographic(order=["a"]), {"a": 1.0, "b": 1.0}, "order: each of a, b should be there once"),
        (Lexicographic(thresholds={"a": 0.5}), {"a": 1.0, "b": 1.0}, "thresholds: each of a, b"),
        (Lexicographic(), {"a": 1.0, "b": 2.0}, "b have weights of their own, but an order has none"),
        (WeightedSum(), {"a": 1.0, "b": 2.0}, "b have weights of their own, but with weights null"),
        (Goal(), {"a": 1.0}, "at least two objectives"),
        (Goal(value=Lexicographic()), {"a": 2.0, "b": 1.0}, "an order has none"),
    ],
)
def test_what_cannot_work_is_refused(aggregation, weights, match):
    components = {name: Component(oracle=_Share(), weight=weight) for name, weight in weights.items()}
    with pytest.raises(ConfigError, match=match):
        Objectives(components=components, scalarisation=aggregation)


class _Share(Oracle):
    name, range, direction, source = "share", (0.0, 1.0), "maximise", "a test"

    def values(self, objects):
        return np.zeros(len(objects))


def cone(*rows, direction, **more):
    d = np.array(direction) / np.linalg.norm(direction)
    return number(Goal(**more), *rows, goal_a=[d[0]] * len(rows), goal_b=[d[1]] * len(rows))


def at(angle, length=1.0):
    return length * math.cos(angle), length * math.sin(angle)


def test_a_cone_about_a_goal():
    inside, outside = at(math.pi / 4 + math.acos(0.985)), at(math.pi / 4 + math.acos(0.975))
    middle = at(math.pi / 4, 0.5)
    values = cone(middle, inside, outside, (0.0, 0.0), (1.0, 0.0), direction=(1.0, 1.0))
    power = math.log(0.1) / math.log(0.98)
    expected = [sum(middle) / 2, sum(inside) / 2 * 0.985**power, 0.0, 0.0, 0.0]
    assert values == pytest.approx(expected, rel=1e-10)


def test_at_the_border_a_tenth_is_left():
    rows = [at(math.pi / 4 + math.acos(0.98) - 1e-9), at(math.pi / 4 + math.acos(0.98) + 1e-9)]
    values = cone(*rows, direction=(1.0, 1.0))
    assert values[0] == pytest.approx(0.1 * sum(rows[0]) / 2, rel=1e-6)
    assert values[1] == 0.0
    wide = cone(
        at(math.pi / 3),
        direction=(1.0, 0.0),
        cosine=0.5 - 1e-12,
        border=0.3,
        value=WeightedProduct(weights="components"),
    )
    assert wide == pytest.approx([0.3 * math.sqrt(math.cos(math.pi / 3) * math.sin(math.pi / 3))], rel=1e-9)


def test_a_cone_reads_all_objectives():
    assert np.isnan(cone((0.5, NAN), direction=(1.0, 0.0))).all()
    assert Goal(value=WeightedSum()).reads(("a", "b")) == {
        "goal_a", "goal_b", "preference_a", "preference_b",
    }  # fmt: skip
