"""Batches out of 10,000 molecules, with every selector: what one batch tells, and what ten rounds find.

    python experiments/batches/molecules.py choose POOL FOLDER [--rows ...] [--sizes 10 100] [--seeds 0 1 2]
    python experiments/batches/molecules.py rounds POOL FOLDER [OVERRIDE ...] [--rows ...] [--sizes ...] [--seeds ...]

POOL is a file of molecules or a named set, of which the first 10,000 are read. `choose`: a Gaussian process with the
Tanimoto kernel that knows 100 of them, drawn by the seed, chooses a batch among the others; choose.csv gets its joint
mutual information with the model in nats and the processor's seconds. `rounds`: molecules.yaml, ten rounds after a
first one at random; rounds.csv gets the best value, the mean of the ten best and the seconds; an oracle of one's own is
an OVERRIDE, as in `molgfn optimise`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

import molgfn
from molgfn.acquisition.beliefs import Belief
from molgfn.acquisition.selectors.base import Selector
from molgfn.acquisition.selectors.batchgfn import BatchGFN
from molgfn.acquisition.selectors.one_by_one import Greedy, Stochastic
from molgfn.acquisition.selectors.simple import KCentre, RandomBatch, TopK
from molgfn.information.covariance import gaussian_process
from molgfn.information.gaussian import GaussianInformation
from molgfn.information.kernels import MinMax
from molgfn.information.members import Members
from molgfn.information.pools import MoleculePool

HERE = Path(__file__).parent
POOL, KNOWN, ROUNDS = 10_000, 100, 10
#: name -> a new selector, for one batch
ROWS: dict[str, Callable[[], Selector]] = {
    "random": RandomBatch,
    "top_k": TopK,
    "k_centre": KCentre,
    "stochastic": lambda: Stochastic(beta=4.0),
    "greedy": Greedy,
    "batchgfn": lambda: BatchGFN(updates=500),
    "batchgfn_cold": lambda: BatchGFN(updates=500, temperature=0.02),
}
#: name -> overrides of molecules.yaml
LOOPS = {
    "acquisition alone": ["selector=null"],
    "random": ["selector=random", "selector.shortlist=null"],
    "random of 1,000": ["selector=random", "selector.shortlist=1000"],
    "top_k": ["selector=top_k", "selector.shortlist=1000"],
    "k_centre": ["selector=k_centre", "selector.shortlist=1000"],
    "stochastic": ["selector=stochastic", "selector.shortlist=1000"],
    "greedy": ["selector=greedy", "selector.shortlist=1000"],
    "batchgfn": ["selector=batchgfn", "selector.shortlist=1000", "selector.later=300"],
    "batchgfn, short": ["selector=batchgfn", "selector.shortlist=1000", "selector.updates=100", "selector.later=50"],
}


def chosen(pool: Members, selector: Selector, size: int, seed: int, noise: float) -> dict[str, float]:
    """What the batch tells, and the seconds."""
    order = np.random.default_rng(seed).permutation(len(pool))
    known, candidates = pool.take(order[:KNOWN]), pool.take(order[KNOWN:])
    covariance = gaussian_process(MinMax(), candidates, known, noise)
    belief = Belief(candidates, covariance.variance, GaussianInformation(covariance, noise, candidates.names))
    start = time.process_time()
    told = selector.choose(belief, size, np.random.default_rng([seed, size]))[1]
    return {"information": told["information"], "seconds": time.process_time() - start}


def choose(pool: str, folder: Path, rows: list[str], sizes: list[int], seeds: list[int], noise: float) -> pd.DataFrame:
    """A row for each selector, size and seed; those that are in the file already are not run again."""
    members = MoleculePool(molecules=pool, limit=POOL).read()
    found, there = kept(folder / "choose.csv")
    for size in sizes:
        for seed in seeds:
            for name in rows:
                if (name, size, seed) in there:
                    continue
                told = chosen(members, ROWS[name](), size, seed, noise)
                found.append({"row": name, "size": size, "seed": seed, **told})
                pd.DataFrame(found).to_csv(folder / "choose.csv", index=False)
                print(line(found[-1]), flush=True)
    return pd.DataFrame(found)


def line(row: Mapping[str, object]) -> str:
    """One line."""
    return ", ".join(
        f"{name} {value:.4f}" if isinstance(value, float) else f"{name} {value}" for name, value in row.items()
    )


def kept(file: Path) -> tuple[list[dict[str, object]], set[tuple[object, ...]]]:
    """Rows of a file, where there is one, and (row, size, seed) of each."""
    found = pd.read_csv(file).to_dict("records") if file.exists() else []
    return found, {(row["row"], row["size"], row["seed"]) for row in found}


def loops(
    pool: str, folder: Path, rows: list[str], sizes: list[int], seeds: list[int], overrides: list[str]
) -> pd.DataFrame:
    """Likewise of whole loops."""
    file = folder / "rounds.csv"
    found, there = kept(file)
    for seed in seeds:
        for size in sizes:
            for name in rows:
                words = LOOPS[name]
                if (name, size, seed) in there:
                    continue
                start = time.process_time()
                done = molgfn.optimise(
                    str(HERE / "molecules.yaml"),
                    *overrides,
                    *words,
                    f"candidates.proposers.given.molecules={pool}",
                    f"seed={seed}",
                    f"rounds.size={size}",
                    f"scoring.budget={size * (ROUNDS + 1)}",
                    f"output={folder / 'runs'}",
                )
                last = done.metrics.iloc[-1]
                numbers = {"best": last["best"], "mean_top10": last["mean_top10"]}
                found.append(
                    {"row": name, "size": size, "seed": seed, **numbers, "seconds": time.process_time() - start}
                )
                pd.DataFrame(found).to_csv(file, index=False)
                print(line(found[-1]), flush=True)
    return pd.DataFrame(found)


def main() -> None:
    """Run what is asked for, and print means and standard deviations over seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["choose", "rounds"])
    parser.add_argument("pool")
    parser.add_argument("folder", type=Path)
    parser.add_argument("overrides", nargs="*", help="of molecules.yaml, for rounds")
    parser.add_argument("--rows", nargs="+", choices=sorted({*ROWS, *LOOPS}), help="only these")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 100])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--noise", type=float, default=0.1, help="variance, in units of the kernel, for choose")
    given = parser.parse_args()
    there = list(ROWS if given.what == "choose" else LOOPS)
    rows = there if given.rows is None else given.rows
    if unknown := set(rows).difference(there):
        parser.error(f"{given.what} has no row {sorted(unknown)[0]}; there is {', '.join(there)}")
    given.folder.mkdir(parents=True, exist_ok=True)
    if given.what == "choose":
        table = choose(given.pool, given.folder, rows, given.sizes, given.seeds, given.noise)
    else:
        table = loops(given.pool, given.folder, rows, given.sizes, given.seeds, given.overrides)
    means = table.drop(columns="seed").groupby(["size", "row"], sort=False).agg(["mean", "std"])
    print(means.round(4).to_string())


if __name__ == "__main__":
    main()
