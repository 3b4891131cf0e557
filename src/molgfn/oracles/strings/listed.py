"""What the tasks whose strings are all listed have in common: a table, and where it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from molgfn import downloads
from molgfn.downloads import Download
from molgfn.errors import ConfigError
from molgfn.objects.base import ObjectKind
from molgfn.objects.string import STRING
from molgfn.objects.string_tasks import STRING_TASKS
from molgfn.oracles.base import Oracle
from molgfn.oracles.strings.string_table import StringTable
from molgfn.paths import InputFile


class ListedStrings(Oracle):
    """An oracle that knows the value of every string of a task. A subclass names the task and the published file.

    Args:
        path: the table, if you have it; see ``StringTable``.
    """

    kind: ClassVar[ObjectKind] = STRING
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    #: name of the task, which says alphabet and length
    task: ClassVar[str]
    #: the published table; None where its address is not known
    published: ClassVar[Download | None] = None

    def __init__(self, *, path: InputFile | None = None) -> None:
        self.path = path
        if path is None and self.published is None:
            raise ConfigError(f"path: the table of {self.task} must be given")
        place = Path(str(path)) if self.published is None else downloads.fetch(self.published, path=path)
        self.alphabet, self.length = STRING_TASKS[self.task]
        self.table = StringTable(alphabet=self.alphabet, length=self.length, path=place)
        self.range = (float(self.table.values.min()), float(self.table.values.max()))  # type: ignore[misc]

    @property
    def files(self) -> tuple[Path, ...]:
        return () if self.path is None else (Path(self.path),)

    def values(self, objects: Sequence[Any]) -> np.ndarray:
        """The listed value of each string, float64 [B]."""
        return self.table.look_up(objects)
