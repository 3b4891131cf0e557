"""Speed of token strings, in one run: python benchmarks/sequences.py [--rounds 5] [--batch 16 64] [--length 38]

Prints strings/s of sampling and of a training step (TB on what was sampled, without oracle), each as it is and as it
would be without what the policies keep: a rollout that reads the whole prefix at every step, and a loss that reads each
prefix as a string of its own. Both give the same numbers (tests/policies/test_sequence.py); the variants take turns
within each round, and the ratio is within a round. All strings have the same length, by default that of the mean
canonical SMILES of ZINC250k, so that nothing depends on what an untrained policy draws.

The share of the environment is that of steps, masks, encoding and backward actions in the sampling as it is.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import torch
from rich.console import Console
from rich.table import Table

from molgfn.environments.sequences import SequenceBatch
from molgfn.environments.tokens import Smiles
from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.policies.sequence import GRUPolicy, SequencePolicy, TransformerPolicy
from molgfn.policies.sequence.runs import Runs
from molgfn.training.optimizers import Optimizers
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.sampler import Sampler

POLICIES: dict[str, type[SequencePolicy]] = {"gru": GRUPolicy, "transformer": TransformerPolicy}
#: what the sampler asks of an environment at every step
ASKED = ("step", "forward_mask", "encode", "is_exit", "backward_action")


@dataclass
class Times:
    """Seconds of each round."""

    carried: list[float] = field(default_factory=list)
    prefixes: list[float] = field(default_factory=list)
    once: list[float] = field(default_factory=list)
    apart: list[float] = field(default_factory=list)
    #: of ``carried``, in [0, 1]
    environment: list[float] = field(default_factory=list)


class Bench:
    """A policy of the default size in strings of one length."""

    def __init__(self, policy: type[SequencePolicy], length: int, batch: int) -> None:
        torch.manual_seed(0)
        self.environment = Smiles(min_length=length, max_length=length)
        self.policy = policy(environment=self.environment)  # type: ignore[reportCallIssue]
        self.objective = TrajectoryBalance()
        self.optimizer, _ = Optimizers(lr=1e-4).build(self.policy.parameter_groups())
        self.batch = batch

    def sample(self) -> Trajectories:
        return Sampler(self.environment).forward(self.policy, self.batch)

    def train(self, trajectories: Trajectories) -> None:
        scored = replace(trajectories, log_reward=torch.zeros(len(trajectories)))
        evaluated = evaluate(scored, self.policy, quantities=self.objective.quantities)
        self.optimizer.zero_grad()
        sum(loss.value for loss in self.objective(evaluated).losses.values()).backward()  # type: ignore[union-attr]
        self.optimizer.step()


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@contextmanager
def instead(thing: object, name: str, value: object) -> Iterator[None]:
    """Within, ``thing`` has another attribute."""
    old = thing.__dict__.get(name, thing)
    setattr(thing, name, value)
    try:
        yield
    finally:
        delattr(thing, name) if old is thing else setattr(thing, name, old)


@contextmanager
def watched(environment: Smiles) -> Iterator[list[float]]:
    """Within, the seconds of every call of the environment are listed."""
    spent: list[float] = []
    for name in ASKED:
        function = getattr(environment, name)

        def timed(*args: object, function: Callable[..., object] = function) -> object:
            start = time.perf_counter()
            out = function(*args)
            spent.append(time.perf_counter() - start)
            return out

        setattr(environment, name, timed)
    try:
        yield spent
    finally:
        for name in ASKED:
            delattr(environment, name)


def each_alone(batch: SequenceBatch) -> Runs:
    """No state is taken as a prefix of another."""
    rows = torch.arange(len(batch))
    return Runs(rows, rows)


def measure(bench: Bench, rounds: int) -> Times:
    times = Times()
    kind = type(bench.policy)
    trajectories = bench.sample()
    bench.train(trajectories)  # memory is taken, tables are made
    for _ in range(rounds):
        times.carried.append(seconds(bench.sample))
        with instead(kind, "for_rollout", lambda self: self._present):
            times.prefixes.append(seconds(bench.sample))
        times.once.append(seconds(lambda: bench.train(trajectories)))
        with instead(Runs, "of", staticmethod(each_alone)):
            times.apart.append(seconds(lambda: bench.train(trajectories)))
        with watched(bench.environment) as spent:
            whole = seconds(bench.sample)
        times.environment.append(sum(spent) / whole)
    return times


def report(measured: dict[tuple[str, int], Times], console: Console) -> None:
    table = Table("policy", "batch", "sampling, strings/s", "prefix by prefix", "ratio", "environment")
    for title in ("training step, strings/s", "prefix by prefix", "ratio"):
        table.add_column(title)
    for (name, batch), t in measured.items():
        cells = []
        for kept, again in ((t.carried, t.prefixes), (t.once, t.apart)):
            ratios = [b / a for a, b in zip(kept, again, strict=True)]
            rates = [f"{batch / statistics.median(s):.0f}" for s in (kept, again)]
            cells += [*rates, f"{statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"]
        share = f"{statistics.median(t.environment):.1%}"
        table.add_row(name, str(batch), *cells[:3], share, *cells[3:])
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--length", type=int, default=38, help="tokens of every string")
    parser.add_argument("--policy", nargs="+", choices=list(POLICIES), default=list(POLICIES))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    console = Console(width=150)
    console.print(
        f"strings of {options.length} tokens, {options.rounds} rounds, {options.threads} thread(s), torch "
        f"{torch.__version__}, {platform.processor() or platform.machine()}"
    )
    measured = {
        (name, batch): measure(Bench(POLICIES[name], options.length, batch), options.rounds)
        for name in options.policy
        for batch in options.batch
    }
    report(measured, console)


if __name__ == "__main__":
    main()
