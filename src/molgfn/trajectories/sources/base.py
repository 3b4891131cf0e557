"""The contract of a source of trajectories, and what it may read when it draws."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from types import MappingProxyType
from typing import Any, ClassVar

import torch

from molgfn.docstrings import attributes_in_docstring
from molgfn.environments.base import Environment
from molgfn.errors import ConfigError
from molgfn.hiding.base import HiddenObjects
from molgfn.policies.base import Policy
from molgfn.policies.exploration import Exploration
from molgfn.ranks import ALONE, Ranks
from molgfn.rewards.base import Reward
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.rewarded import Batch, Rewarded, find_rewards, without_rewards
from molgfn.trajectories.sampler import Sampler
from molgfn.trajectories.visible import Visible


class Kind(IntEnum):
    """What the trajectories of a source are; within a batch, sources draw in this order."""

    #: drawn from scratch by the present policy; the run finds their objects
    NEW = 0
    #: made from what was drawn anew in this batch; the run finds their objects
    NEAR = 1
    #: of earlier batches, or of this one under other conditions; nothing was found by them
    STORED = 2
    #: they lead to objects that were given; these are recorded, but neither counted nor kept as found
    GIVEN = 3


@dataclass(frozen=True)
class Context:
    """What a source draws its part of a batch from.

    Attributes:
        policy: the present one, whose ``environment`` the trajectories are in and whose ``device`` they belong on.
        reward: of finished objects.
        iteration: batches before this one.
        generator: of everything that is drawn on the policy's device, such as actions; None for torch's own.
        choices: of everything that is chosen on the CPU, such as what of a store or of a file; None for torch's own.
        state_rewards: somebody reads rewards of the states on the way.
        given_rewards: somebody reads rewards of objects that are given.
        fresh: what the sources before this one found in this batch; None for the first.
        ranks: the processes of the run, which all draw their shares now, by sources of the same settings.
        keep: a rollout keeps what the policy computes (``Sampler.forward_and_keep``).
        frozen: the policies that the source names in ``Source.frozen``.
        visible: draws what is not hidden; None where nothing is.
    """

    policy: Policy
    reward: Reward
    iteration: int = 0
    generator: torch.Generator | None = None
    choices: torch.Generator | None = None
    state_rewards: bool = False
    given_rewards: bool = True
    fresh: Rewarded | None = None
    ranks: Ranks = ALONE
    keep: bool = False
    frozen: Mapping[str, Policy] = field(default_factory=dict)
    visible: Visible | None = None

    def roll_out(self, n: int, exploration: Exploration | None = None) -> Rewarded:
        """``n`` trajectories of the policy, from P_F or from ``exploration`` of it, with rewards; to nothing hidden."""
        if self.visible is not None:
            drawn = self.visible.roll_out(
                self.policy, n, generator=self.generator, exploration=exploration, on_the_way=self.state_rewards
            )
            return self.found(drawn)
        sampler = Sampler(self.policy.environment)
        if not self.keep:
            return self.found(sampler.forward(self.policy, n, generator=self.generator, exploration=exploration))
        trajectories, kept = sampler.forward_and_keep(self.policy, n, generator=self.generator, exploration=exploration)
        return replace(self.found(trajectories), kept=kept)

    def found(self, trajectories: Trajectories) -> Rewarded:
        """With rewards, as what the run finds; the processes of a run call equally often."""
        score = None if self.fresh is None else functools.partial(self.reward.further, finished=True)
        return find_rewards(
            trajectories, self.policy.environment, self.reward, state_rewards=self.state_rewards, score=score
        )

    def given(self, trajectories: Trajectories) -> Rewarded | Trajectories:
        """With rewards, as what was given and not found; with log R = 0 where nobody reads them. As ``found``."""
        if not self.given_rewards:
            return without_rewards(trajectories, self.state_rewards)
        score = functools.partial(self.reward.further, finished=False)
        return find_rewards(
            trajectories, self.policy.environment, self.reward, state_rewards=self.state_rewards, score=score
        )


@attributes_in_docstring
class Source(ABC):
    """Draws a part of each batch.

    A batch is made by several sources, one after the other (``trajectories.mixture.Sources``). A class of one's own
    needs ``draw`` and ``off_policy``, and ``kind`` where it draws nothing anew.
    """

    #: what trajectories of a source are called that has no name in a config; "" for the class in lower case
    word: ClassVar[str] = ""
    #: what is new about its trajectories
    kind: ClassVar[Kind] = Kind.NEW
    #: share of each batch that it draws, in (0, 1]; None for the source that takes what the others leave
    share: float | None = None
    #: what its trajectories are pairs of (``trajectories.pairs``): "objects", "steps", "opponent"; empty: no pairs
    pairs: frozenset[str] = frozenset()
    #: policies from checkpoints that it draws from, as ``Objective.frozen``; ``Context.frozen`` has them
    frozen: Mapping[str, str | None] = MappingProxyType({})
    #: whatever it draws comes out of ``Context.roll_out`` or of a store of such, so that nothing hidden is among it
    keeps_hidden: ClassVar[bool] = False
    #: it gives objects, and leaves out those that ``hidden`` hides
    filters_hidden: ClassVar[bool] = False
    #: what the run hides by the objects themselves, set before ``prepare`` where ``filters_hidden``; None for nothing
    hidden: HiddenObjects | None = None
    #: it takes note of what all processes of a run drew (``Batch.everywhere``), not of this one's share alone
    shared: bool | None = None

    def hides(self, objects: Any, keys: list[str]) -> list[bool]:
        """Which of B given objects, with these keys, are ``hidden``."""
        return [False] * len(keys) if self.hidden is None else self.hidden.of_given(objects, keys).tolist()

    @abstractmethod
    def draw(self, context: Context, n: int) -> Rewarded | Trajectories:
        """``n`` > 0 trajectories on the policy's device.

        Returns:
            What ``context.found`` or ``context.given`` makes of them; scored trajectories alone where nothing is new
            about them, as with those of a store.
        """

    @property
    @abstractmethod
    def off_policy(self) -> str | None:
        """Why its trajectories are not those of the present P_F ("it draws ..."); None where they are."""

    @property
    def ready(self) -> bool:
        """Whether it can draw now; until then the others take its part."""
        return True

    def takes(self, batch_size: int, left: int) -> int:
        """How many trajectories of a batch it draws; the one that takes the rest is not asked.

        Args:
            batch_size: of the whole batch.
            left: what the sources that have a share leave, and those without one that come after it.

        Raises:
            ConfigError: it cannot draw so few, or has no share.
        """
        if self.share is None:
            raise ConfigError("has no share")
        return round(batch_size * self.share)

    def misfit(self, policy: Policy) -> str | None:
        """Why it cannot work with this policy and its environment; None where it can."""
        return None

    def prepare(self, environment: Environment) -> None:  # noqa: B027
        """Read what has to be read before the first batch; called again, it does nothing.

        Raises:
            ConfigError: it cannot work in this environment.
            DataError: what it reads cannot be used.
        """

    def observe(self, batch: Batch) -> None:  # noqa: B027
        """Take note of a whole batch, after all of it is drawn."""

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps, as plain data and tensors; empty for nothing."""
        return {}

    def load_state_dict(self, state: dict[str, Any], environment: Environment) -> None:  # noqa: B027
        """Go on from ``state_dict``; not called where it was empty."""
