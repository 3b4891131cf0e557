"""Who is chosen: by the numbers of the model, different ones in a batch, the same after a restart."""

import numpy as np
import pytest
import torch
from tests.optimise.small import drugs

from molgfn.acquisition.known import Known
from molgfn.acquisition.models.plain import InOrder, RandomChoice
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
