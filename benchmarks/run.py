"""Speed of the fragments environment, in one run: python benchmarks/run.py [--rounds 5] [--threads 1 2] ...

Prints trajectories/s in sampling and in training, where a training step's time goes, and the ratio to a bound: the
trunk's own matrix products, timed alone on as many rows as the step had nodes. All figures of a table come from this
machine in this run; compare ratios, not seconds.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from rich.console import Console
from rich.table import Table

from molgfn.environments.fragments import Fragments
from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.oracles.properties.qed import QED
from molgfn.oracles.properties.sa import SA
from molgfn.policies.graph import GraphTransformerPolicy
from molgfn.rewards.power import Power
from molgfn.rewards.transforms import Linear
from molgfn.rewards.weighted_mean import Component, WeightedMean
from molgfn.training.memory import keep_freed_memory
from molgfn.training.optimizers import Optimizers
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.rewarded import find_rewards
from molgfn.trajectories.sampler import Sampler


class Clock:
    """Exclusive wall time by name: time inside a nested block counts for that block only."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._stack: list[str] = []
        self._since = 0.0

    @contextmanager
    def block(self, name: str):
        now = time.perf_counter()
        if self._stack:
            self.seconds[self._stack[-1]] += now - self._since
        self._stack.append(name)
        self._since = now
        try:
            yield
        finally:
            now = time.perf_counter()
            self.seconds[self._stack.pop()] += now - self._since
            self._since = now

    def wrap(self, thing: object, method: str, name: str) -> None:
        function: Callable = getattr(thing, method)

        def timed(*args, **kwargs):
            with self.block(name):
                return function(*args, **kwargs)

        setattr(thing, method, timed)


@dataclass
class Step:
    """One training step: exclusive seconds by part, and the node counts that its products ran over."""

    parts: dict[str, float]
    sampled_nodes: list[int]
    trained_nodes: int


class Bench:
    """A policy that trains on the shipped vocabulary with TB and the QED x SA reward."""

    def __init__(self, batch: int) -> None:
        torch.manual_seed(0)
        self.batch = batch
        self.environment = Fragments(vocabulary="rdkit", max_fragments=9)
        self.policy = GraphTransformerPolicy(environment=self.environment)
        mean = WeightedMean(
            components={"qed": Component(oracle=QED()), "sa": Component(oracle=SA(), transform=Linear(low=10, high=1))}
        )
        self.reward = Power(oracle=mean, beta=8.0)
        self.objective = TrajectoryBalance()
        self.settings = Optimizers(lr=1e-4)
        self.optimizer, _ = self.settings.build(self.policy.parameter_groups())
        self.generator = torch.Generator().manual_seed(0)
        self.clock = Clock()
        self.nodes: list[int] = []
        encode = self.environment.encode

        def counted(states):
            self.nodes.append(int(states.n.sum()))
            return encode(states)

        self.environment.encode = counted  # type: ignore[method-assign]
        for method in ("initial", "step", "encode", "backward_action"):
            self.clock.wrap(self.environment, method, "environment")
        self.clock.wrap(self.environment, "objects", "molecules")
        self.clock.wrap(self.environment, "log_symmetry", "symmetry")
        self.clock.wrap(self.policy, "forward", "policy")

    def step(self) -> Step:
        clock = self.clock
        clock.seconds.clear()
        self.nodes.clear()
        with clock.block("sample: bookkeeping and choice"):
            t = Sampler(self.environment).forward(self.policy, self.batch, generator=self.generator)
        sampled = list(self.nodes)
        sampling = sum(clock.seconds.values())
        with clock.block("oracle"):
            scored_t = find_rewards(t, self.environment, self.reward).trajectories
        self.nodes.clear()
        with clock.block("score: bookkeeping and log-probabilities"):
            evaluated = evaluate(scored_t, self.policy, quantities=self.objective.quantities)
        with clock.block("objective"):
            (loss,) = self.objective(evaluated).losses.values()
        with clock.block("policy (gradient)"):
            self.optimizer.zero_grad(set_to_none=True)
            loss.value.backward()
        with clock.block("optimiser"):
            self.settings.clip(list(self.policy.parameters()))
            self.optimizer.step()
        return Step({**clock.seconds, "_sampling": sampling}, sampled, sum(self.nodes))

    def bound(self, step: Step) -> tuple[float, float]:
        """Seconds of the trunk's products alone: (sampling, training without sampling)."""
        weights = [p.detach() for p in self.policy.encoder.trunk.parameters() if p.dim() == 2]
        rows = {n: torch.randn(n, self.policy.encoder.empty.numel()) for n in {*step.sampled_nodes, step.trained_nodes}}

        def products(n: int, gradients: bool) -> float:
            seconds = 0.0
            for w in weights:
                x = rows[n] if w.shape[1] == rows[n].shape[1] else torch.ones(n, w.shape[1])
                start = time.perf_counter()
                y = x @ w.T
                if gradients:  # of the input and of the weight: two products of the same size
                    y @ w
                    y.T @ x
                seconds += time.perf_counter() - start
            return seconds

        return sum(products(n, False) for n in step.sampled_nodes), products(step.trained_nodes, True)


GROUPS = {
    "environment": ("environment", "sample: bookkeeping and choice", "score: bookkeeping and log-probabilities"),
    "policy": ("policy", "policy (gradient)"),
    "objective": ("objective",),
    "optimiser": ("optimiser",),
    "molecules": ("molecules",),
    "symmetry": ("symmetry",),
    "oracle": ("oracle",),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--batch", type=int, nargs="+", default=[64, 256])
    arguments = parser.parse_args()
    keep_freed_memory()  # as training does
    console = Console(width=150)
    console.print(
        f"{platform.processor() or platform.machine()}, torch {torch.__version__}, trunk 4 x 128, up to 9 fragments"
    )
    speed = Table(
        "batch",
        "threads",
        "sampling",
        "training",
        "training + oracle",
        "products / sampling",
        "products / training",
        title="trajectories/s (median) and share of the trunk's products alone",
    )
    shares = Table(
        "batch", "threads", *GROUPS, "environment (without oracle side)", title="share of a training step's time, in %"
    )
    finished = Table("what", "ms per molecule", title="cost of a finished molecule (each once: cached with the score)")
    for batch in arguments.batch:
        for threads in arguments.threads:
            torch.set_num_threads(threads)
            bench = Bench(batch)
            bench.step()
            steps, bounds = [], []
            for _ in range(arguments.rounds):
                steps.append(bench.step())
                bounds.append(bench.bound(steps[-1]))
            total = [sum(v for k, v in s.parts.items() if k != "_sampling") for s in steps]
            chemistry = [sum(s.parts[k] for k in ("molecules", "symmetry", "oracle")) for s in steps]
            plain = [t - c for t, c in zip(total, chemistry, strict=True)]
            sampling = [s.parts["_sampling"] for s in steps]
            median = statistics.median
            speed.add_row(
                str(batch),
                str(threads),
                f"{batch / median(sampling):.0f}",
                f"{batch / median(plain):.0f}",
                f"{batch / median(total):.0f}",
                f"{median([b[0] / s for b, s in zip(bounds, sampling, strict=True)]):.2f}",
                f"{median([sum(b) / p for b, p in zip(bounds, plain, strict=True)]):.2f}",
            )
            part = {
                g: median([100 * sum(s.parts.get(k, 0) for k in keys) / t for s, t in zip(steps, total, strict=True)])
                for g, keys in GROUPS.items()
            }
            own = [
                100 * sum(s.parts.get(k, 0) for k in GROUPS["environment"]) / p
                for s, p in zip(steps, plain, strict=True)
            ]
            shares.add_row(str(batch), str(threads), *(f"{v:.1f}" for v in part.values()), f"{median(own):.1f}")
            if batch == arguments.batch[0] and threads == arguments.threads[0]:
                for name in ("molecules", "symmetry", "oracle"):
                    finished.add_row(name, f"{1000 * median([s.parts[name] for s in steps]) / batch:.2f}")
    for table in (speed, shares, finished):
        console.print(table)


if __name__ == "__main__":
    main()
