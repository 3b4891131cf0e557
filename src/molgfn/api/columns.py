"""What stands beside sampled objects: the condition, values of the run's reward, and log P_T."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Protocol

import torch

from molgfn.api.own_files import own_reward
from molgfn.environments.base import Environment, States
from molgfn.environments.conditional import fixed_condition
from molgfn.errors import CheckpointError, DataError
from molgfn.evaluation.progress import Progress
from molgfn.evaluation.terminal_probability import log_terminal_probability
from molgfn.policies.base import Policy
from molgfn.rewards.base import Reward
from molgfn.runs.checkpoint import Loaded

logger = logging.getLogger("molgfn")

#: objects that are scored at once, while how far it is is shown
EVERY = 256
#: the columns of log P_T
LOG_PT = ("log_pt", "log_pt_error")
NAN = float("nan")


class Sampling(Protocol):
    """What can be drawn from: a run, or several that were made one."""

    @property
    def environment(self) -> Environment: ...

    @property
    def policy(self) -> Policy: ...


def sampled_reward(loaded: Loaded, given: Mapping[str, str] | None = None, instead: str = "") -> Reward:
    """The reward of the run; ``given`` says where its files are now, ``instead`` how to do without, for messages.

    Raises:
        CheckpointError: it cannot be built here, or what it says and a column are called alike.
    """
    made = own_reward(loaded.path, loaded.config, loaded.files, trust=loaded.trust, given=given, instead=instead)
    oracle = getattr(made, "oracle", None)
    names = [] if oracle is None else [*oracle.component_names, *oracle.remark_names]
    environment, kind = loaded.environment, loaded.environment.kind
    condition = environment.condition_values(environment.initial(1))
    taken = {name.lower() for name in (*kind.columns(kind.parse([])), *LOG_PT, *condition)}
    if clash := sorted({name.lower() for name in names} & taken):
        raise CheckpointError(f"{loaded.path}: {', '.join(clash)}: a part of the oracle and a column are called so")
    return made


def condition_columns(loaded: Loaded, number: int) -> dict[str, list[Any]]:
    """The one condition that ``number`` objects were built under: column -> as many cells; empty without one."""
    return {name: [value] * number for name, value in fixed_condition(loaded.environment).items()}


def value_columns(
    loaded: Loaded,
    by: Reward,
    objects: Any,
    keys: list[str],
    progress: Progress,
    condition: Mapping[str, list[float]] | None = None,
) -> dict[str, list[Any]]:
    """``value``, the components, ``log_reward``, what the oracle says in words, and ``problem``: name -> N cells.

    ``condition``: column -> N numbers that the objects were built under; None: the one condition of the run, if any.
    """
    own = condition_columns(loaded, len(objects)) if condition is None else condition
    under = {name: torch.tensor(column, dtype=torch.float64) for name, column in own.items()}
    columns: dict[str, list[Any]] = {}
    for first in range(0, len(objects), EVERY):
        last = min(first + EVERY, len(objects))
        some = loaded.environment.kind.take(objects, range(first, last))
        scores = by(some, keys[first:last], {name: column[first:last] for name, column in under.items()})
        valid = scores.valid.tolist()
        log_reward = [x if ok else NAN for x, ok in zip(scores.log_reward.tolist(), valid, strict=True)]
        numbers = {"value": scores.value.tolist(), **{k: v.tolist() for k, v in scores.components.items()}}
        for name, column in numbers.items():
            columns.setdefault(name, []).extend(column)
        columns.setdefault("log_reward", []).extend(log_reward)
        for name, texts in by.remarks(some).items():
            columns.setdefault(name, []).extend(texts)
        columns.setdefault("problem", []).extend(scores.problems)
        progress("scored", last, len(objects))
    return columns


def log_pt_columns(
    loaded: Sampling,
    objects: Any,
    keys: list[str],
    *,
    samples: int,
    seed: int,
    progress: Progress,
    terminal: States | None = None,
) -> dict[str, list[Any]]:
    """log P_T of each object and its standard error, by backward sampling; equal objects are asked about once.

    Where the environment cannot read an object back, that is said and the columns are empty.

    ``terminal``: N states where each object was built under a condition of its own, under which it is asked about.
    """
    asked = list(enumerate(keys)) if terminal is not None else keys  # what is the same question
    first = {key: row for row, key in reversed(list(enumerate(asked)))}
    different = sorted(first.values())
    try:
        found = log_terminal_probability(
            loaded.environment,
            loaded.policy,
            loaded.environment.kind.take(objects, different),
            samples=samples,
            generator=torch.Generator(loaded.policy.device).manual_seed(seed),
            seed=seed,
            under=None if terminal is None else terminal[torch.tensor(different, dtype=torch.int64)],
            progress=progress,
        )
    except DataError as error:
        logger.warning("log_pt is left empty: backward sampling is not possible: %s", error)
        return {name: [NAN] * len(objects) for name in LOG_PT}
    place = {row: n for n, row in enumerate(different)}
    columns = zip(LOG_PT, (found.log_p.tolist(), found.standard_error.tolist()), strict=True)
    return {name: [column[place[first[key]]] for key in asked] for name, column in columns}
