"""Whether AiZynthFinder finds a route to each molecule: SMILES a line in, 1 or 0 a line out.

Runs in the environment of AiZynthFinder, which asks for an older RDKit than molgfn does, so it imports nothing of
molgfn. README.md says how molgfn asks it. Written for AiZynthFinder 4.4.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True, help="AiZynthFinder's configuration, with stocks and policies")
    parser.add_argument("--stock", nargs="+", required=True, help="names of stocks in it")
    parser.add_argument("--policy", nargs="+", required=True, help="names of expansion policies in it")
    parser.add_argument("--filter", nargs="*", default=[], help="names of filter policies in it")
    return parser.parse_args()


def finder_of(given: argparse.Namespace):
    """AiZynthFinder with what was named; a sentence and exit code 2 where that is not there."""
    if not Path(given.config).is_file():
        sys.exit(_stop(f"--config: there is no file {given.config}"))
    try:
        from aizynthfinder.aizynthfinder import AiZynthFinder  # type: ignore[import-not-found]
    except ImportError as error:
        sys.exit(_stop(f"{sys.executable} has no aizynthfinder ({error}): pip install aizynthfinder, on its own"))
    finder = AiZynthFinder(configfile=given.config)
    for part, names in (("stock", given.stock), ("expansion_policy", given.policy), ("filter_policy", given.filter)):
        collection = getattr(finder, part)
        if missing := sorted(set(names) - set(collection.items)):
            there = ", ".join(collection.items) or "none"
            sys.exit(_stop(f"{given.config} has no {part} {', '.join(missing)}; it has {there}"))
        if names:
            collection.select(names)
    return finder


def _stop(problem: str) -> int:
    print(problem, file=sys.stderr)
    return 2


def solved(finder, smiles: str) -> float:
    """1 where all leaves of one of the routes are in stock, else 0; nan of what it cannot start from."""
    finder.target_smiles = smiles
    try:
        finder.prepare_tree()
    except ValueError:
        return float("nan")
    finder.tree_search()
    finder.build_routes()
    return float(any(tree.is_solved for tree in finder.routes.reaction_trees))


def main() -> None:
    """One answer for each line, as soon as it is there."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the package prints goes to standard error
    finder = finder_of(arguments())
    for line in sys.stdin:
        print(f"{solved(finder, line.strip()):g}", file=answers, flush=True)


if __name__ == "__main__":
    main()
