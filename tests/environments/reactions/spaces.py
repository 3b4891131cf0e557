"""Environments of reactions that are small enough to list, and rewards of their molecules."""

from __future__ import annotations

import math
from typing import Any

import torch
from tests.environments.reactions.small import library
from torch import Tensor

from molgfn.chemistry.reactions.library import ReactionLibrary
from molgfn.chemistry.reactions.route import Route
from molgfn.environments.enumeration import StateGraph, enumerate_states
from molgfn.environments.reactions import Reactions
from molgfn.evaluation.exact.answers import solve_flows


def small(made: ReactionLibrary | None = None, **arguments: Any) -> Reactions:
    """Of the library of ``small.library`` unless another is given."""
    return Reactions(library=dict((made or library()).plain()), **arguments)


class Listed:
    """All states, the molecules that they end at, and a random log R of each molecule."""

    def __init__(self, environment: Reactions, seed: int = 0) -> None:
        self.environment = environment
        self.graph: StateGraph = enumerate_states(environment)
        self.stop = self.graph.can_stop.nonzero().squeeze(1)
        terminal = self.graph.states[self.stop]
        objects = environment.objects(terminal)
        keys = environment.kind.keys(objects)
        number = {key: i for i, key in enumerate(dict.fromkeys(keys))}
        self.molecules = list(number)
        self.of = torch.tensor([number[key] for key in keys])
        self.log_symmetry = environment.log_symmetry(terminal, objects)
        generator = torch.Generator().manual_seed(seed)
        self.log_r = 2 * torch.randn(len(number), generator=generator, dtype=torch.float64)

    def solved(self, log_r: Tensor, *, corrected: bool) -> tuple[Tensor, float]:
        """P_T over molecules of solved flows under uniform P_B, and log Z."""
        log_target = torch.full((len(self.graph),), -math.inf, dtype=torch.float64)
        log_target[self.stop] = log_r[self.of] - (self.log_symmetry if corrected else 0.0)
        flows = solve_flows(self.graph, log_target)
        p = torch.zeros(len(self.molecules), dtype=torch.float64)
        return p.index_add(0, self.of, flows.log_terminal.exp()[self.stop]), flows.log_z

    def total_variation(self, *, corrected: bool) -> float:
        """From R/Z, of solved flows."""
        p, _ = self.solved(self.log_r, corrected=corrected)
        return float((p - self.log_r.softmax(0)).abs().sum() / 2)


def random_routes(environment: Reactions, n: int, seed: int = 0) -> tuple[list[Route], int]:
    """Routes of ``n`` random walks, each part of an action drawn evenly; and how many ended in a reaction that failed.

    No walk is ever without a legal action.
    """
    generator = torch.Generator().manual_seed(seed)
    states, ended, failed = environment.initial(n), [], 0
    for _ in range(environment.max_steps):
        chosen = torch.empty(len(states), 0, dtype=torch.int64)
        for _ in environment.parts:
            mask = environment.part_mask(states, chosen)
            assert mask.any(1).all()
            chosen = torch.cat([chosen, torch.multinomial(mask.double(), 1, generator=generator)], 1)
        exits = environment.is_exit(states, chosen)
        objects = environment.objects(states[exits])
        whole = torch.tensor([molecule.valid for molecule in objects], dtype=torch.bool)
        routes = environment.routes(states[exits][whole])
        assert [route.product for route in routes] == [molecule.smiles for molecule in objects if molecule.valid]
        ended, failed = ended + routes, failed + int((~whole).sum())
        states = environment.step(states, chosen)[~exits]
        if not len(states):
            break
    assert len(ended) + failed == n
    return ended, failed
