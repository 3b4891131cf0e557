"""Files inside archives, read in place."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from molgfn.errors import DataError


@contextmanager
def open_member(archive: str | Path, member: str) -> Iterator[BinaryIO]:
    """The bytes of one file of a .zip (a wheel is one) or .tar archive, packed or not.

    Args:
        archive: the file; what it is, is read from its content.
        member: path of the file inside.

    Raises:
        DataError: it is no archive, is broken, or has no such member.
    """
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as whole, whole.open(member) as file:
                yield file  # type: ignore[misc]
        else:
            with tarfile.open(archive) as whole:
                file = whole.extractfile(member)
                if file is None:
                    raise KeyError(member)
                with file:
                    yield file  # type: ignore[misc]
    except KeyError:
        raise DataError(f"{archive}: has no file {member} inside") from None
    except (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise DataError(f"{archive}: cannot be read as an archive with {member} ({error})") from error
