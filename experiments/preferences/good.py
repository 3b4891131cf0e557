"""The good molecules of the study: the best tenth of what a trained policy draws, by an oracle.

    python experiments/preferences/good.py RUN -o FOLDER [--oracles qed_sa celecoxib_rediscovery] [--calls 512 1024]

Draws different molecules from RUN and writes the best tenth of the first 512 and of all 1,024 to FOLDER, a file
ORACLE-CALLS.smi each, and beside it ORACLE-CALLS.csv, all that were scored for it, which calls.py counts. Says how many
calls that was and what the best and the mean are.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

import molgfn


def main() -> None:
    """Draw, score, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--oracles", nargs="+", default=["qed_sa", "celecoxib_rediscovery"])
    parser.add_argument("--calls", type=int, nargs="+", default=[512, 1024])
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    drawn = molgfn.sample(given.run, max(given.calls), seed=0, unique=True, values=False)
    smiles = list(drawn.table["smiles"])
    for oracle in given.oracles:
        values = molgfn.score(smiles, f"oracle={oracle}").iloc[:, 1].to_numpy()  # under the oracle's name
        for calls in given.calls:
            order = sorted(range(min(calls, len(smiles))), key=lambda i: -values[i])
            best = order[: max(1, len(order) // 10)]
            path = given.output / f"{oracle}-{calls}.smi"
            path.write_text("".join(f"{smiles[i]}\n" for i in best), encoding="utf-8")
            scored = pd.DataFrame({"smiles": smiles[:calls], oracle: values[:calls]})
            scored.to_csv(path.with_suffix(".csv"), index=False)
            print(
                f"{path}: {len(best)} of {len(order)} molecules scored; {oracle} {values[best].mean():.3f} on average, "
                f"best {values[best].max():.3f}, all {values[order].mean():.3f}"
            )


if __name__ == "__main__":
    main()
