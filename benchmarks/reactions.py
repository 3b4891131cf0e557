"""Speed of reactions: python benchmarks/reactions.py [--library textbook] [--reactions 1 2 3] [--blocks 10000]

Steps of trajectory balance (policy of width 64, reward QED): trajectories a second of the processor's time, and the
share of it that states, masks and encodings take (environment), that of ways back and of the correction (inversion),
and that of running reactions. The first round meets new molecules only, later ones fewer.

With --blocks, the choice of a block out of so many (made up; 64 states, 20 slots, each of which a tenth of the blocks
fits): the processor's time of a draw, and of a log-probability with its gradient, and the most memory that the process
has had.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time

import torch
from clock import CLOCKS, Clock
from rich.console import Console
from rich.table import Table

from molgfn.environments.reactions import Reactions
from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.objectives.declarations import reads_flow
from molgfn.oracles.properties.qed import QED
from molgfn.policies.distributions.in_chunks import ChunkedCategorical, Sets
from molgfn.policies.reactions import ReactionPolicy
from molgfn.rewards.power import Power
from molgfn.training.memory import sparing_collections
from molgfn.training.optimizers import Optimizers
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.rewarded import find_rewards
from molgfn.trajectories.sampler import Sampler


def training(library: str, reactions: int, rounds: int, batch: int) -> list[str]:
    """A row: trajectories a CPU second in the first round and in later ones, and shares of the time, in per cent."""
    torch.manual_seed(0)
    environment = Reactions(library=library, max_reactions=reactions, state="molecule")
    policy = ReactionPolicy(environment=environment, initial_log_z=0.0)
    objective, reward = TrajectoryBalance(), Power(oracle=QED(), beta=8.0)
    optimizer, _ = Optimizers(lr=1e-3).build(policy.parameter_groups())
    clock = Clock(CLOCKS["cpu"])
    policy.records_flow = reads_flow(objective)
    for method in ("step", "encode", "facts", "legal_part"):
        clock.wrap(environment, method, "environment")
    clock.wrap(environment.molecules, "draw", "environment")
    for method in ("backward_action", "log_symmetry", "ways_of"):
        clock.wrap(environment, method, "inversion")
    clock.wrap(environment.library, "products", "running reactions")
    rates = []
    with sparing_collections():  # as training does
        for _ in range(rounds):
            start = time.process_time()
            with clock.block("network and rest"):
                trajectories, kept = Sampler(environment).forward_and_keep(policy, batch)
                drawn = find_rewards(trajectories, environment, reward)
                output = objective(evaluate(drawn.trajectories, policy, quantities=objective.quantities, kept=kept))
                optimizer.zero_grad()
                (loss,) = output.losses.values()
                loss.value.backward()
                optimizer.step()
            rates.append(batch / (time.process_time() - start))
    total = sum(clock.seconds.values())
    names = ("environment", "inversion", "running reactions")
    return [
        f"{rates[0]:.1f}",
        f"{statistics.median(rates[1:] or rates):.1f}",
        *(f"{100 * clock.seconds[name] / total:.0f}" for name in names),
    ]


def choosing(blocks: int, states: int = 64, width: int = 64) -> list[str]:
    """A row: CPU seconds of a draw, of log-probability and gradient, and the most memory so far in GiB."""
    torch.manual_seed(0)
    embeddings = torch.randn(blocks, width, requires_grad=True)
    queries = torch.randn(states, width, requires_grad=True)
    sets = Sets.of(torch.rand(20, blocks) < 0.1)
    choice = ChunkedCategorical(queries, embeddings, sets, torch.randint(20, (states,)))
    start = time.process_time()
    drawn = choice.sample()
    middle = time.process_time()
    choice.log_prob(drawn).sum().backward()
    end = time.process_time()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return [f"{middle - start:.3f}", f"{end - middle:.3f}", f"{memory:.2f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", default="textbook")
    parser.add_argument("--reactions", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--blocks", type=int, nargs="*", default=[])
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.reactions:
        table = Table("reactions", "first round /s", "later /s", "environment %", "inversion %", "reactions %")
        for number in given.reactions:
            table.add_row(str(number), *training(given.library, number, given.rounds, given.batch))
        Console().print(table)
    if given.blocks:
        table = Table("blocks", "draw s", "log P and gradient s", "memory GiB")
        for number in given.blocks:
            table.add_row(f"{number:,}", *choosing(number))
        Console().print(table)


if __name__ == "__main__":
    main()
