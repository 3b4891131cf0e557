import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from molgfn.chemistry.molecules import parse
from molgfn.config import build
from molgfn.errors import ConfigError
from molgfn.oracles.base import Oracle
from molgfn.oracles.own.command import Command, ProgramError
from molgfn.serving.service import Service
from molgfn.testing import check_oracle

PID = "import os, sys\nfor l in sys.stdin: print(os.getpid(), flush=True)"
LENGTH = "import sys\nfor line in sys.stdin: print(len(line.strip()))"


def program(code: str, **options) -> Command:
    return Command(command=[sys.executable, "-c", code], range=(0, 1000), **options)


def test_contract():
    check_oracle(program(LENGTH), tolerance=0)


def test_one_number_for_each_molecule_in_order():
    oracle = program(LENGTH)
    np.testing.assert_array_equal(oracle.values(parse(["CCO", "C", "c1ccccc1"])), [3, 1, 8])
    # more than a pipe holds, in both directions
    np.testing.assert_array_equal(oracle.values(parse(["CCCC"]) * 30_000), np.full(30_000, 4.0))


def test_nan_is_no_value():
    values = program("import sys\nfor l in sys.stdin: print('nan' if 'O' in l else 1.5e1)").values(parse(["CO", "C"]))
    np.testing.assert_array_equal(values, [np.nan, 15.0])


def test_nothing_is_started_for_an_empty_batch():
    assert program("raise SystemExit(1)").values([]).shape == (0,)


def test_a_text_is_split_as_a_shell_would(tmp_path):
    script = tmp_path / "with space.py"
    script.write_text(LENGTH)
    oracle = Command(command=f"'{sys.executable}' '{script}'", range=(0, 100), direction="minimise", units="letters")
    assert oracle.command == [sys.executable, str(script)]
    assert oracle.files == (Path(sys.executable), script)
    np.testing.assert_array_equal(oracle.values(parse(["CCO"])), [3])
    assert (oracle.direction, oracle.units, oracle.range) == ("minimise", "letters", (0, 100))


def test_it_is_built_from_a_config():
    node = {"_target_": "molgfn.oracles.own.command.Command", "command": "cat", "range": [0, 5], "timeout": 3}
    assert build(node, Oracle, "oracle").timeout == 3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "give the program"),
        ({"command": ""}, "give the program"),
        ({"command": []}, "give the program"),
        ({"command": "cat 'open"}, "No closing quotation"),
        ({"command": "no-such-program-here -v"}, "there is no program `no-such-program-here`"),
        ({"command": ["/etc/passwd"]}, "there is no program `/etc/passwd` that can be run"),
        ({"command": "cat", "range": (1.0, 1.0)}, "low < high"),
    ],
)
def test_a_config_that_cannot_work_says_why(arguments, says):
    with pytest.raises(ConfigError, match=says):
        Command(**arguments)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("print(1)", "wrote 1 lines for 2 molecules"),
        ("print(1); print(2); print(3)", "wrote 3 lines for 2 molecules"),
        ("print('hello'); print(2)", "wrote 'hello' for CCO, not a number"),
        ("print(1); print()", "wrote 1 lines for 2 molecules"),
        ("import sys; print('\\n  a reason\\nmore', file=sys.stderr); sys.exit(3)", "exit code 3: a reason$"),
        ("import sys; print('a reason', file=sys.stderr)", "wrote 0 lines for 2 molecules.*: a reason$"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "signal 11"),
    ],
)
def test_a_program_that_fails_says_how(code, says):
    with pytest.raises(ProgramError, match=says):
        program(code).values(parse(["CCO", "C"]))


def test_a_program_that_went_away_says_so(tmp_path):
    path = tmp_path / "gone"
    path.write_text("#!/bin/sh\ncat\n")
    path.chmod(0o755)
    oracle = Command(command=[str(path)])
    path.unlink()
    with pytest.raises(ProgramError, match="cannot be started: No such file"):
        oracle.values(parse(["C"]))


def test_when_the_time_is_over_all_that_the_program_started_is_killed(tmp_path, monkeypatch):
    pids, said = tmp_path / "pids", tmp_path / "said"
    code = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "print('loading', file=sys.stderr, flush=True)\n"
        f"open({str(said)!r}, 'w').close()\n"
        "time.sleep(600)"
    )
    wait = subprocess.Popen.communicate

    def begun(self, *arguments, **options):
        """The time begins when the program has said something, however long its start takes."""
        while self.poll() is None and not said.exists():
            time.sleep(0.01)
        return wait(self, *arguments, **options)

    monkeypatch.setattr(subprocess.Popen, "communicate", begun)
    with pytest.raises(ProgramError, match=r"did not finish within 0.2 s: loading"):
        program(code, timeout=0.2).values(parse(["C"]))
    for pid in map(int, pids.read_text().split()):
        assert _gone(pid)


def test_only_the_culprit_goes_without_a_value():
    code = "import sys\nfor l in sys.stdin: print(1.0 / (len(l) - 2))"
    service = Service(oracle=program(code))
    molecules = parse(["CCO", "C", "CCC", "CC"])
    answers = service(molecules, [m.smiles for m in molecules])
    np.testing.assert_allclose(answers.values["command"], [1 / 2, np.nan, 1 / 2, 1])
    assert service.counters.failed == 1


ANSWER = "import sys\nfor line in sys.stdin: print(len(line.strip()), flush=True)"


def lasting(code: str, **options) -> Command:
    return program(code, persistent=True, **options)


def test_contract_of_a_lasting_program():
    check_oracle(lasting(ANSWER), tolerance=0)


def test_a_lasting_program_is_started_once_and_ends_with_the_oracle():
    oracle = lasting("import os\nwhile input(): print(os.getpid(), flush=True)")
    oracle.range = (0, 2**32)
    first, second = oracle.values(parse(["C", "CC"]))
    assert first == second == oracle.values(parse(["CCC"]))[0]
    assert not _gone(int(first), tries=1)
    del oracle
    assert _gone(int(first))


def test_a_lasting_program_may_write_much_to_standard_error():
    oracle = lasting("import sys\nfor l in sys.stdin:\n sys.stderr.write('x' * 100_000)\n print(1, flush=True)")
    np.testing.assert_array_equal(oracle.values(parse(["C"] * 20)), np.ones(20))


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("input(); raise SystemExit('a reason')", "ended with exit code 1 before it answered: a reason$"),
        ("import os; os._exit(0)", "ended with exit code 0 before it answered"),
        ("import sys\nprint('hello', flush=True)\nfor l in sys.stdin: print(1, flush=True)", "hello"),
        ("import sys\nfor l in sys.stdin: print('1\\n2', flush=True)", "b'2.*' without being asked"),
        ("import sys\nfor l in sys.stdin: print('no', flush=True)", "wrote 'no' for CCO, not a number"),
    ],
)
def test_a_lasting_program_that_fails_says_how(code, says):
    with pytest.raises(ProgramError, match=says):
        lasting(code).values(parse(["CCO", "C"]))


def test_a_lasting_program_that_never_answers_is_given_up():
    with pytest.raises(ProgramError, match=r"did not answer within 0.2 s; it should flush"):
        lasting("import sys; sys.stdin.read()", timeout=0.2).values(parse(["CCO", "C"]))


def test_a_lasting_program_is_started_anew_after_a_failure():
    oracle = lasting("import sys\nfor l in sys.stdin: print(1 / (len(l) - 2), flush=True)")
    with pytest.raises(ProgramError, match="exit code 1"):
        oracle.values(parse(["CCC", "C"]))
    np.testing.assert_allclose(oracle.values(parse(["CCC", "CC"])), [1 / 2, 1])


def test_after_a_line_that_is_no_number_the_program_is_started_anew():
    # or the late answer to the first molecule would be taken for that to the second
    code = (
        "import sys, time\n"
        "print('welcome', flush=True)\n"
        "for l in sys.stdin: time.sleep(0.5); print(len(l.strip()), flush=True)"
    )
    oracle = lasting(code)
    for smiles in ("C", "CC", "CCC"):
        with pytest.raises(ProgramError, match="welcome"):
            oracle.values(parse([smiles]))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_a_program_of_its_own():
    code = (
        "import os\n"
        "from molgfn.chemistry.molecules import parse\n"
        "from molgfn.oracles.own.command import Command\n"
        f"oracle = Command(command=[{sys.executable!r}, '-c', {PID!r}], range=(0, 2**32), persistent=True)\n"
        "one = parse(['C'])\n"
        "mine = oracle.values(one)[0]\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    other = oracle.values(one)[0] != mine\n"
        "    oracle._running = None\n"
        "    os._exit(0 if other else 1)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), oracle.values(one)[0] == mine)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "0 True\n", done.stderr


def _gone(pid: int, tries: int = 2000) -> bool:
    """Dead, or a zombie that only waits for its parent; a killed process takes a moment to become one."""
    for _ in range(tries):
        try:
            os.kill(pid, 0)
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False
