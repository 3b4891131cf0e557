"""The shipped library: every reaction by an example, every slot with partners, every template exact backwards."""

import pytest
from rdkit import Chem

from molgfn.chemistry.motifs import unusual_motifs
from molgfn.chemistry.reactions.assembling import example_problem
from molgfn.chemistry.reactions.loading import library_entries, load_library
from molgfn.chemistry.reactions.survey import survey


@pytest.fixture(scope="module")
def textbook():
    return load_library("textbook")


def test_it_is_whole(textbook):
    assert len(textbook.reactions) == 29
    assert 250 <= len(textbook.blocks) <= 500
    assert textbook.block_fits.sum(axis=1).min() >= 5
    assert textbook.block_fits.any(axis=0).all()
    assert textbook.inversion_exact is True


def test_every_reaction_gives_its_example_and_is_found_again(textbook):
    entries = library_entries("textbook").reactions
    assert all(entry.examples for entry in entries)
    for reaction, entry in zip(textbook.reactions, entries, strict=True):
        for reactants, product in entry.examples:
            assert example_problem(textbook, reaction.index, reactants, product) is None, reaction.name
            names = tuple(Chem.CanonSmiles(text) for text in reactants)
            found = textbook._templates[reaction.index].precursors(
                textbook.molecule(Chem.CanonSmiles(product)), known=[{*names}] * reaction.slots
            )
            assert names in found, reaction.name


def test_what_a_reaction_is_without_is_in_none_of_its_examples_and_in_some_block(textbook):
    groups = {group for reaction in textbook.reactions for group in reaction.without}
    assert all(reaction.without for reaction in textbook.reactions)
    for group in groups:
        query = Chem.MolFromSmarts(group)
        here = [b.smiles for b in textbook.blocks if textbook.molecule(b.smiles).HasSubstructMatch(query)]
        if "." not in group:
            assert here, f"{group} is in no block, so nothing is kept out"


def test_blocks_are_what_a_supplier_sells(textbook):
    groups_of_reactions = {"aldehyde", "isocyanate", "thiol", "S-halogen"}
    for block in textbook.blocks:
        mol = Chem.MolFromSmiles(block.smiles)
        assert 4 <= mol.GetNumHeavyAtoms() <= 17
        assert Chem.GetFormalCharge(mol) == 0
        assert set(unusual_motifs(mol)) <= groups_of_reactions, block.smiles


def test_templates_run_backwards(textbook):
    found = survey(textbook, samples=116, seed=0)
    assert [reaction.products for reaction in found.reactions] == [4] * 29
    assert found.total("recovered") == 116


@pytest.mark.parametrize(
    ("name", "reactants"),
    [
        # groups that must not react
        ("amide coupling", ("OC(=O)c1ccccc1", "NC(=O)c1ccccc1")),
        ("amide coupling", ("OC(=O)c1ccccc1", "CN(C)C")),
        ("sulfonamide formation", ("O=S(=O)(Cl)c1ccccc1", "NS(=O)(=O)c1ccccc1")),
        ("Suzuki coupling", ("BrCc1ccccc1", "OB(O)c1ccccc1")),
        ("SNAr of a 2-chloroazine", ("Clc1cccnc1", "C1CCNCC1")),
        ("reductive amination of a ketone", ("COC(C)=O", "C1CCNCC1")),
        ("esterification", ("OC(=O)c1ccccc1", "Oc1ccccc1")),
        ("N-alkylation of an amine", ("C1CCNCC1", "O=C(Br)c1ccccc1")),
        ("Boc removal", ("CC(C)(C)OC(=O)Oc1ccccc1",)),
        ("hydrolysis of a methyl ester", ("CNC(=O)c1ccccc1",)),
        # groups that would react first, or do not survive
        ("Buchwald-Hartwig amination", ("O=C=Nc1ccc(Br)cc1", "Nc1ccccc1")),
        ("Buchwald-Hartwig amination", ("O=S(=O)(Cl)c1ccccc1Br", "Nc1ccccc1")),
        ("Grignard addition to an aldehyde", ("COC(=O)c1ccc(Br)cc1", "O=CC1CC1")),
        ("Grignard addition to an aldehyde", ("O=S(=O)(Cl)c1ccc(Br)cc1", "O=CC1CC1")),
        ("Grignard addition to an aldehyde", ("Brc1ccccc1", "O=Cc1ccc(O)cc1")),
        ("amide coupling", ("NCC(=O)O", "C1COCCN1")),
        ("Mitsunobu reaction", ("Oc1ccccc1", "OCCN1CCNCC1")),
        ("Suzuki coupling", ("OB(O)c1ccc(Br)cc1", "OB(O)c1ccccc1")),
    ],
)
def test_what_does_not_react(textbook, name, reactants):
    index = next(reaction.index for reaction in textbook.reactions if reaction.name == name)
    assert textbook.products(index, reactants) == ()
