"""Formulas as MathML, made when the site is built: no script, no font and no server is asked for when it is read."""

from __future__ import annotations

import html
import re

from latex2mathml.converter import convert

SPAN = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)


class BadFormula(ValueError):
    """A formula holds a command that the converter does not know."""


def formula(latex: str, display: bool) -> str:
    """The MathML of a formula, in a line or on a line of its own."""
    made = convert(latex, display="block" if display else "inline")
    unknown = re.findall(r">\s*(\\[A-Za-z]+)", html.unescape(made))
    if unknown:
        raise BadFormula(f"{' '.join(unknown)} in {latex}")
    return made


def rendered(page: str) -> str:
    """The page's HTML with its formulas as MathML."""
    return SPAN.sub(lambda m: formula(html.unescape(m[3]), m[2] == "["), page)
