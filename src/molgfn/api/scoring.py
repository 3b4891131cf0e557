"""Values of molecules by any oracle or reward, or by the reward of a run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import yaml

from molgfn.api.own_files import own_reward
from molgfn.api.runs import RunLike, checkpoint_of, trusted_for
from molgfn.chemistry.molecules import Molecule, parse
from molgfn.class_paths import import_class
from molgfn.composing.compose import checked
from molgfn.composing.places import shipped
from molgfn.config import ROOT
from molgfn.errors import ConfigError
from molgfn.experiment import readings_of, reward_of, unused_scalarisation
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MOLECULE
from molgfn.rewards.base import Reward
from molgfn.rewards.readings import Readings
from molgfn.runs.checkpoint import KEY, files_of, read

#: columns of every table, which no component may be called
TAKEN = ("smiles", "log_reward", "problem")
#: molecules that are asked about at once
BATCH = 256


def score(
    molecules: Iterable[str | Molecule] | str,
    *overrides: str,
    run: RunLike | None = None,
    files: Mapping[str, str] | None = None,
    trust: Sequence[str] = (),
) -> pd.DataFrame:
    """Values of molecules, as ``molgfn score`` writes them: one row each, in order, whatever it is.

    Args:
        molecules: SMILES or ``chemistry.Molecule``.
        overrides: which oracle, such as "oracle=seh_proxy", and where log R is wanted which reward ("reward=power",
            "reward.beta=8"); what is below ``scoring``, too.
        run: score by the reward of this run (as of ``load``), of which ``overrides`` may change what is below
            ``oracle``, ``reward`` and ``scoring``; the column of values is then called ``value``.
        files: as of ``evaluate``, for ``run``.
        trust: as of ``load``, for ``run``.

    Returns:
        ``smiles`` (as given), the value under the oracle's name, its components, ``log_reward`` where there is a
        reward, what the oracle says in words, and ``problem``: why a row has no value, or None.

    Raises:
        ConfigError: with every problem of the overrides; an oracle of other objects than molecules.
        CheckpointError: there is no such run, or its reward cannot be built here.
    """
    if run is None:
        columns = ScoreColumns.chosen(overrides)
    else:
        columns = ScoreColumns.of_run(run, overrides, trust=trust, files=files)
    given = [molecules] if isinstance(molecules, str) else list(molecules)
    texts = [thing if isinstance(thing, str) else thing.smiles for thing in given]
    parsed = iter(parse([thing for thing in given if isinstance(thing, str)]))
    things = [next(parsed) if isinstance(thing, str) else thing for thing in given]
    parts = [columns.of(things[first : first + BATCH]) for first in range(0, max(len(things), 1), BATCH)]
    tables = [pd.DataFrame({name: pd.Series(cells) for name, cells in part.items()}) for part in parts]
    table = pd.concat(tables, ignore_index=True)
    table.insert(0, "smiles", texts)
    return table


#: what values come from
Part = TypeVar("Part", Reward, Readings)


class ScoreColumns:
    """An oracle, with its reward if there is one, as a maker of columns.

    Args:
        reward: asked for values and log R; None for values alone.
        readings: asked where there is no reward.
        name: of the column of values; None, or that of one component among several, for the oracle's own.

    Raises:
        ConfigError: it scores other objects than molecules, or its parts are called as a column is.
    """

    def __init__(self, reward: Reward | None, readings: Readings | None, name: str | None) -> None:
        self.reward, self.readings = reward, readings
        oracle: Any = (reward or readings).oracle  # type: ignore[union-attr]
        require_molecules(oracle.name, oracle.kind)
        own = set(oracle.component_names)
        if clash := (own | set(oracle.remark_names)) & set(TAKEN):
            raise ConfigError(f"oracle: {', '.join(sorted(clash))}: a column is called so; rename the component")
        # the only component is the value itself, which is shown once unless it goes by another name
        self._same = own == {oracle.name} and name != "value"
        self._own_name = oracle.name
        self.name: str = oracle.name if name is None or (name in own and not self._same) else name
        self._parts: tuple[str, ...] = ()

    @classmethod
    def chosen(cls, overrides: Sequence[str]) -> ScoreColumns:
        """By what overrides choose; the column of values is called as the oracle's config file, else as the oracle."""
        config = composed(tuple(overrides))
        name = _chosen(overrides)
        if config.get("reward") is not None:
            return cls(unconditional(reward_of(config, training=True)), None, name)
        return cls(None, unconditional(readings_of(config, training=True)), name)

    @classmethod
    def of_run(
        cls,
        run: RunLike,
        overrides: Sequence[str] = (),
        *,
        trust: Sequence[str] = (),
        files: Mapping[str, str] | None = None,
    ) -> ScoreColumns:
        """By the reward of a run; ``overrides`` change what is below its oracle, reward and scoring."""
        path = checkpoint_of(run)
        content = read(path)
        reward = own_reward(
            path,
            content[KEY]["config"],
            files_of(content),
            trust=trusted_for(run, trust),
            given=files,
            overrides=overrides,
        )
        if reward.kind is not MOLECULE:
            raise ConfigError(f"--run: {path}: its reward is of {reward.kind.name} objects, not molecules")
        return cls(unconditional(reward, "oracle."), None, "value")

    @property
    def counters(self) -> Any:
        return self.reward.counters if self.reward is not None else self.readings.service.counters  # type: ignore[union-attr]

    @property
    def numbers(self) -> list[str]:
        """Names of the columns that hold numbers."""
        return [self.name, *self._parts, *(["log_reward"] if self.reward is not None else [])]

    def of(self, molecules: Sequence[Molecule]) -> dict[str, Any]:
        """Name -> B cells: the value, its parts, log R, what the oracle says in words, and ``problem``."""
        keys = [m.smiles for m in molecules]
        last: dict[str, Any] = {}
        if self.reward is not None:
            scores = self.reward(molecules, keys)
            problems = scores.problems
            value, components = scores.value.numpy(), {k: v.numpy() for k, v in scores.components.items()}
            last = {"log_reward": np.where([p is None for p in problems], scores.log_reward.numpy(), np.nan)}
            words = self.reward.remarks(molecules)
        else:
            _, reading = self.readings(molecules, keys)  # type: ignore[misc]
            value, components, problems = reading.value, reading.components, reading.problems
            words = self.readings.service.remarks(molecules)  # type: ignore[union-attr]
        if self._same:
            components = {name: column for name, column in components.items() if name != self._own_name}
        parts = {name: column for name, column in components.items() if name != self.name}
        self._parts = tuple(parts)
        return {self.name: value, **parts, **last, **words, "problem": problems}


def composed(overrides: tuple[str, ...]) -> dict[str, Any]:
    """The checked config that the overrides make of ``configs/score.yaml``: oracle, scoring, and a reward or null.

    Raises:
        ConfigError: with every problem that was found.
    """
    _require_shipped_molecules(_chosen(overrides))
    schema = {
        **{key: ROOT[key] for key in ("scalarisation", "oracle", "scoring")},
        "reward": type(ROOT["reward"])(ROOT["reward"].base, ROOT["reward"].live, optional=True),
    }
    config = checked(str(shipped("configs") / "score.yaml"), overrides, schema)
    if problems := unused_scalarisation(config):
        raise ConfigError(problems)
    return config


def _chosen(overrides: Sequence[str]) -> str | None:
    """The name of the oracle's config file, where the overrides choose one."""
    found = [match[1] for text in overrides if (match := re.fullmatch(r"\+*oracle=(\w+)", text))]
    return found[-1] if found else None


def _require_shipped_molecules(name: str | None) -> None:
    """Refuse a shipped oracle of other objects; its config may ask for an environment, which there is none of here."""
    path = shipped("configs") / "oracle" / f"{name}.yaml"
    if path.is_file():
        kind = import_class(yaml.safe_load(path.read_text(encoding="utf-8"))["_target_"]).kind
        if isinstance(kind, ObjectKind):  # that of a composite is not known before it is built
            require_molecules(str(name), kind)


def require_molecules(name: str, kind: ObjectKind) -> None:
    """Refuse an oracle of other objects."""
    if kind is not MOLECULE:
        raise ConfigError(
            f"oracle: {name} measures {kind.name} objects, not molecules; `molgfn describe oracle` lists the oracles"
        )


#: how conditions of objectives begin -> what to take instead where objects carry none
_INSTEAD = {
    "preference_": "take fixed weights, {where}scalarisation.weights=components",
    "goal_": "take a scalarisation that reads none",
    "target_": "give the transform `Near` a number as target, and name=null",
}


def unconditional(part: Part, where: str = "") -> Part:
    """A reward, or an oracle behind its door; refused where it depends on what molecules of a file do not carry.

    Args:
        part: what values come from.
        where: below which key the scalarisation is changed.
    """
    reads = part.reads if isinstance(part, Reward) else part.scalarisation.reads
    for name in sorted(reads):
        lacks = f"reads the condition `{name}`, which molecules of a file do not carry"
        for start, instead in _INSTEAD.items():
            if name.startswith(start):
                raise ConfigError(f"oracle: it {lacks}; {instead.format(where=where)}")
        raise ConfigError(f"reward.{name}: {type(part).__name__} {lacks}; give it a number, such as reward.{name}=8")
    return part
