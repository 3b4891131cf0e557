"""Ways to change objects a little: GFNSeqEditor and what it is compared with, each by the same contract."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import ClassVar

import torch

from molgfn.acquisition.proposers.genetic import child, mutant, of_size
from molgfn.class_paths import did_you_mean
from molgfn.docstrings import attributes_in_docstring
from molgfn.editing.candidates import Candidate
from molgfn.editing.lead_walks import lead_walks
from molgfn.editing.rules import Masked, Rule, SeqEditor, Swapped
from molgfn.editing.walking import edit
from molgfn.environments.base import States
from molgfn.errors import ConfigError
from molgfn.objects.molecule import MoleculeKind
from molgfn.policies.base import Policy
from molgfn.trajectories.sampler import Sampler
from molgfn.trajectories.sources.local_search import rebuild

#: walks at once
CHUNK = 256


@dataclass(frozen=True)
class Ask:
    """What a method reads beside the parents.

    Attributes:
        edits: for each of P parents how many edits there may be, at least 1.
        progress: for each how far the calls of its lead are spent, in [0, 1).
        uncertainty: for each that of its lead's value.
        generator: of what a policy draws.
        random: of everything else.
    """

    edits: Sequence[int]
    progress: Sequence[float]
    uncertainty: Sequence[float]
    generator: torch.Generator
    random: Random


@attributes_in_docstring
class Method(ABC):
    """Makes one candidate of each parent, without a call of the oracle."""

    #: rounds that the edits are spread over by default: each starts from what the one before found
    in_rounds: ClassVar[bool] = False
    #: parents of a round are drawn among all that was found, the better the likelier; else the best alone
    population: ClassVar[bool] = False

    @abstractmethod
    def propose(self, parents: Sequence[Candidate], ask: Ask) -> list[Candidate | None]:
        """For each of P parents a candidate, or None where nothing came of it."""


class OfPolicy(Method):
    """What a policy builds from the parents, so many at once."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def propose(self, parents: Sequence[Candidate], ask: Ask) -> list[Candidate | None]:
        found: list[Candidate | None] = []
        for first in range(0, len(parents), CHUNK):
            rows = slice(first, first + CHUNK)
            some = replace(ask, edits=ask.edits[rows], progress=ask.progress[rows], uncertainty=ask.uncertainty[rows])
            found += self._chunk(parents[rows], some)
        return found

    @abstractmethod
    def _chunk(self, parents: Sequence[Candidate], ask: Ask) -> list[Candidate | None]:
        """``propose``, of at most ``CHUNK``."""


class Walked(OfPolicy):
    """The parents' construction is walked again by a rule (``editing.walking``)."""

    def __init__(self, policy: Policy, rule: Callable[[Ask], Rule], *, whole: bool = False) -> None:
        super().__init__(policy)
        self.rule, self.whole = rule, whole

    def _chunk(self, parents: Sequence[Candidate], ask: Ask) -> list[Candidate | None]:
        walks = lead_walks(self.policy, together(parents), ask.generator)
        edits = torch.tensor(ask.edits, device=self.policy.device)
        made = edit(self.policy, walks, self.rule(ask), edits, ask.generator)
        environment = self.policy.environment
        things = environment.objects(made.terminal)
        keys = environment.kind.keys(things)
        rows = zip(made.edits.tolist(), made.dropped.tolist(), made.filled.tolist(), made.changed.tolist(), strict=True)
        out: list[Candidate | None] = []
        for i, (edited, dropped, filled, changed) in enumerate(rows):
            if self.whole and (dropped or filled):
                out.append(None)
                continue
            steps = tuple(j + 1 for j, yes in enumerate(changed) if yes)
            p = parents[i]
            out.append(
                Candidate(
                    things[i],
                    keys[i],
                    made.terminal[i : i + 1].to("cpu"),
                    p.edits + edited,
                    p.dropped + dropped,
                    p.filled + filled,
                    (*p.steps, *steps),
                )
            )
        return out


class TakenBack(OfPolicy):
    """Local search: as many steps as there may be edits are taken back by P_B, and P_F builds from there.

    Reference: Kim et al. 2024, arXiv 2310.02710.
    """

    in_rounds = True

    def _chunk(self, parents: Sequence[Candidate], ask: Ask) -> list[Candidate | None]:
        environment = self.policy.environment
        apart = Sampler(environment).backward(self.policy, together(parents), generator=ask.generator)
        kept = (apart.lengths - 1 - torch.tensor(ask.edits, device=apart.lengths.device)).clamp(min=0)
        made = rebuild(self.policy, apart, kept, ask.generator)
        terminal = made.terminal
        things = environment.objects(terminal)
        keys = environment.kind.keys(things)
        rows = zip((apart.lengths - 1).tolist(), kept.tolist(), (made.lengths - 1 - kept).tolist(), strict=True)
        out: list[Candidate | None] = []
        for i, (steps, stay, built) in enumerate(rows):
            p = parents[i]
            gone = tuple(range(stay + 1, steps + 1))
            out.append(
                replace(
                    p,
                    thing=things[i],
                    key=keys[i],
                    state=terminal[i : i + 1].to("cpu"),
                    edits=p.edits + steps - stay,
                    filled=p.filled + built,
                    steps=(*p.steps, *gone),
                )
            )
        return out


class Genetic(Method):
    """Mutations and crossovers of a graph-based genetic algorithm, a generation for each round.

    Args:
        others: molecules that a parent may be crossed with (the other leads).
        crossed: share of crossovers.
        max_atoms: heavy atoms of a child, at most.

    Reference: Jensen 2019, doi:10.1039/C8SC05372C.
    """

    in_rounds = True
    population = True

    def __init__(self, others: Sequence[Candidate], *, crossed: float = 0.25, max_atoms: int = 60) -> None:
        self.others, self.crossed, self.max_atoms = others, crossed, max_atoms

    def propose(self, parents: Sequence[Candidate], ask: Ask) -> list[Candidate | None]:
        out: list[Candidate | None] = []
        for parent, most in zip(parents, ask.edits, strict=True):
            made, done = parent.thing, 0
            for _ in range(ask.random.randint(1, most)):
                mate = ask.random.choice(self.others).thing if ask.random.random() < self.crossed else None
                after = mutant(made, ask.random) if mate is None else child(made, mate, 0.0, ask.random)
                if after is not None:
                    made, done = after, done + 1
            if not done or not of_size([made], self.max_atoms):
                out.append(None)
            else:
                out.append(Candidate(made, made.smiles, None, parent.edits + done))
        return out


def together(parents: Sequence[Candidate]) -> States:
    """The terminal states of candidates, as one batch."""
    states = [parent.state for parent in parents if parent.state is not None]
    if len(states) < len(parents):
        raise ValueError("a candidate that was not built in the environment has no state")
    return type(states[0]).cat(states)


#: name -> what it is, in one line
METHODS = {
    "gfn": "GFNSeqEditor: steps that P_F finds poor are drawn anew",
    "delta_cs": "steps are masked at random and drawn anew from P_F",
    "local_search": "the last steps are taken back by P_B and built anew by P_F",
    "fragment_swap": "a step is swapped for another at its place, each alike",
    "graph_ga": "mutations and crossovers of molecular graphs",
}


def method_named(
    name: str,
    policy: Policy,
    leads: Sequence[Candidate],
    *,
    delta: float = 0.4,
    mixing: float = 0.1,
    sigma: float = 0.001,
    fraction: tuple[float, float] = (0.5, 0.5),
    caution: float = 0.0,
) -> Method:
    """The method of that name.

    Args:
        name: one of ``METHODS``.
        policy: of the run.
        leads: all that is edited, which a genetic algorithm crosses.
        delta: of ``gfn``, as ``mixing`` and ``sigma`` (see ``SeqEditor``).
        mixing: lambda.
        sigma: of the noise.
        fraction: of ``delta_cs``, what is masked at the first and at the last call.
        caution: of ``delta_cs``: fraction - caution * uncertainty is masked, at least 0 (arXiv 2410.04461, equation 4).

    Raises:
        ConfigError: there is none, a number is out of its range, or the method is not for such objects.
    """
    if name not in METHODS:
        raise ConfigError(f"method: there is no `{name}`{did_you_mean(name, METHODS)}")
    if name == "gfn":
        rule = SeqEditor(delta, mixing, sigma)
        return Walked(policy, lambda ask: rule)
    if name == "delta_cs":
        Masked(fraction)  # refuses what is out of range
        start, end = fraction
        if not caution >= 0:
            raise ConfigError(f"caution: should be at least 0, got {caution}")

        def masked(ask: Ask) -> Rule:
            pairs = zip(ask.progress, ask.uncertainty, strict=True)
            return Masked([min(max(start + (end - start) * p - caution * u, 0.0), 1.0) for p, u in pairs])

        return Walked(policy, masked)
    if name == "fragment_swap":
        rule_of_swaps = Swapped()
        return Walked(policy, lambda ask: rule_of_swaps, whole=True)
    if name == "local_search":
        return TakenBack(policy)
    if not isinstance(policy.environment.kind, MoleculeKind):
        raise ConfigError(f"method: graph_ga mutates molecules, but this run builds {policy.environment.kind.plural}")
    return Genetic(leads)
