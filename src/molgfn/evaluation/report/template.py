"""The template of the page with its style and its scripts, all of it inside the page."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

#: in the order in which they are defined
SCRIPTS = ("table.js", "map.js", "start.js")
#: sections of the page, in order: id, title (or the name of what holds it), and what must be there
SECTIONS = (
    ("best", "best_title", "best"),
    ("diverse", "Diverse", "diverse"),
    ("built", "How they were built", "builds"),
    ("all", "Table", "objects"),
    ("space", "Chemical space", "map_text"),
    ("conditions", "Conditions", "condition_charts"),
    ("pareto", "Pareto front", "front_text"),
    ("distributions", "Distributions", "histograms"),
    ("training", "Training", "panels"),
    ("metrics", "Metrics", "groups"),
    ("limits", "What this run cannot say", "limits"),
    ("calls", "Oracle calls", "calls"),
    ("again", "How to make it again", "commands"),
    ("references", "References", "references"),
)


def filled(shown: dict[str, Any], template: str = "report.html.j2") -> str:
    """The page. What is shown is escaped but for SVG and JSON that were made for it.

    Its content security policy lets a browser load nothing, from anywhere, and run no other script than these.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("molgfn.evaluation.report"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["shortened"] = shortened
    script = "\n".join(_text(name) for name in SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'; base-uri 'none'"
    )
    sections = [(name, shown.get(title, title)) for name, title, needs in SECTIONS if shown.get(needs)]
    return environment.get_template(template).render(
        **shown, style=Markup(_text("report.css")), script=Markup(script), policy=Markup(policy), sections=sections
    )


def shortened(key: str) -> str:
    """A key for reading: numbers to three decimals. It is copied and saved in full."""
    return re.sub(r"(\d\.\d{3})\d+", r"\1", key)


def _text(name: str) -> str:
    return (resources.files("molgfn.evaluation.report") / "templates" / name).read_text(encoding="utf-8")
