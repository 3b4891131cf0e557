"""Every shipped condition keeps the contract, and a class that breaks it is found out."""

from pathlib import Path

import pytest
import torch
import yaml

from molgfn.conditions.base import Condition, Fixed
from molgfn.conditions.draws import Constant, Discrete, Gamma, LogUniform, Uniform
from molgfn.conditions.encoders import Thermometer
from molgfn.conditions.goal import Goal
from molgfn.conditions.preference import Preference
from molgfn.conditions.several import Several
from molgfn.conditions.target import Target
from molgfn.conditions.temperature import Temperature
from molgfn.config import build
from molgfn.errors import ConfigError, ContractError
from molgfn.testing import check_condition

CONFIGS = Path(__file__).parents[2] / "configs" / "condition"
NAMES = ["a", "b", "c"]


def filled(node):
    """A shipped config with names where they are left to the oracle or to the user."""
    if not isinstance(node, dict):
        return node
    own = {"names": NAMES} if node.get("names", 0) is None else {"name": "a"} if node.get("name") == "???" else {}
    return {**{key: filled(value) for key, value in node.items()}, **own}


def achieved(n=256):
    generator = torch.Generator().manual_seed(5)
    good = {name: torch.rand(n, generator=generator, dtype=torch.float64) for name in NAMES}
    return {**good, **{f"{name}_raw": column for name, column in good.items()}}


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_contract_holds_for_what_is_shipped(path):
    condition = build(filled(yaml.safe_load(path.read_text())), Condition, "condition")
    check_condition(condition, achieved=achieved())


@pytest.mark.parametrize(
    "condition",
    [
        Temperature(beta=Constant(value=3.0)),
        Temperature(beta=Gamma(shape=2, scale=8), encoding="plain"),
        Temperature(beta=Discrete(values=[1, 4, 16]), per_condition=4),
        Target(name="a", draw=Uniform(low=-2.0, high=0.5)),
        Fixed(Preference(names=NAMES), {"preference": [0.2, 0.3, 0.5]}),
    ],
)
def test_the_contract_holds_for_other_settings(condition):
    check_condition(condition, achieved=achieved())


class Own(Condition):
    """A value between 0 and 1, kept well."""

    name, label, columns = "the value", "own", ("own",)

    @property
    def reference(self):
        return {"own": 0.5}

    def __init__(self):
        self.encoder = Thermometer(bins=4)
        self.size = self.encoder.size

    def draw(self, n, generator=None, device="cpu"):
        return torch.rand(n, 1, generator=generator, device=device, dtype=torch.float64)

    def encode(self, values):
        return self.encoder(values)

    def problem(self, values):
        return None if 0 <= values["own"] <= 1 else "out of range"


class Unseeded(Own):
    def draw(self, n, generator=None, device="cpu"):
        return torch.rand(n, 1, dtype=torch.float64)


class Blind(Own):
    def encode(self, values):
        return torch.zeros(len(values), 4)


class Mixed(Own):
    def encode(self, values):
        return super().encode(values - values.mean() + 0.5)


class Beyond(Own):
    def draw(self, n, generator=None, device="cpu"):
        return 2 * super().draw(n, generator, device)


class Narrow(Own):
    def encode(self, values):
        return super().encode(values)[:, :2]


class Nameless(Own):
    @property
    def reference(self):
        return {"other": 0.5}


class Moving(Own):
    def hindsight(self, values, achieved):
        values += 0.0
        return values * 0 + 7


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (Unseeded, "differs for the same seed"),
        (Blind, "shows all conditions alike"),
        (Mixed, "depends on the other rows"),
        (Beyond, "does not accept .* itself: out of range"),
        (Narrow, r"should give torch.float32 \[256, 4\]"),
        (Nameless, "`reference` has"),
        (Moving, "hindsight: does not accept"),
    ],
)
def test_a_class_that_breaks_the_contract_is_found_out(broken, says):
    check_condition(Own())
    with pytest.raises(ContractError, match=says):
        check_condition(broken(), achieved=achieved())


def test_words_and_columns_name_the_same_numbers():
    condition = Several(
        conditions={"temperature": Temperature(beta=LogUniform()), "wish": Preference(names=["a", "b"])}
    )
    assert condition.columns == ("beta", "preference_a", "preference_b")
    one = condition.row({"temperature": 8, "wish": [0.2, 0.8]})
    other = condition.row({"beta": 8.0, "preference_a": 0.2, "preference_b": 0.8})
    assert one.tolist() == other.tolist() == [8.0, 0.2, 0.8]
    assert condition.row({"wish": (1, 0)}).tolist() == pytest.approx([8.0, 1.0, 0.0])  # the median of the temperature
    assert condition.by_column(one) == {"beta": 8.0, "preference_a": 0.2, "preference_b": 0.8}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"preference": [0.5, 0.5]}, r"there is no preference in .*; it has beta, .*condition.wish=...: 2 weights"),
        ({"wish": [0.5, 0.6]}, r"the weights 0.5, 0.6 should not be negative and should sum to 1 \(they sum to 1.1\)"),
        ({"wish": [0.5]}, r"condition.wish: should be 2 weights \(a, b\).*, got 1 number"),
        ({"wish": [0.5, float("nan")]}, "should sum to 1"),
        ({"temperature": [1, 2]}, r"condition.temperature: should be 1 number \(beta\), from 1 to 64, got 2 numbers"),
        ({"temperature": 100}, "beta is 100, but the temperature is drawn from 1 to 64"),
        ({"temperature": 2, "beta": 3}, "beta is given twice, by its name and by its label"),
        ({"beta": [2, 3]}, "beta is one number, got 2"),
        ({"wish": ".2,.8"}, "should be a number or a list of numbers, got '.2,.8'"),
        ({"temperature": "8"}, "condition.temperature: should be a number or a list of numbers, got '8'"),
        ({"temperature": None}, "condition.temperature: should be a number or a list of numbers, got None"),
    ],
)
def test_numbers_that_cannot_be_are_refused_with_what_can(given, says):
    condition = Several(conditions={"temperature": Temperature(), "wish": Preference(names=["a", "b"])})
    with pytest.raises(ConfigError, match=says):
        condition.row(given)


def test_several_are_drawn_by_themselves_and_spread_by_all_combinations():
    parts = {"temperature": Temperature(), "preference": Preference(names=["a", "b"])}
    condition = Several(conditions=parts)
    generator, same = torch.Generator().manual_seed(3), torch.Generator().manual_seed(3)
    both = torch.cat([one.draw(7, same) for one in parts.values()], 1)
    assert torch.equal(condition.draw(7, generator), both)
    shown = torch.cat([parts["temperature"].encode(both[:, :1]), parts["preference"].encode(both[:, 1:])], 1)
    assert torch.equal(condition.encode(both), shown)
    spread = condition.validation(17)
    assert len(spread) == 16
    assert [len(spread[:, column].unique()) for column in (0, 1)] == [4, 4]


@pytest.mark.parametrize(
    ("conditions", "says"),
    [
        ({"t": Temperature(), "u": Temperature()}, "beta would be drawn twice"),
        ({"t": Temperature(per_condition=2)}, "leave it at 1 and set condition.per_condition to 2"),
    ],
)
def test_conditions_that_do_not_go_together_are_refused(conditions, says):
    with pytest.raises(ConfigError, match=says):
        Several(conditions=conditions)


def test_only_goals_and_targets_have_hindsight():
    target = Target(name="a", draw=Uniform())
    for condition, has in ((Temperature(), False), (Preference(names=NAMES), False), (Goal(names=NAMES), True)):
        assert condition.has_hindsight is has
        assert Several(conditions={"one": condition, "other": target}).has_hindsight
    assert not Several(conditions={"one": Temperature()}).has_hindsight
