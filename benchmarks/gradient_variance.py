"""Variance of policy-gradient estimators: python benchmarks/gradient_variance.py [--seeds 0 1 2] [--csv variance.csv]

Trains P_F and V on the 16 x 16 hypergrid (R0 = .1, MLP) with generalised advantages. At several points along the way it
prints the trace of the covariance of the gradient of one trajectory with respect to P_F, estimated from a few hundred
new trajectories, for total return, reward-to-go, baseline and GAE, with the exact TV and V(s0). With one seed: about a
minute on one core.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from molgfn.environments.hypergrid import HyperGrid
from molgfn.evaluation.exact.answers import exact_distribution
from molgfn.objectives.policy_gradients.frozen import Advantage
from molgfn.objectives.policy_gradients.policy_gradient import PolicyGradient
from molgfn.oracles.synthetic.hypergrid import HyperGrid as HyperGridOracle
from molgfn.policies.mlp import MLPPolicy
from molgfn.rewards.power import Power
from molgfn.training.optimizers import Optimizers
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.rewarded import find_rewards
from molgfn.trajectories.sampler import Sampler

ESTIMATORS = ("total", "reward_to_go", "baseline", "gae")


class Variance:
    """Trains with GAE, batch 16, and measures.

    Args:
        seed: of parameters and trajectories.
        lambda_: of GAE.
    """

    def __init__(self, seed: int, lambda_: float) -> None:
        torch.manual_seed(seed)
        self.environment = HyperGrid(dimensions=2, side=16)
        self.reward = Power(oracle=HyperGridOracle(dimensions=2, side=16, r0=0.1))
        self.policy = MLPPolicy(environment=self.environment)
        self.objectives: dict[str, PolicyGradient] = {
            kind: PolicyGradient(advantage=kind, lambda_=lambda_) if kind == "gae" else PolicyGradient(advantage=kind)
            for kind in ESTIMATORS
        }
        self.optimizer, _ = Optimizers().build(self.policy.parameter_groups())
        self.training = torch.Generator().manual_seed(seed)
        self.measuring = torch.Generator().manual_seed(seed + 1)

    def draw(self, n: int, generator: torch.Generator) -> Trajectories:
        with torch.no_grad():
            drawn = Sampler(self.environment).forward(self.policy, n, generator=generator)
        return find_rewards(drawn, self.environment, self.reward).trajectories

    def train(self, iterations: int) -> None:
        objective = self.objectives["gae"]
        for _ in range(iterations):
            output = objective(evaluate(self.draw(16, self.training), self.policy, quantities=objective.quantities))
            self.optimizer.zero_grad(set_to_none=True)
            torch.stack([loss.value for loss in output.losses.values()]).sum().backward()
            self.optimizer.step()

    def traces(self, n: int) -> dict[str, float]:
        """Unbiased estimates from ``n`` trajectories, the same for all estimators; one trajectory at a time."""
        batch = self.draw(n, self.measuring)
        parameters = self.policy.parameter_groups()["forward"]
        whole = evaluate(batch, self.policy, quantities=self.objectives["gae"].quantities).detach()
        frozen = {kind: o.prepare(whole)[Advantage] for kind, o in self.objectives.items()}
        mean: dict[str, Tensor] = {
            kind: torch.zeros(sum(p.numel() for p in parameters), dtype=torch.float64) for kind in ESTIMATORS
        }
        square: dict[str, float] = dict.fromkeys(ESTIMATORS, 0.0)
        for b in range(n):
            one = evaluate(batch.select(torch.tensor([b])), self.policy, quantities=())
            one = one.having({LogPB: whole[LogPB][b : b + 1, : one.mask.shape[1]]})
            for kind, objective in self.objectives.items():
                now = one.having({Advantage: frozen[kind][b : b + 1, : one.mask.shape[1]]})
                loss = objective.policy(now).losses["policy"].value
                gradient = torch.autograd.grad(loss, parameters, retain_graph=True)
                flat = torch.cat([g.flatten() for g in gradient]).double()
                mean[kind] += flat / n
                square[kind] += float(flat @ flat) / n
        return {kind: (square[kind] - float(mean[kind] @ mean[kind])) * n / (n - 1) for kind in ESTIMATORS}

    def row(self, n: int) -> dict[str, float]:
        with torch.no_grad():
            source = self.policy(self.environment.initial(1), forward=False, flow=True).log_flow
            tv = exact_distribution(self.environment, self.policy, self.reward).tv
        return {**self.traces(n), "value": float(source), "tv": float(tv)}  # type: ignore[arg-type]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--points", type=int, nargs="+", default=[0, 100, 500, 1000], help="iterations to measure at")
    parser.add_argument("--trajectories", type=int, default=256, help="of a measurement")
    parser.add_argument("--lambda", type=float, default=0.9, dest="lambda_", help="of GAE")
    parser.add_argument("--csv", type=Path, default=None, help="also write the rows here")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for seed in arguments.seeds:
        run, done = Variance(seed, arguments.lambda_), 0
        for point in sorted(arguments.points):
            run.train(point - done)
            done = point
            rows.append({"seed": seed, "iteration": point, **run.row(arguments.trajectories)})
    table = Table("seed", "iteration", *ESTIMATORS, "V(s0)", "TV", title="trace of the gradient's covariance")
    for row in rows:
        table.add_row(str(row["seed"]), str(row["iteration"]), *(f"{row[k]:.4g}" for k in (*ESTIMATORS, "value", "tv")))
    Console(width=120).print(table)
    if arguments.csv is not None:
        with arguments.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
