"""The formats of blocks and templates."""

from pathlib import Path

from rdkit import Chem

from molgfn.chemistry.reactions.files.blocks import read_blocks
from molgfn.chemistry.reactions.files.templates import read_templates
from molgfn.chemistry.reactions.loading import load_library


def entries(path):
    return [(entry.text, entry.id, entry.price) for entry in read_blocks(Path(path))]


def test_lines_of_smiles(tmp_path):
    (tmp_path / "a.smi").write_text("CCO\nCCN EN300-1\nCCC EN300-2 12.5\n# remark\n")
    assert entries(tmp_path / "a.smi") == [("CCO", "", ""), ("CCN", "EN300-1", ""), ("CCC", "EN300-2", "12.5")]


def test_a_catalogue_as_a_table_and_as_structures(tmp_path):
    (tmp_path / "a.csv").write_text("Catalog ID;SMILES;Price\nEN300-1;CCN;12\n")
    assert entries(tmp_path / "a.csv") == [("CCN", "EN300-1", "12")]
    mol = Chem.MolFromSmiles("NCC")
    mol.SetProp("Catalog ID", "EN300-7")
    mol.SetProp("price", "3")
    with Chem.SDWriter(str(tmp_path / "a.sdf")) as writer:
        writer.write(mol)
    assert entries(tmp_path / "a.sdf") == [("CCN", "EN300-7", "3")]


def test_templates_as_lines_and_as_a_table(tmp_path):
    (tmp_path / "a.txt").write_text("# remark\n[C:1].[N:2] >> [C:1]-[N:2]\n\nan ether\t[C:1].[O:2]>>[C:1]-[O:2]\n")
    read = [(entry.place, entry.name, entry.smarts) for entry in read_templates(tmp_path / "a.txt")]
    assert read == [
        ("a.txt, line 2", "", "[C:1].[N:2] >> [C:1]-[N:2]"),
        ("a.txt, line 4", "an ether", "[C:1].[O:2]>>[C:1]-[O:2]"),
    ]
    (tmp_path / "a.csv").write_text('Family,Reaction,Comments,yield\nSNAr,"[C:1],x",one,0.7\n,[N:1],two,0.8\n')
    rows = [(entry.family, entry.name, entry.smarts, entry.yield_) for entry in read_templates(tmp_path / "a.csv")]
    assert rows == [("SNAr", "one", "[C:1],x", "0.7"), ("SNAr", "two", "[N:1]", "0.8")]
    (tmp_path / "a.tsv").write_text("Family\tReaction\tComments\tyield\nSNAr\t[C:1],x\tone\t0.7\n\t[N:1]\ttwo\t0.8\n")
    (tmp_path / "b.csv").write_text("Family;Reaction;Comments;yield\nSNAr;[C:1],x;one;0.7\n;[N:1];two;0.8\n;[C;H1:1]\n")
    for name in ("a.tsv", "b.csv"):
        read = read_templates(tmp_path / name)
        assert [(entry.family, entry.name, entry.smarts, entry.yield_) for entry in read[:2]] == rows
    assert (read[2].place, read[2].problem) == (
        "b.csv, line 4",
        "3 cells, the header has 4; a cell with a semicolon in it stands in quotation marks",
    )


def test_a_folder_as_scent_has_it(tmp_path):
    (tmp_path / "fragments.txt").write_text("OC(=O)c1ccccc1\nNCCO\n")
    (tmp_path / "templates.txt").write_text("[CX3:1](=[O:2])-[OH].[NH2:3] >> [C:1](=[O:2])-[NH1:3]\n")
    (tmp_path / "fragment_to_real_cost.json").write_text('{"OC(=O)c1ccccc1": 1.5, "NCCO": 0.25}')
    (tmp_path / "templates_yields.csv").write_text(
        "Family,Reaction,Comments,yield\nAmide,[CX3:1](=[O:2])-[OH].[NH2:3] >> [C:1](=[O:2])-[NH1:3],primary,0.9\n"
    )
    library = load_library(tmp_path)
    assert [(block.smiles, block.id, block.price) for block in library.blocks] == [
        ("O=C(O)c1ccccc1", "1", 1.5),
        ("NCCO", "2", 0.25),
    ]
    reaction = library.reactions[0]
    assert (reaction.name, reaction.family, reaction.yield_, reaction.slots) == ("Amide: primary", "Amide", 0.9, 2)
    assert library.about.price_unit == "relative cost"
