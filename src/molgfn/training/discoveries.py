"""What a run has found so far: unique objects, modes, the best; and what its oracle calls were."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from molgfn.chemistry.fingerprints import morgan, tanimoto
from molgfn.chemistry.molecules import Molecule
from molgfn.trajectories.batch import Trajectories


def _number(key: str) -> int:
    """64 bits of a key, the same in every process."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)


class Discoveries(pl.Callback):
    """Counts over the whole run, logged beside the training metrics and carried over a resume.

    Modes are counted in order of discovery: a molecule with value >= threshold is a new mode when its Tanimoto
    similarity to every mode so far is below the cut.

    Args:
        thresholds: least value of a mode, one count each.
        cut: Tanimoto cut (Morgan radius 2, 2048 bits).
        best: how many of the best objects are remembered.
        log_every: iterations between log rows.
    """

    def __init__(self, *, thresholds: Sequence[float], cut: float, best: int = 24, log_every: int = 10) -> None:
        self.thresholds, self.cut, self.keep, self.log_every = tuple(thresholds), cut, best, log_every
        self.seen: set[int] = set()
        self.modes: dict[float, list[np.ndarray]] = {t: [] for t in self.thresholds}
        self.best: dict[str, tuple[float, float]] = {}  # key -> (log R, value)
        self._rewards: list[torch.Tensor] = []

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Trajectories, batch_idx: int
    ) -> None:
        fresh: Trajectories = batch.info["fresh"]
        self._record(fresh)
        self._rewards.append(fresh.info["scores"].log_reward)
        if (batch_idx + 1) % self.log_every:
            return
        data = trainer.datamodule  # type: ignore[attr-defined]
        log_reward = torch.cat(self._rewards)
        self._rewards.clear()
        counters = data.reward.counters
        row = {
            "reward/mean": log_reward.exp().mean(),
            **{f"log_reward/q{q}": torch.quantile(log_reward, q / 100) for q in (10, 50, 90)},
            "log_reward/max": log_reward.max(),
            "trajectories/length": fresh.lengths.double().mean(),
            "found/trajectories": float(data.drawn),
            "found/unique": float(len(self.seen)),
            "oracle/calls": float(counters.raw),
            "oracle/unique": float(counters.unique),
            "oracle/cached": float(counters.cached),
            "oracle/failed": float(counters.failed),
            "oracle/seconds": counters.seconds,
            "time/sampling_seconds": data.sampling_seconds,
        }
        for threshold, kept in self.modes.items():
            if fresh.info["scores"].components is not None and data.environment.domain == "molecule":
                row[f"found/modes/value>={threshold:g}/tanimoto<{self.cut:g}"] = float(len(kept))
        pl_module.log_dict({k: float(v) for k, v in row.items()}, batch_size=len(batch))

    def _record(self, fresh: Trajectories) -> None:
        scores = fresh.info["scores"]
        values, log_rewards = scores.value.tolist(), scores.log_reward.tolist()
        for key, problem, thing, value, log_reward in zip(
            fresh.keys, scores.problems, fresh.info["objects"], values, log_rewards, strict=True
        ):
            number = _number(key)
            if problem is not None or number in self.seen:
                continue
            self.seen.add(number)
            self.best[key] = (log_reward, value)
            if isinstance(thing, Molecule):
                self._record_mode(thing, value)
        if len(self.best) > self.keep:
            ranked = sorted(self.best.items(), key=lambda item: -item[1][0])
            self.best = dict(ranked[: self.keep])

    def _record_mode(self, molecule: Molecule, value: float) -> None:
        reached = [t for t in self.thresholds if value >= t]
        if not reached:
            return
        bits = morgan([molecule])
        for threshold in reached:
            kept = self.modes[threshold]
            if not kept or tanimoto(bits, np.stack(kept)).max() < self.cut:
                kept.append(bits[0])

    def state_dict(self) -> dict[str, Any]:
        return {
            "seen": torch.tensor(sorted(self.seen), dtype=torch.int64),
            "modes": [torch.from_numpy(np.packbits(np.array(m, dtype=bool), axis=-1)) for m in self.modes.values()],
            "best": {k: list(v) for k, v in self.best.items()},
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.seen = set(state_dict["seen"].tolist())
        for kept, packed in zip(self.modes.values(), state_dict["modes"], strict=False):
            kept[:] = list(np.unpackbits(packed.numpy(), axis=-1)) if len(packed) else []
        self.best = {k: (v[0], v[1]) for k, v in state_dict["best"].items()}
