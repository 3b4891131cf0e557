"""Which molecules of a file an environment can build, and why it cannot build the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.reading.identity import flat_smiles
from molgfn.chemistry.standardise import Standardisation
from molgfn.composing.compose import checked
from molgfn.composing.places import shipped
from molgfn.config import ROOT
from molgfn.datasets.reading import ReadingReport, iter_molecules, unfit
from molgfn.environments.base import Environment
from molgfn.errors import ConfigError, DataError
from molgfn.runs.environment import run_environment
from molgfn.trajectories.reading_back import read_back

#: of a salt the largest part counts; a molecule that is there twice counts twice
STANDARD = Standardisation(duplicates="keep")
_PORTION = 1000
_OUTSIDE = "no way to build it"


@dataclass(frozen=True)
class Outside:
    """A molecule that the environment cannot build.

    Attributes:
        line: of the file, from 1.
        smiles: canonical.
        reason: in a few words.
    """

    line: int
    smiles: str
    reason: str


@dataclass
class Coverage:
    """How many molecules of a file an environment builds.

    Attributes:
        report: of the reading; ``kept`` are those that could be read.
        built: number of those that the environment builds.
        flattened: number of those of ``built`` whose stereo marks are lost.
        outside: reason -> the others, as a report counts them.
        molecules: the others one by one, where they were asked for.
    """

    report: ReadingReport
    built: int = 0
    flattened: int = 0
    outside: ReadingReport = field(default_factory=lambda: ReadingReport(""))
    molecules: list[Outside] = field(default_factory=list, repr=False)

    @property
    def share(self) -> float:
        """Of the molecules that could be read; 0 where there is none."""
        return self.built / self.report.kept if self.report.kept else 0.0


def coverage(
    source: str | Path,
    *overrides: str,
    column: str | None = None,
    limit: int | None = None,
    jobs: int = 1,
    listed: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Coverage:
    """Which molecules of a file an environment builds. Each that it takes is built again and compared.

    Args:
        source: a file of molecules, or the name of a set (``molgfn data list``).
        overrides: which environment, such as "environment=atoms", "environment.max_atoms=38".
        column: of a table, that holds SMILES.
        limit: read at most this many entries.
        jobs: worker processes; with more than one, all molecules are held in memory.
        listed: keep those that are not built, each with its line and reason.
        progress: called with the number of molecules done, now and then.

    Raises:
        ConfigError: with every problem of the overrides; an environment that builds no molecules.
        DataError: the file cannot be read, or no molecule is left.
    """
    environment = chosen_environment(overrides)
    result = Coverage(ReadingReport(str(source)))
    rows = iter_molecules(source, column=column, limit=limit, standardise=STANDARD, jobs=jobs, report=result.report)
    portions = [list(rows)] if jobs > 1 else iter(lambda: list(islice(rows, _PORTION)), [])
    done = 0
    for portion in portions:
        told = None if progress is None else (lambda n, before=done: progress(before + n))
        for line, molecule, smiles, problem in _looked_at(environment, portion, jobs, told):
            if problem is None:
                result.built += 1
                result.flattened += smiles != molecule.smiles
                continue
            result.outside.drop(line, f"{problem}: {molecule.smiles[:80]}")
            if listed:
                result.molecules.append(Outside(line, molecule.smiles, problem))
        done += len(portion)
    if not result.report.kept:
        raise DataError(f"no molecule to look at; {result.report.summary()}")
    return result


def chosen_environment(overrides: Sequence[str]) -> Environment:
    """The environment of ``configs/check.yaml`` with overrides.

    Raises:
        ConfigError: with every problem that was found; an environment that builds no molecules.
    """
    # composing always leaves the key `scalarisation`
    schema = {key: ROOT[key] for key in ("environment", "scalarisation")}
    config = checked(str(shipped("configs") / "check.yaml"), overrides, schema)
    if config.get("scalarisation") is not None:
        raise ConfigError("scalarisation: is not read here; choose an environment, such as environment=fragments")
    environment = run_environment(config)
    if problem := unfit(environment.kind, "this environment"):
        raise ConfigError(f"environment: a file of molecules {problem}")
    return environment


def _looked_at(
    environment: Environment,
    portion: Sequence[tuple[int, Molecule]],
    jobs: int,
    progress: Callable[[int], None] | None,
) -> Iterator[tuple[int, Molecule, str, str | None]]:
    """(line, molecule, SMILES of what is built, why it is not or None)."""
    problems, states = read_back(environment, [m for _, m in portion], jobs=jobs, progress=progress)
    built: Iterator[Any] = iter([] if states is None else environment.objects(states))
    for (line, molecule), problem in zip(portion, problems, strict=True):
        smiles = ""
        if problem is None:
            smiles = next(built).smiles
            if molecule.mol is None or smiles not in (molecule.smiles, flat_smiles(molecule.mol)):
                problem = "builds another molecule"
        yield line, molecule, smiles, (problem if problem is None else problem or _OUTSIDE)
