"""Every YAML of an oracle or a reward builds under its own name."""

import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest
from omegaconf import OmegaConf

import molgfn.oracles
from molgfn.class_paths import import_class
from molgfn.config import build
from molgfn.errors import ConfigError
from molgfn.information.pools import NormalPool
from molgfn.oracles.base import Oracle
from molgfn.oracles.properties.qed import QED
from molgfn.oracles.sets.gp_information import GPInformation
from molgfn.oracles.synthetic.string_modes import StringModes
from molgfn.rewards.base import Reward
from molgfn.rewards.objectives import Objectives
from molgfn.rewards.weighted_mean import WeightedMean
from molgfn.serving.settings import Scoring

CONFIGS = Path(__file__).parents[2] / "configs"
ORACLES = sorted((CONFIGS / "oracle").glob("*.yaml"))
REWARDS = sorted((CONFIGS / "reward").glob("*.yaml"))


def read(path: Path) -> dict:
    environment = {"dimensions": 3, "side": 8, "alphabet": "ACGT", "length": 8, "nodes": 4, "task": None}
    environment |= {"pool": None, "labelled": None}
    whole = OmegaConf.create({"environment": environment, "scalarisation": None, "node": OmegaConf.load(path)})
    return OmegaConf.to_container(whole, resolve=True)["node"]


@pytest.mark.parametrize("path", ORACLES, ids=lambda p: p.stem)
def test_a_file_is_called_what_its_oracle_is_called(path):
    oracle = import_class(read(path)["_target_"])
    # these have several files, each for a use of its own
    assert oracle in {WeightedMean, Objectives, StringModes} or oracle.name == path.stem


@pytest.mark.parametrize("path", REWARDS, ids=lambda p: p.stem)
def test_reward(path):
    oracle = GPInformation(pool=NormalPool()) if path.stem == "batch_information" else QED()
    reward = build(read(path), Reward, "reward", live={"oracle": oracle})
    assert type(reward).__name__.lower() == path.stem.replace("_", "")
    # the file states the defaults, so that they can be seen
    assert vars(reward) | {"readings": None} == vars(type(reward)(oracle=oracle)) | {"readings": None}


def test_scoring_states_its_defaults():
    node = read(CONFIGS / "scoring" / "default.yaml")
    assert vars(build(node, Scoring, "scoring")) == vars(Scoring())
    assert set(node) - {"_target_"} == set(vars(Scoring())) - {"make", "recipe", "ranks"}  # these a run gives


def test_hypergrid_takes_the_grid_of_the_environment():
    oracle = build(read(CONFIGS / "oracle" / "hypergrid.yaml"), Oracle, "oracle")
    assert (oracle.dimensions, oracle.side) == (3, 8)


def test_every_oracle_has_a_file():
    modules = [
        importlib.import_module(m.name)
        for m in pkgutil.walk_packages(molgfn.oracles.__path__, "molgfn.oracles.")
        if not m.ispkg
    ]
    names = {
        cls.name
        for module in modules
        for cls in vars(module).values()
        if isinstance(cls, type) and issubclass(cls, Oracle) and cls.__module__ == module.__name__
        if not inspect.isabstract(cls)
        and isinstance(getattr(cls, "name", None), str)
        and not cls.__name__.startswith("_")
    }
    assert names >= {"qed", "seh_proxy", "median2", "vina"}
    assert names <= {p.stem for p in ORACLES}


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"beta": -1}, "reward.beta"),
        ({"floor": 0}, "reward.floor"),
        ({"scale": "big"}, "reward.scale"),
        ({"beat": 2}, "did you mean `beta`"),
        ({"transform": {"_target_": "molgfn.rewards.transforms.Sigmoid", "low": 0, "hihg": 1}}, "did you mean `high`"),
        ({"transform": {"_target_": "molgfn.oracles.properties.qed.QED"}}, "is not a Transform"),
    ],
)
def test_bad_values_are_named(change, match):
    with pytest.raises(ConfigError, match=match):
        build(read(CONFIGS / "reward" / "power.yaml") | change, Reward, "reward", live={"oracle": QED()})
