"""What a run has found so far: unique objects, modes, the best; and what its oracle calls were."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from molgfn.chemistry.fingerprints import BITS, tanimoto
from molgfn.evaluation.metrics.diversity.modes import greedy_modes
from molgfn.evaluation.thresholds import Direction, condition, reached
from molgfn.objects.base import ObjectKind
from molgfn.objects.capabilities import HasFingerprints
from molgfn.ranks import ALONE, Ranks
from molgfn.serving.number_set import NumberSet
from molgfn.training.callbacks.component_means import ComponentMeans
from molgfn.training.callbacks.variety import Variety
from molgfn.training.found import Found
from molgfn.trajectories.rewarded import Batch


def _number(key: str) -> int:
    """64 bits of a key, the same in every process."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)


#: modes that are compared at once
_AT_ONCE = 2048


class Modes:
    """Fingerprints that are all less similar than a cut, in order of discovery.

    Args:
        cut: Tanimoto cut.
        most: modes told apart, so that memory and time stay bounded; ``full`` from then on.
    """

    def __init__(self, cut: float, most: int = 20_000) -> None:
        self.cut, self.most = cut, most
        self._length = BITS
        self._packed = np.zeros((64, BITS // 8), dtype=np.uint8)  # eight bits a byte: a long run has many modes
        self.count = 0

    @property
    def full(self) -> bool:
        """Nothing more is counted."""
        return self.count >= self.most

    @property
    def bits(self) -> np.ndarray:
        """uint8 [count, F], 0 or 1."""
        return self._unpacked(0, self.count)

    def _take_length(self, length: int) -> None:
        """Of the fingerprints of the run's kind of object, which may be another one than a molecule's."""
        if not self.count and length != self._length:
            self._packed = np.zeros((64, -(-length // 8)), dtype=np.uint8)
        self._length = length  # those of a checkpoint come in whole bytes

    def _unpacked(self, start: int, end: int) -> np.ndarray:
        return np.unpackbits(self._packed[start : min(end, self.count)], axis=1, count=self._length)

    def add(self, bits: np.ndarray) -> None:
        """Take up what is new of ``bits`` [n, F], one after the other."""
        if self.full:
            return
        self._take_length(bits.shape[1])
        near = np.zeros(len(bits), dtype=bool)
        for start in range(0, self.count, _AT_ONCE):
            near |= tanimoto(bits, self._unpacked(start, start + _AT_ONCE)).max(1, initial=0.0) >= self.cut
        far = bits[~near]
        self.keep(far[greedy_modes(far, self.cut)][: self.most - self.count])

    def keep(self, bits: np.ndarray) -> None:
        """Take up rows that are known to be modes, such as those of a checkpoint, without comparing them again."""
        self._take_length(bits.shape[1])
        if self.count + len(bits) > len(self._packed):
            more = np.zeros((max(len(self._packed) // 2, len(bits)), self._packed.shape[1]), dtype=np.uint8)
            self._packed = np.concatenate([self._packed, more])
        self._packed[self.count : self.count + len(bits)] = np.packbits(bits.astype(bool), axis=1)
        self.count += len(bits)


class Discoveries(pl.Callback):
    """Counts over the whole run, logged beside the training metrics and carried over a resume.

    Hits are different objects with value >= threshold (<= where the oracle is to be minimised). With the value of the
    best .5 % as threshold they are the modes of string tasks in arXiv 2408.05885. Modes are counted among hits, in
    order of discovery: one whose Tanimoto similarity to every mode so far is below the cut.

    Args:
        thresholds: values from which an object is good, one count each.
        direction: which way of the value is better.
        cut: Tanimoto cut (of molecules: Morgan fingerprints, radius 2, 2048 bits).
        best: how many of the best objects are remembered.
        log_every: iterations between log rows.
        remedy: what a warning of a collapse says can be done.
        ranks: the processes of the run; what all have found is counted. Modes are told apart on rank 0 alone.
    """

    def __init__(
        self,
        *,
        thresholds: Sequence[float],
        direction: Direction = "maximise",
        cut: float,
        best: int = 25,
        log_every: int = 10,
        remedy: str = "",
        ranks: Ranks = ALONE,
    ) -> None:
        self.ranks = ranks
        self.thresholds, self.cut, self.keep, self.log_every = tuple(thresholds), cut, best, log_every
        self.direction: Direction = direction
        self.seen = NumberSet()
        self.hits: dict[float, int] | None = dict.fromkeys(self.thresholds, 0)  # None: of a run that did not count them
        self.modes = {t: Modes(cut) for t in self.thresholds}
        self.best: dict[str, tuple[float, float]] = {}  # key -> (log R, value)
        self._scores: list[tuple[torch.Tensor, torch.Tensor]] = []  # (log R, value) of the batches since the last row
        self.variety = Variety(remedy)
        self._components = ComponentMeans()
        self._trained: dict[str, Any] = {}  # metrics of the last batch that was trained on
        self._length = torch.tensor(0.0, dtype=torch.float64)  # mean of the last batch

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        self._record(trainer.datamodule.found, batch, trainer.datamodule.environment.kind)  # type: ignore[attr-defined]
        self._trained = {f"train/{name}": value for name, value in outputs.items()}
        if (batch_idx + 1) % self.log_every == 0:
            pl_module.row |= self._row(trainer.datamodule)  # type: ignore[attr-defined, operator, assignment]
            self._scores.clear()
            self._components.clear()
            self.variety.close(trainer.datamodule.environment.kind)  # type: ignore[attr-defined]

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """A last row where iterations are left over, or the budget ended within a batch that is not trained on."""
        data = trainer.datamodule  # type: ignore[attr-defined]
        if data.untrained is not None:
            self._record(data.found, data.untrained, data.environment.kind)
        if self._scores and data.finished:
            pl_module.row |= {**self._trained, **self._row(data)}  # type: ignore[operator, assignment]

    def _row(self, data: Any) -> dict[str, float]:
        """Means over the batches since the last row, and counts over the run."""
        log_reward, values = (torch.cat(column) for column in zip(*self._scores, strict=True))
        row = {
            "reward/mean": log_reward.exp().mean(),
            "value/mean": values.nanmean(),
            **self._components.means(),
            **{f"log_reward/q{q}": torch.quantile(log_reward, q / 100) for q in (10, 50, 90)},
            "log_reward/max": log_reward.max(),
            "found/different": self.variety.share,
            "trajectories/length": self._length,
            **self._counts(data),
            "time/sampling_seconds": data.sampling_seconds,
            "time/trajectories_per_second": self._rate(data.drawn),
        }
        return {k: float(v) for k, v in row.items()}

    def _counts(self, data: Any) -> dict[str, float]:
        """What the run has found and asked for so far."""
        counters = data.reward.counters
        row = {
            "found/trajectories": float(data.drawn),
            "found/unique": float(len(self.seen)),
            "oracle/calls": float(counters.raw),
            "oracle/unique": float(counters.unique),
            "oracle/cached": float(counters.cached),
            "oracle/disk": float(counters.disk),
            "oracle/failed": float(counters.failed),
            "oracle/seconds": counters.seconds,
        }
        for threshold, hits in (self.hits or {}).items():
            row[f"found/hits/{condition(threshold, self.direction)}"] = float(hits)
        if isinstance(data.environment.kind, HasFingerprints):
            for threshold, modes in self.modes.items():
                if not modes.full:  # a curve that ends, not one that seems to have found everything
                    name = condition(threshold, self.direction)
                    row[f"found/modes/{name}/tanimoto<{self.cut:g}"] = float(modes.count)
        return row

    def _rate(self, drawn: int) -> float:
        """Trajectories per second since the last row."""
        now = time.perf_counter()
        before, self._last = self._last, (now, drawn)
        return (drawn - before[1]) / (now - before[0])

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._last = (time.perf_counter(), trainer.datamodule.drawn)  # type: ignore[attr-defined]

    def _record(self, found: Found, batch: Batch, kind: ObjectKind) -> None:
        """Take up what all ranks ``found``; ``batch`` has the objects of this one."""
        keys, scores = found.fresh.keys, found.fresh.scores
        self._scores.append((scores.log_reward, scores.value))
        self._components.add(scores.components)
        self._length = found.lengths.double().mean()
        values, log_rewards = scores.value.tolist(), scores.log_reward.tolist()
        numbers = [_number(key) for key in keys]
        self.variety.add(numbers)
        new: list[int] = []
        for row, (key, number, problem, value, log_reward) in enumerate(
            zip(keys, numbers, scores.problems, values, log_rewards, strict=True)
        ):
            if problem is not None or number in self.seen:
                continue
            self.seen.add(number)
            self.best[key] = (log_reward, value)
            new.append(row)
        if len(self.best) > self.keep:
            ranked = sorted(self.best.items(), key=lambda item: -item[1][0])
            self.best = dict(ranked[: self.keep])
        worth = np.array([values[row] for row in new], dtype=float)
        good = {threshold: reached(worth, threshold, self.direction) for threshold in self.modes}
        if self.hits is not None:
            self.hits = {threshold: hits + int(good[threshold].sum()) for threshold, hits in self.hits.items()}
        if not isinstance(kind, HasFingerprints):
            return
        some = np.flatnonzero(np.logical_or.reduce(list(good.values()))) if good else np.zeros(0, dtype=int)
        if len(some):
            bits = self._fingerprints([new[i] for i in some], found, batch, kind)
            for threshold, modes in self.modes.items():
                if self.ranks.first and (chosen := good[threshold][some]).any():
                    modes.add(bits[chosen])

    def _fingerprints(self, rows: list[int], found: Found, batch: Batch, kind: HasFingerprints) -> np.ndarray:
        """Of objects at ``rows`` of what all ranks found, [n, F]; each rank looks at its own."""
        mine = range(found.start, found.start + len(batch.fresh))
        own = [row - mine.start for row in rows if row in mine]
        bits = kind.fingerprints(kind.take(batch.fresh.objects, own)) if own else None
        if self.ranks.size == 1:
            assert bits is not None  # all rows are its own
            return bits
        packed = None if bits is None else (np.packbits(bits.astype(bool), axis=1), bits.shape[1])
        parts = [part for part in self.ranks.gather(packed) if part is not None]
        return np.concatenate([np.unpackbits(part, axis=1, count=width) for part, width in parts]).astype(bool)

    def state_dict(self) -> dict[str, Any]:
        return {
            "seen": self.seen.tensor(),
            "hits": None if self.hits is None else list(self.hits.items()),
            "modes": [torch.from_numpy(np.packbits(m.bits.astype(bool), axis=1)) for m in self.modes.values()],
            "best": {k: list(v) for k, v in self.best.items()},
            "trained": {name: float(value) for name, value in self._trained.items()},
            "length": float(self._length),
            "scores": [list(pair) for pair in self._scores],
            "variety": self.variety.state_dict(),
            "components": self._components.state_dict(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.seen = NumberSet(state_dict["seen"])
        hits = state_dict.get("hits")
        self.hits = None if hits is None else {threshold: dict(hits).get(threshold, 0) for threshold in self.thresholds}
        for modes, packed in zip(self.modes.values(), state_dict["modes"], strict=False):
            modes.keep(np.unpackbits(packed.numpy(), axis=1))
        self.best = {k: (v[0], v[1]) for k, v in state_dict["best"].items()}
        self._scores = [(log_reward, value) for log_reward, value in state_dict.get("scores", [])]
        self._trained = dict(state_dict.get("trained", {}))
        self._length = torch.tensor(state_dict.get("length", 0.0), dtype=torch.float64)
        self.variety.load_state_dict(state_dict.get("variety", {}))
        self._components.load_state_dict(state_dict.get("components", {}))
