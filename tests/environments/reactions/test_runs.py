"""Whole runs: trained, sampled with routes, and against the exact distribution."""

import csv
import json

import pytest
import yaml
from click.testing import CliRunner
from tests.environments.reactions.small import library
from tests.environments.reactions.spaces import small

from molgfn.chemistry.reactions.route import Route
from molgfn.cli.main import cli
from molgfn.evaluation.exact.answers import exact_distribution
from molgfn.experiment import reward_of
from molgfn.runs.checkpoint import load

RUN = {
    "defaults": [
        "train",
        {"override /environment": "reactions"},
        {"override /policy": "reactions"},
        {"override /oracle": "qed"},
        "_self_",
    ],
    "name": "reactions",
    "environment": {"library": "small", "max_reactions": 2},
    "reward": {"beta": 4},
    "policy": {"width": 32, "layers": 2},
    "optimizer": {"lr": 0.003, "lr_log_z": 0.05, "half_life": 300},
    "data": {"batch_size": 32},
    "trainer": {"iterations": 2, "accelerator": "cpu", "threads": 1, "log_every": 100, "progress": "none"},
    "logger": {"wandb": "off"},
    "evaluation": {"samples": 16, "batch": 16, "log_pt_objects": 2, "log_pt_samples": 2},
    "output": "runs",
}


def invoke(*words):
    result = CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """With ``run.yaml``, and the library as a folder of its own."""
    monkeypatch.chdir(tmp_path)
    place, made = tmp_path / "small", library()
    place.mkdir()
    rows = [["smiles", "id", "price"], *[[b.smiles, b.id, b.price] for b in made.blocks]]
    (place / "blocks.csv").write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    reactions = [{"name": r.name, "family": r.family, "yield": r.yield_, "smarts": r.smarts} for r in made.reactions]
    (place / "reactions.yaml").write_text(yaml.safe_dump(reactions))
    (place / "library.yaml").write_text(yaml.safe_dump({"name": "small", "inversion_exact": True}))
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(RUN))
    return tmp_path


@pytest.mark.parametrize(
    ("objective", "backward"), [("tb", "uniform"), ("subtb", "tlm"), ("ent_ppo", "rl_b"), ("db", "cost_guided")]
)
def test_a_run_gives_molecules_with_routes(objective, backward, folder):
    invoke("train", "run.yaml", f"objective={objective}", f"backward={backward}", "policy.layers=1", "policy.width=16")
    invoke("sample", "runs", "-n", "20", "-o", "out.csv", "--routes", "routes.json", "--log-pt-samples", "2")
    rows = list(csv.DictReader((folder / "out.csv").open()))
    routes = [Route.from_record(record, library()) for record in json.loads((folder / "routes.json").read_text())]
    assert [row["smiles"] for row in rows] == [route.product for route in routes]
    assert [float(row["steps"]) for row in rows] == [route.n_steps for route in routes]
    assert [float(row["cost"]) for row in rows] == pytest.approx([route.cost(library()) for route in routes])
    assert all(route.replay(library()) for route in routes)
    assert {route.text(library()) for route in routes} == {row["route"] for row in rows}


def test_objectives_that_need_a_divergence_are_refused_in_chunks(folder):
    invoke("train", "run.yaml", "policy.blocks_at_once=3", "policy.layers=1", "policy.width=16", "data=exploration")
    arguments = ["train", "run.yaml", "policy.blocks_at_once=3", "objective=ent_ppo"]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    assert "a ChosenBranch choice of actions has not got an exact KL divergence" in result.output


def test_blocks_drawn_out_of_some(folder):
    """Trains off-policy where blocks are chosen in chunks; elsewhere, and on-policy, it is refused."""
    small, few = ("policy.layers=1", "policy.width=16"), ("data=subsampled", "data.sources.policy.out_of=2")
    invoke("train", "run.yaml", "policy.blocks_at_once=3", *small, *few)
    for other, words in [
        (
            "policy.blocks_at_once=7",
            "draws out of a part of very many blocks, but a Staged choice",
        ),
        ("objective=vpg", "draws out of a random part of all actions"),
    ]:
        result = CliRunner().invoke(cli, ["train", "run.yaml", "policy.blocks_at_once=3", *small, *few, other])
        assert result.exit_code == 2
        assert words in " ".join(result.output.split())


def test_routes_of_other_environments_are_refused(folder):
    quick = ("policy.layers=1", "policy.width=16", "trainer.iterations=1", "data.batch_size=4", "trainer.progress=none")
    invoke("train", "quickstart", *quick, "logger.wandb=off")
    result = CliRunner().invoke(cli, ["sample", "runs", "-n", "5", "-o", "out.csv", "--routes", "routes.json"])
    assert result.exit_code == 2
    assert "only environment=reactions knows how its molecules are made" in result.output


@pytest.mark.slow
@pytest.mark.parametrize(("objective", "most"), [("tb", 0.03), ("subtb", 0.1), ("ent_ppo", 0.03)])
def test_training_reaches_the_exact_distribution(objective, most, folder):
    """After 600 iterations; subtb, whose flows are learned too, is slower and was at .073."""
    invoke("train", "run.yaml", f"objective={objective}", "trainer.iterations=600")
    loaded = load("runs")
    assert exact_distribution(loaded.environment, loaded.policy, reward_of(loaded.config)).tv < most


def test_the_library_goes_along_with_the_checkpoint(folder):
    invoke("train", "run.yaml", "policy.layers=1", "policy.width=16")
    (folder / "small" / "library.yaml").unlink()
    environment = load("runs").environment
    assert environment.library.plain() == small().library.plain()
