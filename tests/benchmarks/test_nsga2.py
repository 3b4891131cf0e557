"""NSGA-II on fragment trees: legal offspring, the right survivors, as many calls as given, and the same by seed."""

import importlib.util
import sqlite3
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from molgfn.environments.fragments import Fragments
from molgfn.errors import ConfigError
from molgfn.oracles.properties.qed import QED
from molgfn.oracles.properties.sa import SA
from molgfn.rewards.power import Power
from molgfn.rewards.transforms import Linear
from molgfn.rewards.weighted_mean import Component, WeightedMean

PLAIN = [["C", [0, 0, 0]], ["c1ccccc1", [0, 1, 2, 3, 4, 5]], ["CO", [0, 1]], ["N", [0, 0, 0]], ["CC(=O)N", [0, 3, 3]]]
FOLDER = Path(__file__).parents[2] / "experiments" / "conditions"


def script(name):
    spec = importlib.util.spec_from_file_location(f"script_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def nsga2():
    return script("nsga2")


def reward():
    parts = {"qed": Component(oracle=QED()), "sa": Component(oracle=SA(), transform=Linear(low=10, high=1))}
    return Power(oracle=WeightedMean(components=parts))


@pytest.fixture(scope="module", params=["plain", "labels", "scaffold", "atoms"])
def environment(request):
    more = {
        "plain": {"vocabulary": PLAIN, "min_fragments": 2},
        "labels": {},
        "scaffold": {"scaffold": "Cc1ccc([*:1])cc1[*:2]", "fill": [1]},
        "atoms": {"max_atoms": 25, "min_fragments": 2},
    }[request.param]
    return Fragments(**{"vocabulary": "rdkit", "max_fragments": 5, **more})


def whole(environment, states):
    """All may be finished, and each is what the environment makes of the steps that lead to it."""
    assert bool(environment.stop_mask(states).all())
    assert all(problem is None for problem in environment.kind.problems(environment.objects(states)))
    assert int(states.n.max()) <= environment.max_fragments
    assert int(states.n.min()) >= environment.min_fragments
    back = states
    for _ in range(environment.max_fragments):
        mask = environment.backward_mask(back)
        rows = mask.any(1).nonzero().squeeze(1)
        leaf = mask[rows].to(torch.int8).argmax(1)
        before = environment.undo(back[rows], leaf)
        action = environment.forward_action(back[rows], leaf, before)
        legal = environment.forward_mask(before).gather(1, action[:, None])
        assert bool(legal.all()), "each step was legal"
        back = before
        if not len(rows):
            break


def test_offspring_are_molecules_of_the_environment(nsga2, environment):
    breeder = nsga2.Breeder(environment, seed=0)
    first, second = breeder.fresh(40), breeder.fresh(40)
    whole(environment, first)
    assert len(first.n.unique()) > 1
    crossed, fits = breeder.crossed(first, second)
    whole(environment, breeder.grown(crossed, np.zeros(40)))
    assert fits.mean() > 0.3
    born = breeder.offspring(first, second)
    whole(environment, born)
    keys = environment.kind.keys
    parents = {*keys(environment.objects(first)), *keys(environment.objects(second))}
    assert np.mean([key not in parents for key in keys(environment.objects(born))]) > 0.6


def test_a_branch_takes_the_place_of_another(nsga2):
    chain = [["C", [0, 0]], ["N", [0, 0]], ["O", [0, 0]]]
    environment = Fragments(vocabulary=chain, max_fragments=6)
    breeder = nsga2.Breeder(environment, seed=1)

    def of(smiles):
        from molgfn.chemistry.molecules import parse

        return environment.states_of(parse([smiles] * 60))

    crossed, fits = breeder.crossed(of("CCC"), of("OOO"))
    assert fits.all()
    found = set(environment.kind.keys(environment.objects(crossed)))
    assert found == {"COO", "CO", "CCO", "CCOO"}, "one or two of the one before one or two of the other"


def test_ranks_crowding_and_survivors_by_hand(nsga2):
    points = np.array([[1.0, 0], [0, 1], [0.5, 0.5], [0.6, 0.4], [0.4, 0.4], [0.1, 0.1]])
    rank = nsga2.ranks(points)
    assert rank.tolist() == [0, 0, 0, 0, 1, 2]
    crowding = nsga2.crowding(points, rank)
    assert np.isinf(crowding[[0, 1, 4, 5]]).all()
    assert crowding[[2, 3]] == pytest.approx([0.6 + 0.6, 0.5 + 0.5])
    assert sorted(nsga2.survivors(points, 3).tolist()) == [0, 1, 2]
    assert sorted(nsga2.survivors(points, 5).tolist()) == [0, 1, 2, 3, 4]
    rng = np.random.default_rng(0)
    often = np.bincount(nsga2.tournaments(points, 6000, rng), minlength=6) / 6000
    assert often[5] == pytest.approx(1 / 36, abs=0.01), "the worst is taken where it meets itself alone"
    assert often[[0, 1]].min() > often[[2, 3]].max() - 0.02


def test_a_run_has_its_calls_improves_and_repeats(nsga2, tmp_path):
    environment = Fragments(vocabulary="rdkit", max_fragments=4)
    judge = reward()
    found = nsga2.run(environment, judge, tmp_path / "a", calls=150, population=25, seed=3)
    assert len(found) == 25
    assert judge.counters.unique == 150
    with sqlite3.connect(tmp_path / "a" / "scored.sqlite") as connection:
        rows = connection.execute("SELECT call, iteration, key, qed_transformed, sa_transformed FROM scored").fetchall()
    assert [row[0] for row in rows] == list(range(1, 151))
    assert len({row[2] for row in rows}) == 150
    start, end = (np.array([row[3:] for row in part]) for part in (rows[:25], rows[-25:]))
    assert end.mean() > start.mean() + 0.02
    again = nsga2.run(environment, reward(), tmp_path / "b", calls=150, population=25, seed=3)
    assert again.keys == found.keys
    assert (tmp_path / "a" / "population.smi").read_text().split() == found.keys
    other = nsga2.run(environment, reward(), tmp_path / "c", calls=60, population=25, seed=4)
    assert other.keys != found.keys
    with pytest.raises(ConfigError, match="a record already"):
        nsga2.run(environment, reward(), tmp_path / "a", calls=10)


def test_one_objective_is_refused(nsga2, tmp_path):
    with pytest.raises(ConfigError, match="several objectives"):
        nsga2.run(Fragments(vocabulary="rdkit", max_fragments=3), Power(oracle=QED()), tmp_path, calls=10)


def test_folders_are_compared_at_equal_calls(nsga2, tmp_path, capsys, monkeypatch):
    fronts = script("fronts")
    config = {"oracle": {"components": {"qed": {}, "sa": {}, "size": {"filter": True}}}}
    for seed in (0, 1):
        folder = tmp_path / f"n{seed}"
        nsga2.run(Fragments(vocabulary="rdkit", max_fragments=3), reward(), folder, calls=40, population=10, seed=seed)
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
    arguments = ["fronts.py", f"NSGA-II={tmp_path}/n*", f"one={tmp_path}/n1", "--calls", "30"]
    monkeypatch.setattr(sys, "argv", [*arguments, "--picture", str(tmp_path / "fronts.svg")])
    fronts.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("|")[1].strip() for line in lines] == ["", "---", "NSGA-II", "one"]
    alone = [fronts.Scored.read(tmp_path / f"n{seed}", 30).measures() for seed in (0, 1)]
    mean = np.mean([measures["hypervolume"] for measures in alone])
    assert lines[2].split("|")[2].strip().startswith(f"{mean:.4g} ± ")
    assert lines[3].split("|")[2].strip() == f"{alone[1]['hypervolume']:.4g}"
    assert "<svg" in (tmp_path / "fronts.svg").read_text()
    with pytest.raises(SystemExit, match="only 40 molecules were scored, not 50"):
        fronts.Scored.read(tmp_path / "n0", 50)


def test_the_command_takes_an_experiment_under_a_condition(nsga2, tmp_path, monkeypatch, capsys):
    oracle = """
  _target_: molgfn.rewards.objectives.Objectives
  components:
    qed: {_target_: molgfn.rewards.components.Component, oracle: {_target_: molgfn.oracles.properties.qed.QED}}
    sa:
      _target_: molgfn.rewards.components.Component
      oracle: {_target_: molgfn.oracles.properties.sa.SA}
      transform: {_target_: molgfn.rewards.transforms.Linear, low: 10, high: 1}
  scalarisation: ${scalarisation}
"""
    defaults = "[quickstart, override /condition: preference, override /scalarisation: weighted_sum, _self_]"
    (tmp_path / "two.yaml").write_text(f"defaults: {defaults}\noracle:{oracle}")
    arguments = ["nsga2.py", str(tmp_path / "two.yaml"), "environment.max_fragments=3", "--calls", "20"]
    monkeypatch.setattr(sys, "argv", [*arguments, "--population", "8", "-o", str(tmp_path / "out")])
    nsga2.main()
    assert "20 oracle calls" in capsys.readouterr().out
    assert script("fronts").Scored.read(tmp_path / "out", 20).points.shape == (20, 2)
    monkeypatch.setattr(sys, "argv", ["nsga2.py", "conditions/grid", "--calls", "20", "-o", str(tmp_path / "grid")])
    with pytest.raises(SystemExit, match="`fragments`"):
        nsga2.main()
