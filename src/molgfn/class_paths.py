"""Dotted paths to classes: importing them, saying which are trusted, and reading their constructors."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
import re
import shlex
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from molgfn.code_references import module_of, names_file, split
from molgfn.errors import ConfigError
from molgfn.moved import present_path
from molgfn.paths import local

#: packages whose classes an untrusted config (one that came inside a checkpoint) may name
TRUSTED = ("molgfn.", "torch.")


@dataclass(frozen=True)
class Parameter:
    """One constructor parameter: its resolved annotation and its default (``inspect.Parameter.empty`` for none)."""

    name: str
    annotation: Any
    default: Any

    @property
    def required(self) -> bool:
        return self.default is inspect.Parameter.empty


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """``"; did you mean `x`?"`` for the nearest of ``words``, or a list of them where none is near."""
    words = list(words)
    # closeness is judged without case, so that `Lambda` finds `lambda_`
    lowered = {w.lower(): w for w in words}
    near = difflib.get_close_matches(word.lower(), lowered, 1, cutoff=0.55)
    if near:
        return f"; did you mean `{lowered[near[0]]}`?"
    return f"; there is {', '.join(words)}" if words else ""


def import_class(path: Any, prefixes: tuple[str, ...] | None = None) -> type:
    """The class at the dotted ``path``.

    Args:
        path: ``package.module.Class``, or ``file.py:Class``.
        prefixes: accept only a class that is named, and defined, under one of these (see ``trusted_prefixes``).

    Raises:
        ConfigError: nothing importable is there, it is not a class, or it is not trusted.
    """
    if not isinstance(path, str) or "." not in path:
        raise ConfigError(f"`_target_` should be the dotted path of a class (package.module.Class), got {show(path)}")
    if prefixes is not None and not trusted(path, prefixes):
        raise ConfigError(
            f"`{path}` is not accepted from a checkpoint, only {', '.join(prefixes)}; if you know this code, trust it: "
            f"{trust_option(path)}"
        )
    path = present_path(path)
    module_path, name = split(path)
    try:
        module = module_of(path)
    except Exception as error:  # a user's own module can fail in any way, and the config is still what named it
        lacking = error.name if isinstance(error, ModuleNotFoundError) and error.name else ""
        # a module that exists but imports something absent is not misspelt
        near = _nearest_module(lacking) if f"{module_path}.".startswith(f"{lacking}.") else ""
        raise ConfigError(f"cannot import `{module_path}` for `{path}` ({error}){near}") from None
    found = vars(module).get(name)
    if found is None:
        own = [n for n, c in vars(module).items() if isinstance(c, type) and c.__module__ == module.__name__]
        raise ConfigError(f"there is no class `{name}` in {module_path}{did_you_mean(name, own)}")
    if not isinstance(found, type):
        raise ConfigError(f"`{path}` is not a class")
    if prefixes is not None and not names_file(path) and not f"{found.__module__}.".startswith(prefixes):
        raise ConfigError(f"`{path}` is really {found.__module__}.{found.__qualname__}, which is not accepted")
    return found


def _nearest_module(path: str) -> str:
    """The nearest module name beside a module that does not exist."""
    parent_path, _, name = path.rpartition(".")
    try:
        parent = importlib.import_module(parent_path) if parent_path else None
    except ImportError:
        return ""
    beside = [m.name for m in pkgutil.iter_modules(getattr(parent, "__path__", []))]
    near = difflib.get_close_matches(name, beside, 1)
    return f"; did you mean `{parent_path}.{near[0]}`?" if near else ""


def trusted_prefixes(untrusted: bool, trust: Sequence[str] = ()) -> tuple[str, ...] | None:
    """What ``import_class`` gets: None (anything goes), or ``TRUSTED`` and the packages, files and commands given."""
    if isinstance(trust, str):
        trust = (trust,)
    # "my_package" must not trust my_package_evil; "my_oracle.py" is a file
    package = re.compile(r"\w+(\.\w+)*(?<!\.py)")
    return (*TRUSTED, *(f"{p}." if package.fullmatch(p) else p for p in trust)) if untrusted else None


def trusted(code: Any, prefixes: Sequence[str]) -> bool:
    """Whether code that an untrusted config names is among what was trusted.

    Args:
        code: a dotted path (trusted by its package or module), ``file.py:name`` (by its file), or a command, as text or
            list (by the whole command alone: what follows a program decides what it does).
        prefixes: of ``trusted_prefixes``.
    """
    if names_file(code):
        return any(p.endswith(".py") and local(p) == local(split(code)[0]) for p in prefixes)
    if isinstance(code, str) and re.fullmatch(r"\w+(\.\w+)+", code):
        return code.startswith(tuple(p for p in prefixes if p.endswith(".")))
    return _words(code) in [_words(p.removesuffix(".")) for p in prefixes if p not in TRUSTED]


def trust_word(code: Any) -> str:
    """What must be trusted so that ``trusted`` holds for a dotted path, ``file.py:name`` or a command."""
    if names_file(code) or (isinstance(code, str) and re.fullmatch(r"\w+(\.\w+)+", code)):
        return split(code)[0]
    return code if isinstance(code, str) else shlex.join(map(str, code))


def trust_option(code: Any) -> str:
    """``trust_word`` as it is typed."""
    return f"--trust {shlex.quote(trust_word(code))}"


def _words(command: Any) -> list[str]:
    if not isinstance(command, str):
        return [str(word) for word in command] if isinstance(command, Sequence) else []
    try:
        return shlex.split(command)
    except ValueError:
        return [command]


def parameters(cls: type) -> dict[str, Parameter]:
    """Constructor parameters of ``cls`` in order, with annotations resolved.

    Raises:
        TypeError: an annotation cannot be resolved at run time, or the signature cannot be read.
    """
    try:
        signature = inspect.signature(cls)
        # the annotations of an inherited dataclass field belong to the module of the class that declares it
        owner = next(c for c in cls.__mro__ if "__init__" in vars(c))
        written = "__dataclass_params__" not in vars(owner) or not vars(owner)["__dataclass_params__"].init
        hints = typing.get_type_hints(cls.__init__ if written else owner, include_extras=True)
    except (ValueError, NameError, TypeError, AttributeError) as error:
        raise TypeError(f"the constructor of `{cls.__name__}` cannot be read: {error}") from None
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {
        name: Parameter(name, hints.get(name, Any), p.default)
        for name, p in signature.parameters.items()
        if p.kind in named
    }


def show(value: Any) -> str:
    """``value`` as Python writes it, cut to 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def type_text(annotation: Any) -> str:
    """An annotation as a person writes it: ``int, at least 1``, ``'free' or 'full'``, ``list of Part``."""
    origin, inside = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        limits = [t for m in inside[1:] for t in _limits(m)]
        return ", ".join([type_text(inside[0]), *limits])
    if origin is Literal:
        return " or ".join(repr(v) for v in inside)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(type_text(a) for a in inside))
    if annotation is None or annotation is type(None):
        return "null"
    if origin is not None and isinstance(origin, type) and inside:
        items = [type_text(a) for a in inside if a is not Ellipsis]
        if issubclass(origin, Mapping):
            return f"mapping of {items[0]} to {items[1]}"
        fixed = origin is tuple and Ellipsis not in inside
        return f"list of {f'{len(items)}: ' + ', '.join(items) if fixed else items[0]}"
    if annotation is Any:  # a class to isinstance in Python 3.11 and later
        return "anything"
    if isinstance(annotation, type):
        return {"str": "text", "float": "number", "bool": "true or false"}.get(annotation.__name__, annotation.__name__)
    return str(annotation).replace("typing.", "")


def _limits(metadata: Any) -> list[str]:
    """The constraints in one piece of ``Annotated`` metadata (a pydantic Field, or one of annotated_types)."""
    words = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most", "multiple_of": "a multiple of"}
    lengths = {"min_length": "at least {} long", "max_length": "at most {} long", "pattern": "matching {}"}
    out = []
    for part in getattr(metadata, "metadata", [metadata]):
        out += [f"{word} {getattr(part, key):g}" for key, word in words.items() if hasattr(part, key)]
        out += [
            word.format(getattr(part, key)) for key, word in lengths.items() if getattr(part, key, None) is not None
        ]
    return out
