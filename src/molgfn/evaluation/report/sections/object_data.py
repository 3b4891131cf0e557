"""The different objects of an evaluation as plain data, from which the page makes its table, its map and its files."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd

from molgfn.chemistry.molecules import mols_of
from molgfn.chemistry.plain_structures import plain_structure
from molgfn.evaluation.report.figures import drawing
from molgfn.evaluation.report.galleries import Gallery, component_columns
from molgfn.evaluation.report.sections.space_map import SpaceMap, space_map
from molgfn.evaluation.report.tables import numbers
from molgfn.objects.base import ObjectKind
from molgfn.objects.capabilities import HasDescriptors, HasFingerprints, HasPictures
from molgfn.objects.molecule import MOLECULE

#: rows whose structure is drawn, and goes into an SDF; the others have their key
DRAWN = 1000
#: significant digits of numbers
DIGITS = 4


def object_data(gallery: Gallery, property_name: str, reference: pd.DataFrame | None) -> dict[str, Any]:
    """Everything about the different objects, best first.

    Keys: ``kind``, ``key`` (name of the key column), ``keys`` [N], ``columns`` (``name``, ``title``, ``values`` [N],
    None for no number), ``texts`` (``name``, ``title``, ``values`` [N]), ``svg`` and, of molecules, ``structures`` (of
    the first ``DRAWN``), ``map`` (``x``, ``y`` of the first objects, ``reference``, ``share``) or None.
    """
    kind, table = gallery.kind, gallery.table
    drawn = list(range(min(len(gallery.objects), DRAWN)))
    out: dict[str, Any] = {
        "kind": kind.name,
        "key": kind.key_column,
        "keys": table[kind.key_column].astype(str).tolist(),
        "columns": [_column(name, title, values) for name, title, values in _columns(gallery, property_name)],
        "texts": [
            {"name": name, "title": words_for(name), "values": ["" if x != x else str(x) for x in table[name].tolist()]}
            for name in gallery.remarks
        ],
        "svg": [drawing(kind.icon(gallery.objects[i])) for i in drawn] if isinstance(kind, HasPictures) else [],
        "structures": [plain_structure(m) for m in mols_of(kind.take(gallery.objects, drawn))]
        if kind is MOLECULE
        else [],
        "map": None,
    }
    if isinstance(kind, HasFingerprints) and (found := space_map(gallery.bits, _bits(reference, kind))) is not None:
        out["map"] = _plain_map(found)
    return out


def as_script(data: dict[str, Any]) -> str:
    """JSON that may stand in a script element of a page: nothing in it can end the element."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def map_text(data: dict[str, Any], plural: str) -> str:
    """What the map shows; "" where there is none."""
    if (found := data["map"]) is None:
        return ""
    n, known = len(found["x"]), len(found["reference"])
    text = (
        f"{'The' if n == len(data['keys']) else f'The {n:,} best'} {plural} by the similarity of their fingerprints "
        f"(principal coordinates of the Tanimoto similarities): what is alike lies together. Two axes have "
        f"{100 * found['share']:.0f} % of the spread, so that far apart on the map is far apart, and near is only "
        "likely to be near."
    )
    return text + (f" In grey {known:,} of the reference." if known else "")


def _columns(gallery: Gallery, property_name: str) -> list[tuple[str, str, np.ndarray]]:
    """Name, title and values of each column of numbers."""
    table, kind = gallery.table, gallery.kind
    titles = {"value": property_name, "log_reward": "log R(x)", "count": "times drawn"}
    out = [(name, titles[name], numbers(table, name)) for name in ("value", "log_reward") if name in table]
    out += [(name, words_for(name), numbers(table, name)) for name in component_columns(table, kind)]
    if isinstance(kind, HasDescriptors) and len(gallery.objects):
        there = {name for name, _, _ in out}
        described = kind.describe(gallery.objects)
        out += [(name, title, described[name]) for name, title in kind.descriptors.items() if name not in there]
    drawn = numbers(table, "count")
    return [*out, ("count", titles["count"], drawn)] if (drawn > 1).any() else out


def _column(name: str, title: str, values: np.ndarray) -> dict[str, Any]:
    short = [None if not math.isfinite(x) else float(f"{x:.{DIGITS}g}") for x in values.tolist()]
    return {"name": name, "title": title, "values": [int(x) if x is not None and x == int(x) else x for x in short]}


def words_for(column: str) -> str:
    """``sa_transformed`` as "desirability of sa"."""
    base = column.removesuffix("_transformed").replace("_", " ")
    return base if not column.endswith("_transformed") else f"desirability of {base}"


def _bits(reference: pd.DataFrame | None, kind: ObjectKind) -> np.ndarray:
    if reference is None:
        return np.zeros((0, 0))
    return Gallery.of(reference, kind, 500).bits


def _plain_map(found: SpaceMap) -> dict[str, Any]:
    def short(values: np.ndarray) -> list[float]:
        return [round(x, 3) for x in values.tolist()]

    return {
        "x": short(found.points[:, 0]),
        "y": short(found.points[:, 1]),
        "reference": [[round(x, 3), round(y, 3)] for x, y in found.reference.tolist()],
        "share": round(found.share, 4),
    }
