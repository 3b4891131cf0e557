"""An iteration without a trainer: what it does is what a run does, and it stops and goes on by its states."""

import copy

import pytest
import torch

from molgfn.experiment import assemble, train
from molgfn.training.updates.engine import Engine

pytestmark = pytest.mark.filterwarnings("ignore")


def node(target, **arguments):
    return {"_target_": f"molgfn.{target}", **arguments}


CASES = {
    "tb": {},
    "latest batches, schedule": {
        "backward": node("objectives.backward.pessimistic.Pessimistic", memory=2, steps=2),
        "optimizer": node("training.optimizers.Optimizers", algorithm="AdamW", weight_decay=0.01, warm_up=2, cosine=5),
    },
    "drawn by P_B": {"backward": node("objectives.backward.policy_gradient.BackwardPolicyGradient")},
    "critics, copies": {"objective": node("objectives.soft_q.soft_actor_critic.SoftActorCritic")},
}


def small(config, iterations, **changes):
    settings = config(**changes)
    settings["policy"] |= {"width": 16, "layers": 1}
    settings["trainer"] |= {"iterations": iterations}
    return settings


def states(learner):
    networks = {name: network.state_dict() for name, network in learner.networks.items()}
    steps = learner.steps
    found = networks, steps.optimizer.state_dict(), steps.schedule.state_dict(), learner.state_dict()
    return copy.deepcopy(found)  # states are views of what they are of


def weights(learner):
    return {f"{n}.{k}": v.clone() for n, network in learner.networks.items() for k, v in network.state_dict().items()}


@pytest.mark.parametrize("case", CASES)
def test_it_does_what_a_run_does(config, case):
    settings = small(config, 4, **CASES[case])
    run = train(settings)
    e = assemble(settings)
    learner, data = e.learner(), e.data()
    for _ in range(4):
        metrics = learner.step(data.draw())
    kept = torch.load(run.checkpoint, weights_only=True)
    ours = weights(learner)
    assert kept["state_dict"].keys() == ours.keys()
    assert not [name for name, value in ours.items() if not torch.equal(value, kept["state_dict"][name])]
    for name, value in metrics.items():
        assert float(value) == run.metrics[f"train/{name}"], name
    assert kept["beside"]["iteration"] == learner.iteration == 4


@pytest.mark.parametrize("case", CASES)
def test_it_goes_on_by_its_states(config, case):
    settings = small(config, 4, **CASES[case])
    e = assemble(settings)
    learner, data = e.learner(), e.data()
    batches = [data.draw() for _ in range(4)]
    for batch in batches[:2]:
        learner.step(batch)
    networks, optimizer, schedule, own = states(learner)
    again = assemble(settings).learner()
    for name, network in again.networks.items():
        network.load_state_dict(networks[name])
    again.steps.optimizer.load_state_dict(optimizer)
    again.steps.schedule.load_state_dict(schedule)
    again.load_state_dict(own)
    for batch in batches[2:]:
        first, second = learner.step(batch), again.step(batch)
        assert {k: float(v) for k, v in first.items()} == {k: float(v) for k, v in second.items()}
    ours, theirs = weights(learner), weights(again)
    assert not [name for name, value in ours.items() if not torch.equal(value, theirs[name])]


def test_an_engine_has_every_gradient_and_every_step(config):
    class Counting(Engine):
        def __init__(self):
            self.calls = []

        def backward(self, loss, parameters, *, keep_graph):
            self.calls.append("backward")
            super().backward(loss, parameters, keep_graph=keep_graph)

        def step(self, optimizer):
            self.calls.append("step")
            super().step(optimizer)

    e = assemble(small(config, 1, **CASES["latest batches, schedule"]))
    learner, engine = e.learner(), Counting()
    learner.step(e.data().draw(), engine)
    assert engine.calls == ["backward", "step"] * 3  # two of P_B, one of P_F
    assert learner.steps.taken == 3
