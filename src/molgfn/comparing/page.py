"""The page that asks, with its style and its script, all of it inside the page."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib import resources

import jinja2
from markupsafe import Markup


@dataclass(frozen=True)
class Page:
    """A page as it is served.

    Attributes:
        html: its text.
        policy: its content security policy: a browser loads nothing but answers of this server, and runs no other
            script than the page's own.
    """

    html: str
    policy: str


def page(*, name: str, total: int, answers: str, command: str) -> Page:
    """The page of a session.

    Args:
        name: of the file whose molecules are compared.
        total: pairs.
        answers: place of the file of answers.
        command: that trains on them.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("molgfn.comparing"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    script = _text("comparing/templates/compare.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    html = environment.get_template("compare.html.j2").render(
        name=name,
        total=total,
        answers=answers,
        command=command,
        # colours and type are those of a run's report
        style=Markup(_text("evaluation/report/templates/report.css") + _text("comparing/templates/compare.css")),
        script=Markup(script),
    )
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return Page(html, policy)


def _text(place: str) -> str:
    return resources.files("molgfn").joinpath(place).read_text(encoding="utf-8")
