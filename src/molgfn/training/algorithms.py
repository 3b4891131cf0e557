"""The algorithms of ``torch.optim`` by name, with their own arguments by name."""

from __future__ import annotations

import difflib
import inspect
import typing
from collections.abc import Mapping
from typing import Any

import torch
from pydantic import ConfigDict, TypeAdapter, ValidationError
from torch import nn

from molgfn.errors import ConfigError

#: what cannot train a policy -> why
_UNFIT = {
    "LBFGS": "it evaluates the loss several times a step",
    "SparseAdam": "it takes sparse gradients only",
    "Muon": "it takes matrices only",
}
#: those that torch computes in one kernel on every device that it does so for
_FUSED = frozenset({"Adam", "AdamW", "SGD"})
#: arguments that say how a step is computed, which only one of them may
_WAYS = frozenset({"fused", "foreach", "differentiable"})
#: argument -> the key of ``optimizer`` that says it
_ELSEWHERE = {"lr": "lr, lr_backward, lr_flow and lr_log_z", "weight_decay": "weight_decay", "params": "the policy"}


class Algorithm:
    """One of ``torch.optim``, ready to be built.

    Args:
        name: as torch calls it.
        arguments: its own, by name; what is not named has torch's default.

    Raises:
        ConfigError: there is no such algorithm, it cannot train a policy, or an argument is none of its own, of another
            type or out of range.
    """

    def __init__(self, name: str, arguments: Mapping[str, Any]) -> None:
        self.name = name
        self._class = _find(name)
        parameters = inspect.signature(self._class).parameters
        #: names of its arguments
        self.takes = frozenset(parameters) - {"params"}
        hints = typing.get_type_hints(self._class.__init__)
        self.arguments = {key: self._checked(key, value, hints.get(key, Any)) for key, value in arguments.items()}
        try:  # torch says itself what is out of range
            self.build([{"params": [nn.Parameter(torch.zeros(1))], "lr": 1e-3}])
        except (ValueError, TypeError, RuntimeError) as error:
            raise ConfigError(f"arguments: {name}: {error}") from None

    def _checked(self, key: str, value: Any, hint: Any) -> Any:
        if key in _ELSEWHERE:
            raise ConfigError(f"arguments.{key}: comes from {_ELSEWHERE[key]}; leave it out here")
        if key not in self.takes:
            own = sorted(self.takes - _ELSEWHERE.keys())
            near = difflib.get_close_matches(key, own, 1)
            meant = f"did you mean `{near[0]}`?" if near else f"it takes {', '.join(own)}"
            raise ConfigError(f"arguments.{key}: torch.optim.{self.name} has no argument `{key}`; {meant}")
        try:
            return TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True)).validate_python(value)
        except ValidationError as error:
            message = error.errors()[0]["msg"].replace("Input should be", "should be")
            raise ConfigError(f"arguments.{key}: {message}, got {value!r}") from None

    def build(self, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
        """The optimizer of parameter groups, as torch takes them, in one kernel where torch can."""
        arguments = dict(self.arguments)
        on = {p.device.type for group in groups for p in group["params"]}
        if self.name in _FUSED and on <= {"cpu", "cuda"} and not arguments.keys() & _WAYS:
            arguments["fused"] = True
        return self._class(groups, **arguments)


def _find(name: str) -> type[torch.optim.Optimizer]:
    known = {n: c for n, c in vars(torch.optim).items() if _is_algorithm(c) and n not in _UNFIT}
    if name in _UNFIT:
        raise ConfigError(f"algorithm: {name} cannot train a policy: {_UNFIT[name]}; use one of {', '.join(known)}")
    if name not in known:
        near = [n for n in known if n.lower() == name.lower()] or difflib.get_close_matches(name, known, 1)
        meant = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(known)}"
        raise ConfigError(f"algorithm: torch.optim has no `{name}`; {meant}")
    return known[name]


def _is_algorithm(thing: Any) -> bool:
    optimizer = torch.optim.Optimizer
    return isinstance(thing, type) and issubclass(thing, optimizer) and thing is not optimizer
