"""Pictures of molecules: SVG for reports, PNG grids for loggers."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont
from rdkit import Chem
from rdkit.Chem import rdDepictor
from rdkit.Chem.Draw import rdMolDraw2D


def molecule_svg(mol: Chem.Mol, size: tuple[int, int] = (260, 190), legend: str = "") -> str:
    """One molecule as an SVG document.

    Args:
        mol: sanitised molecule; not changed.
        size: width and height in pixels.
        legend: text under the molecule.
    """
    canvas = rdMolDraw2D.MolDraw2DSVG(*size)
    _draw(canvas, mol, legend)
    return canvas.GetDrawingText()


def molecule_image(mol: Chem.Mol, size: tuple[int, int] = (260, 190)) -> Image.Image:
    """One molecule as a picture of pixels; arguments as of ``molecule_svg``."""
    canvas = rdMolDraw2D.MolDraw2DCairo(*size)
    _draw(canvas, mol, "")
    return Image.open(io.BytesIO(canvas.GetDrawingText()))


def molecule_svgs(
    mols: Sequence[Chem.Mol], legends: Sequence[str] = (), size: tuple[int, int] = (260, 190)
) -> list[str]:
    """One SVG document per molecule; ``legends`` has one text per molecule, or is empty."""
    return [molecule_svg(m, size, t) for m, t in zip(mols, _texts(mols, legends), strict=True)]


def grid_png(
    mols: Sequence[Chem.Mol],
    legends: Sequence[str] = (),
    *,
    columns: int = 5,
    size: tuple[int, int] = (260, 210),
) -> bytes:
    """Molecules in rows, as the bytes of a PNG file.

    Args:
        mols: at least one sanitised molecule.
        legends: one text per molecule, or empty.
        columns: molecules in a row.
        size: width and height of one molecule's cell in pixels.

    Raises:
        ValueError: no molecule, or another number of legends than of molecules.
    """
    if not mols:
        raise ValueError("a grid needs at least one molecule")
    texts = _texts(mols, legends)
    columns = min(columns, len(mols))
    rows = -(-len(mols) // columns)
    width, height = size
    band = 26 if any(texts) else 0
    gap = 8
    sheet = Image.new("RGB", (columns * (width + gap) + gap, rows * (height + gap) + gap), "#e9ecef")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    for i, (mol, text) in enumerate(zip(mols, texts, strict=True)):
        x, y = gap + (i % columns) * (width + gap), gap + (i // columns) * (height + gap)
        pen.rounded_rectangle((x, y, x + width - 1, y + height - 1), radius=6, fill="white")
        with molecule_image(mol, (width - 12, height - 12 - band)) as picture:
            sheet.paste(picture, (x + 6, y + 6))
        if text:
            pen.text((x + width / 2, y + height - band + 8), text, fill="#343a40", font=font, anchor="mm")
    out = io.BytesIO()
    sheet.save(out, format="PNG")
    return out.getvalue()


def _texts(mols: Sequence[Chem.Mol], legends: Sequence[str]) -> Sequence[str]:
    if legends and len(legends) != len(mols):
        raise ValueError(f"{len(legends)} legends for {len(mols)} molecules; give one each, or none")
    return legends or [""] * len(mols)


def _draw(canvas: rdMolDraw2D.MolDraw2D, mol: Chem.Mol, legend: str) -> None:
    """Draw ``mol`` and close the canvas; the molecule is laid out so that its long side lies flat."""
    flat = Chem.Mol(mol)
    rdDepictor.Compute2DCoords(flat)
    rdDepictor.StraightenDepiction(flat)
    rdDepictor.NormalizeDepiction(flat)
    options = canvas.drawOptions()
    options.bondLineWidth = 1.6
    options.fixedBondLength = 24  # one scale for small molecules; large ones shrink to fit
    options.padding = 0.06
    options.legendFontSize = 14
    options.minFontSize = 9
    options.maxFontSize = 15
    options.addStereoAnnotation = False
    options.updateAtomPalette({16: (0.70, 0.55, 0.0)})  # the default yellow of sulphur is hard to read on white
    rdMolDraw2D.PrepareAndDrawMolecule(canvas, flat, legend=legend)
    canvas.FinishDrawing()
