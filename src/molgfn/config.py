"""Strict configuration: a plain dict is checked against constructor signatures, then built; nothing is ignored.

A *node* is a mapping with ``_target_``, the dotted path of a class; its other keys are constructor arguments. The
constructor's signature is the schema: there is no registry and no mirrored dataclass, and a class outside the package
works like one inside it. ``check`` reports every problem at once, ``build`` constructs. No component is imported
before a config names it.
"""

from __future__ import annotations

import difflib
import inspect
import json
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, Union

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from molgfn.class_paths import (
    TRUSTED,
    Parameter,
    did_you_mean,
    import_class,
    parameters,
    show,
    trust_option,
    trusted,
    trusted_prefixes,
    type_text,
)
from molgfn.code_references import split
from molgfn.errors import ConfigError, MolgfnError
from molgfn.paths import OutputPlace

T = TypeVar("T")
CLASS_KEY = "_target_"
#: words that YAML 1.1 reads as false and as true
BOOLEANS = ("off no n", "on yes y")


@dataclass(frozen=True)
class Slot:
    """One component of a run.

    Attributes:
        base: dotted path of the class that the component must be or inherit from; or several, one of which.
        live: constructor parameters that the run itself supplies, so that the config neither needs nor may give them.
        optional: the component may be null, or not there.
    """

    base: str | tuple[str, ...]
    live: frozenset[str] = frozenset()
    optional: bool = False

    @property
    def bases(self) -> tuple[str, ...]:
        return (self.base,) if isinstance(self.base, str) else self.base


#: top-level keys of a run: a Slot for a component, an annotation for a plain value
ROOT: dict[str, Any] = {
    "name": Annotated[str, Field(min_length=1)],
    "seed": Annotated[int, Field(ge=0, lt=2**32)],
    "output": Annotated[OutputPlace, Field(min_length=1)],
    "environment": Slot("molgfn.environments.base.Environment"),
    "condition": Slot("molgfn.conditions.base.Condition", optional=True),
    "scalarisation": Slot("molgfn.rewards.aggregations.base.Aggregation", optional=True),
    "oracle": Slot(("molgfn.oracles.base.Oracle", "molgfn.rewards.scalarisation.Scalarisation")),
    "reward": Slot("molgfn.rewards.base.Reward", frozenset({"oracle", "scoring"})),
    "scoring": Slot("molgfn.serving.settings.Scoring", frozenset({"make", "ranks", "recipe"}), optional=True),
    "policy": Slot(
        "molgfn.policies.base.Policy", frozenset({"environment", "learned_backward", "backward_rule", "own_losses"})
    ),
    "hidden": Slot("molgfn.hiding.base.HiddenObjects", optional=True),
    "objective": Slot("molgfn.objectives.base.Objective"),
    "backward": Slot("molgfn.objectives.backward.base.BackwardPolicyTraining", frozenset({"counts_paths"})),
    "target": Slot("molgfn.objectives.base.TargetNetwork", optional=True),
    "data": Slot("molgfn.trajectories.mixture.Sources"),
    "optimizer": Slot("molgfn.training.optimizers.Optimizers"),
    "trainer": Slot("molgfn.training.trainer.TrainerSettings"),
    "logger": Slot("molgfn.training.logs.loggers.Loggers"),
    "evaluation": Slot("molgfn.evaluation.settings.EvaluationSettings"),
}
#: top-level keys of `molgfn optimise`: what names the run and how objects are scored is as in training; a sampler that
#: learns in the loop may be left out, and then all of its parts are
OPTIMISE: dict[str, Any] = {
    **{key: ROOT[key] for key in ("name", "seed", "output", "condition", "scalarisation", "oracle", "reward")},
    "scoring": Slot(ROOT["scoring"].base, ROOT["scoring"].live),
    **{
        key: Slot(ROOT[key].base, ROOT[key].live, optional=True)
        for key in ("environment", "policy", "objective", "backward", "target", "optimizer")
    },
    "learning": Slot("molgfn.optimising.learning.base.Learning", optional=True),
    "candidates": Slot("molgfn.acquisition.proposers.several.Candidates"),
    "acquisition": Slot("molgfn.acquisition.models.base.Acquisition"),
    "selector": Slot("molgfn.acquisition.selectors.base.Selector", optional=True),
    "prescreen": Slot("molgfn.optimising.prescreen.Prescreen", optional=True),
    "rounds": Slot("molgfn.optimising.rounds.Rounds"),
}
#: every component that some command takes, by its group
GROUPS: dict[str, Any] = {**OPTIMISE, **ROOT}


def check(
    config: Any, *, schema: Mapping[str, Any] = ROOT, untrusted: bool = False, trust: Sequence[str] = ()
) -> list[str]:
    """Every problem of a whole run's config, one line each, the dotted key first; empty when it can be built.

    Args:
        config: plain data (dicts, lists, numbers, text, None), as composed.
        schema: top-level key -> ``Slot`` or annotation.
        untrusted: accept only classes of ``TRUSTED`` and ``trust`` that a base class or an annotation asks for.
        trust: more package prefixes for ``untrusted``, such as ``"my_package."``.
    """
    if not isinstance(config, Mapping):
        return [f"config: should be a mapping of {', '.join(schema)}, got {show(config)}"]
    if other := _meant_for(config, schema):
        return [f"config: this is an experiment for `{other}`, which has other parts than this command"]
    walk = _Walk(trusted_prefixes(untrusted, trust))
    for key in config:
        if key not in schema:
            walk.problems.append(f"{key}: a run has no key `{key}`{did_you_mean(str(key), schema)}")
    for key, rule in schema.items():
        if key not in config:
            if not (isinstance(rule, Slot) and rule.optional):
                walk.problems.append(f"{key}: missing")
        elif not isinstance(rule, Slot):
            walk.value(config[key], rule, key)
        elif config[key] is not None or not rule.optional:
            try:
                bases = tuple(import_class(path) for path in rule.bases)
            except ConfigError as error:
                raise ConfigError(f"{key}: the schema itself is wrong: {error}") from None
            walk.component(config[key], bases, key, rule.live)
    return walk.problems


def _meant_for(config: Mapping[str, Any], schema: Mapping[str, Any]) -> str | None:
    """The command that could run a config which lacks what ``schema`` asks for; None where there is none."""

    def complete(keys: Mapping[str, Any]) -> bool:
        return all(key in config for key, rule in keys.items() if not (isinstance(rule, Slot) and rule.optional))

    others = {"molgfn train": ROOT, "molgfn optimise": OPTIMISE}
    if complete(schema) or schema not in others.values():
        return None
    return next((command for command, keys in others.items() if keys is not schema and complete(keys)), None)


def build(
    node: Any,
    expected: type[T] | tuple[type[T], ...],
    where: str,
    *,
    live: Mapping[str, Any] | None = None,
    untrusted: bool = False,
    trust: Sequence[str] = (),
) -> T:
    """The object that ``node`` describes, checked first.

    Args:
        node: mapping with ``_target_``.
        expected: class that it must be or inherit from; or several, one of which.
        where: dotted place of the node, for messages.
        live: arguments supplied by the run; each is passed where the constructor has a parameter of that name.
        untrusted: as in ``check``.
        trust: as in ``check``.

    Raises:
        ConfigError: any problem that ``check`` would report, or a value that a constructor refused.
    """
    live, bases = dict(live or {}), expected if isinstance(expected, tuple) else (expected,)
    walk = _Walk(trusted_prefixes(untrusted, trust))
    walk.component(node, bases, where, frozenset(live))
    if walk.problems:
        raise ConfigError(walk.problems)
    return _Walk(walk.prefixes, construct=True).component(node, bases, where, frozenset(live), live)


class _Walk:
    """One pass over a config tree. It collects problems; with ``construct`` (after a clean pass) it also builds."""

    def __init__(self, prefixes: tuple[str, ...] | None, construct: bool = False) -> None:
        self.prefixes = prefixes
        self.construct = construct
        self.problems: list[str] = []

    def component(
        self,
        node: Any,
        bases: tuple[type, ...],
        where: str,
        live_names: frozenset[str] = frozenset(),
        live: Mapping[str, Any] | None = None,
    ) -> Any:
        """Check (and build) one ``_target_`` node that must be one of ``bases`` (empty: anything)."""
        wanted = " or ".join(b.__name__ for b in bases) or "component"
        if not isinstance(node, Mapping):
            self.problems.append(
                f"{where}: should be a component (a mapping with `{CLASS_KEY}`, {_a(wanted)}), got {show(node)}"
            )
            return None
        if CLASS_KEY not in node:
            self.problems.append(f"{where}: has no `{CLASS_KEY}` that names {_a(wanted)}")
            return None
        try:
            cls = import_class(node[CLASS_KEY], self.prefixes)
            if bases and not issubclass(cls, bases):
                raise ConfigError(f"`{cls.__name__}` is not {_a(wanted)}")
            if inspect.isabstract(cls):
                open_ = ", ".join(sorted(cls.__abstractmethods__))
                raise ConfigError(
                    f"`{cls.__name__}` is a contract and cannot be built: {open_} are left open; name one that has them"
                )
            if not bases and self.prefixes is not None:
                raise ConfigError(f"nothing says which class belongs here, so `{node[CLASS_KEY]}` is not accepted")
            accepted = parameters(cls)
            self._require_trusted_code(node, cls)
        except (ConfigError, TypeError) as error:
            self.problems.append(f"{where}: {error}")
            return None
        arguments = self._arguments(node, cls, accepted, where, live_names)
        if not self.construct:
            return None
        arguments |= {k: v for k, v in (live or {}).items() if k in accepted}
        try:
            return cls(**arguments)
        except ConfigError as error:
            raise ConfigError([p if p.startswith(where) else f"{where}: {p}" for p in error.problems]) from error
        except MolgfnError:
            raise  # names its file and line already, and says that the data are wrong rather than the config
        except (ValueError, TypeError, OSError) as error:
            raise ConfigError(f"{where}: {error}") from error

    def _require_trusted_code(self, node: Mapping[str, Any], cls: type) -> None:
        """Refuse code that a config of unknown origin names by a parameter (``names_code``), not by ``_target_``."""
        if self.prefixes is None:
            return
        own = tuple(p for p in self.prefixes if p not in TRUSTED)  # not all of torch: any function may be called
        for key in getattr(cls, "names_code", ()):
            if node.get(key) is not None and not trusted(node[key], own):
                raise ConfigError(
                    f"`{key}: {show(node[key])}` names code to run, which a checkpoint may not; if you know this code, "
                    f"trust it: {trust_option(node[key])}"
                )

    def _arguments(
        self, node: Mapping[str, Any], cls: type, accepted: dict[str, Parameter], where: str, live: frozenset[str]
    ) -> dict[str, Any]:
        own = {k: p for k, p in accepted.items() if k not in live}
        out: dict[str, Any] = {}
        for key, value in node.items():
            place = f"{where}.{key}"
            if key == CLASS_KEY:
                continue
            if key in own:
                out[key] = self.value(value, own[key].annotation, place)
            elif key in accepted:
                self.problems.append(f"{place}: the run itself gives `{key}` to {cls.__name__}; leave it out")
            else:
                hint = did_you_mean(str(key), own) if own else "; it takes none"
                self.problems.append(f"{place}: {cls.__name__} has no parameter `{key}`{hint}")
        for name, parameter in own.items():
            if parameter.required and name not in node:
                self.problems.append(f"{where}.{name}: missing; {cls.__name__} needs it")
        return out

    def value(self, value: Any, annotation: Any, where: str) -> Any:
        """Check one value against one annotation; returns what the constructor should get."""
        if isinstance(value, Mapping) and CLASS_KEY in value:
            classes = tuple(_classes(annotation))
            # read the component even where none belongs: its own mistakes are then reported in the same pass
            built = self.component(value, classes, where)
            if not classes and Any not in _alternatives(annotation):
                name = split(str(value[CLASS_KEY]))[1]
                self.problems.append(f"{where}: `{name}` does not belong here: should be {type_text(annotation)}")
            return built
        if not _holds_node(value):
            return self._plain(value, annotation, where)
        # a container with components inside: its items one by one, then its own constraints (such as a least length)
        before = len(self.problems)
        if isinstance(value, Mapping):
            kind = _alternative(annotation, Mapping)
            inner = (*typing.get_args(kind), Any, Any)[1] if kind is not Any else Any
            built: Any = {k: self.value(v, inner, f"{where}.{k}") for k, v in value.items()}
        else:
            kind = _alternative(annotation, Sequence)
            inside = typing.get_args(kind)
            fixed = typing.get_origin(kind) is tuple and Ellipsis not in inside
            if fixed and len(inside) != len(value):
                self.problems.append(f"{where}: should have {len(inside)} items, has {len(value)}")
                return None
            wants = inside if fixed else [inside[0] if inside else Any] * len(value)
            built = [self.value(v, a, f"{where}[{i}]") for i, (v, a) in enumerate(zip(value, wants, strict=True))]
            built = tuple(built) if kind is tuple or typing.get_origin(kind) is tuple else built
        if kind is None:
            what = "mapping" if isinstance(value, Mapping) else "list"
            del self.problems[before:]
            self.problems.append(f"{where}: should be {type_text(annotation)}, got a {what} of components")
        elif typing.get_origin(annotation) is Annotated:
            shape = dict[str, Any] if isinstance(value, Mapping) else list[Any]
            self._plain(value, Annotated[shape, *annotation.__metadata__], where)  # type: ignore[valid-type]
        return built

    def _plain(self, value: Any, annotation: Any, where: str) -> Any:
        if annotation is Any:
            return value
        try:
            adapter = TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True))
            # JSON rules are the right ones for a config: a list may become a tuple and text a path, but text is
            # never a number, true is not 1, and 8.5 is not a whole number
            return adapter.validate_json(json.dumps(value), strict=True)
        except ValidationError as error:
            self.problems += _explain(error, value, annotation, where)
        except TypeError:
            self.problems.append(
                f"{where}: should be {type_text(annotation)}, got {show(value)}, which is not plain data"
            )
        return None


def _explain(error: ValidationError, value: Any, annotation: Any, where: str) -> list[str]:
    """Pydantic's errors as lines of ours; one line for a union, however many branches it has."""
    if classes := [c for c in _classes(annotation) if not isinstance(value, (list, Mapping))]:
        wanted = " or ".join(c.__name__ for c in classes)
        return [f"{where}: should be a component (a mapping with `{CLASS_KEY}`, {_a(wanted)}), got {show(value)}"]
    if len(_alternatives(annotation)) > 1 and not isinstance(value, (list, Mapping)):
        texts = list(dict.fromkeys(_message(e) for e in error.errors()))
        return [f"{where}: {' or '.join(texts)}, got {show(value)}{_nearest(value, annotation)}"]
    lines = []
    for e in error.errors():
        place = where
        for part in e["loc"]:
            # a union puts the name of its branch among the keys; only real keys say where
            if isinstance(part, int):
                place += f"[{part}]"
            elif isinstance(value, Mapping) and part in value:
                place += f".{part}"
        if e["type"] == "needs_python_object" or e["type"] == "is_instance_of":
            lines.append(
                f"{place}: should be {type_text(annotation)} (a mapping with `{CLASS_KEY}`), got {show(e['input'])}"
            )
        else:
            lines.append(f"{place}: {_message(e)}, got {show(e['input'])}{_nearest(e['input'], annotation)}")
    return lines


def _message(error: Any) -> str:
    message = error["msg"].replace("Input should be ", "should be ")
    return message[0].lower() + message[1:]


def _nearest(value: Any, annotation: Any) -> str:
    words = [w for a in _alternatives(annotation) if typing.get_origin(a) is Literal for w in typing.get_args(a)]
    words = [w for w in words if isinstance(w, str)]
    if isinstance(value, bool) and (words or str in _alternatives(annotation)):
        read = BOOLEANS[value].split()
        meant = next((w for w in words if w.lower() in read), None)
        if meant is not None:
            return f"; YAML reads a bare {meant} as {str(value).lower()}: write '{meant}' with quotation marks"
        return f"; if it was {' or '.join(read[:2])}, write it with quotation marks" if not words else ""
    near = difflib.get_close_matches(value.lower(), words, 1) if isinstance(value, str) else []
    return f"; did you mean `{near[0]}`?" if near else ""


def _alternatives(annotation: Any) -> list[Any]:
    """The members of a union, without ``Annotated``; a list of one for anything else."""
    if typing.get_origin(annotation) is Annotated:
        return _alternatives(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (Union, types.UnionType):
        return [b for a in typing.get_args(annotation) for b in _alternatives(a)]
    return [annotation]


def _classes(annotation: Any) -> list[type]:
    """The component classes that an annotation names (not numbers, text, containers or paths)."""
    plain = {"builtins", "pathlib", "datetime", "enum", "decimal", "typing", "collections.abc", "os"}
    return [a for a in _alternatives(annotation) if isinstance(a, type) and a.__module__ not in plain]


def _alternative(annotation: Any, kind: type) -> Any:
    """The member of a union that is a ``kind`` of container (``Any`` where anything goes), or None."""
    for a in _alternatives(annotation):
        origin = typing.get_origin(a) or a
        if a is Any or (isinstance(origin, type) and issubclass(origin, kind) and origin is not str):
            return a
    return None


def _holds_node(value: Any) -> bool:
    if isinstance(value, Mapping):
        return CLASS_KEY in value or any(map(_holds_node, value.values()))
    return isinstance(value, (list, tuple)) and any(map(_holds_node, value))


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'AEIOUaeiou' else 'a'} {noun}"
