"""The LightningDataModule: constructs molecules with the module's present weights, in the main process."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, IterableDataset

from molgfn.conditions.base import Condition
from molgfn.environments.base import Environment
from molgfn.environments.conditional import drawn_condition
from molgfn.errors import ContractError
from molgfn.policies.base import Policy
from molgfn.ranks import ALONE, Ranks
from molgfn.rewards.base import Reward
from molgfn.serving.counters import BUDGET_SPENT
from molgfn.serving.measurements import cat_columns
from molgfn.training.found import Found
from molgfn.training.logs.scored_record import ScoredRecord
from molgfn.trajectories.mixture import Sources
from molgfn.trajectories.rewarded import Batch
from molgfn.trajectories.visible import Visible

logger = logging.getLogger("molgfn")


class _Batches(IterableDataset):
    """Draws each batch when it is asked for. It has a length, so Lightning does not fetch one ahead, which would make
    every batch one update old.
    """

    def __init__(self, owner: TrajectoryDataModule) -> None:
        self.owner = owner

    def __len__(self) -> int:
        return self.owner.iterations

    def __iter__(self) -> Iterator[Batch]:
        owner = self.owner
        owner.restore_random_state()
        while not owner.finished:
            refused = owner.refused
            batch = owner.draw()
            if owner.ranks.any(owner.refused > refused):
                # the budget ended within the batch: the rest has no reward to learn from
                owner.untrained = batch
                break
            yield batch
        if owner.spent:
            logger.info("the budget of oracle calls is spent after %d iterations; training stops", owner.iteration)


class TrajectoryDataModule(pl.LightningDataModule):
    """Draws one scored batch per iteration, with random streams of its own.

    Args:
        policy: the policy that trains; its present weights draw.
        environment: what it acts in.
        reward: scores finished objects.
        sources: how batches are mixed.
        iterations: batches in all.
        seed: of the random streams (one for actions, one for replay).
        state_rewards: score the states on the way, too.
        offline_rewards: score given molecules.
        record: where every scored object is kept; None for nowhere.
        keep: what the policy computes in a rollout is kept for the gradient step on it.
        ranks: the processes of the run; ``sources`` draw this one's share, by streams of its own.
        frozen: source -> the policies from checkpoints that it draws from.
        visible: draws what is not hidden; None where nothing is.

    Attributes:
        found: what all ranks found in the latest batch; there once one was drawn.
        ended: the limit that ended the run, such as ``32,000 reward calls``; None while none has.
    """

    found: Found

    def __init__(
        self,
        *,
        policy: Policy,
        environment: Environment,
        reward: Reward,
        sources: Sources,
        iterations: int,
        seed: int,
        state_rewards: bool = False,
        offline_rewards: bool = True,
        record: ScoredRecord | None = None,
        keep: bool = False,
        ranks: Ranks = ALONE,
        frozen: Mapping[str, Mapping[str, Policy]] | None = None,
        visible: Visible | None = None,
    ) -> None:
        super().__init__()
        self.policy, self.environment, self.reward, self.sources = policy, environment, reward, sources
        self.iterations, self.seed, self.state_rewards = iterations, seed, state_rewards
        self.offline_rewards = offline_rewards
        self.record = record
        self.keep = keep
        self.ranks = ranks
        self.visible = visible
        self.frozen = {
            source: {name: p.requires_grad_(False).eval() for name, p in policies.items()}
            for source, policies in (frozen or {}).items()
        }
        self.iteration = 0
        self.drawn = 0
        self.sampling_seconds = 0.0
        #: the batch in which the budget ended: drawn and scored, not trained on
        self.untrained: Batch | None = None
        self.ended: str | None = None
        self._streams: dict[str, torch.Generator] = {}
        self._restored: dict[str, torch.Tensor] = {}
        self._random: dict[str, torch.Tensor] = {}
        condition = drawn_condition(environment)
        self._learning = condition if condition is not None and condition.learns else None

    def _stream(self, name: str, device: torch.device) -> torch.Generator:
        if name not in self._streams:
            offset = {"actions": 0, "replay": 1}[name]
            stream = torch.Generator(device).manual_seed(self.ranks.seed(2 * self.seed + offset, name))
            if name in self._restored:
                stream.set_state(self._restored[name])
            self._streams[name] = stream
        return self._streams[name]

    @property
    def spent(self) -> bool:
        """The budget of oracle calls is spent, which every rank learns together."""
        return self.together(self.reward.spent)

    @property
    def finished(self) -> bool:
        """There is no further batch to draw."""
        return self.iteration >= self.iterations or self.ended is not None or self.spent

    def together(self, flag: bool) -> bool:
        """Whether it holds on any rank; where the reward counts for all of them, each knows without being asked."""
        return flag if self.reward.ranks.size == self.ranks.size else self.ranks.any(flag)

    @property
    def refused(self) -> int:
        """Objects that went without a value because the budget of oracle calls was spent."""
        return self.reward.counters.reasons.get(BUDGET_SPENT, 0)

    def draw(self) -> Batch:
        """The next batch."""
        start = time.perf_counter()
        batch = self.sources.draw(
            self.policy,
            self.reward,
            iteration=self.iteration,
            generator=self._stream("actions", self.policy.device),
            state_rewards=self.state_rewards,
            offline_rewards=self.offline_rewards,
            replay_generator=self._stream("replay", torch.device("cpu")),
            ranks=self.ranks,
            keep=self.keep,
            frozen={
                source: {name: policy.to(self.policy.device) for name, policy in policies.items()}
                for source, policies in self.frozen.items()
            },
            visible=self.visible,
        )
        if self._learning is not None:
            self._teach(self._learning, batch)
        self.iteration += 1
        self.found = Found.of(batch, self.ranks)
        self.drawn += len(self.found.fresh)
        if self.record is not None and self.ranks.first:
            for part in (self.found.fresh, self.found.given, self.found.states):
                if part is not None:
                    self.record.add(self.iteration, part.keys, part.sources, part.scores, part.condition)
        self.sampling_seconds += time.perf_counter() - start
        return batch

    def _teach(self, condition: Condition, batch: Batch) -> None:
        """Tell a condition that learns what all processes drew objects for, and what came of it."""
        fresh = batch.fresh
        measured = fresh.scores.measurements
        if measured is None:
            raise ContractError(
                f"{condition.name} is drawn by what the run finds, but nothing says what was measured of its objects"
            )
        values = torch.stack([fresh.condition[column].cpu().double() for column in condition.columns], 1)
        parts = self.ranks.gather((values, self.reward.achieved(measured)))
        achieved = cat_columns([part[1] for part in parts])
        condition.observe(torch.cat([part[0] for part in parts]), achieved, self.iteration / self.iterations)

    def train_dataloader(self) -> DataLoader:
        return DataLoader(_Batches(self), batch_size=None, num_workers=0)

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        return batch  # it was built there

    def _random_state(self) -> dict[str, torch.Tensor]:
        """Of torch's own generators, which parts of a user may draw from (dropout does): device -> state."""
        device = self.policy.device
        more = {str(device): torch.cuda.get_rng_state(device)} if device.type == "cuda" else {}
        return {"cpu": torch.get_rng_state(), **more}

    def restore_random_state(self) -> None:
        """To be called right before the first batch: what a trainer sets up draws from them as well."""
        for name, state in self._random.items():
            if name == "cpu":
                torch.set_rng_state(state)
            elif torch.cuda.is_available():
                torch.cuda.set_rng_state(state, name)
        self._random = {}

    def state_dict(self) -> dict[str, Any]:
        return {
            "iteration": self.iteration,
            "drawn": self.drawn,
            "streams": self.ranks.keep({name: stream.get_state() for name, stream in self._streams.items()}),
            "random": self.ranks.keep(self._random_state()),
            "sources": self.ranks.keep(self.sources.state_dict()),
            "reward": self.reward.state_dict(),
            **({} if self._learning is None else {"condition": self._learning.state_dict()}),
            **({} if self.visible is None else {"visible": self.ranks.keep(self.visible.state_dict())}),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.iteration = state_dict["iteration"]
        self.drawn = state_dict["drawn"]
        self._restored = {k: v.cpu() for k, v in self.ranks.own(state_dict["streams"]).items()}
        self._streams = {}
        if "random" in state_dict:
            self._random = {k: v.cpu() for k, v in self.ranks.own(state_dict["random"]).items()}
        self.sources.load_state_dict(self.ranks.own(state_dict["sources"]), self.environment)
        self.reward.load_state_dict(state_dict["reward"])
        if self._learning is not None and (learned := state_dict.get("condition")):
            self._learning.load_state_dict(learned)
        if self.visible is not None:
            self.visible.load_state_dict(self.ranks.own(state_dict["visible"]))
        if self.record is not None and self.ranks.first:
            self.record.forget_after(self.iteration)
