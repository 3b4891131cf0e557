"""Labels of attachment points: from cutting, from structure, in files; tables of joins; the example of the docs."""

import re
from pathlib import Path

import pytest

from molgfn.chemistry.fragments.build import build_vocabulary
from molgfn.chemistry.fragments.coverage import coverage
from molgfn.chemistry.fragments.join_table import JoinTable
from molgfn.chemistry.fragments.labels import brics_labels, resolve_joins
from molgfn.chemistry.fragments.vocabulary import Vocabulary
from molgfn.chemistry.molecules import parse
from molgfn.chemistry.motifs import unusual_motifs
from molgfn.environments.enumeration import enumerate_states
from molgfn.environments.fragments import Fragments
from molgfn.errors import ConfigError

DOCS = Path(__file__).parents[2] / "docs" / "vocabularies.md"


def labels_of(smiles, **more):
    report = build_vocabulary(enumerate(parse(smiles), start=1), **more)
    return {f.smiles: dict(zip(f.points, f.labels, strict=True)) for f in report.vocabulary}, report


def test_points_get_the_labels_under_which_they_were_cut():
    found, report = labels_of(["CC(=O)Nc1ccccc1", "CCOc1ccncc1", "CS(=O)(=O)NCc1ccccc1", "CC(=O)c1ccccc1"])
    assert found["CC=O"] == {1: ("1", "6")}  # an amide and a ketone
    assert found["c1ccccc1"] == {0: ("16",)}
    assert found["N"] == {0: ("5",)}
    assert found["O"] == {0: ("3",)}
    assert "coverage with the joins of BRICS only: 100.0%" in report.summary()


def test_labels_are_united_over_atoms_that_are_alike():
    """One methyl end of dimethylamine is seen at an aryl group only, the other at an acyl group's neighbour as well."""
    found, _ = labels_of(["c1ccccc1CCc1ccccn1", "c1ccccc1CCNC(C)=O"])
    assert found["CC"] == {0: ("4", "8"), 1: ("4", "8")}


def test_what_brics_cuts_is_rebuilt_with_labels():
    smiles = ["CC(=O)Nc1ccccc1", "COc1ccc(CN2CCOCC2)cc1", "CS(=O)(=O)N1CCN(CC1)C(=O)c1ccco1", "Cc1csc(NC(=O)C2CC2)n1"]
    _, report = labels_of(smiles)
    assert report.vocabulary.labelled
    assert report.coverage == report.typed_coverage == 1.0
    assert coverage(report.vocabulary, parse(smiles)).missing == []
    other = parse(["CC(=O)c1ccccc1", "CC(=O)C1CC1"])  # joins that were not seen
    assert coverage(report.vocabulary, other).rebuilt < coverage(report.vocabulary, other, joins="any").rebuilt == 2


def test_fragments_that_nothing_fills_and_those_with_motifs_are_left_out():
    found, report = labels_of(["CC(=O)Oc1ccccc1C(=O)OC", "CNNC(=O)c1ccccc1"])
    assert "CNN" not in found
    assert any("N-N" in why for why in report.refused)
    free, _ = labels_of(["CC(=O)Oc1ccccc1C(=O)OC", "CNNC(=O)c1ccccc1"], unusual=True)
    assert len(free) > len(found)
    plain = build_vocabulary(enumerate(parse(["CC(=O)Nc1ccccc1"])), labels=False)
    assert not plain.vocabulary.labelled
    assert "BRICS" not in plain.summary()


def test_labels_from_structure():
    (benzene, acyl, amine, methyl, sulfonyl) = parse(["c1ccccc1", "CC=O", "CNC", "C", "C[SH](=O)=O"])
    assert brics_labels(benzene.mol, (0, 3)) == (("16",), ("16",))
    assert brics_labels(acyl.mol, (1,)) == (("1", "6"),)
    assert brics_labels(amine.mol, (1,)) == (("5",),)
    assert brics_labels(methyl.mol, (0,)) == (("4", "8"),)
    assert brics_labels(sulfonyl.mol, (1,)) == (("12",),)


def test_a_carbon_that_holds_a_heteroatom_is_joined_to_carbon_only():
    found, report = labels_of(["OCc1ccccc1", "c1ccccc1C(O)n1cccc1", "CCOC(=O)C1CNCCN1c1ccccc1"])
    assert found["CO"] == {0: ("8c",)}
    assert report.typed_coverage < report.coverage == 1.0  # the second molecule is a hemiaminal
    table = JoinTable.load("brics")
    assert table.joins(("8c",), ("16",))
    assert not any(table.joins(("8c",), (x,)) for x in ("3", "5", "9", "10", "11"))
    (alcohol, morpholine) = parse(["CO", "C1COCCN1"])
    assert brics_labels(alcohol.mol, (0, 1)) == (("8c",), ("3",))
    assert all(label.endswith("c") for label in brics_labels(morpholine.mol, (1,))[0])


def test_labels_in_files(tmp_path):
    path = tmp_path / "v.txt"
    path.write_text("C=O 0,0 2 6|1,1|6\nN 0,0,0 3 5,5,5\nc1ccccc1 0 1 *\nC#N - 1\n")
    vocabulary = Vocabulary.load(path)
    assert [f.labels for f in vocabulary] == [(("1", "6"),) * 2, (("5",),) * 3, ((),), None]
    vocabulary.save(path)
    assert Vocabulary.load(path) == vocabulary == Vocabulary.load(vocabulary.plain())
    assert vocabulary.without_labels() == Vocabulary.load([e[:3] for e in vocabulary.plain()])
    assert vocabulary.digest != vocabulary.without_labels().digest
    json = tmp_path / "v.json"
    json.write_text('[{"smiles": "C=O", "attachment_atoms": [0], "labels": [["1"]]}]')
    assert Vocabulary.load(json)[0].labels == (("1",),)


def test_tables(tmp_path):
    table = JoinTable.load("brics")
    assert table.joins(("5",), ("1", "6"))
    assert not table.joins(("5",), ("5",))
    assert not table.joins(("3",), ("3", "5"))
    assert table.joins((), ("5",))
    assert table.fill == {"1", "6", "11", "12"}
    assert JoinTable.load(table.plain()) == table
    path = tmp_path / "t.txt"
    path.write_text("a b c\n")
    with pytest.raises(ConfigError, match=r"t.txt, line 1: 'a b c' is no rule"):
        JoinTable.load(path)
    path.write_text("fill a\n")
    with pytest.raises(ConfigError, match="no two labels may be joined"):
        JoinTable.load(path)


def test_the_shipped_vocabulary_joins_by_its_labels():
    table, joins = resolve_joins(None, Vocabulary.load("rdkit"))
    assert table == JoinTable.load("brics")
    assert 5 < joins.n_types < 40
    assert resolve_joins(None, Vocabulary.load("rdkit_untyped"))[0] is None


def test_the_example_of_the_docs(tmp_path):
    for name, text in re.findall(r"```\n# (table\.txt|own\.txt)\n(.*?)```", DOCS.read_text(), re.S):
        (tmp_path / name).write_text(text)
    environment = Fragments(vocabulary=str(tmp_path / "own.txt"), joins=str(tmp_path / "table.txt"), max_fragments=2)
    graph = enumerate_states(environment)
    found = {m.smiles for m in environment.objects(graph.states[graph.can_stop])}
    assert found == {"CNC(C)=O", "CNc1ccccc1", "CN", "c1ccccc1"}


def test_halogens_are_not_joined_to_heteroatoms():
    """N-C-F, and halogen on N, O or S; O-C-F and C-C-F are as good as anything."""
    table = JoinTable.load("brics")
    (fluoroform, ethane, fluoride, amine, alcohol, both) = parse(["FC(F)F", "CC(F)F", "F", "CNC", "CO", "OC(F)F"])
    assert brics_labels(fluoroform.mol, (1,)) == (("8h",),)
    ((held,),) = (brics_labels(ethane.mol, (1,)),)
    assert held == ("4h", "8h")
    nitrogen, oxygen = brics_labels(amine.mol, (1,))[0], brics_labels(alcohol.mol, (1,))[0]
    assert not table.joins(held, nitrogen)
    assert not any(table.joins(held, (x,)) for x in ("9", "10"))
    assert table.joins(held, oxygen)
    assert table.joins(held, ("16",))
    assert table.joins(held, ("13c",))
    assert brics_labels(fluoride.mol, (0,)) == (("x",),)
    assert not any(table.joins(("x",), (x,)) for x in ("3", "5", "9", "10", "11", "1", "6", "12", "8c", "13c", "15c"))
    assert table.joins(("x",), ("16",))
    assert table.joins(("x",), held)
    assert brics_labels(both.mol, (1,)) == (("8c",),)


def test_no_halogen_comes_beside_nitrogen_by_joining():
    """All molecules of a space of few fragments, and what there is where anything is joined."""
    vocabulary = [
        [s, points, 1] for s, points in (("CC(F)F", [1]), ("CNC", [1]), ("Cl", [0]), ("c1ccccc1", [0, 3]), ("CO", [1]))
    ]
    found = {}
    for joins in ("brics", "any"):
        environment = Fragments(vocabulary=vocabulary, joins=joins, max_fragments=3)
        graph = enumerate_states(environment)
        objects = environment.objects(graph.states[graph.can_stop])
        found[joins] = {m.smiles: unusual_motifs(m.mol) for m in objects}
    bad = ("N-C-halogen", "N-halogen", "O-halogen", "S-halogen")
    assert not any(name in motifs for motifs in found["brics"].values() for name in bad)
    assert {"CN(C)C(C)(F)F", "CN(C)Cl", "COCl"} <= found["any"].keys() - found["brics"].keys()
    assert {"COC(C)(F)F", "Clc1ccccc1", "CC(F)(F)c1ccccc1", "CC(F)(F)Cl"} <= found["brics"].keys()


def test_a_cut_between_nitrogen_and_difluoroethyl_is_not_rebuilt_with_labels():
    found, report = labels_of(["CN(Cc1ccccc1)C(F)(F)C", "CC(F)(F)OCc1ccccc1", "COc1ccccc1"])
    assert report.coverage == 1.0
    assert report.typed_coverage == pytest.approx(2 / 3)
    assert all(label.endswith("h") for label in found["CC(F)F"][1])
