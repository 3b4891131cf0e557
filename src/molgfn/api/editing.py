"""Given objects changed a little by the policy of a run, as ``molgfn edit`` does it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import torch

from molgfn.api.columns import sampled_reward, value_columns
from molgfn.api.conditions import under_each
from molgfn.api.object_files import is_bare, require_format, require_place, write_objects
from molgfn.api.runs import RunLike, load
from molgfn.chemistry.patterns import patterns
from molgfn.conditions.base import Given
from molgfn.editing.leads import read_leads, require_editable
from molgfn.editing.likeness import Kept
from molgfn.editing.methods import method_named
from molgfn.editing.page import edits_page
from molgfn.editing.searching import Limits, search
from molgfn.editing.table import Row, has_child, result_table, rows_of
from molgfn.errors import ConfigError
from molgfn.evaluation.files import write_whole
from molgfn.evaluation.progress import Progress, silent
from molgfn.objects.base import ObjectKind
from molgfn.paths import local


@dataclass(frozen=True)
class Edits:
    """Leads and their children.

    Attributes:
        kind: of the objects.
        table: a row for each child that is kept, the best of each lead first, and one for each lead without a child:
            ``lead`` (from 1), ``given``, ``parent`` (as the environment builds it), ``child``, ``rank``,
            ``similarity``, ``edits``, ``dropped``, ``filled``, ``steps``, of molecules ``gone`` and ``new``, value,
            components and ``log_reward`` of the child and (``parent_...``) of the lead, ``problem``.
        leads: how many were given.
        editable: how many of them could be edited.
        calls: children that were scored, the leads not counted.
        left_out: why -> candidates that were not scored.
        method: how they were edited.
        calls_of: children scored, for each lead that could be edited.
    """

    kind: ObjectKind
    table: pd.DataFrame
    leads: int
    editable: int
    calls: int
    left_out: Counter[str]
    method: str
    calls_of: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return sum(map(has_child, self.rows))

    @property
    def rows(self) -> list[Row]:
        """The rows of ``table``, each name -> cell."""
        return rows_of(self.table)

    def __repr__(self) -> str:
        return (
            f"{len(self)} children of {self.editable} of {self.leads} leads by {self.method}, "
            f"{self.improved} of them improved, {self.calls} calls"
        )

    @property
    def improved(self) -> int:
        """Leads with a child of a larger log R."""
        better = {row["lead"] for row in self.rows if has_child(row) and row["log_reward"] > row["parent_log_reward"]}
        return len(better)

    def save(self, path: str | Path) -> Path:
        """Write the table into a .csv or .parquet, or the children of molecules into an .sdf (the columns as tags) or
        .smi; the absolute path.

        Raises:
            ConfigError: the file cannot be written there, or not in such a format.
        """
        place = local(path)
        require_format(place, self.kind)
        require_place(place)
        if place.suffix in self.kind.formats:
            rows = list(filter(has_child, self.rows))
            names = [name for name in self.table if name not in ("child", "given")]
            tags = {name: [None if pd.isna(row[name]) else row[name] for row in rows] for name in names}
            objects = self.kind.parse([row["child"] for row in rows])
            write_objects(objects, place, self.kind, {} if is_bare(place, self.kind) else tags)
        elif place.suffix == ".csv":
            write_whole(place, self.table.to_csv(index=False))
        else:
            self.table.to_parquet(place, index=False)
        return place

    def page(self, path: str | Path, command: str = "") -> Path:
        """Write a page in which leads and children are drawn side by side, what changed marked; the absolute path."""
        place = local(path)
        require_place(place)
        facts = {
            "leads": f"{self.editable:,} of {self.leads:,}",
            "children": f"{len(self):,}",
            "leads improved": f"{self.improved:,}",
            "method": self.method,
            "oracle calls": f"{self.calls:,}",
        }
        write_whole(place, edits_page(self.kind, self.rows, facts, command))
        return place

    def _repr_html_(self) -> str:
        return f"<p>{self!r}</p>{self.table.head(12).to_html(na_rep='', float_format='{:.4g}'.format)}"


def edit(
    leads: str | Sequence[str],
    run: RunLike,
    *,
    method: str = "gfn",
    edits: int = 3,
    calls: int = 32,
    best: int = 3,
    rounds: int | None = None,
    similar: float = 0.0,
    keep: str | Sequence[str] | None = None,
    keep_scaffold: bool = False,
    nearest: bool = False,
    delta: float = 0.4,
    mixing: float = 0.1,
    sigma: float = 0.001,
    fraction: float | tuple[float, float] = 0.5,
    caution: float = 0.0,
    uncertainty: Sequence[float] | None = None,
    seed: int = 0,
    condition: Given | None = None,
    files: Mapping[str, str] | None = None,
    trust: Sequence[str] = (),
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> Edits:
    """Children of given molecules or strings that differ in a few steps and have a larger reward.

    Each lead's construction is walked in orders drawn from P_B, one order for each candidate; the children with the
    largest log R are kept. See `docs/editing.md`.

    Args:
        leads: SMILES, or strings, as the run builds them.
        run: as of ``load``.
        method: "gfn" (GFNSeqEditor), "delta_cs", "local_search", "fragment_swap" or "graph_ga".
        edits: most edits between a lead and a child, at least 1.
        calls: different children of each lead that are scored, at most.
        best: children of each lead that are kept.
        rounds: over which edits and calls are spread, each from the best of the one before; None: 1, and as many as
            edits for "local_search" and "graph_ga".
        similar: least similarity to the lead, in [0, 1]: Tanimoto (ECFP4), of strings 1 - edit distance / length.
        keep: SMARTS, one or several, that a child must contain; so must the lead.
        keep_scaffold: a child must contain the lead's Murcko scaffold.
        nearest: where a molecule cannot be built, edit the nearest one that can.
        delta: of "gfn": a step is kept where its share is at least delta times that of the best action; in [0, 1].
        mixing: of "gfn": lambda, the weight of the lead's own step in what is drawn; in [0, 1].
        sigma: of "gfn": of the noise of the comparison.
        fraction: of "delta_cs": the probability that a step is masked; two numbers: at the first and at the last call.
        caution: of "delta_cs": fraction - caution * uncertainty is masked, at least 0.
        uncertainty: of "delta_cs": one number for each lead.
        seed: of everything drawn.
        condition: of a run that was trained under one; as of ``sample``.
        files: as of ``sample``.
        trust: as of ``load``.
        device: as of ``load``.
        progress: told what is done and how much of it.

    Raises:
        ConfigError: a number out of its range, an unknown method, one that is not for such objects, no SMARTS.
        CheckpointError: there is no such run, or its reward cannot be built here.
    """
    given = [leads] if isinstance(leads, str) else list(leads)
    if best < 1:
        raise ConfigError(f"best: should be at least 1, got {best}")
    if uncertainty is not None and len(uncertainty) != len(given):
        raise ConfigError(f"uncertainty: {len(uncertainty)} numbers for {len(given)} leads")
    kept = Kept(tuple(patterns(keep, "keep")) if keep is not None else (), keep_scaffold)
    limits = Limits(edits=edits, calls=calls, rounds=rounds, similar=similar, kept=kept, seed=seed)
    (loaded,) = under_each(load(run, trust=trust, device=device), condition)
    require_editable(loaded.environment)
    masked = (float(fraction), float(fraction)) if isinstance(fraction, int | float) else fraction
    settings = {"delta": delta, "mixing": mixing, "sigma": sigma, "fraction": masked, "caution": caution}
    method_named(method, loaded.policy, [], **settings)  # refused before anything is read
    reward = sampled_reward(loaded, files)
    read = read_leads(loaded.environment, given, kept=kept, take_nearest=nearest)
    for lead in read if uncertainty is not None else []:
        lead.uncertainty = float(uncertainty[lead.row])  # type: ignore[index]
    starts = [lead.candidate for lead in read if lead.candidate is not None]
    found = search(
        loaded.environment.kind,
        read,
        method_named(method, loaded.policy, starts, **settings),
        limits,
        lambda things, keys: value_columns(loaded, reward, things, keys, silent),
        progress,
    )
    table = result_table(loaded.environment.kind, read, found, best)
    return Edits(
        loaded.environment.kind,
        table,
        len(read),
        len(starts),
        found.calls,
        found.left_out,
        method,
        [len(one.children) for one in found.found],
    )
