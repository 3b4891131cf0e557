"""log Z: where a batch puts it, and how it catches up."""

import math

import pytest
import torch
from scipy import stats

from molgfn.experiment import assemble, train
from molgfn.training.updates.log_partition import by_condition, catch_up, estimate


def moved(start, weights):
    log_z = torch.tensor(float(start), dtype=torch.float64)
    catch_up(log_z, torch.tensor(weights, dtype=torch.float64))
    return log_z.item()


def test_estimates():
    weights = torch.tensor([0.0, math.log(3.0)])
    assert estimate(weights, "mean").item() == pytest.approx(math.log(3.0) / 2)
    assert estimate(weights, "importance").item() == pytest.approx(math.log(2.0))


@pytest.mark.parametrize("start", [-88.0, 120.0])
def test_a_quarter_of_what_noise_does_not_explain(start):
    weights = [1.0, 2.0, 4.0, 9.0]
    mean, error = 4.0, stats.t.ppf(0.975, 3) * stats.tstd(weights) / 2
    toward = mean - error if start < mean else mean + error
    assert moved(start, weights) == pytest.approx(start + (toward - start) / 4)


@pytest.mark.parametrize("start", [-1.0, 4.0, 9.0])
def test_within_the_noise_of_a_batch_it_stays(start):
    assert moved(start, [1.0, 2.0, 4.0, 9.0]) == start


def test_where_every_trajectory_agrees_it_ends_there_and_stays():
    log_z = torch.tensor(-300.0)
    for _ in range(200):
        catch_up(log_z, torch.full((8,), 17.0))
    assert log_z.item() == pytest.approx(17.0, abs=1e-5)
    assert moved(17.0, [17.0] * 8) == 17.0


def test_one_trajectory_has_no_noise_to_judge_by():
    assert moved(0.0, [50.0]) == 0.0


def test_a_batch_says_one_thing_of_each_condition():
    values, groups = torch.tensor([1.0, 3.0, 10.0, 20.0, 5.0]), torch.tensor([9, 9, -4, -4, 7])
    assert by_condition(values, groups).tolist() == [15.0, 5.0, 2.0]
    assert by_condition(values, torch.zeros(5, dtype=torch.int64)) is values


def test_objects_at_the_floor_do_not_pull_a_good_log_z_down():
    """One object in 32 at the floor of a steep reward: the mean is 9 below the others, which is no more than noise."""
    assert moved(17.0, [17.0] * 31 + [-290.0]) == 17.0


@pytest.mark.parametrize(("rate", "closes"), [(None, True), (0.1, False), (1.0, False)])
def test_a_rate_that_is_given_is_the_rate(config, rate, closes):
    """From 100 above, the default goes a good part of the way in six iterations; a given rate goes six steps."""
    c = config()
    c["policy"]["initial_log_z"] = 100.0
    c["optimizer"]["lr_log_z"] = rate
    end = train(c).experiment.policy.log_z.constant.item()
    assert (end < 50) == closes
    if not closes:
        assert end == pytest.approx(100.0 - 6 * rate, abs=0.05 * 6 * rate)


def test_it_keeps_up_with_a_filter(config):
    """Half of what is drawn at first is worth the floor, log R = -295; the default rate is never far behind."""
    c = config(
        reward={"_target_": "molgfn.rewards.power.Power", "beta": 32.0},
        oracle={
            "_target_": "molgfn.rewards.weighted_mean.WeightedMean",
            "components": {
                "qed": {
                    "_target_": "molgfn.rewards.weighted_mean.Component",
                    "oracle": {"_target_": "molgfn.oracles.properties.qed.QED"},
                },
                "oxygen": {
                    "_target_": "molgfn.rewards.weighted_mean.Component",
                    "oracle": {"_target_": "molgfn.oracles.structure.substructure.Substructure", "smarts": ["O"]},
                    "filter": True,
                },
            },
        },
    )
    c["data"]["batch_size"] = 32
    c["optimizer"]["lr"] = 3e-3
    c["trainer"]["iterations"] = 60
    gaps = {}
    for rate in (None, 0.1):
        c["optimizer"]["lr_log_z"] = rate
        gaps[rate] = train(c).metrics["train/residual/mean"]
    assert abs(gaps[None]) < 30 < abs(gaps[0.1])


def test_the_first_batch_sets_the_start_of_what_is_assembled(config):
    c = config()
    for given, how in ((None, "mean"), ("mean", "mean"), ("importance", "importance"), (2, None)):
        c["policy"]["initial_log_z"] = given
        assert assemble(c).policy.log_z_start == how
