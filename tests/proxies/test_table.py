"""Tables of molecules and values: what is read, averaged, left out, and which part it goes to."""

import gzip
import hashlib
import math

import numpy as np
import pytest

from molgfn.chemistry.molecules import parse
from molgfn.chemistry.scaffolds import murcko
from molgfn.errors import DataError
from molgfn.proxies.splits import split
from molgfn.proxies.table import read_property

ROWS = """name,SMILES,pIC50
a,CCO,5.0
b,c1ccccc1,6
c,not-a-molecule,7
d,OCC,7.0
e,CCN,
f,CCC,nan
g,CCCC,>5
h,CC(C)(C)(C)(C)C,1
i,CCF,inf
j,C[C@H](N)O,1e1
k,C[C@@H](N)O,11
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text(ROWS)
    return path


def test_rows_are_averaged_or_left_out_and_counted(file):
    table = read_property(file, "pIC50")
    assert [m.smiles for m in table.molecules] == ["CCO", "c1ccccc1", "C[C@H](N)O"]
    assert table.values.tolist() == [6.0, 6.0, 10.5]  # stereo is not seen, so the last two rows are one molecule
    assert table.rows == 11
    assert table.merged == 2
    assert table.noise == pytest.approx(math.sqrt((1 + 1 + 0.25 + 0.25) / 2))
    assert table.left_out == {
        "no value": 2,
        "not a SMILES": 1,
        "value is no number": 1,
        "valence": 1,
        "value is not finite": 1,
    }
    assert [line for line, _ in table.first] == [4, 6, 7, 8, 9]
    assert table.sha256 == hashlib.sha256(ROWS.encode()).hexdigest()
    for part in ("11 rows, 3 different molecules with `pIC50`", "left out: 2 x no value", "2 rows were averaged"):
        assert part in table.summary()


def test_other_formats_hold_the_same(file, tmp_path):
    import pandas as pd

    frame = pd.read_csv(file, dtype={"pIC50": str}, keep_default_na=False)
    (tmp_path / "data.tsv.gz").write_bytes(gzip.compress(ROWS.replace(",", "\t").encode()))
    frame.to_parquet(tmp_path / "data.parquet")
    numbers = frame.iloc[[0, 1, 3]].astype({"pIC50": float})
    numbers.to_parquet(tmp_path / "numbers.parquet")
    for name in ("data.tsv.gz", "data.parquet"):
        table = read_property(tmp_path / name, "pIC50", smiles="SMILES")
        assert table.values.tolist() == [6.0, 6.0, 10.5]
        assert table.rows == 11
    assert read_property(tmp_path / "numbers.parquet", "pIC50").values.tolist() == [6.0, 6.0]


@pytest.mark.parametrize(
    ("target", "smiles", "says"),
    [
        ("ic50", None, "no column 'ic50'; the columns are: name, SMILES, pIC50"),
        ("pIC50", "structure", "no column 'structure'"),
        ("name", None, "no row has a molecule and a number in `name` .*line 2: value is no number: a"),
        ("pIC50", "name", "no row has a molecule"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(file, target, smiles, says):
    with pytest.raises(DataError, match=says):
        read_property(file, target, smiles=smiles)


def test_a_file_without_columns_is_refused(tmp_path):
    (tmp_path / "data.smi").write_text("CCO 5\n")
    with pytest.raises(DataError, match="column"):
        read_property(tmp_path / "data.smi", "5")
    with pytest.raises(DataError, match=r"gone\.csv"):
        read_property(tmp_path / "gone.csv", "y")


def test_a_random_split_has_each_row_once():
    molecules = parse(["C" * n for n in range(1, 51)])
    parts = split(molecules, kind="random", validation=0.2, test=0.1, seed=3)
    assert [len(parts.train), len(parts.validation), len(parts.test)] == [35, 10, 5]
    assert sorted([*parts.train, *parts.validation, *parts.test]) == list(range(50))
    again = split(molecules, kind="random", validation=0.2, test=0.1, seed=3)
    np.testing.assert_array_equal(parts.test, again.test)
    assert (parts.test != split(molecules, validation=0.2, test=0.1, seed=4).test).any()
    assert len(split(molecules, test=0.0).test) == 0


@pytest.mark.parametrize("seed", range(5))
def test_no_scaffold_is_in_two_parts(seed):
    rings = [
        "c1ccccc1",
        "C1CC1",
        "C1CCC1",
        "C1CCCC1",
        "c1ccncc1",
        "c1ccoc1",
        "c1ccsc1",
        "C1CCNCC1",
        "C1COCCN1",
        "C1CCC1",
    ]
    tails = ["C", "CC", "CO", "N"]
    molecules = parse([ring + tail for ring in rings for tail in tails] + ["C" * n for n in range(1, 21)])
    parts = split(molecules, kind="scaffold", validation=0.2, test=0.2, seed=seed)
    scaffolds = [{murcko(molecules[i]) for i in part} for part in (parts.train, parts.validation, parts.test)]
    assert sum(map(len, scaffolds)) == len(set.union(*scaffolds))
    assert "" in scaffolds[0]  # twenty chains are too many for a part of twelve
    assert sorted([*parts.train, *parts.validation, *parts.test]) == list(range(60))
    assert 4 <= len(parts.validation) <= 12
    assert 4 <= len(parts.test) <= 12


def test_too_few_molecules_are_refused():
    with pytest.raises(DataError, match="validation and test would have fewer than 2"):
        split(parse(["C", "CC", "CCC", "CCCC", "CCCCC"]))
    chains = parse(["C" * n for n in range(1, 41)])
    with pytest.raises(DataError, match="one scaffold stay together"):
        split(chains, kind="scaffold")
