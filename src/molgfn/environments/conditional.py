"""Any environment under a condition that its states carry (architecture section 9)."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from molgfn.conditions.base import Condition, Fixed, Given
from molgfn.environments.actions import ActionsInParts, ListedActions
from molgfn.environments.base import Environment, States
from molgfn.environments.build_steps import BuildStep
from molgfn.environments.enumerable import Enumerable
from molgfn.environments.hashing import hash_rows
from molgfn.environments.real_actions import Chart, RealActions
from molgfn.errors import ConfigError, NotEnumerableError

#: what an inner environment may be beside an ``Environment``; so is the environment around it
LAYERS = (ListedActions, ActionsInParts, RealActions, Enumerable)


@dataclass(frozen=True)
class ConditionalStates(States):
    """``inner``: B states of the inner environment; ``values``: float64 [B, C], the condition of each, raw numbers."""

    inner: States
    values: Tensor


class Conditional(Environment):
    """An environment whose trajectories are each built under a condition, drawn at their source and never changed.

    Made by ``conditional``, which gives it the layers of the inner environment. Transitions, masks and objects are
    those of the inner environment; two states are the same where the inner states and the conditions are. A policy
    reads the encoded condition beside the state: joined to a vector, or as ``GraphBatch.condition`` or
    ``SequenceBatch.condition``. Everything else that the inner environment has (tables, settings of its own) is found
    here under the same name.

    ``at`` gives the environment under one fixed condition. Its states are of the same kind, so the policy of this one
    reads them; and it can be listed where the inner environment can, so exact answers are those for that condition.
    """

    def __init__(self, environment: Environment, condition: Condition) -> None:
        if environment.encoding not in {"vector", "graph", "sequence", "reactions"}:
            raise ConfigError(
                f"condition: {type(environment).__name__} shows its states as {environment.encoding}, and how a "
                "condition is shown beside that nobody has said"
            )
        self.inner: Any = environment
        self.given = condition
        self.condition_size = condition.size
        self.per_condition = condition.per_condition
        self.stops_everywhere = environment.stops_everywhere
        self.counts_paths = environment.counts_paths
        self.corrects_symmetry = environment.corrects_symmetry
        self.n_states = getattr(environment, "n_states", None) if isinstance(condition, Fixed) else None
        if hasattr(environment, "spec"):
            self.spec = dataclasses.replace(self.inner.spec, condition=condition.size)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "inner":  # while it is copied or unpickled there is no inner environment
            raise AttributeError(name)
        return getattr(self.inner, name)

    def __reduce__(self) -> tuple[Any, ...]:
        return conditional, (self.inner, self.given)

    def at(self, values: Given | None = None) -> Conditional:
        """The environment under one condition: ``values`` by column or label, the reference where they name none.

        Raises:
            ConfigError: a name that the condition does not have, or a value out of its range.
        """
        numbers = {**self.given.reference, **self.trained.numbers(values or {})}
        return type(self)(self.inner, Fixed(self.trained, numbers))

    @property
    def trained(self) -> Condition:
        """The condition that a policy here is trained under, also where one value of it holds for all."""
        return self.given.condition if isinstance(self.given, Fixed) else self.given

    # ------------------------------------------------------------------ the condition

    def initial(self, n: int, device: torch.device | str = "cpu") -> ConditionalStates:
        return self._under(self.inner.initial(n, device), self.given.row().to(device).repeat(n, 1))

    def draw_initial(
        self, n: int, generator: torch.Generator | None = None, device: torch.device | str = "cpu"
    ) -> ConditionalStates:
        values = self._drawn(n, generator, device)
        return self._under(self.inner.draw_initial(n, generator, device), values)

    def _drawn(self, n: int, generator: torch.Generator | None, device: torch.device | str) -> Tensor:
        """Newly drawn conditions of n trajectories, float64 [n, C], each of ``per_condition`` neighbours."""
        if self.per_condition == 1:
            return self.given.draw(n, generator, device)
        different = -(-n // self.per_condition)
        return self.given.draw(different, generator, device).repeat_interleave(self.per_condition, 0)[:n]

    def with_drawn_condition(
        self, states: ConditionalStates, generator: torch.Generator | None = None
    ) -> ConditionalStates:
        return self._under(states.inner, self._drawn(len(states), generator, states.device))

    def with_own_condition(self, states: ConditionalStates, achieved: Mapping[str, Tensor]) -> ConditionalStates:
        own = self.given.hindsight(states.values, achieved)
        first = torch.arange(len(own), device=own.device) // self.per_condition * self.per_condition
        return self._under(states.inner, own[first])

    def under_condition_of(self, states: ConditionalStates, others: ConditionalStates) -> ConditionalStates:
        return self._under(states.inner, others.values)

    @staticmethod
    def _under(inner: States, values: Tensor) -> ConditionalStates:
        return ConditionalStates(inner=inner, values=values)

    def condition(self, states: ConditionalStates) -> Tensor:
        return self.given.encode(states.values)

    def condition_values(self, states: ConditionalStates) -> dict[str, Tensor]:
        return dict(zip(self.given.columns, states.values.unbind(1), strict=True))

    def encode(self, states: ConditionalStates) -> Any:
        return self._with_condition(self.inner.encode(states.inner), states)

    def encode_forward(self, states: ConditionalStates) -> Any:
        return self._with_condition(self.inner.encode_forward(states.inner), states)

    def _with_condition(self, encoded: Any, states: ConditionalStates) -> Any:
        condition = self.condition(states)
        if self.inner.encoding == "vector":
            return torch.cat([encoded, condition.to(encoded.dtype)], 1)
        return dataclasses.replace(encoded, condition=condition)

    # ------------------------------------------------------------------ transitions

    def step(self, states: ConditionalStates, actions: Tensor) -> ConditionalStates:
        return self._under(self.inner.step(states.inner, actions), states.values)

    def undo(self, states: ConditionalStates, backward_actions: Tensor) -> ConditionalStates:
        return self._under(self.inner.undo(states.inner, backward_actions), states.values)

    def is_exit(self, states: ConditionalStates, actions: Tensor) -> Tensor:
        return self.inner.is_exit(states.inner, actions)

    def exit_action(self, states: ConditionalStates) -> Tensor:
        return self.inner.exit_action(states.inner)

    def stop_mask(self, states: ConditionalStates) -> Tensor:
        return self.inner.stop_mask(states.inner)

    def backward_action(self, states: ConditionalStates, actions: Tensor, next_states: ConditionalStates) -> Tensor:
        return self.inner.backward_action(states.inner, actions, next_states.inner)

    def forward_action(
        self, states: ConditionalStates, backward_actions: Tensor, previous: ConditionalStates
    ) -> Tensor:
        return self.inner.forward_action(states.inner, backward_actions, previous.inner)

    def is_initial(self, states: ConditionalStates) -> Tensor:
        return self.inner.is_initial(states.inner)

    # ------------------------------------------------------------------ objects

    def objects(self, states: ConditionalStates) -> Any:
        return self.inner.objects(states.inner)

    def has_object(self, states: ConditionalStates) -> Tensor:
        return self.inner.has_object(states.inner)

    def build_steps(self, states: ConditionalStates, actions: Tensor) -> list[BuildStep]:
        return self.inner.build_steps(states.inner, actions)

    def log_symmetry(self, states: ConditionalStates, objects: Any) -> Tensor:
        return self.inner.log_symmetry(states.inner, objects)

    def log_multiplicity(self, states: ConditionalStates) -> Tensor:
        return self.inner.log_multiplicity(states.inner)

    def states_of(self, objects: Any) -> ConditionalStates:
        """Under the reference value; ``with_drawn_condition`` draws others."""
        inner = self.inner.states_of(objects)
        return self._under(inner, self.given.row().to(inner.device).repeat(len(inner), 1))

    def terminal_draws(self, objects: Any, seed: int = 0) -> tuple[ConditionalStates, Tensor]:
        """See ``Environment.terminal_draws``; the condition of each state is drawn, too."""
        inner, weight = self.inner.terminal_draws(objects, seed)
        values = self._drawn(len(inner), torch.Generator().manual_seed(seed), "cpu")
        return self._under(inner, values.to(inner.device)), weight

    # ------------------------------------------------------------------ actions

    def forward_mask(self, states: ConditionalStates) -> Tensor:
        """See ``ListedActions``."""
        return self.inner.forward_mask(states.inner)

    def backward_mask(self, states: ConditionalStates) -> Tensor:
        """See ``ListedActions``."""
        return self.inner.backward_mask(states.inner)

    def part_mask(self, states: ConditionalStates, chosen: Tensor) -> Tensor:
        """See ``ActionsInParts``."""
        return self.inner.part_mask(states.inner, chosen)

    def backward_part_mask(self, states: ConditionalStates, chosen: Tensor) -> Tensor:
        """See ``ActionsInParts``."""
        return self.inner.backward_part_mask(states.inner, chosen)

    def choice_mask(self, states: ConditionalStates) -> Tensor:
        """See ``RealActions``."""
        return self.inner.choice_mask(states.inner)

    def backward_choice_mask(self, states: ConditionalStates) -> Tensor:
        """See ``RealActions``."""
        return self.inner.backward_choice_mask(states.inner)

    def chart(self, states: ConditionalStates) -> Chart:
        """See ``RealActions``."""
        return self.inner.chart(states.inner)

    def backward_chart(self, states: ConditionalStates) -> Chart:
        """See ``RealActions``."""
        return self.inner.backward_chart(states.inner)

    def legal_actions(self, states: ConditionalStates) -> tuple[Tensor, Tensor]:
        """See ``Enumerable``."""
        return self.inner.legal_actions(states.inner)

    def legal_backward_actions(self, states: ConditionalStates) -> tuple[Tensor, Tensor]:
        """See ``Enumerable``."""
        return self.inner.legal_backward_actions(states.inner)

    def n_forward(self, states: ConditionalStates) -> Tensor:
        """See ``Enumerable``."""
        return self.inner.n_forward(states.inner)

    def n_backward(self, states: ConditionalStates) -> Tensor:
        """See ``Enumerable``."""
        return self.inner.n_backward(states.inner)

    # ------------------------------------------------------------------ states that are told apart

    def keys(self, states: ConditionalStates) -> Sequence[Hashable]:
        """See ``Enumerable``; the inner key and the raw numbers of the condition."""
        return list(zip(self.inner.keys(states.inner), map(tuple, states.values.tolist()), strict=True))

    def hashes(self, states: ConditionalStates) -> Tensor:
        """See ``Enumerable``."""
        inner = self.inner.hashes(states.inner)
        return hash_rows(torch.cat([inner[:, None], states.values.view(torch.int64)], 1))

    def index(self, states: ConditionalStates) -> Tensor:
        """See ``Enumerable``; under a fixed condition, that of the inner environment."""
        if self.n_states is None:
            raise NotEnumerableError(f"{type(self).__name__} has no index of its states")
        return self.inner.index(states.inner)

    def log_path_count(self, states: ConditionalStates) -> Tensor:
        """See ``Enumerable``."""
        return self.inner.log_path_count(states.inner)

    def enumeration_unavailable_reason(self) -> str | None:
        if isinstance(self.given, Fixed):
            return self.inner.enumeration_unavailable_reason()
        return f"its states carry {self.given.name}; under one value of it (`at`) they can be listed as without"

    def portable(self) -> dict[str, Any]:
        return self.inner.portable()


def without_condition(environment: Environment) -> Environment:
    """The environment that the condition was put around; itself without one."""
    return environment.inner if isinstance(environment, Conditional) else environment


def drawn_condition(environment: Environment) -> Condition | None:
    """The condition that is drawn anew for trajectories; None without one, and where all are built under one."""
    if isinstance(environment, Conditional) and not isinstance(environment.given, Fixed):
        return environment.given
    return None


def each_anew(environment: Environment) -> Environment:
    """The environment whose every trajectory starts under a newly drawn condition of its own, whatever it shares in
    training; itself where that is so anyway.
    """
    if environment.per_condition == 1 or not isinstance(environment, Conditional):
        return environment
    new = type(environment)(environment.inner, environment.given)
    new.per_condition = 1
    return new


def fixed_condition(environment: Environment) -> dict[str, float]:
    """The one condition that all is built under, by name; empty without one, and where each trajectory has its own."""
    if isinstance(environment, Conditional) and isinstance(environment.given, Fixed):
        return environment.given.reference
    return {}


def in_words(condition: Mapping[str, float]) -> str:
    """Such as "beta = 16"; "" where there is none."""
    return ", ".join(f"{name} = {value:g}" for name, value in condition.items())


def conditional(environment: Environment, condition: Condition | None) -> Environment:
    """``environment`` under a condition; itself where there is none.

    Raises:
        ConfigError: a policy could not be shown the condition.
    """
    if condition is None:
        return environment
    layers = tuple(layer for layer in LAYERS if isinstance(environment, layer))
    return _class(type(environment).__name__, layers)(environment, condition)


@functools.cache
def _class(name: str, layers: tuple[type, ...]) -> type[Conditional]:
    """``Conditional`` with the layers of what it goes around, whose name messages show."""
    return type(f"Conditional{name}", (Conditional, *layers), {})


def under(environment: Environment, values: Given | None = None) -> Environment:
    """The environment under one condition, ``values`` by column or label and the reference for the rest; itself without
    one.

    Raises:
        ConfigError: values for an environment without a condition, unknown names, values out of range.
    """
    if isinstance(environment, Conditional):
        return environment.at(values)
    if values:
        raise ConfigError(f"condition: {', '.join(values)} cannot be given: nothing was trained under a condition here")
    return environment
