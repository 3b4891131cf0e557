"""Strings edited by a policy, measured as GFNSeqEditor's table: property improvement, edit percentage, diversity.

Ten edits of each seed, none chosen by its value. Writes one row for each method: PI over the children that there are,
PI_all over all seeds, where one that was left as it is counts as 0, and PI_same, by the same rule, over the seeds that
the first method edited.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from random import Random
from statistics import mean, stdev

import pandas as pd

import molgfn
from molgfn.editing.metrics import diversity, edit_percentage, improvement_over_leads, property_improvement
from molgfn.environments.strings import Strings

#: how each is asked for
EDITORS = {
    "gfn delta .4": {"method": "gfn", "delta": 0.4},
    "gfn delta .2": {"method": "gfn", "delta": 0.2},
    "gfn delta .1": {"method": "gfn", "delta": 0.1},
    "delta_cs half": {"method": "delta_cs", "fraction": 0.5},
    "delta_cs quarter": {"method": "delta_cs", "fraction": 0.25},
    "local_search": {"method": "local_search", "rounds": 1, "edits": 2},
    "swap one": {"method": "fragment_swap", "edits": 1},
    "swap two": {"method": "fragment_swap", "edits": 2},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--file", action="append", default=[], metavar="KEY=PATH", help="as of molgfn sample")
    parser.add_argument("--seeds", type=int, default=200, help="strings that are edited, drawn uniformly")
    parser.add_argument("--children", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("comparison.csv"))
    wanted = parser.parse_args()
    files = dict(word.split("=", 1) for word in wanted.file)
    run = molgfn.load(wanted.run)
    environment, random = run.environment, Random(wanted.seed)
    if not isinstance(environment, Strings):
        parser.error(f"{wanted.run}: should be a run of environment=strings")
    leads = ["".join(random.choices(environment.alphabet, k=environment.length)) for _ in range(wanted.seeds)]
    rows, first = [], set()
    for name, settings in EDITORS.items():
        made = molgfn.edit(
            leads,
            run,
            **{"edits": environment.length, **settings},
            calls=wanted.children,
            best=wanted.children,
            seed=wanted.seed,
            files=files,
        )
        pairs = [row for row in made.rows if isinstance(row["child"], str)]
        gains = [row["value"] - row["parent_value"] for row in pairs]
        of_lead = _by_lead(pairs, gains)
        first = first or set(of_lead)
        by_lead = [mean(g) for g in of_lead.values()]
        over_all, error_of_all = improvement_over_leads([of_lead.get(row, []) for row in range(1, wanted.seeds + 1)])
        over_same, error_of_same = improvement_over_leads([of_lead.get(row, []) for row in sorted(first)])
        spread = [
            diversity([row["child"] for row in some]) for some in _by_lead(pairs, pairs).values() if len(some) > 1
        ]
        rows.append(
            {
                "editor": name,
                "seeds": wanted.seeds,
                "edited": len(by_lead),
                "children": len(pairs),
                "PI": round(property_improvement([r["parent_value"] for r in pairs], [r["value"] for r in pairs]), 4),
                "PI_error": round(stdev(by_lead) / len(by_lead) ** 0.5, 4),
                "PI_all": round(over_all, 4),
                "PI_all_error": round(error_of_all, 4),
                "PI_same": round(over_same, 4),
                "PI_same_error": round(error_of_same, 4),
                "EP": round(edit_percentage([r["parent"] for r in pairs], [r["child"] for r in pairs]), 2),
                "Div": round(mean(spread), 3),
                "iteration": run.iteration,
            }
        )
        print(rows[-1], flush=True)
    pd.DataFrame(rows).to_csv(wanted.output, index=False)


def _by_lead(pairs: list, things: list) -> dict[int, list]:
    """``things``, one for each pair, by the lead of the pair."""
    found: dict[int, list] = {}
    for row, thing in zip(pairs, things, strict=True):
        found.setdefault(row["lead"], []).append(thing)
    return found


if __name__ == "__main__":
    main()
