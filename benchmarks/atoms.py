"""Speed of the atoms environment: python benchmarks/atoms.py [--rounds 3] [--batch 64 512] [--recursion ../gflownet]

Random roll-outs (uniform over sites, then over what is done there; no network) and steps of trajectory balance (trunk
4 x 128, reward QED) at the size of QM9 and of drugs; of a training step the milliseconds that a trajectory takes for
states, masks and encodings (environment, and its share of all), for the network with its gradient (policy), and for
finished molecules (RDKit, symmetry, oracle). Random roll-outs stop where nothing else is legal; in training molecules
have at least two thirds of the atoms that they may have. The last column is the most memory that the process has taken
so far. --between adds sizes between, and --plot FILE draws cost against size. --clock cpu counts the processor's time,
which other processes disturb less.

With --recursion, a checkout of recursionpharma/gflownet, its molecule-building environment makes random roll-outs, too:
masks, one uniform action for each molecule, step, without charges, hydrogens and stereo marks. It sets bond orders by
further actions, so that its trajectories are longer; states/s are beside. Needs networkx and torch-geometric;
torch_scatter, which these roll-outs do not use, need not be there.
"""

from __future__ import annotations

import argparse
import random
import resource
import statistics
import sys
import types
from dataclasses import dataclass
from pathlib import Path

import torch
from clock import CLOCKS, Clock
from rdkit.Chem import ChiralType
from rich.console import Console
from rich.table import Table

from molgfn.environments.atoms import Atoms
from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.oracles.properties.qed import QED
from molgfn.policies.distributions.categorical import choose
from molgfn.policies.graph import GraphTransformerPolicy
from molgfn.rewards.power import Power
from molgfn.training.memory import keep_freed_memory
from molgfn.training.optimizers import Optimizers
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.rewarded import find_rewards
from molgfn.trajectories.sampler import Sampler

#: what the time of a training step is taken for
PARTS = ("environment", "policy", "molecules")
FORBID = ["peroxides", "halogen_heteroatom", "like_charges", "cumulated", "strained"]
DRUG = {
    "types": ["C", "N", "O", "F", "S", "Cl", "Br", "S6", "N+", "O-"],
    "largest_ring": 8,
    "max_rings": 6,
    "forbid": FORBID,
}


def sizes(between: bool) -> dict[str, dict]:
    """Name -> arguments of the environment."""
    found = {"QM9, 9 atoms": {"types": ["C", "N", "O", "F"], "max_atoms": 9, "forbid": FORBID}}
    for atoms in (15, 20, 30) if between else ():
        found[f"drug-like, {atoms} atoms"] = {**DRUG, "max_atoms": atoms}
    return {**found, "drug-like, 38 atoms": {**DRUG, "max_atoms": 38}}


def random_rollouts(environment: Atoms, n: int, generator: torch.Generator) -> tuple[int, int]:
    """Uniform over sites, then over options; stop where nothing else is legal. Returns (states, atoms)."""
    states, seen, atoms = environment.initial(n), 0, 0
    columns, options = environment.spec.where, environment.n_options
    while len(states):
        g = environment.encode(states)
        seen += len(states)
        where = torch.full((len(states), columns), -torch.inf)
        where[:, 0] = torch.where(g.stop_mask, -30.0, -torch.inf)  # as good as never while there is a site
        where[g.site_graph, g.site_where] = 0.0
        site = choose(where.log_softmax(1), generator)
        row = torch.zeros(len(states), columns, dtype=torch.int64)
        row[g.site_graph, g.site_where] = g.site_options
        mask = g.option_mask[row.gather(1, site[:, None]).squeeze(1)]
        what = choose(torch.where(mask, 0.0, -torch.inf).log_softmax(1).nan_to_num(0.0), generator)
        action = torch.where(site == 0, 0, 1 + (site - 1) * options + what)
        after = environment.step(states, action)
        environment.backward_action(states, action, after)
        atoms += int(states.n[action == 0].sum())
        states = after[action != 0]
    return seen, atoms


@dataclass
class Training:
    """Steps of trajectory balance, as a run takes them: what the rollout computed is taken up."""

    environment: Atoms
    batch: int
    clock: Clock

    def __post_init__(self) -> None:
        torch.manual_seed(0)
        self.policy = GraphTransformerPolicy(environment=self.environment)
        self.objective, self.reward = TrajectoryBalance(), Power(oracle=QED(), beta=8.0)
        self.optimizer, _ = Optimizers(lr=1e-4).build(self.policy.parameter_groups())
        self.generator = torch.Generator().manual_seed(0)
        for method in ("encode", "encode_forward", "step", "backward_action"):
            self.clock.wrap(self.environment, method, "environment")
        for method in ("objects", "log_symmetry"):
            self.clock.wrap(self.environment, method, "molecules")

    def step(self) -> tuple[float, float]:
        """(atoms and states of a trajectory); seconds are in the clock."""
        sampler = Sampler(self.environment)
        with self.clock.block("policy"):
            t, kept = sampler.forward_and_keep(self.policy, self.batch, generator=self.generator)
        with self.clock.block("molecules"):
            scored = find_rewards(t, self.environment, self.reward).trajectories
        with self.clock.block("policy"):
            evaluated = evaluate(scored, self.policy, quantities=self.objective.quantities, kept=kept)
            (loss,) = self.objective(evaluated).losses.values()
            self.optimizer.zero_grad(set_to_none=True)
            loss.value.backward()
            self.optimizer.step()
        return float(t.terminal.n.double().mean()), len(t.states) / self.batch  # type: ignore[attr-defined]


def recursion(checkout: Path, atoms: int, n: int) -> tuple[int, int]:
    """Random roll-outs of its environment, one molecule after the other as it does. Returns (states, atoms)."""
    if "torch_scatter" not in sys.modules:
        from torch_geometric.utils import scatter

        stand_in = types.ModuleType("torch_scatter")
        vars(stand_in).update(scatter=scatter, scatter_max=None, scatter_add=None, scatter_softmax=None)
        sys.modules["torch_scatter"] = stand_in
        sys.path.insert(0, str(checkout / "src"))
    from gflownet.envs.graph_building_env import GraphActionType, GraphBuildingEnv  # type: ignore[import-not-found]
    from gflownet.envs.mol_building_env import MolBuildingEnvContext  # type: ignore[import-not-found]

    env = GraphBuildingEnv()
    plain = {"charges": [0], "expl_H_range": [0], "chiral_types": [ChiralType.CHI_UNSPECIFIED]}  # as ours has it
    context = MolBuildingEnvContext(["C", "N", "F", "O"], max_nodes=atoms, **plain)
    draw, states, made = random.Random(0), 0, 0
    for _ in range(n):
        graph = env.new()
        for _ in range(20 * atoms):
            data = context.graph_to_Data(graph)
            states += 1
            legal = [
                (kind, int(row), int(column))
                for kind, action in enumerate(context.action_type_order)
                if action is not GraphActionType.Stop
                for row, column in getattr(data, action.mask_name).nonzero().tolist()
            ]
            if not legal:
                break
            graph = env.step(graph, context.aidx_to_GraphAction(data, draw.choice(legal)))
        made += len(graph)
    return states, made


def plot(costs: dict[int, list[tuple[int, dict[str, float]]]], clock: str, path: Path) -> None:
    """Milliseconds of a trajectory against the atoms that a molecule may have, part by part.

    Args:
        costs: batch -> (atoms, part -> ms) of each size.
        clock: that they were measured by.
        path: of the picture.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5 * len(costs), 4), layout="constrained")
    for axes, (batch, sizes) in zip(figure.subplots(1, len(costs), squeeze=False)[0], costs.items(), strict=True):
        for part in PARTS:
            axes.plot([atoms for atoms, _ in sizes], [cost[part] for _, cost in sizes], marker="o", label=part)
        axes.set(
            xlabel="atoms at most", ylabel=f"ms of {clock} time a trajectory", title=f"batch {batch}", ylim=(0, None)
        )
        axes.legend()
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, nargs="+", default=[64, 512])
    parser.add_argument("--clock", choices=list(CLOCKS), default="wall")
    parser.add_argument("--between", action="store_true", help="sizes between, to see how cost grows")
    parser.add_argument("--plot", type=Path, help="a picture of cost against size (.png, .svg, .pdf)")
    parser.add_argument("--recursion", type=Path, help="a checkout of recursionpharma/gflownet")
    given = parser.parse_args()
    now = CLOCKS[given.clock]
    keep_freed_memory()
    torch.set_num_threads(1)
    console = Console(width=140)
    walks = ("roll-outs/s", "states/s", "atoms")
    columns = ("space", "batch", *walks, "training/s", "atoms", *PARTS, "share", "GB")
    setting = f"torch {torch.__version__}, 1 thread, trunk 4 x 128, {given.clock} time"
    table = Table(*columns, title=f"{setting}, medians of {given.rounds} rounds")
    costs: dict[int, list[tuple[int, dict[str, float]]]] = {}
    for name, arguments in sizes(given.between).items():
        for batch in given.batch:
            console.print(f"{name}, batch {batch}")
            environment, generator = Atoms(**arguments), torch.Generator().manual_seed(0)
            most = arguments["max_atoms"]
            random_rollouts(environment, batch, generator)
            rates, per_state, made = [], [], 0
            for _ in range(given.rounds):
                start = now()
                seen, made = random_rollouts(environment, batch, generator)
                seconds = now() - start
                rates.append(batch / seconds)
                per_state.append(seen / seconds)
            training = Training(Atoms(**arguments, min_atoms=2 * most // 3), batch, Clock(now))
            training.step()
            steps, size = [], 0.0
            for _ in range(given.rounds):
                training.clock.seconds.clear()
                size, _ = training.step()
                steps.append({part: 1e3 * training.clock.seconds[part] / batch for part in PARTS})
            median = statistics.median
            cost = {part: median(step[part] for step in steps) for part in PARTS}
            costs.setdefault(batch, []).append((most, cost))
            total, memory = sum(cost.values()), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            row = (
                *(name, str(batch), f"{median(rates):,.0f}", f"{median(per_state):,.0f}", f"{made / batch:.1f}"),
                *(f"{1e3 / total:,.0f}", f"{size:.1f}", *(f"{cost[part]:.2f}" for part in PARTS)),
                *(f"{cost['environment'] / total:.0%}", f"{memory / 2**20:.1f}"),
            )
            console.print(", ".join(f"{what} {value}" for what, value in zip(columns[2:], row[2:], strict=True)))
            table.add_row(*row)
    console.print(table)
    if given.plot:
        plot(costs, given.clock, given.plot)
    if given.recursion:
        beside = Table("recursion, at most", "roll-outs/s", "states/s", "atoms", title="random roll-outs, 1 thread")
        for atoms in (9, 38):
            n = 32 if atoms == 9 else 8
            start = now()
            seen, made = recursion(given.recursion, atoms, n)
            seconds = now() - start
            beside.add_row(f"{atoms} atoms", f"{n / seconds:,.1f}", f"{seen / seconds:,.0f}", f"{made / n:.1f}")
        console.print(beside)


if __name__ == "__main__":
    main()
