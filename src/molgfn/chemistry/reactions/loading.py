"""Libraries by name or by folder."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from molgfn.chemistry.reactions.assembling import assemble
from molgfn.chemistry.reactions.files.entries import Entries, Problems
from molgfn.chemistry.reactions.files.folders import read_folder
from molgfn.chemistry.reactions.files.published import PUBLISHED, named_file, published_entries
from molgfn.chemistry.reactions.library import ReactionLibrary
from molgfn.errors import DataError


def load_library(source: str | Path) -> ReactionLibrary:
    """Read and check a reaction library.

    Args:
        source: the name of one that is shipped (``textbook``) or published (``scent_small``; its files are fetched
            where they are not here), or a folder. A name goes before a folder that is called the same: write
            ``./name`` for the folder.

    Raises:
        DataError: there is none, or a broken entry in it, named with its line; or its files cannot be fetched.
    """
    return _loaded(library_entries(source), str(source))


def library_files(source: str | Path) -> tuple[Path, ...]:
    """The files that a library is read from; arguments and errors as in ``load_library``."""
    return library_entries(source).files


def _loaded(entries: Entries, named: str) -> ReactionLibrary:
    problems = Problems()
    assembled = assemble(entries, problems)
    problems.refuse(named)
    assert assembled is not None  # else there are problems
    return assembled[0]


def library_entries(source: str | Path) -> Entries:
    """What the files of a library say, unchecked; arguments and errors as in ``load_library``."""
    name = str(source)
    shipped = shipped_libraries()
    if name in shipped:
        return read_folder(shipped[name])
    if name in PUBLISHED:
        return published_entries(name)
    folder = Path(source)
    if not folder.is_dir():
        known = ", ".join([*shipped, *PUBLISHED])
        raise DataError(f"library {name!r}: there is no such folder, and no library of that name ({known})")
    return read_folder(folder)


def shipped_libraries() -> dict[str, Path]:
    """Name -> folder of each library that comes with molgfn: inside the wheel, and in a source checkout."""
    places = [Path(str(files("molgfn"))) / "data" / "reactions", Path(__file__).parents[4] / "data" / "reactions"]
    found: dict[str, Path] = {}
    for place in places:
        for path in sorted(place.glob("*/library.yaml")):
            found.setdefault(path.parent.name, path.parent)
    return found


def reaction_file(source: str) -> Path:
    """The file of reactions that is meant: that of a shipped library, a published one by its name, or a path."""
    shipped = shipped_libraries()
    return shipped[source] / "reactions.yaml" if source in shipped else named_file(source)
