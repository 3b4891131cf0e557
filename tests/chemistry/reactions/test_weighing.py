"""What one reaction can make of blocks, by weight: all that RDKit makes is among it."""

import itertools
import random

import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from molgfn.chemistry.reactions.block import Block
from molgfn.chemistry.reactions.inverse import Inverse, Origin
from molgfn.chemistry.reactions.library import About, ReactionLibrary
from molgfn.chemistry.reactions.loading import load_library
from molgfn.chemistry.reactions.reaction import Reaction, Template
from molgfn.chemistry.reactions.weighing.kind import kind, mark, near
from molgfn.chemistry.reactions.weighing.one_step import OneStep

#: templates that take blocks apart in unusual ways, and blocks for their slots
UNUSUAL = {
    "a chain hangs on what leaves": ("[C:1](=[O:2])O.[NH2:3]>>[C:1](=[O:2])[N:3]", "CCCCOC(C)=O CC(=O)OCC(=O)OC NCC"),
    "a new ring": ("[C:1](=O)-[CH2:2]-[CH2:3]-[C:4]=O.[NH2:5]>>[c:1]1[c:2][c:3][c:4][n:5]1", "CC(=O)CCC(C)=O NC1CC1"),
    "a bond that the pattern does not name": ("[CH2:1].[CH2:2]~[Br]>>[C:1]-[C:2]", "C1CC1 C1CC1Br BrCC1CC1 BrCCBr"),
    "two of a ring are bound": ("[N:1]~*~[N:2].[C:3]=O>>[N:1][C:3][N:2]", "C1NCNC1 CNCNC CC=O CC(C)=O"),
    "an element is exchanged": ("[c:1][Br:2]>>[c:1][I:2]", "Brc1ccccc1 Brc1ccc(Br)cc1"),
    "an element is the reactant's": ("[*:1]=[O:2].[F,Cl:3][C:4]>>[*:1]([*:3])[O:2][C:4]", "CC=O CS(C)=O CF CCCl ClCF"),
    "by-products": ("[C:1](=[O:2])[O:3][C:4].[NH2:5]>>[C:1](=[O:2])[N:5].[O:3][C:4]", "CC(=O)OCC NCC CNC(=O)OC"),
    "a reagent stays": ("[CH2:1][OH:2]>>[CH2:1][O:2]S(=O)(=O)C", "OCC OCCO"),
    "a charge": ("[C:1][NH2:2]>>[C:1][N+:2](C)(C)C", "CCN NCCN"),
}


def of(smarts, blocks):
    """A library of one reaction."""
    stock = [Block(Chem.CanonSmiles(smiles), f"b{k}") for k, smiles in enumerate(blocks.split())]
    return ReactionLibrary(stock, [Reaction(0, "r", "r", None, smarts, Template(smarts).slots)], About(name="unusual"))


def all_made(library, reaction):
    """Different products of all blocks that fit, by RDKit alone."""
    slots = [row for row, (r, _) in zip(library.block_fits, library.slots, strict=True) if r == reaction.index]
    fitting = [[b.smiles for b, fits in zip(library.blocks, row, strict=True) if fits] for row in slots]
    rxn, found = AllChem.ReactionFromSmarts(reaction.smarts), set()
    for reactants in itertools.product(*fitting):
        for outcome in rxn.RunReactants([Chem.MolFromSmiles(smiles) for smiles in reactants]):
            if Chem.SanitizeMol(outcome[0], catchErrors=True) == Chem.SanitizeFlags.SANITIZE_NONE:
                found.add(Chem.CanonSmiles(Chem.MolToSmiles(outcome[0])))
    return {smiles for smiles in found if "." not in smiles and "*" not in smiles}


@pytest.mark.parametrize("name", UNUSUAL)
def test_they_are_the_marks_of_what_rdkit_makes(name):
    library = of(*UNUSUAL[name])
    mols = [Chem.MolFromSmiles(smiles) for smiles in all_made(library, library.reactions[0])]
    assert mols
    assert set(library.one_step._of_mark) == {mark(mol) for mol in mols}
    assert library.one_step._kinds == {number for mol in mols for number in near(kind(mol))}
    assert all(library.one_step.reactions(mark(mol)) == [0] for mol in mols)


@pytest.mark.parametrize(
    "smarts",
    ["[C:1]Br.[N:2]>>[N:2]1[C:1]O[C:1]1", "[C:1]Br.[N:1]>>[C:1]-[N]", "[C:1]Br.[NH2:2]>>[C:1][N:2][2H]"],
    ids=["an atom is there twice", "two atoms become one", "a hydrogen is named"],
)
def test_of_what_is_not_known_all_may_be(smarts):
    found = of(smarts, "CCBr NCC").one_step
    assert found.reactions(0) == [0]
    assert found.may_be(0)


@pytest.mark.parametrize("block", ["[2H]CCBr", "C[13CH2]Br"])
def test_a_block_with_an_isotope_is_not_weighed(block):
    assert of("[C:1]Br.[NH2:2]>>[C:1][N:2]", f"{block} NCC").one_step.reactions(0) == [0]


def test_too_many_sums_are_not_made(monkeypatch):
    monkeypatch.setattr("molgfn.chemistry.reactions.weighing.one_step._MOST_SUMS", 3)
    assert of("[C:1]Br.[NH2:2]>>[C:1][N:2]", "CBr CCBr NC NCC").one_step.reactions(0) == [0]
    monkeypatch.setattr("molgfn.chemistry.reactions.weighing.one_step._MOST_SUMS", 4)
    assert of("[C:1]Br.[NH2:2]>>[C:1][N:2]", "CBr CCBr NC NCC").one_step.reactions(0) == []


def test_numbers_are_those_before_sanitisation():
    rxn = AllChem.ReactionFromSmarts("[c:1][Br].[NH2:2]>>[c:1][NH:2]")
    for outcome in rxn.RunReactants([Chem.MolFromSmiles(s) for s in ("Brc1ccc([N+](=O)[O-])nc1", "NC(C)(C)[2H]")]):
        before = mark(outcome[0]), kind(outcome[0])
        assert Chem.SanitizeMol(outcome[0]) == Chem.SanitizeFlags.SANITIZE_NONE
        again = Chem.MolFromSmiles(Chem.MolToSmiles(outcome[0]))
        assert mark(again) == before[0] == mark(Chem.RemoveAllHs(again))
        assert before[1] in near(kind(again))
    ethanol, ether = map(Chem.MolFromSmiles, ("CCO", "COC"))
    assert kind(ethanol) == kind(ether)
    assert mark(ethanol) != mark(ether)


@pytest.fixture(scope="module")
def textbook():
    return load_library("textbook")


def drawn(library, draws, reactions):
    """A molecule of a random route of so many reactions."""
    while True:
        smiles = draws.choice(library.blocks).smiles
        for _ in range(reactions):
            fitting = library.fits(smiles).nonzero()[0].tolist()
            if not fitting:
                break
            r, place = library.slots[draws.choice(fitting)]
            slots = [s for s, (reaction, k) in enumerate(library.slots) if reaction == r and k != place]
            others = [library.blocks[draws.choice(library.block_fits[s].nonzero()[0].tolist())].smiles for s in slots]
            products = library.products(r, (*others[:place], smiles, *others[place:]))
            if not products:
                break
            smiles = draws.choice(products)
        else:
            return smiles


def by_all(library, smiles, reactions):
    """Origins, from precursors that are sought among everything; and whether there is one."""
    if reactions == 0:
        return library.block_index(smiles) is not None
    found = []
    for step in library.precursors(smiles):
        blocks = [library.block_index(reactant) for reactant in step.reactants]
        products = library.products(step.reaction, step.reactants)
        for k, previous in enumerate(step.reactants):
            partners = (*blocks[:k], *blocks[k + 1 :])
            if None not in partners and by_all(library, previous, reactions - 1):
                slot = library.slots.index((step.reaction, k))
                found.append(Origin(slot, partners, previous, products.index(smiles), len(products)))
    return sorted(found, key=lambda o: (o.slot, o.partners, o.previous))


@pytest.mark.parametrize("reactions", [1, 2, 3])
def test_ways_back_are_those_of_all_proposals(textbook, reactions):
    draws = random.Random(reactions)
    fresh = Inverse(textbook)
    several = 0
    for _ in range(12 if reactions < 3 else 4):
        smiles = drawn(textbook, draws, reactions)
        for fewer in range(reactions, 0, -1):
            expected = by_all(textbook, smiles, fewer)
            assert fresh.origins(smiles, fewer) == expected
            assert fresh.can_be_made(smiles, fewer) == bool(expected)
            several += len(expected) > 1
    assert several > 2


def test_a_library_that_is_not_weighed_has_the_same_ways_back(small, monkeypatch):
    ways = {}
    for most in (50_000, 0):
        monkeypatch.setattr("molgfn.chemistry.reactions.library._MOST_WEIGHED", most)
        library = small.part(range(len(small.blocks)), range(len(small.reactions)))
        assert library.one_step.reactions(0) == ([] if most else list(range(4)))
        inverse = Inverse(library)
        ways[most] = [
            inverse.origins(smiles, n)
            for smiles in ("O=C(NCCO)c1ccc(-c2ccccc2)cc1", "O=C(NCCO)c1ccccc1", "C1CNCCN1")
            for n in (1, 2)
        ]
    assert ways[0] == ways[50_000]
    assert [len(found) for found in ways[0]] == [0, 2, 2, 0, 1, 0]


@pytest.mark.slow
def test_all_that_one_reaction_of_the_textbook_gives_is_weighed(textbook):
    for reaction in textbook.reactions:
        for smiles in all_made(textbook, reaction):
            mol = Chem.MolFromSmiles(smiles)
            assert reaction.index in textbook.one_step.reactions(mark(mol)), (reaction.name, smiles)
            assert textbook.one_step.may_be(kind(mol))


def test_nothing_is_weighed_of_no_reaction():
    nothing = OneStep([], [])
    assert nothing.reactions(5) == []
    assert not nothing.may_be(5)
