"""A fragment vocabulary: an immutable, checked sequence of fragments, and its small readable file."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any, overload

from molgfn.chemistry.fragments.fragment import Fragment, tidy_labels, write_labels
from molgfn.errors import VocabularyError

#: what ``Vocabulary.load`` understands: a path, the name of a shipped vocabulary, or the entries of ``plain()``
Source = str | Path | Sequence[Any]

_MOST_PROBLEMS = 10
_LABEL = re.compile(r"\w+")


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
        """sha256 (hex) of the fragments, their points and labels; counts and comments do not matter."""
        text = "\n".join(f"{f.smiles}\t{_points_text(f)}{_labels_text(f)}" for f in self)
        return hashlib.sha256(text.encode()).hexdigest()

    def plain(self) -> list[list[Any]]:
        """Entries ``[smiles, [points], count]``, with labels ``[..., [["1", "6"], ...]]``; ``load`` reads them back.

        Of str and int only, for checkpoints.
        """
        return [
            [f.smiles, list(f.points), f.count, *([] if f.labels is None else [[list(x) for x in f.labels]])]
            for f in self
        ]

    @property
    def labelled(self) -> bool:
        """The points have labels, which say what may be joined to them."""
        return any(f.labels is not None for f in self)

    def without_labels(self) -> Vocabulary:
        """The same fragments, nothing said of what may be joined to their points."""
        return Vocabulary([replace(f, labels=None) for f in self]) if self.labelled else self

    @classmethod
    def load(cls, source: Source | Vocabulary) -> Vocabulary:
        """Read and check a vocabulary.

        Args:
            source: a path to a text file (one fragment a line: SMILES, comma-separated attachment atoms or ``-``,
                optional count, optional labels of the points as in ``1|6,5``; ``#`` starts a comment) or to JSON (a
                list of ``{"smiles", "attachment_atoms"}``, optional ``"count"`` and ``"labels"``); the name of a
                shipped vocabulary such as ``rdkit``; or a list of entries ``[smiles, points, count, labels]``.

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
        lines += [f"{f.smiles}\t{_points_text(f)}\t{f.count}{_labels_text(f)}" for f in self]
        Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _points_text(fragment: Fragment) -> str:
    return ",".join(map(str, fragment.points)) or "-"


def _labels_text(fragment: Fragment) -> str:
    """The column of labels with the tab before it; empty where there are none."""
    if fragment.labels is None:
        return ""
    return "\t" + (",".join(map(write_labels, fragment.labels)) or "-")


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
    if any(f.labels is not None for f in fragments):
        problems += [
            f"{place}: '{f.smiles}' has no labels at its attachment points, but other fragments have; "
            "give labels (or * for any join) to all"
            for f, place in zip(fragments, places, strict=True)
            if f.points and f.labels is None
        ]
    if not fragments:
        problems.append("no fragment; a vocabulary needs at least one")
    elif not any(f.points for f in fragments):
        problems.append(f"{places[0]}: no fragment has an attachment point, so nothing could ever be joined")
    return problems


def _shipped_folders() -> list[Path]:
    """Where shipped vocabularies lie: inside the wheel, and in a source checkout."""
    return [Path(str(files("molgfn"))) / "data" / "fragments", Path(__file__).parents[4] / "data" / "fragments"]


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
    if path.is_dir():
        raise VocabularyError(f"vocabulary '{source}': is a folder; give a file in it, or a shipped one ({names})")
    raise VocabularyError(f"vocabulary '{source}': no such file, and no shipped vocabulary of that name ({names})")


def _entry(entry: Any, place: str) -> tuple[Fragment, str] | str:
    """A fragment from ``[smiles, points, count?, labels?]``, or what is wrong with it."""
    right = "an entry is [smiles, [attachment atoms]], with a count and then labels [['1', '6'], ...] if they are known"
    if isinstance(entry, str | dict) or not isinstance(entry, Sequence) or len(entry) not in (2, 3, 4):
        return f"{place}: {entry!r} is no fragment; {right}"
    smiles, points, count, labels = (*entry, *(0, None)[len(entry) - 2 :])
    if not isinstance(smiles, str) or not isinstance(points, Sequence) or isinstance(points, str):
        return f"{place}: {entry!r} is no fragment; {right}"
    if not all(type(p) is int for p in points) or type(count) is not int:
        return f"{place}: attachment atoms and count of {entry!r} must be whole numbers"
    if labels is not None:
        if isinstance(labels, str) or not isinstance(labels, Sequence) or any(isinstance(x, str) for x in labels):
            return f"{place}: labels of {entry!r} must be a list of lists, one per attachment atom; {right}"
        labels = [[str(label) for label in x] for x in labels]
        if bad := [label for x in labels for label in x if not _LABEL.fullmatch(label)]:
            return f"{place}: {bad[0]!r} is no label; a label is made of letters, digits and _"
        labels = tuple(map(tidy_labels, labels))
    return Fragment(smiles, tuple(points), count, labels), place


def _lines(text: str, path: Path) -> Iterator[tuple[Fragment, str] | str]:
    for number, line in enumerate(text.splitlines(), start=1):
        # "#" inside a SMILES is a triple bond: a comment starts a line or follows white space
        words = line.split()
        stop = next((i for i, w in enumerate(words) if w.startswith("#")), len(words))
        words, place = words[:stop], f"{path}, line {number}"
        if not words:
            continue
        entry: list[Any] = [words[0]]
        try:
            entry += [[] if words[1:2] == ["-"] else [int(p) for p in words[1].split(",")]]
            entry += [int(words[2]) if len(words) > 2 else 0]
            surplus = words[4:]
        except (IndexError, ValueError):
            surplus = ["?"]
        if surplus:
            yield (
                f"{place}: '{line.strip()}' is no fragment; write SMILES, attachment atoms as in 0,2 (or -), count, "
                "labels as in 1|6,5 (or none)"
            )
            continue
        if len(words) > 3:
            entry += [[] if words[3] == "-" else [_read_labels(point) for point in words[3].split(",")]]
        yield _entry(entry, place)


def _read_labels(text: str) -> list[str]:
    return [] if text == "*" else text.split("|")


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
            labels = [item["labels"]] if item.get("labels") is not None else []
            yield _entry([item["smiles"], item["attachment_atoms"], item.get("count", 0), *labels], place)
