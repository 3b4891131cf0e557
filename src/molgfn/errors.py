"""The named errors of molgfn. Each message says what was wrong, where, and what would be right."""

from __future__ import annotations


class MolgfnError(Exception):
    """Base of every error that molgfn raises on purpose."""


class ConfigError(MolgfnError, ValueError):
    """A configuration that cannot work; ``problems`` lists every mistake that was found, one line each."""

    def __init__(self, problems: list[str] | str) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class VocabularyError(MolgfnError, ValueError):
    """A fragment vocabulary that cannot be used; the message names the file and the line."""


class CheckpointError(MolgfnError, ValueError):
    """A checkpoint that cannot be read, or that asks for something that it may not have."""


class TrainingError(MolgfnError, RuntimeError):
    """Training cannot go on; the message says at which iteration and why. The last checkpoint stays."""


class DataError(MolgfnError, ValueError):
    """A data file that cannot be read; the message names the file and the line."""


class OutsideError(DataError):
    """An object that an environment cannot build; ``reason``: why, in the few words by which such are counted."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)

    def __reduce__(self) -> tuple[type[OutsideError], tuple[str, str]]:
        return type(self), (self.reason, str(self))


class NotEnumerableError(MolgfnError, ValueError):
    """An exact answer was asked of a space that cannot be listed; the message says why."""


class ContractError(MolgfnError, AssertionError):
    """A class broke the contract of its base class (raised by ``molgfn.testing`` and by checked call sites)."""
