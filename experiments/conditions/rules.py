"""How far the approximate rules are from what they are meant to be, with exact flows: the table of docs/composition.md.

    python experiments/conditions/rules.py

Total variation between the composition of two exactly solved samplers and G of their distributions, normalised; in
parentheses that of the plain mixture from the same. No training, no seeds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import torch
from rdkit.Chem import QED
from torch import Tensor

from molgfn.environments.actions import listed
from molgfn.environments.base import Environment, States
from molgfn.environments.enumeration import StateGraph
from molgfn.environments.fragments import Fragments
from molgfn.environments.hypergrid import HyperGrid
from molgfn.evaluation.exact.answers import ExactFlows, exact_terminal, solve_flows
from molgfn.evaluation.exact.objects import ListedObjects, list_objects
from molgfn.evaluation.exact.reach import reach_table
from molgfn.oracles.synthetic.grid_function import FunctionName, GridFunction
from molgfn.policies.base import Policy, PolicyOutput
from molgfn.policies.composed import Composition, Member, make_rule
from molgfn.policies.distributions import Categorical

FRAGMENTS = [
    ["C", [0]],
    ["CC", [0, 1]],
    ["CCC", [0, 2]],
    ["CCO", [0, 1]],
    ["c1ccccc1", [0, 3]],
    ["C1CNCCN1", [2, 5]],
]


class Solved(Policy):
    """P_F of exact flows, at the states of the graph as they are written there."""

    reads: ClassVar[frozenset[str]] = frozenset({"vector", "graph"})

    def __init__(self, environment: Environment, graph: StateGraph, flows: ExactFlows) -> None:
        super().__init__(environment=environment, learned_backward=False, initial_log_z=flows.log_z)
        self.here = listed(environment, "rules.py")
        table = torch.full((len(graph), self.here.n_actions), -torch.inf, dtype=torch.float64)
        table[graph.source, graph.action] = flows.log_pf
        table[:, self.here.stop_action] = flows.log_stop
        self.hashes, order = torch.sort(environment.hashes(graph.states))  # type: ignore[attr-defined]
        self.table = table[order]

    def forward(
        self, states: States, *, forward: bool = True, backward: bool = False, flow: bool = False
    ) -> PolicyOutput:
        row = torch.searchsorted(self.hashes, self.environment.hashes(states))  # type: ignore[attr-defined]
        return PolicyOutput(forward=Categorical(self.table[row], self.here.forward_mask(states)))

    def group_modules(self) -> dict[str, Iterable[torch.nn.Parameter]]:
        return {"forward": [], "backward": [], "flow": []}


def row(name: str, environment: Environment, space: ListedObjects, log_rewards: list[Tensor]) -> str:
    """One line of the table: two rewards, log R [K] of each."""
    symmetry = environment.log_symmetry(space.graph.states[space.ends], space.made)
    members = []
    for log_r in log_rewards:
        target = torch.full((len(space.graph),), -torch.inf, dtype=torch.float64)
        target[space.ends] = log_r[space.objects[space.ends]] - symmetry
        flows = solve_flows(space.graph, target)
        members.append(Member(Solved(environment, space.graph, flows), environment, flows.log_z))
    log_p = torch.stack([log_r.log_softmax(0) for log_r in log_rewards])
    table, cells = reach_table(members, graph=space.graph), []
    for rule in (make_rule(word, None, 2) for word in ("product", "harmonic", "contrast")):
        policy = Composition(members=members, rule=rule, table=table)
        p = space.by_object(exact_terminal(policy, space.graph))
        meant = rule.log_value(log_p).softmax(0)
        near, far = (float((q - meant).abs().sum() / 2) for q in (p, log_p.exp().mean(0)))
        cells.append(f"{near:.3f} ({far:.3f})")
    apart = float((log_p[0].exp() - log_p[1].exp()).abs().sum() / 2)
    return f"| {name}; {apart:.2f} apart | {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    print("| space, two rewards | product | harmonic | contrast |\n| --- | --- | --- | --- |")
    grid = HyperGrid(dimensions=2, side=32)
    space = list_objects(grid)
    points = space.made[space.first]
    pairs: list[tuple[int, tuple[FunctionName, FunctionName]]] = [
        (1, ("branin", "currin")),
        (8, ("branin", "currin")),
        (8, ("shubert", "beale")),
    ]
    for beta, names in pairs:
        values = [torch.from_numpy(GridFunction(function=name, side=32).values(points)) for name in names]
        log_r = [beta * value.clamp(min=1e-4).log() for value in values]
        print(row(f"32 x 32 grid, {' and '.join(names)}, beta {beta}", grid, space, log_r))
    molecules = Fragments(vocabulary=FRAGMENTS, max_fragments=3)
    space = list_objects(molecules)
    found = [space.made[i].mol for i in space.first.tolist()]
    size = [mol.GetNumHeavyAtoms() / 20 for mol in found]
    values = [torch.tensor(column).double() for column in ([QED.qed(mol) for mol in found], size)]
    log_r = [16 * value.clamp(max=1).log() for value in values]
    print(row(f"{len(found)} molecules, QED and size, beta 16", molecules, space, log_r))


if __name__ == "__main__":
    main()
