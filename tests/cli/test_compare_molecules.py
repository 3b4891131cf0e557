"""``molgfn compare-molecules`` from the file to the answers that training reads, by way of its page."""

import http.client
import json
import os
import signal
import threading
import webbrowser
from urllib.parse import urlsplit

import pytest
from filelock import FileLock

from molgfn.chemistry.files.pairs import read_pairs

TABLE = "id,smiles,potency\na,CCO,7.123456789\nb,CCN,6\nc,xyz,5\nd,OCC,1\ne,c1ccccc1,\n"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text(TABLE)
    return path


@pytest.fixture
def judge(monkeypatch):
    """Let somebody answer in the page that the command opens; returns the states that they saw."""

    def answering(choices, *, interrupt=False):
        seen = []

        def work(address):
            parts = urlsplit(address)

            def ask(method, path, body=None):
                connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
                token = parts.query.removeprefix("token=")
                connection.request(method, path, None if body is None else json.dumps(body), {"X-Token": token})
                state = json.loads(connection.getresponse().read())
                connection.close()
                return state

            seen.append(ask("GET", "/state"))
            for choice in choices:
                seen.append(ask("POST", "/answer", {"pair": seen[-1]["pair"], "choice": choice}))
            if interrupt:
                os.kill(os.getpid(), signal.SIGINT)
            else:
                seen.append(ask("POST", "/finish", {}))

        def opened(address):
            threading.Thread(target=work, args=(address,), daemon=True).start()
            return True

        monkeypatch.setattr(webbrowser, "open", opened)
        return seen

    return answering


def test_interrupted_gone_on_with_and_finished(call, judge, table, tmp_path):
    out = tmp_path / "answers.csv"
    command = ("compare-molecules", table, "-o", out, "--open")
    seen = judge(["left"], interrupt=True)
    result = call(*command)
    assert result.exit_code == 130, result.output
    assert "left out: 1 x not a SMILES" in result.stderr
    assert "left out: 1 x the same molecule as another one" in result.stderr
    assert f"{out}: 1 of 3 pairs answered; the same command goes on" in result.stderr
    assert result.stdout.startswith(f"{out}: 0 of 3 pairs answered (3 molecules of 5 rows)\nopen http://127.0.0.1:")
    facts = {side["smiles"]: side["facts"] for state in seen for side in state["sides"]}
    assert facts == {
        "CCO": [["id", "a"], ["potency", "7.123"]],
        "CCN": [["id", "b"], ["potency", "6"]],
        "c1ccccc1": [["id", "e"]],
    }
    judge(["tie", "right"])
    result = call(*command)
    assert result.exit_code == 0, result.output
    assert "1 of 3 pairs answered (" in result.stdout
    assert "all 3 pairs answered: 2 preferences, 1 ties, 0 skipped" in result.stdout
    train = "train on them: molgfn train quickstart objective=dpo data=preferences data.sources.preferences.pairs="
    assert train + str(out) in result.stdout
    pairs = read_pairs(out).pairs
    assert len({frozenset((p.chosen.smiles, p.rejected.smiles)) for p in pairs}) == 3
    assert sorted(p.label for p in pairs) == [0.5, 1, 1]
    assert pairs[0].chosen.smiles == seen[0]["sides"][0]["smiles"]
    result = call(*command)  # nothing is left to ask
    assert (result.exit_code, "open http" in result.stdout) == (0, False)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["answers.csv", "own.csv"]
    refused = call(*command, "--seed", 1)
    assert refused.exit_code == 3
    assert "it says seed=0, and this is seed=1" in refused.stderr


def test_a_second_judge_is_asked_the_pairs_of_the_first(call, judge, tmp_path):
    first = tmp_path / "anna.csv"
    first.write_text("chosen,rejected,answer\nCCO,CCN,\nCCN,OCC,tie\nCCC,CCC,\nxyz,C,\nCCC,CCN,skip\n")
    seen = judge(["skip", "skip"])
    result = call("compare-molecules", first, "-o", tmp_path / "bernd.csv", "--open")
    assert result.exit_code == 0, result.output
    for reason in ("not a SMILES", "same molecule", "the same pair as another one"):
        assert f"left out: 1 x {reason}\n" in result.stderr
    assert {frozenset(side["smiles"] for side in state["sides"]) for state in seen[:2]} == {
        frozenset(("CCO", "CCN")),
        frozenset(("CCC", "CCN")),
    }
    assert "there is nothing to train on" in result.stderr
    refused = call("compare-molecules", first, "-o", tmp_path / "c.csv", "--similar")
    assert refused.exit_code == 2
    assert "has pairs (chosen and rejected)" in refused.stderr


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("-o", "answers.tsv"), 2, "answers are kept as .csv"),
        (("-o", "no/answers.csv"), 2, "there is no folder"),
        (("-o", "own.csv"), 2, "is the file that is read"),
        (("-n", 4), 2, "--pairs: 4 asked for, and there are 3 different ones"),
        (("--show", "potencyy"), 2, "did you mean `potency`?"),
        (("--show", "id", "--blind"), 2, "give one of them"),
        (("--column", "id"), 3, "own.csv"),
    ],
)
def test_bad_input_is_refused_before_the_page(call, table, tmp_path, monkeypatch, options, code, says):
    monkeypatch.chdir(tmp_path)
    output = () if "-o" in options else ("-o", "answers.csv")
    result = call("compare-molecules", "own.csv", *output, *options)
    assert (result.exit_code, result.stdout) == (code, "")
    assert says in result.stderr
    assert not (tmp_path / "answers.csv").exists()


def test_one_molecule_is_no_pair(call, tmp_path):
    (tmp_path / "one.smi").write_text("CCO\nOCC\n")
    result = call("compare-molecules", tmp_path / "one.smi", "-o", tmp_path / "answers.csv")
    assert result.exit_code == 3
    assert "1 different molecule; a pair needs two" in result.stderr


def test_two_processes_do_not_write_one_file(call, table, tmp_path):
    with FileLock(tmp_path / ".answers.csv.lock"):
        result = call("compare-molecules", table, "-o", tmp_path / "answers.csv")
    assert result.exit_code == 2
    assert "another process is asking" in result.stderr
