"""Molecules of a file with everything that stands beside them: columns of a table, names, tags and coordinates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from molgfn.chemistry.molecules import Molecule

#: the column of the names of lines of SMILES, and of the titles of MOL blocks
_NAME = "name"


@dataclass
class MoleculeRows:
    """The rows of a file that are molecules.

    Attributes:
        molecules: R valid ones.
        table: R rows of texts, the columns as they were given (names and tags of an .sdf, "" where an entry has none).
        blocks: R MOL blocks; None for SMILES.
        titles: R names that the file itself has for its entries, those of an .sdf or a .smi; else "".
        smiles: column of ``table`` that holds the SMILES; None where there is none.
        types: column -> its type in a .parquet file, as pyarrow has it.
        problems: reason -> rows that are no molecule.
        commas: columns of numbers with decimal commas, as all rows of the file have it.
    """

    molecules: list[Molecule]
    table: pd.DataFrame
    blocks: list[str | None]
    titles: list[str]
    smiles: str | None = None
    types: dict[str, Any] = field(default_factory=dict)
    problems: dict[str, int] = field(default_factory=dict)
    commas: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.molecules)

    @property
    def columns(self) -> list[str]:
        return list(self.table.columns)

    def numbers(self, column: str) -> np.ndarray:
        """A column as numbers, float64 [R]; NaN where a cell holds none."""
        import numpy as np
        import pandas as pd

        from molgfn.chemistry.files.numbers import with_point

        cells = self.table[column].map(with_point) if column in self.commas else self.table[column]
        series: Any = pd.to_numeric(cells, errors="coerce")
        numbers = series.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isfinite(numbers), numbers, np.nan)

    def take(self, rows: Sequence[int]) -> MoleculeRows:
        """These rows, in this order."""
        return MoleculeRows(
            [self.molecules[i] for i in rows],
            self.table.iloc[list(rows)],
            [self.blocks[i] for i in rows],
            [self.titles[i] for i in rows],
            self.smiles,
            self.types,
            self.problems,
            self.commas,
        )


def read_rows(path: Path, *, column: str | None = None) -> MoleculeRows:
    """Read a file of molecules; see ``chemistry.files.read_molecules`` for its formats, ``column`` and errors."""
    import pandas as pd

    from molgfn.chemistry.files.numbers import has_decimal_commas
    from molgfn.datasets.given import GivenFile

    given = GivenFile.survey(path, column=column)
    problems: Counter[str] = Counter()
    molecules, records = [], []
    for portion, parsed in given.portions(1000):
        for record, molecule in zip(portion, parsed, strict=True):
            if molecule.problem is None:
                records.append(record)
                molecules.append(molecule)
            else:
                problems[molecule.problem.partition(":")[0]] += 1
    table = pd.DataFrame(
        given.beside(records, [] if given.smiles is None else [given.smiles]), index=range(len(records)), dtype=object
    )
    if given.place is not None and given.smiles is not None:
        table.insert(given.place, given.smiles, [record.text for record in records])
    names: list[str] = table[_NAME].tolist() if given.is_lines and _NAME in table else [""] * len(records)
    titles = [
        record.text.partition("\n")[0].strip() if record.block else name
        for record, name in zip(records, names, strict=True)
    ]
    blocks = [record.text if record.block else None for record in records]
    commas = frozenset(str(name) for name in table if has_decimal_commas(table[name]))
    return MoleculeRows(molecules, table, blocks, titles, given.smiles, given.types, dict(problems), commas)


def write_rows(rows: MoleculeRows, path: Path) -> list[str]:
    """Write rows with their columns: an .sdf with tags, a table with a column ``smiles`` first where it has none.

    Returns:
        The columns that had no room.
    """
    from molgfn.api.object_files import whole
    from molgfn.chemistry.files.writing import write_sdf
    from molgfn.chemistry.molecules import Molecule
    from molgfn.datasets.given import as_given
    from molgfn.evaluation.files import write_whole

    table = rows.table.reset_index(drop=True)
    smiles = [m.smiles for m in rows.molecules]
    titled = _NAME in table and table[_NAME].tolist() == rows.titles
    if path.suffix == ".smi":
        lines = "".join(f"{text} {title}".rstrip() + "\n" for text, title in zip(smiles, rows.titles, strict=True))
        write_whole(path, lines)
        return [name for name in table if name != rows.smiles and not (titled and name == _NAME)]
    if path.suffix == ".sdf":
        mols = [
            m.mol if block is None else Molecule.as_drawn(block)
            for m, block in zip(rows.molecules, rows.blocks, strict=True)
        ]
        names = [
            title if title or block is not None else text
            for title, block, text in zip(rows.titles, rows.blocks, smiles, strict=True)
        ]
        tags = {str(name): table[name].tolist() for name in table if not (titled and name == _NAME)}
        whole(path, lambda p: write_sdf(mols, names, p, tags))
        return []
    if rows.smiles is None:
        table.insert(0, next(n for n in ("smiles", "canonical_smiles", "molgfn_smiles") if n not in table), smiles)
    if path.suffix == ".parquet":
        whole(path, lambda p: as_given(table, rows.types).to_parquet(p, index=False))
    else:
        whole(path, lambda p: table.to_csv(p, index=False))
    return []
