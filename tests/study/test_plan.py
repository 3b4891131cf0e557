"""Study files are read strictly."""

import pytest

from molgfn.errors import ConfigError
from molgfn.study.plan import read_study
from molgfn.study.preparing import overrides_of

GOOD = """
question: Which?
experiment: quickstart
seeds: [0, 1]
rows:
  - {name: TB, set: objective=tb}
  - {name: DB, set: objective=db}
pictures:
  a.svg: {y: exact/tv, groups: {one: [TB]}}
"""


def study(tmp_path, text):
    path = tmp_path / "a.study.yaml"
    path.write_text(text)
    return path


def test_a_good_one(tmp_path):
    plan = read_study(study(tmp_path, GOOD))
    assert [row.name for row in plan.rows] == ["TB", "DB"]
    assert plan.pictures["a.svg"].x == "found/trajectories"


def test_held_out_molecules_lie_beside_the_study(tmp_path):
    with pytest.raises(ConfigError, match="heldout: there is no file"):
        read_study(study(tmp_path, GOOD + "heldout: given.smi\n"))
    (tmp_path / "given.smi").write_text("CCO\n")
    assert read_study(study(tmp_path, GOOD + "heldout: given.smi\n")).heldout == str(tmp_path / "given.smi")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("seeds:", "seed:", "seed"),
        ("[0, 1]", "[]", "seeds"),
        ("[0, 1]", "[zero]", "seeds"),
        ("name: DB", "name: TB", "more than one row is called TB"),
        ("[TB]}", "[XX]}", "there is no row `XX`"),
        ("question: Which?", "question: [", "not YAML"),
        ("{y: exact/tv,", "{z: exact/tv,", "pictures"),
    ],
)
def test_mistakes_are_named(tmp_path, old, new, says):
    with pytest.raises(ConfigError, match=says):
        read_study(study(tmp_path, GOOD.replace(old, new)))


def test_no_such_file(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        read_study(tmp_path / "none.yaml")


TASKS = GOOD.replace("experiment: quickstart", "tasks: [{name: a, experiment: quickstart}, {name: b, experiment: x}]")


def test_tasks_and_what_is_compared(tmp_path):
    text = TASKS.replace("set: objective=db}", "set: objective=db, tasks: {b: optimizer.lr=1}}")
    plan = read_study(study(tmp_path, text + "budget: {reward_calls: 100}\ncompare: {baseline: DB}\n"))
    assert [task.name for task in plan.all_tasks] == ["a", "b"]
    assert overrides_of(plan, plan.tasks[1], plan.rows[1]) == ["objective=db", "optimizer.lr=1"]
    assert (plan.baseline, plan.budget.spent) == ("DB", ("reward_calls", 100))
    assert [task.name for task in read_study(study(tmp_path, GOOD)).all_tasks] == [""]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("experiment: quickstart\n", "either one `experiment` or a list of `tasks`"),
        ("budget: {reward_calls: 100, seconds: 3}\n", "one of reward_calls, gradient_steps and seconds"),
        ("budget: {}\n", "one of reward_calls, gradient_steps and seconds"),
        ("compare: {baseline: XX}\n", "compare.baseline: there is no row `XX`"),
    ],
)
def test_mistakes_of_tasks_and_budgets_are_named(tmp_path, more, says):
    with pytest.raises(ConfigError, match=says):
        read_study(study(tmp_path, TASKS + more))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("{name: b,", "{name: a,", "more than one task is called a"),
        ("{name: TB, set: objective=tb}", "{name: TB, tasks: {c: ''}}", "rows.TB.tasks: there is no task `c`"),
        ("{name: b,", "{name: b, scales: {tv: {worst: 1, best: 1}},", "worst and best are both 1"),
    ],
)
def test_mistakes_in_tasks_are_named(tmp_path, old, new, says):
    with pytest.raises(ConfigError, match=says):
        read_study(study(tmp_path, TASKS.replace(old, new)))
