"""Speed of the fragments environment, in one run: python benchmarks/run.py [--rounds 7] [--batch 64 256 1024] ...

Prints trajectories/s in sampling and in training, where a training step's time goes, what a batch takes of memory, and
the ratio to a bound: the trunk's own matrix products, timed alone on as many rows as the step had nodes, once forward
and twice backward, in the type that the variant computes them in. The variants take turns within each round: "again"
evaluates all states of a rollout once more for the gradient step, "recorded" takes what the rollout computed (the
default of a run), "bf16" does so with products in bfloat16 (trainer.precision=bf16-products). All figures of a table
come from this machine in this run; compare ratios, not seconds. --clock cpu counts the processor's time, which other
processes disturb less (with several threads it counts all of them).

    python benchmarks/run.py --oracle seh --vocabulary bengio2021 --min-fragments 7 --batch 64 256 1024
"""

from __future__ import annotations

import argparse
import platform
import resource
import statistics
from collections import defaultdict
from dataclasses import dataclass, field

import torch
from clock import CLOCKS, Clock
from rich.console import Console
from rich.table import Table

from molgfn.environments.fragments import Fragments
from molgfn.networks.graph_transformer import compute_products_in
from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.oracles.models.seh_proxy import SEHProxy
from molgfn.oracles.properties.qed import QED
from molgfn.oracles.properties.sa import SA
from molgfn.policies.graph import GraphTransformerPolicy
from molgfn.rewards.base import Reward
from molgfn.rewards.power import Power
from molgfn.rewards.transforms import Linear
from molgfn.rewards.weighted_mean import Component, WeightedMean
from molgfn.training.memory import keep_freed_memory
from molgfn.training.optimizers import Optimizers
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.rewarded import find_rewards
from molgfn.trajectories.sampler import Sampler

#: name -> (what the rollout computed is taken, type of the products)
VARIANTS = {
    "again": (False, torch.float32),
    "recorded": (True, torch.float32),
    "bf16": (True, torch.bfloat16),
}


@dataclass
class Step:
    """One training step: exclusive seconds by part, the node counts that its products ran over, and bytes recorded."""

    parts: dict[str, float]
    sampled_nodes: list[int]
    trained_nodes: int
    recorded: int = 0
    fragments: float = 0.0

    @property
    def sampling(self) -> float:
        return self.parts["sampling"]

    @property
    def chemistry(self) -> float:
        return sum(self.parts[name] for name in CHEMISTRY)

    @property
    def total(self) -> float:
        return sum(self.parts.values())


CHEMISTRY = ("molecules", "symmetry", "oracle")
#: parts of a step, in order
PARTS = ("sampling", "loss forward", "backward", "optimiser", *CHEMISTRY)


@dataclass
class Bench:
    """A policy that trains with TB."""

    batch: int
    environment: Fragments
    reward: Reward
    clock: Clock
    nodes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        torch.manual_seed(0)
        self.policy = GraphTransformerPolicy(environment=self.environment)
        self.objective = TrajectoryBalance()
        self.settings = Optimizers(lr=1e-4)
        self.optimizer, _ = self.settings.build(self.policy.parameter_groups())
        self.generator = torch.Generator().manual_seed(0)
        encode = self.environment.encode

        def counted(states):
            self.nodes.append(int(states.n.sum()))
            return encode(states)

        self.environment.encode = counted  # type: ignore[method-assign]
        self.clock.wrap(self.environment, "objects", "molecules")
        self.clock.wrap(self.environment, "log_symmetry", "symmetry")

    def step(self, variant: str) -> Step:
        keep, products = VARIANTS[variant]
        compute_products_in(products, self.policy)
        clock, sampler, kept, recorded = self.clock, Sampler(self.environment), None, 0
        clock.seconds = defaultdict(float)
        self.nodes.clear()
        with clock.block("sampling"):
            if keep:
                t, kept = sampler.forward_and_keep(self.policy, self.batch, generator=self.generator)
            else:
                t = sampler.forward(self.policy, self.batch, generator=self.generator)
        sampled = list(self.nodes)
        if kept is not None:
            recorded = kept.recorded.nbytes
        with clock.block("oracle"):
            scored_t = find_rewards(t, self.environment, self.reward).trajectories
        self.nodes.clear()
        with clock.block("loss forward"):
            evaluated = evaluate(scored_t, self.policy, quantities=self.objective.quantities, kept=kept)
            (loss,) = self.objective(evaluated).losses.values()
        with clock.block("backward"):
            self.optimizer.zero_grad(set_to_none=True)
            loss.value.backward()
        with clock.block("optimiser"):
            self.settings.clip(list(self.policy.parameters()))
            self.optimizer.step()
        fragments = float(t.terminal.n.double().mean())  # type: ignore[attr-defined]
        return Step(dict(clock.seconds), sampled, sum(self.nodes), recorded, fragments)

    def bound(self, step: Step, products: torch.dtype) -> tuple[float, float]:
        """Seconds of the trunk's products alone: forward in sampling, and backward."""
        weights = [p.detach().to(products) for p in self.policy.encoder.trunk.parameters() if p.dim() == 2]

        def seconds(n: int, backward: bool) -> float:
            if products == torch.bfloat16:
                n = -(-n // 64) * 64  # as they are computed
            total = 0.0
            for w in weights:
                x, y = torch.ones(n, w.shape[1], dtype=products), torch.ones(n, w.shape[0], dtype=products)
                start = self.clock.now()
                if backward:  # of the input and of the weight: two products of the same size
                    _ = y @ w
                    _ = y.T @ x
                else:
                    _ = x @ w.T
                total += self.clock.now() - start
            return total

        return sum(seconds(n, False) for n in step.sampled_nodes), seconds(step.trained_nodes, True)


def reward_of(oracle: str, weights: str | None) -> Reward:
    """R of the sEH task, or (QED x SA)^8."""
    if oracle == "seh":
        return Power(oracle=SEHProxy(weights=weights), beta=8.0, scale=8.0)
    mean = WeightedMean(
        components={"qed": Component(oracle=QED()), "sa": Component(oracle=SA(), transform=Linear(low=10, high=1))}
    )
    return Power(oracle=mean, beta=8.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--batch", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--variants", choices=list(VARIANTS), nargs="+", default=list(VARIANTS))
    parser.add_argument("--clock", choices=list(CLOCKS), default="wall")
    parser.add_argument("--oracle", choices=["qed", "seh"], default="qed")
    parser.add_argument("--vocabulary", default="rdkit", help="as environment.vocabulary")
    parser.add_argument("--min-fragments", type=int, default=1, help="7 for molecules as large as a trained policy's")
    parser.add_argument("--weights", help="of the sEH proxy; default: fetched")
    given = parser.parse_args()
    keep_freed_memory()  # as training does
    console = Console(width=150)
    console.print(
        f"{platform.processor() or platform.machine()}, torch {torch.__version__}, trunk 4 x 128, up to 9 fragments of "
        f"{given.vocabulary}, {given.oracle}, {given.clock} time"
    )
    speed = Table(
        *("batch", "threads", "variant", "fragments", "sampling", "training", "with oracle", "ms", "ratio"),
        *("products / sampling", "products / training"),
        title="trajectories/s (median), ms a trajectory with oracle, ratio to the first variant, share of the bound",
    )
    shares = Table("batch", "threads", "variant", *PARTS, title="where a step's time goes, in % (ms a trajectory)")
    memory = Table("batch", "variant", "recorded, kB a trajectory", "peak of the process, MB", title="memory")
    median = statistics.median
    for batch in given.batch:
        for threads in given.threads:
            torch.set_num_threads(threads)
            environment = Fragments(vocabulary=given.vocabulary, max_fragments=9, min_fragments=given.min_fragments)
            bench = Bench(batch, environment, reward_of(given.oracle, given.weights), Clock(CLOCKS[given.clock]))
            steps: dict[str, list[Step]] = {name: [] for name in given.variants}
            bounds: dict[str, list[tuple[float, float]]] = {name: [] for name in given.variants}
            for turn in range(given.rounds + 1):
                for name in given.variants:
                    step = bench.step(name)
                    if turn:  # the first warms up
                        steps[name].append(step)
                        bounds[name].append(bench.bound(step, VARIANTS[name][1]))
            first = steps[given.variants[0]]
            for name, done in steps.items():
                plain = [s.total - s.chemistry for s in done]
                ratio = median([a.total / b.total for a, b in zip(first, done, strict=True)])
                speed.add_row(
                    *(str(batch), str(threads), name, f"{median([s.fragments for s in done]):.1f}"),
                    *(f"{batch / median(x):.0f}" for x in ([s.sampling for s in done], plain, [s.total for s in done])),
                    f"{1000 * median([s.total for s in done]) / batch:.2f}",
                    f"{ratio:.2f}",
                    f"{median([b[0] / s.sampling for b, s in zip(bounds[name], done, strict=True)]):.2f}",
                    f"{median([sum(b) / p for b, p in zip(bounds[name], plain, strict=True)]):.2f}",
                )
                part = {k: median([s.parts.get(k, 0.0) for s in done]) for k in PARTS}
                whole = sum(part.values())
                cells = (f"{100 * v / whole:.0f} ({1000 * v / batch:.2f})" for v in part.values())
                shares.add_row(str(batch), str(threads), name, *cells)
                if threads == given.threads[0]:
                    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                    kept = median([s.recorded for s in done]) / batch / 1024
                    memory.add_row(str(batch), name, f"{kept:.0f}" if kept else "-", f"{peak:.0f}")
    for table in (speed, shares, memory):
        console.print(table)


if __name__ == "__main__":
    main()
