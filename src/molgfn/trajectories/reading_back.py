"""Molecules back into the states of an environment that builds them, in several processes where asked for."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from molgfn.chemistry.molecules import Molecule
from molgfn.datasets.processes import in_order
from molgfn.environments.base import Environment
from molgfn.errors import DataError, OutsideError

#: molecules that a worker gets at once, and after which progress is told
PORTION = 100

#: of a worker process: set once, so that it does not travel with every portion
_environment: Environment | None = None


def read_back(
    environment: Environment,
    molecules: Sequence[Molecule],
    *,
    jobs: int = 1,
    progress: Callable[[int], None] | None = None,
) -> tuple[list[str | None], Any]:
    """A terminal state of each molecule that the environment can build, on the CPU.

    Args:
        environment: builds molecules; it must be picklable for more than one job.
        molecules: valid ones.
        jobs: worker processes; they start afresh, so a script needs ``if __name__ == "__main__"``.
        progress: told how many are done, after each portion.

    Returns:
        For each molecule None where it can be built, else why not (``OutsideError.reason``, or "" where the environment
        names none); and one batch of the states of those that can, None without any.
    """
    portions = [molecules[i : i + PORTION] for i in range(0, len(molecules), PORTION)]
    problems: list[str | None] = []
    batches: list[Any] = []
    for which, states in _found(environment, portions, min(jobs, len(portions))):
        problems += which
        if states is not None:
            batches.append(states)
        if progress is not None:
            progress(len(problems))
    return problems, type(batches[0]).cat(batches) if batches else None


def _found(
    environment: Environment, portions: list[Sequence[Molecule]], jobs: int
) -> Iterator[tuple[list[str | None], Any]]:
    if jobs <= 1:
        for portion in portions:
            yield _states(environment, portion)
        return
    start = partial(_start, pickle.dumps(environment))
    for _, states in in_order(_work, portions, jobs=jobs, initializer=start):
        yield pickle.loads(states)


def _states(environment: Environment, molecules: Sequence[Molecule]) -> tuple[list[str | None], Any]:
    problems: list[str | None] = []
    found = []
    for molecule in molecules:
        try:
            found.append(environment.states_of([molecule]))
        except OutsideError as error:
            problems.append(error.reason)
        except DataError:
            problems.append("")
        else:
            problems.append(None)
    return problems, type(found[0]).cat(found) if found else None


def _start(environment: bytes) -> None:
    global _environment
    import torch

    torch.set_num_threads(1)  # the workers share the cores among themselves
    _environment = pickle.loads(environment)


def _work(molecules: Sequence[Molecule]) -> bytes:
    """As bytes: tensors that a process hands over as they are travel as shared memory, a file handle each."""
    if _environment is None:
        raise RuntimeError("the worker process was not started by read_back")
    return pickle.dumps(_states(_environment, molecules))
