"""What can be known of a trained sampler as a whole: entropy, mutual information, free energies, marginals, supersets.

Each is exact where all states can be listed, else an estimate with its interval (``evaluation.information``,
``evaluation.containing``). Reference: Bengio et al. 2021, arXiv 2111.09266.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import torch

from molgfn.api.columns import sampled_reward
from molgfn.api.composed import LISTED, LISTED_UNASKED, Composed
from molgfn.api.runs import RunLike, load
from molgfn.api.sampled import Sampled
from molgfn.api.sampling import described, draw, require_numbers
from molgfn.environments.base import States
from molgfn.environments.conditional import without_condition
from molgfn.errors import ConfigError, NotEnumerableError
from molgfn.evaluation.containing import estimate_log_flow_from, estimate_marginal
from molgfn.evaluation.exact.answers import exact_target, exact_terminal
from molgfn.evaluation.exact.containing import exact_log_flow_from, exact_marginal, place_of
from molgfn.evaluation.exact.information import drawn_conditions, exact_entropy, exact_mutual_information
from molgfn.evaluation.exact.objects import ListedObjects, list_objects
from molgfn.evaluation.information import estimate_entropy, estimate_mutual_information
from molgfn.evaluation.progress import Progress, silent
from molgfn.evaluation.readings import Reading
from molgfn.runs.checkpoint import Loaded

T = TypeVar("T")
EXACT = "exact: all states were listed"


def entropy(
    run: RunLike | Composed,
    *,
    condition: Mapping[str, float] | None = None,
    exact: bool | None = None,
    objects: int = 1000,
    samples: int = 16,
    seed: int = 0,
    trust: Sequence[str] = (),
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> Reading:
    """Entropy of what a run samples, over finished objects, in nats: exp of it is an effective number of objects.

    Args:
        run: as of ``load``, or what ``combine`` returned.
        condition: of a run that was trained under one; what it does not name has the reference value.
        exact: list all states; None: where there are 50,000 at most; False: estimate anyhow.
        objects: drawn for an estimate, at least 2.
        samples: backward trajectories for log P_T of each, at least 2. Few of them make the interval wide.
        seed: of an estimate.
        trust: as of ``load``.
        device: as of ``load``.
        progress: told what is done and how much of it.

    Returns:
        ``value``, with ``low`` and ``high`` of a 95 % interval and ``error`` where it is an estimate.

    Raises:
        ConfigError: too few objects or samples, no such condition, or ``exact`` and the states cannot be listed.
        DataError: an estimate, and the environment cannot read an object of its own back.
    """
    loaded = _loaded(run, condition, trust, device)

    def by_listing(limit: int) -> Reading:
        listed = list_objects(loaded.environment, limit=limit)
        return Reading(exact_entropy(loaded.environment, loaded.policy, listed=listed), note=EXACT)

    return _exact_or(
        by_listing,
        lambda: estimate_entropy(
            loaded.environment, loaded.policy, objects=objects, samples=samples, seed=seed, progress=progress
        ),
        exact,
    )


def mutual_information(
    run: RunLike,
    conditions: Sequence[Mapping[str, float]] | int,
    weights: Sequence[float] | None = None,
    *,
    exact: bool | None = None,
    objects: int = 100,
    samples: int = 16,
    seed: int = 0,
    trust: Sequence[str] = (),
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> Reading:
    """How much a condition tells about the object that is built under it, in nats; at most the log of their number.

    0 means that the run does the same under all of them.

    Args:
        run: as of ``load``, trained under a condition.
        conditions: such as ``[{"beta": 4}, {"beta": 16}]``; what one does not name has the reference value. A number:
            so many, drawn as the run drew them while it trained.
        weights: how likely each condition is, summing to 1; None: equally.
        exact: as of ``entropy``.
        objects: drawn under each condition for an estimate, at least 2.
        samples: backward trajectories for each object and condition, at least 2.
        seed: of an estimate, and of conditions that are drawn.
        trust: as of ``load``.
        device: as of ``load``.
        progress: told what is done and how much of it.

    Raises:
        ConfigError: no condition, not such a value of it, weights that do not suit, too few objects or samples, or
            ``exact`` and the states cannot be listed.
        DataError: an estimate, and the environment cannot read an object of its own back.
    """
    loaded = load(run, trust=trust, device=device)
    environment, policy = loaded.environment, loaded.policy
    if isinstance(conditions, int):
        conditions = drawn_conditions(environment, conditions, seed)
    w = None if weights is None else torch.tensor(list(weights), dtype=torch.float64)

    def by_listing(limit: int) -> Reading:
        listed = list_objects(without_condition(environment), limit=limit)
        return Reading(exact_mutual_information(environment, policy, conditions, w, listed=listed), note=EXACT)

    return _exact_or(
        by_listing,
        lambda: estimate_mutual_information(
            environment, policy, conditions, w, objects=objects, samples=samples, seed=seed, progress=progress
        ),
        exact,
    )


def free_energy(
    run: RunLike,
    part: str | States,
    *,
    condition: Mapping[str, float] | None = None,
    exact: bool | None = None,
    samples: int = 1000,
    seed: int = 0,
    files: Mapping[str, str] | None = None,
    trust: Sequence[str] = (),
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> Reading:
    """Minus the log of the total reward of all objects that contain a partial object: -log F(s|s).

    A molecule contains a partial tree of fragments where one of the trees that build it has the partial tree in it; it
    counts once. The objects are scored by the run's reward.

    Args:
        run: as of ``load``.
        part: a text that means an object (a SMILES; of several trees that build it, one is taken), or a state [1] of
            the run's environment.
        condition: as of ``entropy``; the reward reads it, too.
        exact: as of ``entropy``. It scores every object of the space.
        samples: objects that contain it, drawn for an estimate, at least 2.
        seed: of an estimate.
        files: as of ``sample``.
        trust: as of ``load``.
        device: as of ``load``.
        progress: told what is done and how much of it.

    Raises:
        ConfigError: too few samples, no such condition or state, or ``exact`` and the states cannot be listed.
        DataError: ``part`` cannot be built, or the environment cannot read an object of its own back.
    """
    loaded = load(run, trust=trust, device=device).under(condition)
    environment, start = loaded.environment, _state(loaded, part)
    reward = sampled_reward(loaded, files)

    def log_reward(objects: object) -> torch.Tensor:
        keys = environment.kind.keys(objects)
        return reward(objects, keys, environment.condition_values(environment.initial(len(keys)))).log_reward

    def by_listing(limit: int) -> Reading:
        target = exact_target(environment, reward, limit=limit)
        return Reading(-exact_log_flow_from(target, place_of(environment, target.graph, start)), note=EXACT)

    def by_sampling() -> Reading:
        found = estimate_log_flow_from(
            environment, loaded.policy, start, log_reward, samples=samples, seed=seed, progress=progress
        )
        value, low, high = (None if x is None else -x for x in (found.value, found.high, found.low))
        return Reading(value, low, high, found.error, found.count)

    return _exact_or(by_listing, by_sampling, exact)


def marginal(
    run: RunLike | Composed,
    part: str | States,
    *,
    condition: Mapping[str, float] | None = None,
    exact: bool | None = None,
    samples: int = 1000,
    seed: int = 0,
    trust: Sequence[str] = (),
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> Reading:
    """Probability that an object which the run samples contains a partial object (see ``free_energy``); no reward.

    Args:
        run: as of ``load``, or what ``combine`` returned.
        part: as of ``free_energy``.
        condition: as of ``entropy``.
        exact: as of ``entropy``.
        samples: objects that contain it, drawn for an estimate, at least 2.
        seed: of an estimate.
        trust: as of ``load``.
        device: as of ``load``.
        progress: told what is done and how much of it.

    Raises:
        ConfigError: too few samples, no such condition or state, or ``exact`` and the states cannot be listed.
        DataError: ``part`` cannot be built, or the environment cannot read an object of its own back.
    """
    loaded = _loaded(run, condition, trust, device)
    environment, policy, start = loaded.environment, loaded.policy, _state(loaded, part)

    def by_listing(limit: int) -> Reading:
        listed: ListedObjects = list_objects(environment, limit=limit)
        p = listed.by_object(exact_terminal(policy, listed.graph))
        return Reading(exact_marginal(listed, p, place_of(environment, listed.graph, start)), note=EXACT)

    return _exact_or(
        by_listing,
        lambda: estimate_marginal(environment, policy, start, samples=samples, seed=seed, progress=progress),
        exact,
    )


def complete(
    run: RunLike | Composed,
    part: str | States,
    number: int = 100,
    *,
    seed: int = 0,
    unique: bool = False,
    temperature: float = 1.0,
    values: bool = True,
    batch: int = 256,
    condition: Mapping[str, float] | None = None,
    files: Mapping[str, str] | None = None,
    trust: Sequence[str] = (),
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> Sampled:
    """Objects that contain a partial object: the policy begins there and goes on as it would.

    They come in proportion to P_T(x) times the probability that a trajectory to x comes through the partial object;
    with balanced flows R(x) P_B(s|x). So where a part is built early or late matters, as it does not for ``marginal``.

    Args:
        run: as of ``load``, or what ``combine`` returned.
        part: as of ``free_energy``.
        number: as of ``sample``, as are ``seed``, ``unique``, ``temperature``, ``values``, ``batch``, ``condition``,
            ``files`` and ``progress``.
        seed: see there.
        unique: see there.
        temperature: see there.
        values: see there.
        batch: see there.
        condition: see there.
        files: see there.
        trust: as of ``load``.
        device: as of ``load``.
        progress: see there.

    Raises:
        ConfigError: a number out of its range, no such condition.
        DataError: ``part`` cannot be built.
        CheckpointError: as of ``sample``.
    """
    require_numbers(number, temperature, 0, batch, seed)
    loaded = _loaded(run, condition, trust, device)
    drawn = draw(
        loaded,
        number,
        seed=seed,
        unique=unique,
        temperature=temperature,
        batch=batch,
        start=_state(loaded, part),
        progress=progress,
    )
    rewards = None
    if values:
        rewards = loaded.rewards(files) if isinstance(loaded, Composed) else sampled_reward(loaded, files)
    return described(loaded, rewards, drawn, seed=seed, progress=progress)


def _loaded(
    run: RunLike | Composed,
    condition: Mapping[str, float] | None,
    trust: Sequence[str],
    device: torch.device | str,
) -> Loaded | Composed:
    if not isinstance(run, Composed):
        return load(run, trust=trust, device=device).under(condition)
    run.refuse(condition)
    return run


def _state(loaded: Loaded | Composed, part: str | States) -> States:
    """The state [1] that a partial object is."""
    environment = loaded.environment
    if not isinstance(part, str):
        if len(part) != 1:
            raise ConfigError(f"part: should be one state, got {len(part)}")
        return part
    return environment.states_of(environment.kind.parse([part]))


def _exact_or(by_listing: Callable[[int], T], otherwise: Callable[[], T], exact: bool | None) -> T:
    """By listing all states where that was asked for or takes no time, else otherwise.

    Raises:
        ConfigError: it was asked for and cannot be done.
    """
    if exact is False:
        return otherwise()
    try:
        return by_listing(LISTED if exact else LISTED_UNASKED)
    except NotEnumerableError as error:
        if exact:
            raise ConfigError(f"exact: all states are listed, which cannot be done: {error}") from None
    return otherwise()
