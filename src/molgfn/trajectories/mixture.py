"""Where a training batch comes from: several sources, each with its share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import torch
from pydantic import Field

from molgfn.environments.base import Environment
from molgfn.errors import ConfigError, ContractError
from molgfn.hiding.base import HiddenObjects
from molgfn.policies.base import Policy
from molgfn.ranks import ALONE, Ranks
from molgfn.rewards.base import Reward
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.kept import Kept
from molgfn.trajectories.rewarded import Batch, Drawn, Rewarded
from molgfn.trajectories.sources.base import Context, Kind, Source
from molgfn.trajectories.sources.on_policy import OnPolicy
from molgfn.trajectories.visible import Visible

#: where a config has them
PLACE = "data.sources"


class Sources:
    """Draws training batches, each source its part, one after the other.

    What is drawn anew comes first, then what starts from it, what is stored and what is given (``Kind``); within a kind
    the order is that of the config. The one that draws anew and has no share takes what the others leave of a batch.

    Args:
        batch_size: trajectories per batch.
        sources: by name; None as a source leaves it out. Trajectories have the name of their source. A list is named by
            the sources themselves. None: P_F itself draws everything.

    Attributes:
        by_name: the sources, in the order in which they draw.

    Raises:
        ConfigError: a source would never be used, the shares leave nothing, or no source or two take the rest.
    """

    def __init__(
        self,
        *,
        batch_size: Annotated[int, Field(ge=1)] = 64,
        sources: Mapping[str, Source | None] | Sequence[Source] | None = None,
    ) -> None:
        self.batch_size = batch_size
        named = {"policy": OnPolicy()} if sources is None else _named(sources)
        self.by_name = dict(sorted(named.items(), key=lambda item: item[1].kind))
        self._rest = self._taking_the_rest()
        self._require_use(self._counts())

    def _taking_the_rest(self) -> str:
        """The one source that draws anew and has no share."""
        new = [name for name, source in self.by_name.items() if source.kind is Kind.NEW]
        rest = [name for name in new if self.by_name[name].share is None]
        if not new:
            raise ConfigError("no source draws anything anew; name one, such as `policy` of data=on_policy")
        if not rest:
            raise ConfigError(
                f"every source has a share; leave that of {' or '.join(new)} null, which takes what the others leave"
            )
        if len(rest) > 1:
            raise ConfigError(f"{' and '.join(rest)} have no share, but only one can take what the others leave")
        return rest[0]

    def _require_use(self, counts: Mapping[str, int]) -> None:
        """Every source has a part of the batch; where all of it is given, P_F may be there only to be watched."""
        for name, count in counts.items():
            if count < 1 and name != self._rest:
                raise ConfigError(
                    f"source `{name}`: with share {self.by_name[name].share} of {self.batch_size} it would never be "
                    "used; raise the share or leave the source out"
                )
        if counts[self._rest] > 0:
            return
        given = [name for name, source in self.by_name.items() if source.kind is Kind.GIVEN]
        if sum(counts[name] for name in given) < self.batch_size:
            shares = " and ".join(f"{count} of {name}" for name, count in counts.items() if name != self._rest)
            raise ConfigError(
                f"the shares of the sources ({shares}) leave nothing of a batch of {self.batch_size} for "
                f"`{self._rest}`; lower one of them"
            )
        watched = {self._rest} if self.by_name[self._rest].off_policy is None else set()
        if unused := [name for name in self.by_name if name not in {*given, *watched}]:
            raise ConfigError(
                f"the whole batch leads to given objects ({', '.join(given)}), and {' and '.join(unused)} would never "
                "be used; leave it out or lower the share"
            )
        if counts[self._rest] < 0:
            raise ConfigError(f"the shares of {' and '.join(given)} are more than a whole batch; lower one of them")

    def _counts(self, *, now: bool = False) -> dict[str, int]:
        """How many trajectories each draws of a batch; ``now``: without those that cannot draw yet."""
        counts, left = dict.fromkeys(self.by_name, 0), self.batch_size
        others = [name for name in self.by_name if name != self._rest]
        for name in sorted(reversed(others), key=lambda name: self.by_name[name].share is None):
            source = self.by_name[name]
            if source.ready or not now:
                try:
                    counts[name] = source.takes(self.batch_size, left)
                except ConfigError as error:
                    raise ConfigError(f"source `{name}`: {error}") from None
                left -= counts[name]
        counts[self._rest] = left
        return counts

    @property
    def given(self) -> int:
        """Trajectories of a batch that lead to given objects."""
        return sum(count for name, count in self._counts().items() if self.by_name[name].kind is Kind.GIVEN)

    @property
    def paired(self) -> list[str]:
        """Names of the sources whose trajectories are pairs of a better and a worse one."""
        return [name for name, source in self.by_name.items() if source.pairs]

    @property
    def mixed(self) -> bool:
        """A batch is drawn by several sources, or the one there is does not draw it all."""
        return max(self._counts().values()) < self.batch_size

    @property
    def off_policy_reasons(self) -> list[str]:
        """Why trajectories do not come from the present P_F alone; empty when they do."""
        return [f"{PLACE}.{name} {source.off_policy}" for name, source in self.by_name.items() if source.off_policy]

    @property
    def showing_hidden(self) -> list[str]:
        """Names of the sources that may draw trajectories to hidden objects."""
        return [name for name, s in self.by_name.items() if not s.keeps_hidden and not s.filters_hidden]

    @property
    def filtering_hidden(self) -> list[str]:
        """Names of the sources that leave given objects out which are hidden, whatever way leads to them."""
        return [name for name, source in self.by_name.items() if source.filters_hidden]

    def hide(self, hidden: HiddenObjects) -> None:
        """Have sources of given objects leave out those that are hidden; before ``prepare``."""
        for name in self.filtering_hidden:
            self.by_name[name].hidden = hidden

    @property
    def frozen(self) -> dict[str, Mapping[str, str | None]]:
        """Source -> the policies from checkpoints that it draws from."""
        return {name: source.frozen for name, source in self.by_name.items() if source.frozen}

    def misfits(self, policy: Policy) -> list[str]:
        """What cannot work with this policy and its environment, one line each."""
        found = {name: source.misfit(policy) for name, source in self.by_name.items()}
        problems = [f"{PLACE}.{name}: {reason}" for name, reason in found.items() if reason]
        each = policy.environment.per_condition
        uneven = {
            name: n for counts in (self._counts(now=True), self._counts()) for name, n in counts.items() if n % each
        }
        problems += [
            f"{PLACE}.{name}: draws {count} trajectories of a batch, which is no multiple of the {each} that are drawn "
            "under each condition (condition.per_condition); change data.batch_size or the shares"
            for name, count in uneven.items()
        ]
        return problems + [
            f"{PLACE}.{name}: draws {count} trajectories of a batch on each process, which are no whole pairs; change "
            "data.batch_size or the shares so that it is an even number"
            for name, count in self._counts().items()
            if count % 2 and self.by_name[name].pairs
        ]

    def prepare(self, environment: Environment) -> None:
        """Read what has to be read before the first batch; ``draw`` does so if nobody has.

        Raises:
            ConfigError: a source cannot work in this environment.
            DataError: what a source reads cannot be used.
        """
        for source in self.by_name.values():
            source.prepare(environment)

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
        ranks: Ranks = ALONE,
        keep: bool = False,
        frozen: Mapping[str, Mapping[str, Policy]] | None = None,
        visible: Visible | None = None,
    ) -> Batch:
        """One scored batch on the policy's device.

        Args:
            policy: the present one.
            reward: of finished objects.
            iteration: batches before this one.
            generator: of what is drawn on the policy's device.
            replay_generator: of what is chosen on the CPU.
            state_rewards: find rewards of the states on the way, too.
            offline_rewards: find rewards of given objects; False leaves their log R 0, for an objective that does not
                read it.
            ranks: the processes of the run; all draw together.
            keep: where one rollout draws the whole batch, keep what the policy computes in it.
            frozen: source -> the policies that it names in ``Source.frozen``.
            visible: draws what is not hidden; None where nothing is.
        """
        self.prepare(policy.environment)
        context = Context(
            policy=policy,
            reward=reward,
            iteration=iteration,
            generator=generator,
            choices=replay_generator,
            state_rewards=state_rewards,
            given_rewards=offline_rewards,
            ranks=ranks,
            visible=visible,
        )
        kind = policy.environment.kind
        parts: list[Trajectories] = []
        fresh: list[Rewarded] = []
        given: list[Rewarded] = []
        kept: Kept | None = None
        counts = self._counts(now=True)
        for name, count in counts.items():
            watched = name == self._rest and count == 0  # the logs say what P_F draws where nothing of it is trained on
            if count == 0 and not watched:
                continue
            source = self.by_name[name]
            own = (frozen or {}).get(name, {})
            whole = replace(context, keep=keep and count == self.batch_size, frozen=own)
            trajectories, rewarded = _part(name, source.draw(whole, max(count, 1)), max(count, 1))
            if not watched:
                parts.append(trajectories)
            if rewarded is None:
                continue
            # not in what others store: it would hold the graph of a batch for as long
            kept, rewarded = rewarded.kept, replace(rewarded, kept=None)
            if source.kind is Kind.GIVEN:
                given.append(rewarded)
            else:
                fresh.append(rewarded)
                context = replace(context, fresh=Rewarded.cat(fresh, kind))
        if context.fresh is None:
            raise ContractError(f"source `{self._rest}` found nothing: what it draws goes through `context.found`")
        shared = any(source.shared for source in self.by_name.values())
        batch = Batch(
            Trajectories.cat(parts),
            context.fresh,
            Rewarded.cat(given, kind) if given else None,
            kept,
            Drawn.of(context.fresh).gathered(ranks) if shared else None,
        )
        for source in self.by_name.values():
            source.observe(batch)
        return batch

    def state_dict(self) -> dict[str, Any]:
        return {name: state for name, source in self.by_name.items() if (state := source.state_dict())}

    def load_state_dict(self, state: dict[str, Any], environment: Environment) -> None:
        for name, source in self.by_name.items():
            if state.get(name) is not None:  # older checkpoints have less
                source.load_state_dict(state[name], environment)


def _named(sources: Mapping[str, Source | None] | Sequence[Source]) -> dict[str, Source]:
    if isinstance(sources, Mapping):
        return {name: source for name, source in sources.items() if source is not None}
    named: dict[str, Source] = {}
    for source in sources:
        word = source.word or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(source).__name__).lower()
        same = sum(re.fullmatch(rf"{word}(_\d+)?", name) is not None for name in named)
        named[f"{word}_{same + 1}" if same else word] = source
    return named


def _part(name: str, drawn: Rewarded | Trajectories, n: int) -> tuple[Trajectories, Rewarded | None]:
    """What a source drew, under its name."""
    rewarded = drawn if isinstance(drawn, Rewarded) else None
    trajectories = drawn.trajectories if isinstance(drawn, Rewarded) else drawn
    if len(trajectories) != n or trajectories.log_reward is None:
        what = f"{len(trajectories)} trajectories instead of {n}" if len(trajectories) != n else "without rewards"
        raise ContractError(f"source `{name}` drew {what}")
    trajectories = replace(trajectories, source=[name] * n)
    return trajectories, None if rewarded is None else replace(rewarded, trajectories=trajectories)
