"""Labels from outside the budget: molecules whose values are known before the first round, and counted."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from pydantic import Field

from molgfn.chemistry.molecules import Molecule
from molgfn.datasets.reading import AS_IT_IS, open_molecules
from molgfn.errors import ConfigError, DataError
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MOLECULE
from molgfn.paths import NamedInput
from molgfn.proxies.table import read_property
from molgfn.rewards.base import Reward, Scores
from molgfn.serving.measurements import Measurements


class Prescreen:
    """Molecules of a file with the values that the oracle gives them, or that a column says.

    All of them are labels outside the budget (track B), which every summary says. The best are known from the start, to
    the acquisition and to proposers; the first round asks the oracle for the very best of them, which are calls.

    Args:
        molecules: a file of molecules, or the name of a set.
        values: column of a table with values of the oracle's one property, in its units; None: the oracle is asked for
            each, beside the budget.
        keep: how many of the best are known.
        column: of a table, that holds SMILES; None finds it.
        limit: entries read, the first ones, where the oracle is asked; None reads all.
    """

    def __init__(
        self,
        *,
        molecules: Annotated[NamedInput, Field(min_length=1)],
        values: str | None = None,
        keep: Annotated[int, Field(ge=1)] = 1000,
        column: str | None = None,
        limit: Annotated[int, Field(ge=1)] | None = 10_000,
    ) -> None:
        self.molecules, self.values, self.keep = molecules, values, keep
        self.column, self.limit = column, limit

    def misfit(self, kind: ObjectKind) -> str | None:
        """Why it is of no use here; None where it is."""
        return None if kind is MOLECULE else f"holds molecules, but the oracle measures {kind.name} objects"

    def labels(self, reward: Reward) -> tuple[list[Molecule], Scores]:
        """All labelled molecules with what the reward makes of them.

        Args:
            reward: one that counts nothing of the run's budget.

        Raises:
            DataError: the file cannot be used, or no molecule of it has a value.
            ConfigError: a column of values for an oracle of several properties.
        """
        if self.values is None:
            found = open_molecules(self.molecules, column=self.column, limit=self.limit, standardise=AS_IT_IS)
            molecules = list({m.smiles: m for m in found.molecules}.values())
            scores = reward(molecules, [m.smiles for m in molecules])
        else:
            table = read_property(self.molecules, self.values, smiles=self.column)
            molecules, scores = table.molecules, _told(reward, table.values)
        if not scores.valid.any():
            raise DataError(f"{self.molecules}: no molecule of the prescreen has a value")
        return molecules, scores


def _told(reward: Reward, values: np.ndarray) -> Scores:
    """What values of the one property are worth, without a call."""
    oracle = getattr(reward, "oracle", None)
    if oracle is None or tuple(oracle.component_names) != (oracle.name,):
        raise ConfigError(
            "prescreen.values: the oracle is made of several properties, of which one column says too little; leave "
            "it null, and the oracle is asked"
        )
    column = torch.from_numpy(np.asarray(values, dtype=np.float64))
    measured = Measurements({oracle.name: column}, [None] * len(column))
    components = {oracle.name: column}
    if (transform := getattr(reward, "transform", None)) is not None:
        components[f"{oracle.name}_transformed"] = torch.from_numpy(np.asarray(transform(values), dtype=np.float64))
    return Scores(reward.log_reward(measured), column, components, [None] * len(column), measured)
