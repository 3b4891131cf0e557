"""Whether products of (actions / parents) along a path depend on the path."""

from __future__ import annotations

import torch
from torch import Tensor

from molgfn.environments.base import Environment, States
from molgfn.environments.enumerable import Enumerable, enumerable


@torch.no_grad()
def path_dependence(environment: Environment, *, objects: int = 64, paths: int = 8, seed: int = 0) -> str | None:
    """None where g(s) = product of A(s_i) / B(s_{i+1}) came out equal on all paths that were tried, else a sentence.

    A(s) is the number of legal actions (the exit is one), B(s) the number of legal backward actions. Deep states are
    reached by uniform walks that stop only where nothing else is legal, and each is taken apart ``paths`` times (He et
    al. 2025, arXiv 2406.02213, where g must be a function of s, by paths of whatever length). A difference at a shallow
    state shows at the deep ones below it.

    Args:
        environment: what is asked.
        objects: how many deep states are tried.
        paths: backward paths from each.
        seed: of the draws.

    Raises:
        ConfigError: its states have no keys and its actions cannot be counted.
    """
    environment = enumerable(environment, "a product along paths")
    generator = torch.Generator().manual_seed(seed)
    deep = _deep_states(environment, objects, generator)
    log_g = _log_path_factors(environment, deep, paths, generator)
    least, most = log_g.amin(1), log_g.amax(1)
    worst = int((most - least).argmax())
    if float(most[worst] - least[worst]) < 1e-9:
        return None
    name = environment.keys(deep[worst : worst + 1])[0]
    return (
        "needs a graph where the product of (actions / parents) along a path to a state does not depend on the path; "
        f"in {type(environment).__name__} it comes out as {float(least[worst].exp()):.6g} and as "
        f"{float(most[worst].exp()):.6g} for the state {name}"
    )


def uniform_rows(row: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """An entry of each row, drawn uniformly: int64 [n] into ``row`` [m] (not decreasing, each of n rows is there)."""
    count = torch.bincount(row, minlength=n)
    drawn = (torch.rand(n, generator=generator, dtype=torch.float64) * count).long()
    return count.cumsum(0) - count + drawn


def _deep_states(environment: Enumerable, n: int, generator: torch.Generator) -> States:
    """Where ``n`` walks end that go on as long as anything but the exit is legal."""
    states, ended = environment.initial(n), []
    for _ in range(environment.max_steps):
        row, actions = environment.legal_actions(states)
        on = torch.bincount(row, minlength=len(states)) > 0
        ended.append(states[~on])
        states = states[on]
        if not len(states):
            break
        place = on.long().cumsum(0) - 1
        states = environment.step(states, actions[uniform_rows(place[row], len(states), generator)])
    return type(states).cat([*ended, states])


def _log_path_factors(environment: Enumerable, ends: States, paths: int, generator: torch.Generator) -> Tensor:
    """log g along ``paths`` uniform backward paths from each of n states, float64 [n, paths]."""
    states = ends[torch.arange(len(ends)).repeat_interleave(paths)]
    row = torch.arange(len(states))
    log_g = torch.zeros(len(states), dtype=torch.float64)
    for _ in range(environment.max_steps):
        on = ~environment.is_initial(states)
        states, row = states[on], row[on]
        if not len(states):
            break
        of, actions = environment.legal_backward_actions(states)
        before = environment.undo(states, actions[uniform_rows(of, len(states), generator)])
        gain = environment.n_forward(before).double().log() - environment.n_backward(states).double().log()
        log_g = log_g.index_add(0, row, gain)
        states = before
    return log_g.view(-1, paths)
