"""Structure files written: molecules with their names and tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def cell(value: Any) -> str:
    """A cell as the text of an SD tag, "" for nothing: numbers with ten digits, no line that would end the tag."""
    if value is None or value != value:
        return ""
    if not isinstance(value, str):
        return f"{value:.10g}" if isinstance(value, int | float) else str(value)
    lines = [line for line in value.splitlines() if line.strip()]
    return "\n".join(f" {line}" if line.startswith(("$$$$", ">")) else line for line in lines)


def write_sdf(mols: Sequence[Any], names: Sequence[str], path: Path, columns: Mapping[str, Sequence[Any]]) -> None:
    """N molecules with their names and tags; those without coordinates get 2D ones."""
    from rdkit import Chem
    from rdkit.Chem import rdDepictor

    with Chem.SDWriter(str(path)) as writer:
        for row, (given, name) in enumerate(zip(mols, names, strict=True)):
            mol = Chem.Mol(given)
            for own in mol.GetPropNames():  # those of the file that it comes from are among the columns
                mol.ClearProp(own)
            if not mol.GetNumConformers():
                rdDepictor.Compute2DCoords(mol)
            mol.SetProp("_Name", name)
            for column, cells in columns.items():
                if text := cell(cells[row]):
                    mol.SetProp(column, text)
            writer.write(mol)
