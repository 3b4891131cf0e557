"""One sEH sampler for every temperature beside one for each, at equal oracle calls in all.

    python experiments/conditions/temperatures.py [key=value ...] -o FOLDER [--iterations 600] [--betas 4 16 32 64]
        [--seeds 0 1 2]

Trains, for each seed, seh_temperature.yaml for so many batches, and seh/seh.yaml at each beta for an equal part of them
(a run that is there is taken as it is; settings go to all of them). Then each is measured at each beta: the mean proxy
of 512 samples, the ELBO (of one and the same log Z at one beta, so that more is nearer to R/Z), Spearman's correlation
of log P_T and log R over the 120 molecules of ../seh/heldout.smi with 16 backward trajectories each, and #Circles
(Tanimoto < .3) of the samples. Prints a table of means and half of the 95 % t-interval over seeds.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import molgfn
from molgfn.evaluation.readings import Reading

HERE = Path(__file__).parent
ONE, SEPARATE = HERE / "seh_temperature.yaml", HERE.parent / "seh" / "seh.yaml"
HELDOUT = HERE.parent / "seh" / "heldout.smi"
SAMPLES = 512
#: what every run of this comparison has alike
ALIKE = (
    *("logger.wandb=off", "trainer.progress=none", "trainer.log_every=20", "trainer.pictures_every=5000"),
    *("trainer.checkpoint_every=5000", "evaluation.log_pt_objects=0", "evaluation.conditions=0"),
)
#: heading -> the reading that stands under it
MEASURES = {
    "mean proxy": "mean/value",
    "ELBO": "elbo",
    "held-out Spearman": "heldout/spearman/",
    "#Circles of 512": "circles/",
}


def trained(place: Path, experiment: Path, *settings: str) -> Path:
    """The folder of a run that was trained there, or is now."""
    if not list(place.glob("*/checkpoints/last.ckpt")):
        molgfn.train(experiment, *ALIKE, *settings, f"output={place}")
    return next(place.glob("*/checkpoints/last.ckpt")).parents[1]


def measured(run: Path, beta: float | None) -> dict[str, float]:
    """By the headings of the table, NaN for none; ``beta`` where the run was trained for many."""
    found = molgfn.evaluate(
        run,
        samples=SAMPLES,
        heldout=HELDOUT,
        untrained=False,
        conditions=0,
        condition=None if beta is None else {"temperature": beta},
        output=run / ("evaluation" if beta is None else f"evaluation-{beta:g}"),
    ).metrics
    keys = {heading: [key for key in found if key.startswith(start)] for heading, start in MEASURES.items()}
    return {heading: found[known[0]] if known else float("nan") for heading, known in keys.items()}


def cell(values: Sequence[float]) -> str:
    """Mean, and half of the interval where there are several."""
    reading = Reading.mean(np.array(values))
    if reading.value is None:
        return "–"
    return f"{reading.value:.3g}" + ("" if reading.high is None else f" ± {reading.high - reading.value:.2g}")


def main() -> None:
    """Train, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="*", metavar="key=value", help="of all runs, as of molgfn train")
    parser.add_argument("-o", "--output", type=Path, required=True, help="where the runs lie, or go")
    parser.add_argument("--iterations", type=int, default=600, help="of the one run; the others share as many")
    parser.add_argument("--betas", type=float, nargs="+", default=[4.0, 16.0, 32.0, 64.0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    given = parser.parse_args()
    share, rest = divmod(given.iterations, len(given.betas))
    if rest:
        parser.error(f"--iterations: {given.iterations} cannot be shared among {len(given.betas)} runs")
    found: dict[tuple[float, str], list[dict[str, float]]] = {}
    for seed in given.seeds:
        own = [*given.settings, f"seed={seed}"]
        one = trained(given.output / f"one-{seed}", ONE, *own, f"trainer.iterations={given.iterations}")
        for beta in given.betas:
            place, words = given.output / f"beta{beta:g}-{seed}", [f"trainer.iterations={share}", f"reward.beta={beta}"]
            found.setdefault((beta, "one for all"), []).append(measured(one, beta))
            found.setdefault((beta, "its own"), []).append(measured(trained(place, SEPARATE, *own, *words), None))
    print(f"one run of {given.iterations:,} batches; {len(given.betas)} of {share:,}; seeds {given.seeds}\n")
    print("| beta | run | " + " | ".join(MEASURES) + " |\n| ---: | --- |" + " ---: |" * len(MEASURES))
    for (beta, name), seeds in found.items():
        cells = [cell([seed[heading] for seed in seeds]) for heading in MEASURES]
        print(f"| {beta:g} | {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
