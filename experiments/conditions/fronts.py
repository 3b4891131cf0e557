"""Several ways to search compared by the fronts of all that they scored, at equal oracle calls, over seeds.

    python experiments/conditions/fronts.py --calls 64000 'TB=runs/tb-*' 'NSGA-II=runs/nsga2-*' [--picture fronts.svg]

Each argument is a name and the folders of its seeds: runs of molgfn or of ``nsga2.py`` with the same oracle. Of each
the first so many rows of ``scored.sqlite`` count. Prints a table: mean and half of the 95 % t-interval over seeds of
the hypervolume (reference point 0), R2, IGD and PC-entropy (see ``molgfn.evaluation.metrics.several_objectives``), how
many molecules are on the front, their internal diversity and #Circles (Tanimoto < .3). The picture has the front of
the first seed of each in every plane of two objectives.
"""

from __future__ import annotations

import argparse
import glob
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from matplotlib.figure import Figure

from molgfn.chemistry.molecules import parse
from molgfn.evaluation.metrics.base import Samples
from molgfn.evaluation.metrics.diversity.internal_diversity import InternalDiversity
from molgfn.evaluation.metrics.diversity.modes import Circles
from molgfn.evaluation.metrics.several_objectives.fronts import complete, hypervolume, pareto_front
from molgfn.evaluation.metrics.several_objectives.indicators import igd, pc_entropy, r2
from molgfn.evaluation.metrics.several_objectives.metric import FACE_POINTS, MOST_WEIGHTS
from molgfn.evaluation.metrics.several_objectives.references import faces, finest_lattice
from molgfn.evaluation.readings import Reading
from molgfn.objects.molecule import MOLECULE
from molgfn.paths import sqlite_uri

#: heading of each measure, and whether more of it is better
MEASURES = {
    "hypervolume": True,
    "R2": False,
    "IGD": False,
    "PC-entropy": True,
    "on the front": True,
    "IntDiv of the front": True,
    "#Circles of the front": True,
}


@dataclass(frozen=True)
class Scored:
    """The molecules that one search scored, in the order of its calls: keys, and desirabilities [N, D] by objective."""

    keys: list[str]
    points: np.ndarray
    names: list[str]

    @classmethod
    def read(cls, folder: Path, calls: int) -> Scored:
        """The first ``calls`` of them; fewer are an error, because nothing would be equal."""
        config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
        names = [name for name, part in config["oracle"]["components"].items() if not part.get("filter")]
        with closing(sqlite3.connect(sqlite_uri(folder / "scored.sqlite"), uri=True)) as connection:
            table = pd.read_sql_query("SELECT * FROM scored ORDER BY call LIMIT ?", connection, params=[calls])
        if len(table) < calls:
            raise SystemExit(f"{folder}: only {len(table):,} molecules were scored, not {calls:,}")
        columns = [f"{name}_transformed" if f"{name}_transformed" in table else name for name in names]
        return cls(table["key"].tolist(), table[columns].to_numpy(dtype=np.float64), names)

    def measures(self) -> dict[str, float]:
        """By the headings of the table."""
        known = complete(self.points)
        front, dimensions = pareto_front(self.points), known.shape[1]
        reference, best = faces(dimensions, FACE_POINTS), self.points[front]
        keys = [self.keys[i] for i in front]
        samples = Samples(MOLECULE, parse(keys), keys)
        apart = InternalDiversity()(samples)["internal_diversity"].value
        circles = next(iter(Circles()(samples).values())).value
        numbers = (
            hypervolume(best),
            r2(best, finest_lattice(dimensions, MOST_WEIGHTS)),
            igd(best, reference),
            pc_entropy(best, reference),
            float(len(front)),
            *(float("nan") if x is None else x for x in (apart, circles)),
        )
        return dict(zip(MEASURES, numbers, strict=True))


def table(found: dict[str, list[dict[str, float]]]) -> str:
    """Markdown: a row for each search, its measures by seed as mean and half of the interval."""
    lines = ["| | " + " | ".join(MEASURES) + " | seeds |", "| --- |" + " ---: |" * (len(MEASURES) + 1)]
    for name, seeds in found.items():
        cells = []
        for heading in MEASURES:
            reading = Reading.mean(np.array([seed[heading] for seed in seeds]))
            half = "" if reading.high is None or reading.value is None else f" ± {reading.high - reading.value:.3g}"
            cells.append("–" if reading.value is None else f"{reading.value:.4g}{half}")
        lines.append(f"| {name} | {' | '.join(cells)} | {len(seeds)} |")
    return "\n".join(lines)


def picture(searches: dict[str, Scored], path: Path) -> None:
    """The front of each search in every plane of two objectives."""
    names = next(iter(searches.values())).names
    planes = list(combinations(range(len(names)), 2))
    columns = min(3, len(planes))
    rows = -(-len(planes) // columns)
    figure = Figure(figsize=(3.6 * columns, 3.2 * rows), layout="constrained")
    for place, (i, j) in enumerate(planes):
        axes = figure.add_subplot(rows, columns, place + 1)
        for search, scored in searches.items():
            plane = scored.points[:, [i, j]]
            front = plane[pareto_front(plane)]
            front = front[np.lexsort((-front[:, 1], front[:, 0]))]
            axes.step(front[:, 0], front[:, 1], where="pre", marker="o", ms=3, lw=1.2, label=search)
        axes.set_xlabel(names[i].replace("_", " "))
        axes.set_ylabel(names[j].replace("_", " "))
        axes.spines[["top", "right"]].set_visible(False)
        if place == 0:
            axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("searches", nargs="+", metavar="NAME=FOLDERS", help="folders by a pattern, or with commas")
    parser.add_argument("--calls", type=int, required=True, help="oracle calls of each that count")
    parser.add_argument("--picture", type=Path, help="file for a picture of the fronts")
    given = parser.parse_args()
    found: dict[str, list[Scored]] = {}
    for text in given.searches:
        name, _, places = text.partition("=")
        folders = [Path(folder) for place in places.split(",") for folder in sorted(glob.glob(place))]
        if not folders:
            raise SystemExit(f"{text}: no such folders; give NAME=FOLDERS")
        found[name] = [Scored.read(folder, given.calls) for folder in folders]
    if len({tuple(scored.names) for seeds in found.values() for scored in seeds}) > 1:
        raise SystemExit("the folders are of different objectives, so there is nothing to compare")
    print(table({name: [scored.measures() for scored in seeds] for name, seeds in found.items()}))
    if given.picture is not None:
        picture({name: seeds[0] for name, seeds in found.items()}, given.picture)


if __name__ == "__main__":
    main()
