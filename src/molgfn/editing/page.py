"""Leads and their children side by side, what changed marked: one page that loads nothing from elsewhere."""

from __future__ import annotations

from html import escape
from importlib import resources
from itertools import groupby
from operator import itemgetter
from typing import Any

import jinja2
from markupsafe import Markup
from rdkit import Chem
from rdkit.Chem import rdDepictor

import molgfn
from molgfn.chemistry.compact_drawing import compact_svg, laid_out
from molgfn.chemistry.molecules import Molecule
from molgfn.editing.table import Row, changes, has_child
from molgfn.evaluation.report.sections.object_data import words_for
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MOLECULE

#: leads that are drawn
MOST_SHOWN = 60
#: of a drawing, in pixels
SIZE = (300, 210)
#: column of the reward's property, and how columns of desirabilities end
VALUE, END = "value", "_transformed"
#: a browser loads nothing and runs nothing
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"


def edits_page(kind: ObjectKind, rows: list[Row], facts: dict[str, str], command: str = "") -> str:
    """The page of a table (``editing.table``): for each of the first leads its own picture and those of its children.

    Args:
        kind: molecules are drawn; of strings the symbols that differ are marked.
        rows: of ``table.result_table``.
        facts: said at the top, name -> value.
        command: that was run; "" for none.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("molgfn.editing"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    style = resources.files("molgfn").joinpath("evaluation/report/templates/report.css").read_text(encoding="utf-8")
    own = resources.files("molgfn").joinpath("editing/templates/edits.css").read_text(encoding="utf-8")
    with_children = [list(some) for _, some in groupby(filter(has_child, rows), key=itemgetter("lead"))]
    return environment.get_template("edits.html.j2").render(
        facts=facts,
        drawn=kind is MOLECULE,
        command=command,
        shown=[_section(kind, rows) for rows in with_children[:MOST_SHOWN]],
        more=max(len(with_children) - MOST_SHOWN, 0),
        without=[row for row in rows if not has_child(row)],
        style=Markup(style + own),
        policy=Markup(POLICY),
        version=molgfn.__version__,
    )


def _section(kind: ObjectKind, rows: list[Row]) -> dict[str, Any]:
    first = rows[0]
    children = [_child(kind, row) for row in rows]
    return {
        "lead": first["lead"],
        "key": first["parent"],
        "measured": _values(first, "parent_", [VALUE, *_components(first)]),
        "children": children,
    }


def _child(kind: ObjectKind, row: Row) -> dict[str, Any]:
    draw = _molecules if kind is MOLECULE else _strings
    parent, child = draw(row["parent"], row["child"])
    facts = [f"similarity {row['similarity']:.2f}", f"{row['edits']} edit{'s' * (row['edits'] != 1)}"]
    facts += [
        f"{row[name]} part{'s' * (row[name] != 1)} {words}"
        for name, words in (("dropped", "dropped"), ("filled", "filled in"))
        if row[name]
    ]
    return {
        "rank": row["rank"],
        "key": row["child"],
        "before": Markup(parent),
        "after": Markup(child),
        "facts": ", ".join(facts),
        "value": _values(row, "", [VALUE]),
        "measured": _values(row, "", _components(row)),
    }


def _components(row: Row) -> list[str]:
    """Names of what was measured beside the value, without a desirability that is the measured number itself."""
    raw = [name for name in row if f"parent_{name}" in row and name not in ("log_reward", VALUE)]
    starts = ("", "parent_")
    same = {f"{n}{END}" for n in raw if all(row.get(f"{s}{n}{END}") == row[f"{s}{n}"] for s in starts)}
    return [name for name in raw if name not in same]


def _values(row: Row, start: str, names: list[str]) -> str:
    """These numbers in words; a part that has none is left out."""
    cells = [(name, row.get(start + name)) for name in names]
    known = [(name, cell) for name, cell in cells if isinstance(cell, float) and cell == cell]
    return ", ".join(f"{words_for(name)} {_number(cell)}".replace("-", "−") for name, cell in known)


def _number(value: float) -> str:
    return f"{value:.3f}" if value == 0 or abs(value) >= 0.01 else f"{value:.2g}"


def _molecules(parent: str, child: str) -> tuple[str, str]:
    """Both in one layout; the parent's atoms that are gone and the child's that are new have a coloured ground."""
    one, other = Molecule.from_smiles(parent), Molecule.from_smiles(child)
    gone, new = changes(one, other)
    left = laid_out(gone.mol)
    right = Chem.Mol(new.mol)
    pairs = list(zip(gone.shared, new.shared, strict=True))
    if pairs:
        rdDepictor.GenerateDepictionMatching2DStructure(right, left, pairs)
    else:
        right = laid_out(right)
    drawn = [
        compact_svg(mol, SIZE, highlight=part.atoms, highlight_bonds=part.bonds)
        for mol, part in ((left, gone), (right, new))
    ]
    return drawn[0], drawn[1]


def _strings(parent: str, child: str) -> tuple[str, str]:
    """The symbols of both; those that differ at a place are marked."""
    width = max(len(parent), len(child))
    differ = [parent[i : i + 1] != child[i : i + 1] for i in range(width)]

    def marked(text: str) -> str:
        letters = [f"<mark>{escape(c)}</mark>" if differ[i] else escape(c) for i, c in enumerate(text)]
        return f'<p class="string">{"".join(letters)}</p>'

    return marked(parent), marked(child)
