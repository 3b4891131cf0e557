"""P_B of reactions by how good each way back is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from molgfn.environments.backward_weights import BackwardWeights
from molgfn.environments.base import Environment, States
from molgfn.environments.reactions.environment import Reactions

#: log w of all ways back from a molecule (canonical SMILES) after so many reactions, in their order, float64 [ways]
Weigh = Callable[[str, int], np.ndarray]


class WayWeights(BackwardWeights):
    """Weights of the last reactions of the routes to a molecule.

    Ways from which no block can be reached are none (see ``Reactions``), so their probability is 0.
    """

    def __str__(self) -> str:
        return "of environment=reactions alone"

    def misfit(self, environment: Environment) -> str | None:
        inner: Any = getattr(environment, "inner", environment)  # without its condition
        if not isinstance(inner, Reactions):
            name = type(inner).__name__
            return f"{self.name} weighs the reactions that give a molecule, which {name} does not have; use uniform"
        if inner.state == "route":
            return (
                f"{self.name} chooses among the ways back from a molecule, but with environment.state route there is "
                "one from each state; use uniform"
            )
        return self.unweighed(inner)

    def unweighed(self, environment: Reactions) -> str | None:
        """Why the ways of these reactions cannot be weighed; None where they can."""
        return None

    @abstractmethod
    def weigher(self, environment: Reactions) -> Weigh:
        """Weighs the ways of one environment; kept, and made anew where all that was found is forgotten."""

    def log_weights(self, environment: Environment, states: States, row: Tensor, actions: Tensor) -> Tensor:
        inner: Any = getattr(environment, "inner", environment)
        numbers = actions[:, 0] if actions.dim() == 2 else actions
        tables = inner.way_weights(getattr(states, "inner", states), self)
        starts = np.cumsum([0, *map(len, tables)])[:-1]
        flat = torch.from_numpy(np.concatenate([*tables, np.zeros(0)])).to(row.device)
        return flat[torch.from_numpy(starts).to(row.device)[row] + numbers]
