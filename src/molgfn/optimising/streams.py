"""Random streams that are new for each round, so that a loop that goes on has nothing to remember of them."""

from __future__ import annotations

import zlib

import numpy as np
import torch


def seed_of(seed: int, number: int, name: str) -> int:
    """A seed for one purpose in one round, in [0, 2^63)."""
    words = np.random.SeedSequence([seed, number, zlib.crc32(name.encode())])
    return int(words.generate_state(1, np.uint64)[0] >> np.uint64(1))


def numbers(seed: int, number: int, name: str) -> np.random.Generator:
    """Of what is chosen."""
    return np.random.default_rng(seed_of(seed, number, name))


def tensors(seed: int, number: int, name: str, device: torch.device | str = "cpu") -> torch.Generator:
    """Of what a policy draws."""
    return torch.Generator(device).manual_seed(seed_of(seed, number, name))
