"""What an offline run of Weights & Biases has written, read back record by record."""

import json
import struct
from pathlib import Path
from typing import Any

from wandb.proto import wandb_internal_pb2

#: the file is a LevelDB log: after 7 bytes of its own, blocks of 32 KiB with records cut at their ends
START, BLOCK = 7, 32 * 1024
WHOLE, LAST = 1, 4


def records(path: Path):
    """(kind, content) of each record, in order."""
    data = path.read_bytes()
    assert data[:4] == b":W&B"
    at, text = START, b""
    while at + 7 <= len(data):
        if (left := BLOCK - at % BLOCK) < 7:
            at += left
            continue
        _, length, part = struct.unpack("<IHB", data[at : at + 7])
        text += data[at + 7 : at + 7 + length]
        at += 7 + length
        if part in (WHOLE, LAST):
            record = wandb_internal_pb2.Record.FromString(text)
            text = b""
            kind = record.WhichOneof("record_type")
            yield kind, getattr(record, kind)


def history(path: Path) -> list[dict[str, Any]]:
    """Rows that were logged: name -> value; nested values by dots."""
    return [_items(content.item) for kind, content in records(path) if kind == "history"]


def summary(path: Path) -> dict[str, Any]:
    """The summary as it was at last."""
    found: dict[str, Any] = {}
    for kind, content in records(path):
        if kind == "summary":
            found |= _items(content.update)
    return found


def _items(items) -> dict[str, Any]:
    return {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in items}
