"""Hits are the different objects above a threshold that a run has found, of every kind of object."""

import csv
import sqlite3
from contextlib import closing

import pytest
import torch

from molgfn.experiment import train


def node(target, **arguments):
    return {"_target_": f"molgfn.{target}", **arguments}


MODES = {"alphabet": "01", "length": 12, "n_modes": 3, "blocks": ["000", "101"]}
STRINGS = {
    "environment": node("environments.strings.Strings", alphabet="01", length=12),
    "oracle": node("oracles.synthetic.string_modes.StringModes", **MODES),
    "policy": node("policies.mlp.MLPPolicy", hidden=16),
}
LESS = {
    "oracle": node("oracles.properties.sa.SA"),
    "reward": node("rewards.power.Power", beta=4.0, transform=node("rewards.transforms.Linear", low=8.0, high=1.0)),
}
OF = {
    "strings": (STRINGS, [0.5, 0.6], ">="),
    "molecules": ({}, [0.4], ">="),
    "less is better": (LESS, [3.0], "<="),
}


def settings(config, changes, thresholds, **trainer):
    c = config(**changes)
    c["evaluation"] |= {"thresholds": thresholds}
    c["trainer"] |= trainer
    return c


def last_row(run):
    with (run.folder / "metrics.csv").open() as file:
        return list(csv.DictReader(file))[-1]


@pytest.mark.parametrize("what", OF)
def test_each_different_good_object_counts_once(config, what):
    changes, thresholds, sign = OF[what]
    run = train(settings(config, changes, thresholds))
    with closing(sqlite3.connect(run.folder / "scored.sqlite")) as record:
        for threshold in thresholds:
            (good,) = record.execute(f"SELECT count(*) FROM scored WHERE value {sign} ?", (threshold,)).fetchone()
            assert float(last_row(run)[f"found/hits/value{sign}{threshold:g}"]) == good
        (objects,) = record.execute("SELECT count(*) FROM scored").fetchone()
    assert 0 < good < objects


def test_a_run_that_goes_on_goes_on_counting(config):
    changes, thresholds, _ = OF["strings"]
    name = "found/hits/value>=0.6"
    part = train(settings(config, changes, thresholds, iterations=3))
    at_three = float(last_row(part)[name])
    rest = train(settings(config, changes, thresholds, iterations=8), resume=part.checkpoint)
    straight = train(settings(config, changes, thresholds, iterations=8))
    assert 0 < at_three < float(last_row(rest)[name]) == float(last_row(straight)[name])


def test_a_run_of_before_does_not_count_half(config):
    """A checkpoint that has no hits was of a run that had found some."""
    changes, thresholds, _ = OF["strings"]
    part = train(settings(config, changes, thresholds, iterations=3))
    state = torch.load(part.checkpoint, weights_only=False)
    (kept,) = [c for c in state["callbacks"].values() if "hits" in c]
    del kept["hits"]
    torch.save(state, part.checkpoint)
    rest = train(settings(config, changes, thresholds, iterations=5), resume=part.checkpoint)
    assert last_row(rest)["found/hits/value>=0.6"] == ""
