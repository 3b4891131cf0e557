"""Numbers: lists of values, ranges below 0, and targets."""

import pytest
import torch

from molgfn.conditions.draws import Constant, Discrete, Gamma, LogUniform, Uniform
from molgfn.conditions.target import Target
from molgfn.conditions.temperature import Temperature
from molgfn.errors import ConfigError, ContractError


@pytest.mark.parametrize("probabilities", [None, [0.1, 0.6, 0.3]])
def test_a_list_of_values_is_drawn_with_its_probabilities(probabilities):
    draw = Discrete(values=[16.0, 1.0, 4.0], probabilities=probabilities)
    found = draw.draw(20_000, torch.Generator().manual_seed(0))
    values, counts = found.unique(return_counts=True)
    assert values.tolist() == [1.0, 4.0, 16.0]
    expected = [1 / 3] * 3 if probabilities is None else [0.6, 0.3, 0.1]
    assert (counts / 20_000).tolist() == pytest.approx(expected, abs=5 * (0.25 / 20_000) ** 0.5)
    shares = draw.share(values)
    assert shares.tolist() == pytest.approx([sum(expected[: i + 1]) for i in range(3)])
    assert draw.value(shares).tolist() == values.tolist()
    assert draw.spread(3).tolist() == draw.spread(10).tolist() == values.tolist()
    assert (draw.low, draw.high, draw.positive) == (1.0, 16.0, True)


def test_values_beside_the_list_are_refused_with_the_list():
    condition = Temperature(beta=Discrete(values=[1, 4, 16]))
    assert condition.reference == {"beta": 4.0}
    assert condition.row({"temperature": 16}).tolist() == [16.0]
    with pytest.raises(ConfigError, match="beta is 8, but the temperature is drawn from the list 1, 4, 16"):
        condition.row({"temperature": 8})
    assert condition.validation(7)[:, 0].tolist() == [1.0, 4.0, 16.0]
    assert len(condition.encode(condition.validation(7)).unique(dim=0)) == 3


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Discrete(values=[1.0, 1.0]), "each should be there once"),
        (lambda: Discrete(values=[1.0, 2.0], probabilities=[1.0]), "there are 1, but 2 values"),
        (lambda: Discrete(values=[1.0, 2.0], probabilities=[0.5, 0.6]), "should sum to 1, not to 1.1"),
        (
            lambda: Temperature(beta=Uniform(low=-1.0, high=4.0)),
            "beta should be drawn above 0, but is drawn from -1 to 4",
        ),
        (lambda: Temperature(beta=Uniform(low=0.0, high=4.0)), "above 0"),
        (lambda: Temperature(beta=Discrete(values=[0.0, 4.0])), "above 0"),
        (lambda: Temperature(beta=Constant(value=-1.0)), "above 0, but is drawn -1 alone"),
        (
            lambda: Target(name="logp", draw=Uniform(low=0, high=5), reference=7.0),
            "reference: target_logp is 7, but the",
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, says):
    with pytest.raises(ConfigError, match=says):
        make()


def test_quantiles_are_what_an_evaluation_looks_at():
    for draw in (Uniform(low=-3, high=5), LogUniform(), Gamma()):
        spread = Target(name="x", draw=draw).validation(8)[:, 0]
        torch.testing.assert_close(draw.share(spread), (torch.arange(8).double() + 0.5) / 8)
    assert Target(name="x", draw=Constant(value=-2.0)).validation(8).tolist() == [[-2.0]]


def test_a_target_may_lie_below_0():
    target = Target(name="logp", draw=Uniform(low=-2.0, high=6.0), bins=4)
    assert target.columns == ("target_logp",)
    assert target.reference == {"target_logp": 2.0}
    assert target.row({"target": -1.5}).tolist() == [-1.5]
    assert target.row({"target": -2.0}).tolist() == [-2.0]
    values = target.draw(20_000, torch.Generator().manual_seed(0))
    assert values.min() >= -2
    assert values.mean().item() == pytest.approx(2, abs=0.1)
    assert target.encode(torch.tensor([[-1.0]], dtype=torch.float64)).tolist() == [[0.5, 0, 0, 0]]
    for value in (-9.0, 99.0):  # the thermometer saturates outside
        at_the_end = torch.tensor([[-2.0 if value < 0 else 6.0]], dtype=torch.float64)
        assert torch.equal(target.encode(torch.tensor([[value]], dtype=torch.float64)), target.encode(at_the_end))
    with pytest.raises(ConfigError, match="target_logp is 7, but the target of logp is drawn from -2 to 6"):
        target.row({"target": 7})


def test_hindsight_is_the_value_of_the_object_where_it_could_have_been_asked_for():
    target = Target(name="logp", draw=Uniform(low=-2.0, high=6.0))
    values = target.draw(4, torch.Generator().manual_seed(0))
    own = target.hindsight(values, {"logp_raw": torch.tensor([1.5, float("nan"), 6.5, -2.0])})
    assert own[:, 0].tolist() == [1.5, values[1, 0].item(), values[2, 0].item(), -2.0]
    with pytest.raises(ContractError, match="about logp, but the reward says nothing of it"):
        target.hindsight(values, {})
