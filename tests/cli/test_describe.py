"""``molgfn describe``: groups, members, classes."""

import re

import pytest

from molgfn.config import ROOT, Slot


def test_groups(call):
    lines = call("describe").stdout.splitlines()
    assert {line.split(":")[0] for line in lines} == {k for k, v in ROOT.items() if isinstance(v, Slot)}
    (objectives,) = [line.partition(": ")[2].split(", ") for line in lines if line.startswith("objective:")]
    assert {"db", "subtb", "tb"} <= set(objectives)
    assert objectives == sorted(objectives)


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
    assert re.search(r"^  lambda_ +number, above 0; default 0.9$", text, re.MULTILINE)
    assert "trajectories: of any policy (off-policy)" in text
    assert "requires: log_flow, log_pb" in text
    assert "gradient to: P_F, P_B (with backward=joint), log F or V" in text
    assert "an iteration: 1 step" in text
    assert "target network: none; target=soft or target=periodic adds one" in text
    assert "arXiv 2209.12782" in text


def test_what_the_run_supplies_is_not_listed(call):
    text = call("describe", "policy=mlp").stdout.split("Parameters:")[1]
    assert "hidden" in text
    assert "learned_backward" not in text


def test_values_of_the_file_that_are_not_the_default_are_shown(call):
    assert re.search(
        r"replay_share +number, at least 0, below 1; default 0.0; here 0.5", call("describe", "data=replay").stdout
    )


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
    assert "local_search: molgfn.trajectories.local_search.LocalSearch" in text
    assert "local_search.rounds  int, at least 1; here 7" in text
    assert "draws: data.local_search rebuilds" in text


def test_the_tables(call):
    result = call("describe", "--markdown")
    assert result.stdout.startswith("# Objectives and backward policies")
    assert "| `tb` | TrajectoryBalance | any policy |" in result.stdout
    refused = call("describe", "objective=tb", "--markdown")
    assert refused.exit_code == 2
    assert "leave this out" in refused.stderr


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
