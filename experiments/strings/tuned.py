"""Write the comparison whose step sizes a tuning study chose: of each method the row that ended nearest to R / Z.

    python experiments/strings/tuned.py TUNING.study.yaml RESULTS.csv OUTPUT.study.yaml

RESULTS.csv is that of the tuning study. A row of it is called after its method and what was tried, `TB lr=1e-3`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
import yaml

from molgfn.study.plan import read_study


def modes_of(experiment: Path) -> list[str]:
    """The column that counts the modes found, of a task whose experiment says from which value an object is one."""
    evaluation = yaml.safe_load(experiment.read_text(encoding="utf-8")).get("evaluation", {})
    return [f"found/hits/value>={value:g}" for value in evaluation.get("thresholds", [])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tuning", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    asked = parser.parse_args()
    tuning, found = read_study(asked.tuning), pd.read_csv(asked.results)
    found["method"] = found["row"].str.rsplit(" ", n=1).str[0]
    best = found.loc[found.groupby("method", sort=False)["tv"].idxmin()]
    settings = {row.name: row.set for row in tuning.rows}
    rows = [{"name": line.method, "set": settings[line.row]} for line in best.itertuples()]
    modes = modes_of(asked.tuning.parent / tuning.experiment)
    study = {
        "question": "Exact total variation at equal reward calls, each method at the step size that suits it.",
        "experiment": tuning.experiment,
        "set": tuning.set,
        "seeds": asked.seeds,
        "rows": rows,
        "measures": ["tv", "jsd", "mean_reward_ratio", *modes, "reward_calls", "gradient_steps", "seconds"],
        "compare": {"measures": ["tv"], "baseline": rows[0]["name"]},
        "pictures": {f"{asked.output.name.split('.')[0]}.svg": {"y": "exact/tv", "x": "found/trajectories"}},
    }
    head = (
        f"# Written by tuned.py beside this file from {asked.tuning.name}: the step size that was best on its seed.\n"
    )
    asked.output.write_text(head + yaml.safe_dump(study, sort_keys=False, width=118))
    print(best[["method", "row", "tv"]].to_string(index=False))


if __name__ == "__main__":
    main()
