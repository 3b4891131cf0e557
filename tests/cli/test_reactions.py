"""``molgfn reactions``: check, build and list libraries."""

import shutil

import pytest
import yaml

from molgfn.chemistry.reactions.loading import load_library

TEMPLATES = """[CX3:1](=[O:2])-[OX2H1].[NX3;H1,H2;$(N-[#6]);!$(N-C=O):3]>>[C:1](=[O:2])-[N:3]
[c:1]-[Br].[c:2]-[B](-[OH])-[OH]>>[c:1]-[c:2]
"""
CATALOGUE = """OC(=O)c1ccccc1 E1 12
NCCO E2 3
NCCO.Cl E3 2
Brc1ccncc1 E4
OB(O)c1ccccc1 E5 40
not-a-molecule E6
CCCCCC E7 1
"""


@pytest.fixture
def files(tmp_path):
    (tmp_path / "templates.txt").write_text(TEMPLATES)
    (tmp_path / "catalogue.smi").write_text(CATALOGUE)
    return tmp_path


def build(call, files, *more):
    inputs = ("--blocks", files / "catalogue.smi", "--reactions", files / "templates.txt")
    return call("reactions", "build", files / "mine", *inputs, *more)


def test_a_library_out_of_a_catalogue(call, files):
    built = build(call, files, "--price-unit", "USD per gram")
    assert built.exit_code == 0, built.stderr
    assert "4 of 7 blocks kept, 3 priced; 2 reactions" in built.stdout
    assert "1 left out: duplicate, line 3 (NCCO.Cl)" in built.stdout
    assert "1 left out: not a SMILES, line 6 (not-a-molecule)" in built.stdout
    assert "1 left out: fits no slot, line 7 (CCCCCC)" in built.stdout
    library = load_library(files / "mine")
    # the salt's price is the lower one
    assert [(b.smiles, b.id, b.price) for b in library.blocks][:2] == [
        ("O=C(O)c1ccccc1", "E1", 12.0),
        ("NCCO", "E2", 2.0),
    ]
    assert library.about.price_unit == "USD per gram"
    checked = call("reactions", "check", files / "mine", "--samples", 10)
    assert checked.exit_code == 0, checked.stderr
    assert "4 blocks, 2 reactions, 4 slots; prices of 3 blocks (USD per gram)" in checked.stdout
    assert "reactants found again by inverted templates: 10 of 10 products (100.0%, 95 % interval" in checked.stdout
    assert "note: blocks.csv, line 4: missing price: Brc1ccncc1 has none" in checked.stdout
    again = build(call, files)
    assert again.exit_code == 2
    assert "is there already" in again.stderr


def test_what_cannot_be_built(call, files):
    (files / "templates.txt").write_text(TEMPLATES + "[c:1>>[c:1]\n")
    broken = build(call, files)
    assert broken.exit_code == 3
    assert "templates.txt, line 3: no reaction" in broken.stderr
    assert not (files / "mine").exists()
    rest = build(call, files, "--skip-broken")
    assert rest.exit_code == 0
    assert "template left out: templates.txt, line 3: no reaction" in rest.stdout
    assert len(load_library(files / "mine").reactions) == 2
    shutil.rmtree(files / "mine")
    (files / "templates.txt").write_text("[c:1]-[I]>>[c:1]-[H]\n")
    empty = build(call, files)
    assert empty.exit_code == 3
    assert "no block is left" in empty.stderr


def test_check_names_what_is_broken_and_fails(call, files):
    assert build(call, files).exit_code == 0
    path = files / "mine" / "blocks.csv"
    path.write_text(path.read_text() + "NCCO,E9,1\nc1ccc,E10,1\n")
    broken = call("reactions", "check", files / "mine", "--samples", 5)
    assert broken.exit_code == 3
    assert (
        "broken: blocks.csv, line 6: duplicate block: NCCO is the same molecule as at blocks.csv, line 3"
        in broken.stderr
    )
    assert "broken: blocks.csv, line 7: no molecule: not a SMILES: c1ccc" in broken.stderr
    assert "2 broken, 1 note" in broken.stderr
    assert call("reactions", "check", files / "gone").exit_code == 3


def test_the_same_seed_draws_the_same(call, files):
    assert build(call, files).exit_code == 0
    first, second = (call("reactions", "check", files / "mine", "--samples", 15, "--seed", 3).stdout for _ in range(2))
    assert first == second


def test_the_libraries_that_have_a_name(call):
    listed = call("reactions", "list")
    assert listed.exit_code == 0
    assert "textbook" in listed.stdout
    assert "scent_small" in listed.stdout


def test_a_shipped_library_lends_its_reactions(call, files):
    made = call("reactions", "build", files / "own", "--blocks", files / "catalogue.smi", "--reactions", "textbook")
    assert made.exit_code == 0, made.stderr
    shipped = load_library("textbook")
    assert [r.smarts for r in load_library(files / "own").reactions] == [r.smarts for r in shipped.reactions]
    examples = yaml.safe_load((files / "own" / "reactions.yaml").read_text())[0]["examples"]
    assert examples[0] == "OC(=O)c1ccccc1.NCc1ccccc1>>O=C(NCc1ccccc1)c1ccccc1"
