"""What conditions over several named objectives share: the columns, and points that are spread out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from scipy.cluster.vq import kmeans2
from torch import Tensor

from molgfn.errors import ConfigError

#: points for each centre, and at least, that centres are found of
POINTS, LEAST_POINTS = 64, 2048


def columns_of(label: str, names: Sequence[str] | None) -> tuple[str, ...]:
    """``LABEL_NAME`` for each objective.

    Raises:
        ConfigError: nobody says which there are, they are fewer than two, or one is there twice.
    """
    if names is None:
        raise ConfigError(
            f"names: nobody says which objectives the {label} is about; list them, or take them from an oracle of "
            "several objectives (names null in the config of a run)"
        )
    if len(names) < 2:
        raise ConfigError(f"names: a {label} is about at least two objectives, not about {', '.join(names) or 'none'}")
    if twice := sorted({name for name in names if list(names).count(name) > 1}):
        raise ConfigError(f"names: {', '.join(twice)} is there twice")
    return tuple(f"{label}_{name}" for name in names)


def spread_out(draw: Callable[[int, torch.Generator], Tensor], n: int, seed: int) -> Tensor:
    """k-means centres of a sample, float64 [<= n, K]: the same for the same seed.

    Args:
        draw: a sample of so many points, float64 [m, K], by a generator.
        n: centres.
        seed: of the sample and of the start of the centres.
    """
    points = draw(max(LEAST_POINTS, POINTS * n), torch.Generator().manual_seed(seed)).numpy()
    centres, labels = kmeans2(points, n, iter=50, minit="++", missing="warn", rng=seed)
    return torch.from_numpy(centres[sorted(set(labels.tolist()))])
