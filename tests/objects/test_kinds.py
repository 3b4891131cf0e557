"""Kinds of objects: the shipped ones keep the contract, and a broken one is told what is wrong."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from molgfn.chemistry.molecules import Molecule, parse
from molgfn.environments.hypergrid import HyperGrid
from molgfn.environments.strings import Strings
from molgfn.errors import ConfigError, ContractError, DataError
from molgfn.objects.base import ObjectKind
from molgfn.objects.dag import DAG
from molgfn.objects.grid import GRID, GridKind
from molgfn.objects.molecule import MOLECULE, MoleculeKind
from molgfn.objects.named import NAMED
from molgfn.objects.set import SET
from molgfn.objects.string import STRING, StringKind
from molgfn.oracles.own.table import Table
from molgfn.testing import check_kind

BATCHES = {
    MOLECULE: parse(["CCO", "c1ccccc1", "C[N+](C)(C)CC([O-])=O"]),
    STRING: ["ACGT", "A", ""],
    GRID: torch.tensor([[0, 3], [2, 0], [1, 1]]),
    DAG: DAG.parse(["3: 0>2 1>2", "3:", "3: 2>1 1>0 2>0"]),
    SET: SET.parse(["2 7", "none", "0 1 12"]),
}


@pytest.mark.parametrize("kind", BATCHES, ids=lambda kind: kind.name)
def test_a_kind_keeps_its_contract(kind):
    check_kind(kind, BATCHES[kind])
    assert NAMED[kind.name] is kind


def test_there_is_one_of_each_also_after_a_way_through_a_process():
    assert MoleculeKind() is MOLECULE is pickle.loads(pickle.dumps(MOLECULE))
    assert StringKind() is STRING is not GridKind()
    table = pickle.loads(pickle.dumps(Table(domain="grid", values={"0 0": 1.0, "1 1": 2.0})))
    assert table.kind is GRID is HyperGrid.kind

    class Other(StringKind):
        name = "other"

    assert Other() is Other() is not STRING
    assert Strings.kind is STRING


def test_molecules_that_are_none_have_a_problem_and_no_key_to_read():
    batch = [*parse(["OCC"]), Molecule.failed("valence: X")]
    assert MOLECULE.keys(batch) == ["CCO", "invalid: valence: X"]
    assert MOLECULE.problems(batch) == [None, "valence: X"]


def test_points_are_read_from_any_spacing_or_refused():
    assert GRID.parse([" 1  2", "3 4"]).tolist() == [[1, 2], [3, 4]]
    assert GRID.parse(["7"]).tolist() == [[7]]
    with pytest.raises(DataError, match="`1 x` is no point of a grid"):
        GRID.parse(["1 x"])
    with pytest.raises(DataError, match="some have 1 coordinates and some 2"):
        GRID.parse(["1", "1 2"])
    with pytest.raises(ConfigError, match="`a` is no point of a grid"):
        Table(domain="grid", values={"a": 1.0, "1 1": 2.0})


def test_a_table_goes_by_what_its_texts_mean():
    table = Table(domain="grid", values={"0  1": 3.0}, missing=0.5)
    assert table.values(torch.tensor([[0, 1], [1, 0]])).tolist() == [3.0, 0.5]
    with pytest.raises(ConfigError, match=r"0 1 is listed with 3\.0 and with 4\.0"):
        Table(domain="grid", values={"0 1": 3.0, " 0 1 ": 4.0})


def test_kinds_cost_a_worker_no_torch():
    code = "import sys, molgfn.objects.named, molgfn.oracles.base; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


class Words(StringKind):
    name = "word"


def broken(**changes):
    return type("Broken", (Words,), changes)()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": "two words"}, "`name` should be one word, is 'two words'"),
        ({"__new__": lambda cls: object.__new__(cls)}, "has more than one instance"),
        ({"formats": (".w",)}, "declares formats ('.w',), but has no `write`"),
        ({"bare_formats": (".w",)}, "are not all among `formats`"),
        ({"keys": lambda self, objects: "abc"}, "keys should be a list of 3 texts"),
        ({"keys": lambda self, objects: ["a"] * len(objects)}, "at least two different"),
        ({"parse": lambda self, keys: [key.upper() for key in keys]}, "parse does not read keys back: 'a' becomes 'A'"),
        ({"take": lambda self, objects, rows: list(objects)}, "take(objects, rows) does not give"),
        ({"cat": lambda self, batches: list(batches[0])}, "cat does not give"),
        ({"problems": lambda self, objects: ["bad"] * len(objects)}, "problems of objects that have none"),
        ({"columns": lambda self, objects: {"w": ["a"]}}, "columns should have 3 cells each"),
    ],
)
def test_a_broken_kind_is_told_what_is_wrong(changes, says):
    check_kind(Words(), ["a", "b", "c"])
    with pytest.raises(ContractError) as caught:
        check_kind(broken(**changes), ["a", "b", "c"])
    assert says in str(caught.value)


def test_a_broken_capability_is_told_what_is_wrong():
    def fails(base, says, **changes):
        with pytest.raises(ContractError) as caught:
            check_kind(type("Broken", (base,), changes)(), BATCHES[MOLECULE])
        assert says in str(caught.value)

    fails(MoleculeKind, "fingerprints should be [3, F]", fingerprints=lambda self, objects: np.zeros(len(objects)))
    fails(MoleculeKind, "not the `descriptors`", describe=lambda self, objects: {})
    fails(MoleculeKind, "no SVG", svg=lambda self, thing: "")
    fails(MoleculeKind, "PNG", sheet=lambda self, objects, captions: b"")
    assert isinstance(MOLECULE, ObjectKind)


def test_dags_are_read_whatever_the_order_of_edges_or_refused():
    assert DAG.keys(DAG.parse(["3: 2>1  0>1", " 3 :1>0"])) == ["3: 0>1 2>1", "3: 1>0"]
    assert DAG.describe(DAG.parse(["4: 0>1 1>2 0>2"])) == {"edges": [3.0], "most_parents": [2.0], "longest_path": [2.0]}
    for text, problem in {
        "0>1": "number of nodes and its edges",
        "2: 0>2": "0>2 names a node that is not there; nodes are 0 to 1",
        "3: 0>1 1>2 2>0": "its edges go round in a circle",
        "2: 1>1": "its edges go round in a circle",
    }.items():
        with pytest.raises(DataError, match=problem):
            DAG.parse([text])
    with pytest.raises(DataError, match="some have 2 and some 3"):
        DAG.parse(["2: 0>1", "3: 0>1"])


def test_a_format_without_a_way_to_write_it_is_a_broken_contract(tmp_path):
    class Unwritten(StringKind):
        name = "unwritten"
        formats = (".w",)

    with pytest.raises(ContractError, match="Unwritten declares formats"):
        Unwritten().write(["a"], tmp_path / "a.w", {})
