"""The contract of a metric: what was sampled in, named readings out."""

from __future__ import annotations

import inspect
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from functools import cached_property
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from molgfn.docstrings import attributes_in_docstring
from molgfn.errors import ContractError
from molgfn.evaluation.readings import Reading
from molgfn.evaluation.scales import Scales
from molgfn.former_names import FormerName, FormerNames
from molgfn.objects.base import ObjectKind
from molgfn.objects.capabilities import HasFingerprints
from molgfn.rewards.base import ScoredProperty

__all__ = ["Metric", "Reading", "Samples", "TerminalProbabilities"]


@dataclass(frozen=True)
class TerminalProbabilities:
    """log P_T(x) of some objects, estimated by backward sampling.

    Attributes:
        name: which objects, as it appears in keys of metrics: "samples" or "heldout".
        log_p: [K], estimate of log P_T(x).
        error: [K], standard error of each.
        log_reward: [K], log R(x).
        trajectories: backward trajectories per object.
        per: "object" where P_T sums over every way to build x, "state" where it covers one terminal state of x.
    """

    name: str
    log_p: np.ndarray
    error: np.ndarray
    log_reward: np.ndarray
    trajectories: int
    per: str = "object"


@dataclass(frozen=True)
class Samples:
    """N finished objects, in the order in which they were drawn, and what is known about them.

    Attributes:
        kind: what the objects are, see ``Environment.kind``.
        objects: a batch of that kind.
        keys: their N keys (canonical SMILES of molecules).
        log_reward: [N], log R(x); None where nothing was scored.
        value: [N], the property that R is made of, NaN without a value; None where nothing was scored.
        scored: what that property is.
        components: name -> [N], raw oracle values.
        objectives: name -> [N], desirability in [0, 1] of each property that R is made of, NaN without a value.
        problems: N entries, None or why the object has no value.
        places: where in a file each comes from, such as ``line 3``; empty where they do not come from one.
        remarks: name -> N texts of the oracle (``Oracle.remarks``), "" where it has nothing to say.
        log_weight: [N], log R'(x) + log P_B(tau|x) - log P_F(tau) of the on-policy trajectory that built it; None where
            the objects do not come from a policy.
        corrected: R' is R(x) / C(x) with all of C (``Environment.corrects_symmetry``): what the flows are trained to
            sum to is Z = sum_x R(x).
        reference: canonical SMILES of the whole reference, for novelty; None without a reference.
        reference_sample: molecules drawn from the reference, as samples of their own; None without a reference.
        terminal: log P_T(x) of some of the objects; None where not estimated.
        heldout: log P_T(x) of given molecules; None where none were given.
    """

    kind: ObjectKind
    objects: Any
    keys: list[str]
    log_reward: np.ndarray | None = None
    value: np.ndarray | None = None
    scored: ScoredProperty = field(default_factory=ScoredProperty)
    components: dict[str, np.ndarray] = field(default_factory=dict)
    objectives: dict[str, np.ndarray] = field(default_factory=dict)
    problems: list[str | None] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    remarks: dict[str, list[str]] = field(default_factory=dict)
    log_weight: np.ndarray | None = None
    corrected: bool = True
    reference: frozenset[str] | None = None
    reference_sample: Samples | None = None
    terminal: TerminalProbabilities | None = None
    heldout: TerminalProbabilities | None = None

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def valid(self) -> np.ndarray:
        """Bool [N]: the object is one (a molecule that sanitises)."""
        return np.array([problem is None for problem in self.kind.problems(self.objects)], dtype=bool)

    @cached_property
    def located_problems(self) -> list[str | None]:
        """``problems``; those of entries of a file that are no object begin with their place."""
        problems = self.problems or [None] * len(self)
        if not self.places:
            return problems
        return [
            problem if ok or problem is None else f"{place}: {problem}"
            for place, problem, ok in zip(self.places, problems, self.valid.tolist(), strict=True)
        ]

    @cached_property
    def counts(self) -> dict[str, int]:
        """How often each valid object was drawn, by key."""
        out: dict[str, int] = {}
        for key, valid in zip(self.keys, self.valid, strict=True):
            if valid:
                out[key] = out.get(key, 0) + 1
        return out

    @cached_property
    def unique(self) -> np.ndarray:
        """int64 [U]: index of each different valid object once, best log R first (in order of drawing without one)."""
        first: dict[str, int] = {}
        for i in np.flatnonzero(self.valid).tolist():
            first.setdefault(self.keys[i], i)
        index = np.array(list(first.values()), dtype=np.int64)
        return index if self.log_reward is None else index[np.argsort(-self.log_reward[index], kind="stable")]

    @cached_property
    def different(self) -> Any:
        """The batch [U] of the ``unique`` objects, in that order."""
        return self.kind.take(self.objects, self.unique.tolist())

    @cached_property
    def objective_names(self) -> list[str]:
        """Objectives that some object has a value of; what others are worth may depend on the condition."""
        return [name for name, column in self.objectives.items() if not np.isnan(column).all()]

    @cached_property
    def points(self) -> np.ndarray | None:
        """[N, D]: the D ``objective_names`` side by side; None where there are fewer than two."""
        names = self.objective_names
        return np.stack([self.objectives[name] for name in names], 1) if len(names) > 1 else None

    @cached_property
    def fingerprints(self) -> np.ndarray:
        """[U, F] bits of the ``unique`` objects, in that order; where the kind has fingerprints."""
        if not isinstance(self.kind, HasFingerprints):
            raise ContractError(f"{self.kind.plural} have no fingerprints; declare kinds = HasFingerprints")
        return self.kind.fingerprints(self.different)


@attributes_in_docstring
class Metric(FormerNames, ABC):
    """Turns samples into named readings.

    A subclass' docstring is its definition, which the report prints up to ``Args:``. Keys are ``name`` or
    ``name/<parameter>...``: every parameter that changes the number is in the key.
    """

    #: first part of every key
    name: ClassVar[str]
    #: fields of ``Samples`` that must not be None
    requires: ClassVar[frozenset[str]] = frozenset()
    #: kind of object, or capability of kinds (``objects.capabilities``), that it can measure
    kinds: ClassVar[type[ObjectKind]] = ObjectKind
    #: where the definition comes from
    reference: ClassVar[str] = ""
    #: how its numbers are read: pattern of keys -> direction, units, bounds; a key that fits none has no better side
    scales: ClassVar[Scales] = MappingProxyType({})

    domains = FormerName("`kinds` says what it can measure, a class such as objects.molecule.MoleculeKind")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not isinstance(cls.kinds, type):
            raise ContractError(
                f"{cls.__name__}.kinds is {cls.kinds!r}, but should be a class: a kind of object, or a capability"
            )
        known = {f.name for f in fields(Samples)}
        if unknown := sorted(set(cls.requires) - known):
            raise ContractError(
                f"{cls.__name__}.requires names {', '.join(unknown)}; samples have {', '.join(sorted(known))}"
            )

    @abstractmethod
    def __call__(self, samples: Samples) -> dict[str, Reading]:
        """Readings by key; what could not be measured is a ``Reading.missing`` with its reason."""

    @classmethod
    def measures(cls, kind: ObjectKind) -> bool:
        """It can measure objects of that kind."""
        return isinstance(kind, cls.kinds)

    @classmethod
    def definition(cls) -> str:
        """The docstring up to ``Args:``, as one line."""
        return " ".join(re.split(r"\n(?:Args|Attributes):", inspect.getdoc(cls) or "")[0].replace("``", "").split())
