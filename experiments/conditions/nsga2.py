"""NSGA-II on the fragment trees of an experiment, at a given number of oracle calls: a baseline for several objectives.

    python experiments/conditions/nsga2.py conditions/seh_four --calls 64000 --seed 0 -o runs/nsga2-0 [key=value ...]

It takes environment, oracle and desirabilities of an experiment of molgfn (its policy, objective and condition play no
part), so that a policy and NSGA-II choose among the same molecules and ask the same oracles. A molecule is the tree
that it was built as. An offspring is made of two parents by cutting a branch off one and joining, in its place, a
branch of the other that the environment lets in there; and, or where nothing fits, by taking fragments off at random
and growing others. Every step is an action of the environment, so its limits and rules hold. Parents are chosen by
binary tournaments, survivors among parents and offspring by non-dominated sorting and crowding distance (Deb et al.
2002, doi:10.1109/4235.996017; ranks by moocore). No molecule is asked about twice, so each call is a new molecule;
objects without a value count as 0 in every objective.

The folder gets what a run has of it: ``config.yaml``, ``scored.sqlite``, with a row per molecule in the order of the
calls (iteration is the generation), and ``population.smi``, the last population. ``experiments/conditions/fronts.py``
compares folders; ``molgfn evaluate population.smi --score-as RUN`` measures it as a run of the experiment is measured.
Everything is drawn from one seed.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import moocore
import numpy as np
import torch
import yaml
from torch import Tensor

import molgfn
from molgfn.environments.conditional import Conditional
from molgfn.environments.fragments import Fragments
from molgfn.environments.fragments.states import FragmentStates
from molgfn.environments.fragments.tree import parents
from molgfn.errors import ConfigError
from molgfn.experiment import reward_of
from molgfn.rewards.base import Reward
from molgfn.rewards.under_condition import UnderCondition
from molgfn.runs.environment import run_environment
from molgfn.runs.objective_names import with_objective_names
from molgfn.training.logs.scored_record import ScoredRecord


@dataclass(frozen=True)
class Population:
    """N different molecules: their trees, keys, and desirabilities [N, D] in [0, 1]."""

    states: FragmentStates
    keys: list[str]
    points: np.ndarray

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, rows: np.ndarray) -> Population:
        return Population(self.states[torch.from_numpy(rows)], [self.keys[i] for i in rows], self.points[rows])

    def and_(self, other: Population) -> Population:
        states = FragmentStates.cat([self.states, other.states])
        return Population(states, self.keys + other.keys, np.concatenate([self.points, other.points]))


@dataclass(frozen=True)
class Node:
    """A fragment of a tree: its name, its parent's name, which point of the parent it is joined to, kind, own point."""

    name: int
    parent: int
    point: int
    kind: int
    own: int


class Breeder:
    """Offspring of fragment trees, by actions of their environment.

    Args:
        environment: of fragments, without a condition.
        seed: of everything that is drawn.
        crossover: probability that an offspring has two parents.
        mutation: probability that one with two parents is mutated, too; one with one parent always is.
    """

    def __init__(self, environment: Fragments, *, seed: int, crossover: float = 0.8, mutation: float = 0.3) -> None:
        self.environment = environment
        self.rng = np.random.default_rng(seed)
        self.generator = torch.Generator().manual_seed(seed)
        self.crossover, self.mutation = crossover, mutation

    def fresh(self, n: int) -> FragmentStates:
        """``n`` random trees of uniformly drawn sizes."""
        return self.grown(self.environment.initial(n), self._sizes(n))

    def offspring(self, first: FragmentStates, second: FragmentStates) -> FragmentStates:
        """One tree of each pair of parents."""
        crossed, fits = self.crossed(first, second)
        both = fits & (self.rng.random(len(first)) < self.crossover)
        states = _where(torch.from_numpy(both), crossed, first)
        return self.mutated(states, ~both | (self.rng.random(len(first)) < self.mutation))

    def mutated(self, states: FragmentStates, rows: np.ndarray) -> FragmentStates:
        """Of the trees in ``rows`` (bool [B]) up to half taken off, leaf by leaf, and about as much grown anew.

        The others are only finished where they may not be molecules yet.
        """
        e, sizes = self.environment, states.n.numpy()
        most = np.maximum((sizes - int(e.has_scaffold) + 1) // 2, 1)
        off = torch.from_numpy(np.where(rows, self.rng.integers(1, most + 1), 0))
        for done in range(int(off.max())):
            mask = e.backward_mask(states)
            go = ((off > done) & mask.any(1)).nonzero().squeeze(1)
            states = _put(states, go, e.undo(states[go], self._any(mask[go])))
        wanted = np.clip(sizes + self.rng.integers(-1, 2, len(rows)), e.min_fragments, e.max_fragments)
        return self.grown(states, np.where(rows, wanted, 0))

    def crossed(self, first: FragmentStates, second: FragmentStates) -> tuple[FragmentStates, np.ndarray]:
        """Each of ``first`` [B] with a branch replaced by one of ``second`` [B]; and bool [B], whether one could be."""
        trees, donors = _nodes(first), _nodes(second)
        cuts = [int(self.rng.integers(1, len(tree))) if len(tree) > 1 else None for tree in trees]
        kept = [
            tree if cut is None else [node for node in tree if node.name not in _branch(tree, cut)]
            for tree, cut in zip(trees, cuts, strict=True)
        ]
        states, places = self._built(self.environment.initial(len(trees)), kept, [{} for _ in trees])
        mask = self.environment.forward_mask(states)
        grafts: list[list[Node]] = []
        for i, cut in enumerate(cuts):
            where = None if cut is None else trees[i][cut]
            roots = [] if where is None else [n.name for n in donors[i][1:] if self._fits(mask[i], places[i], where, n)]
            if where is None or not roots:
                grafts.append([])
                continue
            root = int(self.rng.choice(roots))
            branch = _branch(donors[i], root)
            # nodes of the donor are called -1 - name, apart from those of the tree; its root hangs where the cut was
            moved = [replace(n, name=-1 - n.name, parent=-1 - n.parent) for n in donors[i] if n.name in branch]
            grafts.append([replace(moved[0], parent=where.parent, point=where.point), *moved[1:]])
        states, _ = self._built(states, grafts, places)
        return states, np.array([bool(graft) for graft in grafts])

    def _fits(self, mask: Tensor, places: dict[int, int], where: Node, node: Node) -> bool:
        """``node`` may be joined, by its own point, where ``where`` was."""
        site = places.get(where.parent)
        return site is not None and bool(mask[self._action(site, replace(node, point=where.point))])

    def _built(
        self, states: FragmentStates, added: list[list[Node]], places: list[dict[int, int]]
    ) -> tuple[FragmentStates, list[dict[int, int]]]:
        """The nodes ``added`` to each of the trees [B], parents first, one after the other where that is legal.

        What hangs from a node that may not be added is left out with it. ``places``, name -> where a node stands in the
        tree, is filled in.
        """
        e = self.environment
        for t in range(max(map(len, added), default=0)):
            actions = torch.zeros(len(added), dtype=torch.int64)
            count = states.n.tolist()
            for i, nodes in enumerate(added):
                if t < len(nodes):
                    node = nodes[t]
                    if e.has_scaffold and node.name == 0:
                        places[i][0] = 0
                    elif count[i] == 0:
                        actions[i] = 1 + e.start_site * e.n_arms + e.tables.arm_of[node.kind, 0]
                    elif (site := places[i].get(node.parent)) is not None:
                        actions[i] = self._action(site, node)
            legal = (actions > 0) & e.forward_mask(states).gather(1, actions[:, None]).squeeze(1)
            states = e.step(states, torch.where(legal, actions, e.stop_action))
            for i in legal.nonzero().squeeze(1).tolist():
                places[i][added[i][t].name] = count[i]
        return states, places

    def _action(self, site: int, node: Node) -> int:
        """That adds ``node`` to the one that stands at ``site``."""
        e = self.environment
        return 1 + (site * e.n_points + node.point) * e.n_arms + int(e.tables.arm_of[node.kind, node.own])

    def grown(self, states: FragmentStates, sizes: np.ndarray) -> FragmentStates:
        """Random legal fragments added until each tree has its size (or nothing fits) and may be a molecule."""
        e, wanted = self.environment, torch.from_numpy(np.asarray(sizes, dtype=np.int64))
        for _ in range(e.max_steps):
            mask = e.forward_mask(states)
            adds = mask.clone()
            adds[:, e.stop_action] = False
            go = adds.any(1) & ((states.n < wanted) | ~mask[:, e.stop_action])
            if not bool(go.any()):
                break
            states = e.step(states, torch.where(go, self._any(adds), e.stop_action))
        return states

    def _sizes(self, n: int) -> np.ndarray:
        return self.rng.integers(self.environment.min_fragments, self.environment.max_fragments + 1, n)

    def _any(self, mask: Tensor) -> Tensor:
        """One of the columns that are True in each row, each as likely; the first where none is. int64 [B]."""
        drawn = torch.rand(mask.shape, generator=self.generator)
        return drawn.masked_fill(~mask, -1.0).argmax(1)


def _nodes(states: FragmentStates) -> list[list[Node]]:
    """The nodes of each tree, a parent before its children."""
    up, above, own = parents(states)
    columns = [t.tolist() for t in (up, above, states.kinds, own)]
    return [
        [Node(name, *(column[i][name] for column in columns)) for name in range(n)]
        for i, n in enumerate(states.n.tolist())
    ]


def _branch(tree: list[Node], root: int) -> set[int]:
    """Names of what hangs from ``root``, itself too."""
    found = {root}
    for node in tree[root + 1 :]:
        if node.parent in found:
            found.add(node.name)
    return found


def _put(states: FragmentStates, rows: Tensor, new: FragmentStates) -> FragmentStates:
    """``states`` [B] with ``new`` at ``rows``."""
    ours = new.tensors()
    return states.with_tensors({k: v.index_copy(0, rows, ours[k]) for k, v in states.tensors().items()})


def _where(take: Tensor, a: FragmentStates, b: FragmentStates) -> FragmentStates:
    rows = take.nonzero().squeeze(1)
    return _put(b, rows, a[rows])


def ranks(points: np.ndarray) -> np.ndarray:
    """Front of each point [N, D], int64 [N]: 0 for those that none dominates, then those that only these do ..."""
    found = np.asarray(moocore.pareto_rank(points, maximise=True), dtype=np.int64)
    return found - found.min()


def crowding(points: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """Crowding distance [N] within each front: inf at the ends of an objective, the more the lonelier."""
    out = np.zeros(len(points))
    for front in np.unique(rank):
        rows = np.flatnonzero(rank == front)
        for column in points[rows].T:
            order = np.argsort(column, kind="stable")
            span = column[order[-1]] - column[order[0]]
            out[rows[order[[0, -1]]]] = np.inf
            if span > 0 and len(rows) > 2:
                out[rows[order[1:-1]]] += (column[order[2:]] - column[order[:-2]]) / span
    return out


def survivors(points: np.ndarray, size: int) -> np.ndarray:
    """Rows of the ``size`` best of ``points`` [N, D]: lower fronts first, within one the less crowded."""
    rank = ranks(points)
    return np.lexsort((-crowding(points, rank), rank))[:size]


def tournaments(points: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of ``n`` parents, each the better of two drawn ones."""
    rank = ranks(points)
    place = np.empty(len(points), dtype=np.int64)
    place[np.lexsort((-crowding(points, rank), rank))] = np.arange(len(points))
    pairs = rng.integers(0, len(points), (n, 2))
    return pairs[np.arange(n), place[pairs].argmin(1)]


class Judge:
    """Scores new molecules and keeps the record.

    Args:
        environment: of the molecules.
        reward: under one condition where it reads one.
        record: takes every molecule that was scored.
        calls: most of them.
    """

    def __init__(self, environment: Fragments, reward: Reward, record: ScoredRecord, calls: int) -> None:
        self.environment, self.reward, self.record, self.left = environment, reward, record, calls
        self.known: set[str] = set()

    def __call__(self, states: FragmentStates, generation: int) -> Population | None:
        """Those of the trees that are new valid molecules, as far as calls are left; None for none."""
        objects = self.environment.objects(states)
        keys, new = self.environment.kind.keys(objects), []
        for i, (key, problem) in enumerate(zip(keys, self.environment.kind.problems(objects), strict=True)):
            if problem is None and key not in self.known and len(new) < self.left:
                self.known.add(key)
                new.append(i)
        if not new:
            return None
        self.left -= len(new)
        names = [keys[i] for i in new]
        scores = self.reward(self.environment.kind.take(objects, new), names)
        self.record.add(generation, names, ["nsga2"] * len(new), scores)
        assert scores.measurements is not None  # as of every reward of an oracle
        achieved = self.reward.achieved(scores.measurements)
        columns = [column.numpy() for name, column in achieved.items() if f"{name}_raw" in achieved]
        if len(columns) < 2:
            raise ConfigError("oracle: NSGA-II takes an oracle of several objectives, such as oracle=seh_four")
        return Population(states[torch.tensor(new)], names, np.nan_to_num(np.stack(columns, 1), nan=0.0))


def run(
    environment: Fragments,
    reward: Reward,
    folder: Path,
    *,
    calls: int,
    population: int = 100,
    seed: int = 0,
    crossover: float = 0.8,
    mutation: float = 0.3,
) -> Population:
    """The last population, after ``calls`` molecules were scored (or nothing new was found for 100 generations)."""
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / "scored.sqlite"
    if record.exists():
        raise ConfigError(f"{record}: there is a record already; give another folder")
    breeder = Breeder(environment, seed=seed, crossover=crossover, mutation=mutation)
    judge = Judge(environment, reward, ScoredRecord(record), calls)
    living, generation, idle = judge(breeder.fresh(population), 1), 1, 0
    while judge.left > 0 and idle < 100:
        generation += 1
        if living is None:
            born = judge(breeder.fresh(population), generation)
        else:
            pairs = [living.take(tournaments(living.points, population, breeder.rng)).states for _ in range(2)]
            born = judge(breeder.offspring(*pairs), generation)
        idle = idle + 1 if born is None else 0
        together = born if living is None else living if born is None else living.and_(born)
        if together is not None:
            living = together.take(survivors(together.points, population))
    if living is None:
        raise ConfigError("environment: no valid molecule was found")
    (folder / "population.smi").write_text("".join(f"{key}\n" for key in living.keys))
    return living


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", help="file or shipped name, such as conditions/seh_four")
    parser.add_argument("overrides", nargs="*", help="key=value, as of molgfn train")
    parser.add_argument("--calls", type=int, required=True, help="oracle calls, each of a new molecule")
    parser.add_argument("--population", type=int, default=100)
    parser.add_argument("--crossover", type=float, default=0.8)
    parser.add_argument("--mutation", type=float, default=0.3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder")
    given = parser.parse_args()
    config = with_objective_names(molgfn.compose(given.experiment, *given.overrides))
    environment, reward = run_environment(config), reward_of(config)
    if isinstance(environment, Conditional):
        reward = UnderCondition(reward, environment.given.reference)
        environment = environment.inner
    if not isinstance(environment, Fragments):
        raise SystemExit("environment: trees of fragments are bred, so the experiment should build in `fragments`")
    torch.set_num_threads(1)
    settings = {name: getattr(given, name) for name in ("calls", "population", "seed", "crossover", "mutation")}
    living = run(environment, reward, given.output, **settings)
    (given.output / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    front = int((ranks(living.points) == 0).sum())
    print(f"{given.output}: {reward.counters.unique} oracle calls, {front} of {len(living)} on the front")


if __name__ == "__main__":
    main()
