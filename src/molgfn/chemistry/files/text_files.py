"""Bytes of a file to lines of text, whatever program wrote it: packed or not, UTF-8, UTF-16, or an older encoding."""

from __future__ import annotations

import codecs
import gzip
import io
from typing import BinaryIO, cast

from molgfn.errors import DataError

_BINARY = {
    b"PK\x03\x04": "a zip archive or an Excel workbook; unpack it, or save the sheet as .csv",
    b"\xd0\xcf\x11\xe0": "an old Excel or Office document; save the sheet as .csv",
    b"BZh": "packed with bzip2; unpack it, or pack it with gzip",
    b"\xfd7zXZ": "packed with xz; unpack it, or pack it with gzip",
    b"\x28\xb5\x2f\xfd": "packed with zstd; unpack it, or pack it with gzip",
    b"\x89HDF": "an HDF5 file; write it as .csv or .parquet",
    b"\x80\x04\x95": "a pickle; write it as .csv or .parquet",
    b"%PDF": "a PDF",
}
PARQUET = b"PAR1"
_LOOKED_AT = 4096


def _western(error: UnicodeError) -> tuple[str, int]:
    """Bytes that are not UTF-8 as the Western encoding of Windows reads them: they are in names and remarks."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", errors="replace"), error.end


codecs.register_error("molgfn-western", _western)


def unpacked(raw: BinaryIO) -> io.BufferedReader:
    """The bytes of a file, unpacked where they are packed with gzip, whatever its name says."""
    plain = io.BufferedReader(raw) if not hasattr(raw, "peek") else cast("io.BufferedReader", raw)  # type: ignore[type-var]
    if plain.peek(2)[:2] == b"\x1f\x8b":
        return io.BufferedReader(cast("io.RawIOBase", gzip.GzipFile(fileobj=plain)))
    return plain


def text_lines(raw: io.BufferedReader, where: str) -> io.TextIOWrapper:
    """The lines of a file, each ending in a newline: UTF-8 with and without its mark, UTF-16, or Western bytes.

    Line ends of Windows, Unix and old Macs are all taken for a newline.

    Raises:
        DataError: it is no text, and what it is.
    """
    head = raw.peek(_LOOKED_AT)[:_LOOKED_AT]
    for mark, what in _BINARY.items():
        if head.startswith(mark):
            raise DataError(f"{where}: is {what}")
    encoding = _encoding(head)
    control = sum(byte < 32 and byte not in b"\t\n\v\f\r\x1a" for byte in head)
    if encoding == "utf-8-sig" and control > max(8, len(head) // 50):  # a few stray ones cost their line, not the file
        raise DataError(f"{where}: is no text (bytes that no text has); give SMILES, a table or MOL blocks")
    errors = "molgfn-western" if encoding == "utf-8-sig" else "strict"
    return io.TextIOWrapper(raw, encoding=encoding, errors=errors)


def _encoding(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    zeros = [head[i::2].count(0) for i in (0, 1)]
    if max(zeros) > len(head) / 8 and min(zeros) <= max(zeros) / 20:  # UTF-16 without its mark
        return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
    return "utf-8-sig"
