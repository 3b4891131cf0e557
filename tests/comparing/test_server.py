"""The page over HTTP: its answers, and who may not ask."""

import http.client
import json
import re
import threading

import pytest

from molgfn.chemistry.molecules import parse
from molgfn.comparing.answer_file import AnswerFile
from molgfn.comparing.page import page
from molgfn.comparing.server import CompareServer
from molgfn.comparing.session import Candidate, Outdated, Session

FACTS = (("qed", "0.5"), ("name", "<b>x</b>"))
CANDIDATES = [Candidate(m.smiles, m.mol, FACTS) for m in parse(["CCO", "CCN", "c1ccccc1"])]
PAIRS = [(0, 1), (2, 0), (1, 2)]


class Client:
    """A browser's requests."""

    def __init__(self, server):
        self.port, self.token = server.server_address[1], server.token

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        text = json.dumps(body) if isinstance(body, dict) else body
        connection.request(method, path, text, {"X-Token": self.token, **(headers or {})})
        reply = connection.getresponse()
        content = reply.read().decode()
        connection.close()
        return reply.status, content, reply.headers

    def post(self, path, body=None, **headers):
        status, content, _ = self.ask("POST", path, body if body is not None else {}, headers)
        return status, json.loads(content)

    def state(self):
        return json.loads(self.ask("GET", "/state")[1])


@pytest.fixture
def session(tmp_path):
    smiles = [(CANDIDATES[a].smiles, CANDIDATES[b].smiles) for a, b in PAIRS]
    times = iter(range(0, 10_000, 2))
    answers = AnswerFile(tmp_path / "answers.csv", "file=1 seed=0 similar=no", smiles)
    return Session(CANDIDATES, PAIRS, answers, clock=lambda: float(next(times)))


@pytest.fixture
def server(session):
    with CompareServer(session, page(name="<mine>.smi", total=3, answers="a.csv", command="train")) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def client(server):
    return Client(server)


def rows(session):
    lines = session.answers.path.read_text().splitlines()[1:]
    return [line.split(",")[:4] for line in lines]


def test_pairs_are_answered_taken_back_and_finished(client, session, server):
    state = client.state()
    assert (state["pair"], state["total"], state["answered"]) == (1, 3, 0)
    left, right = state["sides"]
    assert (left["smiles"], right["smiles"], left["facts"]) == ("CCO", "CCN", [list(fact) for fact in FACTS])
    assert left["svg"].startswith("<svg")
    assert client.post("/answer", {"pair": 1, "choice": "right"})[1]["pair"] == 2
    assert rows(session) == [["CCN", "CCO", "chosen", "2.00"]]
    client.post("/answer", {"pair": 2, "choice": "tie"})
    status, state = client.post("/undo")
    assert (status, state["pair"], state["answered"]) == (200, 2, 1)
    client.post("/answer", {"pair": 2, "choice": "left"})
    status, state = client.post("/finish")
    assert (status, state["problem"][:10]) == (409, "Some pairs")
    state = client.post("/answer", {"pair": 3, "choice": "skip"})[1]
    assert (state["pair"], state["sides"], state["chosen"], state["skip"]) == (None, None, 2, 1)
    assert [row[:3] for row in rows(session)] == [
        ["CCN", "CCO", "chosen"],
        ["c1ccccc1", "CCO", "chosen"],
        ["CCN", "c1ccccc1", "skip"],
    ]
    assert client.post("/finish") == (200, {"ended": True})


def test_the_slower_of_two_windows_is_told(client, session):
    client.post("/answer", {"pair": 1, "choice": "left"})
    status, state = client.post("/answer", {"pair": 1, "choice": "right"})
    assert (status, state["pair"]) == (409, 2)
    assert "another window" in state["problem"]
    assert len(rows(session)) == 1


def test_many_windows_at_once_answer_a_pair_once(client, session):
    threads = [threading.Thread(target=client.post, args=("/answer", {"pair": 1, "choice": "left"})) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rows(session)) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Token": ""},
        {"X-Token": "guess"},
        {"X-Token": "\xe9"},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:80"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost:1"},
        {"Origin": "null"},
    ],
)
def test_other_pages_are_refused(client, session, headers):
    for method, path in (("GET", "/state"), ("POST", "/answer"), ("POST", "/undo"), ("GET", "/")):
        body = {"pair": 1, "choice": "left"} if method == "POST" else None
        status, content, _ = client.ask(method, path, body, headers)
        assert status == 403
        assert "CCO" not in content
    assert session.answers.answers == []


def test_a_forwarded_port_is_let_in(client):
    for headers in ({"Host": "localhost:8000"}, {"Host": "127.0.0.1:9", "Origin": "http://127.0.0.1:9"}):
        assert client.ask("GET", "/state", headers=headers)[0] == 200


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/answer", {"pair": "1", "choice": "left"}, 400),
        ("/answer", {"pair": True, "choice": "left"}, 400),
        ("/answer", {"pair": 1, "choice": "both"}, 400),
        ("/answer", {"pair": 1, "choice": ["left"]}, 400),
        ("/answer", "[1]", 400),
        ("/answer", "{", 400),
        ("/answer", "[" * 4000, 400),
        ("/answer", "x" * 5000, 400),
        ("/other", {}, 404),
    ],
)
def test_what_is_no_answer_changes_nothing(client, session, path, body, status):
    assert client.ask("POST", path, body)[0] == status
    assert session.answers.answers == []
    assert client.state()["pair"] == 1


def test_a_full_disk_is_told_and_the_pair_stays(client, session, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(session.answers, "append", full)
        status, state = client.post("/answer", {"pair": 1, "choice": "left"})
    assert (status, state["pair"]) == (500, 1)
    assert "answers.csv could not be written (No space left on device)" in state["problem"]
    assert client.post("/answer", {"pair": 1, "choice": "left"})[1]["pair"] == 2


def test_the_page_loads_nothing_from_elsewhere(client, server):
    status, html, headers = client.ask("GET", f"/?token={server.token}", headers={"X-Token": ""})
    assert status == 200
    assert re.findall(r"(?:https?:)?//[a-z][\w.]*\.[a-z]+|<link|src=|@import|url\(", html) == []
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "connect-src 'self'" in policy
    assert "&lt;mine&gt;.smi" in html
    assert server.token not in html
    assert (headers["Cache-Control"], headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert server.server_address[0] == "127.0.0.1"


def test_after_the_end_no_answer_counts(session):
    session.close()
    session.undo()
    with pytest.raises(Outdated):
        session.answer(1, "left")
