"""The one file that a proxy lives in: written whole or not at all, read without running anything in it."""

from __future__ import annotations

import os
import re
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from molgfn import __version__
from molgfn.errors import DataError
from molgfn.proxies.features import VERSION
from molgfn.proxies.neighbours import Neighbours, problem_of
from molgfn.written_by import check_writer

KEY = "molgfn_proxy"
FORMAT = 1
CardType = TypeVar("CardType")


def write(path: Path, content: dict[str, Any]) -> None:
    """Write the file, all of it or nothing."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".molgfn-") as folder:
        part = Path(folder) / path.name
        torch.save(content, part)
        os.replace(part, path)


def read(path: Path) -> dict[str, Any]:
    """What is in the file; ``KEY`` is a mapping of a version that this molgfn reads.

    Raises:
        DataError: no such file, not a proxy, damaged, or of another version.
    """
    if path.is_dir():
        raise DataError(f"{path}: is a folder; give the file of a proxy, which `molgfn proxy fit` writes")
    if not path.is_file():
        raise DataError(f"{path}: there is no such file; `molgfn proxy fit` writes proxies")
    # torch writes zip files; anything else would reach an older, looser reader
    if not zipfile.is_zipfile(path):
        raise DataError(f"{path}: not a proxy of `molgfn proxy fit`, or one that was cut off while it was copied")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever the damage leads to
        if match := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise DataError(f"{path}: holds code (`{match[1]}`) where only data may be; it was not run") from None
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path}: not a proxy of `molgfn proxy fit`, or a damaged one ({reason[:120]})") from None
    if not isinstance(content, dict) or not isinstance(content.get(KEY), dict):
        raise DataError(f"{path}: not a proxy of `molgfn proxy fit`: it has no `{KEY}` entry")
    plain = content[KEY]
    by, refit = plain.get("made_by"), "fit it anew"
    check_writer(path, version=by, format=plain.get("format"), reads=FORMAT, error=DataError, instead=refit)
    if plain.get("features") != VERSION:
        raise DataError(
            f"{path}: was trained with version {plain.get('features')!r} of the features by molgfn {by}, this molgfn, "
            f"{__version__}, computes version {VERSION}; {refit}"
        )
    return content


def card_of(path: Path, plain: Mapping[str, Any], kind: type[CardType]) -> CardType:
    """The card in the file, checked."""
    try:
        own = {"property" if k == "target" else k: v for k, v in plain.items()}  # its former name
        return TypeAdapter(kind).validate_python({k: v for k, v in own.items() if k not in ("format", "uncertainty")})
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(f"{path}: `{'.'.join(map(str, first['loc']))}` of the proxy: {first['msg']}") from None


def training_of(path: Path, plain: Any) -> Neighbours | None:
    """The fingerprints in the file; one of an earlier molgfn, or fitted without, has none."""
    if plain is None:
        return None
    if problem := problem_of(plain):
        raise DataError(f"{path}: `training`, the fingerprints of the training molecules: {problem}")
    return Neighbours(plain["bits"], plain["sizes"])


def require_tensors(path: Path, expected: Mapping[str, Tensor], given: Any, what: str = "weights") -> dict[str, Tensor]:
    """``given``, where it holds just the tensors of these names, shapes and types, all of them finite.

    Raises:
        DataError: it does not.
    """
    if not isinstance(given, dict):
        raise DataError(f"{path}: holds no `{what}`")
    problems = [f"`{k}` is missing" for k in expected if k not in given]
    problems += [f"`{k}` has no place" for k in given if k not in expected]
    for key in expected.keys() & given.keys():
        own, wanted = given[key], expected[key]
        if not isinstance(own, Tensor) or own.shape != wanted.shape or own.dtype != wanted.dtype:
            is_now = f"{own.dtype} {list(own.shape)}" if isinstance(own, Tensor) else type(own).__name__
            problems.append(f"`{key}` should be {wanted.dtype} {list(wanted.shape)}, is {is_now}")
        elif not own.isfinite().all():
            problems.append(f"`{key}` has numbers that are not finite")
    if problems:
        more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
        raise DataError(f"{path}: the {what} do not fit the proxy: {'; '.join(sorted(problems)[:3])}{more}")
    return given
