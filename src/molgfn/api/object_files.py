"""Files of sampled objects: .smi, .sdf, .csv and .parquet, each written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from molgfn.errors import ConfigError

MOLECULES_ONLY = (".smi", ".sdf")
SUFFIXES = (*MOLECULES_ONLY, ".csv", ".parquet")


def require_writable(path: Path, domain: str | None = None) -> None:
    """Refuse a place or a format that cannot work, before any time is spent.

    Args:
        path: the file to be.
        domain: what the objects are, once known.

    Raises:
        ConfigError: saying what would be right.
    """
    if path.suffix not in SUFFIXES:
        raise ConfigError(f"{path}: cannot write `{path.suffix or path.name}`; the name should end in {_or(SUFFIXES)}")
    if domain is not None and domain != "molecule" and path.suffix in MOLECULES_ONLY:
        raise ConfigError(f"{path}: `{path.suffix}` holds molecules, but this run makes {domain} objects; use .csv")
    if path.is_dir():
        raise ConfigError(f"{path}: is a folder; give the name of a file")
    require_folder(path.parent, path)


def require_folder(folder: Path, wanted: Path) -> None:
    """Refuse a folder in which nothing can be written."""
    if not folder.is_dir():
        raise ConfigError(f"{wanted}: there is no folder {folder}; make it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"{wanted}: no permission to write in {folder}")


def write_objects(
    objects: list[Any], path: Path, domain: str, columns: Mapping[str, Sequence[Any]] | None = None
) -> None:
    """Write molecules (``chemistry.Molecule``, valid ones) strings or grid positions, one a line or row.

    Columns are ``smiles``, ``string``, or ``x0``, ``x1``, ... for positions; .sdf has 2D coordinates.

    Args:
        objects: N of them.
        path: the file to be.
        domain: what they are.
        columns: name -> N cells (numbers, texts, or None and NaN for nothing) beside the objects: further columns of a
            table, tags of an .sdf. Not for .smi, which has no room.
    """
    columns = columns or {}
    if columns and path.suffix == ".smi":
        raise ConfigError(f"{path}: a .smi holds nothing but SMILES; use .csv, .parquet or .sdf")
    write: dict[str, Callable[[Path], None]] = {
        ".smi": lambda p: _write_smiles(objects, p),
        ".sdf": lambda p: write_sdf([m.mol for m in objects], [m.smiles for m in objects], p, columns),
        ".csv": lambda p: _table(objects, domain, columns).to_csv(p, index=False),
        ".parquet": lambda p: _table(objects, domain, columns).to_parquet(p, index=False),
    }
    whole(path, write[path.suffix])


def whole(path: Path, write: Callable[[Path], None]) -> None:
    """``write`` to a place beside ``path``, and move it there when all is written."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".molgfn-") as folder:
        part = Path(folder) / path.name
        write(part)
        os.replace(part, path)


def _table(objects: list[Any], domain: str, columns: Mapping[str, Sequence[Any]]) -> Any:
    import pandas as pd

    return pd.DataFrame({**object_columns(objects, domain), **columns})


def object_columns(objects: Sequence[Any], domain: str) -> dict[str, list[Any]]:
    """The objects as columns of a table: ``smiles``, ``string``, or ``x0``, ``x1``, ... for positions."""
    if domain == "molecule":
        return {"smiles": [m.smiles for m in objects]}
    if domain == "string":
        return {"string": list(objects)}
    return {f"x{i}": [int(position[i]) for position in objects] for i in range(len(objects[0]) if objects else 0)}


def _write_smiles(objects: list[Any], path: Path) -> None:
    path.write_text("".join(f"{molecule.smiles}\n" for molecule in objects), encoding="utf-8")


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


def _or(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
