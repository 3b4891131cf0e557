"""The share of different objects, and the warning of a collapse."""

import csv
import logging
import math

import pytest

from molgfn.experiment import assemble, train
from molgfn.objects.grid import GRID
from molgfn.objects.molecule import MOLECULE
from molgfn.training.callbacks.variety import Variety, remedy


def node(target, **arguments):
    return {"_target_": f"molgfn.{target}", **arguments}


def rows(run):
    with (run.folder / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_share_is_of_an_interval():
    variety = Variety()
    assert math.isnan(variety.share)
    variety.add([1, 2, 3, 3])
    assert variety.share == variety.latest == 0.75
    variety.close(MOLECULE)
    assert math.isnan(variety.share)
    assert variety.latest == 0.75
    variety.add([3, 3])
    assert variety.share == variety.latest == 0.5


def intervals(variety, *shares, n=200, kind=MOLECULE):
    """Close an interval of ``n`` draws for each share."""
    for share in shares:
        variety.add([i % max(1, round(share * n)) for i in range(n)])
        variety.close(kind)


@pytest.mark.parametrize(
    ("shares", "times"),
    [
        ((1.0, 0.9, 0.3), 0),
        ((1.0, 0.5, 0.2, 0.02), 1),  # once, not at each row
        ((0.2, 0.18, 0.15), 0),  # a small space has few objects from the first
        ((0.2, 0.02), 1),
    ],
)
def test_a_collapse_is_a_fall(shares, times, caplog):
    intervals(Variety("Do this."), *shares)
    assert len(caplog.records) == times
    if times:
        text = caplog.records[0].getMessage()
        assert "collapsed" in text
        assert text.endswith("Do this.")
        assert f"up to {100 * shares[0]:.0f} %" in text


def test_short_intervals_are_looked_at_together(caplog):
    variety = Variety()
    intervals(variety, *[1.0] * 20, n=10)
    assert not caplog.records
    intervals(variety, *[0.1] * 30, n=10)
    assert len(caplog.records) == 1


def test_nothing_is_said_where_it_is_not_asked_for(caplog):
    intervals(Variety(), 1.0, 0.01, kind=GRID)
    assert not caplog.records


def test_it_goes_on_after_a_resume(caplog):
    one, other = Variety(), Variety()
    intervals(one, 1.0, 0.01)
    one.add([1, 2, 2])
    other.load_state_dict(one.state_dict())
    assert other.share == one.share
    intervals(other, 0.01)
    assert len(caplog.records) == 1  # it was said before
    old = Variety()
    old.load_state_dict({})
    assert not old.warned


def test_a_run_that_collapses_says_so(config, caplog):
    """So steep a reward and so high a rate that P_F ends at one molecule of the 171."""
    c = config(reward=node("rewards.power.Power", beta=300.0), data=node("trajectories.mixture.Sources", batch_size=32))
    c["optimizer"] = node("training.optimizers.Optimizers", lr=3e-2)
    c["trainer"] |= {"iterations": 48, "log_every": 4}
    with caplog.at_level(logging.WARNING, logger="molgfn"):
        run = train(c)
    shares = [float(row["found/different"]) for row in rows(run)]
    assert shares[0] > 0.3
    assert shares[-1] < 0.1
    said = [record.getMessage() for record in caplog.records if "collapsed" in record.getMessage()]
    assert len(said) == 1
    assert "reward.beta" in said[0]
    assert said[0] in (run.folder / "log.txt").read_text()


def test_a_run_that_does_not_collapse_says_nothing(config, caplog):
    c = config(data=node("trajectories.mixture.Sources", batch_size=32))
    c["trainer"] |= {"iterations": 12, "log_every": 4}
    run = train(c)
    assert not [record for record in caplog.records if "collapsed" in record.getMessage()]
    for row, before in zip(rows(run)[1:], rows(run), strict=False):  # of an interval, not of the run
        new = float(row["found/unique"]) - float(before["found/unique"])
        assert new / 128 <= float(row["found/different"]) <= 1


def test_the_remedy_is_one_that_is_left(config):
    def says(**changes):
        e = assemble(config(**changes))
        return remedy(e.policy, e.objective, e.optimizers, e.sources)

    assert "log_z" not in says()
    assert "lr_log_z" in says(optimizer=node("training.optimizers.Optimizers", lr_log_z=0.1))
    assert "data=exploration" in says()
    assert "data=exploration" not in says(objective=node("objectives.ent_ppo.EntPPO"))
