"""Molecules of a file with everything that stands beside them: columns of a table, tags and coordinates of an .sdf."""

from __future__ import annotations

import csv
import gzip
import io
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from molgfn.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from molgfn.chemistry.molecules import Molecule

TABLES, STRUCTURES = (".csv", ".tsv", ".parquet", ".pq"), (".sdf", ".sd", ".mol")


@dataclass
class MoleculeRows:
    """The rows of a file that are molecules.

    Attributes:
        molecules: R valid ones.
        table: R rows, the columns as they were given (of an .sdf its tags, "" where an entry has none).
        names: R names: of an entry of an .sdf its first line, else the SMILES.
        mols: R molecules with the coordinates of the file, where it has any.
        smiles: column of ``table`` that holds the SMILES; None where there is none.
        problems: reason -> rows that are no molecule.
    """

    molecules: list[Molecule]
    table: pd.DataFrame
    names: list[str]
    mols: list[Any]
    smiles: str | None = None
    problems: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.molecules)

    @property
    def columns(self) -> list[str]:
        return list(self.table.columns)

    def numbers(self, column: str) -> np.ndarray:
        """A column as numbers, float64 [R]; NaN where a cell holds none."""
        import numpy as np
        import pandas as pd

        series: Any = pd.to_numeric(self.table[column], errors="coerce")
        numbers = series.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isfinite(numbers), numbers, np.nan)

    def take(self, rows: Sequence[int]) -> MoleculeRows:
        """These rows, in this order."""
        return MoleculeRows(
            [self.molecules[i] for i in rows],
            self.table.iloc[list(rows)],
            [self.names[i] for i in rows],
            [self.mols[i] for i in rows],
            self.smiles,
            self.problems,
        )


def read_rows(path: Path, *, column: str | None = None) -> MoleculeRows:
    """Read a file of molecules; see ``chemistry.files.read_molecules`` for its formats and for ``column``.

    Raises:
        DataError: it cannot be read, lacks the column, or its columns cannot be told apart from its molecules.
    """
    import pandas as pd

    from molgfn.chemistry.files import iter_records

    records = list(iter_records(path, column=column))
    kind = next((s.lower() for s in reversed(path.suffixes) if s.lower() != ".gz"), "")
    blocks: list[Any] = [None] * len(records)
    smiles = None
    if kind in TABLES:
        table = _table(path, kind)
        smiles = _smiles_column(table, [r.text for r in records]) if len(table) == len(records) else None
        if smiles is None:
            raise DataError(
                f"{path}: {len(records):,} molecules and {len(table):,} rows below a header cannot be matched; it "
                "should be a table whose first line names the columns"
            )
    elif kind in STRUCTURES:
        blocks = _entries(path)
        if len(blocks) != len(records):
            raise DataError(f"{path}: has {len(records):,} entries, of which {len(blocks):,} could be told apart")
        tags = [{} if mol is None else {name: mol.GetProp(name) for name in mol.GetPropNames()} for mol in blocks]
        table = pd.DataFrame(tags, index=range(len(tags)), dtype=object).fillna("")
    else:
        table = pd.DataFrame(index=range(len(records)))
    molecules = [record.molecule() for record in records]
    problems = Counter(m.problem.partition(":")[0] for m in molecules if m.problem is not None)
    good = [i for i, m in enumerate(molecules) if m.valid]
    names = [m.smiles if mol is None else mol.GetProp("_Name") for m, mol in zip(molecules, blocks, strict=True)]
    mols = [m.mol if mol is None else mol for m, mol in zip(molecules, blocks, strict=True)]
    return MoleculeRows(molecules, table, names, mols, smiles, dict(problems)).take(good)


def write_rows(rows: MoleculeRows, path: Path) -> None:
    """Write rows with their columns: an .sdf with tags, a table with a column ``smiles`` first where it has none."""
    from molgfn.cli.object_files import whole, write_sdf

    table = rows.table
    smiles = [m.smiles for m in rows.molecules]
    if path.suffix in (".csv", ".parquet") and rows.smiles is None:
        name = next(n for n in ("smiles", "canonical_smiles", "molgfn_smiles") if n not in table)
        table = table.copy()
        table.insert(0, name, smiles)
    columns = {str(name): table[name].tolist() for name in table}
    write = {
        ".smi": lambda p: p.write_text("".join(f"{text}\n" for text in smiles), encoding="utf-8"),
        ".sdf": lambda p: write_sdf(rows.mols, rows.names, p, columns),
        ".csv": lambda p: table.to_csv(p, index=False),
        ".parquet": lambda p: table.to_parquet(p, index=False),
    }
    whole(path, write[path.suffix])


def _table(path: Path, kind: str) -> pd.DataFrame:
    """A table as it stands: the cells of text files are texts."""
    import pandas as pd

    try:
        if kind in (".parquet", ".pq"):
            if path.suffix.lower() != ".gz":
                return pd.read_parquet(path)
            with gzip.open(path) as raw:
                return pd.read_parquet(io.BytesIO(raw.read()))
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # of rows that are wider than the header
            return pd.read_csv(
                path,
                sep=_separator(path, kind),
                dtype=str,
                keep_default_na=False,
                index_col=False,
                encoding="utf-8-sig",
            )
    except pd.errors.EmptyDataError:
        return pd.DataFrame()
    except (OSError, ValueError, pd.errors.ParserWarning) as error:
        raise DataError(f"{path}: cannot be read as a table ({' '.join(str(error).split())})") from None


def _separator(path: Path, kind: str) -> str:
    """What parts the columns: what people call .csv is parted by semicolons or tabs, too."""
    if kind == ".tsv":
        return "\t"
    with gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb") as raw:
        top = raw.readline().decode("utf-8-sig", errors="replace")
    return max((",", ";", "\t"), key=lambda mark: len(next(csv.reader([top], delimiter=mark), [])))


def _smiles_column(table: pd.DataFrame, texts: list[str]) -> str | None:
    """The column that the SMILES were read from."""
    for name in table:
        cells = table[name].fillna("")
        if [str(cell).strip() for cell in cells] == texts:
            return str(name)
    return None


def _entries(path: Path) -> list[Any]:
    """The molecule of each entry with its tags, None for one that RDKit cannot read."""
    from rdkit import Chem

    if path.suffix.lower() == ".mol":
        return [Chem.MolFromMolFile(str(path), removeHs=False)]
    with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as raw:
        content = raw.read()
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:  # names and tags come from old programs, too
        content = content.decode("latin-1").encode("utf-8")
    return list(Chem.ForwardSDMolSupplier(io.BytesIO(content), removeHs=False))
