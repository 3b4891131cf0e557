"""``data`` as it was written before it was a list of sources: translated, known by the same name, or refused."""

from pathlib import Path

import pytest
import yaml

from molgfn.composing.compose import checked, checked_as_written, compose
from molgfn.config import build
from molgfn.errors import ConfigError
from molgfn.moved import former, present
from molgfn.moved_sources import present_key
from molgfn.study.running.jobs import Job
from molgfn.trajectories.mixture import Sources

CONFIGS = Path(__file__).parents[1] / "configs"
EMPTY = {
    "_target_": "molgfn.trajectories.sources.Sources",
    "batch_size": 64,
    "exploration": None,
    "replay": None,
    "replay_share": 0.0,
    "local_search": None,
    "offline": None,
    "offline_share": 0.0,
}


def exploration(epsilon, temperature):
    return {
        "exploration": {
            "_target_": "molgfn.policies.exploration.Exploration",
            "epsilon": epsilon,
            "temperature": temperature,
            "final_epsilon": None,
            "decay_iterations": 1000,
        }
    }


#: shipped name -> how it was written
THEN = {
    "on_policy": {},
    "exploration": exploration(0.05, 1.0),
    "tempered": exploration(0.0, 2.0),
    "uniform": exploration(1.0, 1.0),
    "replay": {
        "replay": {"_target_": "molgfn.trajectories.replay.UniformReplay", "capacity": 10000},
        "replay_share": 0.5,
    },
    "prioritised_replay": {
        "replay": {
            "_target_": "molgfn.trajectories.replay.PrioritisedReplay",
            "capacity": 10000,
            "top_fraction": 0.1,
            "top_share": 0.5,
        },
        "replay_share": 0.5,
    },
    "local_search": {
        "local_search": {
            "_target_": "molgfn.trajectories.local_search.LocalSearch",
            "rounds": 7,
            "share": 0.5,
            "cut": "fixed",
            "accept": "deterministic",
        }
    },
    "offline": {
        "offline": {
            "_target_": "molgfn.trajectories.offline.OfflineMolecules",
            "molecules": "zinc250k",
            "column": None,
            "limit": 10000,
            "standardise": {
                "_target_": "molgfn.chemistry.standardise.Standardisation",
                "salts": "largest",
                "isotopes": "remove",
                "charges": "neutralise",
                "stereo": "remove",
                "elements": None,
                "min_atoms": 1,
                "max_atoms": None,
                "duplicates": "drop",
            },
            "redraw": True,
            "jobs": 1,
        },
        "offline_share": 0.5,
    },
}


def now(name):
    return yaml.safe_load((CONFIGS / "data" / f"{name}.yaml").read_text())


def without_nulls(node):
    if isinstance(node, dict):
        return {key: without_nulls(value) for key, value in node.items() if value is not None}
    return node


#: shipped names that had no old form
NEW = {
    "hindsight",
    "langevin",
    "preferences",
    "preferences_offline",
    "preferences_oracle",
    "preferences_steps",
    "self_play",
    "subsampled",
}


def test_all_shipped_names_are_here():
    assert set(THEN) | NEW == {path.stem for path in (CONFIGS / "data").glob("*.yaml")}


@pytest.mark.parametrize("name", THEN)
def test_the_old_form_of_a_shipped_config_is_the_new_one_and_back(name):
    then = {**EMPTY, **THEN[name]}
    assert without_nulls(present(then)) == without_nulls(now(name))
    assert without_nulls(former(now(name))) == without_nulls(then)
    assert present(now(name)) == now(name)
    build(present(then), Sources, "data")


def test_everything_at_once_and_inside_a_run():
    then = {**EMPTY, **THEN["exploration"], **THEN["prioritised_replay"], **THEN["local_search"], **THEN["offline"]}
    new = present({"seed": 1, "data": then})["data"]
    assert sorted(new["sources"]) == ["local_search", "offline", "policy", "replay"]
    assert new["sources"]["local_search"]["taken_back"] == 0.5
    assert former({"seed": 1, "data": new}) == {"seed": 1, "data": then}


def test_what_had_no_old_form_stays_as_it_is():
    new = now("replay")
    new["sources"]["mine"] = {"_target_": "my_lab.sources.Mine", "share": 0.25}
    assert former(new)["sources"] == {
        **new["sources"],
        "replay": {**new["sources"]["replay"], "_target_": "molgfn.trajectories.replay.UniformReplay"},
    }
    two = now("on_policy")
    two["sources"]["policy"]["share"] = 0.5
    assert "sources" in former(two)


def test_a_share_without_a_source_is_refused():
    with pytest.raises(ConfigError, match=r"data\.sources\.replay: should be Source .*`_target_`"):
        build(present({**EMPTY, "replay_share": 0.5}), Sources, "data")


@pytest.fixture
def experiment(tmp_path):
    def write(body, data="on_policy"):
        path = tmp_path / "mine.yaml"
        path.write_text(f"defaults: [train, override /data: {data}, _self_]\nname: mine\n{body}")
        return str(path)

    return write


@pytest.mark.parametrize(
    ("data", "body", "sources"),
    [
        ("replay", "data: {replay_share: 0.25}", {"replay": {"share": 0.25, "capacity": 10000}}),
        ("replay", "data: {replay: {capacity: 9}, replay_share: 0.1}", {"replay": {"share": 0.1, "capacity": 9}}),
        ("replay", "data: {replay: null, replay_share: 0.0}", {"replay": None}),
        ("exploration", "data: {exploration: {epsilon: 0.2}}", {"policy": {"epsilon": 0.2, "temperature": 1.0}}),
        ("local_search", "data: {local_search: {share: 0.3}}", {"local_search": {"taken_back": 0.3, "rounds": 7}}),
        (
            "prioritised_replay",
            "data: {exploration: {_target_: molgfn.policies.exploration.Exploration, epsilon: 0.3}}",
            {"policy": {"_target_": "molgfn.trajectories.sources.explored.Explored", "epsilon": 0.3}},
        ),
        (
            "exploration",
            "data: {exploration: null}",
            {"policy": {"_target_": "molgfn.trajectories.sources.on_policy.OnPolicy"}},
        ),
        ("replay", "data: {sources: {replay: {share: 0.25}}}", {"replay": {"share": 0.25, "capacity": 10000}}),
    ],
)
def test_a_file_that_changes_a_part_of_it(experiment, data, body, sources):
    found = checked(experiment(body, data))["data"]["sources"]
    for name, expected in sources.items():
        assert expected is None or {key: found[name][key] for key in expected} == expected
        assert (found[name] is None) == (expected is None)


def test_a_whole_old_data_in_a_file(experiment):
    body = yaml.safe_dump({"data": {**EMPTY, **THEN["prioritised_replay"], "replay_share": 0.25}})
    config, written = checked_as_written(experiment(body, "local_search"))
    assert sorted(without_nulls(config["data"])["sources"]) == ["policy", "replay"]
    assert config["data"]["sources"]["replay"]["share"] == 0.25
    assert former(written)["data"]["replay_share"] == 0.25


def test_a_group_of_ones_own_in_the_old_form_takes_new_overrides(experiment, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.yaml").write_text(yaml.safe_dump({**EMPTY, **THEN["prioritised_replay"]}))
    config = checked(
        experiment("data: {sources: {replay: {top_share: 0.9}}}", "mine"), ["data.sources.replay.share=0.1"]
    )
    replay = config["data"]["sources"]["replay"]
    assert (replay["share"], replay["top_share"], replay["capacity"]) == (0.1, 0.9, 10000)
    build(config["data"], Sources, "data")


def test_an_identity_is_that_of_the_old_form(experiment):
    config, written = checked_as_written(experiment("", "offline"), ["data.batch_size=8"])
    old = {**written, "data": {**EMPTY, **THEN["offline"], "batch_size": 8}}
    assert Job("a", 0, config, written=written).identity == Job("a", 0, old).identity
    other, as_written = checked_as_written(experiment("", "offline"), ["data.sources.offline.share=0.25"])
    assert Job("a", 0, config, written=written).identity != Job("a", 0, other, written=as_written).identity


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("data.replay_share=0.3", "data.sources.replay.share"),
        ("data.offline_share=1", "data.sources.offline.share"),
        ("data.exploration=null", "data.sources.policy"),
        ("data.exploration.epsilon=0.1", "data.sources.policy.epsilon"),
        ("data.local_search.share=0.3", "data.sources.local_search.taken_back"),
        ("data.local_search.rounds=3", "data.sources.local_search.rounds"),
        ("data.offline.standardise.stereo=keep", "data.sources.offline.standardise.stereo"),
        ("+data.replay.capacity=5", "data.sources.replay.capacity"),
    ],
)
def test_an_old_override_is_refused_with_the_new_key(override, key):
    with pytest.raises(ConfigError) as error:
        compose("quickstart", ["data=replay", override])
    assert error.value.problems == [f"{override}: is `{key}` now"]


def test_other_keys_are_no_old_ones():
    assert [present_key(key) for key in ("data.batch_size", "data", "data.sources.replay.share", "replay_share")] == [
        None
    ] * 4


def test_shares_from_the_command_line():
    config = checked("quickstart", ["data=replay", "data.sources.replay.share=0.3", "data.batch_size=32"])
    sources = build(config["data"], Sources, "data")
    assert (sources.batch_size, sources.by_name["replay"].share) == (32, 0.3)
    gone = build(checked("quickstart", ["data=replay", "data.sources.replay=null"])["data"], Sources, "data")
    assert list(gone.by_name) == ["policy"]
    with pytest.raises(ConfigError, match=r"data\.sources\.replay\.share: should be less than 1"):
        checked("quickstart", ["data=replay", "data.sources.replay.share=1"])
