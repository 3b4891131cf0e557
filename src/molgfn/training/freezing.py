"""Parameters that do not train."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from molgfn.errors import ConfigError
from molgfn.policies.base import Policy


@dataclass(frozen=True)
class FrozenParameters:
    """How many numbers stand still, and of how many."""

    numbers: int
    of: int

    def __str__(self) -> str:
        return f"{self.numbers:,} of {self.of:,} parameters are frozen"


def freeze(policy: Policy, auxiliaries: Mapping[str, Policy], names: Sequence[str]) -> FrozenParameters:
    """Take parameters out of training: they get no gradient and no state of an optimizer.

    Args:
        policy: its parameters have their own names (``encoder.trunk.layers.0.weight``), its groups theirs.
        auxiliaries: further networks; their parameters have the network's name before their own (``q1.encoder...``).
        names: parameter groups (``forward``, ``backward``, ``flow``, ``log_z``, or a further network), names of
            parameters or modules, or patterns of them with ``*``, ``?`` and ``[...]``.

    Raises:
        ConfigError: a name fits nothing, or nothing is left to train.
    """
    networks: dict[str, nn.Module] = {"": policy, **{f"{name}.": network for name, network in auxiliaries.items()}}
    parameters = {f"{start}{key}": p for start, network in networks.items() for key, p in network.named_parameters()}
    groups = {**policy.parameter_groups(), **{name: list(n.parameters()) for name, n in auxiliaries.items()}}
    trained = [p for p in parameters.values() if p.requires_grad]
    problems = []
    for name in names:
        found = groups[name] if name in groups else [p for key, p in parameters.items() if fits(key, name)]
        if not found:
            modules = sorted({key.partition(".")[0] for key in parameters})
            problems.append(
                f"trainer.freeze: `{name}` fits no parameter; there are the groups "
                f"{', '.join(k for k, v in groups.items() if v)}, and names that begin with {', '.join(modules)}"
            )
        for p in found:
            p.requires_grad_(False)
    if problems:
        raise ConfigError(problems)
    if not any(p.requires_grad for p in trained):
        raise ConfigError(f"trainer.freeze: {', '.join(names)} leaves nothing to train")
    still = sum(p.numel() for p in trained if not p.requires_grad)
    return FrozenParameters(still, sum(p.numel() for p in trained))


def fits(key: str, pattern: str) -> bool:
    """Whether a parameter is what ``pattern`` names, or lies in a module that it names."""
    parts = key.split(".")
    return any(fnmatch.fnmatchcase(".".join(parts[: i + 1]), pattern) for i in range(len(parts)))
