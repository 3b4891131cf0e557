"""How far compositions of separate samplers are from sum_i w_i R_i on the 32 x 32 grid, exactly, over 128 preferences.

    python experiments/conditions/composition.py -o FOLDER [--objective db] [--iterations 700] [--seeds 0 1 2]

Trains one sampler for each of the five functions of the grid and each seed (grid_sampler.yaml beside this file; a run
that is there is taken as it is), composes the first k of them by ``mean`` under 128 preferences drawn evenly from the
simplex, and prints a table: L1 = sum |P_T - pi| and TV = L1 / 2, means over the preferences, and over seeds mean and
standard deviation. "alone" is the mean over the k samplers of how far each is from its own reward. "not routed" mixes
the policies by w_i Z_i at every state, without the probability to reach it. Published: arXiv 2602.21565, L1 .003.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

import molgfn
from molgfn.environments.base import States
from molgfn.environments.enumerable import enumerable
from molgfn.evaluation.exact.answers import ExactTarget, exact_target, exact_terminal
from molgfn.evaluation.exact.reach import reach_table
from molgfn.experiment import reward_of
from molgfn.policies.base import Policy, PolicyOutput
from molgfn.policies.composed import Composition, Member, ReachTable, make_rule
from molgfn.policies.distributions import Categorical

FUNCTIONS = ("branin", "currin", "shubert", "sphere", "beale")
PREFERENCES = 128
EXPERIMENT = Path(__file__).with_name("grid_sampler.yaml")


def sampler(folder: Path, function: str, objective: str, iterations: int, seed: int) -> molgfn.Loaded:
    """The run of one function and seed: trained now, or taken where it is."""
    place = folder / f"{objective}-{iterations}" / f"{function}-{seed}"
    if not list(place.glob("*/checkpoints/last.ckpt")):
        molgfn.train(
            EXPERIMENT,
            f"objective={objective}",
            f"oracle.function={function}",
            f"trainer.iterations={iterations}",
            f"seed={seed}",
            f"output={place}",
            "logger.wandb=off",
            "trainer.progress=none",
        )
    return molgfn.load(place)


class Tabulated(Policy):
    """P_F and log F of a policy at every state, computed once: 128 preferences ask for the same numbers."""

    reads: ClassVar[frozenset[str]] = frozenset({"vector"})

    def __init__(self, policy: Policy, states: States) -> None:
        super().__init__(environment=policy.environment, learned_backward=False, initial_log_z=0.0)
        self.listing = enumerable(policy.environment, "composition.py")
        with torch.no_grad():
            out = policy(states, forward=True, flow=True)
        self.row = torch.argsort(self.listing.index(states))
        self.logits, self.mask, self.flows = out.forward.logits, out.forward.mask, out.log_flow  # type: ignore[union-attr]

    def forward(
        self, states: States, *, forward: bool = True, backward: bool = False, flow: bool = False
    ) -> PolicyOutput:
        row = self.row[self.listing.index(states)]
        return PolicyOutput(
            forward=Categorical(self.logits[row], self.mask[row]) if forward else None,
            log_flow=self.flows[row] if flow and self.flows is not None else None,
        )

    def group_modules(self) -> dict[str, Iterable[torch.nn.Parameter]]:
        return {"forward": [], "backward": [], "flow": []}


def preferences(k: int) -> Tensor:
    """[128, k], drawn evenly from the simplex, the same for all seeds of training."""
    torch.manual_seed(1000 + k)
    return torch.distributions.Dirichlet(torch.ones(k, dtype=torch.float64)).sample((PREFERENCES,))


def distance(policy: torch.nn.Module, target: ExactTarget, pi: Tensor) -> float:
    """L1 over the points of the grid."""
    p = target.by_object(exact_terminal(policy, target.graph))  # type: ignore[arg-type]
    return float((p - pi).abs().sum())


def rows(members: Sequence[Member], targets: Sequence[ExactTarget], k: int) -> dict[str, float]:
    """Mean L1 over the preferences of the first k members, by how u_i is known."""
    members, rewards = members[:k], torch.stack([t.log_reward.exp() for t in targets[:k]])
    exact = reach_table(members)
    nowhere = ReachTable(members[0].plain, targets[0].graph.states, torch.zeros_like(exact.log_reach))
    found = {"exact": 0.0, "learned": 0.0, "not routed": 0.0}
    for w in preferences(k):
        pi = w @ rewards / (w @ rewards).sum()
        for name, table in (("exact", exact), ("learned", None), ("not routed", nowhere)):
            policy = Composition(members=members, rule=make_rule("mean", w.tolist(), k), table=table)
            found[name] += distance(policy, targets[0], pi) / PREFERENCES
    alone = [distance(m.policy, t, t.pi) for m, t in zip(members, targets[:k], strict=True)]
    return {"alone": sum(alone) / k, **found}


def main() -> None:
    """Train, compose, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True, help="Where the runs lie, or go.")
    parser.add_argument("--objective", choices=["db", "subtb"], default="db", help="What the samplers learn by.")
    parser.add_argument("--iterations", type=int, default=700, help="Of each sampler, batches of 64.")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    given = parser.parse_args()
    table: dict[int, list[dict[str, float]]] = {k: [] for k in range(2, len(FUNCTIONS) + 1)}
    for seed in given.seeds:
        runs = [sampler(given.output, f, given.objective, given.iterations, seed) for f in FUNCTIONS]
        targets = [exact_target(run.environment, reward_of(run.config)) for run in runs]
        states = targets[0].graph.states
        members = [Member(Tabulated(run.policy, states), run.environment) for run in runs]
        members = [Member(m.policy, m.environment, m.log_flow_at_source()) for m in members]
        for k in table:
            table[k].append(rows(members, targets, k))
    print(f"{given.objective}, {given.iterations} iterations, seeds {given.seeds}: L1 (TV)\n")
    names = list(table[2][0])
    print(f"| k | {' | '.join(names)} |\n| --- |{' --- |' * len(names)}")
    for k, found in table.items():
        cells = []
        for name in names:
            x = torch.tensor([row[name] for row in found], dtype=torch.float64)
            spread = f" ± {float(x.std()):.4f}" if len(x) > 1 else ""
            cells.append(f"{float(x.mean()):.4f}{spread} ({float(x.mean()) / 2:.4f})")
        print(f"| {k} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
