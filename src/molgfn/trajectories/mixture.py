"""Where a training batch comes from: P_F (or exploration), local search, replay, given molecules, in stated shares."""

from __future__ import annotations

import functools
from typing import Annotated, Any

import torch
from pydantic import Field

from molgfn.environments.base import Environment
from molgfn.errors import ConfigError
from molgfn.policies.base import Policy
from molgfn.policies.exploration import Exploration
from molgfn.rewards.base import Reward
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.local_search import LocalSearch
from molgfn.trajectories.offline import OfflineMolecules
from molgfn.trajectories.replay import Replay
from molgfn.trajectories.rewarded import Batch, Rewarded, Score, find_rewards, without_rewards
from molgfn.trajectories.sampler import Sampler


class Sources:
    """Draws training batches.

    Args:
        batch_size: trajectories per batch.
        exploration: how actions are drawn instead of from P_F itself; None for P_F itself.
        replay: the store; None for none.
        replay_share: share of each batch that comes from the store (from the second batch on), in [0, 1).
        local_search: how most of what is newly drawn is found near the rest of it; None draws all of it from scratch.
            Its proposals follow P_F itself; ``exploration`` is for what is drawn from scratch.
        offline: molecules that are given; None for none.
        offline_share: share of each batch that leads to given molecules, in [0, 1]. With 1 nothing else is trained on;
            one trajectory of P_F is drawn beside each batch, so that the logs say what it draws.
    """

    def __init__(
        self,
        *,
        batch_size: Annotated[int, Field(ge=1)] = 64,
        exploration: Exploration | None = None,
        replay: Replay | None = None,
        replay_share: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        local_search: LocalSearch | None = None,
        offline: OfflineMolecules | None = None,
        offline_share: Annotated[float, Field(ge=0, le=1)] = 0.0,
    ) -> None:
        if replay is None and replay_share > 0:
            raise ConfigError(f"replay_share is {replay_share}, but there is no replay; give one or set the share to 0")
        if replay is not None and replay_share == 0:
            raise ConfigError("replay is given, but replay_share is 0, so it would never be used; set the share")
        if offline is None and offline_share > 0:
            raise ConfigError(f"offline_share is {offline_share}, but offline gives no molecules; name a file or a set")
        if offline is not None and round(batch_size * offline_share) == 0:
            raise ConfigError(
                f"offline is given, but with offline_share {offline_share} of {batch_size} it would never be used; "
                "raise the share"
            )
        #: trajectories of a batch that lead to given molecules
        self.given = round(batch_size * offline_share)
        least = batch_size - round(batch_size * replay_share) - self.given
        beside = {"exploration": exploration, "replay": replay, "local_search": local_search}
        unused = [name for name, part in beside.items() if part is not None]
        if self.given == batch_size and unused:
            raise ConfigError(
                f"offline_share is {offline_share}: the whole batch leads to given molecules, and "
                f"{' and '.join(unused)} would never be used; leave it out or lower the share"
            )
        if self.given < batch_size and least < 1:
            raise ConfigError(
                f"replay_share {replay_share} and offline_share {offline_share} leave nothing of a batch of "
                f"{batch_size} to be newly drawn; lower one of them"
            )
        if local_search is not None and least <= local_search.rounds:
            raise ConfigError(
                f"local_search has {local_search.rounds} rounds, but only {least} trajectories of a batch are newly "
                "drawn, and each chain takes one more than there are rounds; raise batch_size or take fewer rounds"
            )
        self.batch_size = batch_size
        self.exploration = exploration
        self.replay = replay
        self.replay_share = replay_share
        self.local_search = local_search
        self.offline = offline
        self.offline_share = offline_share

    def prepare(self, environment: Environment) -> None:
        """Read what has to be read before the first batch; ``draw`` does so if nobody has.

        Raises:
            ConfigError: the given molecules are not what the environment builds.
            DataError: they cannot be read, or none can be built.
        """
        if self.offline is not None:
            self.offline.prepare(environment)

    @property
    def off_policy_reasons(self) -> list[str]:
        """Why trajectories do not come from the present P_F alone; empty when they do."""
        reasons = []
        if self.replay is not None:
            reasons.append(f"data.replay feeds it stored trajectories (share {self.replay_share:g})")
        if self.exploration is not None and self.exploration.active:
            reasons.append("data.exploration draws actions that P_F did not choose")
        if self.local_search is not None:
            reasons.append("data.local_search rebuilds objects that were chosen for their reward")
        if self.offline is not None:
            reasons.append(f"data.offline gives it molecules that P_F did not choose (share {self.offline_share:g})")
        return reasons

    def draw(
        self,
        policy: Policy,
        reward: Reward,
        *,
        iteration: int,
        generator: torch.Generator | None = None,
        replay_generator: torch.Generator | None = None,
        state_rewards: bool = False,
        offline_rewards: bool = True,
    ) -> Batch:
        """One scored batch on the policy's device.

        ``offline_rewards=False`` does not score given molecules: their log R is 0, for an objective that does not read
        it.
        """
        stored = 0
        if self.replay is not None and len(self.replay):
            stored = round(self.batch_size * self.replay_share)
        new = self.batch_size - stored - self.given
        fresh = self._draw_new(policy, reward, max(new, 1), iteration, generator=generator, state_rewards=state_rewards)
        parts, given = [fresh.trajectories] if new else [], None
        if stored and self.replay is not None:
            parts.append(self.replay.sample(stored, replay_generator).to(policy.device))
        if self.replay is not None:
            self.replay.add(fresh.trajectories)
        if self.offline is not None:
            offline = self.offline.draw(policy, self.given, generator=generator, order=replay_generator)
            if offline_rewards:
                score = functools.partial(reward.further, finished=False)  # they were given, not found
                given = find_rewards(offline, policy.environment, reward, state_rewards=state_rewards, score=score)
            parts.append(without_rewards(offline, state_rewards) if given is None else given.trajectories)
        return Batch(Trajectories.cat(parts), fresh, given)

    def _draw_new(
        self,
        policy: Policy,
        reward: Reward,
        n: int,
        iteration: int,
        *,
        generator: torch.Generator | None,
        state_rewards: bool,
    ) -> Rewarded:
        """``n`` new scored trajectories."""

        def scored(trajectories: Trajectories, score: Score | None = None) -> Rewarded:
            return find_rewards(trajectories, policy.environment, reward, state_rewards=state_rewards, score=score)

        exploration = self.exploration.at(iteration) if self.exploration is not None else None
        scratch = n if self.local_search is None else self.local_search.chains(n)
        drawn = Sampler(policy.environment).forward(policy, scratch, generator=generator, exploration=exploration)
        start = scored(drawn)
        if self.local_search is None:
            return start
        beside = functools.partial(scored, score=functools.partial(reward.further, finished=True))
        return Rewarded.cat([start, *self.local_search.search(policy, start.trajectories, n, beside, generator)])

    def state_dict(self) -> dict[str, Any]:
        return {
            "replay": None if self.replay is None else self.replay.state_dict(),
            "offline": None if self.offline is None else self.offline.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any], environment: Environment) -> None:
        if self.replay is not None and state["replay"] is not None:
            self.replay.load_state_dict(state["replay"], environment.initial(1))
        if self.offline is not None and state.get("offline") is not None:  # older checkpoints have none
            self.offline.load_state_dict(state["offline"])
