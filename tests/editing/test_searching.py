"""Children within limits: calls, edits, likeness and what is kept, for every method; leads that cannot be edited."""

import pytest
import torch

from molgfn.chemistry.molecules import Molecule
from molgfn.editing.candidates import Candidate
from molgfn.editing.leads import read_leads
from molgfn.editing.likeness import Kept, edit_distance, similarities
from molgfn.editing.methods import METHODS, method_named
from molgfn.editing.nearest import nearest_buildable, parts_of
from molgfn.editing.searching import Limits, search, shares
from molgfn.editing.table import changes, result_table
from molgfn.environments.fragments import Fragments
from molgfn.environments.strings import Strings
from molgfn.errors import ConfigError
from molgfn.objects.molecule import MOLECULE
from molgfn.objects.string import STRING
from molgfn.policies.graph import GraphTransformerPolicy
from molgfn.policies.tabular import TabularPolicy

VOCABULARY = [
    ["c1ccccc1", [0, 1, 2, 3]], ["CC", [0, 1]], ["C", [0]], ["CO", [0, 1]], ["C1CCNCC1", [0, 3]], ["CC(C)C", [0, 1]],
]  # fmt: skip
GIVEN = ["CCc1ccccc1", "nonsense(", "CC1CCNCC1", "FC(F)(F)c1ccccc1CC"]


@pytest.fixture(scope="module")
def policy():
    environment = Fragments(vocabulary=VOCABULARY, max_fragments=5, max_atoms=18)
    torch.manual_seed(0)
    return GraphTransformerPolicy(environment=environment, learned_backward=False, width=16, layers=1, heads=2).eval()


def atoms_counted(asked):
    """A score that counts what it is asked; log R is the number of heavy atoms."""

    def score(things, keys):
        asked.append(list(keys))
        sizes = [float(thing.mol.GetNumHeavyAtoms()) for thing in things]
        return {"value": sizes, "log_reward": sizes, "problem": [None] * len(sizes)}

    return score


def searched(policy, name, limits, given=GIVEN):
    leads = read_leads(policy.environment, given, kept=limits.kept)
    starts = [lead.candidate for lead in leads if lead.candidate]
    asked = []
    found = search(MOLECULE, leads, method_named(name, policy, starts), limits, atoms_counted(asked))
    return leads, found, asked


@pytest.mark.parametrize("name", METHODS)
def test_every_method_keeps_to_calls_edits_and_likeness(policy, name):
    leads, found, asked = searched(policy, name, Limits(edits=2, calls=6, similar=0.2, seed=1))
    assert [one.lead.row for one in found.found] == [0, 2]
    assert len(asked[0]) == 2  # the leads
    assert found.calls == sum(map(len, asked[1:])) == sum(len(one.children) for one in found.found)
    assert found.calls > 0
    for one in found.found:
        keys = [child.key for child in one.children]
        assert len(keys) <= 6
        assert len({*keys, one.lead.candidate.key}) == len(keys) + 1
        assert all(1 <= child.edits <= 2 for child in one.children)
        assert min(one.similarity, default=1) >= 0.2
        assert one.similarity == similarities(MOLECULE, one.lead.candidate.thing, [c.thing for c in one.children])
        assert all(child.thing.valid for child in one.children)
    table = result_table(MOLECULE, leads, found, 3)
    assert set(table["lead"]) == {1, 2, 3, 4}
    assert table.groupby("lead").size().max() <= 3
    for _, rows in table[table["child"].notna()].groupby("lead"):
        assert list(rows["log_reward"]) == sorted(rows["log_reward"], reverse=True)
        assert list(rows["rank"]) == list(range(1, len(rows) + 1))


@pytest.mark.parametrize("name", METHODS)
def test_seeds_repeat(policy, name):
    def keys(seed):
        _, found, _ = searched(policy, name, Limits(edits=2, calls=4, seed=seed))
        return [[child.key for child in one.children] for one in found.found]

    assert keys(3) == keys(3)
    assert any(keys(3) != keys(seed) for seed in (4, 5))


@pytest.mark.parametrize("name", ["gfn", "delta_cs", "graph_ga"])
def test_what_is_kept_is_in_every_child(policy, name):
    ring = Molecule.from_smiles("c1ccccc1").mol
    limits = Limits(edits=3, calls=8, kept=Kept(scaffold=True))
    _, found, _ = searched(policy, name, limits, GIVEN[:1])
    assert found.calls
    assert all(child.thing.mol.HasSubstructMatch(ring) for child in found.found[0].children)
    _, free, _ = searched(policy, name, Limits(edits=3, calls=8), GIVEN[:1])
    assert found.left_out["loses what is kept"] > 0 or all(
        child.thing.mol.HasSubstructMatch(ring) for child in free.found[0].children
    )


def test_swapped_children_are_whole(policy):
    _, found, _ = searched(policy, "fragment_swap", Limits(edits=1, calls=10))
    assert found.calls > 5
    assert all(child.dropped == child.filled == 0 for one in found.found for child in one.children)


def test_rounds_go_on_from_the_best(policy):
    """Local search takes one step back in each of three rounds: the best child has more edits than one."""
    _, found, asked = searched(policy, "local_search", Limits(edits=3, calls=12), GIVEN[:1])
    assert len(asked) == 4
    assert max(child.edits for child in found.found[0].children) > 1


@pytest.mark.parametrize(("total", "parts", "expected"), [(7, 3, [3, 2, 2]), (2, 2, [1, 1]), (32, 1, [32])])
def test_shares(total, parts, expected):
    assert shares(total, parts) == expected


def test_leads_say_why_they_cannot_be_edited(policy):
    leads = read_leads(policy.environment, GIVEN, kept=Kept((Molecule.from_smiles("c1ccccc1").mol,)))
    assert [lead.problem for lead in leads] == [
        None,
        "not a SMILES: nonsense(",
        "does not contain what should be kept",
        "cannot be built: no way to cut it into fragments of the vocabulary within the size limits",
    ]
    smiles, likeness = leads[3].nearest
    assert smiles == "CCc1ccccc1C"
    assert likeness == pytest.approx(
        similarities(MOLECULE, Molecule.from_smiles(GIVEN[3]), [Molecule.from_smiles(smiles)])[0]
    )
    (near,) = read_leads(policy.environment, GIVEN[3:], take_nearest=True)
    assert near.problem is None
    assert near.candidate.key == "CCc1ccccc1C"


def test_nothing_near_is_none(policy):
    assert nearest_buildable(policy.environment, Molecule.from_smiles("FB(F)F")) is None


@pytest.mark.parametrize(
    ("smiles", "parts"),
    [
        ("CCO", {"C", "CO", "CC", "O"}),
        ("c1ccccc1-n1cccc1", {"c1ccccc1", "c1cc[nH]c1"}),
        ("c1ccccc1", set()),
    ],
)
def test_parts(smiles, parts):
    assert {part.smiles for part in parts_of(Molecule.from_smiles(smiles))} == parts


def test_changes_are_what_the_largest_common_part_leaves():
    gone, new = changes(Molecule.from_smiles("Cc1ccccc1"), Molecule.from_smiles("Nc1ccccc1"))
    assert (gone.words, new.words) == ("C", "N")
    assert len(gone.bonds) == len(new.bonds) == 1
    assert len(gone.shared) == len(new.shared) == 6


@pytest.mark.parametrize(
    ("one", "other", "distance"), [("", "", 0), ("kitten", "sitting", 3), ("ACGT", "ACGT", 0), ("ACGT", "CGT", 1)]
)
def test_edit_distance(one, other, distance):
    assert edit_distance(one, other) == edit_distance(other, one) == distance
    if one or other:
        assert similarities(STRING, one, [other]) == [1 - distance / max(len(one), len(other))]


def test_uncertain_leads_are_masked_less():
    """fraction - caution * uncertainty: at 0 nothing of a lead is changed, so no child comes of it."""
    environment = Strings(alphabet="AB", length=4, mode="append")
    policy = TabularPolicy(environment=environment, learned_backward=False).double()
    leads = read_leads(environment, ["AAAA", "BBBB", "ABCA"])
    assert leads[2].problem == "it takes 4 symbols of 'AB'"
    leads[0].uncertainty, leads[1].uncertainty = 1.0, 0.0
    method = method_named("delta_cs", policy, [], fraction=(0.5, 0.5), caution=0.5)

    def score(things, keys):
        return {"value": [1.0] * len(keys), "log_reward": [0.0] * len(keys), "problem": [None] * len(keys)}

    found = search(STRING, leads, method, Limits(edits=4, calls=5), score)
    assert [len(one.children) for one in found.found] == [0, 5]
    table = result_table(STRING, leads, found, 2)
    assert list(table["lead"]) == [1, 2, 2, 3]
    assert table["problem"].tolist()[0] == "no child within the limits"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda p: Limits(edits=0), "edits: should be at least 1"),
        (lambda p: Limits(edits=2, rounds=3), r"rounds: should be from 1 to the number of edits \(2\)"),
        (lambda p: Limits(similar=1.5), "similar: should be in"),
        (lambda p: method_named("gnf", p, []), "there is no `gnf`; did you mean `gfn`"),
        (lambda p: method_named("delta_cs", p, [], fraction=(0.5, 2.0)), "fraction"),
        (lambda p: method_named("delta_cs", p, [], caution=-1.0), "caution"),
    ],
)
def test_bad_settings_are_refused(policy, make, says):
    with pytest.raises(ConfigError, match=says):
        make(policy)


def test_a_genetic_algorithm_is_for_molecules():
    environment = Strings(alphabet="AB", length=4)
    policy = TabularPolicy(environment=environment, learned_backward=False)
    with pytest.raises(ConfigError, match="this run builds strings"):
        method_named("graph_ga", policy, [Candidate("AAAA", "AAAA")])
