"""Study files are read strictly."""

import pytest

from molgfn.errors import ConfigError
from molgfn.study.plan import read_study

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
