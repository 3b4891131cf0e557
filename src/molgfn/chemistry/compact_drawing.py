"""Pictures of molecules in a tenth of the text: for pages that show a thousand of them."""

from __future__ import annotations

import re
from collections.abc import Collection
from xml.etree import ElementTree

from rdkit import Chem
from rdkit.Chem import rdDepictor
from rdkit.Chem.Draw import rdMolDraw2D

#: of an SVG document
_SPACE = "{http://www.w3.org/2000/svg}"
_BLACK = {"#000000", "#000"}
#: RDKit's yellow of sulphur is hard to read on white, and its blue on a dark ground
_COLOURS = {
    "#CCCC00": "#a88700",
    "#0000FF": "#3f6fe0",
    "#FF0000": "#e03c31",
    "#33CCCC": "#2aa198",
    "#00CC00": "#1f9d3a",
    "#7F4C19": "#9a5a1e",
}
#: units of a drawing for each pixel
_FINE = 2
#: what is new in a step of how a molecule was built
_NEW = "#4aa8f0"


def compact_svg(
    mol: Chem.Mol,
    size: tuple[int, int] = (170, 120),
    *,
    highlight: Collection[int] = (),
    highlight_bonds: Collection[int] = (),
) -> str:
    """One molecule as an SVG document of about a kilobyte, without a ground, carbon in the colour of the text.

    Args:
        mol: sanitised molecule; not changed. Where it has coordinates, these are drawn.
        size: width and height in pixels.
        highlight: atoms with a coloured ground.
        highlight_bonds: bonds with a coloured ground.
    """
    fine = (_FINE * size[0], _FINE * size[1])  # so that whole numbers are fine enough
    canvas = rdMolDraw2D.MolDraw2DSVG(*fine, -1, -1, True)  # letters as text, not as outlines
    options = canvas.drawOptions()
    options.clearBackground = False
    options.bondLineWidth = 1.3 * _FINE
    options.fixedBondLength = 20 * _FINE
    options.padding = 0.05
    options.minFontSize = 8 * _FINE
    options.maxFontSize = 12 * _FINE
    prepared = rdMolDraw2D.PrepareMolForDrawing(mol if mol.GetNumConformers() else laid_out(mol), addChiralHs=False)
    canvas.DrawMolecule(prepared)
    canvas.FinishDrawing()
    ground = "".join(f"M{_point(canvas, i)}h0" for i in highlight)
    for bond in (mol.GetBondWithIdx(i) for i in highlight_bonds):
        ground += f"M{_point(canvas, bond.GetBeginAtomIdx())}L{_point(canvas, bond.GetEndAtomIdx())}"
    return _compact(canvas.GetDrawingText(), size, fine, ground)


def _point(canvas: rdMolDraw2D.MolDraw2D, atom: int) -> str:
    place = canvas.GetDrawCoords(atom)
    return f"{place.x:.0f} {place.y:.0f}"


def laid_out(mol: Chem.Mol) -> Chem.Mol:
    """A copy with coordinates in a plane, its long side flat."""
    flat = Chem.Mol(mol)
    rdDepictor.Compute2DCoords(flat)
    rdDepictor.StraightenDepiction(flat)
    rdDepictor.NormalizeDepiction(flat)
    return flat


def _compact(text: str, size: tuple[int, int], fine: tuple[int, int], ground: str) -> str:
    """What RDKit drew, lines of one colour and width as one path, over a coloured ground."""
    lines: dict[tuple[str, str], list[str]] = {}
    fills: dict[str, list[str]] = {}
    other: list[str] = []
    for node in ElementTree.fromstring(text.encode("iso-8859-1", "xmlcharrefreplace")):
        style = dict(part.split(":", 1) for part in node.get("style", "").split(";") if ":" in part)
        kind = node.tag.removeprefix(_SPACE)
        if kind == "path":
            if node.get("class") is None and style.get("fill") == "none":
                continue  # the joints of lines, which have round ends here
            d, fill, stroke = _short(node.get("d", "")), style.get("fill", "none"), style.get("stroke", "none")
            if fill == "none":
                lines.setdefault((_colour(stroke), style.get("stroke-width", "1px").removesuffix("px")), []).append(d)
            else:
                fills.setdefault(_colour(fill), []).append(d)
        elif kind == "text":
            x, y = (f"{float(node.get(name, '0')):.0f}" for name in ("x", "y"))
            px = style.get("font-size", "8px").removesuffix("px")
            letters = "".join(node.itertext())
            other.append(
                f'<text x="{x}" y="{y}" font-size="{px}" fill="{_colour(style.get("fill", ""))}">{letters}</text>'
            )
    out = [f'<path stroke="{_NEW}" stroke-opacity=".35" stroke-width="20" d="{ground}"/>'] if ground else []
    out += [f'<path fill="{c}" d="{"".join(d)}"/>' for c, d in fills.items()]
    out += [f'<path stroke="{c}" stroke-width="{w}" d="{_joined(d)}"/>' for (c, w), d in lines.items()]
    letters = f'<g font-family="sans-serif">{"".join(other)}</g>' if other else ""
    box = f'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {fine[0]} {fine[1]}" width="{size[0]}" height="{size[1]}"'
    return f'<svg {box}><g fill="none" stroke-linecap="round">{"".join(out)}</g>{letters}</svg>'


def _short(path: str) -> str:
    """``M 1.0,2.6 L 3.0,4.0`` as ``M1 3L3 4``."""
    path = re.sub(r"(\d+\.\d+)", lambda m: f"{float(m.group(1)):.0f}", path)
    return re.sub(r"\s*([A-Za-z])\s*", r"\1", path.replace(",", " ").strip())


def _joined(lines: list[str]) -> str:
    """Lines one after the other; one that begins where the one before ended goes on from there."""
    out, end = "", None
    for line in lines:
        start, *further = line.split("L")
        out += "" if start.removeprefix("M") == end else start
        out += "".join(f"L{point}" for point in further)
        end = further[-1] if further else None
    return out


def _colour(colour: str) -> str:
    if colour in _BLACK or not colour:
        return "currentColor"
    return _COLOURS.get(colour.upper(), colour)
