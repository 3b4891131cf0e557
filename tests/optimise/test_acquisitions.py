"""Who is chosen: by the numbers of the model, different ones in a batch, the same after a restart."""

import numpy as np
import pytest
import torch
from tests.optimise.small import drugs

from molgfn.acquisition.known import Known
from molgfn.acquisition.models.gflowout import Gflowout
from molgfn.acquisition.models.mc_dropout import MCDropout
from molgfn.acquisition.models.plain import InOrder, RandomChoice
from molgfn.acquisition.models.proxy_ensemble import ProxyEnsemble
from molgfn.acquisition.models.tanimoto_gp import TanimotoGP
from molgfn.chemistry.count_similarity import count_rows, minmax
from molgfn.chemistry.molecules import parse
from molgfn.errors import ConfigError
from molgfn.objects.molecule import MOLECULE
from molgfn.rewards.base import Scores


def known_of(molecules, worth, rounds):
    """What would be known after these rounds."""
    known = Known(MOLECULE)
    for number in sorted(set(rounds)):
        rows = [i for i, at in enumerate(rounds) if at == number]
        own = np.array([worth[i] for i in rows])
        scores = Scores(torch.from_numpy(own), torch.from_numpy(own), {}, [None if w == w else "no" for w in own])
        batch = [molecules[i] for i in rows]
        known.add(batch, [m.smiles for m in batch], own, number, ["test"] * len(rows), scores)
    return known


WORTH = [0.1, 0.9, float("nan"), 0.4, 0.3]
ROUNDS = [1, 1, 2, 2, 3]


def test_the_model_expects_what_a_direct_solve_says():
    molecules = drugs()
    model = TanimotoGP()
    model.fit(known_of(molecules, WORTH, ROUNDS))
    mean, deviation = model.expect(molecules[5:])
    rows = count_rows([m.mol for m in molecules], 3)
    k = minmax(rows, rows)
    seen, asked, y = [0, 1, 3, 4], list(range(5, 10)), np.array([0.1, 0.9, 0.4, 0.3])
    solved = np.linalg.solve(k[np.ix_(seen, seen)] + 1e-4 * np.eye(4), np.column_stack([k[np.ix_(seen, asked)], y]))
    assert mean == pytest.approx(k[np.ix_(seen, asked)].T @ solved[:, -1], abs=1e-10)
    variance = 1 - np.einsum("ij,ij->j", k[np.ix_(seen, asked)], solved[:, :-1])
    assert deviation == pytest.approx(np.sqrt(variance), abs=1e-10)


def test_what_it_expects_does_not_depend_on_when_it_was_fitted():
    molecules = drugs()
    once, often = TanimotoGP(), TanimotoGP()
    once.fit(known_of(molecules, WORTH, ROUNDS))
    for last in (1, 2, 3):
        count = sum(number <= last for number in ROUNDS)
        often.fit(known_of(molecules[:count], WORTH[:count], ROUNDS[:count]))
    for one, other in zip(once.expect(molecules), often.expect(molecules), strict=True):
        assert (one == other).all()  # bit for bit


def test_standardised_values_come_back_in_their_units():
    molecules = drugs()
    model = TanimotoGP(standardise=True)
    model.fit(known_of(molecules, [-7.0, -9.5, -8.0, -6.5, -7.7], ROUNDS))
    mean, deviation = model.expect(molecules[:5])
    assert mean == pytest.approx([-7.0, -9.5, -8.0, -6.5, -7.7], abs=2e-3)
    assert (deviation < 0.05).all()


@pytest.mark.parametrize("criterion", ["ucb", "ei"])
def test_a_batch_holds_different_molecules_and_says_why(criterion):
    molecules = drugs()
    model = TanimotoGP(criterion=criterion)
    model.fit(known_of(molecules[:5], WORTH, ROUNDS))
    choice = model.choose(molecules[5:], 4, np.random.default_rng(0))
    assert len(set(choice.rows.tolist())) == 4
    assert np.isfinite(choice.values).all()
    assert all(criterion in reason and "expected" in reason for reason in choice.reasons)
    again = model.choose(molecules[5:], 4, np.random.default_rng(0))
    assert (again.rows == choice.rows).all()
    assert len(model.choose(molecules[5:], 40, np.random.default_rng(0)).rows) == 5


def test_the_first_pick_is_the_largest_value_and_the_second_avoids_its_twin():
    """Two near copies and a stranger: with a large beta the copy is not picked next to its twin."""
    model = TanimotoGP(beta=(1.0, 1.0))
    model.fit(known_of(drugs(2), [0.1, 0.2], [1, 1]))
    candidates = parse(["CCCCCCCCCCCCCCCC", "CCCCCCCCCCCCCCC", "O=S(=O)(c1ccncc1)N1CCOCC1"])
    mean, deviation = model.expect(candidates)
    choice = model.choose(candidates, 2, np.random.default_rng(0))
    assert choice.values[0] == pytest.approx((mean + deviation).max())
    assert 2 in choice.rows.tolist()


def test_choosing_without_a_model():
    assert InOrder().choose(drugs(), 3, np.random.default_rng(0)).rows.tolist() == [0, 1, 2]
    rows = RandomChoice().choose(drugs(), 3, np.random.default_rng(0)).rows
    assert len(set(rows.tolist())) == 3
    assert rows.tolist() != [0, 1, 2]


def test_wrong_betas():
    with pytest.raises(ConfigError, match="beta: should be the least and the largest"):
        TanimotoGP(beta=(1.0, 0.1))


def chain_table(rounds):
    """Chains whose worth is their length over 40, twenty a round."""
    lengths = [n for _ in range(rounds) for n in range(1, 21)]
    molecules = parse(["C" * n + "ONS"[i // 20] for i, n in enumerate(lengths)])
    return known_of(molecules, [n / 40 for n in lengths], [1 + i // 20 for i in range(len(lengths))])


def test_an_ensemble_draws_at_random_until_enough_is_known_and_then_chooses_what_it_expects_most_of():
    model = ProxyEnsemble(least=30, members=2, width=16, layers=2, epochs=30, beta=(0.01, 0.01))
    model.fit(chain_table(1))
    candidates = parse(["CC", "C" * 30 + "F", "CCC"])
    random = model.choose(candidates, 2, np.random.default_rng(0))
    assert "drawn at random" in random.reasons[0]
    assert model.hopes(np.random.default_rng(0)) is None
    model.fit(chain_table(2))
    choice = model.choose(candidates, 2, np.random.default_rng(0))
    assert choice.rows[0] == 1
    mean, deviation = model.expect(candidates)
    assert choice.values[0] == pytest.approx(mean[1] + 0.01 * deviation[1])
    again = ProxyEnsemble(least=30, members=2, width=16, layers=2, epochs=30, beta=(0.01, 0.01))
    again.fit(chain_table(2))  # as a loop that goes on does
    assert (again.expect(candidates)[0] == mean).all()


def test_between_trainings_an_ensemble_is_that_of_the_last_multiple():
    small = {"least": 20, "members": 2, "width": 8, "layers": 1, "epochs": 2}
    rare, often = ProxyEnsemble(**small, every=2), ProxyEnsemble(**small)
    rare.fit(chain_table(3))
    often.fit(chain_table(2))
    assert (rare.expect(drugs(3))[0] == often.expect(drugs(3))[0]).all()
    often.fit(chain_table(3))
    assert (rare.expect(drugs(3))[0] != often.expect(drugs(3))[0]).any()


@pytest.mark.parametrize("model", [ProxyEnsemble, MCDropout])
def test_what_members_predict_together_is_believed(model):
    small = {"least": 20, "width": 8, "layers": 1, "epochs": 2}
    fitted = model(**small, members=2) if model is ProxyEnsemble else model(**small)
    assert fitted.belief(drugs(3), np.random.default_rng(0)) is None
    fitted.fit(chain_table(2))
    believed = fitted.belief(drugs(5), np.random.default_rng(0))
    card, predictions = fitted._proxy().card, fitted.members(drugs(5))
    covariance = card.std_factor**2 * np.cov(predictions[:, [0, 3]].T)
    noise = max(card.metrics["validation"].rmse, 1e-3 * card.scale) ** 2
    expected = 0.5 * np.linalg.slogdet(np.eye(2) + covariance / noise)[1]
    assert believed.information.of(np.array([[0, 3]])) == pytest.approx([expected])


def test_where_all_values_are_the_same_there_is_nothing_to_learn():
    model = ProxyEnsemble(least=20, members=2, width=8, layers=1, epochs=2)
    model.fit(known_of(parse(["C" * n for n in range(1, 31)]), [0.1] * 30, [1] * 30))
    assert "drawn at random" in model.choose(drugs(3), 1, np.random.default_rng(0)).reasons[0]


@pytest.mark.parametrize(
    ("kind", "more"), [(MCDropout, {}), (Gflowout, {"steps": 40}), (Gflowout, {"steps": 40, "conditional": False})]
)
def test_masks_choose_by_their_spread_without_the_noise(kind, more):
    small = {"least": 30, "width": 8, "layers": 1, "epochs": 5, "samples": 6, "rate": 0.2, "beta": (0.5, 0.5)}
    model = kind(**small, **more)
    candidates = parse(["CC", "C" * 15 + "F", "CCC", "CCCCO"])
    model.fit(chain_table(1))
    assert "drawn at random" in model.choose(candidates, 2, np.random.default_rng(0)).reasons[0]
    model.fit(chain_table(2))
    mean, deviation = model.expect(candidates)
    members = model.members(candidates)
    assert members.shape == (6, 4)
    assert mean == pytest.approx(members.mean(0))
    spread = members.std(0, ddof=1)
    assert deviation / spread == pytest.approx(np.full(4, (deviation / spread)[0]))  # one factor for all
    choice = model.choose(candidates, 1, np.random.default_rng(0))
    assert choice.values[0] == pytest.approx((mean + 0.5 * deviation).max())
    again = kind(**small, **more)
    again.fit(chain_table(2))  # as a loop that goes on does
    assert (again.expect(candidates)[1] == deviation).all()
