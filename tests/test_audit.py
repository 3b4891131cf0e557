"""The audit fails where a vulnerability is known, and only then."""

import json
import runpy
import stat
import sys
from pathlib import Path

import pytest

AUDIT = runpy.run_path(str(Path(__file__).parents[1] / ".ci" / "audit.py"))["audit"]
FLAW = {"id": "PYSEC-1", "fix_versions": ["2.0"], "aliases": [], "description": "bad"}


def program(tmp_path, stdout, stderr="", code=0):
    """What stands in for pip-audit."""
    path = tmp_path / "pip-audit"
    path.write_text(
        f"#!{sys.executable}\nimport sys\nassert '--path' in sys.argv\nprint({stdout!r})\n"
        f"print({stderr!r}, file=sys.stderr)\nsys.exit({code})\n"
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.mark.parametrize(("flaws", "code"), [([], 0), ([FLAW], 1)])
def test_a_known_vulnerability_fails(tmp_path, capsys, flaws, code):
    packages = [
        {"name": "fine", "version": "1.0", "vulns": []},
        {"name": "bad", "version": "1.0", "vulns": flaws},
        {"name": "own", "skip_reason": "not on the index"},
    ]
    assert AUDIT(program(tmp_path, json.dumps({"dependencies": packages}), "Found", code), "site-packages") == code
    said = capsys.readouterr().out
    assert f"2 packages audited, {len(flaws)} known vulnerabilities" in said
    assert ("bad 1.0: PYSEC-1, mended in 2.0" in said) == bool(flaws)
    assert "not audited: own (not on the index)" in said


def test_without_a_network_it_warns(tmp_path, capsys):
    assert AUDIT(program(tmp_path, "", "ERROR: cannot connect to the index", 1), "site-packages") == 0
    assert capsys.readouterr().out.strip() == "warning: nothing was audited: ERROR: cannot connect to the index"


def test_without_the_program_it_warns(tmp_path, capsys):
    assert AUDIT(str(tmp_path / "none"), "site-packages") == 0
    assert "warning: nothing was audited" in capsys.readouterr().out


def test_an_index_that_knows_no_package_is_a_warning(tmp_path, capsys):
    packages = [{"name": "own", "skip_reason": "not on the index"}]
    assert AUDIT(program(tmp_path, json.dumps({"dependencies": packages})), "site-packages") == 0
    assert "warning: nothing was audited" in capsys.readouterr().out
