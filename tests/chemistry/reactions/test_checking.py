"""Whatever is wrong with a library is named with its line; nothing is dropped silently."""

import pytest

from molgfn.chemistry.reactions.checking import check_library
from molgfn.chemistry.reactions.loading import load_library
from molgfn.errors import DataError


def found(folder, **options):
    return [str(problem) for problem in check_library(folder, samples=20, **options).problems.all]


def with_block(folder, line):
    path = folder / "blocks.csv"
    path.write_text(path.read_text() + line + "\n")


def with_reaction(folder, text):
    path = folder / "reactions.yaml"
    path.write_text(path.read_text() + text)


def test_a_whole_library_has_no_problem(folder):
    checked = check_library(folder, samples=40)
    assert checked.problems.all == []
    assert [reaction.partners for reaction in checked.survey.reactions] == [(2, 2), (2, 1), (2, 1), (1,)]
    assert checked.survey.total("recovered") == checked.survey.total("products") == 40


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("c1ccccc,open,1", "blocks.csv, line 9: no molecule: not a SMILES: c1ccccc"),
        ("CN(C)(C)C,five,1", "blocks.csv, line 9: no molecule: valence: CN(C)(C)C"),
        ("C(O)CN,again,1", "blocks.csv, line 9: duplicate block: C(O)CN is the same molecule as at blocks.csv, line 4"),
        ("CCO.Cl,salt,1", "blocks.csv, line 9: several molecules: CCO.Cl: a block is one molecule; leave the salt out"),
        ("CCCN,boc,1", "blocks.csv, line 9: duplicate id: boc is the id of blocks.csv, line 8, too"),
        ("CCCN,free,-1", "blocks.csv, line 9: no price: '-1' should be a number above 0, or nothing"),
        ("CCCN,free,cheap", "blocks.csv, line 9: no price: 'cheap' should be a number above 0, or nothing"),
        ("*CCN,open,1", "blocks.csv, line 9: no molecule: dummy atom: *CCN"),
    ],
)
def test_a_broken_block_is_named_and_refused(folder, line, message):
    with_block(folder, line)
    assert message in found(folder)
    with pytest.raises(DataError) as raised:
        load_library(folder)
    assert message in str(raised.value)
    assert "1 broken entries" in str(raised.value)


def test_a_missing_price_is_a_note(folder):
    with_block(folder, "CCCN,propylamine,")
    assert found(folder) == ["blocks.csv, line 9: missing price: CCCN has none, though others have"]
    assert load_library(folder).blocks[-1].price is None


@pytest.mark.parametrize(
    ("smarts", "message"),
    [
        ("[c:1]-[Br]", "no reaction: [c:1]-[Br]: not a reaction: it should be reactants>>product"),
        ("[c:1]-[Br]>>", "no reaction: [c:1]-[Br]>>: not a reaction: it has no product"),
        ("[c:1-[Br]>>[c:1]", "no reaction: [c:1-[Br]>>[c:1]: RDKit cannot read it ("),
        ("[c:1]-[Br].[N:1]>>[c:1]-[N:2]", "atom maps: :1 occurs twice among the reactants"),
        ("[C:1].[N:2].[O:3].[S:4]>>[C:1]-[N:2]-[O:3]-[S:4]", "reactants: it has 4, and 1 to 3 are possible"),
    ],
)
def test_a_broken_template_is_named_and_refused(folder, smarts, message):
    with_reaction(folder, f'- name: broken\n  smarts: "{smarts}"\n')
    problems = found(folder)
    assert any(problem.startswith(f"reactions.yaml, line 16: {message}") for problem in problems), problems
    with pytest.raises(DataError, match=r"reactions\.yaml, line 16"):
        load_library(folder)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('- name: x\n  smarts: "[C:1]>>[C:1]"\n  yeild: 1\n', "no reaction: has no key 'yeild'; the keys are"),
        ('- smarts: "[C:1]>>[C:1]"\n  without: "N"\n', "no reaction: without should be a list of SMARTS"),
        ('- smarts: "[C:1]>>[C:1]"\n  without: ["[N"]\n', "no group: without: [N: RDKit cannot read it"),
        (
            '- name: Suzuki coupling\n  smarts: "[C:1]-[Cl]>>[C:1]"\n',
            "duplicate name: 'Suzuki coupling' is the name of",
        ),
        ('- name: x\n  yield: 80\n  smarts: "[C:1]-[Cl]>>[C:1]"\n', "no yield: '80' should be a share in (0, 1]"),
        (
            '- name: x\n  smarts: "[C:1]-[Cl]>>[C:1]-[OH]"\n  examples: CCCl>>CCN\n',
            "example: x: CCCl gives CCO, not CCN",
        ),
        (
            '- name: x\n  smarts: "[c:1]-[Br].[c:2]-[B](-[OH])-[OH] >> [c:1]-[c:2]"\n',
            "duplicate reaction: is the same SMARTS as at reactions.yaml, line 11",
        ),
    ],
)
def test_a_broken_entry_is_named(folder, entry, message):
    with_reaction(folder, entry)
    problems = found(folder)
    assert any(f"reactions.yaml, line 16: {message}" in problem for problem in problems), problems


def test_atoms_that_do_not_match_are_named(folder):
    with_reaction(folder, '- name: x\n  smarts: "[c:1]-[Br].[NX3;H2:2]>>[c:1]-[N:3]"\n')
    problems = found(folder)
    assert "reactions.yaml, line 16: atom maps: :3 of the product is in no reactant: made of nothing" in problems
    assert any("line 16: atom maps: :2 of the reactants is in no product: those atoms leave" in p for p in problems)


def test_agents_take_no_slot(folder):
    with_reaction(
        folder,
        '- name: with an agent\n  smarts: "[NX3;H2:1]-[#6:2]>[O:9]=[C:8]>[N:1](-[#6:2])-[C:8]"\n',
    )
    problems = found(folder)
    assert (
        "reactions.yaml, line 16: agents: [O:9]=[C:8] takes no slot and counts as a reagent that is at hand" in problems
    )
    assert any("line 16: atom maps: :8 of the product comes from the agents" in problem for problem in problems)
    assert load_library(folder).reactions[-1].slots == 1


def test_slots_without_partners_and_reactions_without_products(folder):
    with_reaction(
        folder,
        '- name: no iodide\n  smarts: "[c:1]-[I].[N:2]>>[c:1]-[N:2]"\n'
        '- name: five bonds\n  smarts: "[CX4:1]-[OH].[N:2]>>[C:1](=[N:2])(=O)=O"\n',
    )
    problems = found(folder)
    assert "reactions.yaml, line 16: no partner: no iodide: slot 1 has no block that fits" in problems
    assert any(problem.startswith("reactions.yaml, line 18: no product: five bonds: ") for problem in problems)


def test_a_template_that_does_not_invert(folder):
    # which halogen left cannot be seen
    with_reaction(folder, '- name: any halide\n  smarts: "[c:1]-[I,Br].[NX3;H2;$(N-C):2]>>[c:1]-[N:2]"\n')
    problems = check_library(folder, samples=40).problems
    named = [problem for problem in problems.all if problem.kind == "inversion"]
    assert len(named) == 1
    assert named[0].place == "reactions.yaml, line 16"
    assert "reactants found again for 0 of" in named[0].text
    assert named[0].broken  # library.yaml says that inversion is exact
    (folder / "library.yaml").write_text((folder / "library.yaml").read_text().replace("exact: true", "exact: null"))
    assert not check_library(folder, samples=40).problems.worst()


def test_an_empty_library_is_refused(folder):
    (folder / "blocks.csv").write_text("smiles,id,price\nnonsense,a,1\n")
    with pytest.raises(DataError, match="no block can be used, so no molecule could be started"):
        load_library(folder)
    assert check_library(folder).library is None


def test_what_is_no_library(tmp_path, folder):
    with pytest.raises(
        DataError, match=r"library 'textbok': there is no such folder, and no library of that name \(text"
    ):
        load_library("textbok")
    with pytest.raises(DataError, match=r"is no reaction library; it should hold library\.yaml"):
        load_library(tmp_path)
    (folder / "library.yaml").write_text("name: small\nblock: blocks.csv\n")
    with pytest.raises(DataError, match=r"library\.yaml: has no key 'block'; the keys are name, title"):
        load_library(folder)
    (folder / "library.yaml").write_text("name: small\nblocks: gone.csv\n")
    with pytest.raises(DataError, match=r"has no file gone\.csv"):
        load_library(folder)
