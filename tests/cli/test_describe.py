"""``molgfn describe``: groups, members, classes."""

import pytest

from molgfn.config import ROOT, Slot


def test_groups(call):
    lines = call("describe").stdout.splitlines()
    assert {line.split(":")[0] for line in lines} == {k for k, v in ROOT.items() if isinstance(v, Slot)}
    assert "objective: db, subtb, tb" in lines


@pytest.mark.parametrize("group", [k for k, v in ROOT.items() if isinstance(v, Slot)])
def test_members_have_one_line_each(call, group):
    result = call("describe", group)
    assert result.exit_code == 0, result.stderr
    for line in result.stdout.splitlines():
        name, _, text = line.partition(" ")
        assert len(text.strip()) > 10, line
        assert call("describe", f"{group}={name}").exit_code == 0


def test_a_member(call):
    text = call("describe", "objective=subtb").stdout
    assert "molgfn.objectives.subtrajectory_balance.SubTrajectoryBalance" in text
    assert "lambda_    number, above 0; default 0.9" in text
    assert "requires: log_flow, log_pb" in text
    assert "trains: backward, flow, forward" in text
    assert "on_policy: no" in text
    assert "arXiv 2209.12782" in text


def test_what_the_run_supplies_is_not_listed(call):
    text = call("describe", "policy=mlp").stdout.split("Parameters:")[1]
    assert "hidden" in text
    assert "learned_backward" not in text


def test_values_of_the_file_that_are_not_the_default_are_shown(call):
    assert "replay_share  number, at least 0, below 1; default 0.0; here 0.5" in call("describe", "data=replay").stdout


def test_a_dotted_path(call):
    assert "Drug-likeness" in call("describe", "molgfn.oracles.qed.QED").stdout


@pytest.mark.parametrize(
    ("what", "hint"),
    [
        ("objective=subbt", "did you mean `subtb`?"),
        ("objectiv", "did you mean `objective`?"),
        ("objectiv=tb", "did you mean `objective`?"),
        ("molgfn.oracles.qed.QDE", "did you mean `QED`?"),
    ],
)
def test_unknown_names(call, what, hint):
    result = call("describe", what)
    assert result.exit_code == 2
    assert hint in result.stderr
