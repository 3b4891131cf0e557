"""Molecules per second of every oracle on one core: python benchmarks/oracles.py [--molecules 1000] [--only qed sa] ...

Every config of configs/oracle that scores molecules is built and asked about drug-like molecules that rdkit carries;
what cannot be built here (an extra or a file is absent) or does not score molecules is listed with the reason; files
that were fetched before are used, and none is fetched. The molecules are parsed anew before each timing, because rdkit
remembers properties on a molecule; parsing itself is the line ``(parse)``. A first call with a few molecules loads what
the oracle loads once and says how many molecules fit into ``--seconds``: slow oracles get fewer. The oracles take
turns, and the best round counts, because other work on the machine slows a round down but never speeds it up. Times
are of the process; where the wall clock says more than twice as much (worker processes), it says so.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pooch
import rdkit
import torch
import yaml
from rdkit.Chem import QED as RDKitQED
from rich.console import Console
from rich.table import Table

from molgfn.chemistry.molecules import Molecule, parse
from molgfn.composing.places import shipped
from molgfn.config import build
from molgfn.errors import MolgfnError
from molgfn.objects.molecule import MOLECULE
from molgfn.oracles.base import Oracle
from molgfn.rewards.power import Power
from molgfn.rewards.readings import Readings
from molgfn.rewards.scalarisation import Scalarisation
from molgfn.serving.settings import Scoring

#: what a config needs to be told
SETTINGS: dict[str, dict[str, Any]] = {
    "table": {"values": {"C": 1.0}},
    "similarity": {"smiles": "CC(=O)Oc1ccccc1C(=O)O"},
    "substructure": {"smarts": ["C(=O)[OH]", "[NH2]"]},
    "function": {"function": f"{__name__}.lengths"},
}
#: molecules of the first call
FIRST = 4

Job = Callable[[list[Molecule]], object]


@dataclass
class Timing:
    """Best time of ``molecules`` molecules, in seconds of the process and of the clock."""

    molecules: int
    process: float = float("inf")
    wall: float = float("inf")

    def measure(self, job: Job, molecules: list[Molecule]) -> None:
        process, wall = time.process_time(), time.perf_counter()
        job(molecules)
        self.process = min(self.process, time.process_time() - process)
        self.wall = min(self.wall, time.perf_counter() - wall)


def wehi(n: int) -> list[str]:
    """SMILES of ``n`` of the 9,999 drug-like molecules that rdkit carries, evenly taken."""
    path = Path(rdkit.__file__).parent / "Data" / "Pains" / "test_data" / "wehi_mols.csv"
    with path.open() as file:
        smiles = [row[0] for row in csv.reader(file)]
    return smiles[:: max(1, len(smiles) // n)][:n]


@contextmanager
def nothing_fetched() -> Iterator[None]:
    """Files that are here are found as always; a download becomes an error that says so."""
    retrieve = pooch.retrieve

    def found(url: str, known_hash: Any, fname: str, path: Any, **others: Any) -> Any:
        if not Path(path, fname).is_file():
            raise OSError("it is not here, and a benchmark fetches nothing")
        return retrieve(url, known_hash, fname=fname, path=path, **others)

    with patch.object(pooch, "retrieve", found):
        yield


def lengths(smiles: Sequence[str]) -> list[float]:
    """What ``oracle=function`` asks here: a function that costs nothing."""
    return [float(len(s)) for s in smiles]


def readings(of: Scalarisation) -> Job:
    """What is made of several oracles, measured anew each time."""
    ask = Readings(oracle=of, scoring=Scoring(cache_size=0))
    return lambda molecules: ask(molecules, [m.smiles for m in molecules])


def jobs(only: Sequence[str] | None) -> tuple[dict[str, Job], dict[str, str]]:
    """(Name -> what is timed, name -> why it is not.)"""
    done: dict[str, Job] = {}
    unfit: dict[str, str] = {}
    for path in sorted(Path(shipped("configs"), "oracle").glob("*.yaml")):
        if only and path.stem not in only:
            continue
        text = path.read_text(encoding="utf-8")
        if "${environment." in text:
            unfit[path.stem] = "takes its size from the environment, scores no molecules"
            continue
        try:
            node = {**yaml.safe_load(text), **SETTINGS.get(path.stem, {})}
            oracle = build(node, (Oracle, Scalarisation), "oracle")
        except MolgfnError as error:
            unfit[path.stem] = str(error)
            continue
        if oracle.kind is not MOLECULE:
            unfit[path.stem] = f"measures {oracle.kind.plural}"
            continue
        done[path.stem] = oracle.values if isinstance(oracle, Oracle) else readings(oracle)
        if path.stem == "qed":
            done["(rdkit's own qed)"] = lambda molecules: [RDKitQED.qed(m.mol) for m in molecules]
        if path.stem == "qed_sa":
            done["(qed_sa as a power reward)"] = lambda molecules, o=oracle: Power(oracle=o)(
                molecules, [m.smiles for m in molecules]
            )
            reward = Power(oracle=oracle)
            done["(the same, remembered)"] = lambda molecules, r=reward: r(molecules, [m.smiles for m in molecules])
    return done, unfit


def measure(
    n: int, rounds: int, seconds: float, only: Sequence[str] | None
) -> tuple[dict[str, Timing], dict[str, str]]:
    """(Name -> best time, name -> why there is none.)"""
    with nothing_fetched():
        return _measure(wehi(n), rounds, seconds, *jobs(only))


def _measure(
    smiles: list[str], rounds: int, seconds: float, found: dict[str, Job], unfit: dict[str, str]
) -> tuple[dict[str, Timing], dict[str, str]]:
    torch.set_num_threads(1)
    timings: dict[str, Timing] = {}
    for name, job in found.items():
        first = Timing(min(FIRST, len(smiles)))
        try:
            for _ in range(2):  # the first loads, the second says how long it takes
                first.measure(job, parse(smiles[: first.molecules]))
        except Exception as error:  # an oracle whose data or program is absent may say so at its first call only
            unfit[name] = f"{type(error).__name__}: {error}"
            continue
        fit = int(seconds / max(first.wall, 1e-9) * first.molecules)
        timings[name] = Timing(max(1, min(len(smiles), fit)))
    if "(the same, remembered)" in timings:
        found["(the same, remembered)"](parse(smiles))
    timings["(parse)"] = Timing(len(smiles))
    held: list[list[Molecule]] = []
    for _ in range(rounds):
        for name, timing in timings.items():
            molecules = parse(smiles[: timing.molecules]) if name in found else []
            held.append(molecules)  # so that freeing the ones before does not fall into this timing
            timing.measure(found.get(name, lambda _: held.append(parse(smiles))), molecules)
        held.clear()
    return timings, unfit


def report(timings: dict[str, Timing], unfit: dict[str, str], console: Console) -> None:
    table = Table("", "molecules/s", "us each", "of", "wall clock, us each", title="oracles, one thread")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, t in timings.items():
        wall = f"{1e6 * t.wall / t.molecules:,.1f}" if t.wall > 2 * t.process else ""
        each = t.process / t.molecules
        table.add_row(name, f"{1 / each:,.0f}", f"{1e6 * each:,.1f}", f"{t.molecules:,}", wall)
    console.print(table)
    for name, reason in unfit.items():
        console.print(f"not measured: {name}: {reason}", markup=False)
    console.print(f"load of the machine over the last 5 minutes: {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--molecules", type=int, default=1000, help="at most so many for each oracle")
    parser.add_argument("--rounds", type=int, default=3, help="turns, of which the best counts")
    parser.add_argument("--seconds", type=float, default=5.0, help="at most about so long for an oracle and a round")
    parser.add_argument("--only", nargs="+", default=None, help="names of configs; default: all")
    arguments = parser.parse_args()
    timings, unfit = measure(arguments.molecules, arguments.rounds, arguments.seconds, arguments.only)
    report(timings, unfit, Console(width=150))


if __name__ == "__main__":
    main()
