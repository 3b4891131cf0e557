"""Every shipped config file: it names a class of its kind, lists all its parameters, and repeats the defaults."""

import inspect
import re
from pathlib import Path

import pytest
import yaml
from tests.optional_data import or_skip

from molgfn.class_paths import import_class, parameters
from molgfn.config import CLASS_KEY, GROUPS, OPTIMISE, ROOT, Slot, build, check
from molgfn.errors import ConfigError
from molgfn.information.pools import NormalPool
from molgfn.proxies.fitting import fit
from molgfn.proxies.table import read_property
from molgfn.proxies.training import FitSettings

CONFIGS = Path(__file__).parents[1] / "configs"
FILES = sorted(CONFIGS.glob("*/*.yaml"))
#: files that give an object where the default is none; their other values differ on purpose, too
VARIANTS = {
    "trainer/ddp_cpu",
    "trainer/ddp_gpu",
    "trainer/slurm",
    "backward/guided_tb",
    "backward/rl_g",
    "backward/rl_g_forward",
    *(f"condition/{name}" for name in ("temperature", "preference", "goal", "target")),
    "condition/temperature_preference",
    "condition/temperature_goal",
    "target/periodic",
    *(f"candidates/{p.stem}" for p in (CONFIGS / "candidates").glob("*.yaml")),
    "data/exploration",
    "data/hindsight",
    "data/langevin",
    "data/local_search",
    "data/offline",
    "data/on_policy",
    "data/preferences",
    "data/preferences_offline",
    "data/preferences_oracle",
    "data/preferences_steps",
    "data/prioritised_replay",
    "data/replay",
    "data/self_play",
    "data/subsampled",
    "data/tempered",
    "data/uniform",
    "objective/agfn",
    "oracle/bit_sequences",
    "oracle/druglike",
    "oracle/drd2_qed",
    "oracle/grid_objectives",
    "oracle/gsk3b_jnk3",
    "oracle/qed_sa",
    "oracle/seh_four",
    *(f"optimizer/{name}" for name in ("adamw", "nadam", "radam", "rmsprop", "sgd")),
}
#: what needs a package -> its extra, and a module of it
EXTRAS = {
    "oracle/admet": ("admet", "admet_ai"),
    "oracle/ani": ("ani", "torchani"),
    "oracle/purchasable": ("purchasable", "molbloom"),
    "oracle/vina": ("docking", "vina"),
    "oracle/xtb_energy": ("xtb", "tblite"),
    "oracle/xtb_gap": ("xtb", "tblite"),
}
_GOAL = {"_target_": "molgfn.conditions.goal.Goal"}
_PREFERENCE = {"_target_": "molgfn.conditions.preference.Preference"}
#: what a file leaves to the user
NEEDED = {
    "condition/goal": {"names": ["qed", "sa"]},
    "condition/preference": {"names": ["qed", "sa"]},
    "condition/target": {"name": "logp"},
    "condition/temperature_goal": {"conditions": {"goal": {**_GOAL, "names": ["qed", "sa"]}}},
    "condition/temperature_preference": {"conditions": {"preference": {**_PREFERENCE, "names": ["qed", "sa"]}}},
    "oracle/command": {"command": "cat"},
    "oracle/ensemble_information": {"predictions": {"_target_": "molgfn.information.predictions.PredictionFile"}},
    "oracle/function": {"function": "json.dumps"},
    "oracle/similarity": {"smiles": "CCO"},
    "oracle/similarity_window": {"smiles": "CCO"},
    "oracle/substructure": {"smarts": "[NH2]"},
    "oracle/substructure_count": {"smarts": "[NH2]"},
    "oracle/table": {"values": {"C": 1.0}},
}


def name(path: Path) -> str:
    return path.relative_to(CONFIGS).with_suffix("").as_posix()


def read(path: Path) -> dict:
    return yaml.safe_load(path.read_text())


def resolved(path: Path) -> dict:
    """The config with values of an environment where it takes them from there."""
    values = {"alphabet": "ACGT", "task": "null", "length": "120", "labelled": "null"}
    values["pool"] = "{_target_: molgfn.information.pools.NormalPool}"
    text = path.read_text().replace("${scalarisation}", "null")
    return yaml.safe_load(re.sub(r"\$\{environment\.(\w+)\}", lambda m: values.get(m[1], "4"), text))


def nodes(value):
    """All ``_target_`` nodes of a config, outermost first."""
    if isinstance(value, dict):
        if CLASS_KEY in value:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from nodes(item)


def test_there_is_a_group_for_every_component_and_no_other():
    groups = {p.name for p in CONFIGS.iterdir() if p.is_dir()}
    assert groups == {key for key, rule in GROUPS.items() if isinstance(rule, Slot)}
    for name, schema in (("train", ROOT), ("optimise", OPTIMISE)):
        base = read(CONFIGS / f"{name}.yaml")
        own = {key for key, rule in schema.items() if isinstance(rule, Slot)}
        assert {key for entry in base["defaults"] if isinstance(entry, dict) for key in entry} == own
        assert set(base) - {"defaults"} == set(schema) - own


@pytest.mark.parametrize("path", FILES, ids=name)
def test_the_config_names_a_class_of_its_kind(path):
    slot = GROUPS[path.parent.name]
    assert issubclass(import_class(read(path)[CLASS_KEY]), tuple(map(import_class, slot.bases)))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_the_config_lists_all_parameters_with_their_defaults(path):
    slot = GROUPS[path.parent.name]
    node = read(path)
    own = {k: p for k, p in parameters(import_class(node[CLASS_KEY])).items() if k not in slot.live}
    assert set(node) - {CLASS_KEY} == set(own)
    if name(path) in VARIANTS:
        return
    for key, parameter in own.items():
        if isinstance(node[key], str) and node[key].startswith("${"):
            continue  # taken from another component
        if parameter.default is inspect.Parameter.empty:
            continue  # a part that somebody must choose; the file has a choice
        default = list(parameter.default) if isinstance(parameter.default, tuple) else parameter.default
        assert node[key] == default, key


@pytest.mark.parametrize(
    ("variant", "differs"),
    [
        ("ddp_cpu", {"accelerator", "devices", "threads"}),
        ("ddp_gpu", {"accelerator", "devices"}),
        ("slurm", {"accelerator", "devices", "nodes", "requeue"}),
    ],
)
def test_devices_are_all_that_a_trainer_for_several_changes(variant, differs):
    default, other = (read(CONFIGS / "trainer" / f"{name}.yaml") for name in ("default", variant))
    assert {key for key in default if default[key] != other[key]} == differs


@pytest.mark.parametrize("path", [p for p in FILES if p.parent.name in {"data", "candidates"}], ids=name)
def test_a_source_or_proposer_lists_all_its_parameters(path):
    for node in read(path)["sources" if path.parent.name == "data" else "proposers"].values():
        assert set(node) - {CLASS_KEY} == set(parameters(import_class(node[CLASS_KEY])))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_the_config_passes_the_check(path):
    key = path.parent.name
    assert check({key: resolved(path)}, schema={key: GROUPS[key]}) == []


# oracles and rewards explain themselves in the class (molgfn describe)
@pytest.mark.parametrize("path", [p for p in FILES if p.parent.name not in {"oracle", "reward"}], ids=name)
def test_every_line_of_a_parameter_says_what_it_is(path):
    for line in path.read_text().splitlines()[1:]:
        if re.match(r"\s*(_target_|\w+:$)", line) is None:
            assert " # " in line, line


@pytest.mark.parametrize("path", [p for p in FILES if p.parent.name not in {"policy", "reward"}], ids=name)
def test_the_config_builds(path, tmp_path, optional_data, needs_extra):
    key = path.parent.name
    node = {**resolved(path), **NEEDED.get(name(path), {})}
    if name(path) == "oracle/proxy":
        node["weights"] = str(tmp_path / "proxy.pt")
        (tmp_path / "t.csv").write_text("smiles,y\n" + "".join(f"{'C' * n},{n}\n" for n in range(1, 31)))
        tiny = FitSettings(members=2, width=8, layers=1, epochs=1)
        fit(read_property(tmp_path / "t.csv", "y"), tiny).save(node["weights"])
    if name(path) == "oracle/ensemble_information":
        (tmp_path / "predictions.csv").write_text(",".join(map(str, range(20))) + 2 * f"\n{'1,' * 19}2")
        node["predictions"] = {**node["predictions"], "path": str(tmp_path / "predictions.csv")}
    if name(path) == "oracle/vina":
        atom = "ATOM      1  C   ALA A   1       0.000   0.000   0.000  1.00  0.00     0.000 C\n"
        (tmp_path / "one_atom.pdbqt").write_text(atom)
        node |= {"receptor": str(tmp_path / "one_atom.pdbqt"), "center": [0, 0, 0]}
    if name(path) in EXTRAS:
        needs_extra(*EXTRAS[name(path)])
    bases = tuple(map(import_class, GROUPS[key].bases))
    if name(path) == "oracle/tfbind10":  # nothing is fetched, and a table of its size is not made for a test
        with pytest.raises(ConfigError, match="path: the table of tfbind10 must be given"):
            build(node, bases, key)
        return
    with or_skip():
        made = build(node, bases, key)
    assert isinstance(made, bases)


@pytest.mark.parametrize("path", [p for p in FILES if p.parent.name == "policy"], ids=name)
@pytest.mark.parametrize("learned", [False, True])
def test_the_policy_builds(path, learned):
    from molgfn.environments.conformers.environment import Conformers
    from molgfn.environments.continuous.box import Box
    from molgfn.environments.fragments import Fragments
    from molgfn.environments.hypergrid import HyperGrid
    from molgfn.environments.reactions import Reactions
    from molgfn.environments.sets import Sets
    from molgfn.environments.tokens import Smiles

    cls = import_class(read(path)[CLASS_KEY])
    entries = [["c1ccccc1", [0, 3], 1], ["C", [0], 1]]
    spaces = {
        "vector": HyperGrid(side=4),
        "graph": Fragments(vocabulary=entries, max_fragments=3),
        "sequence": Smiles(),
        "reactions": Reactions(library="textbook"),
        "set": Sets(pool=NormalPool()),
        "conformation": Conformers(smiles="CCCC"),
    }
    environment = next(space for encoding, space in spaces.items() if encoding in cls.reads)
    if path.stem == "mixture":
        environment = Box()
    live = {"environment": environment, "learned_backward": learned}
    assert isinstance(build(read(path), import_class(ROOT["policy"].base), "policy", live=live), cls)
