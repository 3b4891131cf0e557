"""Does self-play collapse? The exact P_T after each of 5 rounds, for every kind of opponent.

    python experiments/self_play/rounds.py -o FOLDER [key=value ...] [--seeds 0 1 2] [--rows NAME ...]

Trains exact.yaml on data.smi (40 of 171 molecules, each as likely; settings go to all runs, and a row that is there is
taken as it is) from random weights, and, as a yardstick, by maximum likelihood of the same data in as many steps. After
each round it measures by dynamic programming over all molecules: the total variation from the data, the share of P_T on
molecules that are not data, the entropy (that of the data is log 40 = 3.69 nats), and the expected share of different
ones among 100 samples (.37 of the data). Writes results.csv, and prints a table: mean and half of the 95 % t-interval
over seeds.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from rdkit import Chem

import molgfn
from molgfn.environments.base import Environment
from molgfn.evaluation.exact.answers import exact_terminal
from molgfn.evaluation.exact.information import entropy
from molgfn.evaluation.exact.objects import list_objects
from molgfn.evaluation.readings import Reading
from molgfn.policies.base import Policy

HERE = Path(__file__).parent
DATA = HERE / "data.smi"
EXPERIMENT, SAME_SPACE = HERE / "exact.yaml", HERE.parent / "exact_fragments" / "ambiguous.yaml"
SAMPLES = 100
BASE = f"data.sources.self_play.molecules={DATA}"
ROWS: dict[str, tuple[str, ...]] = {
    "self-play": (BASE,),
    "mixing .25": (BASE, "data.sources.self_play.mixing=0.25"),
    "history 3": (BASE, "data.sources.self_play.history=3"),
    "KL .1": (BASE, "objective.kl_weight=0.1"),
    "maximum likelihood": (
        *("objective=mle", "data=offline", f"data.sources.offline.molecules={DATA}", "data.sources.offline.share=1.0"),
        *("data.batch_size=32", "policy.width=32", "policy.layers=2", "optimizer.lr=5e-3", "optimizer.half_life=null"),
    ),
}
#: what every run has alike
ALIKE = (
    *("logger.wandb=off", "trainer.progress=none", "trainer.log_every=10", "trainer.pictures_every=100000"),
    "trainer.checkpoint_every=100000",
)
MEASURES = ("TV", "outside", "entropy", "different")


class Exact:
    """P_T of a policy against the data, over all molecules."""

    def __init__(self, environment: Environment) -> None:
        self.listed = list_objects(environment)
        data = {Chem.CanonSmiles(line) for line in DATA.read_text().split()}
        inside = torch.tensor([key in data for key in self.listed.keys])
        if int(inside.sum()) != len(data):
            raise ValueError(f"{DATA}: {int(inside.sum())} of its {len(data)} molecules are of this environment")
        self.data = inside.double() / inside.sum()

    def __call__(self, policy: Policy) -> tuple[float, ...]:
        """By ``MEASURES``."""
        p = self.listed.by_object(exact_terminal(policy, self.listed.graph))
        different = (1 - (1 - p) ** SAMPLES).sum() / SAMPLES
        tv = (p - self.data).abs().sum() / 2
        return float(tv), float(p[self.data == 0].sum()), entropy(p), float(different)


class EachRound(pl.Callback):
    """Measures P_T as training begins, and after each ``every`` iterations."""

    def __init__(self, every: int) -> None:
        self.every = every
        self.found: list[tuple[float, ...]] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Of the base."""
        module: Any = pl_module
        self._policy: Policy = module.learner.policy
        self._exact = Exact(self._policy.environment)
        self.found.append(self._exact(self._policy))

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Of what a round left."""
        if (batch_idx + 1) % self.every == 0:
            self.found.append(self._exact(self._policy))


def cell(values: Sequence[float]) -> str:
    """Mean, and half of the interval where there are several."""
    reading = Reading.mean(np.array(values))
    half = "" if reading.high is None or reading.value is None else f" ± {reading.high - reading.value:.3f}"
    return f"{np.mean(values):.3f}{half}"


def table(rows: Sequence[dict[str, Any]], rounds: int) -> str:
    """Base, first, third and last round of each row."""
    shown = sorted({0, 1, min(3, rounds), rounds})
    lines = [
        "| | round | TV from the data | P_T outside | entropy, nats | different of 100 |",
        "| --- |" + " ---: |" * 5,
    ]
    for name in dict.fromkeys(row["row"] for row in rows):
        for number in shown:
            own = [row for row in rows if row["row"] == name and int(row["round"]) == number]
            cells = [cell([float(row[measure]) for row in own]) for measure in MEASURES]
            lines.append(f"| {name} | {number} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Train, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="*", metavar="key=value", help="of all runs, as of molgfn train")
    parser.add_argument("-o", "--output", type=Path, required=True, help="where results.csv and the runs lie, or go")
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=list(ROWS), metavar="NAME")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--round", type=int, default=60, help="iterations")
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    file = given.output / "results.csv"
    rows: list[dict[str, Any]] = list(csv.DictReader(file.open())) if file.exists() else []
    for seed in given.seeds:
        for name in given.rows:
            if any(row["row"] == name and int(row["seed"]) == seed for row in rows):
                continue
            watch = EachRound(given.round)
            own = [*ALIKE, *ROWS[name], f"seed={seed}", f"trainer.iterations={5 * given.round}"]
            if BASE in ROWS[name]:
                own.append(f"data.sources.self_play.round={given.round}")
            own += [*given.settings, f"output={given.output / 'runs'}"]
            molgfn.train(EXPERIMENT if BASE in ROWS[name] else SAME_SPACE, *own, callbacks=[watch])
            for number, found in enumerate(watch.found):
                measured = dict(zip(MEASURES, (f"{x:.6g}" for x in found), strict=True))
                rows.append({"row": name, "seed": seed, "round": number, **measured})
            with file.open("w", newline="") as out:
                writer = csv.DictWriter(out, ["row", "seed", "round", *MEASURES], lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
    print(table(rows, 5))


if __name__ == "__main__":
    main()
