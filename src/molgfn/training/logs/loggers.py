"""Where a run's numbers go: a CSV file always, Weights & Biases if wanted."""

from __future__ import annotations

import contextlib
import csv
import io
import logging
import os
from pathlib import Path
from typing import Any, Literal

from fsspec.implementations.local import LocalFileSystem
from lightning_fabric.loggers.csv_logs import _ExperimentWriter
from lightning_fabric.loggers.logger import rank_zero_experiment
from pytorch_lightning.loggers import CSVLogger, Logger

from molgfn.training.callbacks.checkpointing import LAST
from molgfn.training.logs.wandb_run import WandbRun, logged_in, settled, start
from molgfn.training.whole_file import whole_file

logger = logging.getLogger("molgfn")

Wandb = Literal["auto", "online", "offline", "off"]
#: where the numbers of a run go beside ``metrics.csv``
Mode = Literal["online", "offline", "off"]


class RunCSV(CSVLogger):
    """``metrics.csv`` in the run folder. A run that goes on keeps the rows that it had up to where it goes on from.

    Args:
        folder: the run folder.
        keep_until: on resume, rows of later steps are dropped (they will be written again).
    """

    def __init__(self, folder: Path, keep_until: int | None = None) -> None:
        # what is given here is read as a URL (`::`, `file:`), so the folder itself is set afterwards
        super().__init__(save_dir=".", name="", version="", flush_logs_every_n_steps=10)
        self._root_dir = self._save_dir = str(folder)
        self._path = folder / "metrics.csv"
        self._kept = self._read(keep_until) if keep_until is not None and self._path.exists() else None

    def _read(self, until: int) -> tuple[list[str], str]:
        text = self._path.read_text(encoding="utf-8")
        lines = text[: text.rfind("\n") + 1]  # without one that was cut off while it was written
        reader = csv.DictReader(io.StringIO(lines, newline=""))
        names = list(reader.fieldnames or [])
        out = io.StringIO()
        if names:
            writer = csv.DictWriter(out, names)
            writer.writeheader()
            writer.writerows(row for row in reader if int(float(row["step"] or 0)) < until)
        return names, out.getvalue()

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        if self._experiment is None:
            experiment = self._experiment = _LocalWriter(self._path.parent)
            if self._kept is not None and self._kept[0]:
                experiment.metrics_keys, text = self._kept
                experiment.replace(text)
            else:
                self._path.unlink(missing_ok=True)
            return experiment
        return self._experiment


class _LocalWriter(_ExperimentWriter):
    """Lightning's writer for a local folder of any name (Lightning's own reads the name as a URL), and for any disk.

    Where the disk is full, rows wait until there is place again, and training goes on; this is said once. A crash costs
    no row that was written before.
    """

    def __init__(self, folder: Path) -> None:
        self.metrics: list[dict[str, float]] = []
        self.metrics_keys: list[str] = []
        self._fs = LocalFileSystem()
        self.log_dir = str(folder)
        self.metrics_file_path = str(folder / self.NAME_METRICS_FILE)
        self._failed = False

    def save(self) -> None:
        path, waiting = Path(self.metrics_file_path), list(self.metrics)
        size = path.stat().st_size if path.is_file() else None
        keys = list(self.metrics_keys)
        try:
            super().save()
            self._failed = False
        except OSError as error:
            self.metrics, self.metrics_keys = waiting, keys
            with contextlib.suppress(OSError):  # half a row would go together with the next one
                if size is None:
                    path.unlink(missing_ok=True)
                elif path.stat().st_size > size:
                    os.truncate(path, size)
            if not self._failed:
                logger.error("%s: rows cannot be written now (%s); they are kept until they can", path, error.strerror)
            self._failed = True

    def _rewrite_with_new_header(self, fieldnames: list[str]) -> None:
        with Path(self.metrics_file_path).open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        out = io.StringIO()
        writer = csv.DictWriter(out, fieldnames)
        writer.writeheader()
        writer.writerows(rows)
        self.replace(out.getvalue())

    def replace(self, text: str) -> None:
        """Let ``text`` be what the file holds."""
        with whole_file(Path(self.metrics_file_path)) as file:
            file.write(text.encode())


class Loggers:
    """Weights & Biases beside ``metrics.csv``.

    Args:
        wandb: "auto": online where the user is logged in to Weights & Biases (offline, with a warning, where the
            server cannot be used), else off; "online": or an error; "offline": needs no account, ``wandb sync`` sends
            it later; "off".
        project: Weights & Biases project.
        group: Weights & Biases group, such as the name of a study.
        tags: Weights & Biases tags.
        checkpoint: "last": the last checkpoint goes along when training ends, as an artefact of the type ``model``; a
            new version of it where the run goes on. None: no checkpoint does.
    """

    def __init__(
        self,
        *,
        wandb: Wandb = "auto",
        project: str = "molgfn",
        group: str | None = None,
        tags: list[str] | None = None,
        checkpoint: Literal["last"] | None = None,
    ) -> None:
        self.checkpoint = checkpoint
        self.wandb: Wandb = wandb
        self.project = project
        self.group = group
        self.tags = tags

    @property
    def mode(self) -> Mode:
        """What "auto" comes to on this machine."""
        if self.wandb != "auto":
            return self.wandb
        if os.environ.get("WANDB_MODE") in {"offline", "disabled", "dryrun"}:
            return "off" if os.environ["WANDB_MODE"] == "disabled" else "offline"
        return "online" if logged_in() else "off"

    def ask(self) -> Mode:
        """``mode``, after the server was asked where it is to be used.

        Raises:
            ConfigError: "online", and the server cannot be used.
        """
        return settled("online" if self.wandb == "online" else "auto") if self.mode == "online" else self.mode

    def build(
        self, folder: Path, *, mode: Mode, name: str, config: dict[str, Any], run_id: str, keep_until: int | None = None
    ) -> list[Logger]:
        """The loggers of one run.

        Args:
            folder: of the run.
            mode: of ``ask``.
            name: of the run.
            config: of the run.
            run_id: continues the same W&B run on resume.
            keep_until: see ``RunCSV``.

        Raises:
            ConfigError: ``wandb`` is "online", and the server makes no run.
        """
        loggers: list[Logger] = [RunCSV(folder, keep_until)]
        if mode != "off":
            run = start(
                folder,
                mode,
                fall_back=self.wandb != "online",
                name=name,
                project=self.project,
                group=self.group,
                tags=self.tags,
                id=run_id,
                config=config,
            )
            if run is not None:
                loggers.append(WandbRun(run, folder / "checkpoints" / LAST if self.checkpoint else None))
        return loggers
