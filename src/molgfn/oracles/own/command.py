"""Values from any program that reads SMILES and writes numbers."""

from __future__ import annotations

import os
import selectors
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from molgfn.chemistry.molecules import Molecule
from molgfn.errors import ConfigError, MolgfnError
from molgfn.oracles.base import Oracle
from molgfn.paths import CommandLine


class ProgramError(MolgfnError, RuntimeError):
    """The program of a ``Command`` oracle failed; the message says how, with what it wrote first to its stderr."""


class Command(Oracle):
    """The numbers that a program of yours writes: SMILES in, numbers out.

    The protocol, for each batch of molecules: the program is started; it reads one canonical SMILES a line from its
    standard input, to the end; it writes one number a line to its standard output, in the same order; it ends with exit
    code 0. ``nan`` means that the molecule has no value. Nothing else may stand on standard output; standard error is
    free. To try a program: ``echo CCO | your program``.

    With ``persistent`` the program is started once and asked line by line: it must answer each SMILES, and flush its
    output, before it gets the next (Python: ``print(value, flush=True)``), and end when its input ends. That is for
    programs that take long to start. After a failure it is started anew.

    A number of lines other than that of the molecules, a line that is no number, an exit code other than 0 or too long
    a time raise; the molecules are then asked about one by one, so that only the culprit goes without a value. The
    value of a molecule must not depend on the others or on chance. The program runs in the current folder, without a
    shell, in a process group of its own, which is killed when the time is over. Arguments that are files, with a ``/``
    or a ``.`` in their name, become absolute when a run starts. To evaluate the run, give the whole command again:
    ``--trust 'python score.py'``; the message says it.

    Args:
        command: the program and its arguments; a text is split like a shell would split it.
        range: every number lies in it, [low, high].
        direction: which way is better.
        units: of the numbers; "1" for none.
        timeout: seconds for a whole batch; keep it below the time that the run itself gives to oracles.
        persistent: keep the program running between batches.

    Raises:
        ConfigError: no command, a program that is not there, or an empty range.
    """

    name: ClassVar[str] = "command"
    #: what a checkpoint of unknown origin may not choose
    names_code: ClassVar[tuple[str, ...]] = ("command",)
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    source: ClassVar[str] = "the program"

    def __init__(
        self,
        *,
        command: CommandLine | None = None,
        range: tuple[float, float] = (0.0, 1.0),
        direction: Literal["maximise", "minimise"] = "maximise",
        units: Annotated[str, Field(min_length=1)] = "1",
        timeout: Annotated[float, Field(gt=0)] = 600.0,
        persistent: bool = False,
    ) -> None:
        self.command = _arguments(command)
        if not range[0] < range[1]:
            raise ConfigError(f"range: should be [low, high] with low < high, is {list(range)}")
        self.range = range  # type: ignore[misc]
        self.direction = direction  # type: ignore[misc]
        self.units = units  # type: ignore[misc]
        self.timeout = timeout
        self.persistent = persistent
        self._running: _Running | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """The program, and those of its arguments that are files (a script, weights)."""
        program = shutil.which(self.command[0]) or self.command[0]
        return tuple(path for path in map(Path, (program, *self.command[1:])) if path.is_file())

    def values(self, objects: Sequence[Molecule]) -> np.ndarray:
        """The program's number for each molecule, float64 [B].

        Raises:
            ProgramError: it failed, took too long, or wrote something else than one number a line.
        """
        smiles = [molecule.smiles for molecule in objects]
        if not smiles:
            return np.zeros(0)
        if self.persistent:
            return np.array(self._converse(smiles), dtype=np.float64)
        lines = _run(self.command, smiles, self.timeout)
        return np.array([self._number(*row) for row in zip(lines, smiles, strict=True)], dtype=np.float64)

    def _number(self, line: str, smiles: str) -> float:
        try:
            return float(line)
        except ValueError:
            raise ProgramError(f"`{self.command[0]}` wrote {line.strip()[:60]!r} for {smiles}, not a number") from None

    def _converse(self, smiles: list[str]) -> list[float]:
        """The answers of the running program.

        It is ended where it fails, and started anew next time: after a line that is no number, such as a greeting, it
        is unclear which line answers which molecule.
        """
        # a process that was forked from ours must not speak into the same pipes
        if self._running is None or self._running.owner != os.getpid():
            self._running = _Running(self.command)
        deadline = time.monotonic() + self.timeout
        try:
            return [self._number(self._running.ask(s, deadline, self.timeout), s) for s in smiles]
        except BaseException:
            self._running.end()
            self._running = None
            raise


class _Running:
    """A program that answers line by line. It ends with this object, or with the interpreter.

    Attributes:
        owner: id of the process that started it.
    """

    def __init__(self, command: list[str]) -> None:
        self.owner = os.getpid()
        self._name = command[0]
        # a pipe that nobody reads would fill up, and then the program would wait for ever
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = _start(command, stderr=self._errors)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._process.stdout, selectors.EVENT_READ)
        self._rest = b""
        self.end = weakref.finalize(self, _end, self._process, self._selector, self._errors, self.owner)

    def ask(self, smiles: str, deadline: float, timeout: float) -> str:
        """One answer, by ``deadline`` (``time.monotonic``)."""
        if self._rest or (self._selector.select(0) and self._read()):
            raise ProgramError(f"`{self._name}` wrote {self._rest[:60]!r} without being asked for it")
        try:
            self._process.stdin.write(f"{smiles}\n".encode())
            self._process.stdin.flush()
        except OSError:  # a broken pipe
            raise self._ended() from None
        while b"\n" not in self._rest:
            if not self._selector.select(max(deadline - time.monotonic(), 0)):
                raise ProgramError(
                    f"`{self._name}` did not answer within {timeout:g} s; it should flush its output after each line"
                    f"{_first_line(self._written())}"
                )
            if not self._read():
                raise self._ended()
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode(errors="replace")

    def _read(self) -> bool:
        """Whether there was more output."""
        more = os.read(self._process.stdout.fileno(), 1 << 16)
        self._rest += more
        return bool(more)

    def _ended(self) -> ProgramError:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1)
        how = _how(self._process.returncode) if self._process.returncode is not None else "its output closed"
        return ProgramError(f"`{self._name}` ended with {how} before it answered{_first_line(self._written())}")

    def _written(self) -> str:
        # the program writes on at the file's position, which must not move
        return os.pread(self._errors.fileno(), 4000, 0).decode(errors="replace")


def _run(command: list[str], smiles: list[str], timeout: float) -> list[str]:
    """One line for each SMILES, from a program that is started for them."""
    process = _start(command, stderr=subprocess.PIPE)
    try:
        output, errors = process.communicate("".join(f"{s}\n" for s in smiles).encode(), timeout=timeout)
    except BaseException as problem:  # also an interrupt: nothing may be left running
        _kill(process)
        if not isinstance(problem, subprocess.TimeoutExpired):
            raise
        try:
            errors = process.communicate(timeout=5)[1]
        except subprocess.TimeoutExpired:  # something that left the group holds the pipes open
            errors = b""
        text = _first_line(errors.decode(errors="replace"))
        raise ProgramError(f"`{command[0]}` did not finish within {timeout:g} s{text}") from None
    said = _first_line(errors.decode(errors="replace"))
    if process.returncode != 0:
        raise ProgramError(f"`{command[0]}` ended with {_how(process.returncode)}{said}")
    lines = output.decode(errors="replace").rstrip().splitlines()
    if len(lines) != len(smiles):
        raise ProgramError(
            f"`{command[0]}` wrote {len(lines)} lines for {len(smiles)} molecules; it should write one number a line"
            f"{said}"
        )
    return lines


def _arguments(command: list[str] | str | None) -> list[str]:
    try:
        arguments = shlex.split(command) if isinstance(command, str) else list(command or ())
    except ValueError as error:
        raise ConfigError(f"command: {command}: {error}") from None
    if not arguments:
        raise ConfigError("command: give the program and its arguments")
    if shutil.which(arguments[0]) is None:
        raise ConfigError(f"command: there is no program `{arguments[0]}` that can be run")
    return arguments


def _start(command: list[str], *, stderr: Any) -> Any:
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,  # one signal then reaches whatever it starts
        )
    except OSError as error:
        raise ProgramError(f"`{command[0]}` cannot be started: {error.strerror or error}") from error


def _kill(process: Any) -> None:
    """End the program and all that it started in its group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()


def _end(process: Any, selector: selectors.BaseSelector, errors: Any, owner: int) -> None:
    """End a running program, unless another process started it."""
    if os.getpid() != owner:
        return
    _kill(process)
    process.wait()
    selector.close()
    for pipe in (process.stdin, process.stdout, errors):
        with suppress(OSError):  # what was not flushed finds its pipe broken
            pipe.close()


def _how(returncode: int) -> str:
    return f"exit code {returncode}" if returncode >= 0 else f"signal {-returncode}"


def _first_line(errors: str) -> str:
    line = next((line.strip() for line in errors.splitlines() if line.strip()), "")
    return f": {line[:200]}" if line else ""
