"""Kinds of uncertainty beside each other on one table: fitted on a scaffold split, judged on its test part.

    python experiments/masks/compare.py TABLE --property NAME --outside FILE --seeds 0 1 2 -o results/NAME.csv

A row for each kind and seed; what is there already is not fitted again. The seed is that of the split, too.
"""

from __future__ import annotations

import argparse
import csv
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from molgfn.chemistry.files.reading import read_molecules
from molgfn.proxies.base import Uncertainty
from molgfn.proxies.evaluating import evaluate
from molgfn.proxies.fitting import fit
from molgfn.proxies.masks.settings import MaskSettings
from molgfn.proxies.table import read_property
from molgfn.proxies.training import FitSettings

#: row -> (uncertainty, whether masks depend on the molecule)
ROWS: dict[str, tuple[Uncertainty, bool]] = {
    "ensemble": ("ensemble", True),
    "mc_dropout": ("mc_dropout", True),
    "gflowout, p(z given x)": ("gflowout", True),
    "gflowout, q(z)": ("gflowout", False),
    "gp": ("gp", True),
}
MEASURES = ("rmse", "nll", "ece", "miscalibration_area", "ood_auroc")


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Kinds of uncertainty beside each other, on a scaffold split of one table."
    )
    parser.add_argument("table", type=Path)
    parser.add_argument("--property", required=True)
    parser.add_argument("--smiles", help="column of the SMILES")
    parser.add_argument("--outside", type=Path, required=True, help="molecules unlike those of the table")
    parser.add_argument("--limit", type=int, default=200, help="of molecules from outside")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--rate", type=float, default=0.1)
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    table = read_property(given.table, given.property, smiles=given.smiles)
    print(table.summary())
    outside = [m.mol for m in read_molecules(given.outside, limit=given.limit).molecules if m.mol is not None]
    done = list(csv.DictReader(given.output.open())) if given.output.exists() else []
    for seed in given.seeds:
        for name, (uncertainty, conditional) in ROWS.items():
            if any((row["row"], row["seed"]) == (name, str(seed)) for row in done):
                continue
            start = time.process_time()
            proxy = fit(
                table,
                FitSettings(epochs=given.epochs, seed=seed),
                uncertainty=uncertainty,
                masks=MaskSettings(rate=given.rate, conditional=conditional),
                kind="scaffold",
            )
            found = asdict(evaluate(proxy, table, outside)["test"])
            seconds = round(time.process_time() - start, 1)
            done.append(
                {"row": name, "seed": str(seed), **{k: f"{v:.6g}" for k, v in found.items()}, "seconds": seconds}
            )
            given.output.parent.mkdir(parents=True, exist_ok=True)
            with given.output.open("w", newline="") as stream:
                writer = csv.DictWriter(stream, done[0])
                writer.writeheader()
                writer.writerows(done)
            print(done[-1], flush=True)
    print("| |", " | ".join(MEASURES), "|\n|", " | ".join("---" for _ in (0, *MEASURES)), "|")
    for name in ROWS:
        own = np.array([[float(row[m]) for m in MEASURES] for row in done if row["row"] == name])
        spread = own.std(0, ddof=1) if len(own) > 1 else np.full(len(MEASURES), np.nan)
        print("|", name, "|", " | ".join(f"{a:.3f} ± {b:.3f}" for a, b in zip(own.mean(0), spread, strict=True)), "|")


if __name__ == "__main__":
    main()
