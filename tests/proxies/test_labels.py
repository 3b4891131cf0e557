"""Tables of labels: what is read as one, what is left out, and how they are split."""

import numpy as np
import pandas as pd
import pytest

from molgfn.chemistry.molecules import parse
from molgfn.errors import DataError
from molgfn.proxies.splits import split
from molgfn.proxies.table import read_property


def written(tmp_path, *cells, name="assay.csv"):
    path = tmp_path / name
    path.write_text("smiles,y\n" + "".join(f"{'C' * n},{cell}\n" for n, cell in enumerate(cells, 1)))
    return path


def test_labels_are_words_and_numbers(tmp_path):
    path = written(tmp_path, "0", "1", "True", "FALSE", "Active", "inactive", "1.0", "0.00", "", "nan")
    table = read_property(path, "y", task="classification")
    assert table.values.tolist() == [0, 1, 1, 0, 1, 0, 1, 0]
    assert table.left_out == {"no value": 2}
    assert "labels: 4 are 1, 4 are 0" in table.summary()
    frame = pd.DataFrame({"smiles": ["C", "CC", "CCC"], "y": [True, False, True], "z": [1.0, None, 0.0]})
    frame.to_parquet(tmp_path / "assay.parquet")
    assert read_property(tmp_path / "assay.parquet", "y", task="classification").values.tolist() == [1, 0, 1]
    assert read_property(tmp_path / "assay.parquet", "z", task="classification").values.tolist() == [1, 0]


@pytest.mark.parametrize("cell", ["2", "0.5", "-1", "maybe", "10", "1e0", "0,0"])
def test_what_is_no_label_is_refused_with_its_line(tmp_path, cell):
    path = tmp_path / "assay.tsv"
    path.write_text(f"smiles\ty\nC\t0\nCC\t1\nCCC\t{cell}\n")
    with pytest.raises(
        DataError, match=rf"assay\.tsv, line 4: `y` is '{cell}', not a label; labels are 0 and 1, false"
    ):
        read_property(path, "y", task="classification")


def test_molecules_with_both_labels_are_left_out_and_named(tmp_path):
    path = tmp_path / "assay.csv"
    path.write_text("smiles,y\nC[C@H](N)O,1\nCCO,0\nOCC,0\nC[C@@H](N)O,0\nCCN,1\nx,1\n")
    table = read_property(path, "y", task="classification")
    assert [m.smiles for m in table.molecules] == ["CCO", "CCN"]
    assert table.values.tolist() == [0, 1]
    assert (table.rows, table.merged) == (6, 1)
    assert table.left_out == {"both labels in the rows of one molecule": 2, "not a SMILES": 1}
    assert [line for line, _ in table.first] == [2, 5, 7]
    for said in ("left out: 2 x both labels in the rows of one molecule, line 2, 5", "1 rows say what another"):
        assert said in table.summary()
    path.write_text("smiles,y\nCCO,0\nOCC,1\n")
    with pytest.raises(DataError, match=r"no row has a molecule and a label in `y` \(line 2: both labels"):
        read_property(path, "y", task="classification")


def test_numbers_that_are_labels_are_told_of_the_other_task(tmp_path):
    assert "task classification learns probabilities" in read_property(written(tmp_path, *"0110"), "y").summary()
    for cells in ("0120", "0000"):
        assert "classification" not in read_property(written(tmp_path, *cells), "y").summary()


def test_a_random_split_gives_each_label_its_share():
    molecules = parse(["C" * n for n in range(1, 61)])
    labels = np.zeros(60)
    labels[::6] = 1
    parts = split(molecules, validation=0.2, test=0.1, seed=3, labels=labels)
    rows = (parts.train, parts.validation, parts.test)
    assert sorted(np.concatenate(rows)) == list(range(60))
    assert [(len(own), int(labels[own].sum())) for own in rows] == [(42, 7), (12, 2), (6, 1)]
    again = split(molecules, validation=0.2, test=0.1, seed=3, labels=labels)
    np.testing.assert_array_equal(parts.test, again.test)
    assert (parts.test != split(molecules, validation=0.2, test=0.1, seed=4, labels=labels).test).any()
    rare = np.zeros(60)
    rare[:3] = 1  # a share of .1 of three would round to none
    few = split(molecules, validation=0.1, test=0.1, labels=rare)
    assert [rare[own].sum() for own in (few.train, few.validation, few.test)] == [1, 1, 1]
    assert len(split(molecules, test=0.0, labels=labels).test) == 0
