"""The contract of environments, checked on random walks and, where the space is small, exactly."""

from __future__ import annotations

import dataclasses
import warnings

import torch
from torch import Tensor

from molgfn.environments.base import Environment, States
from molgfn.environments.enumeration import enumerate_states
from molgfn.errors import ContractError
from molgfn.evaluation.exact.answers import solve_flows
from molgfn.policies.distributions import Categorical


def check_environment(
    environment: Environment, *, walks: int = 32, seed: int = 0, exact_limit: int = 2000, edges: int = 5000
) -> None:
    """Check everything that ``environments.base.Environment`` promises.

    Random walks forward and backward: masks are never empty, every forward action is undone by the backward action that
    the environment names and that is legal there, every backward action is redone by the forward action that it names,
    batches equal single states, inputs stay as they are, depth is bounded, objects and keys come one per state,
    ``stop_mask`` is the column of ``forward_mask``, hashes are equal where keys are and nowhere else, and numbers of
    paths, where it counts them, add up over the backward actions. Where the environment says that it can be listed and
    has at most ``exact_limit`` states, flows are solved exactly for a random reward and P_T over *objects* must be
    proportional to it (TV < 1e-9).

    A DAG that is not graded (a state is reached by paths of different lengths) breaks no promise: states, exact answers
    and guides go by the state. A warning says so, as it is often a slip, such as a key that leaves something out.

    Args:
        environment: what to check.
        walks: random walks in each direction.
        seed: of the walks.
        exact_limit: most states for the exact check.
        edges: most forward edges that are checked at one step of the walks; of more a random part is.

    Raises:
        ContractError: names the environment, the promise, and what came instead.
    """
    _Check(environment, seed, edges).run(walks, exact_limit)


class _Check:
    def __init__(self, environment: Environment, seed: int, edges: int) -> None:
        self.edges = edges
        self.environment = environment
        self.name = type(environment).__name__
        self.generator = torch.Generator().manual_seed(seed)

    def fail(self, promise: str) -> ContractError:
        return ContractError(f"{self.name}: {promise}")

    def require(self, holds: bool | Tensor, promise: str) -> None:
        if not bool(holds):
            raise self.fail(promise)

    def run(self, walks: int, exact_limit: int) -> None:
        e = self.environment
        start = e.initial(3)
        self.require(len(start) == 3, "initial(3) does not give 3 states")
        self.require(e.is_initial(start).all(), "initial states are not is_initial")
        self.require(not e.backward_mask(start).any(), "the source has a legal backward action")
        visited, terminal = self.walk_forward(walks)
        for states in visited:
            self.every_edge(states)
        self.walk_backward(terminal)
        self.graded(visited)
        self.hashed(type(start).cat([*visited, terminal]))
        self.whole(visited)
        self.finished(terminal)
        e.encode(visited[-1])
        if e.enumeration_unavailable_reason() is None:
            self.exactly(exact_limit)

    def same(self, a: States, b: States, promise: str) -> None:
        self.require(list(self.environment.keys(a)) == list(self.environment.keys(b)), promise)

    def choose(self, mask: Tensor) -> Tensor:
        return Categorical(torch.zeros(mask.shape), mask).sample(self.generator)

    def walk_forward(self, n: int) -> tuple[list[States], States]:
        e, states = self.environment, self.environment.initial(n)
        visited, finished = [], []
        for _ in range(e.max_steps):
            mask = e.forward_mask(states)
            self.require(mask.shape == (len(states), e.n_actions), f"forward_mask has shape {tuple(mask.shape)}")
            self.require(mask.any(1).all(), "a state has no legal forward action")
            actions = self.choose(mask)
            before = dataclasses.asdict(states)
            after = e.step(states, actions)
            untouched = all(torch.equal(before[k], v) for k, v in dataclasses.asdict(states).items())
            self.require(untouched, "step changed its input")
            one = type(states).cat([e.step(states[i : i + 1], actions[i : i + 1]) for i in range(len(states))])
            self.same(after, one, "a batch of steps is not the same as the steps one by one")
            stops = actions == e.stop_action
            self.same(after[stops], states[stops], "stop changed a state")
            visited.append(states)
            finished.append(states[stops])
            states = after[~stops]
            if not len(states):
                return visited, type(states).cat(finished)
        raise self.fail(f"a walk is longer than max_steps = {e.max_steps}")

    def every_edge(self, states: States) -> None:
        """All legal actions of a few states, in both directions: one multigraph."""
        e, few = self.environment, states[:8]
        mask = e.forward_mask(few)
        stop = e.stop_mask(few)
        same = stop.shape == (len(few),) and torch.equal(stop, mask[:, e.stop_action])
        self.require(same, "stop_mask is not the stop column of forward_mask")
        mask = mask.clone()
        mask[:, e.stop_action] = False
        row, action = mask.nonzero(as_tuple=True)
        if len(row) > self.edges:
            some = torch.randperm(len(row), generator=self.generator)[: self.edges]
            row, action = row[some], action[some]
        if len(row):
            before, after = few[row], e.step(few[row], action)
            back = e.backward_action(before, action, after)
            legal = e.backward_mask(after).gather(1, back[:, None])
            self.require(legal.all(), "the backward action of a forward action is not legal")
            self.same(e.undo(after, back), before, "undo(step(s, a)) is not s")
            again = e.forward_action(after, back, before)
            self.same(e.step(before, again), after, "forward_action does not lead back")
            self.require(
                (e.backward_action(few, torch.full((len(few),), e.stop_action), few) == -1).all(),
                "backward_action of stop is not -1",
            )
        row, back = e.backward_mask(few).nonzero(as_tuple=True)
        if len(row):
            after = few[row]
            before = e.undo(after, back)
            action = e.forward_action(after, back, before)
            legal = e.forward_mask(before).gather(1, action[:, None])
            self.require(legal.all(), "the forward action of a backward action is not legal where it leads to")
            self.same(e.step(before, action), after, "step(undo(s, b)) is not s")
        if e.counts_paths:
            self.paths(few)

    def paths(self, states: States) -> None:
        """n(s0) = 1, n(s) = sum over legal backward actions of n of where they lead."""
        e = self.environment
        count = e.log_path_count(states)
        self.require(count.shape == (len(states),), "log_path_count does not come one per state")
        row, back = e.backward_mask(states).nonzero(as_tuple=True)
        before = e.log_path_count(e.undo(states[row], back)).double().cpu()
        total = e.is_initial(states).double().cpu().index_add(0, row.cpu(), before.exp())
        close = torch.allclose(count.double().cpu(), total.log(), rtol=1e-9, atol=1e-9)
        self.require(close, "log_path_count is not the sum over the backward actions")

    def graded(self, visited: list[States]) -> None:
        """Warn where the walks have met a state at two depths; ``visited``: the states after 0, 1, ... steps."""
        depth_of: dict = {}
        for depth, states in enumerate(visited):
            for key in self.environment.keys(states):
                first = depth_of.setdefault(key, depth)
                if first != depth:
                    warnings.warn(
                        f"{self.name}: not graded: a state ({key!r}) is reached by paths of {first} and {depth} steps",
                        stacklevel=4,
                    )
                    return

    def hashed(self, states: States) -> None:
        hashes = self.environment.hashes(states)
        fits = hashes.shape == (len(states),) and hashes.dtype == torch.int64
        self.require(fits, f"hashes are {hashes.dtype} {tuple(hashes.shape)}, not int64 [{len(states)}]")
        keys = list(self.environment.keys(states))
        pairs = len(set(zip(keys, hashes.tolist(), strict=True)))
        self.require(pairs == len(set(keys)), "hashes differ between states with the same key")
        self.require(pairs == len(set(hashes.tolist())), "hashes are the same for states with different keys")

    def whole(self, visited: list[States]) -> None:
        e = self.environment
        for states in visited:
            there = e.has_object(states)
            self.require(there.shape == (len(states),), "has_object does not come one per state")
            self.require((there | ~e.stop_mask(states)).all(), "a state where stop is legal has no object")
            few = states[there][:4]
            self.require(len(e.objects(few)) == len(few), "a state that has_object gives no object")

    def walk_backward(self, terminal: States) -> None:
        e, states = self.environment, terminal
        for _ in range(e.max_steps + 1):
            states = states[~e.is_initial(states)]
            if not len(states):
                return
            mask = e.backward_mask(states)
            self.require(mask.any(1).all(), "a state other than the source has no legal backward action")
            states = e.undo(states, self.choose(mask))
        raise self.fail(f"a walk backward is longer than max_steps = {e.max_steps}")

    def finished(self, terminal: States) -> None:
        e = self.environment
        objects = e.objects(terminal)
        keys = e.kind.keys(objects)
        self.require(len(objects) == len(keys) == len(terminal), "objects or their keys do not come one per state")
        good = e.kind.take(objects, [row for row, problem in enumerate(e.kind.problems(objects)) if problem is None])
        self.require(
            e.kind.keys(e.kind.parse(e.kind.keys(good))) == e.kind.keys(good),
            "parse does not read keys of objects back",
        )
        correction = e.log_symmetry(terminal, objects)
        self.require(correction.shape == (len(terminal),), "log_symmetry does not come one per state")
        self.require(torch.isfinite(correction).all(), "log_symmetry is not finite")

    def exactly(self, limit: int) -> None:
        e = self.environment
        graph = enumerate_states(e, limit=max(limit, 200_000))
        if len(graph) > limit:
            return
        stop = graph.can_stop.nonzero().squeeze(1)
        terminal = graph.states[stop]
        objects = e.objects(terminal)
        keys = e.kind.keys(objects)
        number = {key: i for i, key in enumerate(dict.fromkeys(keys))}
        of = torch.tensor([number[key] for key in keys])
        log_r = torch.randn(len(number), generator=self.generator, dtype=torch.float64)
        log_target = torch.full((len(graph),), -torch.inf, dtype=torch.float64)
        log_target[stop] = log_r[of] - e.log_symmetry(terminal, objects)
        p = solve_flows(graph, log_target).log_terminal.exp()[stop]
        by_object = torch.zeros(len(number), dtype=torch.float64).index_add(0, of, p)
        tv = 0.5 * (by_object - log_r.softmax(0)).abs().sum()
        self.require(tv < 1e-9, f"with exact flows P_T over objects is not R/Z: TV = {float(tv):.3g} (log_symmetry?)")
