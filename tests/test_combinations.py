"""Every shipped objective with every shipped way to draw data and every target network: trained, or refused with the
reason."""

import copy
import warnings
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
import yaml

from molgfn.compatibility import misplaced
from molgfn.config import build
from molgfn.environments.base import Environment
from molgfn.errors import ConfigError
from molgfn.experiment import assemble, train
from molgfn.objectives.base import Objective
from molgfn.trajectories.mixture import Sources

CONFIGS = Path(__file__).parents[1] / "configs"


def all_given():
    """``data=offline`` with nothing else."""
    data = copy.deepcopy(DATA["offline"])
    data["sources"]["offline"]["share"] = 1.0
    return data


@pytest.fixture(autouse=True, scope="module")
def _given(tmp_path_factory):
    """The molecules of ``data=offline`` in this module, and a trained policy in each space."""
    path = tmp_path_factory.mktemp("given") / "given.smi"
    path.write_text("CCC\nCCCO\nCCCC\n")
    pairs = path.with_name("pairs.csv")
    pairs.write_text("chosen,rejected\nCCC,CCCO\nCCCC,CCC\n")
    DATA["offline"]["sources"]["offline"]["molecules"] = str(path)
    DATA["preferences_offline"]["sources"]["judged"]["molecules"] = str(path)
    DATA["preferences_steps"]["sources"]["step_pairs"]["molecules"] = str(path)
    DATA["self_play"]["sources"]["self_play"]["molecules"] = str(path)
    DATA["preferences"]["sources"]["preferences"]["pairs"] = str(pairs)
    for space in SPACES:
        first = run(space, OBJECTIVES["tb"], DATA["on_policy"])
        first |= {"name": space, "output": str(path.parent)}
        PRIORS[space] = str(train(first).checkpoint)


def node(target, **arguments):
    return {"_target_": f"molgfn.{target}", **arguments}


def shipped(group):
    return {p.stem: yaml.safe_load(p.read_text()) for p in sorted((CONFIGS / group).glob("*.yaml"))}


OBJECTIVES, DATA, TARGETS = shipped("objective"), shipped("data"), shipped("target")
HIDDEN = shipped("hidden")
SPACES = {
    "hypergrid": {
        "environment": node("environments.hypergrid.HyperGrid", dimensions=2, side=4),
        "oracle": node("oracles.hypergrid.HyperGrid", dimensions=2, side=4),
        "policy": node("policies.mlp.MLPPolicy", hidden=16, layers=1),
    },
    "strings": {
        "environment": node("environments.strings.Strings", alphabet="AC", length=3),
        "oracle": node("oracles.string_modes.StringModes", alphabet="AC", length=3, n_modes=2),
        "policy": node("policies.mlp.MLPPolicy", hidden=16, layers=1),
    },
    "fragments": {
        "environment": node(
            "environments.fragments.Fragments",
            vocabulary=[["C", [0]], ["CC", [0, 1]], ["CCO", [0, 1]]],
            max_fragments=3,
        ),
        "oracle": node("oracles.qed.QED"),
        "policy": node("policies.graph.GraphTransformerPolicy", width=16, layers=1),
    },
    "smiles": {
        "environment": node("environments.tokens.Smiles", alphabet=["C", "O", "=", "(", ")"], max_length=6),
        "oracle": node("oracles.qed.QED"),
        "policy": node("policies.sequence.GRUPolicy", embedding=8, width=16, layers=1),
    },
    "selfies": {
        "environment": node("environments.tokens.Selfies", alphabet=["[C]", "[=O]", "[Branch1]"], max_length=6),
        "oracle": node("oracles.qed.QED"),
        "policy": node("policies.sequence.TransformerPolicy", width=16, layers=1, heads=2),
    },
}


#: means that take molecules from a file
GIVEN = {"offline", "preferences", "preferences_offline", "preferences_steps", "self_play"}
#: what an objective reads pairs of -> means that give them
PAIRED = {"objects": "preferences_oracle", "steps": "preferences_steps", "opponent": "self_play"}


def own_data(objective):
    """The means with which an objective trains on molecules."""
    if objective.only_offline or objective.tells_apart:
        return all_given()
    return DATA[PAIRED[min(objective.reads_pairs)]] if objective.reads_pairs else DATA["on_policy"]


def on_its_own(objective):
    """Whether it takes any trajectories."""
    return not (objective.only_offline or objective.tells_apart or objective.reads_pairs)


#: checkpoint of a policy that was trained in the space
PRIORS: dict[str, str] = {}


def run(space, objective, data, target=None):
    if "prior" in objective and objective.get("reference", "prior") == "prior":
        objective = {**objective, "prior": PRIORS[space]}
    return {
        "name": "test",
        "seed": 0,
        "output": "unused",
        **SPACES[space],
        "reward": node("rewards.power.Power"),
        "objective": objective,
        "backward": node("objectives.backward.uniform.Uniform"),
        "target": target,
        "data": {**data, "batch_size": 8 if data.get("local_search") is None else 16},
        "optimizer": node("training.optimizers.Optimizers"),
        "trainer": node("training.trainer.TrainerSettings", iterations=3, accelerator="cpu"),
        "logger": node("training.loggers.Loggers", wandb="off"),
        "evaluation": node("evaluation.settings.EvaluationSettings"),
    }


def space_of(name):
    """The first space in which the objective is at home."""
    objective = build(OBJECTIVES[name], Objective, "objective")
    for space in SPACES:
        environment = build(SPACES[space]["environment"], Environment, "environment")
        if not misplaced(objective, environment):
            return space
    raise AssertionError(f"{name} fits no environment here")


def trains(config):
    """Three iterations; every parameter stays finite, some change, and every metric is finite."""
    e = assemble(config)
    module = e.module()
    before = [p.detach().clone() for p in module.parameters()]
    seen = []
    step = module.training_step

    def watched(batch, batch_idx):
        seen.append(step(batch, batch_idx))
        return seen[-1]

    module.training_step = watched
    trainer = pl.Trainer(
        accelerator="cpu", max_epochs=1, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.fit(module, datamodule=e.data())
    assert len(seen) == 3
    assert all(torch.isfinite(v).all() for metrics in seen for v in metrics.values()), seen[-1]
    assert all(torch.isfinite(p).all() for p in module.parameters())
    assert any(not torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True))


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("name", OBJECTIVES)
def test_objective_with_data(name, data):
    objective = build(OBJECTIVES[name], Objective, "objective")
    space = space_of(name)
    if data in GIVEN:
        space = "fragments"
        if misplaced(objective, build(SPACES[space]["environment"], Environment, "environment")):
            pytest.skip("given molecules need an environment of molecules, in which the objective is not at home")
    config = run(space, OBJECTIVES[name], DATA[data])
    sources = build(config["data"], Sources, "data")
    reasons = sources.off_policy_reasons
    assert bool(reasons) == (data not in {"on_policy", "preferences_oracle"})
    if data == "hindsight":  # tests/trajectories/test_hindsight.py has it under conditions
        with pytest.raises(ConfigError, match="there is none; give the run a condition"):
            assemble(config)
    elif data == "subsampled":  # tests/environments/reactions has it where there is very much to choose from
        with pytest.raises(ConfigError, match="has not got draws out of a random part"):
            assemble(config)
    elif data == "langevin":  # tests/environments/continuous has it where there is a gradient
        with pytest.raises(ConfigError, match=r"moves points of R\^d, but builds in"):
            assemble(config)
    elif objective.reads_pairs - frozenset().union(*(source.pairs for source in sources.by_name.values())):
        with pytest.raises(ConfigError, match=f"learns from pairs of {min(objective.reads_pairs)}, but none of"):
            assemble(config)
    elif objective.on_policy and reasons:
        with pytest.raises(ConfigError) as error:
            assemble(config)
        (problem,) = error.value.problems
        assert type(objective).__name__ in problem
        assert "is on-policy" in problem
        assert reasons[0] in problem
        assert "use data=on_policy" in problem
    elif objective.only_offline:
        with pytest.raises(ConfigError, match=r"learns from given molecules alone.*; use data=offline"):
            assemble(config)
        if data == "offline":
            trains({**config, "data": all_given()})
    elif objective.tells_apart - config["data"]["sources"].keys():
        with pytest.raises(ConfigError, match=r"is about trajectories of `offline`, but data.sources has policy"):
            assemble(config)
    else:
        trains(config)


def test_given_molecules_need_an_environment_of_molecules():
    with pytest.raises(ConfigError, match=r"data.sources.offline: gives molecules, but HyperGrid builds grid objects"):
        assemble(run("hypergrid", OBJECTIVES["tb"], DATA["offline"]))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", OBJECTIVES)
def test_objective_with_target(name, target):
    objective = build(OBJECTIVES[name], Objective, "objective")
    space = space_of(name) if on_its_own(objective) else "fragments"
    config = run(space, OBJECTIVES[name], own_data(objective), TARGETS[target])
    if objective.on_policy or not objective.bootstraps:
        with pytest.raises(ConfigError) as error:
            assemble(config)
        (problem,) = error.value.problems
        assert type(objective).__name__ in problem
        assert ("is on-policy" if objective.on_policy else "reads no flow or value of a next state") in problem
    else:
        e = assemble(config)
        assert e.module().followers.of("policy") is not None
        trains(config)


#: what is refused -> the beginning of the reason
NOT_HIDDEN = {
    ("hypergrid", "size"): "the size of grids is not known",
    ("hypergrid", "scaffold"): "only molecules have scaffolds",
    ("strings", "scaffold"): "only molecules have scaffolds",
}
#: all strings are equally long
ALL_HIDDEN = {("strings", "size"), ("strings", "length")}


@pytest.mark.parametrize("rule", HIDDEN)
@pytest.mark.parametrize("space", SPACES)
def test_hidden_objects_in_every_space(space, rule):
    """fldb reads rewards of states on the way, tb does not."""
    changes = {"above": 2} if "above" in HIDDEN[rule] else {"share": 0.3, "salt": 1}
    hidden = {**HIDDEN[rule], **changes}
    for name in ("tb", "fldb"):
        objective = build(OBJECTIVES[name], Objective, "objective")
        if misplaced(objective, build(SPACES[space]["environment"], Environment, "environment")):
            continue
        config = {**run(space, OBJECTIVES[name], DATA["on_policy"]), "hidden": hidden}
        if reason := NOT_HIDDEN.get((space, rule)):
            with pytest.raises(ConfigError, match=f"hidden: {reason}"):
                assemble(config)
        elif (space, rule) in ALL_HIDDEN:
            with pytest.raises(ConfigError, match="hidden: all of 256 objects"):
                assemble(config)
        else:
            trains(config)


EVERYTHING = {
    **copy.deepcopy(DATA["prioritised_replay"]),
    "sources": {
        **copy.deepcopy(DATA["prioritised_replay"]["sources"]),
        "policy": {**DATA["exploration"]["sources"]["policy"], "temperature": 1.5},
        "local_search": {
            **DATA["local_search"]["sources"]["local_search"],
            "rounds": 3,
            "accept": "metropolis",
            "cut": "random",
        },
    },
}


@pytest.mark.parametrize("space", ["smiles", "selfies"])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_objective_with_token_strings(name, space):
    """A tree is at home with every objective; the empty string is no object, which mdb must be told."""
    objective = build(OBJECTIVES[name], Objective, "objective")
    config = run(space, OBJECTIVES[name], own_data(objective))
    if misplaced(objective, build(SPACES[space]["environment"], Environment, "environment")):
        assert name == "mdb"
        with pytest.raises(ConfigError, match="has states that may not stop"):
            assemble(config)
        config["objective"] = {**OBJECTIVES[name], "flow_without_stop": True}
    trains(config)


@pytest.mark.parametrize("space", ["fragments", "smiles", "selfies"])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_all_means_together_on_molecules(name, space):
    """Exploration, tempering, replay and local search at once, with a target network where there is a place for one."""
    objective = build(OBJECTIVES[name], Objective, "objective")
    environment = build(SPACES[space]["environment"], Environment, "environment")
    config = run(space, OBJECTIVES[name], EVERYTHING, TARGETS["soft"] if objective.bootstraps else None)
    lacks = misplaced(objective, environment)
    if objective.only_offline:
        with pytest.raises(ConfigError, match="learns from given molecules alone"):
            assemble(config)
    elif objective.tells_apart:
        with pytest.raises(ConfigError, match="is about trajectories of `offline`"):
            assemble(config)
    elif objective.reads_pairs:
        with pytest.raises(ConfigError, match="learns from pairs of"):
            assemble(config)
    elif objective.on_policy or lacks:
        with pytest.raises(ConfigError) as error:
            assemble(config)
        assert len(error.value.problems) >= len(lacks) + objective.on_policy
        if objective.on_policy:
            names = ("data.sources.replay", "data.sources.policy", "data.sources.local_search")
            assert all(name in str(error.value) for name in names)
    else:
        trains(config)


def test_relative_trajectory_balance_without_a_learned_log_z():
    trains(run("hypergrid", {**OBJECTIVES["rtb"], "log_z": "batch"}, DATA["exploration"]))


@pytest.mark.parametrize("data", [d for d in DATA if d not in {"on_policy", "preferences_oracle"}])
def test_backward_policies_refuse_too(data):
    """tlm is an expectation under P_F; pessimistic is its form for stored trajectories."""
    config = run("fragments" if data in GIVEN else "hypergrid", OBJECTIVES["tb"], DATA[data])
    config["backward"] = shipped("backward")["tlm"]
    with pytest.raises(ConfigError, match=r"backward: TrajectoryLikelihood is on-policy"):
        assemble(config)
    assemble({**config, "data": {**DATA["on_policy"], "batch_size": 8}})


@pytest.mark.parametrize(
    ("name", "changes", "least", "says"),
    [
        ("vargrad", {}, 2, "at least 2"),
        ("vargrad", {"ddof": 0}, 2, "at least 2"),
        ("reverse_kl", {}, 2, "at least 2"),
        ("reverse_kl", {"baseline": "none"}, 1, ""),
        ("wake_sleep", {}, 2, "at least 2"),
        ("renyi", {}, 2, "at least 2"),
        ("vpg", {"advantage": "leave_one_out"}, 2, "at least 2"),
        ("vpg", {"critic_epochs": 2, "critic_splits": 4}, 4, "4 parts"),
        ("ent_ppo", {}, 2, "2 parts"),
        ("tb", {}, 1, ""),
    ],
)
def test_the_smallest_batch(name, changes, least, says):
    """It trains; with one trajectory less it is refused before the run."""
    config = run("hypergrid", {**OBJECTIVES[name], **changes}, DATA["on_policy"])
    if least > 1:
        with pytest.raises(ConfigError) as error:
            assemble({**config, "data": {**config["data"], "batch_size": least - 1}})
        (problem,) = error.value.problems
        assert problem.startswith("data.batch_size: ")
        assert says in problem
    trains({**config, "data": {**config["data"], "batch_size": least}})


def test_random_policy_evaluation_refuses_another_pb():
    config = run("strings", OBJECTIVES["rpe"], DATA["on_policy"])
    for name in ("maxent", "tlm"):
        with pytest.raises(ConfigError, match=r"backward: RandomPolicyEvaluation holds for a uniform P_B only"):
            assemble({**config, "backward": shipped("backward")[name]})
