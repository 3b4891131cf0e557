"""Leads of QED .7 to .8: how many reach .9 at a Tanimoto similarity of .4 within k edits, method by method, at equal
calls; writes one row for each method and k.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import pandas as pd
from rdkit.Chem import QED

import molgfn
from molgfn.chemistry.files.reading import iter_records
from molgfn.chemistry.molecules import Molecule
from molgfn.editing.methods import METHODS
from molgfn.editing.metrics import property_improvement, success
from molgfn.errors import DataError

#: beside the methods: GFNSeqEditor one edit at a time, each from the best so far
IN_ROUNDS = "gfn in rounds"


def leads_of(path: str, run: molgfn.Loaded, number: int, low: float, high: float) -> tuple[list[str], dict[str, int]]:
    """The first ``number`` molecules of a file with a QED in [low, high] that the run can build; and what was read."""
    found: list[str] = []
    counts = {"read": 0, "in range": 0, "buildable": 0}
    for record in iter_records(path):
        molecule = Molecule.from_smiles(record.text)
        counts["read"] += 1
        if not molecule.valid or not low <= QED.qed(molecule.mol) <= high:
            continue
        counts["in range"] += 1
        try:
            run.environment.states_of([molecule])
        except DataError:
            continue
        counts["buildable"] += 1
        found.append(molecule.smiles)
        if len(found) == number:
            break
    return found, counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--leads", required=True, help="file of molecules (molgfn data fetch zinc250k says where)")
    parser.add_argument("--number", type=int, default=800)
    parser.add_argument("--calls", type=int, default=32)
    parser.add_argument("--edits", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--methods", nargs="+", default=[IN_ROUNDS, *METHODS])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("results.csv"))
    wanted = parser.parse_args()
    run = molgfn.load(wanted.run)
    leads, counts = leads_of(wanted.leads, run, wanted.number, 0.7, 0.8)
    print(counts, f"policy of iteration {run.iteration}", flush=True)
    rows = []
    for edits in wanted.edits:
        for method in wanted.methods:
            begun = time.time()
            how = {"method": "gfn", "rounds": edits} if method == IN_ROUNDS else {"method": method}
            made = molgfn.edit(
                leads, run, **how, edits=edits, calls=wanted.calls, best=1, similar=0.4, seed=wanted.seed
            )
            best = {row["lead"]: row for row in made.rows if isinstance(row["child"], str)}
            reached = [i in best and best[i]["value"] >= 0.9 for i in range(1, len(leads) + 1)]
            share, low, high = success(reached)
            some = list(best.values())
            rows.append(
                {
                    "method": method,
                    "edits": edits,
                    "leads": len(leads),
                    "with_child": len(some),
                    "success": round(share, 4),
                    "low": round(low, 4),
                    "high": round(high, 4),
                    "gain": round(
                        property_improvement([r["parent_value"] for r in some], [r["value"] for r in some]), 4
                    ),
                    "similarity": round(sum(r["similarity"] for r in some) / max(len(some), 1), 4),
                    "calls": made.calls,
                    "seed": wanted.seed,
                    "iteration": run.iteration,
                    "seconds": round(time.time() - begun, 1),
                }
            )
            print(rows[-1], flush=True)
            pd.DataFrame(rows).to_csv(wanted.output, index=False)


if __name__ == "__main__":
    main()
