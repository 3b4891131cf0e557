"""The command itself: help, version, exit codes, short errors."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from molgfn import __version__
from molgfn.cli import main as module
from molgfn.errors import CheckpointError, ConfigError, ContractError, DataError, NotEnumerableError, VocabularyError


def python(*arguments):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)


def test_help_and_errors_of_usage_import_nothing_heavy():
    code = (
        "import sys\nfrom molgfn.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: print(end.code)\n"
        "print([m for m in ('torch', 'rdkit', 'hydra', 'pydantic', 'pandas') if m in sys.modules])"
    )
    for arguments in (["--help"], ["--version"], ["train", "--help"], ["sample", "--help"], ["trian"]):
        assert python("-c", code, *arguments).stdout.splitlines()[-1] == "[]", arguments


@pytest.mark.parametrize("command", [[], ["train"], ["sample"], ["evaluate"], ["describe"], ["fragments"],
                                     ["fragments", "build"], ["fragments", "check"]])  # fmt: skip
def test_every_help_has_examples(call, command):
    result = call(*command, "--help")
    assert result.exit_code == 0
    assert "Examples:" in result.output
    assert "molgfn " in result.output.split("Examples:")[1]


def test_exit_codes_are_documented(call):
    assert all(f"\n    {code}  " in call("--help").output for code in (0, 1, 2, 3, 130))
    for command in (["train"], ["sample"], ["evaluate"], ["describe"], ["fragments", "build"]):
        assert "Exit codes:" in call(*command, "--help").output


def test_version(call):
    assert call("--version").output == f"molgfn, version {__version__}\n"


def test_unknown_command_names_the_nearest(call):
    result = call("trian", "x.yaml")
    assert result.exit_code == 2
    assert "did you mean `train`?" in result.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("data inspect", "there is no command `data inspect`; there is check, get, info, list"),
        ("data inof", "there is no command `data inof`; did you mean `info`?"),
        ("proxy train", "there is no command `proxy train`; there is evaluate, fit, info"),
        ("fragments biuld", "did you mean `build`?"),
        ("reactions lsit", "did you mean `list`?"),
    ],
)
def test_unknown_command_of_a_group(call, words, says):
    result = call(*words.split(), "x")
    assert result.exit_code == 2
    assert says in result.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("a: b"), 2),
        (CheckpointError("x"), 3),
        (DataError("x"), 3),
        (VocabularyError("x"), 3),
        (NotEnumerableError("x"), 1),
        (ContractError("x"), 1),
        (RuntimeError("x"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_exit_codes(call, monkeypatch, error, code):
    import molgfn.composing.places

    def fail(_):
        raise error

    monkeypatch.setattr(molgfn.composing.places, "shipped", fail)
    result = call("describe")
    assert result.exit_code == code
    assert "Traceback" not in result.stderr
    assert len(result.stderr.splitlines()) < 10


def test_many_problems_stay_under_ten_lines(call, monkeypatch):
    import molgfn.composing.places

    def fail(_):
        raise ConfigError([f"key{i}: wrong" for i in range(30)])

    monkeypatch.setattr(molgfn.composing.places, "shipped", fail)
    lines = call("describe").stderr.splitlines()
    assert lines[0] == "error: 30 problems in the config"
    assert lines[1] == "  key0: wrong"
    assert lines[-1] == "  ... and 23 more"
    assert len(lines) < 10


def test_debug_shows_the_error_itself(call, monkeypatch):
    import molgfn.composing.places

    def fail(_):
        raise ConfigError("a: b")

    monkeypatch.setattr(molgfn.composing.places, "shipped", fail)
    assert isinstance(call("--debug", "describe").exception, ConfigError)


def test_the_module_runs_as_a_script(tmp_path):
    result = python("-m", "molgfn.cli.main", "train", str(tmp_path / "no.yaml"))
    assert result.returncode == module.USAGE
    assert result.stderr.startswith("error: ")
    assert "no such experiment file" in result.stderr


def test_the_package_is_the_command():
    result = python("-m", "molgfn", "--version")
    assert (result.returncode, result.stdout) == (0, f"molgfn, version {__version__}\n")
    result = python("-m", "molgfn", "trian")
    assert result.returncode == module.USAGE
    assert "train" in result.stderr


def test_a_reader_that_stops_reading_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        command = [sys.executable, "-m", "molgfn", "describe", "objective"]
        done = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, text=True, check=False)
    assert done.stderr == ""


@pytest.mark.parametrize("option", ["-o", "--reference"])
def test_paths_of_options_are_read_like_all_others(call, tmp_path, monkeypatch, option):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.smi").write_text("CCO\n")
    monkeypatch.chdir(tmp_path)
    result = call("evaluate", "~/a.smi", f"{option}=~/a.smi" if option != "-o" else "--output=~/there")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / ("there" if option == "-o" else "a-evaluation") / "report.html").is_file()
    assert not (tmp_path / "~").exists()
    refused = call("evaluate", "s3://bucket/a.smi")
    assert refused.exit_code == 2
    assert "is a URL" in refused.stderr


def test_a_command_that_a_signal_killed_has_the_exit_code_of_a_shell():
    from molgfn.cli.attended import attended

    python = [sys.executable, "-c"]
    assert attended([*python, "raise SystemExit(3)"]) == 3
    assert attended([*python, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]) == 137


def test_an_experiment_of_another_command_is_said_to_be_one(call):
    wrong = call("optimise", "quickstart")
    assert wrong.exit_code == module.USAGE
    assert wrong.stderr == (
        "error: config: this is an experiment for `molgfn train`, which has other parts than this command\n"
    )
    other = call("train", "optimise/gp_ga")
    assert other.exit_code == module.USAGE
    assert "this is an experiment for `molgfn optimise`" in other.stderr
    assert "did you mean `optimise/gp_ga`?" in call("optimise", "gp_ga").stderr


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="there is no /proc")
@pytest.mark.parametrize("command", [["score"], ["data", "info"], ["compare-molecules"], ["pick", "-n", "1"]])
def test_a_place_where_no_file_can_be_is_refused_before_work(call, tmp_path, command):
    """Also by who may write anywhere."""
    (tmp_path / "a.smi").write_text("CCO\nCCN\n")
    result = call(*command, tmp_path / "a.smi", "-o", "/proc/s.csv")
    assert result.exit_code == module.USAGE
    assert "/proc/s.csv: no " in result.stderr
    assert result.stderr.count("\n") == 1
