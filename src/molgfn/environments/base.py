"""The contract of an environment: a pointed DAG whose states and transitions are batched tensors.

Three layers, of which an environment has as many as it can: *transitions* (``Environment``, here: all that a sampler
needs), *actions that can be listed* (``environments.actions``: masks over a fixed number of actions, or over the parts
of actions in several parts) and *states that are told apart* (``environments.enumerable``: what exact answers, guides
and replay by state need).

Letters used everywhere: B states in a batch, A forward actions, A' backward actions, N nodes of a graph.
"""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from molgfn.docstrings import attributes_in_docstring
from molgfn.environments.build_steps import BuildStep, steps_of
from molgfn.errors import ContractError, NotEnumerableError
from molgfn.former_names import FormerName
from molgfn.objects.base import ObjectKind, OfAKind


@dataclass(frozen=True)
class States:
    """A batch of states: a dataclass whose fields are tensors, or states again, with the same leading dimension B."""

    def __len__(self) -> int:
        return len(getattr(self, dataclasses.fields(self)[0].name))

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """The states whose every tensor is what ``function`` makes of it."""
        fields = ((f.name, getattr(self, f.name)) for f in dataclasses.fields(self))
        return type(self)(**{name: x.map(function) if isinstance(x, States) else function(x) for name, x in fields})

    def tensors(self) -> dict[str, Tensor]:
        """All tensors by name, in the order of the fields; those of states within have dotted names."""
        found: dict[str, Tensor] = {}
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            if isinstance(value, States):
                found |= {f"{f.name}.{name}": tensor for name, tensor in value.tensors().items()}
            else:
                found[f.name] = value
        return found

    def with_tensors(self, tensors: Mapping[str, Tensor]) -> Self:
        """States of this kind with these tensors, named as ``tensors`` names them; any leading dimensions.

        Raises:
            ContractError: a tensor is missing, or has no place.
        """
        own = self.tensors()
        if problem := sorted(own.keys() ^ tensors.keys()):
            raise ContractError(f"{type(self).__name__}: has the tensors {', '.join(own)}; wrong: {', '.join(problem)}")
        fields: dict[str, Any] = {}
        for f in dataclasses.fields(self):
            value, start = getattr(self, f.name), f"{f.name}."
            if isinstance(value, States):
                inner = {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
                fields[f.name] = value.with_tensors(inner)
            else:
                fields[f.name] = tensors[f.name]
        return type(self)(**fields)

    def __getitem__(self, index: Tensor | slice) -> Self:
        """The states at ``index`` (integer tensor, boolean mask or slice), in that order."""
        return self.map(lambda t: t[index])

    def to(self, device: torch.device | str) -> Self:
        return self.map(lambda t: t.to(device))

    @property
    def device(self) -> torch.device:
        return getattr(self, dataclasses.fields(self)[0].name).device

    @classmethod
    def cat(cls, batches: Sequence[Self]) -> Self:
        """Batches one after the other along B."""
        fields: dict[str, Any] = {}
        for f in dataclasses.fields(cls):
            parts = [getattr(b, f.name) for b in batches]
            fields[f.name] = type(parts[0]).cat(parts) if isinstance(parts[0], States) else torch.cat(parts)
        return cls(**fields)


@attributes_in_docstring
class Environment(OfAKind, ABC):
    """How objects are built, step by step, by actions that can be undone.

    A state is never a finished object: an *exit* is an action of its own (``is_exit``, ``exit_action``), legal wherever
    the state may be a whole object. Actions are int64, one number [B] or several parts [B, parts], and so are backward
    actions. P_F and P_B count the same edges: every legal forward action other than the exit has a backward action that
    undoes it, and the other way round (architecture section 3, "one multigraph").

    All methods take and return batches and contain no Python loop over the batch, except ``objects``, ``keys`` and
    ``log_symmetry``, which look at finished objects or serve tests.
    """

    #: what finished objects are (``objects.molecule.MOLECULE``, ``objects.string.STRING``, ``objects.grid.GRID`` or a
    #: kind of one's own); an oracle of another ``kind`` is refused before a run
    kind: ClassVar[ObjectKind]
    #: what ``encode`` returns: "vector" (float tensor [B, F]), "graph" (environments.graphs.GraphBatch), "sequence"
    #: (environments.sequences.SequenceBatch) or "set" (environments.sets.encoding.SetBatch)
    encoding: ClassVar[str]
    #: the least and the largest number that a vector of ``encode`` can hold
    encoded_range: ClassVar[tuple[float, float]] = (-math.inf, math.inf)

    #: most transitions that a trajectory can have, the exit counted
    max_steps: int
    #: the exit is legal in every state
    stops_everywhere: bool = False
    #: ``Enumerable.log_path_count`` is there
    counts_paths: bool = False
    #: ``log_symmetry`` is all of log C(x), so that the flows are trained to sum to sum_x R(x)
    corrects_symmetry: bool = True
    #: numbers that a policy reads as the condition under which an object is built (see ``condition``); 0 for none
    condition_size: int = 0
    #: how many neighbouring trajectories of a batch start under the same condition (``draw_initial``,
    #: ``with_drawn_condition``); 1 as well where there is none
    per_condition: int = 1

    object_keys = FormerName("the keys of objects are those of their `kind` (objects.base.ObjectKind.keys)")

    @abstractmethod
    def initial(self, n: int, device: torch.device | str = "cpu") -> States:
        """``n`` copies of the source s0; where there is a condition, under its reference value."""

    def draw_initial(
        self, n: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu"
    ) -> States:
        """``n`` sources as trajectories start from them: where there is a condition, under newly drawn ones, each of
        ``per_condition`` neighbours.
        """
        return self.initial(n, device)

    @abstractmethod
    def step(self, states: States, actions: Tensor) -> States:
        """States after legal forward ``actions`` [B, ...]. An exit leaves its state; inputs stay as they are."""

    @abstractmethod
    def undo(self, states: States, backward_actions: Tensor) -> States:
        """States before: ``backward_actions`` [B, ...] taken back. Inputs are not changed."""

    @abstractmethod
    def is_exit(self, states: States, actions: Tensor) -> Tensor:
        """bool [B]: the forward action is the exit."""

    @abstractmethod
    def exit_action(self, states: States) -> Tensor:
        """The forward action [B, ...] that is the exit of each state, whether it is legal there or not."""

    @abstractmethod
    def stop_mask(self, states: States) -> Tensor:
        """bool [B]: the exit is legal."""

    @abstractmethod
    def backward_action(self, states: States, actions: Tensor, next_states: States) -> Tensor:
        """The backward action [B, ...] at ``next_states = step(states, actions)`` that undoes ``actions``.

        What it says of an exit is of the same shape and has no meaning.
        """

    @abstractmethod
    def forward_action(self, states: States, backward_actions: Tensor, previous: States) -> Tensor:
        """The forward action [B, ...] at ``previous = undo(states, backward_actions)`` that leads to ``states``."""

    @abstractmethod
    def is_initial(self, states: States) -> Tensor:
        """bool [B]: the state is the source."""

    @abstractmethod
    def encode(self, states: States) -> Any:
        """What a policy reads; see ``encoding``."""

    def encode_forward(self, states: States) -> Any:
        """What P_F and log F read: as ``encode``, but what only P_B reads may be left out (of graphs, removals).

        A rollout asks for this at every step, and never for P_B. The default leaves nothing out.
        """
        return self.encode(states)

    @abstractmethod
    def objects(self, states: States) -> Any:
        """The finished objects that the states stand for (see ``kind``), in order, one each."""

    @abstractmethod
    def states_of(self, objects: Any) -> States:
        """One terminal state for each object, for backward sampling; raises ``DataError`` where there is none."""

    def condition(self, states: States) -> Tensor | None:
        """The condition as a policy reads it, float [B, condition_size]; None without one."""
        return None

    def condition_values(self, states: States) -> dict[str, Tensor]:
        """The condition as a reward reads it: name -> raw numbers, float64 [B]; empty without one."""
        return {}

    def with_drawn_condition(self, states: States, generator: torch.Generator | None = None) -> States:
        """The same states under newly drawn conditions, each of ``per_condition`` neighbours (``generator``: on their
        device); as they are without one.
        """
        return states

    def with_own_condition(self, states: States, achieved: Mapping[str, Tensor]) -> States:
        """The same terminal states [B] under the condition that their objects are right for, which
        ``Condition.hindsight`` finds in what they ``achieved``; of ``per_condition`` neighbours all are under that of
        the first. As they are without one.
        """
        return states

    def under_condition_of(self, states: States, others: States) -> States:
        """The states [B] under the conditions of ``others`` [B]; as they are without conditions."""
        return states

    def terminal_draws(self, objects: Any, seed: int = 0) -> tuple[States, Tensor]:
        """A terminal state t drawn for each object, and the log weight float64 [B] of the draw.

        The log weight is log c(t) - log P(t | x), where c(t) is how many forward trajectories (as action sequences)
        lead to t for each backward one from it, so that P_T(x) = E[exp(log weight) P_F(tau) / P_B(tau | t)] over t and
        tau ~ P_B(. | t). Both are 1 where an object is one state. Where several states are the same object (fragment
        trees of one molecule) and t is drawn in proportion to c(t), the weight is log C(x), whatever correction
        ``log_symmetry`` applies.
        """
        states = self.states_of(objects)
        return states, torch.zeros(len(states), dtype=torch.float64)

    def log_symmetry(self, states: States, objects: Any) -> Tensor:
        """log C(x) [B], float64, on the CPU: how many times too much mass x would get; subtracted from log R(x).

        With equivariant policies P_T(x) ~ R'(x) C(x); training on log R' = log R - log C makes P_T(x) ~ R(x).
        Zero where states and objects are the same thing.
        """
        return torch.zeros(len(states), dtype=torch.float64)

    def log_multiplicity(self, states: States) -> Tensor:
        """log c(s) [B], float64, on the CPU: how many forward action sequences lead to s for each backward one from it.

        0 where every state is reached as often as it is left. Other than 0 where several actions lead to the same state
        and one leads back (a symmetric fragment that is joined at one of several equal points).
        """
        return torch.zeros(len(states), dtype=torch.float64)

    def has_object(self, states: States) -> Tensor:
        """bool [B]: the state stands for an object that ``objects`` can be asked for, whether it may exit or not."""
        return self.stop_mask(states)

    def build_steps(self, states: States, actions: Tensor) -> list[BuildStep]:
        """How one object was built, for a reader: T steps, the last the exit.

        Shown is the object that a state stands for after an action, where it stands for one; an environment that can
        say more (a reaction, a symbol) says it here.

        Args:
            states: the T states of one trajectory in forward order, s_0 ... x.
            actions: [T, ...], the action taken at each.
        """
        after = states[1:]
        shown = self.has_object(after).cpu()
        return steps_of(self.kind, self.objects(after[shown.to(after.device)]), shown.tolist())

    def enumeration_unavailable_reason(self) -> str | None:
        """None where all states can be listed (see ``environments.enumeration``), else a sentence that says why not."""
        return "its states have no keys by which one is known again (environments.enumerable.Enumerable)"

    def require_enumerable(self) -> None:
        """Raise ``NotEnumerableError`` with the reason where the space cannot be listed."""
        if reason := self.enumeration_unavailable_reason():
            raise NotEnumerableError(f"{type(self).__name__}: {reason}")

    def portable(self) -> dict[str, Any]:
        """Constructor arguments to keep in a checkpoint instead of those of the config (files read become content)."""
        return {}
