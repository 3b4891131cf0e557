"""How the best samples were built: real trajectories, real probabilities, the best of those that were drawn."""

import itertools
import math

import numpy as np
import pytest
import torch

from molgfn.conditions.draws import LogUniform
from molgfn.conditions.temperature import Temperature
from molgfn.environments.atoms import Atoms
from molgfn.environments.conditional import conditional
from molgfn.environments.fragments import Fragments
from molgfn.environments.hypergrid import HyperGrid
from molgfn.environments.strings import Strings
from molgfn.environments.tokens import Smiles
from molgfn.evaluation.metrics.base import Samples
from molgfn.evaluation.trajectories_shown import shown_trajectories
from molgfn.objects.molecule import MOLECULE
from molgfn.policies.graph import MessagePassingPolicy
from molgfn.policies.tabular import TabularPolicy


def best_of(environment, states):
    """Samples of the objects of some states, the first the best."""
    objects = environment.objects(states)
    keys = environment.kind.keys(objects)
    value = np.linspace(1, 0.5, len(keys))
    return Samples(kind=environment.kind, objects=objects, keys=keys, log_reward=value, value=value)


def random_policy(environment):
    policy = TabularPolicy(environment=environment)
    policy.forward_logits.data = torch.randn(policy.forward_logits.shape, generator=torch.Generator().manual_seed(3))
    return policy


def test_the_most_probable_way_is_found_and_its_probabilities_are_those_of_the_policy():
    environment = HyperGrid(dimensions=2, side=4)
    policy = random_policy(environment)
    target = environment.states_of(torch.tensor([[2, 1]]))
    (shown,) = shown_trajectories(best_of(environment, target), environment, policy, objects=3, trajectories=60)
    totals = []
    for way in set(itertools.permutations([0, 0, 1])):  # all three ways to (2, 1)
        states, total = environment.initial(1), 0.0
        for action in [*way, environment.stop_action]:
            total += policy(states).forward.log_prob(torch.tensor([action])).item()
            states = environment.step(states, torch.tensor([action]))
        totals.append(total)
    assert shown.log_pf == pytest.approx(max(totals), abs=1e-5)
    assert sum(math.log(step.probability) for step in shown.steps) == pytest.approx(shown.log_pf, abs=1e-5)
    assert shown.steps[0].choices == 3
    assert shown.steps[-1].words == "stops"
    assert shown.key == environment.kind.keys(torch.tensor([[2, 1]]))[0]


def test_fragments_are_drawn_as_they_are_joined():
    environment = Fragments(vocabulary=[["C", [0]], ["c1ccccc1", [0, 3]], ["O", [0]]], max_fragments=3)
    policy = MessagePassingPolicy(environment=environment, width=8, layers=1)
    molecules = MOLECULE.parse(["Cc1ccc(O)cc1", "CO"])
    samples = Samples(MOLECULE, molecules, MOLECULE.keys(molecules), np.array([2.0, 1.0]), np.array([2.0, 1.0]))
    first, second = shown_trajectories(samples, environment, policy, objects=2, trajectories=4)
    assert [len(first.steps), len(second.steps)] == [4, 3]
    assert first.key == "Cc1ccc(O)cc1"
    assert first.steps[0].words.startswith("starts with ")
    assert all(step.words.startswith("adds ") for step in first.steps[1:-1])
    assert all(step.svg.startswith("<svg") for step in first.steps[:-1])
    assert first.steps[-1].svg == ""


def test_what_has_no_value_is_left_out_and_none_are_asked_for():
    environment = HyperGrid(dimensions=1, side=3)
    samples = best_of(environment, environment.states_of(torch.tensor([[0], [2]])))
    samples.value[0] = np.nan
    found = shown_trajectories(samples, environment, random_policy(environment), objects=5, trajectories=1)
    assert [shown.key for shown in found] == [samples.keys[1]]
    assert shown_trajectories(samples, environment, random_policy(environment), objects=0, trajectories=1) == []


@pytest.mark.parametrize(
    ("environment", "text", "words"),
    [
        (Strings(alphabet="AB", length=3, mode="append"), "ABA", ["A··", "AB·", "ABA", "stops"]),
        (Smiles(alphabet=["C", "O", "N"], max_length=4), "CCO", ["C", "C", "O", "stops"]),
        (Atoms(types=["C", "O"], max_atoms=3), "CCO", ["starts with C", "adds C", "adds O", "stops"]),
    ],
    ids=["strings", "smiles", "atoms"],
)
def test_each_environment_says_its_steps(environment, text, words):
    states, actions = forward_path(environment, text)
    steps = environment.build_steps(states, actions)
    assert [step.words for step in steps] == words
    under = conditional(environment, Temperature(beta=LogUniform(low=1, high=4)))
    same = type(under.initial(1))(states, torch.zeros(len(states), under.initial(1).values.shape[1]).double())
    assert under.build_steps(same, actions) == steps


def forward_path(environment, text):
    """A trajectory to the object: taken apart by the last legal backward action each time."""
    states = [environment.states_of(environment.kind.parse([text]))]
    actions = [environment.exit_action(states[0])]
    while not bool(environment.is_initial(states[0])):
        backs = environment.legal_backward_actions(states[0])[1][-1:]
        before = environment.undo(states[0], backs)
        actions.insert(0, environment.forward_action(states[0], backs, before))
        states.insert(0, before)
    return type(states[0]).cat(states), torch.cat(actions)
