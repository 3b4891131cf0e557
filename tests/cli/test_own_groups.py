"""Config groups of one's own, in folders outside: used by name from the command line and from experiment files."""

import pytest
import yaml

from .conftest import GRID

OBJECTIVE = '''
from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance


class Mine(TrajectoryBalance):
    """Trajectory balance with a number more.

    Args:
        weight: a number.
    """

    def __init__(self, *, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight
'''


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A folder ``lab`` with groups of its own, and another one, ``work``, in which commands are called."""
    files = {
        "lab/my_objective.py": OBJECTIVE,
        "lab/objective/mine.yaml": "_target_: my_objective.py:Mine\nweight: 2.0\n",
        "lab/objective/short.yaml": "defaults: [subtb, _self_]\nlambda_: 0.5\n",
        "lab/objective/lost.yaml": "defaults: [subtbb, _self_]\n",
        "lab/rewards/reward/steep.yaml": "defaults: [power, _self_]\nbeta: 3.0\n",
        "lab/grid.yaml": GRID.replace("override /policy: mlp", "override /policy: mlp\n  - override /objective: mine"),
        "work/child.yaml": "defaults: [../lab/grid, override /reward: steep, _self_]\n"
        "name: child\nsearchpath: ../lab/rewards\n",
        "work/grandchild.yaml": "defaults: [child, _self_]\nname: grandchild\n",
        "work/plain.yaml": GRID,
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "lab"


def checked(call, *arguments):
    result = call("train", *arguments, "--check")
    assert result.exit_code == 0, result.output
    return yaml.safe_load(result.stdout)


def test_a_name_from_another_folder_on_the_command_line(call, lab):
    for folders in (
        "searchpath=../lab",
        "searchpath=[../lab]",
        f"searchpath={lab}",
        "searchpath=[../lab/rewards,../lab]",
    ):
        config = checked(call, "plain.yaml", "objective=short", folders)
        assert config["objective"]["lambda_"] == 0.5
        assert config["objective"]["_target_"].endswith("SubTrajectoryBalance")
        assert "searchpath" not in config
    assert checked(call, "plain.yaml", "objective=mine", "searchpath=../lab", "objective.weight=7")["objective"] == {
        "_target_": f"{lab / 'my_objective.py'}:Mine",
        "weight": 7,
    }


def test_an_experiment_file_beside_the_groups_trains(call, lab):
    result = call("train", lab / "grid.yaml", "trainer.iterations=2", "output=runs")
    assert result.exit_code == 0, result.output
    (run,) = (lab.parent / "work" / "runs").iterdir()
    assert yaml.safe_load((run / "config.yaml").read_text())["objective"]["weight"] == 2
    assert (run / "checkpoints" / "last.ckpt").is_file()
    sampled = call("sample", run, "-n", "3", "-o", "out.csv", "--log-pt-samples", "0")
    assert sampled.exit_code == 0, sampled.output


@pytest.mark.parametrize("name", ["child", "grandchild"])
def test_experiments_inherit_groups_and_search_paths_from_other_folders(call, lab, name):
    config = checked(call, f"{name}.yaml")
    assert config["name"] == name
    assert config["objective"]["weight"] == 2, "a group beside the parent"
    assert config["reward"]["beta"] == 3, "a group of the search path, which starts from a shipped one"


def test_all_members_of_a_group_make_a_grid(call, lab):
    result = call("train", "plain.yaml", "searchpath=../lab", "objective=glob(m*)", "-m", "--check")
    assert result.exit_code == 0, result.output
    assert "objective=mine" in result.stdout
    assert "objective=mdb" in result.stdout


def test_what_lies_beside_the_experiment_comes_before_the_search_path(call, lab):
    nearer = lab.parent / "work" / "objective"
    nearer.mkdir()
    (nearer / "short.yaml").write_text("defaults: [subtb, _self_]\nlambda_: 0.25\n")
    assert checked(call, "plain.yaml", "objective=short", "searchpath=../lab")["objective"]["lambda_"] == 0.25


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["searchpath=../nowhere"], "searchpath: there is no folder"),
        (["searchpath=3"], "searchpath: should be a list of folders such as [../configs], got 3"),
        (["objective=min", "searchpath=../lab"], "objective: there is no `min`; did you mean `mine`?"),
        (
            ["objective=lost", "searchpath=../lab"],
            "objective/lost.yaml: defaults: objective: there is no `subtbb`; did you mean `subtb`?",
        ),
        (["objective=mine"], "objective: there is no `mine`"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(call, lab, words, says):
    result = call("train", "plain.yaml", *words, "--check")
    assert result.exit_code == 2
    (line,) = [line for line in result.stderr.splitlines() if "(in the searchpath)" not in line]
    assert line.startswith(f"error: {says}")


def test_a_search_path_in_a_file_that_is_not_there_names_the_file(call, lab):
    (lab / "lost.yaml").write_text("defaults: [grid, _self_]\nsearchpath: [nowhere]\n")
    result = call("train", lab / "lost.yaml", "--check")
    assert result.exit_code == 2
    assert result.stderr == f"error: {lab / 'lost.yaml'}: searchpath: there is no folder {lab / 'nowhere'}\n"


@pytest.mark.parametrize("words", [["searchpath=../lab"], ["searchpath=[../lab/rewards,../lab]"], ["child.yaml"]])
def test_describe_lists_them_beside_the_shipped_ones(call, lab, words):
    result = call("describe", "objective", *words)
    assert result.exit_code == 0, result.output
    lines = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert lines["mine"].endswith(f"  Trajectory balance with a number more. ({lab / 'objective' / 'mine.yaml'})")
    assert f"({lab / 'objective' / 'short.yaml'})" in lines["short"]
    assert "cannot be used: " in lines["lost"]
    assert "subtbb" in lines["lost"]
    assert lines["tb"].split() == ["tb", "Trajectory", "balance."]
    (line,) = [line for line in call("describe", *words).stdout.splitlines() if line.startswith("objective: ")]
    assert {"mine", "short", "lost", "tb"} <= set(line.removeprefix("objective: ").split(", "))


def test_describe_explains_one_with_what_it_inherits(call, lab):
    text = call("describe", "objective=mine", "searchpath=../lab").stdout
    assert text.splitlines()[:2] == ["objective=mine", f"{lab / 'my_objective.py'}:Mine"]
    assert "weight  number; default 1.0; here 2.0" in text
    assert "gradient to: P_F, P_B (with backward=joint), log Z" in text
    text = call("describe", "reward=steep", "child.yaml").stdout
    assert text.splitlines()[1] == "molgfn.rewards.power.Power"
    assert "number, at least 0 or null; default 1.0; here 3.0" in text


def test_describe_finds_those_of_the_current_folder(call, lab, monkeypatch):
    monkeypatch.chdir(lab)
    assert "\nmine " in call("describe", "objective").stdout
    assert "here 0.5" in call("describe", "objective=short").stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["objective=lost", "searchpath=../lab"], "objective/lost.yaml: "),
        (["objective=min", "searchpath=../lab"], "objective: there is no `min`; did you mean `mine`?"),
        (["objective", "searchpath=../nowhere"], "searchpath: there is no folder"),
        (["objective", "nowhere.yaml"], "nowhere.yaml: no such experiment file"),
        (["objective", "weight=3"], "weight=3: only transforms are drawn with values"),
    ],
)
def test_describe_says_in_one_line_what_is_not_there(call, lab, words, says):
    result = call("describe", *words)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert says in line
