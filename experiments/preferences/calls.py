"""How many different molecules each run of the study was measured on, those of good.py included.

    python experiments/preferences/calls.py runs/rejected

Prints a line for each task and row, the mean over seeds: different molecules that the run scored itself, those that
were scored to find its good ones, and the two together, where a molecule of both counts once. A run whose batches are
all given scores one more molecule in each, of the trajectory by which P_F is watched; nothing is learned from these.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import yaml

from molgfn.evaluation.top_auc import scored_values


def main() -> None:
    """Count and print; exit code 2 where there is nothing to count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path, metavar="STUDY", help="folder of the study's results, with its runs")
    given = parser.parse_args()
    runs = sorted(given.study.glob("runs/*/scored.sqlite"))
    if not runs:
        print(f"{given.study}: holds no runs, which are in `runs` there as the study makes them", file=sys.stderr)
        sys.exit(2)
    rows = [counted(record.parent) for record in runs]
    table = pd.DataFrame(rows).groupby("run", sort=False).agg(seeds=("run", "size"), **MEANS)
    print(table.reset_index().to_string(index=False, float_format="{:.0f}".format))


#: column -> mean over seeds
MEANS = {name: (name, "mean") for name in ("own", "finding", "different")}


def counted(folder: Path) -> dict[str, str | int]:
    """Of one run: its name without the seed, and the three counts."""
    config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    own = set(scored_values(folder / "scored.sqlite")["key"])
    found: set[str] = set()
    for path in good_of(config["data"]):
        beside = path.with_suffix(".csv")
        if not beside.is_file():
            print(f"{beside}: no such file; good.py writes it beside {path.name}", file=sys.stderr)
            sys.exit(2)
        found |= set(pd.read_csv(beside)["smiles"])
    name = config["name"].rpartition("-")[0]
    return {"run": name, "own": len(own), "finding": len(found), "different": len(own | found)}


def good_of(node: dict) -> Iterator[Path]:
    """The files of molecules that are named anywhere in a config of data."""
    for key, value in node.items():
        if key == "molecules" and isinstance(value, str):
            yield Path(value)
        elif isinstance(value, dict):
            yield from good_of(value)


if __name__ == "__main__":
    main()
