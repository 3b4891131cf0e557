"""Kinds of uncertainty beside each other on one table: fitted on a scaffold split, judged on its test part.

    python experiments/masks/compare.py TABLE --property NAME --outside FILE --seeds 0 1 2 -o results/NAME.csv
    python experiments/masks/compare.py TABLE --property NAME --task classification --outside FILE -o results/NAME.csv

A row for each kind and seed; what is there already is not fitted again. The seed is that of the split, too. Of labels
one more row is one network, the first of the ensemble, which is trained as if it were alone.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem

from molgfn.chemistry.files.reading import read_molecules
from molgfn.chemistry.molecules import mols_of
from molgfn.proxies.base import FittedProxy, Uncertainty
from molgfn.proxies.classes.evaluating import evaluate_classes
from molgfn.proxies.classes.metrics import judge_classes
from molgfn.proxies.evaluating import evaluate, rows_of
from molgfn.proxies.fitting import fit
from molgfn.proxies.masks.settings import MaskSettings
from molgfn.proxies.table import PropertyTable, read_property
from molgfn.proxies.training import FitSettings

#: row -> (uncertainty, whether masks depend on the molecule)
ROWS: dict[str, tuple[Uncertainty, bool]] = {
    "ensemble": ("ensemble", True),
    "mc_dropout": ("mc_dropout", True),
    "gflowout, p(z given x)": ("gflowout", True),
    "gflowout, q(z)": ("gflowout", False),
    "gp": ("gp", True),
}
#: the row that comes with the ensemble
ALONE = "one network"
MEASURES = {
    "regression": ("rmse", "nll", "ece", "miscalibration_area", "ood_auroc"),
    "classification": ("nll", "brier", "ece", "auroc", "auprc", "ood_auroc_entropy", "ood_auroc_information"),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Kinds of uncertainty beside each other, on a scaffold split of one table."
    )
    parser.add_argument("table", type=Path)
    parser.add_argument("--property", required=True)
    parser.add_argument("--task", choices=[*MEASURES], default="regression")
    parser.add_argument("--smiles", help="column of the SMILES")
    parser.add_argument("--outside", type=Path, required=True, help="molecules unlike those of the table")
    parser.add_argument("--limit", type=int, default=200, help="of molecules from outside")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--rate", type=float, default=0.1)
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    table = read_property(given.table, given.property, smiles=given.smiles, task=given.task)
    print(table.summary())
    outside = [m.mol for m in read_molecules(given.outside, limit=given.limit).molecules if m.mol is not None]
    done = list(csv.DictReader(given.output.open())) if given.output.exists() else []
    kinds = {name: how for name, how in ROWS.items() if given.task == "regression" or how[0] != "gp"}
    for seed in given.seeds:
        for name, (uncertainty, conditional) in kinds.items():
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
            for row, found in judged(name, proxy, table, outside):
                seconds = round(time.process_time() - start, 1)
                done.append(
                    {"row": row, "seed": str(seed), **{k: f"{v:.6g}" for k, v in found.items()}, "seconds": seconds}
                )
                print(done[-1], flush=True)
            given.output.parent.mkdir(parents=True, exist_ok=True)
            with given.output.open("w", newline="") as stream:
                writer = csv.DictWriter(stream, done[0])
                writer.writeheader()
                writer.writerows(done)
    summary(done, MEASURES[given.task])


def judged(
    name: str, proxy: FittedProxy, table: PropertyTable, outside: list[Chem.Mol]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The numbers of the test part."""
    if table.task == "regression":
        yield name, asdict(evaluate(proxy, table, outside)["test"])
        return
    yield name, asdict(evaluate_classes(proxy, table, outside)["test"])
    if proxy.uncertainty == "ensemble":
        rows = rows_of(proxy, table)["test"]
        own, away = proxy.members(mols_of(table.molecules))[:1, rows], proxy.members(outside)[:1]
        yield ALONE, asdict(judge_classes(table.values[rows], own, away))


def summary(done: list[dict[str, Any]], measures: tuple[str, ...]) -> None:
    """Means and deviations over the seeds, and differences from dropout seed by seed."""
    print("| |", " | ".join(measures), "|\n|", " | ".join("---" for _ in (0, *measures)), "|")
    of = {
        name: {row["seed"]: np.array([float(row[m]) for m in measures]) for row in done if row["row"] == name}
        for name in dict.fromkeys(row["row"] for row in done)
    }
    for name, own in of.items():
        numbers = np.array([*own.values()])
        spread = numbers.std(0, ddof=1) if len(own) > 1 else np.full(len(measures), np.nan)
        means = zip(numbers.mean(0), spread, strict=True)
        print("|", name, "|", " | ".join(f"{a:.3f} ± {b:.3f}" for a, b in means), "|")
    print("\nless mc_dropout of the same seed and split")
    for name, own in of.items():
        if name != "mc_dropout":
            pairs = [own[seed] - base for seed, base in of["mc_dropout"].items() if seed in own]
            columns = np.array(pairs).T.reshape(len(measures), -1)
            texts = (", ".join(f"{d:+.3f}" for d in column) for column in columns)
            print("|", name, "|", " | ".join(texts), "|")


if __name__ == "__main__":
    main()
