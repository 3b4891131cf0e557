"""Leads as states of the environment, each with the reason where it is none."""

from __future__ import annotations

from collections.abc import Sequence

from molgfn.chemistry.molecules import Molecule, parse
from molgfn.editing.candidates import Candidate, Lead
from molgfn.editing.likeness import Kept
from molgfn.editing.nearest import nearest_buildable
from molgfn.environments.base import Environment
from molgfn.errors import ConfigError, DataError, OutsideError
from molgfn.objects.molecule import MOLECULE
from molgfn.objects.string import STRING


def require_editable(environment: Environment) -> None:
    """Refuse an environment whose objects cannot be given as text, before anything is read.

    Raises:
        ConfigError: saying which can.
    """
    if environment.kind is not MOLECULE and environment.kind is not STRING:
        raise ConfigError(f"edit: molecules and strings can be edited, but this run builds {environment.kind.plural}")


def read_leads(
    environment: Environment, given: Sequence[str], *, kept: Kept | None = None, take_nearest: bool = False
) -> list[Lead]:
    """One lead for each text, in order, whatever it is.

    Args:
        environment: (under a condition, where there is one) that they are edited in.
        given: SMILES, or strings.
        kept: what a lead must contain to be edited.
        take_nearest: edit the nearest molecule that can be built where the lead cannot.
    """
    if environment.kind is MOLECULE:
        pairs = zip(given, parse(list(given)), strict=True)
        return [
            _molecule(environment, row, text, m, kept or Kept(), take_nearest) for row, (text, m) in enumerate(pairs)
        ]
    if kept:
        raise ConfigError("keep: a scaffold or a pattern is of molecules, but this run builds strings")
    return [_string(environment, row, text) for row, text in enumerate(given)]


def _string(environment: Environment, row: int, text: str) -> Lead:
    try:
        state = environment.states_of([text])
    except DataError as error:
        return Lead(row, text, problem=_why(error))
    return Lead(row, text, Candidate(text, text, state))


def _molecule(
    environment: Environment, row: int, text: str, molecule: Molecule, kept: Kept, take_nearest: bool
) -> Lead:
    if not molecule.valid:
        return Lead(row, text, problem=molecule.problem)
    if kept.lacking(molecule):
        return Lead(row, text, problem="does not contain what should be kept")
    lead = Lead(row, text)
    try:
        state = environment.states_of([molecule])
    except DataError as error:
        lead.problem = f"cannot be built: {_why(error)}"
        nearest = nearest_buildable(environment, molecule)
        if nearest is None:
            return lead
        lead.nearest = nearest[0].smiles, nearest[1]
        if not take_nearest or kept.lacking(nearest[0]):
            return lead
        state = environment.states_of([nearest[0]])
        lead.problem = None
    # as the environment builds it: it may know no stereo
    (built,) = environment.objects(state)
    lead.candidate = Candidate(built, built.smiles, state)
    return lead


def _why(error: DataError) -> str:
    if isinstance(error, OutsideError) and error.reason:
        return error.reason
    return str(error).partition(": ")[2] or str(error)
