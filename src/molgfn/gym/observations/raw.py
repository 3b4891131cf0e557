"""States as the tensors that they are."""

from __future__ import annotations

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from molgfn.environments.base import Environment, States
from molgfn.gym.observations.base import Observation, array

#: bounds of whole numbers, of which the environment says nothing
LARGEST = 2**31 - 1


class Raw(Observation):
    """The tensors of the state by name (dots of nested ones become underscores): what the environment itself keeps, for
    agents that make their own features. Truth values become int8 of 0 and 1; one number of a state has the shape [1].
    """

    space: spaces.Dict

    def __init__(self, environment: Environment) -> None:
        first = environment.initial(1).tensors()
        self.space = spaces.Dict({_name(name): _space(tensor) for name, tensor in first.items()})

    def __call__(self, states: States) -> dict[str, np.ndarray]:
        tensors = {_name(name): tensor for name, tensor in states.tensors().items()}
        return {
            name: array(tensor, self.space[name].dtype).reshape(-1, *self.space[name].shape)  # type: ignore[misc]
            for name, tensor in tensors.items()
        }


def _name(name: str) -> str:
    return name.replace(".", "_")


def _space(tensor: Tensor) -> spaces.Box:
    shape = tuple(tensor.shape[1:]) or (1,)
    if tensor.dtype is torch.bool:
        return spaces.Box(0, 1, shape, np.int8)
    if tensor.dtype.is_floating_point:
        return spaces.Box(-np.inf, np.inf, shape, np.float32)
    return spaces.Box(-LARGEST, LARGEST, shape, np.int64)
