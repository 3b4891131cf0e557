"""``molgfn describe transform``: transforms drawn with characters, and as tables of values."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from molgfn.class_paths import did_you_mean
from molgfn.config import CLASS_KEY, build
from molgfn.errors import ConfigError
from molgfn.rewards import transforms
from molgfn.rewards.transforms import Transform

#: parameters that the list is drawn with
EXAMPLES: dict[str, dict[str, float]] = {
    "Identity": {},
    "Linear": {"low": 0.2, "high": 0.8},
    "Sigmoid": {"low": 0.2, "high": 0.8},
    "ReverseSigmoid": {"low": 0.2, "high": 0.8},
    "DoubleSigmoid": {"low": 0.4, "high": 0.7},
    "Step": {"low": 0.4, "high": 0.7},
    "LeftStep": {"low": 0.5},
    "RightStep": {"high": 0.5},
    "Near": {"width": 0.1, "target": 0.5},
}
#: where the examples are shown
POINTS = np.linspace(0.0, 1.0, 11)
WIDTH, ROWS = 61, 6
BLOCKS, PLAIN = " ▁▂▃▄▅▆▇█", " .:-=+*##"


def members() -> dict[str, type[Transform]]:
    """Name -> class of every transform that is shipped."""
    found = {n: c for n, c in vars(transforms).items() if isinstance(c, type) and issubclass(c, Transform)}
    return {n: c for n, c in found.items() if not inspect.isabstract(c)}


def listing() -> str:
    """One line per transform: its curve from 0 to 1, what it is, and the parameters of the example."""
    names = members()
    width = max(map(len, names))
    lines = [f"{'':<{width}}  0{'1':>20}"]
    for name, cls in names.items():
        curve = _bars(_made(name, EXAMPLES[name])(np.linspace(0, 1, 21)), 1)[0]
        lines.append(f"{name:<{width}}  {curve}  {_what(cls)} {_shown(EXAMPLES[name])}".rstrip())
    lines += ["", f"In a config: _target_: {transforms.__name__}.NAME, and its parameters."]
    return "\n".join([*lines, "`molgfn describe transform=DoubleSigmoid low=200 high=500` draws one with yours."])


def chart(name: str, arguments: Sequence[str]) -> str:
    """One transform with these parameters (``low=200``): a curve over where it changes, and values.

    Raises:
        ConfigError: no such transform, or parameters that it does not take.
    """
    given = _parsed(name, arguments)
    known = given or EXAMPLES[name]
    transform = _made(name, known)
    if transform.reads:
        raise ConfigError(
            f"transform={name}: what depends on {', '.join(sorted(transform.reads))} cannot be drawn; give target=0.5 "
            "instead"
        )
    first, last = _span(known)
    y = transform(np.linspace(first, last, WIDTH))
    bars = _bars(np.clip(y, 0.0, 1.0), ROWS)
    labels = {0: "1.0", ROWS // 2: "0.5", ROWS - 1: "0.0"}
    lines = [f"{'Drawn with' if given else 'For example with'} {_shown(known) or 'no parameters'}", ""]
    lines += [f"{labels.get(row, ''):>5} |{bar.rstrip()}" for row, bar in enumerate(bars)]
    middle = f"{(first + last) / 2:g}".center(WIDTH)
    left, right = f"{first:g}", f"{last:g}"
    lines += ["      +" + "-" * WIDTH, "       " + left + middle[len(left) : WIDTH - len(right)] + right, ""]
    points = np.linspace(first, last, 13)
    rows = [[f"{x:.4g}" for x in points], [f"{v + 0.0:.3f}" for v in transform(points)]]  # no -0.000
    wide = max(len(cell) for row in rows for cell in row)
    return "\n".join(
        [*lines, *(f"    {head}  " + " ".join(f"{c:>{wide}}" for c in r) for head, r in zip("xy", rows, strict=True))]
    )


def markdown() -> str:
    """The table of values in ``docs/scoring.md``."""
    from molgfn.cli.describing.catalogue import table

    rows = []
    for name, cls in members().items():
        values = _made(name, EXAMPLES[name])(POINTS)
        shown = {f"{x:.1f}": f"{y + 0.0:.2f}" for x, y in zip(POINTS, values, strict=True)}
        rows.append(
            {"transform": f"`{name}`", "what it is": _what(cls), "here": _shown(EXAMPLES[name]) or "-", **shown}
        )
    return table(rows) + "\n"


def require_member(name: str) -> None:
    """Raise ``ConfigError`` where no transform is called so."""
    if name not in members():
        raise ConfigError(f"transform: there is no `{name}`{did_you_mean(name, members())}")


def _made(name: str, known: dict[str, Any]) -> Transform:
    return build({CLASS_KEY: f"{transforms.__name__}.{name}", **known}, Transform, "transform")


def _parsed(name: str, arguments: Sequence[str]) -> dict[str, Any]:
    import yaml

    known: dict[str, Any] = {}
    for text in arguments:
        key, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"transform={name}: {text}: should be a parameter and its value, such as low=0.4")
        known[key] = yaml.safe_load(value)
    return known


def _span(known: dict[str, float]) -> tuple[float, float]:
    """Where there is something to see: the ends of the transform, and as much on either side."""
    ends = sorted(float(known[key]) for key in ("low", "high") if key in known)
    if "target" in known and "width" in known:
        ends = sorted(float(known["target"]) + sign * float(known["width"]) for sign in (-1, 1))
    if not ends:
        return 0.0, 1.0
    width = ends[-1] - ends[0] or max(abs(ends[0]), 1.0)
    return ends[0] - width, ends[-1] + width


def _bars(y: np.ndarray, rows: int) -> list[str]:
    """Columns of a height of y in [0, 1], from the top row down."""
    # what is not quite nothing shows, so that the ends of a flank are told from 0
    eighths = np.where(y > 0.005, np.maximum(np.round(y * rows * 8), 1), 0).astype(int)
    glyphs = BLOCKS if _encodable() else PLAIN
    return ["".join(glyphs[min(max(n - 8 * row, 0), 8)] for n in eighths) for row in reversed(range(rows))]


def _encodable() -> bool:
    try:
        BLOCKS.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _what(cls: type) -> str:
    return (inspect.getdoc(cls) or "").split("\n\n")[0].replace("\n", " ").replace("``", "`")


def _shown(known: dict[str, Any]) -> str:
    return ", ".join(
        f"{key} {value:g}" if isinstance(value, int | float) else f"{key} {value}" for key, value in known.items()
    )
