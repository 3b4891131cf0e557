"""What a pool policy computes of members and of sets, whatever their order."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from molgfn.environments.sets.encoding import SetBatch, SetSpec
from molgfn.networks.mlp import mlp
from molgfn.networks.set_attention import InducedAttention


@dataclass(frozen=True)
class EmbeddedPool:
    """Attributes:
    members: float [n + 1, width]; the last row is 0, what an empty place of a set adds.
    known: float [width], of the labelled set; None without one.
    """

    members: Tensor
    known: Tensor | None


class SetTrunk(nn.Module):
    """Members embedded one by one (with attention also beside each other and the labelled set), summed over a set.

    Args:
        spec: of the sets.
        width: of the members' embeddings.
        hidden: width of hidden layers.
        layers: hidden layers of each network.
        attention: learned points by which members attend to each other; None: they do not.
    """

    def __init__(self, spec: SetSpec, width: int, hidden: int, layers: int, attention: int | None) -> None:
        super().__init__()
        beside = width if spec.labelled else 0
        self.most = spec.most
        self.known = mlp(spec.features + 1, hidden, layers, width) if spec.labelled else None
        self.member = mlp(spec.features + beside, hidden, layers, width)
        self.attention = None if attention is None else InducedAttention(width, attention)
        self.context = mlp(width + 1 + beside + spec.condition, hidden, layers)

    def pool(self, g: SetBatch) -> EmbeddedPool:
        """The members of the pool, which are the same for all sets."""
        dtype = next(self.parameters()).dtype
        features, known, labelled = g.features.to(dtype), None, None
        if self.known is not None and g.labelled is not None:
            labelled = self.known(g.labelled.to(dtype))
            known = labelled.mean(0) if len(labelled) else labelled.new_zeros(labelled.shape[1])
            features = torch.cat([features, known.expand(len(features), -1)], 1)
        embedded = self.member(features)
        if self.attention is not None:
            embedded = self.attention(embedded, labelled)
        return EmbeddedPool(torch.constant_pad_nd(embedded, (0, 0, 0, 1)), known)

    def forward(self, g: SetBatch, pool: EmbeddedPool) -> Tensor:
        """Of B sets, float [B, hidden]."""
        n = len(pool.members) - 1
        # over the root: a mean would leave the differences between sets too small to learn from
        total = functional.embedding_bag(g.members, pool.members, mode="sum") / self.most**0.5
        count = (g.members < n).sum(1, keepdim=True).to(total.dtype) / self.most
        parts = [total, count]
        if pool.known is not None:
            parts.append(pool.known.expand(len(total), -1))
        if g.condition is not None:
            parts.append(g.condition.to(total.dtype))
        return self.context(torch.cat(parts, 1))
