"""What a sampler does with objects that were hidden from it in training, exactly."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from molgfn.environments.base import Environment
from molgfn.environments.enumeration import StateGraph
from molgfn.errors import ConfigError
from molgfn.evaluation.exact.answers import ExactTarget
from molgfn.evaluation.exact.distances.jensen_shannon import jensen_shannon
from molgfn.evaluation.exact.distances.log_correlation import log_correlation
from molgfn.evaluation.exact.distances.log_l1 import log_l1
from molgfn.evaluation.exact.distances.total_variation import total_variation
from molgfn.hiding.base import HiddenObjects


@dataclass(frozen=True)
class HiddenPart:
    """Which of the K objects of a listed space are hidden.

    Attributes:
        hidden: bool [K], neither all nor none.
        steps: int64 [K], the fewest construction steps that each takes.
    """

    hidden: Tensor
    steps: Tensor


def hidden_part(environment: Environment, target: ExactTarget, hidden: HiddenObjects) -> HiddenPart:
    """Ask of every object whether it is hidden. One that several states stand for, built in few or in many steps, is
    hidden where it is so by all of them.

    Raises:
        ConfigError: all objects are hidden, or none.
    """
    graph, ends = target.graph, (target.objects >= 0).nonzero().squeeze(1)
    owner, fewest = target.objects[ends], fewest_steps(graph)[ends]
    objects = environment.objects(graph.states[ends]) if hidden.reads_objects else None
    keys = [target.keys[i] for i in owner.tolist()] if hidden.reads_objects else []
    seen = ~hidden.hides(objects, keys, fewest)
    count = len(target.keys)
    shown = torch.zeros(count, dtype=torch.int64).index_add_(0, owner, seen.long()) > 0
    if bool(shown.all()) or not bool(shown.any()):
        what = "none of the" if bool(shown.all()) else "all"
        raise ConfigError(f"hidden: {what} {count:,} objects that the environment builds are hidden; hide some")
    steps = torch.full((count,), torch.iinfo(torch.int64).max).scatter_reduce(0, owner, fewest, "amin")
    return HiddenPart(~shown, steps)


def fewest_steps(graph: StateGraph) -> Tensor:
    """Forward actions from the source to each state along the shortest path, int64 [M]."""
    fewest = graph.depth.clone()  # of the longest
    while True:
        shorter = fewest.scatter_reduce(0, graph.target, fewest[graph.source] + 1, "amin")
        if torch.equal(shorter, fewest):
            return fewest
        fewest = shorter


def hidden_numbers(p: Tensor, target: ExactTarget, part: HiddenPart) -> dict[str, float]:
    """How well P_T is known on both parts of the objects; NaN for what cannot be told.

    ``hidden/mass`` and ``hidden/target_mass`` are P_T and R / Z of all that is hidden. ``hidden/tv``, ``hidden/jsd``
    and ``visible/tv`` compare the two as distributions within a part, so that what is there is not blamed on how much
    of it is. ``hidden/pearson`` and ``hidden/spearman`` are of log P_T with log R, ``hidden/log_l1`` is the mean of
    |log P_T - log R + log Z|, and ``log_l1/steps=N`` the same of all objects that take N steps, hidden or not.

    Args:
        p: P_T of the K objects.
        target: the listed space.
        part: what of it is hidden.

    Reference: Krichel et al., arXiv 2407.03105; Atanackovic and Bengio, arXiv 2402.05309.
    """
    h, pi = part.hidden, target.pi
    pearson, spearman = log_correlation(p[h], target.log_reward[h])
    numbers = {
        "hidden/mass": float(p[h].sum()),
        "hidden/target_mass": float(pi[h].sum()),
        "hidden/tv": _within(total_variation, p[h], pi[h]),
        "hidden/jsd": _within(jensen_shannon, p[h], pi[h]),
        "visible/tv": _within(total_variation, p[~h], pi[~h]),
        "hidden/pearson": pearson,
        "hidden/spearman": spearman,
        "hidden/log_l1": log_l1(p[h], pi[h]),
    }
    for n in part.steps.unique().tolist():
        rows = part.steps == n
        numbers[f"log_l1/steps={n}"] = log_l1(p[rows], pi[rows])
    return numbers


def _within(distance: Callable[[Tensor, Tensor], float], p: Tensor, q: Tensor) -> float:
    """Between the two conditional distributions; NaN where one has no mass there."""
    if not float(p.sum()) > 0 or not float(q.sum()) > 0:
        return math.nan
    return distance(p / p.sum(), q / q.sum())
