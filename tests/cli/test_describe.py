"""``molgfn describe``: groups, members, classes."""

import re

import numpy as np
import pytest
from click.testing import CliRunner

from molgfn.cli.describing import curves
from molgfn.cli.main import cli
from molgfn.config import GROUPS, Slot
from molgfn.rewards import transforms
from molgfn.rewards.transforms import Transform


def test_groups(call):
    lines = call("describe").stdout.splitlines()
    groups = {k for k, v in GROUPS.items() if isinstance(v, Slot)}
    assert {line.split(":")[0] for line in lines} == {*groups, "transform"}  # which are in no group of configs
    (objectives,) = [line.partition(": ")[2].split(", ") for line in lines if line.startswith("objective:")]
    assert {"db", "subtb", "tb"} <= set(objectives)
    assert objectives == sorted(objectives)


@pytest.mark.parametrize("group", [k for k, v in GROUPS.items() if isinstance(v, Slot)])
def test_members_have_one_line_each(call, group):
    result = call("describe", group)
    assert result.exit_code == 0, result.stderr
    for line in result.stdout.splitlines():
        name, _, text = line.partition(" ")
        assert len(text.strip()) > 10, line
        assert call("describe", f"{group}={name}").exit_code == 0


def test_a_member(call):
    text = call("describe", "objective=subtb").stdout
    assert "molgfn.objectives.balance.subtrajectory_balance.SubTrajectoryBalance" in text
    assert re.search(r"^  lambda_ +number, above 0; default 0.9$", text, re.MULTILINE)
    assert "trajectories: of any policy (off-policy)" in text
    assert "reads: log_pb, log_flow" in text
    assert "gradient to: P_F, P_B (with backward=joint), log F or V" in text
    assert "an iteration: 1 step" in text
    assert "target network: none; target=soft or target=periodic adds one" in text
    assert "arXiv 2209.12782" in text


def test_what_the_run_supplies_is_not_listed(call):
    text = call("describe", "policy=mlp").stdout.split("Parameters:")[1]
    assert "hidden" in text
    assert "learned_backward" not in text


def test_values_of_the_file_that_are_not_the_default_are_shown(call):
    assert re.search(r"sources.replay.capacity +int, at least 1; here 10000", call("describe", "data=replay").stdout)


def test_what_depends_on_parameters_is_that_of_the_file(call):
    """Phases, target network and further networks are those of the object that the file describes."""
    text = call("describe", "objective=ent_ppo").stdout
    assert "trajectories: of the present P_F only (on-policy)" in text
    assert "an iteration: policy 4 steps, then critic 8 steps (4 passes over 2 parts of the batch)" in text
    assert "target network" not in text.split("Declares:")[1]
    text = call("describe", "objective=soft_dqn").stdout
    assert "target network: follows by 0.25 every iteration" in text
    text = call("describe", "objective=rl_t").stdout
    assert "policy 1 step in a trust region of 0.01" in text
    text = call("describe", "objective=mdb").stdout
    assert "environment needs: a legal stop and a reward in every state" in text
    text = call("describe", "objective=sac").stdout
    assert "further networks: q1" in text


def test_a_backward_policy(call):
    text = call("describe", "backward=pessimistic").stdout
    assert "trained by: a loss of its own" in text
    assert "trained on: batches out of the latest 20" in text
    assert "an iteration: 8 steps before those of the forward objective" in text
    assert "P_B: uniform, nothing to train" in call("describe", "backward=uniform").stdout


def test_components_inside_are_explained(call):
    text = call("describe", "data=local_search").stdout
    assert "sources.local_search: molgfn.trajectories.sources.local_search.LocalSearch" in text
    assert re.search(r"sources.local_search.rounds +int, at least 1; here 7", text)
    assert "draws: data.sources.local_search rebuilds" in text


def test_the_tables(call):
    result = call("describe", "--markdown")
    assert result.stdout.startswith("# Objectives and backward policies")
    assert "| `tb` | TrajectoryBalance | any policy |" in result.stdout
    refused = call("describe", "objective=tb", "--markdown")
    assert refused.exit_code == 2
    assert "leave this out" in refused.stderr


def test_a_dotted_path(call):
    assert "Drug-likeness" in call("describe", "molgfn.oracles.properties.qed.QED").stdout


@pytest.mark.parametrize(
    ("what", "hint"),
    [
        ("objective=subbt", "did you mean `subtb`?"),
        ("objectiv", "did you mean `objective`?"),
        ("objectiv=tb", "did you mean `objective`?"),
        ("molgfn.oracles.properties.qed.QDE", "did you mean `QED`?"),
    ],
)
def test_unknown_names(call, what, hint):
    result = call("describe", what)
    assert result.exit_code == 2
    assert hint in result.stderr


def test_transforms_are_listed_with_their_curves(call):
    listed = call("describe", "transform")
    assert listed.exit_code == 0
    lines = {line.split()[0]: line for line in listed.stdout.splitlines() if line and line[0].isalpha()}
    shipped = [n for n, c in vars(transforms).items() if isinstance(c, type) and issubclass(c, Transform)]
    assert set(shipped) - {"Transform"} <= set(lines)
    assert "\u2588\u2588\u2588" in lines["Step"]
    assert f"transform: {', '.join(n for n in shipped if n != 'Transform')}" in call("describe").stdout
    assert set(curves.EXAMPLES) == set(shipped) - {"Transform"}


def test_a_transform_is_drawn_with_the_values_given(call):
    result = call("describe", "transform=DoubleSigmoid", "low=200", "high=500")
    assert result.exit_code == 0
    assert "coef_div" in result.stdout
    drawn = result.stdout.split("Drawn with low 200, high 500\n\n")[1].splitlines()
    x, y = ([float(cell) for cell in line.split()[1:]] for line in drawn[-2:])
    np.testing.assert_allclose(x, np.linspace(-100, 800, 13), atol=0.05)
    np.testing.assert_allclose(y, transforms.DoubleSigmoid(low=200, high=500)(np.array(x)), atol=6e-4)
    # the top row is full where the curve is 1, the bottom row empty where it is 0
    rows = [line.partition("|")[2].ljust(curves.WIDTH) for line in drawn if "|" in line]
    values = transforms.DoubleSigmoid(low=200, high=500)(np.linspace(-100, 800, curves.WIDTH))
    assert len(rows) == curves.ROWS
    for value, top, bottom in zip(values, rows[0], rows[-1], strict=True):
        assert (top == "\u2588") == (value > 0.98)
        assert (bottom == " ") == (value <= 0.005)


@pytest.mark.parametrize("name", sorted(curves.EXAMPLES))
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_every_transform_has_an_example_whatever_the_terminal(name, encoding):
    result = CliRunner(charset=encoding).invoke(cli, ["describe", f"transform={name}"])
    assert result.exit_code == 0, result.output
    assert "For example with" in result.output
    assert result.output.isascii() or encoding == "utf-8"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["transform=sigmoid", "low=1"], "there is no `sigmoid`; did you mean `Sigmoid`?"),
        (["transform=Sigmoid", "lo=1", "high=3"], "transform.lo: Sigmoid has no parameter `lo`; did you mean `low`?"),
        (["transform=Sigmoid", "low", "high=3"], "low: should be a parameter and its value"),
        (["transform=Sigmoid", "low=5", "high=3"], "low=5.0 must lie below high=3.0"),
        (["transform=Sigmoid", "low=five", "high=3"], "transform.low: should be a valid number, got 'five'"),
        (["transform", "low=5"], "say which transform, such as transform=Sigmoid low=5"),
        (["objective=tb", "x=5"], "x=5: only transforms are drawn"),
    ],
)
def test_a_transform_that_cannot_be_drawn_is_said(call, arguments, text):
    result = call("describe", *arguments)
    assert result.exit_code == 2
    assert text in result.stderr, result.stderr


def test_a_quantity_says_what_it_is_read_from(call):
    text = call("describe", "molgfn.trajectories.quantities.prior.KLToPrior").stdout
    assert "reads: P_F of policy; P_F of prior" in text
    assert "needs of P_F: an exact KL divergence" in text
    text = call("describe", "molgfn.trajectories.quantities.flows.NextLogFlow").stdout
    assert "reads: log F of policy; log F of the target network of policy, where there is one" in text
    assert "on pads: 0" in text
    text = call("describe", "molgfn.trajectories.quantities.children.LogChildren").stdout
    assert "on pads: -inf" in text
