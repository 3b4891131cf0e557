"""Candidates: legal, new, the same from the same seed, and better where the model says what is good."""

import numpy as np
import pytest
from tests.optimise.small import MOLECULES, drugs
from tests.optimise.test_acquisitions import known_of

from molgfn.acquisition.known import Known
from molgfn.acquisition.proposers.base import Ask
from molgfn.acquisition.proposers.given import GivenMolecules
from molgfn.acquisition.proposers.graph_ga import GraphGA
from molgfn.acquisition.proposers.mutations import Mutations
from molgfn.acquisition.proposers.several import Candidates
from molgfn.chemistry.count_similarity import count_rows, minmax
from molgfn.errors import ConfigError
from molgfn.objects.molecule import MOLECULE
from molgfn.objects.string import STRING


def ask(known, seed=0, hopes=None):
    return Ask(known, np.random.default_rng(seed), hopes=hopes)


def all_known(n=8):
    return known_of(drugs(n), np.linspace(0.1, 0.9, n).tolist(), [1] * n)


def smiles(molecules):
    return [molecule.smiles for molecule in molecules]


def test_offspring_are_molecules_of_a_bounded_size_and_the_same_from_the_same_seed():
    ga = GraphGA(offspring=15, generations=2, max_atoms=25)
    found = ga.propose(ask(all_known()))
    assert len(found) > 5
    assert all(m.valid and m.mol.GetNumHeavyAtoms() <= 25 and "." not in m.smiles for m in found)
    assert len(set(smiles(found))) == len(found)
    assert not set(smiles(found)) & set(smiles(drugs(8)))
    assert smiles(ga.propose(ask(all_known()))) == smiles(found)
    assert smiles(ga.propose(ask(all_known(), seed=1))) != smiles(found)


def test_with_a_model_later_generations_come_from_what_it_hopes_most_of():
    """The model likes heavy molecules: with it the last offspring are heavier than without."""

    def heavy(molecules):
        return np.array([10.0 + m.mol.GetNumHeavyAtoms() for m in molecules])

    ga = GraphGA(offspring=15, generations=3, mutants=0.0)
    with_model, without = (ga.propose(ask(all_known(), hopes=hopes))[-8:] for hopes in (heavy, None))
    assert heavy(with_model).mean() > heavy(without).mean() + 5


def test_parents_are_the_best():
    """With a population of two only the two best have offspring: mutants are nearest to their parent."""
    known = known_of(drugs(4), [0.1, 0.9, 0.2, 0.8], [1] * 4)
    ga = GraphGA(offspring=30, generations=1, population=2, mutants=1.0, rank_weight=1.0)
    found = [m for m in ga.propose(ask(known)) if m.mol.GetNumHeavyAtoms() > 10]
    rows = [count_rows([m.mol for m in molecules], 2) for molecules in (found, drugs(4))]
    assert set(minmax(*rows).argmax(axis=1).tolist()) == {1, 3}


def test_nothing_comes_of_fewer_than_two_parents():
    assert GraphGA().propose(ask(Known(MOLECULE))) == []
    assert GraphGA().propose(ask(all_known(1))) == []


def test_molecules_of_a_file_join_where_a_model_can_judge_them():
    ga = GraphGA(offspring=1, generations=1, molecules=str(MOLECULES), joining=7, limit=50)
    flat = lambda molecules: np.zeros(len(molecules))  # noqa: E731
    assert len(ga.propose(ask(all_known(), hopes=flat))) >= 7
    assert len(ga.propose(ask(all_known()))) <= 1


def test_given_molecules_are_new_each_time():
    given = GivenMolecules(molecules=str(MOLECULES), count=10, limit=30)
    first = given.propose(ask(Known(MOLECULE)))
    assert len(set(smiles(first))) == 10
    known = known_of(first, [0.5] * 10, [1] * 10)
    second = given.propose(ask(known, seed=1))
    assert len(second) == 10
    assert not set(smiles(second)) & set(smiles(first))
    once = GivenMolecules(molecules=str(MOLECULES), count=10, limit=30, first_only=True)
    assert once.propose(ask(known)) == []
    assert len(once.propose(ask(Known(MOLECULE)))) == 10


def test_mutants_of_a_file(tmp_path):
    (tmp_path / "series.smi").write_text("\n".join(smiles(drugs(3))))
    found = Mutations(molecules=str(tmp_path / "series.smi"), count=40, steps=1).propose(ask(Known(MOLECULE)))
    assert len(found) > 20
    assert len(set(smiles(found)) - set(smiles(drugs(3)))) > 10


def test_equal_candidates_count_for_the_first_and_known_ones_do_not():
    class Same(Mutations):
        def propose(self, ask):
            return drugs(6)

    known = all_known(2)
    pair = Candidates(proposers={n: Same(molecules="unread.smi") for n in ("one", "two")})
    pool = pair.propose(known, lambda name: ask(known))
    assert pool.keys == smiles(drugs(6)[2:])
    assert set(pool.sources) == {"one"}
    assert len(pool.objects) == len(pool) == 4


def test_what_cannot_work_is_said():
    with pytest.raises(ConfigError, match="there is none"):
        Candidates(proposers={"graph_ga": None})
    alone = Candidates(proposers={"graph_ga": GraphGA()})
    (problem,) = alone.misfits(MOLECULE, policy=False, begun=False)
    assert "nothing before the first round" in problem
    assert alone.misfits(MOLECULE, policy=False, begun=True) == []
    assert "makes molecule objects, but the oracle measures" in alone.misfits(STRING, policy=False, begun=True)[0]
