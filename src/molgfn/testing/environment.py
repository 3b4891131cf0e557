"""The contract of environments, checked on random walks and, where the space is small, exactly."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor

from molgfn.environments.actions import ActionsInParts, ListedActions
from molgfn.environments.base import Environment, States
from molgfn.environments.enumerable import Enumerable
from molgfn.environments.enumeration import enumerate_states
from molgfn.errors import ContractError
from molgfn.evaluation.exact.answers import solve_flows
from molgfn.testing.choices import choices_of


def check_environment(
    environment: Environment,
    *,
    policy: Any = None,
    walks: int = 32,
    seed: int = 0,
    exact_limit: int = 2000,
    edges: int = 5000,
) -> None:
    """Check everything that the layers of an environment promise, those that it has.

    *Transitions*, by random walks forward and backward: every forward action is undone by the backward action that the
    environment names and that is legal there, every backward action is redone by the forward action that it names,
    batches equal single states, inputs stay as they are, the exit is what ``is_exit`` says and leaves its state, depth
    is bounded, objects and keys come one per state, a condition stays as it is all the way.

    *Actions* (``ListedActions``, ``ActionsInParts``): masks are never empty and have the promised shape, what is listed
    is legal, comes once and is no exit, and ``stop_mask`` is where the exit is legal.

    *States that are told apart* (``Enumerable``): hashes are equal where keys are and nowhere else, numbers of actions
    are those of the lists, and numbers of paths, where it counts them, add up over the backward actions. Where the
    environment says that it can be listed and has at most ``exact_limit`` states, flows are solved exactly for a random
    reward and P_T over *objects* must be proportional to it (TV < 1e-9).

    States without keys are the same where their tensors are (real numbers within 1e-5).

    A DAG that is not graded (a state is reached by paths of different lengths) breaks no promise: states, exact answers
    and guides go by the state. A warning says so, as it is often a slip, such as a key that leaves something out.

    Args:
        environment: what to check.
        policy: of this environment; draws the actions where they cannot be listed, else it is not needed.
        walks: random walks in each direction.
        seed: of the walks.
        exact_limit: most states for the exact check.
        edges: most forward edges that are checked at one step of the walks; of more a random part is.

    Raises:
        ContractError: names the environment, the promise, and what came instead.
    """
    _Check(environment, policy, seed, edges).run(walks, exact_limit)


class _Check:
    def __init__(self, environment: Environment, policy: Any, seed: int, edges: int) -> None:
        self.edges = edges
        self.environment = environment
        self.name = type(environment).__name__
        self.generator = torch.Generator().manual_seed(seed)
        self.choices = choices_of(environment, policy, self.generator)

    def fail(self, promise: str) -> ContractError:
        return ContractError(f"{self.name}: {promise}")

    def require(self, holds: bool | Tensor, promise: str) -> None:
        if not bool(holds):
            raise self.fail(promise)

    def run(self, walks: int, exact_limit: int) -> None:
        e = self.environment
        for start in (e.initial(3), e.draw_initial(3, torch.Generator().manual_seed(1))):
            self.require(len(start) == 3, "initial(3) or draw_initial(3) does not give 3 states")
            self.require(e.is_initial(start).all(), "initial states are not is_initial")
            row, _ = self.choices.edges(start, forward=False)
            self.require(not len(row), "the source has a legal backward action")
        visited, terminal = self.walk_forward(walks)
        for states in visited:
            self.every_edge(states)
        self.walk_backward(terminal)
        self.stored(terminal)
        self.whole(visited)
        self.finished(terminal)
        self.shown(visited[-1])
        if isinstance(e, Enumerable):
            self.graded(e, visited)
            self.hashed(e, type(terminal).cat([*visited, terminal]))
            for states in visited:
                self.counted(e, states[:8])
            if e.enumeration_unavailable_reason() is None:
                self.exactly(e, exact_limit)

    def equal(self, a: States, b: States) -> bool:
        if isinstance(self.environment, Enumerable):
            return list(self.environment.keys(a)) == list(self.environment.keys(b))
        pairs = zip(a.tensors().values(), b.tensors().values(), strict=True)
        return all(
            x.shape == y.shape and (torch.allclose(x, y, atol=1e-5) if x.is_floating_point() else torch.equal(x, y))
            for x, y in pairs
        )

    def same(self, a: States, b: States, promise: str) -> None:
        self.require(self.equal(a, b), promise)
        self.require(self.conditions(a, b), f"{promise}: the condition changed")

    def conditions(self, a: States, b: States) -> bool:
        mine, other = self.environment.condition_values(a), self.environment.condition_values(b)
        return mine.keys() == other.keys() and all(torch.equal(mine[name], other[name]) for name in mine)

    def walk_forward(self, n: int) -> tuple[list[States], States]:
        e = self.environment
        states = e.draw_initial(n, self.generator)
        visited, finished = [], []
        for _ in range(e.max_steps):
            self.masked(states)
            actions = self.choices.draw(states, forward=True)
            before = {name: tensor.clone() for name, tensor in states.tensors().items()}
            after = e.step(states, actions)
            untouched = all(torch.equal(before[k], v) for k, v in states.tensors().items())
            self.require(untouched, "step changed its input")
            one = type(states).cat([e.step(states[i : i + 1], actions[i : i + 1]) for i in range(len(states))])
            self.same(after, one, "a batch of steps is not the same as the steps one by one")
            exits = e.is_exit(states, actions)
            self.require(exits.shape == (len(states),) and exits.dtype == torch.bool, "is_exit is not bool [B]")
            self.same(after[exits], states[exits], "stop changed a state")
            visited.append(states)
            finished.append(states[exits])
            states = after[~exits]
            if not len(states):
                return visited, type(states).cat(finished)
        raise self.fail(f"a walk is longer than max_steps = {e.max_steps}")

    def masked(self, states: States) -> None:
        e = self.environment
        if isinstance(e, ListedActions):
            mask = e.forward_mask(states)
            self.require(mask.shape == (len(states), e.n_actions), f"forward_mask has shape {tuple(mask.shape)}")
            self.require(mask.any(1).all(), "a state has no legal forward action")
            mask = e.backward_mask(states)
            fits = mask.shape == (len(states), e.n_backward_actions)
            self.require(fits, f"backward_mask has shape {tuple(mask.shape)}")
        elif isinstance(e, ActionsInParts):
            mask = e.part_mask(states, torch.empty(len(states), 0, dtype=torch.int64))
            self.require(mask.any(1).all(), "a state has no legal forward action")

    def every_edge(self, states: States) -> None:
        """All legal actions of a few states, in both directions: one multigraph."""
        e, few = self.environment, states[:8]
        leave = e.exit_action(few)
        self.require(e.is_exit(few, leave).all(), "exit_action is no exit")
        self.require(
            torch.equal(e.stop_mask(few), self.choices.legal(few, leave, forward=True)),
            "stop_mask is not where the exit is legal (of listed actions: the stop column of forward_mask)",
        )
        row, action = self.listed(few, forward=True)
        back = e.backward_action(few, leave, few)
        if len(row):
            before, after = few[row], e.step(few[row], action)
            self.require(not e.is_exit(before, action).any(), "an exit is listed among the actions that lead on")
            back = e.backward_action(before, action, after)
            legal = self.choices.legal(after, back, forward=False)
            self.require(legal.all(), "the backward action of a forward action is not legal")
            self.same(e.undo(after, back), before, "undo(step(s, a)) is not s")
            again = e.forward_action(after, back, before)
            self.same(e.step(before, again), after, "forward_action does not lead back")
            placeholder = e.backward_action(few, leave, few)
            fits = placeholder.shape == (len(few), *back.shape[1:]) and placeholder.dtype == back.dtype
            self.require(fits, "backward_action of an exit is not of the shape of the others")
        row, back = self.listed(few, forward=False)
        if len(row):
            after = few[row]
            before = e.undo(after, back)
            action = e.forward_action(after, back, before)
            legal = self.choices.legal(before, action, forward=True)
            self.require(legal.all(), "the forward action of a backward action is not legal where it leads to")
            self.require(not e.is_exit(before, action).any(), "the forward action of a backward action is an exit")
            self.same(e.step(before, action), after, "step(undo(s, b)) is not s")

    def listed(self, states: States, *, forward: bool) -> tuple[Tensor, Tensor]:
        """Edges of ``states``, at most so many as are to be checked; what is listed is legal and comes once."""
        row, action = self.choices.edges(states, forward=forward)
        if isinstance(self.environment, ListedActions | ActionsInParts):
            what = "legal_actions" if forward else "legal_backward_actions"
            self.require(action.dtype == torch.int64, f"{what} are not int64")
            self.require((row.diff() >= 0).all(), f"{what} are not sorted by state")
            both = torch.cat([row[:, None], action if action.dim() > 1 else action[:, None]], 1)
            self.require(len(both.unique(dim=0)) == len(both), f"{what} has an action twice")
        if len(row) > self.edges:
            some = torch.randperm(len(row), generator=self.generator)[: self.edges]
            row, action = row[some], action[some]
        self.require(
            self.choices.legal(states[row], action, forward=forward).all(), "an action that is listed is illegal"
        )
        return row, action

    def counted(self, e: Enumerable, states: States) -> None:
        n = len(states)
        out = torch.bincount(e.legal_actions(states)[0], minlength=n) + e.stop_mask(states)
        back = torch.bincount(e.legal_backward_actions(states)[0], minlength=n)
        fits = torch.equal(e.n_forward(states), out) and torch.equal(e.n_backward(states), back)
        self.require(fits, "n_forward or n_backward is not the number of legal actions")
        if e.counts_paths:
            self.paths(e, states)

    def paths(self, e: Enumerable, states: States) -> None:
        """n(s0) = 1, n(s) = sum over legal backward actions of n of where they lead."""
        count = e.log_path_count(states)
        self.require(count.shape == (len(states),), "log_path_count does not come one per state")
        row, back = e.legal_backward_actions(states)
        before = e.log_path_count(e.undo(states[row], back)).double().cpu()
        total = e.is_initial(states).double().cpu().index_add(0, row.cpu(), before.exp())
        close = torch.allclose(count.double().cpu(), total.log(), rtol=1e-9, atol=1e-9)
        self.require(close, "log_path_count is not the sum over the backward actions")

    def graded(self, e: Enumerable, visited: list[States]) -> None:
        """Warn where the walks have met a state at two depths; ``visited``: the states after 0, 1, ... steps."""
        depth_of: dict = {}
        for depth, states in enumerate(visited):
            for key in e.keys(states):
                first = depth_of.setdefault(key, depth)
                if first != depth:
                    warnings.warn(
                        f"{self.name}: not graded: a state ({key!r}) is reached by paths of {first} and {depth} steps",
                        stacklevel=4,
                    )
                    return

    def hashed(self, e: Enumerable, states: States) -> None:
        hashes = e.hashes(states)
        fits = hashes.shape == (len(states),) and hashes.dtype == torch.int64
        self.require(fits, f"hashes are {hashes.dtype} {tuple(hashes.shape)}, not int64 [{len(states)}]")
        keys = list(e.keys(states))
        pairs = len(set(zip(keys, hashes.tolist(), strict=True)))
        self.require(pairs == len(set(keys)), "hashes differ between states with the same key")
        self.require(pairs == len(set(hashes.tolist())), "hashes are the same for states with different keys")

    def stored(self, states: States) -> None:
        """States come back from their tensors, as replay and checkpoints store them."""
        again = self.environment.initial(1).with_tensors({k: v.clone() for k, v in states.tensors().items()})
        self.same(again, states, "States.with_tensors(States.tensors()) are other states")

    def shown(self, states: States) -> None:
        e, n = self.environment, len(states)
        encoded = e.encode(states)
        rows = len(encoded) if isinstance(encoded, Tensor) else getattr(encoded, "n_graphs", n)
        self.require(rows == n, f"encode shows {rows} states of {n}")
        condition, values = e.condition(states), e.condition_values(states)
        self.require((condition is None) == (not e.condition_size), "condition is there, but condition_size is 0")
        if condition is not None:
            fits = condition.shape == (n, e.condition_size) and all(v.shape == (n,) for v in values.values())
            self.require(fits, "condition is not [B, condition_size], or its raw values are not [B]")
        each = e.per_condition
        self.require(each >= 1, f"per_condition should be at least 1, is {each}")
        drawn = e.draw_initial(2 * each, torch.Generator().manual_seed(0))
        for sources in (drawn, e.with_drawn_condition(drawn, torch.Generator().manual_seed(1))):
            groups = [column.reshape(2, each) for column in e.condition_values(sources).values()]
            shared = all(bool((group == group[:, :1]).all()) for group in groups)
            self.require(shared, f"{each} neighbours (per_condition) do not share a condition")

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
            if isinstance(e, ListedActions):
                self.require(
                    e.backward_mask(states).any(1).all(), "a state but the source has no legal backward action"
                )
            states = e.undo(states, self.choices.draw(states, forward=False))
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

    def exactly(self, e: Enumerable, limit: int) -> None:
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
