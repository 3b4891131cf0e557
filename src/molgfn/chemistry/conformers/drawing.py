"""Shapes in space as flat pictures: one, a sheet of several, or several laid over each other."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from rdkit import Chem

#: as chemists paint them; carbon and the rest in grey
_COLOURS = {7: "#3f6fe0", 8: "#e03c31", 9: "#1f9d3a", 15: "#e67700", 16: "#a88700", 17: "#1f9d3a", 35: "#9a5a1e"}
_CARBON, _HYDROGEN = "#495057", "#adb5bd"


def shape_svg(mol: Chem.Mol, size: tuple[int, int] = (260, 190)) -> str:
    """One shape seen from where it is widest, as an SVG document; ``size`` in pixels."""
    return _figure([[mol]], [""], "svg", size).decode()


def shapes_png(mols: Sequence[Chem.Mol], captions: Sequence[str]) -> bytes:
    """Shapes in rows of five, as the bytes of a PNG file."""
    return _figure([[mol] for mol in mols], captions, "png", (220, 190))


def overlay_svg(mols: Sequence[Chem.Mol], weights: Sequence[float], size: tuple[int, int] = (320, 240)) -> str:
    """Shapes of one molecule over each other, their heavy atoms as near as they come, as an SVG document.

    Args:
        mols: at least one, all of one molecule, in one order of atoms.
        weights: of each, not negative; the heaviest is opaque, the others as faint as they are light.
        size: width and height in pixels.
    """
    return _figure([list(mols)], [""], "svg", size, [list(weights)]).decode()


def superposed(mols: Sequence[Chem.Mol]) -> list[np.ndarray]:
    """Positions [N, 3] of each, moved and turned so that heavy atoms are nearest to those of the first (Kabsch)."""
    heavy = [atom.GetIdx() for atom in mols[0].GetAtoms() if atom.GetAtomicNum() > 1]
    found: list[np.ndarray] = []
    for mol in mols:
        place = mol.GetConformer().GetPositions()
        place = place - place[heavy].mean(0)
        if found:
            left, _, right = np.linalg.svd(place[heavy].T @ found[0][heavy])
            left[:, -1] *= np.sign(np.linalg.det(left) * np.linalg.det(right))
            place = place @ left @ right
        found.append(place)
    return found


def _figure(
    groups: Sequence[Sequence[Chem.Mol]],
    captions: Sequence[str],
    form: str,
    size: tuple[int, int],
    weights: Sequence[Sequence[float]] | None = None,
) -> bytes:
    """Each group laid over each other in a place of its own; ``size`` in pixels of one place."""
    from matplotlib.figure import Figure

    columns = min(5, len(groups))
    rows = -(-len(groups) // columns)
    figure = Figure(figsize=(columns * size[0] / 100, rows * size[1] / 100), dpi=100, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).flatten().tolist()
    for axis in axes:
        axis.set_axis_off()
        axis.set_aspect("equal")
    for number, (axis, group, caption) in enumerate(zip(axes, groups, captions, strict=False)):
        shares = np.ones(len(group)) if weights is None else np.asarray(weights[number], dtype=float)
        shares = shares / max(shares.max(), 1e-300)
        places = superposed(group)
        view = np.linalg.svd(places[int(shares.argmax())], full_matrices=False)[2]
        for mol, place, share in zip(group, places, shares, strict=True):
            _draw(axis, mol, place @ view.T, 0.08 + 0.92 * float(share))
        axis.autoscale_view()
        axis.set_title(caption, fontsize=8)
    out = io.BytesIO()
    figure.savefig(out, format=form)
    return out.getvalue()


def _draw(axis: Any, mol: Chem.Mol, place: np.ndarray, alpha: float) -> None:
    """Each bond as two halves in the colours of its atoms, what is in front drawn last."""
    from matplotlib.collections import LineCollection

    halves: list[tuple[float, np.ndarray, str, float]] = []
    for bond in mol.GetBonds():
        middle = (place[bond.GetBeginAtomIdx()] + place[bond.GetEndAtomIdx()]) / 2
        for atom in (bond.GetBeginAtom(), bond.GetEndAtom()):
            number, end = atom.GetAtomicNum(), place[atom.GetIdx()]
            colour = _HYDROGEN if number == 1 else _COLOURS.get(number, _CARBON)
            halves.append((float(end[2]), np.stack([end[:2], middle[:2]]), colour, 0.8 if number == 1 else 2.2))
    halves.sort(key=lambda half: half[0])
    axis.add_collection(
        LineCollection(
            [half[1] for half in halves],
            colors=[half[2] for half in halves],
            linewidths=[half[3] for half in halves],
            alpha=alpha,
            capstyle="round",
        )
    )
