"""The toy regression of BatchGFN (arXiv 2306.15058): 10 rounds of 10 out of a pool of 2,000, with every selector.

    python experiments/batches/toy.py FOLDER [--seeds 0 1 2 3 4] [--rows random top_k greedy ...] [--updates 1000]
    python experiments/batches/toy.py FOLDER --change [--seeds 0 1 2 3 4]

x ~ N(0, 1), y = p(x) sin(pi x) sqrt(1/2) exp(-x^2 / 2) / sqrt(2 pi) + e, e ~ N(0, .1^2), p a polynomial of degree 5. A
Gaussian process with a Matern 5/2 kernel is fitted anew each round by its marginal likelihood, its noise known; it
begins with 10 points at random, the same for all rows of a seed. Pool, test set of 1,000 and first points are drawn by
5 + seed. FOLDER gets rounds.csv (joint mutual information of each batch, mean squared error afterwards, seconds of the
choice) and, with --change, change.csv: a policy trained on one pool, asked for batches of another pool with and without
training there.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.linalg import cho_solve
from scipy.optimize import minimize

from molgfn.acquisition.beliefs import Belief
from molgfn.acquisition.selectors.base import Selector
from molgfn.acquisition.selectors.batchgfn import BatchGFN
from molgfn.acquisition.selectors.one_by_one import Greedy, Stochastic
from molgfn.acquisition.selectors.simple import KCentre, RandomBatch, TopK
from molgfn.information.covariance import gaussian_process
from molgfn.information.gaussian import GaussianInformation
from molgfn.information.kernels import Matern
from molgfn.information.members import Members

COEFFICIENTS = (-0.6667, -0.6012, -1.0172, -0.7687, 1.468, -0.1678)
NOISE, ROUNDS, SIZE, POOL, TEST = 0.1, 10, 10, 2000, 1000


def truth(x: np.ndarray) -> np.ndarray:
    """y without noise, [n]."""
    bell = np.sqrt(0.5) * np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi)
    return np.polynomial.polynomial.polyval(x, COEFFICIENTS) * np.sin(np.pi * x) * bell


def members(x: np.ndarray) -> Members:
    """Points [n] as members of a pool."""
    return Members([f"{value:.6f}#{row}" for row, value in enumerate(x.tolist())], x[:, None])


def fitted(x: np.ndarray, y: np.ndarray) -> Matern:
    """The kernel of largest marginal likelihood of what is known."""
    apart = x[:, None]

    def loss(logs: np.ndarray) -> float:
        kernel = Matern(lengthscale=float(np.exp(logs[0])), variance=float(np.exp(logs[1])))
        rows = apart / kernel.lengthscale
        factor = np.linalg.cholesky(kernel.between(rows, rows) + NOISE**2 * np.eye(len(x)))
        return float(0.5 * y @ cho_solve((factor, True), y) + np.log(np.diag(factor)).sum())

    bounds = [(np.log(0.05), np.log(5.0)), (np.log(0.001), np.log(10.0))]
    starts = [(np.log(0.5), np.log(0.1)), (np.log(0.2), np.log(0.05))]
    found = min((minimize(loss, start, method="L-BFGS-B", bounds=bounds) for start in starts), key=lambda f: f.fun)
    return Matern(lengthscale=float(np.exp(found.x[0])), variance=float(np.exp(found.x[1])))


def predicted(kernel: Matern, x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Posterior mean at [m]."""
    known, asked = x[:, None] / kernel.lengthscale, at[:, None] / kernel.lengthscale
    among = kernel.between(known, known) + NOISE**2 * np.eye(len(x))
    return kernel.between(asked, known) @ np.linalg.solve(among, y)


def belief(kernel: Matern, known: np.ndarray, pool: np.ndarray) -> Belief:
    """What the process believes of a pool [n]."""
    there = members(pool)
    covariance = gaussian_process(kernel, there, members(known), NOISE**2)
    return Belief(there, covariance.variance, GaussianInformation(covariance, NOISE**2, there.names))


def rows_of(updates: int) -> dict[str, Callable[[], Selector]]:
    """Name -> a new selector."""
    later = max(1, updates * 3 // 10)
    return {
        "random": RandomBatch,
        "top_k": TopK,
        "k_centre": KCentre,
        "stochastic": lambda: Stochastic(beta=4.0),
        "greedy": Greedy,
        "batchgfn": lambda: BatchGFN(updates=updates, later=later),
        "batchgfn_cold": lambda: BatchGFN(updates=updates, later=later, temperature=0.02),
        "batchgfn_last_layers": lambda: BatchGFN(updates=updates, later=later, retrain="last_layers"),
        "batchgfn_none": lambda: BatchGFN(updates=updates, retrain="none"),
        "batchgfn_lookahead": lambda: BatchGFN(updates=updates, retrain="none", lookahead=later),
    }


def data(seed: int) -> tuple[np.random.Generator, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Random numbers, pool, test points, and what is known at first."""
    random = np.random.default_rng(5 + seed)
    pool, test, x = random.normal(size=POOL), random.normal(size=TEST), random.normal(size=SIZE)
    return random, pool, test, x, truth(x) + NOISE * random.normal(size=SIZE)


def run(name: str, selector: Selector, seed: int) -> list[dict[str, float | str]]:
    """One row of results for each round."""
    random, pool, test, x, y = data(seed)
    found: list[dict[str, float | str]] = []
    for number in range(1, ROUNDS + 1):
        kernel = fitted(x, y)
        here = belief(kernel, x, pool)
        start = time.process_time()
        choice, numbers = selector.choose(here, SIZE, np.random.default_rng([seed, number]))
        seconds = time.process_time() - start
        x = np.append(x, pool[choice.rows])
        y = np.append(y, truth(pool[choice.rows]) + NOISE * random.normal(size=SIZE))
        pool = np.delete(pool, choice.rows)
        error = float(((predicted(fitted(x, y), x, y, test) - truth(test)) ** 2).mean())
        greedy = Greedy().choose(here, SIZE, random)[1]["information"]
        found.append(
            {"row": name, "seed": seed, "round": number, "information": numbers["information"], "greedy": greedy}
            | {"mse": error, "seconds": seconds}
        )
    return found


def change(seed: int, updates: int) -> dict[str, float]:
    """Information of a batch of another pool by a policy that never saw it, and by one that was trained on it, too."""
    random, pool, _, x, y = data(seed)
    kernel, other = fitted(x, y), random.normal(size=POOL)
    results = {"seed": float(seed)}
    for retrain in ("none", "full"):
        selector = BatchGFN(updates=updates, retrain=retrain)
        selector.choose(belief(kernel, x, pool), SIZE, np.random.default_rng(seed))
        told = selector.choose(belief(kernel, x, other), SIZE, np.random.default_rng(seed + 100))[1]
        results |= {f"best_{retrain}": told["information"], f"mean_{retrain}": told["mean_information"]}
    results["greedy"] = Greedy().choose(belief(kernel, x, other), SIZE, random)[1]["information"]
    return results


def main() -> None:
    """Run what is asked for, and print means over seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--rows", nargs="+", choices=list(rows_of(1)), default=list(rows_of(1)))
    parser.add_argument("--updates", type=int, default=1000)
    parser.add_argument("--change", action="store_true")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    if given.change:
        table = pd.DataFrame([change(seed, given.updates) for seed in given.seeds])
        table.to_csv(given.folder / "change.csv", index=False)
        print(table.round(4).to_string(index=False))
        return
    found = [
        row for name in given.rows for seed in given.seeds for row in run(name, rows_of(given.updates)[name](), seed)
    ]
    table = pd.DataFrame(found)
    table.to_csv(given.folder / "rounds.csv", index=False)
    by_seed = table.groupby(["row", "seed"], sort=False).agg(
        information=("information", "mean"),
        of_greedy=("greedy", lambda g: float((table.loc[g.index, "information"] / g).mean())),
        mse=("mse", "last"),
        seconds=("seconds", "sum"),
    )
    print(by_seed.groupby("row", sort=False).agg(["mean", "std"]).round(5).to_string())


if __name__ == "__main__":
    main()
