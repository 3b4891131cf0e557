"""Declarations of a contract that had another name: whoever still gives one is told, and nothing is ignored."""

from __future__ import annotations

from typing import Any, NoReturn

from molgfn.errors import ContractError


class FormerName:
    """Stands in a contract where a declaration was: to override it, to set it and to read it says what is there now.

    Args:
        now: what to declare instead, as the end of a sentence.
    """

    def __init__(self, now: str) -> None:
        self.now = now

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def said_of(self, owner: type) -> str:
        return f"{owner.__name__}.{self.name} is read no more: {self.now}"

    def __get__(self, instance: Any, owner: type) -> FormerName:
        if instance is None:
            return self
        raise AttributeError(self.said_of(owner))

    def __set__(self, instance: Any, value: Any) -> NoReturn:
        raise ContractError(self.said_of(type(instance)))


class FormerNames:
    """Base of a contract with ``FormerName``: a class that overrides one is refused as it is defined."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for base in cls.__mro__[1:]:
            for name, former in vars(base).items():
                if isinstance(former, FormerName) and name in vars(cls):
                    raise ContractError(former.said_of(cls))
