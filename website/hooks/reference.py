"""Pages of the API, one for each room of the package that people write code against, from the docstrings."""

from __future__ import annotations

from typing import Any

import repository

#: page -> (title, what it is, modules and packages whose public names it has)
ROOMS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "objectives": (
        "Objectives",
        "Losses, and what trains P_B; `molgfn describe objective=NAME` says the same on the command line.",
        (
            *("objectives.base", "objectives.regression", "objectives.balance", "objectives.policy_gradients"),
            *("objectives.soft_q", "objectives.divergences", "objectives.combined", "objectives.backward"),
        ),
    ),
    "quantities": (
        "Quantities",
        "What an objective reads about a batch.",
        ("trajectories.evaluated", "trajectories.quantities"),
    ),
    "environments": (
        "Environments",
        "States, steps and finished objects.",
        (
            *("environments.base", "environments.hypergrid", "environments.strings", "environments.dag"),
            *("environments.fragments", "environments.atoms", "environments.tokens"),
        ),
    ),
    "conditions": ("Conditions", "What objects are built for.", ("conditions",)),
    "oracles": ("Oracles", "Properties of finished objects.", ("oracles",)),
    "rewards": ("Rewards", "Measurements and condition to log R.", ("rewards",)),
    "policies": ("Policies", "P_F, P_B, log F and log Z.", ("policies",)),
    "sources": (
        "Sources",
        "Where the trajectories of a batch come from.",
        ("trajectories.batch", "trajectories.sources"),
    ),
    "metrics": ("Metrics", "What is measured about a run.", ("evaluation.metrics",)),
    "testing": ("Contract tests", "Whether a class keeps its promises.", ("testing",)),
}
PACKAGE = repository.ROOT / "src" / "molgfn"


def modules(name: str) -> list[str]:
    """Dotted names of the public modules of a package, or of the module itself."""
    path = PACKAGE.joinpath(*name.split("."))
    if path.with_suffix(".py").is_file():
        return [f"molgfn.{name}"]
    found = [p.relative_to(PACKAGE.parent).with_suffix("") for p in sorted(path.rglob("*.py"))]
    return [".".join(p.parts) for p in found if not any(part.startswith("_") for part in p.parts)]


def functions() -> list[str]:
    """Where the names of ``molgfn`` itself are, in order of their names."""
    import molgfn

    places = vars(molgfn)["_PLACES"]
    return [f"{places[name]}.{name}" for name in sorted(places, key=lambda n: (n[0].isupper(), n))]


def pages() -> dict[str, str]:
    """Address -> markdown."""
    made = {
        "reference/index.md": "# molgfn\n\nWhat `import molgfn` has; [the page about Python](../python.md) shows it at "
        "work.\n\n" + "\n\n".join(f"::: {name}" for name in functions()) + "\n"
    }
    for page, (title, about, rooms) in ROOMS.items():
        names = dict.fromkeys(name for room in rooms for name in modules(room))
        made[f"reference/{page}.md"] = f"# {title}\n\n{about}\n\n" + "\n\n".join(f"::: {name}" for name in names) + "\n"
    return made


def navigation() -> dict[str, Any]:
    """The section of the API."""
    return {"API reference": ["reference/index.md", *(f"reference/{page}.md" for page in ROOMS)]}
