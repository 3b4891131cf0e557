"""Which molgfn wrote a file: what a later one means by it may be something else, so that it is refused or told."""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from pathlib import Path

from molgfn import __version__
from molgfn.errors import MolgfnError

logger = logging.getLogger("molgfn")


def check_writer(
    where: str | Path, *, version: object, format: object, reads: int, error: type[MolgfnError], instead: str = ""
) -> None:
    """Refuse a file of a later format; tell, once a process, of one that a later molgfn wrote in a format read here.

    Args:
        where: the file, for messages.
        version: of the molgfn that wrote it, as the file says; None where it does not, as those of the first versions.
        format: of its content, as the file says; None for the first one, 1.
        reads: the latest format that this molgfn reads.
        error: what is raised.
        instead: what else can be done, such as "fit it anew".

    Raises:
        MolgfnError: of the kind ``error``: the format is later, or none.
    """
    format = 1 if format is None else format
    if not isinstance(format, int) or isinstance(format, bool) or format < 1:
        raise error(f"{where}: its `format` should be a whole number from 1 on, got {format!r}")
    later = is_later(version)
    if format > reads:
        by = f" of molgfn {version}" if later else ""
        or_else = f", or {instead}" if instead else ""
        raise error(
            f"{where}: is of format {format}{by}; this is molgfn {__version__}, which reads formats up to {reads}; "
            f"install a later molgfn{or_else}"
        )
    if later:
        _tell(str(where), str(version))


def is_later(version: object) -> bool:
    """Whether ``version`` is after the one that runs; what is no version (``1.2``, ``0.3.0.dev1``) is not.

    A version under development counts as the release that it becomes.
    """
    there, here = _numbers(version), _numbers(__version__)
    return there is not None and here is not None and there > here


def _numbers(version: object) -> tuple[int, ...] | None:
    found = re.match(r"\d+(\.\d+)*", version) if isinstance(version, str) else None
    if found is None:
        return None
    numbers = [int(part) for part in found[0].split(".")]
    return tuple([*numbers, 0, 0][: max(3, len(numbers))])


@lru_cache(1000)
def _tell(where: str, version: str) -> None:
    logger.warning(
        "%s: was written by molgfn %s, and this is molgfn %s: what only the later one knows is not known here, and "
        "numbers may differ; install the later one where they matter",
        where,
        version,
        __version__,
    )
