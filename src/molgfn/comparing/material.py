"""What is compared: the molecules of a file in pairs, or pairs that a table has already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from molgfn.chemistry.files.pairs import CHOSEN, REJECTED, read_pairs
from molgfn.chemistry.files.reading import Columns, iter_records
from molgfn.chemistry.molecules import mols_of
from molgfn.class_paths import did_you_mean
from molgfn.comparing.pairing import Pair, balanced_sides, even_pairs, near_pairs, possible_pairs
from molgfn.comparing.session import Candidate
from molgfn.datasets.given import GivenFile
from molgfn.errors import ConfigError, DataError
from molgfn.paths import sha256

#: pairs of a file of molecules where nobody says how many
PAIRS = 100
#: columns by which a table is one of pairs
PAIR_COLUMNS = (("left", "right"), (CHOSEN, REJECTED))
#: characters of a cell that are shown
LONGEST = 120
SAME = "the same molecule as another one"


@dataclass
class Material:
    """What a session asks.

    Attributes:
        candidates: the molecules.
        pairs: (left, right), indices of ``candidates``.
        source: where they come from: ``key=value`` words that are the same whenever the pairs are.
        rows: entries of the file.
        left_out: reason -> entries that are in no pair because of it.
    """

    candidates: list[Candidate]
    pairs: list[Pair]
    source: str
    rows: int
    left_out: dict[str, int] = field(default_factory=dict)

    def smiles(self) -> list[tuple[str, str]]:
        """SMILES of both molecules of each pair."""
        return [(self.candidates[a].smiles, self.candidates[b].smiles) for a, b in self.pairs]


def read_material(
    path: Path,
    *,
    pairs: int | None = None,
    similar: bool = False,
    seed: int = 0,
    column: str | None = None,
    show: Sequence[str] | None = None,
) -> Material:
    """Read a file and make its pairs.

    Args:
        path: a file of molecules (see ``chemistry.files.read_molecules``), or a table of pairs, which has columns
            ``left`` and ``right`` or ``chosen`` and ``rejected``; answers that stand there are not read.
        pairs: how many; None: 100 of molecules (all, where there are fewer), all of a table of pairs.
        similar: pairs of molecules near each other.
        seed: of pairs and sides. With more ``pairs`` of the same seed those of before come first.
        column: of the SMILES; see ``read_molecules``.
        show: columns to show with the molecules; None for all but those that repeat the SMILES or another column,
            none for a table of pairs.

    Raises:
        DataError: the file cannot be read, or makes no pair.
        ConfigError: more pairs than there are, a column that is not there, or what is not for a table of pairs.
    """
    if not path.is_file():
        raise DataError(f"{path}: {'is a folder; give a file in it' if path.is_dir() else 'no such file'}")
    source = f"file={sha256(path)[:12]} seed={seed} similar={'yes' if similar else 'no'}"
    named = None if column is not None else _pair_columns(path)
    if named is not None:
        for option, given in (("--similar", similar), ("--show", show)):
            if given:
                raise ConfigError(f"{option}: is for files of molecules, and {path} has pairs ({' and '.join(named)})")
        found = _table_of_pairs(path, named, source)
        number = _number(pairs, len(found.pairs))
        found.pairs = Random(seed).sample(found.pairs, len(found.pairs))[:number]
    else:
        found = _molecules(path, column, show, source)
        count = len(found.candidates)
        if count < 2:
            raise DataError(f"{path}: {count} different molecule{'' if count == 1 else 's'}; a pair needs two")
        number = _number(min(PAIRS, possible_pairs(count)) if pairs is None else pairs, possible_pairs(count))
        mols = [candidate.mol for candidate in found.candidates]
        found.pairs = near_pairs(mols, number, seed) if similar else even_pairs(count, number, seed)
    found.pairs = balanced_sides(found.pairs, seed)
    return found


def _number(asked: int | None, most: int) -> int:
    if asked is not None and asked > most:
        raise ConfigError(f"--pairs: {asked:,} asked for, and there are {most:,} different ones")
    return most if asked is None else asked


def _pair_columns(path: Path) -> tuple[str, str] | None:
    """The two columns of molecules of a table of pairs; None of another file."""
    for one, other in PAIR_COLUMNS:
        columns = Columns()
        try:
            next(iter_records(path, column=one, columns=columns), None)
        except DataError:
            continue
        if not columns.lines and {one, other} <= {name.lower() for name in columns.names}:
            return one, other
    return None


def _table_of_pairs(path: Path, named: tuple[str, str], source: str) -> Material:
    table = read_pairs(path, chosen=named[0], rejected=named[1], answer=None)
    table.settle(lambda pair: (pair.chosen.smiles, pair.rejected.smiles), "keep")
    places: dict[str, int] = {}
    candidates: list[Candidate] = []
    pairs: dict[frozenset[int], Pair] = {}
    left_out = Counter({reason: left.count for reason, left in table.left_out.items()})
    for pair in table.pairs:
        molecules = (pair.chosen, pair.rejected)
        for molecule, mol in zip(molecules, mols_of(molecules), strict=True):
            if molecule.smiles not in places:
                places[molecule.smiles] = len(candidates)
                candidates.append(Candidate(molecule.smiles, mol))
        one, other = (places[molecule.smiles] for molecule in molecules)
        if frozenset((one, other)) in pairs:
            left_out["the same pair as another one"] += 1
        pairs.setdefault(frozenset((one, other)), (one, other))
    table.require(f"{path}: no pair of different molecules")
    return Material(candidates, list(pairs.values()), source, table.rows, dict(left_out))


def _molecules(path: Path, column: str | None, show: Sequence[str] | None, source: str) -> Material:
    given = GivenFile.survey(path, column=column)
    names = given.free()
    for name in show or ():
        if name not in names:
            raise ConfigError(f"{path}: there is no column `{name}`{did_you_mean(name, names) or '; there is none'}")
    shown = names if show is None else list(show)
    found: dict[str, Candidate] = {}
    left_out: Counter[str] = Counter()
    for records, molecules in given.portions(1000):
        cells = given.beside(records)
        for row, molecule in enumerate(molecules):
            if molecule.mol is None:
                left_out[(molecule.problem or "").partition(":")[0]] += 1
            elif molecule.smiles in found:
                left_out[SAME] += 1
            else:
                facts = [(name, _fact(cells[name][row])) for name in shown]
                found[molecule.smiles] = Candidate(molecule.smiles, molecule.mol, tuple(f for f in facts if f[1]))
    candidates = list(found.values()) if show is not None else _without_repeats(list(found.values()), shown)
    return Material(candidates, [], source, given.entries, dict(left_out))


def _without_repeats(candidates: list[Candidate], names: Sequence[str]) -> list[Candidate]:
    """The same without a column that says of every molecule what its SMILES or a column before it says."""
    cells = [{"": _fact(c.smiles), **dict(c.facts)} for c in candidates]
    kept = [""]
    for name in names:
        column = [row.get(name) for row in cells]
        if all(column != [row.get(before) for row in cells] for before in kept):
            kept.append(name)
    return [replace(c, facts=tuple(fact for fact in c.facts if fact[0] in kept)) for c in candidates]


def _fact(text: str) -> str:
    """A cell as it is shown: long numbers with four digits, other texts cut where they are very long."""
    text = " ".join(text.split())
    if len(text) > 6 and not text.lstrip("-").isdecimal():
        try:
            return f"{float(text):.4g}"
        except ValueError:
            pass
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
