"""What sampling gives: objects, what is known about each, and how they look in a notebook."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from molgfn.api.object_files import is_bare, require_format, require_place, write_objects
from molgfn.api.pictures import Picture
from molgfn.environments.recipes import Recipe
from molgfn.errors import ConfigError
from molgfn.evaluation.report.summary import number as words
from molgfn.objects.base import ObjectKind
from molgfn.objects.capabilities import HasPictures
from molgfn.paths import local

#: rows of the table and pictures that a notebook shows
SHOWN = 12


def require_routes(place: Path, known: bool) -> None:
    """Refuse a file of routes that cannot be written.

    Raises:
        ConfigError: it is no .json, there is no such folder, or routes are not ``known``.
    """
    if place.suffix != ".json":
        raise ConfigError(f"{place}: routes are written as .json, not {place.suffix or 'without an ending'}")
    require_place(place)
    if not known:
        raise ConfigError(f"{place}: only environment=reactions knows how its molecules are made; leave --routes out")


@dataclass(frozen=True)
class Sampled:
    """N sampled objects in the order in which they were drawn; equal ones come as often as they were drawn.

    Attributes:
        kind: what the objects are.
        objects: the batch of them: a list of ``chemistry.Molecule`` or of ``str``, an int64 tensor [N, d] of points.
        keys: N texts, equal exactly when the objects are the same; canonical SMILES of molecules.
        columns: name -> N cells: the numbers of the condition where there is one (``beta``), ``value``, its components,
            ``log_reward``, what the oracle says in words, ``problem`` (why there is no value, or None); ``log_pt`` and
            ``log_pt_error``. As far as they were asked for.
        draws: trajectories that it took.
        different: how many of the objects are different.
        invalid: reason -> draws that were no valid object and were left out.
        recipes: how each object is made, where the environment knows it; else empty.
    """

    kind: ObjectKind
    objects: Any
    keys: Sequence[str]
    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    draws: int = 0
    different: int = 0
    invalid: Counter[str] = field(default_factory=Counter)
    recipes: Sequence[Recipe] = ()

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def smiles(self) -> list[str]:
        """Canonical SMILES of the molecules, N.

        Raises:
            ConfigError: the objects are no molecules; ``keys`` has their texts.
        """
        if self.kind.key_column != "smiles":
            raise ConfigError(f"{self.kind.plural} have no SMILES; `keys` has their texts")
        return list(self.keys)

    @property
    def values(self) -> np.ndarray:
        """The property that the run's reward is made of, float64 [N], NaN without one.

        Raises:
            ConfigError: the objects were not scored.
        """
        return self._column("value", "values=True")

    @property
    def log_pt(self) -> np.ndarray:
        """log P_T, the log-probability that the policy ends at each object, float64 [N]; errors are in ``table``.

        Raises:
            ConfigError: it was not asked for.
        """
        return self._column("log_pt", "log_pt_samples=16")

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per object: the object itself, then ``columns``."""
        return pd.DataFrame({**self.kind.columns(self.objects), **self.columns})

    def take(self, rows: Sequence[int]) -> Sampled:
        """The objects of these rows, in this order, as if no other had been drawn."""
        rows = [int(row) for row in rows]
        keys = [self.keys[row] for row in rows]
        columns = {name: [cells[row] for row in rows] for name, cells in self.columns.items()}
        objects = self.kind.take(self.objects, rows)
        recipes = [self.recipes[row] for row in rows] if self.recipes else ()
        same = replace(self, objects=objects, keys=keys, columns=columns, recipes=recipes)
        return replace(same, different=len(set(keys)), draws=len(rows))

    @classmethod
    def cat(cls, parts: Sequence[Sampled]) -> Sampled:
        """Several (at least one), with the same columns, one after the other."""
        if len(parts) == 1:
            return parts[0]
        keys = [key for part in parts for key in part.keys]
        return cls(
            kind=parts[0].kind,
            objects=parts[0].kind.cat([part.objects for part in parts]),
            keys=keys,
            columns={name: [cell for part in parts for cell in part.columns[name]] for name in parts[0].columns},
            draws=sum(part.draws for part in parts),
            different=len(set(keys)),
            invalid=sum((part.invalid for part in parts), Counter()),
            recipes=[recipe for part in parts for recipe in part.recipes],
        )

    def best(self, number: int = SHOWN) -> Sampled:
        """The different objects of the largest log R, the best first; at most ``number``, those with a value.

        Raises:
            ConfigError: the objects were not scored.
        """
        log_reward = self._column("log_reward", "values=True")
        first = {key: row for row, key in reversed(list(enumerate(self.keys))) if not np.isnan(log_reward[row])}
        return self.take(sorted(first.values(), key=lambda row: -log_reward[row])[:number])

    def picture(self, number: int = SHOWN) -> Picture:
        """The first objects in rows, with their values where these are known.

        Raises:
            ConfigError: there is no object, or objects of this kind cannot be drawn.
        """
        if not isinstance(self.kind, HasPictures):
            raise ConfigError(f"{self.kind.plural} have no picture")
        if not len(self):
            raise ConfigError("there is no object to draw")
        shown = range(min(number, len(self)))
        values = self.columns.get("value", [float("nan")] * len(self))
        captions = ["" if np.isnan(values[row]) else words(values[row]) for row in shown]
        return Picture(self.kind.sheet(self.kind.take(self.objects, shown), captions))

    def save(self, path: str | Path) -> Path:
        """Write the table into a .csv or .parquet, molecules also into an .smi (no columns) or .sdf; the absolute path.

        Raises:
            ConfigError: the file cannot be written there, or not in such a format.
        """
        place = local(path)
        require_format(place, self.kind)
        require_place(place)
        write_objects(self.objects, place, self.kind, {} if is_bare(place, self.kind) else self.columns)
        return place

    def save_routes(self, path: str | Path) -> Path:
        """Write how each object is made into a .json: a list, one entry for each object in order; the absolute path.

        Raises:
            ConfigError: the file cannot be written there, or the environment knows no routes.
        """
        place = local(path)
        require_routes(place, bool(self.recipes) or not len(self))
        place.write_text(json.dumps([recipe.record for recipe in self.recipes], indent=1) + "\n", encoding="utf-8")
        return place

    def _column(self, name: str, how: str) -> np.ndarray:
        if name not in self.columns:
            raise ConfigError(f"{name} is not known of these objects; sample them with {how}")
        return np.asarray(self.columns[name], dtype=np.float64)

    def __repr__(self) -> str:
        return f"{len(self)} {self.kind.plural}, {self.different} different, from {self.draws} draws"

    def _repr_html_(self) -> str:
        """What a notebook shows: the counts, a picture where there can be one, the first rows of the table."""
        more = f"<p>the first {SHOWN}:</p>" if len(self) > SHOWN else ""
        shown = self.picture().html if isinstance(self.kind, HasPictures) and len(self) else ""
        return f"<p>{self!r}</p>{more}{shown}{self.table.head(SHOWN).to_html(na_rep='', float_format='{:.4g}'.format)}"
