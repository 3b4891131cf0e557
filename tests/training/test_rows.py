"""Rows of metrics.csv: a value stands where it was measured and nowhere else."""

import csv

import pytest

from molgfn.experiment import train
from molgfn.runs.checkpoint import read


def node(target, **arguments):
    return {"_target_": f"molgfn.{target}", **arguments}


def rows(run):
    with (run.folder / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def test_exact_values_stand_where_they_were_measured(config):
    c = config()
    c["trainer"] |= {"iterations": 9, "log_every": 1, "exact_every": 4}
    run = train(c)
    table = rows(run)
    assert [int(r["step"]) for r in table] == list(range(9))
    assert [int(r["step"]) for r in table if r["exact/tv"]] == [3, 7]
    assert all(r["train/loss/tb"] and r["value/mean"] for r in table)
    assert run.metrics["exact/tv"] == pytest.approx(float(table[7]["exact/tv"]))
    assert run.metrics["value/mean"] == pytest.approx(float(table[8]["value/mean"]))


def test_learning_rates_are_those_of_the_step(config):
    c = config(optimizer=node("training.optimizers.Optimizers", lr=1e-3, half_life=2, lr_log_z=0.5))
    table = rows(train(c))
    assert [float(r["lr/forward"]) for r in table] == pytest.approx([1e-3 * 0.5 ** (i / 2) for i in range(6)])
    assert [float(r["lr/log_z"]) for r in table] == pytest.approx([0.5 * 0.5 ** (i / 2) for i in range(6)])


def test_seconds_go_on_over_a_resume(config):
    c = config()
    c["trainer"]["iterations"] = 3
    first = train(c)
    before = read(first.checkpoint)["molgfn"]["seconds"]
    c["trainer"]["iterations"] = 6
    seconds = [float(r["time/elapsed_seconds"]) for r in rows(train(c, resume=first.checkpoint))]
    assert len(seconds) == 6
    assert seconds == sorted(seconds)
    assert 0 < seconds[2] <= before <= seconds[3]


def test_iterations_that_are_left_over_have_a_row(config):
    c = config()
    c["trainer"] |= {"iterations": 5, "log_every": 2}
    table = rows(train(c))
    assert [int(r["step"]) for r in table] == [1, 3, 5]
    assert [float(r["found/trajectories"]) for r in table] == [16.0, 32.0, 40.0]
    assert all(r["train/loss/tb"] for r in table)
