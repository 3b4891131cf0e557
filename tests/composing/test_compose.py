"""Composing an experiment: what comes out, and how mistakes are reported."""

import shlex

import pytest
import yaml

from molgfn.composing.compose import apply, checked, compose, expand
from molgfn.errors import ConfigError


@pytest.fixture
def experiment(tmp_path):
    """Write an experiment file and return its path as text."""

    def write(text: str, name: str = "mine.yaml") -> str:
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


GRID = """
defaults:
  - train
  - override /environment: hypergrid
  - override /oracle: hypergrid
  - override /policy: mlp
  - override /objective: db
  - _self_
name: grid
environment: {side: 8}
"""


def refused(*arguments) -> list[str]:
    with pytest.raises(ConfigError) as error:
        checked(*arguments)
    assert len(error.value.problems) < 10
    return error.value.problems


def test_an_experiment_outside_the_repository_composes_to_plain_data(experiment):
    config = checked(
        experiment(GRID), ["seed=3", "objective=subtb", "objective.lambda_=0.5", "environment.dimensions=3"]
    )
    assert config["seed"] == 3
    assert config["name"] == "grid"
    assert config["objective"]["_target_"].endswith("SubTrajectoryBalance")
    assert config["objective"]["lambda_"] == 0.5
    assert (config["oracle"]["side"], config["oracle"]["dimensions"]) == (8, 3)
    assert yaml.safe_load(yaml.safe_dump(config)) == config
    assert type(config["environment"]) is dict


def test_groups_beside_the_experiment_are_found_without_a_search_path(experiment, tmp_path):
    (tmp_path / "objective").mkdir()
    (tmp_path / "objective" / "mine.yaml").write_text(
        "_target_: molgfn.objectives.balance.subtrajectory_balance.SubTrajectoryBalance\nlambda_: 0.1\n"
    )
    assert checked(experiment(GRID), ["objective=mine"])["objective"]["lambda_"] == 0.1
    assert "did you mean `mine`?" in refused(experiment(GRID), ["objective=mien"])[0]


def test_groups_of_a_search_path_are_found(experiment, tmp_path):
    (tmp_path / "lib" / "objective").mkdir(parents=True)
    (tmp_path / "lib" / "objective" / "far.yaml").write_text(
        "_target_: molgfn.objectives.balance.subtrajectory_balance.SubTrajectoryBalance\nlambda_: 0.2\n"
    )
    text = f"{GRID}\nhydra:\n  searchpath: ['file://{tmp_path / 'lib'}']\n"
    assert checked(experiment(text), ["objective=far"])["objective"]["lambda_"] == 0.2


def test_a_misspelt_key_in_the_experiment_file(experiment):
    path = experiment(GRID.replace("{side: 8}", "{sid: 8}") + "objective: {reducton: trajectory}\nsed: 1\n")
    assert refused(path) == [
        "sed: a run has no key `sed`; did you mean `seed`?",
        "environment.sid: HyperGrid has no parameter `sid`; did you mean `side`?",
        "objective.reducton: DetailedBalance has no parameter `reducton`; did you mean `reduction`?",
    ]


def test_misspelt_keys_on_the_command_line(experiment):
    found = refused(
        experiment(GRID), ["objective.lamda=0.9", "objectve=db", "trainer.iteratons=5", "optimizer.lr=fast"]
    )
    assert found == [
        "objectve: a run has no key `objectve`; did you mean `objective`?",
        "objective.lamda: DetailedBalance has no parameter `lamda`; "
        "there is reduction, regression, huber_delta, epochs",
        "optimizer.lr: should be a valid number, got 'fast'",
        "trainer.iteratons: TrainerSettings has no parameter `iteratons`; did you mean `iterations`?",
    ]


def test_a_nested_component(experiment):
    path = experiment("defaults: [train, override /oracle: qed_sa, _self_]\n")
    found = refused(
        path,
        ["oracle.components.qed.wieght=2", "oracle.components.sa.oracle._target_=molgfn.oracles.properties.sa.SAA"],
    )
    assert found == [
        "oracle.components.qed.wieght: Component has no parameter `wieght`; did you mean `weight`?",
        "oracle.components.sa.oracle: there is no class `SAA` in molgfn.oracles.properties.sa; did you mean `SA`?",
    ]


def test_an_object_of_the_wrong_kind(experiment):
    target = "molgfn.policies.tabular.TabularPolicy"
    found = refused(experiment("defaults: [train, _self_]\n"), [f"oracle._target_={target}"])
    assert found == ["oracle: `TabularPolicy` is not an Oracle or Scalarisation"]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("seed=abc", "seed: should be a valid integer, got 'abc'"),
        ("seed=1.5", "seed: should be a valid integer, got 1.5"),
        ("seed=-1", "seed: should be greater than or equal to 0, got -1"),
        ("environment.side=8.5", "environment.side: should be a valid integer, got 8.5"),
        ("environment.side=true", "environment.side: should be a valid integer, got True"),
        ("environment.side=1", "environment.side: should be greater than or equal to 2, got 1"),
        ("objective.reduction=trajectry", "did you mean `trajectory`?"),
        ("objective=null", "objective: should be a name such as `objective=agfn`, got None"),
        ("objective={reduction: x}", "objective.reduction: should be 'trajectory' or 'transition', got 'x'"),
    ],
)
def test_wrong_values(experiment, value, problem):
    assert any(problem in line for line in refused(experiment(GRID), [value]))


def test_unknown_names_are_reported_together_and_nothing_is_said_about_what_stands_in_for_them(experiment):
    found = refused(experiment(GRID), ["objective=subbt", "objective.lambda_=0.5", "optimizer=adm", "sed=1"])
    assert sorted(found) == [
        "objective: there is no `subbt`; did you mean `subtb`?",
        "optimizer: there is no `adm`; did you mean `adam`?",
        "sed: a run has no key `sed`; did you mean `seed`?",
    ]


def test_an_unknown_name_in_the_defaults_of_the_file(experiment):
    path = experiment(GRID.replace("/objective: db", "/objective: dbb"))
    assert refused(path, ["seed=x"]) == [
        "objective: there is no `dbb`; did you mean `db`?",
        "seed: should be a valid integer, got 'x'",
    ]
    path = experiment(GRID.replace("/objective: db", "/objectiv: db"))
    assert refused(path) == ["objectiv: no such group to override; did you mean `objective`?"]
    path = experiment("defaults: [trian, _self_]\n")
    assert refused(path)[0].startswith("trian: no such config")


def test_an_experiment_without_the_base_says_what_is_missing(experiment):
    path = experiment("sed: 1\n")
    assert refused(path) == [
        f"{path}: should start with `defaults: [train, _self_]`; most of a run is missing",
        "sed: a run has no key `sed`; did you mean `seed`?",
    ]


def test_files_that_cannot_be_read(experiment, tmp_path):
    (problem,) = refused(experiment("defaults: [train, _self_]\nseed: [1\nname: x\n"))
    assert "mine.yaml" in problem
    assert "line" in problem
    assert "not YAML" in problem
    (problem,) = refused(experiment("defaults: [train, _self_]\nseed: 1\nseed: 2\n"))
    assert "duplicate key seed" in problem
    (problem,) = refused(str(tmp_path / "mien.yaml"))
    assert "no such experiment file; did you mean" in problem
    assert "mine.yaml" in problem
    assert refused("quikstart") == ["quikstart: no such experiment file; did you mean `quickstart`?"]
    (problem,) = refused(experiment(GRID, "mine.yml"))
    assert "is a .yaml file" in problem
    (problem,) = refused(experiment(GRID, "train.yaml"))
    assert "call the experiment something else" in problem


def test_overrides_that_cannot_be_read(experiment):
    found = refused(experiment(GRID), ["seed", "name=a=b=[", "seed=1"])
    assert found[0] == "seed: should be key=value"
    assert found[1].startswith("name=a=b=[: ")
    (problem,) = refused(experiment(GRID), ["seed=1,2"])
    assert problem == "seed=1,2: several values make a grid; add -m to run it"


@pytest.mark.parametrize("smiles", ["N#Cc1ccccc1", "C[N+](C)(C)C", "C/C=C/C", r"C/C=C\C", "[C@H](F)(Cl)Br"])
def test_text_with_special_characters_is_to_be_quoted_twice(smiles):
    with pytest.raises(ConfigError) as error:
        apply({}, [f"smiles={smiles}"])
    (problem,) = error.value.problems
    assert problem.endswith(f"; text with special characters is quoted twice: 'smiles=\"{smiles}\"'")
    (word,) = shlex.split(problem.rpartition("quoted twice: ")[2])
    assert apply({}, [word]) == {"smiles": smiles}


@pytest.mark.parametrize(
    ("given", "texts"), [("[c1ccccc1,C(=O)O]", ["c1ccccc1", "C(=O)O"]), ("[[OH],N(C,c)C]", ["[OH]", "N(C,c)C"])]
)
def test_texts_of_a_list_are_quoted_one_by_one(given, texts):
    with pytest.raises(ConfigError) as error:
        apply({}, [f"smarts={given}"])
    (word,) = shlex.split(error.value.problems[0].rpartition("for a list of texts ")[2])
    assert apply({}, [word]) == {"smarts": texts}


@pytest.mark.parametrize("line", ['smiles="N#C', "smiles", "smarts='[OH"])
def test_what_is_quoted_or_plain_gets_no_hint_about_quotes(line):
    with pytest.raises(ConfigError) as error:
        apply({}, [line])
    assert "quoted twice" not in error.value.problems[0]


def test_a_value_that_must_be_given(experiment, tmp_path):
    (tmp_path / "objective").mkdir()
    (tmp_path / "objective" / "mine.yaml").write_text(
        "_target_: molgfn.objectives.balance.subtrajectory_balance.SubTrajectoryBalance\nlambda_: ???\n"
    )
    path = experiment(GRID)
    assert refused(path, ["objective=mine"]) == ["objective.lambda_: must be given (it is `???` so far)"]
    assert checked(path, ["objective=mine", "objective.lambda_=2"])["objective"]["lambda_"] == 2


def test_an_interpolation_that_leads_nowhere(experiment):
    (problem,) = refused(experiment("defaults: [train, override /oracle: hypergrid, _self_]\n"))
    assert problem.startswith("oracle.dimensions: ")
    assert "environment.dimensions" in problem


def test_expand_is_the_grid_in_order():
    assert expand(["objective=tb,db", "name=x", "seed=0,1"]) == [
        ["objective=tb", "name=x", "seed=0"],
        ["objective=tb", "name=x", "seed=1"],
        ["objective=db", "name=x", "seed=0"],
        ["objective=db", "name=x", "seed=1"],
    ]
    assert expand([]) == [[]]


def test_apply_changes_a_plain_config_only():
    config = {"trainer": {"iterations": 5}, "seed": 1}
    assert apply(config, ["trainer.iterations=9"]) == {"trainer": {"iterations": 9}, "seed": 1}
    assert config["trainer"]["iterations"] == 5
    with pytest.raises(ConfigError, match="one key=value"):
        apply(config, ["~seed"])


def test_composing_twice_gives_the_same(experiment):
    path = experiment(GRID)
    assert compose(path).config == compose(path).config


@pytest.mark.parametrize("word", ["none", "null"])
def test_an_optional_component_is_left_out_by_name_everywhere(experiment, word):
    base = experiment(GRID.replace("override /objective: db", "override /condition: temperature"), "base.yaml")
    assert checked(base, ["reward.beta=null"])["condition"] is not None
    assert checked(base, [f"condition={word}"])["condition"] is None
    heir = experiment(f"defaults:\n  - ./base.yaml\n  - override /condition: {word}\n  - _self_\n", "heir.yaml")
    assert checked(heir).get("condition") is None


def test_what_a_file_leaves_open_is_open_where_a_group_has_a_value(tmp_path):
    """OmegaConf merges `???` as nothing said: a fine-tuning of no run would begin with random weights."""
    path = tmp_path / "tuned.yaml"
    path.write_text(
        "defaults: [quickstart, _self_]\ntrainer:\n  init_from: ???\n  iterations: ???\noptimizer:\n  lr: ???\n"
    )
    asked = [f"{key}: must be given (it is `???` so far)" for key in ("optimizer.lr", "trainer.init_from")]
    assert refused(path, ["trainer.iterations=5"]) == asked
    more = tmp_path / "more.yaml"
    more.write_text("defaults: [tuned, _self_]\ntrainer: {init_from: run}\noptimizer: {lr: 1e-3}\n")
    assert compose(str(more), ["trainer.iterations=null"]).config["trainer"]["init_from"] == "run"
