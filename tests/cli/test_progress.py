"""What is shown while a command works."""

import logging

import pytest

from molgfn.cli.messages import shown_messages
from molgfn.cli.progress import shown


def test_lines_where_there_is_no_terminal(capsys):
    with shown(seconds=0) as show:
        show("samples", 256, 1000)
        show("entries [of a file]", 5000, None)
    assert capsys.readouterr().err == "samples: 256 of 1,000\nentries [of a file]: 5,000\n"


def test_short_work_leaves_no_line(capsys):
    with shown(seconds=1e9) as show:
        show("samples", 256, 1000)
    assert capsys.readouterr().err == ""


def test_bars_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with shown() as show:
        show("samples", 256, 1000)
        show("log P_T", 3, 20)
        show("samples", 1000, 1000)
    text = capsys.readouterr().err
    assert "1000/1000" in text
    assert "log P_T" in text


def test_messages_are_shown_while_a_command_runs(capsys):
    logger = logging.getLogger("molgfn")
    handlers, level = list(logger.handlers), logger.level

    def work():
        logger.info("12,000 of %s read", "50,000")
        logger.debug("too much")
        return 1 / 0

    with pytest.raises(ZeroDivisionError), shown_messages():
        work()
    assert capsys.readouterr().err == "12,000 of 50,000 read\n"
    assert (logger.handlers, logger.level) == (handlers, level)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["evaluate", "RUN", "-n", 20], ["samples: 20 of 20", "log P_T: 0 of", "samples of the untrained policy: 20"]),
        (["sample", "RUN", "-n", 5, "-o", "OUT.smi"], ["sampled: 5 of 5"]),
        (["score", "FILE", "oracle=qed", "-o", "OUT.csv"], ["qed: 0 of 2"]),
        (["data", "info", "FILE"], ["read: 2"]),
        (["fragments", "build", "FILE", "-o", "OUT.txt"], ["molecules cut: 2"]),
    ],
)
def test_long_commands_say_how_far_they_are(call, molecules_run, tmp_path, monkeypatch, command, says):
    monkeypatch.setattr(shown.__wrapped__, "__defaults__", (0.0,))
    (tmp_path / "given.smi").write_text("COc1ccccc1\nCCO\n")
    places = {"RUN": molecules_run, "FILE": tmp_path / "given.smi"}
    outputs = {a: tmp_path / a for a in command if str(a).startswith("OUT")}
    result = call(*[{**places, **outputs}.get(a, a) for a in command])
    assert result.exit_code == 0, result.stderr
    for text in says:
        assert text in result.stderr


def test_training_says_what_it_leaves_out_of_a_file(call, molecules_file, tmp_path):
    (tmp_path / "given.smi").write_text("Cc1ccccc1\nCCCCCCCC\nXX\n")
    given = ["data=offline", f"data.sources.offline.molecules={tmp_path / 'given.smi'}", "trainer.iterations=1"]
    result = call("train", molecules_file, *given)
    assert result.exit_code == 0, result.stderr
    folder = next((tmp_path / "runs").iterdir())
    for text in (result.stderr, (folder / "log.txt").read_text()):
        assert "1 of 3 molecules kept" in text
        assert "1 left out: outside the environment, line 2 (CCCCCCCC)" in text
        assert "1 left out: not a SMILES, line 3" in text
