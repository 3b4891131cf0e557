"""A run folder as one self-contained HTML page that loads nothing from elsewhere."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

import molgfn
from molgfn.errors import DataError
from molgfn.evaluation.files import FORMAT, write_whole
from molgfn.evaluation.report.bibliography import Bibliography
from molgfn.evaluation.report.conditions import Conditions
from molgfn.evaluation.report.curves import Panel, read_panels
from molgfn.evaluation.report.figures import curves_svg, heatmap_svg, histogram_svg
from molgfn.evaluation.report.fronts import clouds, front_pictures
from molgfn.evaluation.report.galleries import Gallery, component_columns
from molgfn.evaluation.report.sections.builds import builds, builds_text, read_builds
from molgfn.evaluation.report.sections.conformations import conformation_charts
from molgfn.evaluation.report.sections.density import density_charts, read_density
from molgfn.evaluation.report.sections.object_data import as_script, map_text, object_data, words_for
from molgfn.evaluation.report.sections.provenance import CALLS_TEXT, commands, oracle_calls, versions
from molgfn.evaluation.report.summary import facts, groups, limits, property_name, summary_cards
from molgfn.evaluation.report.tables import numbers, rows_with
from molgfn.evaluation.report.template import filled
from molgfn.objects.base import ObjectKind
from molgfn.objects.capabilities import HasCoordinates, HasDescriptors, HasPictures
from molgfn.objects.named import NAMED
from molgfn.written_by import check_writer

#: objects in each gallery
PICTURES = 12
#: reference objects whose properties are drawn
REFERENCE_DRAWN = 2000
#: remarks of the oracle (alerts that it found) in the table, the most frequent ones of each column
MOST_REMARKS = 15
SECRET = re.compile(r"(?im)^(\s*(?:- )?[\w.-]*(?:api_?key|token|password|secret)[\w.-]*\s*:\s*)\S.*$")

#: its ``title`` and its ``svg``
Chart = dict[str, str]


@dataclass(frozen=True)
class Results:
    """What lies in a run folder, as far as it is there."""

    name: str
    kind: ObjectKind
    evaluation: dict[str, Any]
    samples: pd.DataFrame
    untrained: pd.DataFrame | None
    reference: pd.DataFrame | None
    config: dict[str, Any]
    config_text: str
    panels: list[Panel]
    more_panels: list[Panel]
    run: Path
    conditions: Conditions | None = None
    builds: list[dict[str, Any]] = field(default_factory=list)
    density: dict[str, Any] | None = None


def write_report(
    run: str | Path,
    *,
    evaluation: str | Path | None = None,
    output: str | Path | None = None,
    name: str | None = None,
    kind: ObjectKind | None = None,
) -> Path:
    """Write the report of a run, or of an evaluation that stands alone.

    Args:
        run: folder with ``config.yaml`` and ``metrics.csv`` (each may be missing).
        evaluation: folder with ``metrics.json`` and ``samples.csv``, and ``untrained.csv`` where the untrained policy
            was sampled too; by default ``<run>/evaluation``.
        output: the page; by default ``report.html`` in the evaluation's folder.
        name: title; by default the config's ``name``, else the folder's.
        kind: what the objects are; by default as the evaluation says, which knows the kinds of this package only.

    Returns:
        Path of the page.

    Raises:
        DataError: ``metrics.json`` or ``samples.csv`` is missing or is not what an evaluation writes.
    """
    return write_with_charts(run, evaluation=evaluation, output=output, name=name, kind=kind)[0]


def write_with_charts(
    run: str | Path,
    *,
    evaluation: str | Path | None = None,
    output: str | Path | None = None,
    name: str | None = None,
    kind: ObjectKind | None = None,
) -> tuple[Path, list[Chart]]:
    """As ``write_report``; the page's path, and its charts of what was sampled, which may be shown elsewhere too."""
    folder = Path(evaluation) if evaluation is not None else Path(run) / "evaluation"
    page, charts = render(read_results(Path(run), folder, name, kind))
    path = Path(output) if output is not None else folder / "report.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, page)
    return path, charts


def read_results(run: Path, folder: Path, name: str | None = None, kind: ObjectKind | None = None) -> Results:
    """Read what a report needs; errors as in ``write_report``."""
    try:
        evaluation = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        evaluation = {"kind": evaluation.get("domain"), **evaluation}  # which older ones have
        samples = pd.read_csv(folder / "samples.csv")
        missing = {"metrics", "definitions"} - evaluation.keys() or {"count"} - set(samples.columns)
    except (OSError, ValueError, AttributeError) as error:
        raise DataError(f"{folder}: no evaluation to report on ({error}); run `molgfn evaluate` first") from error
    written = {"version": evaluation.get("molgfn"), "format": evaluation.get("format")}
    check_writer(folder / "metrics.json", **written, reads=FORMAT, error=DataError, instead="evaluate again")
    if missing:
        raise DataError(f"{folder}: metrics.json or samples.csv lacks {', '.join(sorted(missing))}; evaluate again")
    if (kind := kind or NAMED.get(evaluation["kind"])) is None:
        raise DataError(f"{folder}: metrics.json is of {evaluation['kind']} objects, which are unknown; evaluate again")
    untrained, reference = folder / "untrained.csv", folder / "reference.csv"
    config = run / "config.yaml"
    text = config.read_text(encoding="utf-8") if config.is_file() else ""
    try:
        plain = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DataError(f"{config}: not YAML ({' '.join(str(error).split())})") from error
    plain = plain if isinstance(plain, dict) else {}
    panels, more = read_panels(run / "metrics.csv") if (run / "metrics.csv").is_file() else ([], [])
    return Results(
        name=name or str(plain.get("name") or run.resolve().name),
        kind=kind,
        evaluation=evaluation,
        samples=samples,
        untrained=pd.read_csv(untrained) if untrained.is_file() else None,
        reference=pd.read_csv(reference) if reference.is_file() else None,
        config=plain,
        config_text=SECRET.sub(r"\1(hidden)", text),
        panels=panels,
        more_panels=more,
        run=run,
        builds=read_builds(folder),
        density=read_density(folder),
        conditions=Conditions.read(folder),
    )


def render(results: Results) -> tuple[str, list[Chart]]:
    """The page, and its charts of what was sampled.

    Everything that comes from a run is escaped; only SVG made here goes in as it is.
    """
    bibliography = Bibliography()
    bibliography.add_config(results.config)
    kind, gallery = results.kind, Gallery.of(results.samples, results.kind)
    charts, diverse = distributions(results, gallery), gallery.diverse(PICTURES)
    head, calls = oracle_calls(results.evaluation, results.run / "metrics.csv")
    shown: dict[str, Any] = dict(
        name=results.name,
        version=molgfn.__version__,
        facts=facts(results.evaluation, results.config, results.panels),
        cards=summary_cards(results.evaluation, results.untrained),
        best=gallery.pictures(gallery.best(PICTURES)),
        best_title=f"{'Best' if 'value' in results.samples else 'First'} {kind.plural}",
        best_text=_best_text(results),
        diverse=gallery.pictures(diverse),
        diverse_title=f"Most diverse {'good ' if 'value' in results.samples else ''}{kind.plural}",
        diverse_text=_diverse_text(gallery, diverse) if diverse else "",
        histograms=charts,
        histogram_text=_histogram_text(results),
        **_several_objectives(results),
        **_by_condition(results),
        **_table_and_map(results, gallery),
        builds=builds(results.builds, gallery),
        builds_text=builds_text(results.builds),
        calls=calls,
        calls_head=head,
        calls_text=CALLS_TEXT,
        commands=commands(results.evaluation, results.run, bool(results.config)),
        versions=versions(results.evaluation),
        panels=[_curves(panel) for panel in results.panels],
        more_panels=[_curves(panel) for panel in results.more_panels],
        groups=groups(results.evaluation, bibliography, kind),
        compared=results.reference is not None,
        limits=limits(results.evaluation, results.config, kind),
        problems=list(results.evaluation.get("problems", {}).items()),
        remarks=[
            (column.replace("_", " "), text, count)
            for column, counts in results.evaluation.get("remarks", {}).items()
            for text, count in list(counts.items())[:MOST_REMARKS]
        ],
        config=results.config_text,
        references=bibliography.entries,
    )
    return filled(shown), charts


def _table_and_map(results: Results, gallery: Gallery) -> dict[str, Any]:
    """What the template and its scripts show of all different objects."""
    kind = results.kind
    if not len(gallery.objects):
        return {"objects": "", "objects_text": "", "map_text": "", "plural": kind.plural, "key_word": ""}
    data = object_data(gallery, property_name(results.evaluation), results.reference)
    total = len(rows_with(results.samples, kind.key_column))
    text = f"{len(gallery.objects):,} different {kind.plural} that were sampled, best first."
    if len(gallery.objects) < total:
        text = f"The {len(gallery.objects):,} best of {total:,} different {kind.plural}; samples.csv has all."
    if data["svg"] and len(data["svg"]) < len(gallery.objects):
        text += f" The first {len(data['svg']):,} are drawn, and go into an SDF."
    return {
        "objects": as_script(data),
        "objects_text": f"{text} What is copied or saved is what the search and the filters leave, in the order shown.",
        "map_text": map_text(data, kind.plural),
        "plural": kind.plural,
        "key_word": "SMILES" if kind.key_column == "smiles" else kind.key_column,
    }


def _by_condition(results: Results) -> dict[str, Any]:
    """What the template shows of several conditions."""
    if (found := results.conditions) is None:
        return {"condition_charts": [], "condition_text": "", "condition_head": [], "condition_rows": []}
    head, rows = found.rows()
    return {
        "condition_charts": found.charts(_objectives(results), property_name(results.evaluation)),
        "condition_text": found.words(results.evaluation["metrics"]),
        "condition_head": head,
        "condition_rows": rows,
    }


def _several_objectives(results: Results) -> dict[str, Any]:
    """What the template shows of the front: of the samples under all conditions, or of all where there are none."""
    names, found = _objectives(results), results.conditions
    if found is not None:
        table, points, prefix = found.objects(names), found.points(names), "by_condition/all/"
    else:
        table, prefix = results.samples, ""
        columns = {name: f"{name}_transformed" if f"{name}_transformed" in table else name for name in names}
        points = {name: numbers(table, column) for name, column in columns.items() if column in table}
    pictures, size = front_pictures(table, points, results.kind, PICTURES)
    charts = []
    if found is None and len(points) > 1:  # under conditions they are drawn among these
        charts = clouds(points, lambda first, second: (numbers(table, "log_reward"), "log R(x)"), table)
    metrics = results.evaluation["metrics"]
    volume = next((r for k, r in metrics.items() if k.startswith(f"{prefix}objectives/hypervolume/")), {})
    things = results.kind.plural if isinstance(results.kind, HasPictures) else "objects"
    text = f"{size} different {things} are on it: no other is at least as good in every objective and better in one."
    if pictures:
        text += f" {'Some' if len(pictures) < size else 'All'} of them, in order of the first objective: in bold the "
        text += "desirabilities, from 0 to 1, below what was measured."
    if volume.get("value") is not None:
        text += (
            f" Together the samples dominate {100 * volume['value']:.1f} % of what there is to be had (hypervolume "
            f"over {', '.join(name.replace('_', ' ') for name in names)}, as desirabilities)."
        )
    return {"front": pictures, "front_charts": charts, "front_text": text if size else ""}


def _objectives(results: Results) -> list[str]:
    return list(results.evaluation.get("objectives") or [])


def _best_text(results: Results) -> str:
    if "value" not in results.samples:
        return (
            f"Different {results.kind.plural} in the order of the file; nothing was scored, so none is called better."
        )
    less = (results.evaluation.get("property") or {}).get("direction") == "minimise"
    return (
        f"Different {results.kind.plural} with the highest reward; the number: {property_name(results.evaluation)}"
        f"{', where less is better' if less else ''}."
    )


def _diverse_text(gallery: Gallery, rows: list[int]) -> str:
    similarity = gallery.mean_similarity(rows)
    among = f"the {gallery.good} best" if "value" in gallery.table else f"the first {gallery.good}"
    text = f"Picked among {among}, each as far as possible from those before it"
    return text + ("." if math.isnan(similarity) else f"; mean Tanimoto similarity {similarity:.2f}.")


def _histogram_text(results: Results) -> str:
    against = ["the untrained policy"] if results.untrained is not None else []
    if results.reference is not None:
        against.append("the reference file")
    return "Share of samples" + (f", against {' and '.join(against)}." if against else ".")


def _curves(panel: Panel) -> dict[str, str]:
    return {"title": panel.title, "svg": curves_svg(panel.curves, title=panel.title, log_y=panel.log_y)}


def distributions(results: Results, gallery: Gallery) -> list[Chart]:
    """Title and SVG of each chart of what was sampled."""
    kind = results.kind
    described = isinstance(kind, HasDescriptors)
    charts = _described_charts(results, gallery, kind) if described else _other_charts(results, gallery)
    return [*conformation_charts(gallery), *charts]


def _described_charts(results: Results, gallery: Gallery, kind: HasDescriptors) -> list[dict[str, str]]:
    """Property, log reward and components as sampled, then descriptors of the different objects."""
    charts = []
    tables = {_who(results): results.samples}
    if results.untrained is not None:
        tables["untrained"] = results.untrained
    known = kind.describe(gallery.objects)
    own = [
        c
        for c in component_columns(gallery.table, kind)
        if c in known and np.allclose(numbers(gallery.table, c), known[c])
    ]
    components = [c for c in component_columns(results.samples, kind) if c not in own]  # those are drawn below, for all
    for column in [c for c in ("value", "log_reward", *components) if c in results.samples]:
        scored = f"{property_name(results.evaluation)}, of which the reward is made"
        title = {"value": scored, "log_reward": "log R(x)"}.get(column, words_for(column))
        series = {label: _column(table, column) for label, table in tables.items() if column in table}
        if column in components and _constant(series):
            continue
        label = {"value": property_name(results.evaluation), "log_reward": "log R(x)"}.get(column, words_for(column))
        charts.append({"title": title, "svg": histogram_svg(series, title=title, x_label=label)})
    described = {_who(results): (known, numbers(gallery.table, "count"))}
    if results.untrained is not None:
        other = Gallery.of(results.untrained, kind)
        described["untrained"] = (kind.describe(other.objects), numbers(other.table, "count"))
    if results.reference is not None:
        given = Gallery.of(results.reference, kind, REFERENCE_DRAWN)
        described["reference"] = (kind.describe(given.objects), numbers(given.table, "count"))
    for name, label in kind.descriptors.items():
        if name in components:
            continue  # drawn above, as the oracle gave it
        series = {who: (columns[name], weights) for who, (columns, weights) in described.items()}
        title = label[0].upper() + label[1:]
        charts.append({"title": title, "svg": histogram_svg(series, title=title, x_label=label)})
    return charts


def _constant(series: dict[str, tuple[np.ndarray, np.ndarray]]) -> bool:
    """Nothing to see: one value throughout."""
    values = np.concatenate([column for column, _ in series.values()])
    known = values[np.isfinite(values)]
    return len(known) == 0 or bool(np.ptp(known) == 0)


def _who(results: Results) -> str:
    return "trained" if results.untrained is not None else "samples"


def _column(table: pd.DataFrame, name: str) -> tuple[np.ndarray, np.ndarray]:
    return numbers(table, name), numbers(table, "count")


def _other_charts(results: Results, gallery: Gallery) -> list[dict[str, str]]:
    """What samples are worth; of points of a lattice also where on the first two coordinates they lie."""
    rows = rows_with(results.samples, results.kind.key_column)
    charts = density_charts(results.density)
    if isinstance(results.kind, HasCoordinates):
        charts += _heatmap(results.kind.coordinates(gallery.objects), numbers(gallery.table, "count"))
    if "value" in rows:
        series = {_who(results): _column(rows, "value")}
        if results.untrained is not None:
            series["untrained"] = _column(results.untrained, "value")
        charts.append({"title": "Value", "svg": histogram_svg(series, title="Value", x_label="value")})
    return charts


def _heatmap(points: np.ndarray, drawn: np.ndarray) -> list[dict[str, str]]:
    charts = []
    if len(points) and points.shape[1] >= 2:
        side = int(points.max()) + 1
        counts = np.zeros((side, side))
        np.add.at(counts, (points[:, 0], points[:, 1]), drawn)
        title = "Samples, first two coordinates"
        charts.append({"title": title, "svg": heatmap_svg(counts, title=title)})
    return charts
