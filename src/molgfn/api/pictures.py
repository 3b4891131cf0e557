"""Pictures of molecules in a notebook."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from molgfn.chemistry.drawing import grid_png
from molgfn.chemistry.molecules import Molecule
from molgfn.errors import ConfigError, DataError
from molgfn.paths import local


@dataclass(frozen=True)
class Picture:
    """A picture that a notebook shows where it is the last value of a cell.

    Attributes:
        png: the bytes of a PNG file.
    """

    png: bytes = field(repr=False)

    def save(self, path: str | Path) -> Path:
        """Write it to ``path``, which should end in .png; returns the absolute path."""
        place = local(path)
        place.write_bytes(self.png)
        return place

    def _repr_png_(self) -> bytes:
        return self.png

    @property
    def html(self) -> str:
        """The picture within a page."""
        return f'<img alt="objects" src="data:image/png;base64,{base64.b64encode(self.png).decode()}">'


def draw(molecules: Sequence[Any], captions: Sequence[str] = (), *, columns: int = 5) -> Picture:
    """Molecules in rows.

    Args:
        molecules: at least one: SMILES, ``chemistry.Molecule`` or RDKit molecules.
        captions: one text for each molecule, or none at all.
        columns: molecules in a row.

    Raises:
        DataError: one of them is no molecule.
        ConfigError: no molecule, or another number of captions than of molecules.
    """
    things = [molecules] if isinstance(molecules, str) else list(molecules)
    mols = [_mol(thing, number) for number, thing in enumerate(things, start=1)]
    try:
        return Picture(grid_png(mols, list(captions), columns=columns))
    except ValueError as error:
        raise ConfigError(f"draw: {error}") from None


def _mol(thing: Any, number: int) -> Any:
    molecule = Molecule.from_smiles(thing) if isinstance(thing, str) else thing
    if not isinstance(molecule, Molecule):
        return molecule
    if molecule.mol is None:
        raise DataError(f"molecule {number}: {molecule.problem}")
    return molecule.mol
