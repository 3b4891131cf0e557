"""Blocks, reactions and what they give: by hand, and against the whole space of one reaction, listed elsewhere."""

import gzip
import itertools
import json
import pickle
import random

import numpy as np
import pytest
from rdkit import Chem

from molgfn.chemistry.reactions.library import ReactionLibrary
from molgfn.chemistry.reactions.reaction import Template
from molgfn.chemistry.reactions.step import Step
from molgfn.chemistry.reactions.weighing.kind import kind, mark

#: what lists the space: every [template, [blocks], product] of one reaction
EDGES = "reactions/depth1_edges.json.gz"


def listed(path):
    return {(r, tuple(blocks), product) for r, blocks, product in json.loads(gzip.decompress(path.read_bytes()))}


def test_slots_are_those_of_the_reactions_in_order(small):
    assert small.slots == ((0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1), (3, 0))
    assert [reaction.slots for reaction in small.reactions] == [2, 2, 2, 1]


def test_fits_by_hand(small):
    by_id = {block.id: column for block, column in zip(small.blocks, small.block_fits.T, strict=True)}
    assert by_id["benzoic"].tolist() == [True, False, True, False, False, False, False]
    assert by_id["benzylamine"].tolist() == [False, True, False, False, False, False, False]
    assert by_id["bromobenzoic"].tolist() == [True, False, True, False, True, False, False]
    assert by_id["boc"].tolist() == [False, False, False, True, False, False, True]
    for block, column in zip(small.blocks, small.block_fits.T, strict=True):
        assert (small.fits(block.smiles) == column).all()


def test_products_by_hand(small):
    assert small.products(0, ("O=C(O)c1ccccc1", "NCCO")) == ("O=C(NCCO)c1ccccc1",)
    assert small.products(3, ("CC(C)(C)OC(=O)N1CCNCC1",)) == ("C1CNCCN1",)
    assert small.products(0, ("NCCO", "O=C(O)c1ccccc1")) == ()
    with pytest.raises(ValueError, match="Suzuki coupling: takes 2 reactants, not 1"):
        small.products(2, ("Brc1ccncc1",))


def test_several_products_are_told_apart(small):
    # two bromines, two places
    assert small.products(2, ("Brc1ccnc(Br)c1", "OB(O)c1ccccc1")) == ("Brc1cc(-c2ccccc2)ccn1", "Brc1ccnc(-c2ccccc2)c1")


def test_precursors_have_at_most_one_stranger(small):
    amide = "O=C(NCCO)c1ccc(-c2ccccc2)cc1"
    acid, bromide = "O=C(O)c1ccc(-c2ccccc2)cc1", "O=C(NCCO)c1ccc(Br)cc1"
    assert small.precursors(amide) == (
        Step(0, (acid, "NCCO"), amide),
        Step(2, (bromide, "OB(O)c1ccccc1"), amide),
    )
    # neither 4-ethylbenzoic acid nor propylamine is a block
    assert small.precursors("CCCNC(=O)c1ccc(CC)cc1") == ()


def test_a_template_that_writes_an_aromatic_ring_with_double_bonds_is_inverted():
    click = Template("[CH0:1]#[CH1:2].[CX4:3]-[Br]>>[C:1]1=[C:2]-N(-[C:3])-N=N-1")
    (product,) = click.products([Chem.MolFromSmiles("C#CC1CC1"), Chem.MolFromSmiles("CCBr")])
    assert product == "CCn1cc(C2CC2)nn1"
    assert click.product_query.GetNumAtoms() == 6
    assert click.precursors(Chem.MolFromSmiles(product), [{"CCBr"}] * 2) == (("C#CC1CC1", "CCBr"),)


def test_patterns_outlive_their_reaction():
    # RDKit's own references do not
    query = Template("[C:1]-[Br]>>[C:1]").queries[0]
    assert Chem.MolFromSmiles("CCBr").HasSubstructMatch(query)
    assert not Chem.MolFromSmiles("CCCl").HasSubstructMatch(query)


def test_a_copy_in_another_process_is_the_same(small):
    again = pickle.loads(pickle.dumps(small))
    assert again.blocks == small.blocks
    assert again.products(0, ("O=C(O)c1ccccc1", "NCCO")) == small.products(0, ("O=C(O)c1ccccc1", "NCCO"))
    plain = ReactionLibrary.from_plain(json.loads(json.dumps(small.plain())))
    assert (plain.blocks, plain.reactions, plain.about) == (small.blocks, small.reactions, small.about)
    assert (plain.block_fits == small.block_fits).all()


def test_a_part_of_a_library(small):
    part = small.part([1, 0], [0])
    assert [block.id for block in part.blocks] == ["benzylamine", "benzoic"]
    assert (part.block_fits == small.block_fits[:2][:, [1, 0]]).all()


def test_scent_small_has_its_published_counts(scent):
    assert (len(scent.blocks), len(scent.reactions), len(scent.slots)) == (418, 112, 206)
    assert (~scent.block_fits.any(axis=1)).sum() == 19
    assert sum(reaction.slots == 2 for reaction in scent.reactions) == 94
    suzuki = [reaction.name for reaction in scent.reactions if reaction.family == "Suzuki coupling"]
    assert suzuki == [f"Suzuki coupling: boronic {kind}" for kind in ("acid + iodide", "acid + bromide")] + [
        f"Suzuki coupling: boronic ester + {halide}" for halide in ("iodide", "bromide")
    ]
    assert all(0.65 <= reaction.yield_ <= 0.95 for reaction in scent.reactions)
    assert scent.prices().mean() == pytest.approx(4.70, abs=0.005)


def test_fits_are_those_of_the_patterns_one_by_one(scent):
    for s in range(0, len(scent.slots), 7):
        reaction, slot = scent.slots[s]
        left = scent.reactions[reaction].smarts.split(">>")[0]
        query = Chem.MolFromSmarts(left.split(".")[slot])
        assert [Chem.MolFromSmiles(b.smiles).HasSubstructMatch(query) for b in scent.blocks] == scent.block_fits[
            s
        ].tolist()


def test_some_of_the_space_of_one_reaction(scent, optional_data):
    edges = listed(optional_data(EDGES))
    made = {}
    for reaction, blocks, product in edges:
        made.setdefault((reaction, blocks), set()).add(product)
    ways = {}
    for reaction, blocks, product in edges:
        ways.setdefault(product, set()).add((reaction, tuple(scent.blocks[i].smiles for i in blocks)))
    draws = random.Random(0)
    for reaction, blocks in draws.sample(sorted(made), 100):
        reactants = tuple(scent.blocks[i].smiles for i in blocks)
        assert set(scent.products(reaction, reactants)) == made[reaction, blocks]
    stock = {block.smiles for block in scent.blocks}
    for product in draws.sample(sorted(ways), 40):
        steps = scent.precursors(product)
        assert {(s.reaction, s.reactants) for s in steps if stock.issuperset(s.reactants)} == ways[product]
        assert {reaction for reaction, _ in ways[product]}.issubset(
            scent.one_step.reactions(mark(scent.molecule(product)))
        )


@pytest.mark.slow
def test_the_whole_space_of_one_reaction(scent, optional_data):
    """106,786 molecules and 120,229 edges, as another program listed them with RDKit 2026.09.1."""
    found, first = set(), {r: s for s, (r, k) in enumerate(scent.slots) if k == 0}
    for reaction in scent.reactions:
        slots = range(first[reaction.index], first[reaction.index] + reaction.slots)
        for blocks in itertools.product(*(np.flatnonzero(scent.block_fits[s]).tolist() for s in slots)):
            reactants = tuple(scent.blocks[i].smiles for i in blocks)
            found |= {(reaction.index, blocks, product) for product in scent.products(reaction.index, reactants)}
    assert (len(found), len({product for _, _, product in found})) == (120_229, 106_786)
    assert found == listed(optional_data(EDGES))
    for reaction, _, product in found:
        mol = scent.molecule(product)
        assert reaction in scent.one_step.reactions(mark(mol))
        assert scent.one_step.may_be(kind(mol))
