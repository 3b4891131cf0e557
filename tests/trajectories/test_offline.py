"""Given molecules as training data: what is kept, what is drawn, and how it is mixed into batches."""

import logging
import math
from collections import Counter

import pytest
import torch

from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.standardise import Standardisation
from molgfn.environments.fragments import Fragments
from molgfn.environments.hypergrid import HyperGrid
from molgfn.errors import CheckpointError, ConfigError, DataError
from molgfn.evaluation.terminal_probability import log_terminal_probability
from molgfn.objectives.divergences.maximum_likelihood import MaximumLikelihood
from molgfn.oracles.properties.qed import QED
from molgfn.policies.graph import GraphTransformerPolicy
from molgfn.policies.mlp import MLPPolicy
from molgfn.rewards.power import Power
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.mixture import Sources
from molgfn.trajectories.reading_back import read_back
from molgfn.trajectories.sources import offline
from molgfn.trajectories.sources.explored import Explored
from molgfn.trajectories.sources.local_search import LocalSearch
from molgfn.trajectories.sources.offline import OfflineMolecules
from molgfn.trajectories.sources.on_policy import OnPolicy
from molgfn.trajectories.sources.replay import UniformReplay

AMBIGUOUS = [["C", [0]], ["CC", [0, 1]], ["CCC", [0, 2]], ["CCO", [0, 1]]]
#: four that it can build, some by several trees; another name of the first, one too long, another element, no SMILES
LINES = ["CCCC", "CCO", "CC", "CCCCCO", "C(C)CC", "C" * 30, "CCN", "XX"]


@pytest.fixture
def policy():
    return GraphTransformerPolicy(
        environment=Fragments(vocabulary=AMBIGUOUS, max_fragments=4), width=16, layers=1, heads=2
    )


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "given.smi"
    path.write_text("\n".join(LINES))
    return str(path)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_what_the_environment_cannot_build_is_counted(policy, file):
    offline = OfflineMolecules(molecules=file)
    assert (len(offline), offline.report) == (0, None)
    offline.prepare(policy.environment)
    assert [m.smiles for m in offline.objects] == ["CCCC", "CCO", "CC", "CCCCCO"]
    report = offline.report
    assert (report.entries, report.kept) == (8, 4)
    assert {reason: out.lines for reason, out in report.left_out.items()} == {
        "same object": [5],
        "outside the environment": [6, 7],
        "not a SMILES": [8],
    }
    assert report.left_out["same object"].example == "CCCC is at line 1 already"


def test_worker_processes_find_the_same_states(policy):
    molecules = [Molecule.from_smiles(s) for s in LINES[:7]] * 40
    told = []
    problems, states = read_back(policy.environment, molecules, progress=told.append)
    again, same = read_back(policy.environment, molecules, jobs=2)
    assert problems == again == [None, None, None, None, None, "", ""] * 40
    assert told == [100, 200, 280]
    assert policy.environment.keys(states) == policy.environment.keys(same)
    keys = [m.smiles for m in policy.environment.objects(states)]
    assert keys == [m.smiles for m, problem in zip(molecules, problems, strict=True) if problem is None]
    assert read_back(policy.environment, molecules[5:7]) == (["", ""], None)


def test_how_far_the_reading_has_come_is_said(policy, file, caplog, monkeypatch):
    monkeypatch.setattr(offline, "SECONDS", 0.0)
    caplog.set_level(logging.INFO, "molgfn")
    OfflineMolecules(molecules=file).prepare(policy.environment)
    assert f"{file}: read 8 molecules" in caplog.messages
    assert f"{file}: looked for the states of 7 of 7 molecules" in caplog.messages


@pytest.mark.parametrize(("limit", "level"), [(2, logging.WARNING), (3, logging.INFO)])
def test_a_limit_that_cuts_is_a_warning(policy, tmp_path, caplog, limit, level):
    (tmp_path / "a.smi").write_text("CCCC\nCCO\nCC\n")
    caplog.set_level(logging.INFO, "molgfn")
    OfflineMolecules(molecules=str(tmp_path / "a.smi"), limit=limit).prepare(policy.environment)
    said = caplog.records[-1]
    assert said.levelno == level
    assert ("not read: limit=2" in said.getMessage()) == (limit == 2)


def test_rules_come_first(policy, tmp_path):
    (tmp_path / "a.smi").write_text("CCC[O-].[Na+]\nCCCO\nCC(=O)C\n")
    plain = OfflineMolecules(molecules=str(tmp_path / "a.smi"))
    plain.prepare(policy.environment)
    assert plain.report.left_out["outside the environment"].lines == [1, 3]
    rules = Standardisation(charges="neutralise")
    offline = OfflineMolecules(molecules=str(tmp_path / "a.smi"), standardise=rules, limit=2)
    offline.prepare(policy.environment)
    assert [m.smiles for m in offline.objects] == ["CCCO"]
    assert offline.report.left_out["duplicate"].lines == [2]


def test_stereoisomers_are_one_object(policy, tmp_path):
    environment = Fragments(vocabulary=[["C", [0, 0, 0, 0]], ["Cl", [0]], ["F", [0]], ["Br", [0]]], max_fragments=4)
    (tmp_path / "a.smi").write_text("F[C@H](Cl)Br\nF[C@@H](Cl)Br\n")
    offline = OfflineMolecules(molecules=str(tmp_path / "a.smi"))
    offline.prepare(environment)
    assert [m.smiles for m in offline.objects] == ["FC(Cl)Br"]
    assert offline.report.left_out["same object"].lines == [2]


@pytest.mark.parametrize("redraw", [True, False])
def test_trajectories_lead_to_the_molecules(policy, file, redraw):
    environment = policy.environment
    drawn = OfflineMolecules(molecules=file, redraw=redraw).sample(policy, 10, generator=generator(), order=generator())
    assert drawn.source == ["offline"] * 10
    assert [m.smiles for m in environment.objects(drawn.terminal)] == drawn.keys
    # every one once before any comes again
    assert Counter(drawn.keys[:4]) == Counter(drawn.keys[4:8]) == Counter(["CCCC", "CCO", "CC", "CCCCCO"])
    # they are trajectories: each state follows from the one before, and the first is the source
    assert environment.is_initial(drawn.states[drawn.last - drawn.lengths + 1]).all()
    inside = torch.ones(len(drawn.actions), dtype=torch.bool).index_fill(0, drawn.last, False)
    at = inside.nonzero().squeeze(1)
    after = environment.step(drawn.states[at], drawn.actions[at])
    assert environment.keys(after) == environment.keys(drawn.states[at + 1])
    assert (drawn.actions[drawn.last] == environment.stop_action).all()


def test_every_tree_of_a_molecule_is_drawn(policy, tmp_path):
    """Trees come in proportion to the number of ways that lead to them, c(t), as the docstring says."""
    (tmp_path / "a.smi").write_text("CCCC\n")
    environment = policy.environment
    n = 600
    given = str(tmp_path / "a.smi")
    drawn = OfflineMolecules(molecules=given).sample(policy, n, generator=generator(), order=generator(1))
    keys = environment.keys(drawn.terminal)
    count = Counter(keys)
    first = {key: i for i, key in reversed(list(enumerate(keys)))}
    terminal = drawn.terminal[torch.tensor([first[key] for key in count])]
    ways = torch.from_numpy(environment.space.tree_log_symmetry(terminal.kinds.numpy(), terminal.joins.numpy())).exp()
    share = ways / ways.sum()
    assert len(count) > 1
    whole = environment.space.log_symmetry(Molecule.from_smiles("CCCC"))
    assert math.isclose(float(ways.sum()), math.exp(whole), rel_tol=1e-9)  # there is no tree that was not drawn
    found = torch.tensor([count[key] / n for key in count], dtype=torch.float64)
    assert ((found - share).abs() < 5 * (share * (1 - share) / n).sqrt()).all()
    fixed = OfflineMolecules(molecules=given, redraw=False).sample(policy, 50, order=generator())
    assert len(set(environment.keys(fixed.terminal))) == 1


def test_it_goes_on_where_it_was(policy, file):
    first = OfflineMolecules(molecules=file)
    order = generator(3)
    first.sample(policy, 3, order=order)
    state, after = first.state_dict(), order.get_state()
    expected = first.sample(policy, 6, generator=generator(), order=order)
    again = OfflineMolecules(molecules=file)
    again.load_state_dict(state, policy.environment)
    order.set_state(after)
    drawn = again.sample(policy, 6, generator=generator(), order=order)
    assert drawn.keys == expected.keys
    assert torch.equal(drawn.actions, expected.actions)


def test_another_file_on_resume_is_noticed(policy, file, tmp_path):
    first = OfflineMolecules(molecules=file)
    first.sample(policy, 1)
    (tmp_path / "other.smi").write_text("CC\n")
    again = OfflineMolecules(molecules=str(tmp_path / "other.smi"))
    again.load_state_dict(first.state_dict(), policy.environment)
    with pytest.raises(CheckpointError, match="gives 1 molecules, but 4"):
        again.sample(policy, 1)


def test_what_cannot_be_used(policy, tmp_path):
    with pytest.raises(DataError, match=r"gone\.smi"):
        OfflineMolecules(molecules=str(tmp_path / "gone.smi")).prepare(policy.environment)
    (tmp_path / "a.smi").write_text("c1ccccc1\n")
    offline = OfflineMolecules(molecules=str(tmp_path / "a.smi"))
    with pytest.raises(DataError, match=r"Fragments can build no molecule\n.*\n.*outside the environment, line 1"):
        offline.prepare(policy.environment)
    with pytest.raises(ConfigError, match="HyperGrid builds grid objects"):
        Sources(sources=[OnPolicy(), offline]).prepare(HyperGrid(side=3))


def test_stated_shares_and_scores(policy, file):
    sources = Sources(batch_size=16, sources=[OnPolicy(), OfflineMolecules(share=0.25, molecules=file)])
    reward = Power(oracle=QED())
    for iteration in range(2):
        drawn = sources.draw(policy, reward, iteration=iteration, replay_generator=generator(iteration))
    batch, offline = drawn.trajectories, drawn.given
    assert Counter(batch.source) == {"policy": 12, "offline": 4}
    assert len(drawn.fresh) == 12
    assert sorted(offline.trajectories.keys) == sorted(["CCCC", "CCO", "CC", "CCCCCO"])
    qed = torch.from_numpy(QED().values(offline.objects))
    torch.testing.assert_close(batch.log_reward[-4:], qed.clamp(min=1e-4).log())
    exact = [policy.environment.space.log_symmetry(m) for m in offline.objects]
    torch.testing.assert_close(batch.log_symmetry[-4:], torch.tensor(exact, dtype=torch.float64))
    assert reward.counters.raw == 32
    assert reward.counters.unique <= 32 - 4  # the four were scored once


def test_with_a_store_and_rewards_of_states(policy, file):
    sources = Sources(
        batch_size=16,
        sources=[
            OnPolicy(),
            UniformReplay(share=0.25, capacity=50),
            OfflineMolecules(share=0.5, molecules=file),
        ],
    )
    for iteration in range(2):
        batch = sources.draw(policy, Power(oracle=QED()), iteration=iteration, state_rewards=True).trajectories
    assert Counter(batch.source) == {"policy": 4, "replay": 4, "offline": 8}
    torch.testing.assert_close(batch.log_reward_state[batch.last], batch.log_target)
    assert len(sources.by_name["replay"]) <= 12  # what is given is not stored


def test_nothing_but_given_molecules(policy, file):
    sources = Sources(batch_size=8, sources=[OnPolicy(), OfflineMolecules(share=1.0, molecules=file)])
    reward = Power(oracle=QED())
    batch = sources.draw(policy, reward, iteration=0)
    assert batch.trajectories.source == ["offline"] * 8
    assert batch.fresh.trajectories.source == ["policy"]
    assert reward.counters.raw == 9
    batch = sources.draw(policy, reward, iteration=1, offline_rewards=False).trajectories
    assert reward.counters.raw == 10
    assert len(batch.keys) == 8
    assert not batch.log_target.any()
    batch = sources.draw(policy, reward, iteration=1, offline_rewards=False, state_rewards=True).trajectories
    assert not batch.log_reward_state.any()


def test_state_of_sources(policy, file):
    def make():
        return Sources(batch_size=4, sources=[OnPolicy(), OfflineMolecules(molecules=file)])

    first = make()
    first.draw(policy, Power(oracle=QED()), iteration=0)
    again = make()
    again.load_state_dict(first.state_dict(), policy.environment)
    assert torch.equal(again.by_name["offline"].state_dict()["order"], first.by_name["offline"].state_dict()["order"])
    assert again.by_name["offline"].state_dict()["at"] == first.by_name["offline"].state_dict()["at"] == 2
    again.load_state_dict({"replay": None}, policy.environment)  # a checkpoint of before there was such data


GIVEN = OfflineMolecules(share=0.5, molecules="x.smi")
ALL_GIVEN = OfflineMolecules(share=1.0, molecules="x.smi")


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        ([OnPolicy(), OfflineMolecules(share=0.01, molecules="x.smi")], "share 0.01 of 16 it would never be used"),
        ([Explored(epsilon=0.1), ALL_GIVEN], r"whole batch leads to given objects \(offline\), and policy would never"),
        ([OnPolicy(), UniformReplay(), ALL_GIVEN], r"whole batch leads to .*, and replay would never be used"),
        ([OnPolicy(), UniformReplay(share=0.5), GIVEN], r"8 of replay and 8 of offline\) leave nothing"),
        ([OnPolicy(), LocalSearch(), OfflineMolecules(share=0.6, molecules="x.smi")], "only 6 trajectories"),
        ([OnPolicy(), LocalSearch(), ALL_GIVEN], "only 0 trajectories"),
        ([OnPolicy(), ALL_GIVEN, GIVEN], "the shares of offline and offline_2 are more than a whole batch"),
        ([GIVEN], "no source draws anything anew"),
        ([UniformReplay()], "no source draws anything anew"),
        ([OnPolicy(share=0.5), GIVEN], "every source has a share; leave that of policy null"),
        ([OnPolicy(), Explored()], "policy and policy_2 have no share, but only one"),
    ],
)
def test_shares_that_cannot_be(sources, words):
    with pytest.raises(ConfigError, match=words):
        Sources(batch_size=16, sources=sources)


def test_it_is_off_policy():
    (reason,) = Sources(sources=[OnPolicy(), OfflineMolecules(molecules="x.smi")]).off_policy_reasons
    assert "data.sources.offline" in reason
    assert "share 0.5" in reason


def test_maximum_likelihood_learns_to_build_what_is_given(tmp_path):
    """After training P_T is near the distribution of the data: 1/2 for each of two molecules, out of dozens."""
    environment = Fragments(vocabulary=AMBIGUOUS, max_fragments=3)
    policy = GraphTransformerPolicy(environment=environment, width=16, layers=1, heads=2)
    (tmp_path / "a.smi").write_text("CCCC\nCCCCO\n")
    offline = OfflineMolecules(share=1.0, molecules=str(tmp_path / "a.smi"))
    sources = Sources(batch_size=8, sources=[OnPolicy(), offline])
    reward, objective, draw = Power(oracle=QED()), MaximumLikelihood(), generator()
    sources.prepare(environment)
    before = log_terminal_probability(environment, policy, offline.objects, samples=64)
    optimizer = torch.optim.Adam(policy.parameter_groups()["forward"], lr=0.02)
    for iteration in range(80):
        batch = sources.draw(
            policy, reward, iteration=iteration, generator=draw, replay_generator=draw, offline_rewards=False
        ).trajectories
        (loss,) = objective(evaluate(batch, policy, quantities=objective.quantities)).losses.values()
        optimizer.zero_grad()
        loss.value.backward()
        optimizer.step()
    assert len(offline) == 2
    after = log_terminal_probability(environment, policy, offline.objects, samples=64)
    assert (before.log_p.exp() < 0.2).all()
    assert (after.log_p.exp() - 0.5).abs().max() < 0.1


def test_a_policy_of_another_kind_of_object_is_refused(file):
    grid = MLPPolicy(environment=HyperGrid(side=3), hidden=8, layers=1)
    with pytest.raises(ConfigError, match="HyperGrid builds grid objects"):
        OfflineMolecules(molecules=file).sample(grid, 2)
