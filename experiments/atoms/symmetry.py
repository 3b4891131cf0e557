"""Trained with and without the correction for symmetric molecules: how often the most symmetric ones come.

    python experiments/atoms/symmetry.py -o FOLDER [key=value ...] [--seeds 0 1 2] [-n 5000]

The 82 molecules of 6 carbons with single and double bonds and at most one ring, of five or six (R = QED^4; cyclohexane,
with 12 automorphisms, is the test of arXiv 2506.02685), trained with symmetry=molecule and none (a run that is there is
taken as it is; settings go to all). Prints a table, mean and half of the 95 % t-interval over seeds: the exact share of
cyclohexane beside R/Z, how often it is among n samples, the exact total variation, and of the samples how many are
different, their diversity and the mean reward of the best ten.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import molgfn
from molgfn.evaluation.exact.answers import exact_distribution
from molgfn.evaluation.metrics.diversity.internal_diversity import InternalDiversity
from molgfn.evaluation.readings import Reading
from molgfn.evaluation.samples import draw_samples
from molgfn.experiment import reward_of

EXPERIMENT = Path(__file__).with_name("exact.yaml")
CYCLOHEXANE = "C1CCCCC1"
SPACE = (
    *("environment.types=[C]", "environment.max_atoms=6", "environment.min_atoms=6", "environment.orders=[1,2]"),
    *("environment.max_rings=1", "environment.smallest_ring=5"),
)
#: what every run has alike: 25,600 calls, the rate falling to nothing
ALIKE = (
    *("trainer.iterations=400", "optimizer.half_life=null", "optimizer.cosine=400", "optimizer.warm_up=20"),
    *("logger.wandb=off", "trainer.progress=none", "trainer.log_every=50", "trainer.pictures_every=100000"),
    "trainer.checkpoint_every=100000",
)
HEADINGS = (
    "P_T of cyclohexane",
    "R/Z",
    "among the samples",
    "exact TV",
    "different",
    "IntDiv",
    "mean R of the best 10",
)


def trained(place: Path, *settings: str) -> Path:
    """The folder of a run that was trained there, or is now."""
    if not list(place.glob("*/checkpoints/last.ckpt")):
        molgfn.train(EXPERIMENT, *SPACE, *ALIKE, *settings, f"output={place}")
    return next(place.glob("*/checkpoints/last.ckpt")).parents[1]


def measured(run: Path, n: int) -> list[float]:
    """By ``HEADINGS``."""
    loaded = molgfn.load(run)
    reward = reward_of(loaded.config)
    exact = exact_distribution(loaded.environment, loaded.policy, reward)
    at = exact.keys.index(CYCLOHEXANE)
    samples = draw_samples(loaded.environment, loaded.policy, reward, n, seed=0)
    diversity = InternalDiversity()(samples)["internal_diversity"].value
    best = np.exp(np.asarray(samples.log_reward)[samples.unique[:10]])
    count = samples.keys.count(CYCLOHEXANE)
    own = (float(exact.p[at]), float(exact.pi[at]), float(count), exact.tv, float(len(samples.unique)))
    return [*own, float("nan") if diversity is None else diversity, float(best.mean())]


def cell(values: Sequence[float]) -> str:
    """Mean, and half of the interval where there are several."""
    reading = Reading.mean(np.array(values))
    half = "" if reading.high is None or reading.value is None else f" ± {reading.high - reading.value:.2g}"
    return f"{np.mean(values):.4g}{half}"


def main() -> None:
    """Train, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="*", metavar="key=value", help="of all runs, as of molgfn train")
    parser.add_argument("-o", "--output", type=Path, required=True, help="where the runs lie, or go")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("-n", type=int, default=5000, help="samples of each")
    given = parser.parse_args()
    print(f"| symmetry | {' | '.join(HEADINGS)} |\n| --- |{' ---: |' * len(HEADINGS)}")
    for symmetry in ("molecule", "none"):
        found = []
        for seed in given.seeds:
            own = [f"environment.symmetry={symmetry}", f"seed={seed}", *given.settings]
            found.append(measured(trained(given.output / f"{symmetry}-{seed}", *own), given.n))
        cells = [cell(column) for column in zip(*found, strict=True)]
        print(f"| {symmetry} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
