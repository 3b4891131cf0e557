"""Listed values."""

import numpy as np
import pytest
import torch

from molgfn.chemistry.molecules import parse
from molgfn.errors import ConfigError
from molgfn.oracles.own.table import Table


def test_strings_grids_and_molecules():
    assert Table(domain="string", values={"AC": 2.0}).values(["AC", "CA"]).tolist()[0] == 2.0
    grid = Table(domain="grid", values={"0 1": 3.0}, missing=0.5)
    assert grid.values(torch.tensor([[0, 1], [1, 0]])).tolist() == [3.0, 0.5]
    assert grid.range == (0.5, 3.0)
    molecules = Table(values={"CCO": 1.5})
    found = molecules.values(parse(["OCC", "C"]))
    assert found[0] == 1.5
    assert np.isnan(found[1])


def test_a_file(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("object,value\nAC,1\nCA,2.5\n")
    assert Table(domain="string", path=str(path)).values(["CA"]).tolist() == [2.5]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("smiles,value\nC,1\n", "columns `object` and `value`"),
        ("object,value\nC,one\n", "line 2: `one` is no number"),
        ("object,value\nC,1\nCC,2\nC,3\n", "line 4: C is listed with 1.0 already"),
    ],
)
def test_a_broken_file_is_named(tmp_path, text, says):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=says):
        Table(path=str(path))


def test_files_as_spreadsheets_write_them(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes("object,value\nCCO,1\n".encode("utf-8-sig"))
    table = Table(path=str(path))
    assert table.table == {"CCO": 1.0}
    assert table.files == (path,)  # another content is another cache
    assert Table(values={"C": 1.0}).files == ()
    path.write_bytes(b"object,value\nCC\xff,1\n")
    with pytest.raises(ConfigError, match="not a SMILES: CC"):
        Table(path=str(path))


def test_one_source_of_values(tmp_path):
    with pytest.raises(ConfigError, match="one of the two"):
        Table()
    with pytest.raises(ConfigError, match="one of the two"):
        Table(values={"C": 1.0}, path="x.csv")
    with pytest.raises(ConfigError, match="No such file"):
        Table(path=str(tmp_path / "none.csv"))
    with pytest.raises(ConfigError, match="lists no object"):
        Table(values={})
