"""``docs/objectives.md``: tables of what can be combined, written from what the components declare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from molgfn.cli.describing import declared
from molgfn.cli.describing.one_line import first_paragraph
from molgfn.compatibility import misplaced
from molgfn.config import build
from molgfn.environments.base import Environment
from molgfn.objectives.backward.base import BackwardPolicyTraining, mismatch
from molgfn.objectives.base import Objective, TargetNetwork
from molgfn.objectives.declarations import read_quantities
from molgfn.trajectories.mixture import Sources

HEAD = """\
# Objectives and backward policies

Written by `molgfn describe --markdown` from what the classes declare; a test keeps it so. `molgfn describe
objective=NAME` says more about each: its loss, its parameters, the authors' settings. Every objective goes with every
backward policy, target network and way to draw data, but where a table says otherwise; what does not fit is refused
before the first step, with the reason.

## Objectives

*Trajectories*: an objective that takes any policy's learns from replay, exploration and local search as well as from
P_F's own. *Reads*: the quantities that it reads beside log P_F and log R ([below](#what-objectives-read)).
*Environments*: those that are shipped and fit.
"""
CONDITIONS = """
## Under a condition

A condition is part of every state, so P_F, P_B, log F, critics and log Z(c) all read it, and every objective learns all
conditions at once. Trajectories have the same target only within one condition. So objectives that *compare* those of
a batch take baselines, means and weights within each condition, over all processes of a run: {compare}, and `vpg` with
`objective.center=true` or `objective.advantage=leave_one_out`. They need `condition.per_condition`, how many
neighbouring trajectories of a batch are drawn under the same condition, to be at least 2, better 4 to 16, and are
refused before the first step otherwise, unless the condition is one fixed value. The others do best with 1, more
conditions in a batch.

P_B by a guide ({guided}) learns from other objects that are built under the very same condition, and is refused where
no condition comes twice.
"""
BACKWARD = """
## Backward policies

*Trained on*: where its own loss takes trajectories from. *Data*: what the run may draw its batches from.
"""
MEANS = """
## Off-policy means

Each goes with every objective that takes any policy's trajectories, alone or as one of several sources of a batch
([experiments.md](experiments.md#where-a-batch-comes-from)). Objectives that take the present P_F's only refuse them:
{present}. So do these backward policies: {strict}.
"""
TARGETS = """
## Target networks

For objectives that read a flow or a value of a next state and take any policy's trajectories: {bootstraps}. The others
refuse one.
"""
READS = """
## What objectives read

Each is a class below `molgfn.trajectories.quantities`; [a new one](extending/quantity.md) is a file of its own.
[B, T] are trajectories and steps, padded on the right.
"""


def markdown(configs: Path) -> str:
    """The whole page, from the groups in the folder ``configs``."""
    objectives = _members(configs / "objective", Objective)
    backwards = _members(configs / "backward", BackwardPolicyTraining, counts_paths=True)
    uncounted = _members(configs / "backward", BackwardPolicyTraining, counts_paths=False)
    environments = _members(configs / "environment", Environment)
    sources = _members(configs / "data", Sources)
    targets = _members(configs / "target", TargetNetwork)
    present = [name for name, o in objectives.items() if o.on_policy]
    means = MEANS.format(
        present=_names(present),
        strict=_names(n for n, b in backwards.items() if b.on_policy),
    )
    parts = [
        HEAD,
        table([_objective(n, o, environments) for n, o in objectives.items()]),
        CONDITIONS.format(
            compare=_names(n for n, o in objectives.items() if o.compares),
            guided=_names(n for n, b in backwards.items() if b.guide is not None),
        ),
        BACKWARD,
        table([_backward(n, b, uncounted[n], objectives) for n, b in backwards.items()]),
        means,
        table([_source(n, s, configs / "data" / f"{n}.yaml") for n, s in sources.items() if s.off_policy_reasons]),
        TARGETS.format(bootstraps=_names(n for n, o in objectives.items() if not o.on_policy and o.bootstraps)),
        table([{"target": f"`{n}`", "the copy": declared.follows(t)} for n, t in targets.items()]),
        READS,
        table(_quantities(objectives)),
    ]
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def _members(folder: Path, base: type, **live: Any) -> dict[str, Any]:
    """The shipped components of one group by name, built from their files and what a run gives."""
    out = {}
    for path in sorted(folder.glob("*.yaml")):
        component = build(yaml.safe_load(path.read_text(encoding="utf-8")), base, folder.name, live=live)
        out[path.stem] = component
    return out


def _objective(name: str, o: Objective, environments: dict[str, Environment]) -> dict[str, str]:
    fits = [n for n, environment in environments.items() if not misplaced(o, environment)]
    return {
        "objective": f"`{name}`",
        "class": type(o).__name__,
        "trajectories": "present P_F" if o.on_policy else "any policy",
        "reads": _names(quantity.name for quantity in o.quantities),
        "gradient to": declared.gradient_to(o),
        "steps per batch": declared.iteration(o.phases()),
        "target network": declared.follows(o.target) if o.target else "optional" if _may_have_target(o) else "no",
        "environments": "all" if len(fits) == len(environments) else ", ".join(fits) or "none shipped",
        "reference": o.reference,
    }


def _may_have_target(o: Objective) -> bool:
    return o.bootstraps and not o.on_policy


def _backward(
    name: str, b: BackwardPolicyTraining, uncounted: BackwardPolicyTraining, objectives: dict[str, Objective]
) -> dict[str, str]:
    """A row; ``b`` is as where the environment counts its paths, ``uncounted`` as where it does not."""
    takes = [n for n, o in objectives.items() if mismatch(o, b) is None]
    return {
        "backward": f"`{name}`",
        "class": type(b).__name__,
        "trained by": _trained_by(b, uncounted),
        "trained on": declared.trained_on(b) or "-",
        "steps per batch": declared.its_steps(b) or "-",
        "data": "on-policy" if b.on_policy else "any",
        "objectives": _few(takes, list(objectives)),
        "reference": b.reference,
    }


def _trained_by(b: BackwardPolicyTraining, uncounted: BackwardPolicyTraining) -> str:
    """Who trains P_B; where that depends on the environment, both."""
    texts = []
    for here in (b, uncounted):
        towards = f", towards a {type(b.guide).__name__}" if b.guide else ""
        texts.append(f"{declared.trained_by(here)}{towards}" if here.learned else f"nothing ({b.fixed})")
    first, second = texts
    return first if first == second else f"{first} where the environment counts its paths, else {second}"


def _source(name: str, s: Sources, path: Path) -> dict[str, str]:
    comment = (
        path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ").removesuffix(" Not for on-policy objectives.")
    )
    return {"data": f"`{name}`", "what it does": comment, "why it is off-policy": "; ".join(s.off_policy_reasons)}


def _quantities(objectives: dict[str, Objective]) -> list[dict[str, str]]:
    """What each quantity that a shipped objective reads is."""
    listed = {quantity for o in objectives.values() for quantity in read_quantities(o)}
    return [
        {
            "name": f"`{quantity.name}`",
            "class": quantity.__name__,
            "what it is": first_paragraph(quantity).replace("``", "`"),
        }
        for quantity in sorted(listed, key=lambda quantity: quantity.name)
    ]


def _few(some: list[str], of: list[str]) -> str:
    """The shorter way to say which: by what is there, or by what is not."""
    lacking = [name for name in of if name not in some]
    if not lacking:
        return "all"
    return _names(some) if len(some) <= len(lacking) else f"all but {_names(lacking)}"


def _names(names: Any) -> str:
    return ", ".join(f"`{n}`" for n in names) or "none"


def table(rows: list[dict[str, str]]) -> str:
    """A Markdown table; the keys of the first row are its head."""
    head = list(rows[0])
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    lines += ["| " + " | ".join(row[k].replace("|", "\\|") for k in head) + " |" for row in rows]
    return "\n".join(lines)
