"""A fragment vocabulary: an immutable, checked sequence of fragments, and its small readable file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, overload

from molgfn.chemistry.fragment import Fragment
from molgfn.errors import VocabularyError

#: what ``Vocabulary.load`` understands: a path, the name of a shipped vocabulary, or the entries of ``plain()``
Source = str | Path | Sequence[Any]

_MOST_PROBLEMS = 10


class Vocabulary(Sequence[Fragment]):
    """Fragments by index.

    Args:
        fragments: at least one, and at least one with an attachment point.
        where: one text per fragment for error messages ("file.txt, line 7"); by default its position.

    Raises:
        VocabularyError: naming each bad fragment (the first ten), where it stands and what would be right.
    """

    def __init__(self, fragments: Iterable[Fragment], *, where: Sequence[str] | None = None) -> None:
        self._fragments = tuple(fragments)
        places = list(where) if where is not None else [f"fragment {i}" for i in range(len(self._fragments))]
        _raise(_check(self._fragments, places))

    @overload
    def __getitem__(self, index: int) -> Fragment: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Fragment, ...]: ...
    def __getitem__(self, index: int | slice) -> Fragment | tuple[Fragment, ...]:
        return self._fragments[index]

    def __len__(self) -> int:
        return len(self._fragments)

    def __iter__(self) -> Iterator[Fragment]:
        return iter(self._fragments)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self._fragments == other._fragments

    def __hash__(self) -> int:
        return hash(self._fragments)

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} fragments, {sum(len(f.points) for f in self)} points)"

    @property
    def digest(self) -> str:
        """sha256 (hex) of the fragments and their points; counts and comments do not matter."""
        text = "\n".join(f"{f.smiles}\t{_points_text(f)}" for f in self)
        return hashlib.sha256(text.encode()).hexdigest()

    def plain(self) -> list[list[Any]]:
        """Entries ``[smiles, [points], count]`` of str and int only, for checkpoints; ``load`` reads them back."""
        return [[f.smiles, list(f.points), f.count] for f in self]

    @classmethod
    def load(cls, source: Source | Vocabulary) -> Vocabulary:
        """Read and check a vocabulary.

        Args:
            source: a path to a text file (one fragment a line: SMILES, comma-separated attachment atoms or ``-``,
                optional count; ``#`` starts a comment) or to JSON (a list of ``{"smiles", "attachment_atoms"}``);
                the name of a shipped vocabulary such as ``rdkit``; or a list of entries ``[smiles, points, count]``.

        Raises:
            VocabularyError: what is wrong, by file and line, all problems together.
        """
        if isinstance(source, Vocabulary):
            return source
        if not isinstance(source, str | Path):
            entries = [_entry(e, f"entry {i}") for i, e in enumerate(source)]
        else:
            path = _find(source)
            try:
                text = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise VocabularyError(f"{path}: cannot be read ({error})") from error
            entries = list(_json(text, path) if path.suffix == ".json" else _lines(text, path))
        _raise([e for e in entries if isinstance(e, str)])
        good = [e for e in entries if not isinstance(e, str)]
        if not good:
            named = source if isinstance(source, str | Path) else "the list of entries"
            raise VocabularyError(f"{named}: no fragment; a line is e.g. 'c1ccccc1<tab>0,1,2,3,4,5'")
        return cls([f for f, _ in good], where=[place for _, place in good])

    def save(self, path: str | Path, header: str = "") -> None:
        """Write the text format; ``header`` becomes comment lines at the top."""
        lines = [f"# {line}".rstrip() for line in header.splitlines()]
        lines += [f"{f.smiles}\t{_points_text(f)}\t{f.count}" for f in self]
        Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _points_text(fragment: Fragment) -> str:
    return ",".join(map(str, fragment.points)) or "-"


def _raise(problems: list[str]) -> None:
    if not problems:
        return
    shown = problems[:_MOST_PROBLEMS]
    if len(problems) > len(shown):
        shown.append(f"... and {len(problems) - len(shown)} more")
    raise VocabularyError("\n".join(shown))


def _check(fragments: Sequence[Fragment], places: Sequence[str]) -> list[str]:
    problems, seen = [], {}
    for fragment, place in zip(fragments, places, strict=True):
        if problem := fragment.problem():
            problems.append(f"{place}: {problem}")
        elif (identity := fragment.identity()) in seen:
            problems.append(
                f"{place}: '{fragment.smiles}' is the same fragment as at {seen[identity]}; keep one of them"
            )
        else:
            seen[identity] = place
    if not fragments:
        problems.append("no fragment; a vocabulary needs at least one")
    elif not any(f.points for f in fragments):
        problems.append(f"{places[0]}: no fragment has an attachment point, so nothing could ever be joined")
    return problems


def _shipped_folders() -> list[Path]:
    """Where shipped vocabularies lie: inside the wheel, and in a source checkout."""
    return [Path(str(files("molgfn"))) / "data" / "fragments", Path(__file__).parents[3] / "data" / "fragments"]


def _find(source: str | Path) -> Path:
    path = Path(source)
    if path.is_file():
        return path
    shipped: dict[str, Path] = {}
    for folder in _shipped_folders():
        for candidate in sorted(folder.glob("*.txt")):
            shipped.setdefault(candidate.stem, candidate)
    if isinstance(source, str) and source in shipped:
        return shipped[source]
    names = ", ".join(shipped) or "none"
    raise VocabularyError(f"vocabulary '{source}': no such file, and no shipped vocabulary of that name ({names})")


def _entry(entry: Any, place: str) -> tuple[Fragment, str] | str:
    """A fragment from ``[smiles, points, count?]``, or what is wrong with it."""
    right = "an entry is [smiles, [attachment atoms]] or [smiles, [attachment atoms], count]"
    if isinstance(entry, str | dict) or not isinstance(entry, Sequence) or len(entry) not in (2, 3):
        return f"{place}: {entry!r} is no fragment; {right}"
    smiles, points, count = entry[0], entry[1], entry[2] if len(entry) == 3 else 0
    if not isinstance(smiles, str) or not isinstance(points, Sequence) or isinstance(points, str):
        return f"{place}: {entry!r} is no fragment; {right}"
    if not all(type(p) is int for p in points) or type(count) is not int:
        return f"{place}: attachment atoms and count of {entry!r} must be whole numbers"
    return Fragment(smiles, tuple(points), count), place


def _lines(text: str, path: Path) -> Iterator[tuple[Fragment, str] | str]:
    for number, line in enumerate(text.splitlines(), start=1):
        # "#" inside a SMILES is a triple bond: a comment starts a line or follows white space
        words = line.split()
        stop = next((i for i, w in enumerate(words) if w.startswith("#")), len(words))
        words, place = words[:stop], f"{path}, line {number}"
        if not words:
            continue
        try:
            points = [] if words[1:2] == ["-"] else [int(p) for p in words[1].split(",")]
            count = int(words[2]) if len(words) > 2 else 0
            surplus = words[3:]
        except (IndexError, ValueError):
            surplus = ["?"]
        if surplus:
            yield f"{place}: '{line.strip()}' is no fragment; write SMILES, attachment atoms as in 0,2 (or -), count"
        else:
            yield _entry([words[0], points, count], place)


def _json(text: str, path: Path) -> Iterator[tuple[Fragment, str] | str]:
    right = 'a JSON vocabulary is a list of {"smiles": "...", "attachment_atoms": [...]}'
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        yield f"{path}, line {error.lineno}: no JSON ({error.msg}); {right}"
        return
    if not isinstance(content, list):
        yield f"{path}: {right}"
        return
    for number, item in enumerate(content):
        place = f"{path}, entry {number}"
        if not isinstance(item, dict) or not {"smiles", "attachment_atoms"} <= item.keys():
            yield f"{place}: {item!r} is no fragment; {right}"
        else:
            yield _entry([item["smiles"], item["attachment_atoms"], item.get("count", 0)], place)
