"""What a run has to say, kept in its folder."""

from __future__ import annotations

import logging
import sys
from logging.handlers import MemoryHandler
from pathlib import Path
from types import TracebackType

from molgfn.ranks import ALONE, Ranks

#: in the run folder
NAME = "log.txt"


class _LogFile(logging.FileHandler):
    """A file that gives up where it cannot be written: its reason is said by what the run itself writes there.

    The logging system would print a traceback instead, once for each message.
    """

    def emit(self, record: logging.LogRecord) -> None:
        if not self._given_up:
            super().emit(record)

    _given_up = False

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        self._given_up = True
        print(f"{self.baseFilename}: nothing more is written here ({error.strerror or error})", file=sys.stderr)

    def close(self) -> None:
        try:
            super().close()
        except OSError:  # what is still in its buffer
            self.stream = None  # type: ignore[assignment]


class RunLog:
    """While it is open, messages of molgfn at level INFO and above are kept, and written once there is a folder.

    The handlers that were there before still get theirs; where there were none, warnings go on to standard error.
    Of several processes the first alone writes; what the others warn of, it is told (``callbacks.other_ranks``).

    Args:
        ranks: the processes of the run.
    """

    def __init__(self, ranks: Ranks = ALONE) -> None:
        self._ranks = ranks
        self._logger = logging.getLogger("molgfn")
        # no flush before there is a file: neither when full nor at an error
        self._memory = MemoryHandler(capacity=1_000_000, flushLevel=logging.CRITICAL + 1, flushOnClose=False)
        self._file: _LogFile | None = None

    def into(self, folder: Path) -> None:
        """Write what was said so far, and all that follows, to ``log.txt`` in ``folder``; append where there is one."""
        if not self._ranks.first:
            return
        self._file = _LogFile(folder / NAME, encoding="utf-8")
        self._file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        self._memory.setTarget(self._file)
        self._memory.flush()
        self._logger.removeHandler(self._memory)
        self._logger.addHandler(self._file)

    def __enter__(self) -> RunLog:
        self._before = self._logger.level
        self._silent = [] if self._ranks.first else list(self._logger.handlers)
        for handler in self._silent:  # the first process has said it, or will
            self._logger.removeHandler(handler)
        self._last_resort = logging.lastResort if not self._logger.hasHandlers() and self._ranks.first else None
        if self._last_resort is not None:
            self._logger.addHandler(self._last_resort)
        self._logger.addHandler(self._memory)
        self._logger.setLevel(min(self._before or logging.INFO, logging.INFO))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and error is not None and self._file is not None:
            # where it happened is for the file; whoever catches the error says what happened
            text = f"the run ended with {kind.__name__}: {error}"
            self._file.handle(logging.LogRecord("molgfn", logging.ERROR, "", 0, text, None, (kind, error, trace)))
        for handler in (self._memory, self._file, self._last_resort):
            if handler is not None:
                self._logger.removeHandler(handler)
        for handler in self._silent:
            self._logger.addHandler(handler)
        self._memory.close()
        if self._file is not None:
            self._file.close()
        self._logger.setLevel(self._before)
