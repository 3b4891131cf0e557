"""Experiments that start from other experiments, and components that take the place of others."""

import shlex

import pytest
import yaml

from molgfn.composing.compose import apply, checked, expand
from molgfn.errors import ConfigError

KID = """
defaults: [quickstart, override /objective: db, _self_]
name: kid
reward: {beta: 3}
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def file(name: str, text: str) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)

    return file


def refused(*arguments) -> str:
    with pytest.raises(ConfigError) as error:
        checked(*arguments)
    return "\n".join(error.value.problems)


def test_a_shipped_experiment_is_inherited_with_its_choices(write):
    parent, kid = checked("quickstart"), checked(write("kid.yaml", KID))
    differ = {key for key in parent if parent[key] != kid[key]}
    assert differ == {"name", "reward", "objective"}
    assert kid["reward"] == {**parent["reward"], "beta": 3}
    assert kid["objective"]["_target_"].endswith("DetailedBalance")


@pytest.mark.parametrize("parent", ["../kid.yaml", "../kid", "{folder}/kid.yaml"])
def test_files_are_inherited_by_path_and_the_last_word_counts(write, tmp_path, parent):
    write("kid.yaml", KID)
    entry = parent.format(folder=tmp_path)
    text = f"defaults: ['{entry}', override objective: tb, _self_]\nreward: {{floor: 0.1}}\n"
    config = checked(write("deep/er.yaml", text), ["reward.scale=2"])
    assert config["reward"] == {**checked("quickstart")["reward"], "beta": 3, "floor": 0.1, "scale": 2}
    assert config["objective"]["_target_"].endswith("TrajectoryBalance")
    assert config["name"] == "kid"


def test_a_file_beside_goes_before_a_shipped_one_and_interpolations_outlive_it(write):
    text = "defaults: [train, _self_]\nname: mine\nseed: 7\ntrainer:\n  iterations: ${seed}\n  log_every: 1e0\n"
    write("quickstart.yaml", text)
    config = checked(write("kid.yaml", "defaults: [quickstart, _self_]\nseed: 9\ntrainer: {log_every: 1}\n"))
    assert (config["name"], config["trainer"]["iterations"]) == ("mine", 9)


def test_what_cannot_be_inherited(write, tmp_path):
    path = write("p.yaml", "defaults: [../perm, _self_]\n")
    assert refused(path) == f"{path}: defaults: there is no experiment file {tmp_path.parent / 'perm.yaml'} (`../perm`)"
    write("a.yaml", "defaults: [b, _self_]\n")
    assert "inherits from itself: b.yaml -> a.yaml -> b.yaml" in refused(write("b.yaml", "defaults: [a, _self_]\n"))
    assert "put `_self_` last" in refused(write("c.yaml", "defaults: [_self_, quickstart]\n"))
    assert "should be a list" in refused(write("d.yaml", "defaults: quickstart\n"))
    assert "should be a mapping" in refused(write("e.yaml", "- train\n"))


@pytest.mark.parametrize("name", ["a=b,c.yaml", "v1.2.yaml", "my exp@home#1.yaml", "ü%41::x.yaml", "it's.yaml"])
def test_an_experiment_file_of_any_name_in_a_folder_of_any_name(write, name):
    write(f"{name} folder/oracle/mine.yaml", "_target_: molgfn.oracles.properties.qed.QED\n")
    path = write(f"{name} folder/{name}", "defaults: [train, override /oracle: mine, _self_]\n")
    assert checked(path)["oracle"] == {"_target_": "molgfn.oracles.properties.qed.QED"}


def test_a_name_with_dots_is_not_another_experiment():
    assert "no such experiment file" in refused("quickstart.v2")


def test_a_config_in_the_current_folder_is_known_by_name_to_a_shipped_experiment(write):
    write("oracle/mpo.yaml", "_target_: molgfn.oracles.properties.qed.QED\n")
    assert checked("quickstart", ["oracle=mpo"])["oracle"] == {"_target_": "molgfn.oracles.properties.qed.QED"}


def test_a_folder_called_like_a_plain_key_chooses_nothing(write):
    write("output/x.yaml", "a: 1\n")
    write("name/x.yaml", "a: 1\n")
    config = checked(write("m.yaml", "defaults: [train, _self_]\n"), ["output=elsewhere", "name=me"])
    assert (config["output"].rpartition("/")[2], config["name"]) == ("elsewhere", "me")


def test_files_beside_the_experiment_and_beside_its_parents_are_found(write, tmp_path):
    for name in ("there/words.txt", "up/more.smi"):
        write(name, "C\n")
    write("up/parent.yaml", "defaults: [train, _self_]\nevaluation: {reference: more.smi}\n")
    path = write("there/kid.yaml", "defaults: [../up/parent.yaml, _self_]\nevaluation: {heldout: words.txt}\n")
    evaluation = checked(path)["evaluation"]
    assert evaluation["reference"] == str(tmp_path / "up" / "more.smi")
    assert evaluation["heldout"] == str(tmp_path / "there" / "words.txt")


OWN = """
class Mine(__import__("molgfn.oracles.properties.qed", fromlist=["QED"]).QED):
    def __init__(self, *, depth: int = 1) -> None:
        super().__init__()
"""


@pytest.mark.parametrize("how", ["file", "override", "inherited"])
def test_another_target_replaces_the_component_with_its_parameters(write, how):
    write("mine.py", OWN)
    node = {"_target_": "mine.py:Mine", "depth": 2}
    base = {"defaults": ["train", {"override oracle": "qed_sa"}, "_self_"], "reward": {"beta": 5}}
    if how == "file":
        config = checked(write("x.yaml", yaml.safe_dump({**base, "oracle": node})))
    elif how == "override":
        config = checked(write("x.yaml", yaml.safe_dump(base)), ["oracle._target_=mine.py:Mine", "oracle.depth=2"])
    else:
        more = {**base, "oracle": {"_target_": "molgfn.oracles.own.table.Table", "path": "x.csv"}}
        write("parent.yaml", yaml.safe_dump(more))
        config = checked(write("x.yaml", yaml.safe_dump({"defaults": ["parent", "_self_"], "oracle": node})))
    assert config["oracle"]["depth"] == 2
    assert config["oracle"].keys() == {"_target_", "depth"}
    assert config["reward"]["beta"] == 5


def test_the_same_target_keeps_the_parameters_of_the_group(write):
    target = "molgfn.policies.graph.GraphTransformerPolicy"
    config = checked(write("x.yaml", f"defaults: [train, _self_]\npolicy: {{_target_: {target}, width: 32}}\n"))
    assert config["policy"] == {**checked("quickstart")["policy"], "width": 32}


def test_only_the_replaced_component_loses_its_parameters_and_deeper_ones_keep_theirs(write):
    path = write("x.yaml", "defaults: [train, override oracle: qed_sa, _self_]\n")
    before = checked(path)["oracle"]["components"]
    after = checked(path, ["oracle.components.sa.oracle._target_=molgfn.oracles.properties.logp.LogP"])["oracle"][
        "components"
    ]
    assert after["qed"] == before["qed"]
    assert after["sa"] == {**before["sa"], "oracle": {"_target_": "molgfn.oracles.properties.logp.LogP"}}


def test_a_pattern_chooses_from_a_group(write):
    write("objective/tiny.yaml", "_target_: molgfn.objectives.balance.trajectory_balance.TrajectoryBalance\n")
    path = write("x.yaml", "defaults: [train, _self_]\n")
    assert expand(["objective=glob(t*)", "seed=0,1"], path) == [
        [f"objective={name}", f"seed={seed}"] for name in ("tb", "tiny") for seed in (0, 1)
    ]
    with pytest.raises(ConfigError, match="fits no member of `objective`"):
        expand(["objective=glob(zz*)"], path)
    with pytest.raises(ConfigError, match="`seed` is none"):
        expand(["seed=glob(*)"], path)


@pytest.mark.parametrize(
    "text",
    ["~/runs", "a=b", "a,b", "a b's", 'say "x"', "x\\", "$HOME/x", "run#1", "a::b", "(x", "{y", "[z", "é,ü", "C#N"],
)
def test_the_hint_for_a_text_is_right(text, write):
    """Either the text may be typed as it is, or what the message says makes it this text."""
    try:
        assert apply({}, [f"name={text}"]) == {"name": text}
    except ConfigError:
        with pytest.raises(ConfigError) as error:
            checked("quickstart", [f"name={text}"])
        said = error.value.problems[0]
        quoted = said.rpartition("quoted twice: ")[2] if "quoted twice: " in said else said.partition("or write ")[2]
        word = shlex.split(quoted.removesuffix(" if that is one text"))[0]
        assert apply({}, [word]) == {"name": text}


def test_a_shell_variable_in_braces_gets_a_hint(write, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    said = refused(write("x.yaml", "defaults: [train, _self_]\noutput: ${HOME}/runs\n"))
    assert "$HOME or ${oc.env:HOME}" in said
    path = write("y.yaml", "defaults: [train, _self_]\noutput: $HOME/runs\n")
    assert checked(path)["output"] == "/home/me/runs"
