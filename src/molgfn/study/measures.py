"""What is measured on one finished run."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import torch
from scipy import stats

from molgfn.evaluation.evaluator import evaluate_policy
from molgfn.evaluation.exact import exact_distribution
from molgfn.evaluation.settings import EvaluationSettings
from molgfn.evaluation.terminal_probability import log_terminal_probability
from molgfn.evaluation.top_auc import write_pmo
from molgfn.experiment import Experiment, Run, assemble, reward_of
from molgfn.policies.base import Policy
from molgfn.rewards.base import Reward
from molgfn.trajectories.sampler import Sampler

#: seed of the held-out objects: the same objects for every run of a study
HELDOUT_SEED = 1_000_003


def measure(run: Run, *, samples: int, heldout: int) -> dict[str, float]:
    """Key -> number: cost, exact distances where the space can be listed, sample metrics, held-out correlation."""
    e = run.experiment
    policy = e.policy.eval()
    with (run.folder / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    values = {"trajectories": last(rows, "found/trajectories"), "reward_calls": last(rows, "oracle/calls")}
    values["distinct_objects"] = last(rows, "oracle/unique")
    values["gradient_steps"] = last(rows, "train/gradient_steps")
    if budget := (e.config.get("scoring") or {}).get("budget"):
        values |= write_pmo(run.folder, budget=budget)
    reward = reward_of(e.config)
    limit = e.evaluation.exact_limit
    if limit and e.environment.enumeration_unavailable_reason() is None:
        exact = exact_distribution(e.environment, policy, reward)
        values |= {"tv": exact.tv, "jsd": exact.jsd, "kl": exact.kl, "log_z_true": exact.log_z}
        values["mean_reward_ratio"] = exact.mean_reward / exact.target_mean_reward
    if samples:
        settings = EvaluationSettings(
            **{**e.evaluation.plain(), "samples": samples, "exact_limit": 0}  # type: ignore[arg-type]
        )
        values |= evaluate_policy(e.environment, policy, reward, settings, seed=0).values()
    if heldout:
        values |= heldout_correlation(e, policy, reward, heldout)
    for name in ("train/log_z", "train/elbo"):
        if rows and name in rows[0]:  # a batch's ELBO only where none was measured with more samples
            values.setdefault(name.removeprefix("train/"), last(rows, name))
    return values


def last(rows: list[dict[str, str]], name: str) -> float:
    """The last value of a column of ``metrics.csv``; NaN where it has none."""
    found = [row[name] for row in rows if row.get(name)]
    return float(found[-1]) if found else float("nan")


def curve(path: Path, x: str, y: str) -> list[list[float]]:
    """[xs, ys] out of a ``metrics.csv``: where ``y`` was measured, with the latest ``x`` up to then.

    Between two measurements of the exact distribution Lightning logs the last one again, digit for digit; those rows
    are left out.
    """
    xs, ys, latest, before = [], [], 0.0, None
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            latest = float(row[x]) if row.get(x) else latest
            if row.get(y) and not (y.startswith("exact/") and row[y] == before):
                before = row[y]
                xs.append(latest)
                ys.append(float(f"{float(row[y]):.6g}"))
    return [xs, ys]


def heldout_correlation(
    e: Experiment, policy: Policy, reward: Reward, n: int, trajectories: int = 32
) -> dict[str, float]:
    """Pearson and Spearman correlation of log P_T(x) with log R(x) on ``n`` objects that no run chose.

    They are drawn from an untrained policy of the run's kind with a seed of its own, the same for every run.
    """
    state = torch.random.get_rng_state()
    plain = {**e.config, "seed": HELDOUT_SEED}
    untrained = assemble({**plain, "objective": _TB, "backward": _UNIFORM, "data": _DATA, "target": None}).policy
    torch.random.set_rng_state(state)
    generator = torch.Generator().manual_seed(HELDOUT_SEED)
    terminal = Sampler(e.environment).forward(untrained, 2 * n, generator=generator).terminal
    objects = e.environment.objects(terminal)
    keys = e.environment.object_keys(objects)
    first = sorted({key: i for i, key in reversed(list(enumerate(keys)))}.values())[:n]
    chosen = objects[first] if isinstance(objects, torch.Tensor) else [objects[i] for i in first]
    scores = reward(chosen, [keys[i] for i in first])
    estimate = log_terminal_probability(
        e.environment, policy, chosen, samples=trajectories, generator=torch.Generator().manual_seed(1), seed=1
    )
    log_p, log_r = estimate.log_p.numpy(), scores.log_reward.numpy()
    good = np.isfinite(log_p) & scores.valid.numpy()
    if good.sum() < 3:
        return {}
    return {
        "heldout/pearson": float(np.corrcoef(log_p[good], log_r[good])[0, 1]),
        "heldout/spearman": float(stats.spearmanr(log_p[good], log_r[good]).statistic),  # type: ignore[attr-defined]
        "heldout/objects": float(good.sum()),
    }


_TB = {"_target_": "molgfn.objectives.trajectory_balance.TrajectoryBalance"}
_UNIFORM = {"_target_": "molgfn.objectives.backward.uniform.Uniform"}
_DATA = {"_target_": "molgfn.trajectories.sources.Sources"}
