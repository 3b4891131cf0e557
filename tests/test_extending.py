"""The examples of docs/extending.md and its pages, as they stand there: checked, composed, trained for two steps."""

import importlib
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import torch
import yaml
from click.testing import CliRunner

from molgfn.cli.main import cli
from molgfn.composing.compose import checked
from molgfn.experiment import reward_of

DOCS = Path(__file__).parents[1] / "docs"
PAGES = [DOCS / "extending.md", *sorted((DOCS / "extending").glob("*.md"))]
BLOCKS = [
    (page.stem, kind, body)
    for page in PAGES
    for kind, body in re.findall(r"```(python|yaml)\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
]
#: file -> what stands in it
FILES = {m[1]: body for _, _, body in BLOCKS if (m := re.match(r"# (\S+\.(?:py|yaml))\n", body))}
#: (page, what checks its example)
CHECKS = [(page, body) for page, kind, body in BLOCKS if kind == "python" and not body.startswith("# ")]
#: where the modules of the pages lie
FOLDERS = ("environments", "objectives", "oracles", "policies", "trajectories/quantities")
SMALL = """
defaults: [train, _self_]
name: small
environment: {vocabulary: [[c1ccccc1, [0, 3], 1], [C, [0], 1], [C1CCNCC1, [0, 3], 1]], max_fragments: 3}
policy: {width: 8, layers: 1, heads: 2}
"""
SUBSETS = """
defaults:
  - train
  - override /environment: subsets
  - override /oracle: hypergrid
  - override /policy: mlp
  - _self_
name: small
environment: {items: 4, least: 1}
oracle: {dimensions: 4, side: 2}
policy: {hidden: 8, layers: 1}
"""
LINEAR = """
defaults:
  - train
  - override /environment: hypergrid
  - override /oracle: hypergrid
  - override /policy: linear
  - _self_
name: small
environment: {dimensions: 2, side: 4}
policy: {bias: false}
"""
FEW = ["data.batch_size=8", "trainer.iterations=2", "trainer.accelerator=cpu", "trainer.threads=1"]
FEW += ["trainer.progress=none", "logger.wandb=off", "evaluation.samples=10", "evaluation.log_pt_objects=2"]


@pytest.fixture
def written(tmp_path, monkeypatch):
    """The files of the page: modules where ``molgfn.<folder>`` finds them, configs beside an experiment."""
    for name, body in FILES.items():
        path = tmp_path / name.removeprefix("configs/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body)
    for folder in FOLDERS:
        package = importlib.import_module(f"molgfn.{folder.replace('/', '.')}")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path / "src" / "molgfn" / folder)])
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("my_lab") or any(
            name == f"molgfn.{f.replace('/', '.')}.{Path(p).stem}" for f in FOLDERS for p in FILES
        ):
            del sys.modules[name]


def test_the_readme_leads_to_the_examples():
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    assert "(docs/extending.md)" in readme


def train(folder, experiment, *overrides):
    arguments = ["--debug", "train", str(experiment), *FEW, f"output={folder / 'runs'}", *overrides]
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    (checkpoint,) = (folder / "runs").rglob("last.ckpt")
    return checkpoint.parents[1], result.output


def test_the_pages_have_the_examples_that_they_announce():
    modules = {str(Path(n).parent) for n in FILES if n.startswith("src/") and n.endswith(".py")}
    assert modules == {f"src/molgfn/{folder}" for folder in FOLDERS}
    announced = re.findall(r"\(extending/(\w+)\.md\).*`(check_\w+)`", PAGES[0].read_text(encoding="utf-8"))
    assert {page for page, _ in CHECKS} == {page for page, _ in announced} | {"quantity"}
    assert all(f"{check}(" in body for name, check in announced for page, body in CHECKS if page == name)
    index = set(re.findall(r"\(extending/(\w+\.md)\)", PAGES[0].read_text(encoding="utf-8")))
    assert index == {page.name for page in PAGES[1:]}


@pytest.mark.parametrize(("page", "check"), CHECKS, ids=[page for page, _ in CHECKS])
def test_the_example_keeps_its_contract(written, page, check):
    exec(compile(check, f"docs/extending/{page}.md", "exec"), {})


@pytest.mark.parametrize("choice", ["oracle=heteroatoms", "objective=lpv", "objective=twin"])
def test_the_example_trains_by_its_name(written, choice):
    experiment = written / "experiment.yaml"
    experiment.write_text(SMALL)
    run, _ = train(written, experiment, choice)
    group, _, name = choice.partition("=")
    target = yaml.safe_load((run / "config.yaml").read_text())[group]["_target_"]
    assert target == yaml.safe_load((written / group / f"{name}.yaml").read_text())["_target_"]


def test_the_environment_trains_by_its_name(written):
    experiment = written / "experiment.yaml"
    experiment.write_text(SUBSETS)
    run, _ = train(written, experiment)
    assert yaml.safe_load((run / "config.yaml").read_text())["environment"]["items"] == 4


@pytest.mark.parametrize("choices", [[], ["objective=ent_ppo", "backward=tlm", "data=on_policy"]])
def test_the_policy_trains_by_its_name(written, choices):
    experiment = written / "experiment.yaml"
    experiment.write_text(LINEAR)
    run, _ = train(written, experiment, *choices)
    assert yaml.safe_load((run / "config.yaml").read_text())["policy"]["bias"] is False


def test_a_class_outside_the_package_trains_and_its_run_samples(written):
    small = [line for line in SMALL.splitlines() if line.startswith(("environment", "policy"))]
    experiment = written / "my_lab" / "experiment.yaml"
    experiment.write_text(experiment.read_text() + "\n".join(small))
    run, _ = train(written, experiment)
    out = written / "rings.smi"
    result = CliRunner().invoke(cli, ["sample", str(run), "-n", "5", "-o", str(out)])
    assert result.exit_code == 0, result.output
    assert len(out.read_text().splitlines()) == 5


def test_a_group_beside_the_experiment_is_known_by_name(written):
    group = written / "my_lab" / "oracle"
    group.mkdir()
    (group / "my_rings.yaml").write_text("_target_: my_lab.rings.Rings\n")
    experiment = written / "my_lab" / "other.yaml"
    experiment.write_text(SMALL)
    result = CliRunner().invoke(cli, ["train", str(experiment), "oracle=my_rings", "--check"])
    assert result.exit_code == 0, result.output
    assert "my_lab.rings.Rings" in result.output


def run_outside(folder, name):
    """(total variation, whether Lightning was imported) of a program of the page, run by itself."""
    look = f"found = runpy.run_path({name!r}); print(found['tv'], 'pytorch_lightning' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
    command = [sys.executable, "-c", f"import runpy, sys; {look}"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *_, tv, lightning = done.stdout.split()
    return float(tv), lightning == "True"


@pytest.mark.parametrize("name", ["my_lab/learn.py", "my_lab/loop.py"])
def test_a_loop_without_a_trainer_learns_the_golden_dag(written, name):
    tv, lightning = run_outside(written, name)
    assert tv < 0.05
    assert not lightning
    lines = [line for line in FILES["my_lab/learn.py"].split("torch.manual_seed")[1].splitlines() if line.strip()]
    assert len(lines) <= 11


def test_a_reward_outside_the_package_reads_a_condition(written):
    small = [line for line in SMALL.splitlines() if line.startswith(("environment", "policy"))]
    experiment = written / "my_lab" / "plateau.yaml"
    experiment.write_text(experiment.read_text() + "\n".join(small))
    run, _ = train(written, experiment)
    with closing(sqlite3.connect(run / "scored.sqlite")) as connection:
        rows = connection.execute("SELECT value, log_reward FROM scored").fetchall()
    assert all(0 < log_reward <= 64 * min(value, 0.7) for value, log_reward in rows)
    without = written / "my_lab" / "without.yaml"
    without.write_text(experiment.read_text().replace("  - override condition: temperature\n", ""))
    refused = CliRunner().invoke(cli, ["train", str(without), *FEW])
    assert refused.exit_code == 2, refused.output
    assert "reads the condition `beta`" in refused.output


def test_a_scalarisation_outside_the_package_is_chosen_by_its_name(written, monkeypatch):
    (written / "scalarisation").mkdir()
    (written / "scalarisation" / "second_worst.yaml").write_text("_target_: my_lab.worst.SecondWorst\n")
    monkeypatch.chdir(written)
    grid = ["oracle=grid_objectives", "environment.side=4", "oracle.functions=[branin,currin,shubert]"]
    config = checked("hypergrid/tb", [*grid, "scalarisation=second_worst"])
    reward = reward_of(config)
    scores = reward(torch.tensor([[0, 0], [3, 1]]), ["0 0", "3 1"])
    parts = torch.stack([scores.components[name] for name in ("branin", "currin", "shubert")])
    assert torch.equal(scores.value, parts.median(0).values)


def test_a_source_outside_the_package_draws_its_share(written):
    small = [line for line in SMALL.splitlines() if line.startswith(("environment", "policy"))]
    experiment = written / "my_lab" / "flattened.yaml"
    experiment.write_text(experiment.read_text() + "\n".join(small))
    run, _ = train(written, experiment)
    with closing(sqlite3.connect(run / "scored.sqlite")) as database:
        sources = [source for (source,) in database.execute("select source from scored")]
    assert set(sources) == {"policy", "flattened"}
    refused = CliRunner().invoke(cli, ["train", str(experiment), "objective=ent_ppo", "--check"])
    assert refused.exit_code != 0
    assert "data.sources.flattened draws from a flattened P_F" in " ".join(refused.output.split())
