"""Two objectives on a grid and a reward of them under a condition, as a user would write it."""

from __future__ import annotations

from typing import Literal

import torch

from molgfn.objects.grid import GRID
from molgfn.rewards.base import Reward, Scores
from molgfn.serving.counters import Counters
from molgfn.serving.measurements import Measurements

NAMES = ("left", "low")


class Corners(Reward):
    """``left`` = 1 - x / (side - 1), ``low`` = 1 - y / (side - 1); how they are made one number, the condition says.

    preference: sum_i w_i r_i, to the power beta. goal: cos(r, d) to the power beta. target: R = exp(-4 |left - t|).
    """

    kind = GRID

    def __init__(
        self, *, side: int = 4, by: Literal["preference", "goal", "target", "beta"] = "preference", beta: float = 3.0
    ) -> None:
        self.side, self.by, self.beta = side, by, beta
        self._counters = Counters()
        reads = {"target": ["target_left"], "beta": ["beta"]}.get(by, [f"{by}_{name}" for name in NAMES])
        self.reads = frozenset(reads)

    def log_reward(self, measurements, condition=None):
        r = torch.stack([measurements.values[name] for name in NAMES], 1)
        if self.by == "beta":
            return self.required(condition, "beta") * r.mean(1).clamp(min=1e-2).log()
        if self.by == "target":
            return -4 * (r[:, 0] - self.required(condition, "target_left")).abs()
        c = torch.stack([self.required(condition, f"{self.by}_{name}") for name in NAMES], 1)
        along = (r * c).sum(1)
        worth = along if self.by == "preference" else along / r.norm(dim=1).clamp(min=1e-9)
        return self.beta * worth.clamp(min=1e-2).log()

    def __call__(self, objects, keys, condition=None):
        self._counters.raw += len(keys)
        r = 1 - objects.double() / (self.side - 1)
        measurements = Measurements(dict(zip(NAMES, r.unbind(1), strict=True)), [None] * len(keys))
        return Scores(
            log_reward=self.log_reward(measurements, condition),
            value=r.mean(1),
            components=dict(measurements.values),
            problems=[None] * len(keys),
            measurements=measurements,
        )

    def achieved(self, measurements):
        raw = {f"{name}_raw": column for name, column in measurements.values.items()}
        return {**measurements.values, **raw}

    @property
    def counters(self):
        return self._counters

    @property
    def floor(self):
        return -float("inf")

    def state_dict(self):
        return {"raw": self._counters.raw}

    def load_state_dict(self, state):
        self._counters.raw = state["raw"]
