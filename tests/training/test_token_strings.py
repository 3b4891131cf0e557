"""Policies of sequences reach the exact distribution over molecules, which many strings mean."""

import importlib.util
from pathlib import Path

import pytest
import torch
import yaml

from molgfn.chemistry.molecules import parse
from molgfn.evaluation.exact.answers import exact_distribution
from molgfn.evaluation.terminal_probability import log_ratio, log_terminal_probability
from molgfn.experiment import assemble, train
from molgfn.trajectories.sampler import Sampler

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("small_runs", Path(__file__).with_name("conftest.py"))
small = importlib.util.module_from_spec(spec)
spec.loader.exec_module(small)
node = small.node

POLICIES = {
    "gru": node("policies.sequence.GRUPolicy", embedding=16, width=64, layers=1),
    "transformer": node("policies.sequence.TransformerPolicy", width=32, layers=2, heads=4),
}


def config(tmp_path, policy, objective, iterations, symmetry="molecule", **changes):
    tokens = ["[C]", "[=C]", "[N]", "[=O]", "[Branch1]"]
    return small.run_config(
        tmp_path,
        environment=node("environments.tokens.Selfies", alphabet=tokens, max_length=4, symmetry=symmetry),
        policy=dict(POLICIES[policy]),
        objective=yaml.safe_load((ROOT / "configs" / "objective" / f"{objective}.yaml").read_text()),
        data=node("trajectories.mixture.Sources", batch_size=64),
        optimizer=node("training.optimizers.Optimizers", lr=3e-3, lr_log_z=0.05, half_life=600),
        trainer=node(
            "training.trainer.TrainerSettings",
            iterations=iterations,
            accelerator="cpu",
            threads=1,
            progress="none",
            log_every=100,
        ),
        **changes,
    )


def exact(experiment):
    return exact_distribution(experiment.environment, experiment.policy, experiment.reward)


def test_the_distance_over_molecules_falls(tmp_path):
    """131 molecules, 780 strings."""
    settings = config(tmp_path, "gru", "tb", 150)
    before = exact(assemble(settings))
    after = exact(train(settings).experiment)
    assert len(after.keys) == 131
    assert before.tv > 0.3
    assert after.tv < 0.2


def test_without_the_correction_the_target_is_another(tmp_path):
    """R of each string: the molecules of R / Z and those of string-wise R / Z are far apart."""
    e = assemble(config(tmp_path, "gru", "tb", 1))
    spellings = e.environment.spellings
    result = exact(e)
    count = torch.tensor([spellings.count(key) for key in result.keys]).double()
    by_string = count * result.pi / (count * result.pi).sum()
    assert 0.5 * (by_string - result.pi).abs().sum() > 0.2


def test_log_p_of_a_molecule_is_that_of_all_its_strings(tmp_path):
    """The estimate by strings drawn uniformly agrees with the exact sum over them within its standard error."""
    e = assemble(config(tmp_path, "gru", "tb", 1))
    result = exact(e)
    smiles = ["CCC", "C=O", "CCN"]
    known = torch.tensor([result.p[result.keys.index(s)] for s in smiles]).log()
    found = log_terminal_probability(e.environment, e.policy, parse(smiles), samples=400)
    assert ((found.log_p - known).abs() < 5 * found.standard_error + 1e-9).all()


def test_the_mean_over_random_strings_is_a_lower_bound(tmp_path):
    e = assemble(config(tmp_path, "gru", "tb", 1, symmetry="string"))
    result = exact(e)
    smiles = ["CCC", "C=O", "CCN"]
    known = torch.tensor([result.p[result.keys.index(s)] for s in smiles]).log()
    found = log_terminal_probability(e.environment, e.policy, parse(smiles), samples=20)
    assert (found.log_p < known + 1e-6).all()


def given(tmp_path, redraw):
    """All of each batch leads to three molecules."""
    (tmp_path / "given.smi").write_text("CCO\nCC=O\nCN\n")
    offline = node(
        "trajectories.sources.offline.OfflineMolecules",
        molecules=str(tmp_path / "given.smi"),
        share=1.0,
        redraw=redraw,
    )
    policy = node("trajectories.sources.on_policy.OnPolicy")
    return node("trajectories.mixture.Sources", batch_size=12, sources={"policy": policy, "offline": offline})


@pytest.mark.parametrize("redraw", [False, True])
def test_a_prior_learns_the_strings_of_its_molecules(tmp_path, redraw):
    """Canonical SMILES alone, or all that RDKit writes of a molecule, as it is told."""
    settings = config(tmp_path, "gru", "mle", 250)
    settings["environment"] = node("environments.tokens.Smiles", alphabet=["C", "N", "O", "="], max_length=4)
    settings["data"] = given(tmp_path, redraw)
    e = train(settings).experiment
    strings = [["C", "C", "O"], ["C", "C", "=", "O"], ["C", "N"], ["O", "C", "C"], ["O", "=", "C", "C"], ["N", "C"]]
    states = e.environment._written([[e.environment._place[token] for token in one] for one in strings])
    p = log_ratio(e.policy, Sampler(e.environment).backward(e.policy, states)).exp()
    assert exact(e).p[[exact(e).keys.index(key) for key in ("CCO", "CC=O", "CN")]].sum() > 0.9
    assert p[:3].sum() > 0.9 if not redraw else (p > 0.05).all()


def test_a_run_under_a_condition_with_everything_that_is_off_policy(tmp_path):
    """The condition is read, strings of replay and of local search are read back, and the weights move."""
    sources = {
        "policy": node("trajectories.sources.explored.Explored", epsilon=0.1),
        "replay": node("trajectories.sources.replay.PrioritisedReplay", share=0.25),
        "local_search": node("trajectories.sources.local_search.LocalSearch", rounds=1),
    }
    settings = config(tmp_path, "transformer", "subtb", 4, symmetry="string")
    settings["condition"] = node("conditions.temperature.Temperature")
    settings["reward"] = node("rewards.power.Power", beta=None)
    settings["policy"] |= {"scale_logits": "learned", "head": "hypernetwork"}
    settings["data"] = node("trajectories.mixture.Sources", batch_size=16, sources=sources)
    before = assemble(settings).policy
    after = train(settings).experiment.policy
    moved = [not torch.equal(a, b) for a, b in zip(before.parameters(), after.parameters(), strict=True)]
    assert all(torch.isfinite(p).all() for p in after.parameters())
    names = [name for name, _ in after.named_parameters()]
    assert any(m for m, name in zip(moved, names, strict=True) if name.startswith("encoder.condition"))
    assert any(m for m, name in zip(moved, names, strict=True) if name.startswith("hypernetwork"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("policy", "objective", "iterations", "least"),
    [
        ("gru", "tb", 2000, 0.05),
        ("gru", "ent_ppo", 600, 0.05),
        ("gru", "subtb", 1200, 0.15),
        ("transformer", "tb", 500, 0.15),
    ],
)
def test_objectives_reach_it(tmp_path, policy, objective, iterations, least):
    assert exact(train(config(tmp_path, policy, objective, iterations)).experiment).tv < least
