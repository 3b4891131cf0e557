"""The local server of the page: this machine alone reaches it, and only who knows its address may ask it."""

from __future__ import annotations

import hmac
import json
import secrets
import socketserver
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from molgfn.comparing.page import Page
from molgfn.comparing.session import CHOICES, Outdated, Session

#: the only names under which a browser may know the server: with others a foreign page could pass as this one (DNS
#: rebinding). Any port: one may be forwarded through ssh
HOSTS = frozenset({"127.0.0.1", "localhost"})
#: bytes of the longest request that makes sense
MOST = 4096


class CompareServer(socketserver.ThreadingTCPServer):
    """Serves one session on 127.0.0.1 until it is shut down.

    Not ``http.server.HTTPServer``, which asks the network for the name of this machine.

    Args:
        session: what is asked and answered.
        page: the page.
        port: 0 for a free one.

    Raises:
        OSError: the port cannot be had.
    """

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, session: Session, page: Page, port: int = 0) -> None:
        self.session, self.page = session, page
        #: part of the address; whoever does not know it is refused
        self.token = secrets.token_urlsafe(16)
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle is no error; anything else is shown."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://127.0.0.1:{self.server_address[1]}/?token={self.token}"


class _Handler(BaseHTTPRequestHandler):
    server: CompareServer  # pyright: ignore[reportIncompatibleVariableOverride]
    timeout = 30
    server_version, sys_version = "molgfn", ""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        token = (parse_qs(parts.query).get("token") or [""])[0] if parts.path == "/" else self.headers.get("X-Token")
        if not self._allowed(token):
            return
        if parts.path == "/":
            page = self.server.page
            self._send(HTTPStatus.OK, page.html, "text/html", {"Content-Security-Policy": page.policy})
        elif parts.path == "/state":
            self._tell()
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "there is no such page")

    def do_POST(self) -> None:
        if not self._allowed(self.headers.get("X-Token")):
            return
        body = self._body()
        if body is None:
            self._refuse(HTTPStatus.BAD_REQUEST, "not a JSON object")
            return
        session = self.server.session
        try:
            if self.path == "/answer":
                pair, choice = body.get("pair"), body.get("choice")
                if type(pair) is not int or not isinstance(choice, str) or choice not in CHOICES:
                    self._refuse(HTTPStatus.BAD_REQUEST, f"pair is a number, choice one of {', '.join(CHOICES)}")
                    return
                session.answer(pair, choice)
            elif self.path == "/undo":
                session.undo()
            elif self.path == "/finish":
                self._finish()
                return
            else:
                self._refuse(HTTPStatus.NOT_FOUND, "there is no such page")
                return
        except Outdated:
            self._tell(HTTPStatus.CONFLICT, "That pair was answered already, in another window perhaps.")
        except OSError as error:
            name = session.answers.path.name
            self._tell(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                f"{name} could not be written ({error.strerror or error}); nothing was changed.",
            )
        else:
            self._tell()

    def _allowed(self, token: str | None) -> bool:
        """Whether the request is of our page; else it is refused."""
        host = self.headers.get("Host", "")
        origin = self.headers.get("Origin")
        if host.partition(":")[0].lower() not in HOSTS or origin not in (None, f"http://{host}"):
            self._refuse(HTTPStatus.FORBIDDEN, "not asked from this machine's own page")
        elif not hmac.compare_digest((token or "").encode(), self.server.token.encode()):
            self._refuse(HTTPStatus.FORBIDDEN, "open the address that molgfn prints, with its token")
        else:
            return True
        return False

    def _body(self) -> dict[str, Any] | None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MOST:
            return None
        try:
            body = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            return None
        return body if isinstance(body, dict) else None

    def _finish(self) -> None:
        if not self.server.session.finished:
            self._tell(HTTPStatus.CONFLICT, "Some pairs have no answer yet; Ctrl-C ends before that.")
            return
        self._send(HTTPStatus.OK, json.dumps({"ended": True}), "application/json")
        self.server.shutdown()

    def _tell(self, status: HTTPStatus = HTTPStatus.OK, problem: str = "") -> None:
        state = self.server.session.state()
        self._send(status, json.dumps({**state, "problem": problem}), "application/json")

    def _refuse(self, status: HTTPStatus, problem: str) -> None:
        self._send(status, json.dumps({"problem": problem}), "application/json")

    def _send(self, status: HTTPStatus, text: str, kind: str, headers: dict[str, str] | None = None) -> None:
        content = text.encode()
        self.send_response(status)
        always = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}
        for name, value in {**always, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not shown: the terminal has the address and the count."""
