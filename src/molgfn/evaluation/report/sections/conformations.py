"""Shapes of molecules on the page: free energies over pairs of torsions, and shapes laid over each other."""

from __future__ import annotations

import itertools

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from molgfn.chemistry.conformers.drawing import overlay_svg
from molgfn.chemistry.conformers.frame import Frame
from molgfn.chemistry.conformers.similarity import clusters
from molgfn.evaluation.report.figures import figure_svg, inline_svg, page_style
from molgfn.evaluation.report.galleries import Gallery
from molgfn.objects.conformation import Conformations

#: most molecules, pairs of torsions of each, and shapes that are laid over each other
MOLECULES, PAIRS, SHAPES = 4, 3, 12
#: bins along a torsion of a map
BINS = 36
#: kT above the lowest at which a map ends
HIGHEST = 8.0


def conformation_charts(gallery: Gallery) -> list[dict[str, str]]:
    """Title and SVG of each chart; none for other objects."""
    shapes = gallery.objects
    if not isinstance(shapes, Conformations):
        return []
    table, charts = gallery.table, []
    drawn = table["count"].to_numpy(dtype=float) if "count" in table else np.ones(len(shapes))
    log_r = table["log_reward"].to_numpy(dtype=float) if "log_reward" in table else np.zeros(len(shapes))
    for frame, rows, angles in itertools.islice(shapes.by_frame(), MOLECULES):
        for i, j in itertools.islice(itertools.combinations(range(frame.torsions), 2), PAIRS):
            title = f"{frame.smiles}: free energy over torsions {i + 1} and {j + 1} (kT)"
            counts, edges = _counts(frame, angles, i, j, drawn[rows])
            charts.append({"title": title, "svg": free_energy_svg(counts, edges, (i, j), title)})
        best = rows[np.argsort(-np.nan_to_num(log_r[rows], nan=-np.inf), kind="stable")][:200]
        mols = frame.mols(shapes.angles[best, : frame.torsions])
        firsts: list[int] = np.unique(clusters(mols, range(len(mols))), return_index=True)[1][:SHAPES].tolist()
        weights = np.exp(log_r[best[firsts]] - np.nanmax(log_r[best]))
        title = f"{frame.smiles}: the best {len(firsts)} different shapes, as opaque as they are likely"
        charts.append(
            {
                "title": title,
                "svg": _on_paper(overlay_svg([mols[k] for k in firsts], np.nan_to_num(weights).tolist()), title),
            }
        )
    return charts


def _on_paper(text: str, title: str) -> str:
    """A picture with a white ground in the page, dark ones too."""
    return inline_svg(text, title).replace('class="chart"', 'class="chart paper"', 1)


def _counts(
    frame: Frame, angles: np.ndarray, i: int, j: int, drawn: np.ndarray
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """How often each bin [BINS, BINS] of two torsions was drawn, and the edges of the bins in degrees."""
    spans = [(-period / 2, period / 2) for period in frame.periods[[i, j]]]
    counts, first, second = np.histogram2d(angles[:, i], angles[:, j], bins=BINS, range=spans, weights=drawn)
    return counts, (np.degrees(first), np.degrees(second))


def free_energy_svg(
    counts: np.ndarray, edges: tuple[np.ndarray, np.ndarray], torsions: tuple[int, int], title: str
) -> str:
    """-log of the share of samples in each bin above the lowest, in kT; bins without a sample stay empty."""
    with np.errstate(divide="ignore"):
        energy = -np.log(counts / counts.max())
    with mpl.rc_context(page_style(title, grid=False)):
        figure = Figure(figsize=(4.2, 3.4), layout="constrained")
        axes = figure.add_subplot()
        shown = np.ma.masked_invalid(np.where(np.isfinite(energy), energy, np.nan)).T
        image = axes.pcolormesh(*edges, shown, cmap="viridis_r", vmin=0, vmax=HIGHEST, rasterized=True)
        for axis, ends in zip((axes.xaxis, axes.yaxis), edges, strict=True):
            axis.set_major_locator(FixedLocator(np.linspace(ends[0], ends[-1], 5).round(1).tolist()))
        axes.set_xlabel(f"torsion {torsions[0] + 1} (degrees)")
        axes.set_ylabel(f"torsion {torsions[1] + 1} (degrees)")
        figure.colorbar(image, ax=axes, label="kT above the lowest")
        return figure_svg(figure, title, dpi=80)
