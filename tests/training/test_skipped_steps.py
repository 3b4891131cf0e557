"""A step whose loss or gradient is not finite: left out, counted, explained; too many in a row end the run."""

import csv
import logging
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

import molgfn
from molgfn.errors import CheckpointError, TrainingError
from molgfn.experiment import assemble, train
from molgfn.objectives.base import Loss, ObjectiveOutput
from molgfn.training.data import TrajectoryDataModule
from molgfn.training.updates import log_partition
from molgfn.training.updates.skipped_steps import NotFiniteError, SkippedSteps

pytestmark = pytest.mark.filterwarnings("ignore")
CONFIGS = Path(__file__).parents[2] / "configs"


def shipped(group, name):
    return yaml.safe_load((CONFIGS / group / f"{name}.yaml").read_text())


CASES = {
    "tb": {},
    "phases, and steps of P_B": {"objective": shipped("objective", "ent_ppo"), "backward": shipped("backward", "tlm")},
    "trust region": {"objective": shipped("objective", "rl_t")},
    "critics, copies": {"objective": shipped("objective", "sac")},
    "drawn by P_B": {"backward": shipped("backward", "rl_b")},
}


def small(config, iterations=6, give_up=10, **changes):
    settings = config(**changes)
    settings["policy"] |= {"width": 16, "layers": 1}
    settings["trainer"] |= {"iterations": iterations, "give_up": give_up}
    return settings


def poisoned(batch, number=float("nan")):
    """With log R of the third trajectory not finite."""

    def poison(trajectories):
        log_reward = trajectories.log_reward.clone()
        log_reward[2] = number
        return replace(trajectories, log_reward=log_reward)

    return replace(batch, trajectories=poison(batch.trajectories))


@pytest.fixture
def poison(monkeypatch):
    """``poison(*iterations)``: those (counted from 1) train on a batch with a number that is not finite."""

    def use(*iterations):
        draw = TrajectoryDataModule.draw

        def some(self):
            batch = draw(self)
            return poisoned(batch) if self.iteration in iterations else batch

        monkeypatch.setattr(TrajectoryDataModule, "draw", some)

    return use


def weights(learner):
    return {f"{n}.{k}": v.clone() for n, part in learner.networks.items() for k, v in part.state_dict().items()}


def test_a_run_goes_on_without_the_step_and_says_where_the_number_came_from(config, poison, caplog):
    poison(3)
    settings = small(config)
    with caplog.at_level(logging.WARNING, "molgfn"):
        run = train(settings)
    assert run.iteration == 6
    with (run.folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["train/skipped_steps"]) for row in rows] == [0, 0, 1, 1, 1, 1]
    assert [float(row["train/gradient_steps"]) for row in rows] == [1, 2, 2, 3, 4, 5]
    assert all(torch.isfinite(p).all() for p in run.experiment.policy.parameters())
    (said,) = [r.getMessage() for r in caplog.records if "not taken" in r.getMessage()]
    assert "step forward at iteration 2: loss tb is nan, gradient nan; log R is nan of trajectory 2 (" in said
    assert "from policy" in said
    assert not (run.folder / "not_finite.pt").exists()


@pytest.mark.parametrize("number", [float("nan"), float("-inf")])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("first", [True, False])
def test_the_weights_are_as_they_were(config, case, number, first):
    """Also those that no optimizer moves: where log Z starts and how it catches up, the starts of critics."""
    experiment = assemble(small(config, **CASES[case]))
    learner, data = experiment.learner(), experiment.data()
    if not first:
        learner.step(data.draw())
    before, taken = weights(learner), learner.steps.taken
    learner.step(poisoned(data.draw(), number))
    assert learner.steps.skipped.steps >= 1
    after = weights(learner)
    assert all(torch.isfinite(value).all() for value in after.values())
    if case == "tb":
        assert learner.steps.taken == taken
        assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(torch.isfinite(value) for value in learner.step(data.draw()).values())


@pytest.mark.parametrize(("case", "give_up"), [*[(case, 2) for case in CASES], ("tb", 1)])
def test_too_many_in_a_row_end_the_run_with_what_reproduces_it(config, poison, case, give_up):
    poison(*range(3, 100))
    settings = small(config, 20, give_up, **CASES[case])
    with pytest.raises(
        TrainingError, match=r"log R is nan of trajectory 2 (.|\n)*reproduces it: .*molgfn\.reproduce"
    ) as stopped:
        train(settings)
    (path,) = Path(settings["output"]).glob("*/not_finite.pt")
    assert str(path.parent) in str(stopped.value)
    content = torch.load(path, weights_only=True)
    assert content["state"]["batch"]["log_reward"].isnan().tolist() == [i == 2 for i in range(8)]
    assert content["state"]["learner"]["iteration"] == 1 + give_up
    assert content["molgfn"]["config"]["trainer"] == settings["trainer"] | {
        "_target_": content["molgfn"]["config"]["trainer"]["_target_"]
    }
    assert set(content["streams"]) == {"actions", "replay"}
    for place in (path, path.parent, str(path.parent)):
        with pytest.raises(NotFiniteError) as again:
            molgfn.reproduce(place)
        assert str(again.value) == content["message"]
        assert same(again.value.state["networks"], content["state"]["networks"])


def same(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)


def test_only_iterations_in_a_row_end_a_run(config, poison):
    poison(2, 3, 5, 6)
    assert train(small(config, 7, 3)).iteration == 7


def test_the_count_goes_on_in_a_resumed_run(config, poison):
    poison(2, 3, 4)
    part = train(small(config, 3, 3))
    with pytest.raises(TrainingError, match="the last of 3 iterations in a row"):
        train(small(config, 6, 3), resume=part.checkpoint)


def test_a_file_of_something_else_is_refused(config):
    run = train(small(config, 1))
    with pytest.raises(CheckpointError, match="no such file"):
        molgfn.reproduce(run.folder)
    with pytest.raises(CheckpointError, match="it has no `state`"):
        molgfn.reproduce(run.checkpoint)


def test_what_reproduces_it_does_not_fit_on_the_disk(config, poison, monkeypatch):
    poison(*range(2, 100))

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("molgfn.runs.not_finite.torch.save", full)
    settings = small(config, 20, 2)
    with pytest.raises(TrainingError, match=r"log R is nan (.|\n)*could not be written .*No space left"):
        train(settings)
    assert not list(Path(settings["output"]).rglob("not_finite*"))


def test_a_loss_that_is_not_finite_counts_though_its_gradient_is(config):
    learner = assemble(small(config)).learner()
    log_z = learner.policy.log_z.constant
    loss = log_z * 0.0 + torch.tensor(float("inf"))
    before = log_z.detach().clone()
    from molgfn.training.updates.engine import Engine

    learner.steps.take(ObjectiveOutput({"odd": Loss(loss, frozenset({"log_z"}))}), "forward", 0, Engine())
    assert (learner.steps.skipped.steps, learner.steps.taken) == (1, 0)
    assert torch.equal(log_z, before)


def test_log_z_stays_where_a_batch_says_nothing():
    log_z = torch.tensor(3.0)
    for bad in (float("nan"), float("inf"), float("-inf")):
        log_partition.catch_up(log_z, torch.tensor([1.0, bad, 2.0]))
    assert log_z == 3.0


def test_only_the_first_ones_are_explained(caplog):
    skipped = SkippedSteps(1000)
    output = ObjectiveOutput({"tb": Loss(torch.tensor(float("nan")), frozenset({"forward"}))})
    with caplog.at_level(logging.WARNING, "molgfn"):
        for iteration in range(30):
            skipped.add("forward", output, torch.tensor(float("nan")), iteration, "why")
    assert skipped.steps == 30
    assert len(caplog.records) == 10
    assert "later ones are counted" in caplog.text


def test_weights_that_overflow_are_found(config):
    """Where the numbers of the batch are fine, a quantity of the networks is named."""
    experiment = assemble(small(config, give_up=1))
    learner, data = experiment.learner(), experiment.data()
    learner.step(data.draw())
    batch = data.draw()
    with torch.no_grad():
        learner.policy.log_z.constant.fill_(float("nan"))
    with pytest.raises(NotFiniteError, match=r"loss tb is nan, gradient nan; \w+ is nan") as stopped:
        learner.step(batch)
    assert "trajectory" not in str(stopped.value)  # it is no number of one of them
