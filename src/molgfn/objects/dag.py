"""Directed acyclic graphs over numbered nodes, known by their edges."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from math import cos, pi, sin
from typing import TYPE_CHECKING, Any, ClassVar

from molgfn.errors import DataError
from molgfn.objects.capabilities import HasDescriptors, HasPictures

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

_KEY = re.compile(r"\s*(\d+)\s*:((?:\s*\d+>\d+)*)\s*")


class DAGKind(HasPictures, HasDescriptors):
    """A batch is a bool tensor [B, n, n], True at (i, j) where an edge goes from i to j.

    The key of 0 -> 2 <- 1 among 4 nodes is ``"4: 0>2 1>2"``.
    """

    name: ClassVar[str] = "dag"
    descriptors: ClassVar[dict[str, str]] = {
        "edges": "edges",
        "most_parents": "most parents of a node",
        "longest_path": "edges of the longest path",
    }

    def keys(self, objects: Tensor) -> list[str]:
        n = objects.shape[1]
        found: list[list[str]] = [[] for _ in range(len(objects))]
        for row, i, j in objects.nonzero().tolist():
            found[row].append(f"{i}>{j}")
        return [" ".join([f"{n}:", *edges]) for edges in found]

    def parse(self, keys: Sequence[str]) -> Tensor:
        import torch

        read = [_edges(str(key)) for key in keys]
        if len(sizes := sorted({n for n, _ in read})) > 1:
            raise DataError(f"DAGs of one batch have one number of nodes; some have {sizes[0]} and some {sizes[-1]}")
        out = torch.zeros(len(read), *[sizes[0] if sizes else 0] * 2, dtype=torch.bool)
        for row, (_, edges) in enumerate(read):
            for i, j in edges:
                out[row, i, j] = True
        circular = _levels(out.numpy()) < 0
        if circular.any():
            raise DataError(f"`{keys[int(circular.any(1).argmax())]}` is no DAG: its edges go round in a circle")
        return out

    def take(self, objects: Tensor, rows: Sequence[int]) -> Tensor:
        return objects[list(rows)]

    def cat(self, batches: Sequence[Tensor]) -> Tensor:
        import torch

        return torch.cat(list(batches))

    def plain(self, objects: Tensor) -> np.ndarray:
        """Adjacency matrices, bool [B, n, n]."""
        import numpy as np

        return np.asarray(objects)

    def columns(self, objects: Tensor) -> dict[str, list[Any]]:
        return {"dag": self.keys(objects)}

    def describe(self, objects: Tensor) -> dict[str, np.ndarray]:
        """Edges, largest number of parents, and length of the longest path."""
        adjacency = self.plain(objects.cpu())
        return {
            "edges": adjacency.sum((1, 2)).astype(float),
            "most_parents": adjacency.sum(1).max(1, initial=0).astype(float),
            "longest_path": _levels(adjacency).max(1, initial=0).astype(float),
        }

    def svg(self, thing: Tensor, size: tuple[int, int] = (260, 190)) -> str:
        return self._figure([thing], [""], "svg", size).decode()

    def sheet(self, objects: Tensor, captions: Sequence[str]) -> bytes:
        return self._figure(list(objects), captions, "png", (200, 200))

    def _figure(self, things: Sequence[Tensor], captions: Sequence[str], form: str, size: tuple[int, int]) -> bytes:
        """The graphs in rows of five, the nodes of each on a circle; ``size`` in pixels of one."""
        from matplotlib.figure import Figure

        columns = min(5, len(things))
        rows = -(-len(things) // columns)
        figure = Figure(figsize=(columns * size[0] / 100, rows * size[1] / 100), dpi=100, layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).flatten().tolist()
        for axis in axes:
            axis.set_axis_off()
        for axis, thing, caption in zip(axes, things, captions, strict=False):
            n = thing.shape[0]
            at = [(sin(2 * pi * k / n), cos(2 * pi * k / n)) for k in range(n)]
            axis.set_aspect("equal")
            axis.set_xlim(-1.3, 1.3)
            axis.set_ylim(-1.3, 1.3)
            axis.set_title(caption, fontsize=8)
            for i, j in thing.nonzero().tolist():
                arrow = {"arrowstyle": "-|>", "color": "0.45", "shrinkA": 9, "shrinkB": 9}
                axis.annotate("", xy=at[j], xytext=at[i], arrowprops=arrow)
            for k, (x, y) in enumerate(at):
                box = {"boxstyle": "circle", "facecolor": "white", "edgecolor": "0.2"}
                axis.text(x, y, str(k), ha="center", va="center", fontsize=9, bbox=box)
        out = io.BytesIO()
        figure.savefig(out, format=form)
        return out.getvalue()


def _edges(key: str) -> tuple[int, list[tuple[int, int]]]:
    """Number of nodes and edges."""
    if not (found := _KEY.fullmatch(key)):
        raise DataError(f"`{key}` is no DAG; one is written as its number of nodes and its edges, such as 4: 0>2 1>2")
    n, edges = int(found[1]), [(int(i), int(j)) for i, j in re.findall(r"(\d+)>(\d+)", found[2])]
    if beyond := [f"{i}>{j}" for i, j in edges if max(i, j) >= n]:
        raise DataError(f"`{key}`: {beyond[0]} names a node that is not there; nodes are 0 to {n - 1}")
    return n, edges


def _levels(adjacency: np.ndarray) -> np.ndarray:
    """int64 [B, n]: edges of the longest path that ends in each node; -1 for nodes on or behind a circle."""
    import numpy as np

    level = np.full(adjacency.shape[:2], -1)
    for k in range(adjacency.shape[1]):  # level k: all parents have one, the highest k - 1
        waits = (adjacency & (level < 0)[:, :, None]).any(1)
        level[(level < 0) & ~waits] = k
    return level


#: the only one
DAG = DAGKind()
