"""One run of a study, and by what it is known."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from molgfn.moved import former
from molgfn.study.plan import Study

#: settings that decide when a run is saved or given up, or what is said about it, not what comes of one that ends
WITHOUT_EFFECT = (
    ("trainer", "checkpoint_minutes"),
    ("trainer", "give_up"),
    ("trainer", "profiler"),
    ("scoring", "give_up"),
    ("evaluation", "reference_sample"),
)
#: by (part, key): what values are called in identities, where a name now stands for something else than when results
#: were made: the shipped vocabulary was one without labels
AS_KEPT = {("environment", "vocabulary"): {"rdkit": "rdkit with labels", "rdkit_untyped": "rdkit"}}


@dataclass(frozen=True)
class Job:
    """One run.

    Attributes:
        row: name of its row.
        seed: its seed.
        config: composed and checked.
        samples: see ``Study``.
        heldout: see ``Study``.
        curves: (x, y) columns of ``metrics.csv`` that are kept with the result.
        written: the config before its files became absolute, so that the identity is the same in every place; None:
            ``config``.
        task: name of its task; "" in a study of one experiment.
        budget: what it may spend, as ``Budget.spent`` has it.
    """

    row: str
    seed: int
    config: dict[str, Any]
    samples: int = 0
    heldout: int | str = 0
    curves: tuple[tuple[str, str], ...] = ()
    written: dict[str, Any] | None = None
    task: str = ""
    budget: tuple[str, float] | None = None

    @property
    def place(self) -> tuple[str, str, int]:
        """Task, row and seed."""
        return self.task, self.row, self.seed

    @property
    def identity(self) -> str:
        """Equal for jobs that would come out the same: a hash of config (its place apart) and of what is measured.

        A key that is null counts as one that is not there, so that results outlive new settings that are off.
        """
        written = self.config if self.written is None else self.written
        config = {k: v for k, v in written.items() if k not in {"output", "name"}}
        for part, key in WITHOUT_EFFECT:
            if isinstance(config.get(part), dict):
                config[part] = {k: v for k, v in config[part].items() if k != key}
        for (part, key), names in AS_KEPT.items():
            value = config[part].get(key) if isinstance(config.get(part), dict) else None
            if isinstance(value, str) and value in names:
                config[part] = {**config[part], key: names[value]}
        heldout = self.heldout
        if isinstance(heldout, str):  # what it says, not where it lies
            heldout = hashlib.sha256(Path(heldout).read_bytes()).hexdigest()
        text = json.dumps([_without_nulls(former(config)), self.samples, heldout], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _without_nulls(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _without_nulls(value) for key, value in node.items() if value is not None}
    return [_without_nulls(item) for item in node] if isinstance(node, list) else node


#: (task, row, seed) -> config
Configs = dict[tuple[str, str, int], dict[str, Any]]


def jobs_of(study: Study, configs: Configs, written: Configs | None = None) -> list[Job]:
    """The runs seed by seed, so that a table with one seed is there early."""
    written = written or {}
    curves = tuple(sorted({(p.x, p.y) for p in study.pictures.values()}))
    return [
        Job(
            row.name,
            seed,
            configs[task.name, row.name, seed],
            study.samples,
            study.heldout,
            curves,
            written.get((task.name, row.name, seed)),
            task.name,
            None if study.budget is None else study.budget.spent,
        )
        for seed in study.seeds
        for task in study.all_tasks
        for row in study.rows
    ]
