"""The contract of a proposer: many candidates without a call of the oracle."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from molgfn.acquisition.known import Known
from molgfn.docstrings import attributes_in_docstring
from molgfn.objects.base import ObjectKind
from molgfn.policies.base import Policy


@dataclass(frozen=True)
class Ask:
    """What a proposer may read.

    Attributes:
        known: everything that has a value, or was asked for one.
        random: of what is chosen; new for each round and proposer, so that nothing need be remembered.
        generator: of what a policy draws, on its device; likewise.
        hopes: an optimistic guess of the worth of objects, float64 [n], by the model of the acquisition under one beta
            for the whole round; None where there is no model, or it knows nothing yet.
        policy: the sampler that learns in the loop; None without one.
    """

    known: Known
    random: np.random.Generator
    generator: torch.Generator | None = None
    hopes: Callable[[Any], np.ndarray] | None = None
    policy: Policy | None = None


@attributes_in_docstring
class Proposer(ABC):
    """Makes candidates each round, from what is known or from a source of its own.

    It keeps nothing from round to round: what it makes depends on ``Ask`` alone, so that a loop that goes on proposes
    what it would have proposed. Candidates that are known already, or that another proposer has made, are left out by
    the loop; so are those with a problem.
    """

    #: kinds of objects that it can make
    kinds: ClassVar[type[ObjectKind]] = ObjectKind
    #: it draws from the sampler that learns in the loop
    reads_policy: ClassVar[bool] = False
    #: it can propose while nothing is known, so that a loop can begin with it
    begins: ClassVar[bool] = False

    def prepare(self) -> None:  # noqa: B027
        """Read what has to be read before the first round; called again, it does nothing.

        Raises:
            DataError: what it reads cannot be used.
            CheckpointError: likewise, of a run.
        """

    def misfit(self, kind: ObjectKind) -> str | None:
        """Why it is of no use to an oracle of that kind of object; None where it is."""
        if isinstance(kind, self.kinds):
            return None
        return f"makes {self.kinds.name} objects, but the oracle measures {kind.name} objects"

    @abstractmethod
    def propose(self, ask: Ask) -> Any:
        """A batch of objects, any number, also none."""
