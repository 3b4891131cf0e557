import numpy as np
import pytest

from molgfn.errors import ConfigError, ContractError
from molgfn.rewards.transforms import (
    DoubleSigmoid,
    Identity,
    LeftStep,
    Linear,
    Near,
    ReverseSigmoid,
    RightStep,
    Sigmoid,
    Step,
)

ALL = [
    Identity(),
    Linear(low=10.0, high=1.0),
    Sigmoid(low=0.0, high=1.0, k=0.5),
    ReverseSigmoid(low=0.0, high=1.0, k=0.5),
    DoubleSigmoid(low=200.0, high=500.0),
    Step(low=0.2, high=0.6),
    LeftStep(low=0.5),
    RightStep(high=0.5),
    Near(width=0.2, target=0.5),
]


@pytest.mark.parametrize("transform", ALL)
def test_nan_stays_nan_and_others_do_not_become_it(transform):
    out = transform(np.array([0.3, np.nan, 0.7]))
    assert out.dtype == np.float64
    assert np.isnan(out).tolist() == [False, True, False]
    assert transform(np.array([])).shape == (0,)


@pytest.mark.parametrize("transform", [t for t in ALL if t.bounded])
def test_stays_in_the_unit_interval_without_overflow(transform):
    with np.errstate(over="raise", invalid="raise"):
        out = transform(np.array([-1e9, -700.0, 0.0, 0.5, 350.0, 1e9]))
    assert np.all((out >= 0) & (out <= 1))
    assert np.all(np.isfinite(transform(np.array([-np.inf, np.inf]))))


def test_sigmoid_golden_values():
    # 1 / (1 + 10^(-10 k (x - middle) / (high - low))) worked out by hand: k = 0.25 over [0, 4] has slope 0.625
    sigmoid = Sigmoid(low=0.0, high=4.0, k=0.25)
    x = np.array([0.0, 1.0, 2.0, 3.6, 4.0])
    expected = [1 / (1 + 10**1.25), 1 / (1 + 10**0.625), 0.5, 1 / (1 + 10**-1.0), 1 / (1 + 10**-1.25)]
    np.testing.assert_allclose(sigmoid(x), expected, rtol=1e-14)
    np.testing.assert_allclose(sigmoid(np.array([3.6])), [10 / 11], rtol=1e-14)


def test_reverse_sigmoid_is_the_mirror_image():
    x = np.linspace(-3, 8, 23)
    forward, backward = Sigmoid(low=0.0, high=4.0, k=0.25), ReverseSigmoid(low=0.0, high=4.0, k=0.25)
    np.testing.assert_allclose(forward(x) + backward(x), 1.0, rtol=1e-14)
    np.testing.assert_allclose(backward(np.array([0.4])), [10 / 11], rtol=1e-14)


def test_double_sigmoid_golden_values():
    # with REINVENT's divisor the slope is 1.5 decades per unit on both sides; half at each end, decided at the middle
    double = DoubleSigmoid(low=200.0, high=500.0, coef_div=100.0)
    x = np.array([198.0, 200.0, 202.0, 350.0, 500.0, 501.0])
    expected = [1 / 1001, 0.5, 1000 / 1001, 1.0, 0.5, 1 / (1 + 10**1.5)]
    np.testing.assert_allclose(double(x), expected, rtol=1e-12)


@pytest.mark.parametrize("width", [1e-6, 0.1, 0.3, 1.0, 10.0, 300.0, 1e9])
@pytest.mark.parametrize("low", [-7.0, 0.0, 0.4])
def test_the_flanks_of_a_double_sigmoid_go_with_its_window(low, width):
    low *= width  # so that the ends are told apart in float64
    double = DoubleSigmoid(low=low, high=low + width)
    x = low + width * np.array([-1.0, -0.1, 0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0, 1.1, 2.0])
    flank = 1 / (1 + 10**1.5)
    expected = [0, flank, 0.5, 1 - flank, 1, 1, 1, 1 - flank, 0.5, flank, 0]
    np.testing.assert_allclose(double(x), expected, atol=1e-4)


def test_a_double_sigmoid_of_ten_is_that_of_reinvent():
    x = np.linspace(-5, 25, 61)
    np.testing.assert_allclose(
        DoubleSigmoid(low=5.0, high=15.0)(x), DoubleSigmoid(low=5.0, high=15.0, coef_div=100.0)(x), rtol=1e-12
    )


def test_double_sigmoid_sides_have_their_own_coefficients():
    double = DoubleSigmoid(low=0.0, high=10.0, coef_div=100.0, coef_si=50.0, coef_se=200.0)
    np.testing.assert_allclose(double(np.array([-2.0, 2.0, 9.5, 10.5])), [1 / 11, 10 / 11, 10 / 11, 1 / 11], rtol=1e-12)


def test_steps_include_their_ends():
    x = np.array([0.1, 0.2, 0.4, 0.6, 0.7])
    assert Step(low=0.2, high=0.6)(x).tolist() == [0, 1, 1, 1, 0]
    assert LeftStep(low=0.4)(x).tolist() == [1, 1, 1, 0, 0]
    assert RightStep(high=0.4)(x).tolist() == [0, 0, 1, 1, 1]


def test_linear_falls_for_the_sa_score():
    np.testing.assert_allclose(
        Linear(low=10.0, high=1.0)(np.array([12.0, 10.0, 5.5, 1.0, 0.0])), [0, 0, 0.5, 1, 1], rtol=1e-15
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: Sigmoid(low=1.0, high=1.0, k=1.0),
        lambda: ReverseSigmoid(low=2.0, high=1.0, k=1.0),
        lambda: DoubleSigmoid(low=5.0, high=1.0),
        lambda: Step(low=2.0, high=1.0),
        lambda: Linear(low=1.0, high=1.0),
    ],
)
def test_ends_in_the_wrong_order_are_refused(make):
    with pytest.raises(ConfigError, match="low"):
        make()


def test_near_a_number_by_hand():
    values = np.array([2.0, 3.0, 1.5, np.nan, np.inf])
    bell = Near(width=0.5, target=2.0)
    np.testing.assert_allclose(bell(values), [1.0, np.exp(-2.0), np.exp(-0.5), np.nan, 0.0])
    assert bell.reads == frozenset()
    window = Near(width=0.5, target=2.0, shape="window")
    np.testing.assert_allclose(window(values[:4]), [1 / (1 + 10**-7.5), 1 / (1 + 10**7.5), 0.5, np.nan])
    np.testing.assert_allclose(window(values[:4]), DoubleSigmoid(low=1.5, high=2.5)(values[:4]), rtol=1e-12)


@pytest.mark.parametrize("shape", ["gaussian", "window"])
def test_near_the_target_of_each_object(shape):
    near = Near(width=0.5, name="logp", shape=shape)
    assert near.reads == {"target_logp"}
    values, targets = np.array([2.0, 2.0, np.nan]), np.array([2.0, 3.0, 2.0])
    out = near.under(values, {"target_logp": targets})
    fixed = [Near(width=0.5, target=t, shape=shape)(v) for v, t in zip(values, targets, strict=True)]
    np.testing.assert_array_equal(out, fixed)
    with pytest.raises(ContractError, match="target_logp, which must be given"):
        near(values)


@pytest.mark.parametrize("arguments", [{}, {"target": 1.0, "name": "logp"}])
def test_near_takes_one_target(arguments):
    with pytest.raises(ConfigError, match="give either target"):
        Near(width=1.0, **arguments)
