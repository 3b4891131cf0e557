"""Files that molgfn uses but does not carry: fetched on request by URL, checked by sha256, kept in one folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from molgfn.errors import DataError
from molgfn.paths import local

#: environment variable that names the folder of fetched files
FOLDER_VARIABLE = "MOLGFN_DATA"


@dataclass(frozen=True, kw_only=True)
class Published:
    """One file somewhere else.

    Attributes:
        name: of the file in ``folder()``; unique.
        url: where its makers offer it.
        size: in bytes.
        what: what it holds, in a few words.
        source: who made it, with a citation.
        licence: under which it may be used.
    """

    name: str
    url: str
    size: int
    what: str
    source: str
    licence: str

    @property
    def place(self) -> Path:
        """Where the file lies, or belongs."""
        return folder() / self.name

    @property
    def here(self) -> bool:
        """Whether a file of that size is there (its content is checked when it is taken)."""
        return self.place.is_file() and self.place.stat().st_size == self.size


@dataclass(frozen=True, kw_only=True)
class Download(Published):
    """A file that is fetched from ``url``.

    Attributes:
        sha256: of the whole file.
    """

    sha256: str


def folder() -> Path:
    """The folder of fetched files: ``$MOLGFN_DATA``, else ``molgfn`` in the user's cache folder."""
    if place := os.environ.get(FOLDER_VARIABLE):
        return local(place)
    import pooch

    return Path(pooch.os_cache("molgfn"))


def fetch(item: Download, *, path: str | Path | None = None, progress: bool = False) -> Path:
    """The file, fetched if it is not here yet.

    Args:
        item: what to fetch.
        path: a file that the user has already; it is taken as it is, unchecked.
        progress: show a bar.

    Raises:
        DataError: ``path`` is no file; or the download failed or has another sha256: the message says what to fetch
            elsewhere and where to put it.
    """
    if path is not None:
        if not Path(path).is_file():
            raise DataError(f"{path}: there is no such file; it should be {item.what} ({item.url})")
        return Path(path)
    import pooch  # 0.2 s, and most runs fetch nothing

    try:
        return Path(
            pooch.retrieve(
                item.url, known_hash=f"sha256:{item.sha256}", fname=item.name, path=folder(), progressbar=progress
            )
        )
    except Exception as error:  # requests, urllib3, ftplib, OSError and ValueError (hash) all end here
        raise DataError(
            f"{item.name} ({item.what}, {item.size / 1e6:.1f} MB) could not be fetched from {item.url}: "
            f"{_reason(error)}. "
            f"Download it elsewhere (sha256 {item.sha256}) and put it at {item.place}; "
            f"{FOLDER_VARIABLE} names another folder"
        ) from error


def _reason(error: BaseException) -> str:
    """What lies under the layers of a failed request, such as "Temporary failure in name resolution"."""
    while error.__context__ is not None:
        error = error.__context__
    return " ".join(str(error).split())[:200] or type(error).__name__
