"""Objects from a trained policy, with what is known about each."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from molgfn.api.columns import Sampling, log_pt_columns, sampled_reward, value_columns
from molgfn.api.composed import Composed
from molgfn.api.conditions import Asked, under_each
from molgfn.api.conformers import conformer_columns
from molgfn.api.runs import RunLike, load
from molgfn.api.sampled import Sampled
from molgfn.environments.base import States
from molgfn.environments.conditional import (
    ConditionalStates,
    drawn_condition,
    fixed_condition,
    in_words,
    without_condition,
)
from molgfn.environments.recipes import HasRecipes, Recipe
from molgfn.errors import ConfigError
from molgfn.evaluation.progress import Progress, silent
from molgfn.policies.exploration import Exploration
from molgfn.rewards.base import Reward
from molgfn.runs.checkpoint import Loaded
from molgfn.trajectories.sampler import Sampler

logger = logging.getLogger("molgfn")

#: draws per wanted object after which sampling gives up finding more
MOST_DRAWS = 20


def sample(
    run: RunLike | Composed,
    number: int = 100,
    *,
    seed: int = 0,
    unique: bool = False,
    temperature: float = 1.0,
    values: bool = True,
    log_pt_samples: int = 0,
    batch: int = 256,
    condition: Asked = None,
    files: Mapping[str, str] | None = None,
    trust: Sequence[str] = (),
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> Sampled:
    """Objects from the policy of a run, as ``molgfn sample`` draws them; invalid ones are counted and left out.

    The same arguments give the same objects; a larger ``number`` with the same ``batch`` begins with the same ones.

    Args:
        run: as of ``load``, or what ``combine`` returned.
        number: objects wanted, at least 1; of each condition where several are asked for. There may be fewer: ``20 *
            number`` draws are made at most (and that is said).
        seed: of the random stream, at least 0.
        unique: each object once (under each condition).
        temperature: above 1 flattens the policy, below 1 sharpens it; > 0.
        values: score the objects with the run's reward.
        log_pt_samples: backward trajectories per object for its log P_T (at temperature 1) and the standard error of
            this, at least 2; 0 leaves them out.
        batch: objects drawn at once.
        condition: of a run that was trained under one, what objects are built under, by the words for it or by its
            columns, such as {"temperature": 16, "preference": [.2, .8]} or {"beta": 16}; what it does not name has the
            condition's reference value (and that is said). A list of such mappings: ``number`` objects under each, one
            after the other, each as if it were asked for alone. "drawn": a new condition for each object, as in
            training.
        files: key -> where a file that the run's reward reads is now, such as ``{"oracle.path": "values.csv"}``.
        trust: as of ``load``.
        device: as of ``load``.
        progress: told what is done and how much of it.

    Raises:
        ConfigError: a number out of its range, no such device, a condition that the run does not know, or ``files``
            names what the run has not read.
        CheckpointError: there is no such run, or it (or its reward: ``values=False`` goes without) cannot be built.
    """
    require_numbers(number, temperature, log_pt_samples, batch, seed)
    each: list[Loaded] | list[Composed]
    reward: Reward | list[Reward] | None
    if isinstance(run, Composed):
        run.refuse(condition)
        each, reward = [run], run.rewards(files) if values else None
        logger.info("%s", run)
    else:
        each = under_each(load(run, trust=trust, device=device), condition)
        if len(each) == 1 and (here := in_words(fixed_condition(each[0].environment))):
            logger.info("condition: %s", here)
        reward = sampled_reward(each[0], files) if values else None
    drawn = sample_from_each(
        each,
        reward,
        number,
        seed=seed,
        unique=unique,
        temperature=temperature,
        log_pt_samples=log_pt_samples,
        batch=batch,
        progress=progress,
    )
    if len(drawn) < (wanted := number * len(each)):
        what = "different objects" if unique else "valid objects"
        logger.warning("only %d of %d %s in %d draws", len(drawn), wanted, what, drawn.draws)
    return drawn


def sample_from_each(
    each: Sequence[Loaded | Composed], reward: Reward | Sequence[Reward] | None, number: int, **settings: Any
) -> Sampled:
    """``sample_from`` for a run under each of several conditions, as one; ``settings`` as of there.

    The random stream starts anew for each, so that what is drawn under a condition does not depend on the others.
    """
    return Sampled.cat([sample_from(loaded, reward, number, **settings) for loaded in each])


def sample_from(
    loaded: Loaded | Composed,
    reward: Reward | Sequence[Reward] | None,
    number: int,
    *,
    seed: int = 0,
    unique: bool = False,
    temperature: float = 1.0,
    log_pt_samples: int = 0,
    batch: int = 256,
    progress: Progress = silent,
) -> Sampled:
    """``sample`` with the run and the reward (of a composition: the rewards; None: no values) at hand."""
    drawn = draw(loaded, number, seed=seed, unique=unique, temperature=temperature, batch=batch, progress=progress)
    return described(loaded, reward, drawn, log_pt_samples=log_pt_samples, seed=seed, progress=progress)


def described(
    loaded: Loaded | Composed,
    reward: Reward | Sequence[Reward] | None,
    drawn: Drawn,
    *,
    log_pt_samples: int = 0,
    seed: int = 0,
    progress: Progress = silent,
) -> Sampled:
    """What was drawn with what is known of each object; arguments as of ``sample_from``."""
    if isinstance(loaded, Composed):
        columns = loaded.condition_columns(len(drawn.keys))
        if reward is not None:
            columns |= loaded.value_columns(reward, drawn.objects, drawn.keys, progress)  # type: ignore[arg-type]
    else:
        columns = dict(drawn.condition) | recipe_columns(drawn.recipes)
        if reward is not None:
            columns |= value_columns(loaded, reward, drawn.objects, drawn.keys, progress, drawn.condition)  # type: ignore[arg-type]
    if log_pt_samples:
        columns |= log_pt_columns(
            loaded,
            drawn.objects,
            drawn.keys,
            samples=log_pt_samples,
            seed=seed,
            progress=progress,
            terminal=drawn.terminal,
        )
    columns |= conformer_columns(loaded, drawn.objects, columns, progress)
    return Sampled(
        kind=loaded.environment.kind,
        objects=drawn.objects,
        keys=drawn.keys,
        columns=columns,
        draws=drawn.draws,
        different=drawn.different,
        invalid=drawn.invalid,
        recipes=drawn.recipes,
    )


def recipe_columns(recipes: Sequence[Recipe]) -> dict[str, list[Any]]:
    """What is said of recipes beside the objects: ``route`` in words, and their numbers; empty without recipes."""
    if not recipes:
        return {}
    numbers = {name: [recipe.numbers[name] for recipe in recipes] for name in recipes[0].numbers}
    return {"route": [recipe.text for recipe in recipes], **numbers}


def require_numbers(number: int, temperature: float, log_pt_samples: int, batch: int, seed: int) -> None:
    """Refuse numbers with which nothing can be drawn.

    Raises:
        ConfigError: with every problem.
    """
    problems = [f"{name}: should be at least 1, got {n}" for name, n in (("number", number), ("batch", batch)) if n < 1]
    if seed < 0:
        problems.append(f"seed: should be at least 0, got {seed}")
    if not temperature > 0:
        problems.append(f"temperature: should be above 0, got {temperature}")
    if log_pt_samples < 0 or log_pt_samples == 1:
        problems.append("log_pt_samples: a standard error takes at least 2; 0 leaves log P_T out")
    if problems:
        raise ConfigError(problems)


@dataclass
class Drawn:
    """Objects in the order in which they were drawn, with what was drawn on the way.

    Attributes:
        objects: N of them.
        keys: of the objects.
        different: how many of them are.
        draws: trajectories that it took.
        invalid: reason -> how many draws were no object.
        condition: column -> N numbers, what each was built under; empty without a condition.
        terminal: N states, on the CPU, where each object was built under a condition of its own; else None.
        recipes: how each was made, N; empty where the environment has none.
    """

    objects: Any
    keys: list[str] = field(default_factory=list)
    different: int = 0
    draws: int = 0
    invalid: Counter[str] = field(default_factory=Counter)
    condition: dict[str, list[float]] = field(default_factory=dict)
    terminal: States | None = None
    recipes: list[Recipe] = field(default_factory=list)


@torch.no_grad()
def draw(
    loaded: Sampling,
    number: int,
    *,
    seed: int = 0,
    unique: bool = False,
    temperature: float = 1.0,
    batch: int = 256,
    start: States | None = None,
    progress: Progress = silent,
) -> Drawn:
    """``number`` valid objects (``unique``: different ones), or as many as ``MOST_DRAWS * number`` draws give.

    ``progress`` is told after each batch how many there are. ``start``: the state [1] that all are begun from; None:
    the source.
    """
    environment, kind = loaded.environment, loaded.environment.kind
    sampler = Sampler(environment)
    generator = torch.Generator(loaded.policy.device).manual_seed(seed)
    exploration = None if temperature == 1.0 else Exploration(temperature=temperature)
    out, seen = Drawn(kind.parse([])), set()
    parts: list[Any] = []
    terminal: list[States] = []
    own, plain = drawn_condition(environment) is not None, without_condition(environment)
    out.condition = {name: [] for name in environment.condition_values(environment.initial(1))}
    begin = None if start is None else start[torch.zeros(batch, dtype=torch.int64)]
    while len(out.keys) < number and out.draws < MOST_DRAWS * max(number, batch):
        trajectories = sampler.forward(loaded.policy, batch, generator=generator, exploration=exploration, start=begin)
        objects = environment.objects(trajectories.terminal)
        rows: list[int] = []
        for row, (key, problem) in enumerate(zip(kind.keys(objects), kind.problems(objects), strict=True)):
            if len(out.keys) == number:
                break
            out.draws += 1
            if problem is not None:
                out.invalid[problem] += 1
            elif not (unique and key in seen):
                seen.add(key)
                rows.append(row)
                out.keys.append(key)
        parts.append(kind.take(objects, rows))
        ended = trajectories.terminal[torch.tensor(rows, dtype=torch.int64)]
        if isinstance(plain, HasRecipes):
            out.recipes += plain.recipes(ended.inner if isinstance(ended, ConditionalStates) else ended)
        for name, column in environment.condition_values(trajectories.terminal).items():
            out.condition[name] += column.cpu()[rows].tolist()
        if own:
            terminal.append(ended.to("cpu"))
        progress("sampled", len(out.keys), number)
    out.objects, out.different = kind.cat(parts), len(seen)
    if terminal:
        out.terminal = type(terminal[0]).cat(terminal)
    return out
