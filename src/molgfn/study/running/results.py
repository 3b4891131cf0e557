"""What is kept of runs that are done: one JSON line each, written as it finishes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from molgfn.study.running.jobs import Job


def place_of(record: dict[str, Any]) -> tuple[str, str, int]:
    """Task, row and seed of a record; those of studies of one experiment name no task."""
    return record.get("task", ""), record["row"], record["seed"]


class Results:
    """One JSON line per finished run, written as it finishes, so that a study that was stopped goes on where it was.

    Args:
        path: of the file; it need not be there.
        shipped: files of the same kind that are read before it and never written.
    """

    def __init__(self, path: Path, shipped: Sequence[Path] = ()) -> None:
        self.path, self.shipped = path, tuple(shipped)

    def read(self) -> dict[str, dict[str, Any]]:
        """identity -> record; a line that was cut off is passed over."""
        found = {}
        for path in (*self.shipped, self.path):
            for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
                try:
                    record = json.loads(line)
                except json.JSONDecodeError:
                    continue
                found[record["identity"]] = record
        return found

    def of(self, jobs: list[Job]) -> tuple[list[dict[str, Any]], int]:
        """What is kept of ``jobs``, and how many of the records are of an older configuration.

        Such a record, of the same task, row and seed, stands in only while the job itself has not been done: results
        outlive a new configuration key.
        """
        kept = self.read()
        place = {place_of(record): record for record in kept.values()}  # the last one wins
        records = [kept.get(job.identity) or place.get(job.place) for job in jobs]
        found = [record for record in records if record is not None]
        return found, len(found) - len({job.identity for job in jobs} & kept.keys())

    def add(self, record: dict[str, Any]) -> None:
        """Keep one record, on a line of its own even after one that was cut off."""
        cut_off = self.path.exists() and not self.path.read_bytes().endswith(b"\n") and self.path.stat().st_size > 0
        with self.path.open("a", encoding="utf-8") as file:
            file.write("\n" * cut_off + json.dumps(record) + "\n")
