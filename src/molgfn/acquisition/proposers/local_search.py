"""The best known objects, partly taken apart by P_B and built again by P_F."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from molgfn.acquisition.proposers.base import Ask, Proposer
from molgfn.acquisition.ranking import rank_weights
from molgfn.environments.base import Environment
from molgfn.errors import ContractError, DataError
from molgfn.trajectories.sampler import Sampler
from molgfn.trajectories.sources.local_search import rebuild


class LocalSearch(Proposer):
    """Known objects by rank weight, a share of the steps of each taken back and built anew by the sampler of the loop.

    Those that its environment cannot build are passed over.

    Args:
        count: proposals each round.
        population: the best objects that it starts from.
        rank_weight: k of 1 / (k N + rank); small takes the best almost alone.
        taken_back: share of the construction steps that is taken back, rounded up, in (0, 1].

    Reference: Kim et al. 2024, arXiv 2310.02710, section 4 (here the acquisition accepts, not a chain).
    """

    reads_policy = True

    def __init__(
        self,
        *,
        count: Annotated[int, Field(ge=1)] = 64,
        population: Annotated[int, Field(ge=1)] = 256,
        rank_weight: Annotated[float, Field(gt=0)] = 0.01,
        taken_back: Annotated[float, Field(gt=0, le=1)] = 0.5,
    ) -> None:
        self.count, self.population = count, population
        self.rank_weight, self.taken_back = rank_weight, taken_back

    def propose(self, ask: Ask) -> Any:
        policy, known = ask.policy, ask.known
        if policy is None:
            raise ContractError("LocalSearch: there is no sampler in this loop")
        rows = known.best(self.population)
        if not len(rows):
            return []
        weights = rank_weights(known.worth[rows], self.rank_weight)
        chosen = known.take(ask.random.choice(rows, self.count, p=weights))
        terminal = _states(policy.environment, chosen)
        if terminal is None:
            return []
        apart = Sampler(policy.environment).backward(policy, terminal, generator=ask.generator)
        steps = apart.lengths - 1
        # less a hair, since 0.3 * 10 is a little more than 3 in floating point
        kept = steps - (self.taken_back * steps.double() - 1e-9).ceil().long()
        return policy.environment.objects(rebuild(policy, apart, kept, ask.generator).terminal)


def _states(environment: Environment, objects: Any) -> Any:
    """A terminal state of each object that the environment can build, under its reference condition; None for none."""
    found = []
    for row in range(len(objects)):
        try:
            found.append(environment.states_of(environment.kind.take(objects, [row])))
        except DataError:
            continue
    return type(found[0]).cat(found) if found else None
