"""Which molecules of a file an environment builds: counted by reason, with lines."""

import pytest

from molgfn.api.covering import coverage
from molgfn.errors import ConfigError, DataError

FILE = """CC(=O)N amide
not-a-molecule
C[C@H](N)O
CCO.Cl
CCF
CC1CC1CCCC
[13CH4]
CS(C)=O
CS(N)=O
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "molecules.smi"
    path.write_text(FILE)
    return path


def test_reasons_and_lines(file):
    done = []
    found = coverage(file, "environment.types=[C,N,O]", "environment.max_atoms=7", listed=True, progress=done.append)
    assert (found.report.entries, found.report.kept, found.built, found.flattened) == (9, 8, 3, 1)
    assert found.share == 3 / 8
    assert {reason: out.lines for reason, out in found.report.left_out.items()} == {"not a SMILES": [2]}
    assert {reason: out.lines for reason, out in found.outside.left_out.items()} == {
        "element F": [5],
        "more atoms than max_atoms (7)": [6],
        "isotope": [7],
        "element S": [8, 9],
    }
    assert [(m.line, m.reason) for m in found.molecules] == [
        (5, "element F"),
        (6, "more atoms than max_atoms (7)"),
        (7, "isotope"),
        (8, "element S"),
        (9, "element S"),
    ]
    assert done
    assert done[-1] == 8


def test_the_same_with_more_processes(file):
    one, two = (coverage(file, "environment.types=[C,N,O,S4]", jobs=jobs, listed=True) for jobs in (1, 2))
    assert one.built == two.built == 6
    assert one.molecules == two.molecules


def test_rules_of_the_environment_count(file):
    found = coverage(file, "environment.types=[C,N,O,S4,F]", "environment.smallest_ring=4", limit=6)
    assert found.report.cut
    assert found.outside.left_out["a ring smaller than smallest_ring (4)"].lines == [6]


def test_a_scaffold_counts(file):
    found = coverage(file, "environment.types=[C,N,O]", 'environment.scaffold="*C(=O)*"')
    assert found.built == 1
    assert found.outside.left_out["without the scaffold"].lines == [3, 4, 5, 6, 8]


def test_another_environment(file):
    found = coverage(file, "environment=fragments", "environment.vocabulary=[[C,[0,0,0]],[O,[0]],[N,[0]]]")
    assert found.built + sum(out.count for out in found.outside.left_out.values()) == found.report.kept == 8
    assert found.outside.left_out["no way to build it"].lines[:2] == [1, 5]


def test_refusals(file, tmp_path):
    with pytest.raises(ConfigError, match="builds grid objects"):
        coverage(file, "environment=hypergrid")
    with pytest.raises(ConfigError, match="max_atom"):
        coverage(file, "environment.max_atom=7")
    with pytest.raises(ConfigError, match="oracle"):
        coverage(file, "oracle=qed")
    with pytest.raises(DataError, match="no such file"):
        coverage(tmp_path / "gone.smi")
    (tmp_path / "empty.smi").write_text("nothing\n")
    with pytest.raises(DataError, match="no molecule to look at"):
        coverage(tmp_path / "empty.smi")
