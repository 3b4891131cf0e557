"""Batches: against brute force, in the loop, and after it was stopped."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tests.optimise.small import config_of, drugs, small_loop
from tests.optimise.test_acquisitions import known_of

import molgfn
from molgfn.acquisition.beliefs import Belief, of_predictions
from molgfn.acquisition.models.plain import RandomChoice
from molgfn.acquisition.models.tanimoto_gp import TanimotoGP
from molgfn.acquisition.selectors.base import Selector
from molgfn.acquisition.selectors.batchgfn import BatchGFN
from molgfn.acquisition.selectors.one_by_one import Greedy, Stochastic
from molgfn.acquisition.selectors.simple import KCentre, RandomBatch, TopK
from molgfn.api.optimising import compose_optimisation
from molgfn.chemistry.count_similarity import count_rows, minmax
from molgfn.config import build
from molgfn.errors import ConfigError, ContractError
from molgfn.information.classes import ClassInformation
from molgfn.information.covariance import gaussian_process
from molgfn.information.gaussian import GaussianInformation
from molgfn.information.kernels import RBF
from molgfn.information.pools import NormalPool
from molgfn.objectives.policy_gradients.ent_ppo import EntPPO
from molgfn.objectives.soft_q.soft_actor_critic import SoftActorCritic

TINY = {"updates": 3, "batch_size": 4, "width": 8, "hidden": 8, "layers": 1}
SELECTORS = [Greedy(), Stochastic(), TopK(), KCentre(), RandomBatch(), BatchGFN(**TINY)]


def belief(n=9, seed=1, noise=0.1):
    """Of points under a Gaussian process."""
    members = NormalPool(size=n, seed=seed).members
    information = GaussianInformation(gaussian_process(RBF(), members, None, noise), noise, members.names)
    return Belief(members, np.arange(n, dtype=float), information)


def best_of_all(information, k):
    """The most that a batch can tell, by trying all."""
    return information.of(np.array(list(itertools.combinations(range(len(information)), k)))).max()


def rows_of(selector, belief, n, seed=0):
    choice, numbers = selector.choose(belief, n, np.random.default_rng(seed))
    assert numbers["information"] == pytest.approx(belief.information.of(np.sort(choice.rows)[None])[0])
    return choice.rows.tolist()


@pytest.mark.parametrize("selector", SELECTORS, ids=lambda s: type(s).__name__)
def test_a_batch_is_of_different_candidates_with_their_values_and_reasons(selector):
    choice, numbers = selector.choose(belief(), 4, np.random.default_rng(0))
    assert len(set(choice.rows.tolist())) == len(choice.rows) == len(choice.reasons) == 4
    assert choice.values.tolist() == choice.rows.tolist()
    assert numbers["information"] > 0
    assert sorted(rows_of(selector, belief(), 20)) == list(range(9))  # all where there are fewer


@pytest.mark.parametrize("selector", SELECTORS, ids=lambda s: type(s).__name__)
def test_a_shortlist_is_the_best_by_the_acquisition(selector):
    selector.shortlist = 5
    try:
        assert min(rows_of(selector, belief(), 3)) >= 4
        assert selector.misfits(6) == ["selector.shortlist: 5 candidates are fewer than the 6 of a round"]
    finally:
        selector.shortlist = None


@pytest.mark.parametrize("seed", range(3))
def test_greedy_takes_what_adds_most_and_is_near_the_best_of_all(seed):
    here = belief(seed=seed)
    taken = []
    for _ in range(3):  # by definition
        told = {row: here.information.of(np.sort([*taken, row])[None])[0] for row in range(9) if row not in taken}
        taken.append(max(told, key=told.get))
    assert rows_of(Greedy(), here, 3) == taken
    best = best_of_all(here.information, 3)
    assert (1 - 1 / np.e) * best <= here.information.of(np.sort(taken)[None])[0] <= best + 1e-12


def test_greedy_of_labels_takes_what_adds_most():
    p = np.random.default_rng(2).dirichlet(np.full(3, 0.4), size=(6, 8))
    members = NormalPool(size=8).members
    here, taken = Belief(members, np.zeros(8), ClassInformation(p, members.names)), []
    for _ in range(3):
        told = {row: here.information.of(np.sort([*taken, row])[None])[0] for row in range(8) if row not in taken}
        taken.append(max(told, key=told.get))
    assert rows_of(Greedy(), here, 3) == taken


def test_greedy_noise_has_the_odds_that_it_says():
    here, gains = belief(), belief().information.alone()
    drawn = [rows_of(Stochastic(beta=2.0), here, 1, seed)[0] for seed in range(2000)]
    expected = gains**2 / (gains**2).sum()
    assert np.abs(np.bincount(drawn, minlength=9) / 2000 - expected).max() < 0.04


def test_top_k_and_k_centre_do_what_their_names_say():
    predictions = np.random.default_rng(0).normal(size=(5, 9)) * np.arange(1, 10)
    members = NormalPool(size=9).members
    here = of_predictions(members, np.zeros(9), predictions, 0.1)
    alone = here.information.alone()
    assert rows_of(TopK(), here, 3) == np.argsort(-alone)[:3].tolist()
    k = np.cov(predictions.T)
    distance = np.sqrt(np.maximum(np.diag(k)[:, None] + np.diag(k) - 2 * k, 0))
    rows = rows_of(KCentre(), here, 4)
    assert rows[0] == int(alone.argmax())
    for count in (1, 2, 3):
        assert rows[count] == int(distance[:, rows[:count]].min(1).argmax())


def test_the_belief_of_the_process_is_its_posterior():
    molecules = drugs()
    model = TanimotoGP()
    model.fit(known_of(molecules[:4], [0.1, 0.9, 0.4, 0.3], [1, 1, 2, 2]))
    here = model.belief(molecules[4:], np.random.default_rng(0))
    rows = count_rows([m.mol for m in molecules], 3)
    k = minmax(rows, rows)
    rest = k[4:, 4:] - k[4:, :4] @ np.linalg.solve(k[:4, :4] + 1e-4 * np.eye(4), k[:4, 4:])
    expected = 0.5 * np.linalg.slogdet(np.eye(2) + rest[np.ix_([1, 5], [1, 5])] / 1e-4)[1]
    assert here.information.of(np.array([[1, 5]]))[0] == pytest.approx(expected, abs=1e-6)
    assert here.members.names == [m.smiles for m in molecules[4:]]
    with pytest.raises(ContractError, match="RandomChoice does not say how values"):
        RandomChoice().belief(molecules, np.random.default_rng(0))


def test_batchgfn_goes_on_from_its_weights_and_is_the_same_after_a_restart():
    here, there = belief(), belief(n=12, seed=5)  # another pool, with no new policy
    first, second = BatchGFN(**TINY, lookahead=2), BatchGFN(**TINY, lookahead=2)
    assert rows_of(first, here, 3) == rows_of(second, here, 3)
    again = BatchGFN(**TINY, lookahead=2)
    again.load_state_dict(second.state_dict())
    assert rows_of(first, there, 3, seed=7) == rows_of(again, there, 3, seed=7)


@pytest.mark.parametrize("retrain", ["none", "last_layers", "full"])
def test_what_is_trained_in_later_rounds(retrain):
    selector = BatchGFN(**TINY, retrain=retrain)
    rows_of(selector, belief(), 3)
    before = selector.state_dict()["weights"]
    rows_of(selector, belief(seed=4), 3)
    after = selector.state_dict()["weights"]
    moved = {name.partition(".")[0] for name, value in after.items() if not torch.equal(value, before[name])}
    expected = {"none": set(), "last_layers": {"query", "key", "log_z"}, "full": {"query", "key", "log_z", "trunk"}}
    assert moved == expected[retrain]


def test_an_objective_that_does_not_fit_is_refused():
    with pytest.raises(ConfigError, match="EntPPO is on-policy; set epsilon to 0"):
        BatchGFN(objective=EntPPO())
    with pytest.raises(ConfigError, match="SoftActorCritic has networks of its own"):
        BatchGFN(objective=SoftActorCritic())
    assert len(rows_of(BatchGFN(**TINY, objective=EntPPO(), epsilon=0.0), belief(), 3)) == 3


def selector(name, **arguments):
    """The config of a selector."""
    module, cls = {"greedy": ("one_by_one", "Greedy"), "batchgfn": ("batchgfn", "BatchGFN")}[name]
    return {"_target_": f"molgfn.acquisition.selectors.{module}.{cls}", **arguments}


def test_the_loop_takes_the_batch_of_a_selector(tmp_path):
    run = small_loop(tmp_path, "rounds.most=2", selector=selector("greedy"))
    own = run.calls[run.calls["round"] == 2]
    assert own["why"].str.startswith("adds ").all()
    assert own["acquisition"].notna().all()
    assert run.metrics["selector/information"].tolist()[1] > 0
    plain = small_loop(tmp_path, "rounds.most=2")
    assert plain.calls["smiles"][:8].tolist() == run.calls["smiles"][:8].tolist()
    assert "selector/information" not in plain.metrics


def test_a_loop_with_batchgfn_goes_on_as_if_it_had_not_stopped(tmp_path):
    parts = {"selector": selector("batchgfn", **TINY)}
    whole = small_loop(tmp_path, **parts)
    stopped = small_loop(tmp_path, "rounds.most=2", **parts)
    again = molgfn.resume_optimisation(stopped.folder, "rounds.most=null")
    pd.testing.assert_frame_equal(again.calls, whole.calls)


def test_a_model_without_a_joint_is_refused_before_the_first_call(tmp_path):
    parts = {
        "selector": selector("greedy"),
        "acquisition": config_of("optimise/gp_ga", "acquisition=random")["acquisition"],
    }
    with pytest.raises(ConfigError, match="which RandomChoice does not say; use acquisition=tanimoto_gp"):
        small_loop(tmp_path, **parts)
    with pytest.raises(ConfigError, match="4 candidates are fewer than the 8 of a round"):
        small_loop(tmp_path, selector=selector("greedy", shortlist=4))


@pytest.mark.parametrize("name", [p.stem for p in (Path(__file__).parents[2] / "configs" / "selector").glob("*.yaml")])
def test_the_experiment_goes_with_every_selector(name):
    config = compose_optimisation("batches/molecules", f"selector={name}")
    assert isinstance(build(config["selector"], Selector, "selector"), Selector)
