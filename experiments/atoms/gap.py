"""The runs of gap.study.yaml, each measured at several temperatures.

    python experiments/atoms/gap.py FOLDER [--betas 1 8 16 32] [--samples 256] [--trajectories 8]

FOLDER holds the study's runs and gets by_beta.md: for each row and beta, mean and half of the 95 % t-interval over
seeds of the ELBO (log R' + log P_B - log P_F of samples); of the EUBO's stand-in, the same mean along backward
trajectories from the molecules of qm9_heldout.smi (no bound on log Z: they are not drawn from R/Z); of Pearson's and
Spearman's correlation of log P_T and log R on these molecules at this one beta; and of the samples the mean gap, that
of the ten best different ones, and how many are different. log R' is log R less log C, the symmetry term.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy import stats

import molgfn
from molgfn.chemistry.molecules import Molecule, parse
from molgfn.environments.base import Environment
from molgfn.errors import DataError
from molgfn.evaluation.readings import Reading
from molgfn.evaluation.samples import draw_samples
from molgfn.evaluation.terminal_probability import backward_draws
from molgfn.experiment import reward_of
from molgfn.study.plan import read_study

HERE = Path(__file__).parent
HEADINGS = ("ELBO", "EUBO stand-in", "Pearson", "Spearman", "mean gap, eV", "ten best, eV", "different")


def heldout(environment: Environment) -> list[Molecule]:
    """The molecules of the file that the environment can build."""
    inside = []
    for molecule in parse((HERE / "qm9_heldout.smi").read_text().split()):
        try:
            environment.states_of([molecule])
        except DataError:
            continue
        inside.append(molecule)
    return inside


@torch.no_grad()
def measured(run: Path, betas: Sequence[float], n: int, trajectories: int) -> dict[float, list[float]]:
    """beta -> numbers by ``HEADINGS``."""
    loaded = molgfn.load(run)
    reward, found = reward_of(loaded.config), {}
    molecules = heldout(loaded.environment)
    keys = [molecule.smiles for molecule in molecules]
    for beta in betas:
        here = loaded.under({"beta": beta}).environment
        samples = draw_samples(here, loaded.policy, reward, n, seed=0)
        scores = reward(molecules, keys, here.condition_values(here.initial(len(molecules))))
        log_r = scores.log_reward.double().numpy()
        generator = torch.Generator().manual_seed(0)
        draws, _ = backward_draws(here, loaded.policy, molecules, samples=trajectories, generator=generator)
        log_p = (torch.logsumexp(draws, 1) - np.log(trajectories)).numpy()
        gaps, best = np.asarray(samples.value), samples.unique[:10]
        found[beta] = [
            *(float(np.mean(samples.log_weight)), float((log_r[:, None] - draws.numpy()).mean())),
            float(np.corrcoef(log_p, log_r)[0, 1]),
            float(stats.spearmanr(log_p, log_r).statistic),  # type: ignore[attr-defined]
            *(float(gaps.mean()), float(gaps[best].mean()), float(len(samples.unique))),
        ]
    return found


def cell(values: Sequence[float]) -> str:
    """Mean, and half of the interval where there are several."""
    reading = Reading.mean(np.array(values))
    half = "" if reading.high is None or reading.value is None else f" ± {reading.high - reading.value:.2g}"
    return f"{np.mean(values):.3g}{half}"


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of the study's results, with its runs")
    parser.add_argument("--betas", type=float, nargs="+", default=[1.0, 8.0, 16.0, 32.0])
    parser.add_argument("--samples", type=int, default=256)
    parser.add_argument("--trajectories", type=int, default=8, help="backward, for each molecule that was held out")
    given = parser.parse_args()
    lines = [f"| beta | | seeds | {' | '.join(HEADINGS)} |", f"| ---: | --- | ---: |{' ---: |' * len(HEADINGS)}"]
    rows: dict[str, list[dict[float, list[float]]]] = {}
    for row in read_study(HERE / "gap.study.yaml").rows:
        name = re.sub(r"[^a-z0-9]+", "-", row.name.lower())
        runs = [p.parents[1] for p in sorted(given.folder.glob(f"runs/{name}-[0-9]*/checkpoints/last.ckpt"))]
        rows[row.name] = [measured(run, given.betas, given.samples, given.trajectories) for run in runs]
    for beta in given.betas:
        for name, seeds in rows.items():
            if seeds:
                cells = [cell(column) for column in zip(*(seed[beta] for seed in seeds), strict=True)]
                lines.append(f"| {beta:g} | {name} | {len(seeds)} | {' | '.join(cells)} |")
    text = "\n".join(lines)
    (given.folder / "by_beta.md").write_text(f"{text}\n")
    print(text)


if __name__ == "__main__":
    main()
