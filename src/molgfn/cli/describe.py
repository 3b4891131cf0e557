"""``molgfn describe``: what a component is, what it takes, and what it needs."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import click

from molgfn.errors import ConfigError


@click.command(short_help="Explain a component and its parameters.")
@click.argument("what", required=False)
@click.argument("values", nargs=-1)
@click.option(
    "--markdown",
    is_flag=True,
    help="Print tables of all objectives, backward policies and off-policy means; after `oracle` or `transform`, of "
    "those.",
)
def describe(what: str | None, values: tuple[str, ...], markdown: bool) -> None:
    """Explain a component: what it is, its parameters with types and defaults, what it needs and trains.

    WHAT is a group (`objective`: lists its members), a member (`objective=tb`), or the dotted path of a class;
    without it the groups are listed. Groups of your own are found in the current folder, and where VALUES name a
    folder (`searchpath=lab`) or an experiment file. `transform` lists the maps from a property to a desirability with
    their curves, `transform=NAME` draws one, with the VALUES of its parameters where they are given.

    \b
    Examples:
      molgfn describe
      molgfn describe objective
      molgfn describe objective=tb
      molgfn describe objective searchpath=lab
      molgfn describe transform=DoubleSigmoid low=200 high=500
      molgfn describe my_package.oracles.MyOracle
      molgfn describe --markdown > docs/objectives.md
      molgfn describe oracle --markdown      (the tables in docs/oracles.md)
      molgfn describe transform --markdown   (the table in docs/scoring.md)

    \b
    Exit codes: 0 fine, 2 no such component.
    """
    from molgfn.class_paths import did_you_mean
    from molgfn.composing.places import shipped

    configs = shipped("configs")
    if markdown:
        from molgfn.cli.describing import catalogue, curves, oracle_table

        if what not in (None, "oracle", "transform"):
            raise ConfigError(f"{what}: --markdown prints all tables; leave this out, or say `oracle` or `transform`")
        if what == "transform":
            page = curves.markdown()
        else:
            page = catalogue.markdown(configs) if what is None else oracle_table.markdown(configs)
        click.echo(page, nl=False)
        return
    if what is not None and what.partition("=")[0] == "transform":
        _transform(what, values)
        return
    if what is not None and _says_where(what):
        what, values = None, (what, *values)
    if strange := [value for value in values if not _says_where(value)]:
        raise ConfigError(f"{' '.join(strange)}: only transforms are drawn with values of their parameters")
    from molgfn.composing.members import composed_member, folders_of
    from molgfn.composing.members import groups as all_groups

    folders = folders_of(values)
    groups = all_groups(folders)
    if what is None:
        for name, members in groups.items():
            click.echo(f"{name}: {', '.join(members)}")
        from molgfn.cli.describing import curves

        click.echo(f"transform: {', '.join(curves.members())}")
        return
    group, equals, member = what.partition("=")
    if not equals and "." in what:
        click.echo(explain(what, what, frozenset()))
        return
    if group not in groups and (holding := [name for name, members in groups.items() if group in members]):
        raise ConfigError(f"{what}: is one of a group; give {' or '.join(f'{name}={group}' for name in holding)}")
    if group not in groups:
        raise ConfigError(f"{group}: there is no such group{did_you_mean(group, groups)}")
    members = groups[group]
    if not equals:
        width = max(map(len, members))
        for name, path in members.items():
            click.echo(f"{name:<{width}}  {_in_one_line(group, name, path, folders)}")
        return
    if member not in members:
        raise ConfigError(f"{group}: there is no `{member}`{did_you_mean(member, members)}")
    from molgfn.config import GROUPS, Slot

    slot = GROUPS.get(group)
    live = slot.live if isinstance(slot, Slot) else frozenset()
    node = composed_member(group, member, folders)
    click.echo(explain(node["_target_"], what, live, node))


def _says_where(word: str) -> bool:
    """It is ``searchpath=FOLDER`` or an experiment file, not a group or the value of a parameter."""
    return word.startswith("searchpath=") or word.endswith(".yaml")


def _in_one_line(group: str, name: str, path: Path, folders: list[Path]) -> str:
    """What a member is; of one's own, also where it lies."""
    from molgfn.cli.describing.one_line import one_line
    from molgfn.composing.members import composed_member
    from molgfn.composing.places import shipped

    if path.is_relative_to(shipped("configs")):
        return one_line(path)
    try:
        return f"{one_line(path, lambda: composed_member(group, name, folders))} ({path})"
    except ConfigError as error:
        return f"cannot be used: {error.problems[0]}"


def _transform(what: str, values: tuple[str, ...]) -> None:
    """The list of transforms, or one of them with its curve."""
    from molgfn.cli.describing import curves

    _, equals, name = what.partition("=")
    if not equals:
        if values:
            raise ConfigError(f"{' '.join(values)}: say which transform, such as transform=Sigmoid {values[0]}")
        click.echo(curves.listing())
        return
    curves.require_member(name)
    drawn = curves.chart(name, values)
    click.echo(f"{explain(f'molgfn.rewards.transforms.{name}', what, frozenset())}\n\n{drawn}")


def explain(path: str, title: str, live: frozenset[str], node: dict[str, Any] | None = None) -> str:
    """The class at ``path`` in words; ``node`` holds the values of its config file."""
    from molgfn.class_paths import import_class, parameters, show, type_text
    from molgfn.cli.describing.declared import declared

    cls = import_class(path)
    lines = [title, *([] if title == path else [path]), "", inspect.getdoc(cls) or "(no docstring)", ""]
    own = {name: p for name, p in parameters(cls).items() if name not in live}
    lines.append("Parameters:" if own else "No parameters.")
    width = max(map(len, own), default=0)
    for name, parameter in own.items():
        default = "required" if parameter.required else f"default {_plain(parameter.default)}"
        lines.append(f"  {name:<{width}}  {type_text(parameter.annotation)}; {default}")
        value = (node or {}).get(name, parameter.default)
        if node and name in node and not _same(value, parameter.default) and not isinstance(value, dict):
            lines[-1] += f"; here {show(value)}"
    for name, inner in (node or {}).items():
        if isinstance(inner, dict) and "_target_" in inner:
            lines += _inside(name, inner)
        elif isinstance(inner, dict):
            for key, member in inner.items():
                lines += _inside(f"{name}.{key}", member) if isinstance(member, dict) and "_target_" in member else []
    facts = declared(_instance(cls, node))
    return "\n".join([*lines, "", "Declares:", *(f"  {k}: {v}" for k, v in facts.items())] if facts else lines)


def _inside(name: str, node: dict[str, Any]) -> list[str]:
    """A component inside another, shortly."""
    from molgfn.class_paths import import_class, parameters, type_text

    cls = import_class(node["_target_"])
    lines = ["", f"{name}: {node['_target_']}", f"  {(inspect.getdoc(cls) or '').splitlines()[0]}"]
    own = parameters(cls)
    width = max(len(name) + 1 + len(k) for k in own) if own else 0
    for key, parameter in own.items():
        lines.append(f"  {f'{name}.{key}':<{width}}  {type_text(parameter.annotation)}; here {_plain(node.get(key))}")
    return lines


def _instance(cls: type, node: dict[str, Any] | None) -> Any:
    """An object where what the class declares may depend on its parameters, and they are known; else the class."""
    from molgfn.class_paths import parameters
    from molgfn.config import CLASS_KEY, build
    from molgfn.objectives.backward.base import BackwardPolicyTraining
    from molgfn.objectives.base import Objective
    from molgfn.trajectories.mixture import Sources

    kinds = (Objective, BackwardPolicyTraining, Sources)
    if not issubclass(cls, kinds) or inspect.isabstract(cls):
        return cls
    if node is None and any(p.required for p in parameters(cls).values()):
        return cls
    return build(node or {CLASS_KEY: f"{cls.__module__}.{cls.__qualname__}"}, cls, cls.__name__)


def _plain(value: Any) -> str:
    """As YAML writes it."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return repr(list(value)) if isinstance(value, tuple) else repr(value)


def _same(value: Any, default: Any) -> bool:
    return (list(default) if isinstance(default, tuple) else default) == value
