"""Data beside samples of the policy's own previous iterates: what self-play learns from."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from molgfn.chemistry.standardise import Standardisation
from molgfn.environments.base import Environment
from molgfn.paths import NamedInput
from molgfn.policies.base import Policy
from molgfn.policies.composed.policy import Composition
from molgfn.policies.composed.reach import Member
from molgfn.policies.composed.rules import Product
from molgfn.policies.distributions.capabilities import HasTable, lacking
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.pairs import Pairs
from molgfn.trajectories.rewarded import Rewarded
from molgfn.trajectories.sampler import Sampler
from molgfn.trajectories.sources.base import Context, Kind, Source
from molgfn.trajectories.sources.offline import OfflineMolecules
from molgfn.trajectories.sources.preferences.paths_to import unconditional, worth

#: states that an opponent evaluates at once
_CHUNK = 4096


class SelfPlayPairs(Source):
    """Chosen: a trajectory by P_B to a molecule of the data. Rejected: a trajectory of the opponent.

    Training goes in rounds of ``round`` iterations. At the beginning of each the policy as it is then becomes the
    newest iterate; the first one, as training begins, is the base. The opponent of a round is

    * the newest iterate (``history=1``, ``mixing=0``): plain self-play;
    * per step in proportion to ``P_base(a|s)^mixing P_iterate(a|s)^(1 - mixing)``, which holds it near the base. The
      geometric mixture of the distributions of *trajectories*, which alpha-SPIN is about, would need a normaliser of
      all that comes after each state; this one is normalised at each state, an approximation that is exact where the
      two policies differ at one state of each trajectory at most;
    * for ``history=h`` the mixture of the last h iterates (each mixed with the base as above), one drawn for each
      trajectory: fictitious play. log P of a trajectory is that of the whole mixture, exactly.

    Iterates lie in the checkpoint, so that a run which goes on has the same opponents. Nothing is scored unless the
    objective reads rewards.

    Args:
        molecules: a file of the data, or the name of a set.
        round: iterations of a round.
        mixing: share of the base in the opponent, in [0, 1).
        history: previous iterates that the opponent is drawn from.
        share: share of each batch, in (0, 1], an even number of trajectories.
        column: as of ``data=offline``, as are the following.
        limit: entries read, the first ones; None reads all.
        standardise: rules applied to each; None takes them as they are.
        redraw: take one of a molecule's states anew each time that it is drawn.
        jobs: worker processes that read the file and find the states.

    Reference: Chen et al. 2024, arXiv 2401.01335 (SPIN); Alami et al. 2024, arXiv 2404.04291 (mixing, fictitious play).
    """

    word = "self_play"
    kind = Kind.GIVEN
    pairs = frozenset({"opponent"})

    def __init__(
        self,
        *,
        molecules: Annotated[NamedInput, Field(min_length=1)],
        round: Annotated[int, Field(ge=1)] = 500,
        mixing: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        history: Annotated[int, Field(ge=1)] = 1,
        share: Annotated[float, Field(gt=0, le=1)] = 1.0,
        column: str | None = None,
        limit: Annotated[int, Field(ge=1)] | None = 10_000,
        standardise: Standardisation | None = None,
        redraw: bool = True,
        jobs: Annotated[int, Field(ge=1)] = 1,
    ) -> None:
        self.share: float = share
        self.round, self.mixing, self.history = round, mixing, history
        self.data = OfflineMolecules(
            molecules=molecules, column=column, limit=limit, standardise=standardise, redraw=redraw, jobs=jobs
        )
        self._base: Policy | None = None
        self._iterates: list[Policy] = []
        self._begun = 0  # rounds so far; the last iterate is of the last of them
        self._opponents: list[Policy] = []
        self._kept: dict[str, Any] | None = None  # of a checkpoint, until there is a policy to put it into

    @property
    def off_policy(self) -> str:
        return f"draws data, and trajectories of an earlier P_F (share {self.share:g})"

    def misfit(self, policy: Policy) -> str | None:
        if reason := self.data.misfit(policy) or unconditional(policy):
            return reason
        lacks = lacking(policy.distribution, [HasTable]) if self.mixing else []
        return f"mixes policies step by step, but {lacks[0]}; set mixing to 0" if lacks else None

    def prepare(self, environment: Environment) -> None:
        self.data.prepare(environment)

    def draw(self, context: Context, n: int) -> Rewarded | Trajectories:
        self._begin(context)
        policy, environment = context.policy, context.policy.environment
        data = self.data.sample(policy, n // 2, generator=context.generator, order=context.choices, ranks=context.ranks)
        own = self._play(context, n // 2)
        order = torch.arange(n, device=policy.device).view(2, -1).T.flatten()
        both = Trajectories.cat([replace(data, source=[], keys=[]), own]).select(order)
        keys = environment.kind.keys(environment.objects(both.terminal))
        pairs = replace(Pairs.of_neighbours(n, device=policy.device), log_opponent=self.log_prob(both))
        return worth(context, replace(both, keys=keys, pairs=pairs))

    def _begin(self, context: Context) -> None:
        """Take up what a checkpoint kept, and the newest iterate where a round begins."""
        policy = context.policy
        if self._kept is not None:
            self._base = _frozen(policy, self._kept["base"])
            self._iterates = [_frozen(policy, weights) for weights in self._kept["iterates"]]
            self._begun = self._kept["begun"]
            self._kept, self._opponents = None, []
        if self._base is None or context.iteration % self.round == 0:
            self._iterates = [*self._iterates, _frozen(policy)][-self.history :]
            self._base = self._base or self._iterates[-1]
            self._begun, self._opponents = self._begun + 1, []
        if not self._opponents:
            oldest = self._begun - len(self._iterates)
            self._opponents = [
                self._mixed(self._base, iterate) if oldest + i else iterate for i, iterate in enumerate(self._iterates)
            ]

    def _mixed(self, base: Policy, iterate: Policy) -> Policy:
        """A later iterate than the base, held near it."""
        if not self.mixing:
            return iterate
        members = [Member(policy, policy.environment) for policy in (base, iterate)]
        return Composition(members=members, rule=Product([self.mixing, 1 - self.mixing], 2))

    def _play(self, context: Context, n: int) -> Trajectories:
        """``n`` trajectories of the opponent, each of one of its iterates."""
        sampler = Sampler(context.policy.environment)
        which = torch.randint(len(self._opponents), (n,), generator=context.choices)
        counts = torch.bincount(which, minlength=len(self._opponents)).tolist()
        drawn = [
            sampler.forward(opponent, count, generator=context.generator)
            for opponent, count in zip(self._opponents, counts, strict=True)
            if count
        ]
        return Trajectories.cat(drawn)

    @torch.no_grad()
    def log_prob(self, t: Trajectories) -> Tensor:
        """log P(tau) of the opponent, float64 [B]: of the mixture of its iterates."""
        each = []
        for opponent in self._opponents:
            parts = []
            for first in range(0, len(t.states), _CHUNK):
                rows = slice(first, first + _CHUNK)
                choice = opponent(t.states[rows]).forward
                parts.append(choice.log_prob(t.actions[rows]).double())
            total = torch.zeros(len(t), dtype=torch.float64, device=t.lengths.device)
            each.append(total.index_add(0, t.trajectory, torch.cat(parts)))
        size = torch.tensor(float(len(each)), dtype=torch.float64)
        return torch.logsumexp(torch.stack(each), 0) - size.log()

    def state_dict(self) -> dict[str, Any]:
        """Which molecules are still to come, and the weights of the iterates."""
        if self._kept is not None:
            return {"data": self.data.state_dict(), **self._kept}
        if self._base is None:
            return {"data": self.data.state_dict()}
        iterates = [_weights(iterate) for iterate in self._iterates]
        policies = {"base": _weights(self._base), "iterates": iterates, "begun": self._begun}
        return {"data": self.data.state_dict(), **policies}

    def load_state_dict(self, state: dict[str, Any], environment: Environment) -> None:
        self.data.load_state_dict(state["data"], environment)
        self._kept = {k: state[k] for k in ("base", "iterates", "begun")} if "base" in state else None


def _frozen(policy: Policy, weights: dict[str, Tensor] | None = None) -> Policy:
    """A copy that nothing trains, with other weights where they are given."""
    copied = policy.copy().requires_grad_(False).eval()
    if weights is not None:
        copied.load_state_dict(weights)
    return copied


def _weights(policy: Policy) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in policy.state_dict().items()}
