"""Every objective, every training of P_B and every source on an environment of every set of layers.

Each runs its steps or is refused when the run is assembled, with a sentence; nothing fails in between.
"""

import copy
from pathlib import Path

import pytest
import torch
import yaml

from molgfn.errors import ConfigError
from molgfn.experiment import assemble

CONFIGS = Path(__file__).parents[2] / "configs"
HERE = Path(__file__).with_name("layers.py")
#: environment -> the shipped policy that plays it; None: one of its own
LAYERS = {
    "Transitions": None,
    "Keyed": None,
    "Listed": "MLPPolicy",
    "ListedKeyed": "MLPPolicy",
    "Parts": "MLPPolicy",
    "PartsKeyed": "MLPPolicy",
}
KEYLESS = ("Transitions", "Listed", "Parts")
UNLISTED = ("Transitions", "Keyed", "Parts", "PartsKeyed")


def node(target, **arguments):
    return {"_target_": target if ".py:" in target else f"molgfn.{target}", **arguments}


def shipped(group):
    return {p.stem: yaml.safe_load(p.read_text()) for p in sorted((CONFIGS / group).glob("*.yaml"))}


OBJECTIVES, BACKWARDS, DATA = shipped("objective"), shipped("backward"), shipped("data")


def run(layers, *, objective="tb", backward="uniform", data="on_policy", condition=None):
    policy = LAYERS[layers]
    own = node(f"{HERE}:OwnPolicy") if policy is None else node(f"policies.mlp.{policy}", hidden=8, layers=1)
    return {
        "name": "layers",
        "seed": 0,
        "output": "unused",
        "environment": node(f"{HERE}:{layers}"),
        "condition": condition,
        "oracle": node("oracles.synthetic.hypergrid.HyperGrid", dimensions=2, side=3),
        "policy": own,
        "reward": node("rewards.power.Power", **({"beta": None} if condition else {})),
        "objective": copy.deepcopy(OBJECTIVES[objective]),
        "backward": copy.deepcopy(BACKWARDS[backward]),
        "data": {**copy.deepcopy(DATA[data]), "batch_size": 8 if data != "local_search" else 16},
        "optimizer": node("training.optimizers.Optimizers"),
        "trainer": node("training.trainer.TrainerSettings", iterations=2, accelerator="cpu"),
        "logger": node("training.logs.loggers.Loggers", wandb="off"),
        "evaluation": node("evaluation.settings.EvaluationSettings"),
    }


def refusal(config):
    """The problems with which the run is refused; none where it takes two steps."""
    try:
        e = assemble(config)
    except ConfigError as error:
        return error.problems
    data, learner = e.data(), e.learner()
    data.setup("fit")
    seen = [learner.step(batch) for batch in data.train_dataloader()]
    assert len(seen) == 2
    assert all(torch.isfinite(torch.as_tensor(v)).all() for metrics in seen for v in metrics.values()), seen
    return []


GIVEN = "learns from given molecules alone"
#: means that read a file of molecules
FILES = {"offline", "preferences_offline", "preferences_steps", "self_play"}
KEYS, TABLE = "which knows states by their keys", "with a column for each of a fixed number of actions"


def reasons(layers, *, objective="tb", backward="uniform", data="on_policy"):
    """Why a run is refused, as its problems say it; none where it runs."""
    keyless, unlisted = layers in KEYLESS, layers in UNLISTED
    if objective == "rtb":  # before anything else is looked at
        return ["objective.prior"]
    if backward in ("cost_guided", "decomposability_guided"):  # before the policy is built
        return [f"{backward} weighs the reactions that give a molecule, which {layers} does not have"]
    found = []
    found += [GIVEN] if objective == "mle" else []
    if objective == "rpe":
        found += [TABLE] if unlisted else []
        found += [f"reads log_children and log_path_factor and log_child_factor, {KEYS}"] if keyless else []
        found += [] if keyless else ["does not depend on the path; in"]
        found += [] if backward == "uniform" else ["holds for a uniform P_B only"]
    found += [f"reads log_inflow, {KEYS}"] if objective == "fm" and keyless else []
    if backward in ("guided_tb", "rl_g", "rl_g_forward") and keyless:
        guide = "ForwardPolicyGuide" if backward == "rl_g_forward" else "StoredRewardsGuide"
        found.append(f"reads the guide {guide}, {KEYS}")
    found += ["gives molecules, but"] if data in FILES else []
    found += ["give a table with a column of chosen"] if data == "preferences" else []
    found += ["moves points of R^d, but"] if data == "langevin" else []
    found += ["learns from pairs of"] if objective in ("dpo", "dpo_steps", "self_play") else []
    found += ["is about trajectories of `offline`, but"] if objective == "agfn" and data != "offline" else []
    found += ["has not got draws out of a random part"] if data == "subsampled" else []
    found += ["there is none; give the run a condition"] if data == "hindsight" else []
    return found


def expect(problems, found):
    assert all(problem.split(":")[0].split(".")[0] in run("Transitions") for problem in problems), problems
    assert [sum(reason in problem for problem in problems) for reason in found] == [1] * len(found), problems
    assert len(problems) == len(found), problems


#: the others are like one of these, or like what other tests train in
TWO = [
    layers if layers in ("Transitions", "PartsKeyed") else pytest.param(layers, marks=pytest.mark.slow)
    for layers in LAYERS
]


@pytest.mark.parametrize("layers", TWO)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective(layers, objective):
    expect(refusal(run(layers, objective=objective)), reasons(layers, objective=objective))


@pytest.mark.parametrize("layers", TWO)
@pytest.mark.parametrize("backward", [name for name in BACKWARDS if name != "uniform"])
def test_every_training_of_the_backward_policy(layers, backward):
    expect(refusal(run(layers, backward=backward)), reasons(layers, backward=backward))


@pytest.mark.parametrize("layers", TWO)
@pytest.mark.parametrize("data", [name for name in DATA if name != "on_policy"])
def test_every_source(layers, data):
    expect(refusal(run(layers, data=data)), reasons(layers, data=data))


@pytest.mark.parametrize("layers", TWO)
def test_a_condition(layers):
    assert refusal(run(layers, condition=node("conditions.temperature.Temperature"))) == []


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("rule", ["hash", "length"])
def test_hidden_objects(layers, rule):
    """What goes by an object, and what goes by steps; all layers have both."""
    hidden = shipped("hidden")[rule] | ({"above": 2} if rule == "length" else {"share": 0.3})
    assert refusal({**run(layers), "hidden": hidden}) == []
    if rule == "length":
        assert refusal({**run(layers), "hidden": {**hidden, "forced_stop": True}}) == []


@pytest.mark.slow
@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("backward", [name for name in BACKWARDS if name != "uniform"])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_pair(layers, objective, backward):
    """What the two do not bear of each other is another matter (``misfit``); it is said beforehand, too."""
    problems = refusal(run(layers, objective=objective, backward=backward))
    found = reasons(layers, objective=objective, backward=backward)
    assert all(any(reason in problem for problem in problems) for reason in found), problems
    assert len([problem for problem in problems if not problem.startswith("backward: ")]) <= len(found), problems


def test_who_says_that_paths_are_counted_counts_them(tmp_path):
    (tmp_path / "counting.py").write_text(
        f"{HERE.read_text()}\n\nclass Counting(Transitions):\n    counts_paths = True\n"
    )
    config = run("Transitions") | {"environment": node(f"{tmp_path / 'counting.py'}:Counting")}
    (problem,) = refusal(config)
    assert problem.startswith("environment: Counting says that it counts its paths (counts_paths), but has no")


def test_graphs_without_sizes_are_refused(tmp_path):
    (tmp_path / "sizeless.py").write_text(
        f"{HERE.read_text()}\n\nclass Sizeless(Transitions):\n    encoding = 'graph'\n"
    )
    policy = node("policies.graph.GraphTransformerPolicy", width=8, layers=1)
    config = run("Transitions") | {"environment": node(f"{tmp_path / 'sizeless.py'}:Sizeless"), "policy": policy}
    for condition in (None, node("conditions.temperature.Temperature")):
        (problem,) = refusal({**config, "condition": condition})
        assert problem.startswith("policy: GraphTransformerPolicy reads the sizes of graphs from `spec`")
