"""Write a table of measured activities to work with: `python activities.py FILE.csv [ROWS]`.

About 1,000 aryl sulfonamides that block a sodium channel, with pIC50, from one patent of ChEMBL (CHEMBL2321810). They
come with RDKit, among the examples of its Free-Wilson analysis. Your own table serves as well: a column of SMILES, one
of numbers, and whatever else you have.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from rdkit import RDConfig


def write(path: Path, rows: int | None = None) -> None:
    """Compound, SMILES and pIC50, in the order of the patent; the first ``rows`` only where that is given."""
    folder = Path(RDConfig.RDContribDir) / "FreeWilson" / "data"
    with (folder / "CHEMBL2321810_act.csv").open(newline="") as file:
        activity = {row["Name"]: row["Act"] for row in csv.DictReader(file)}
    lines = (folder / "CHEMBL2321810.smi").read_text().splitlines()
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["compound", "smiles", "pIC50"])
        for smiles, name in list(map(str.split, lines))[:rows]:
            table.writerow([name, smiles, activity[name]])


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
