"""What all heads read: the molecule, the reaction whose product is still open, and the blocks."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from molgfn.environments.reactions.encoding import ReactionBatch, ReactionSpec
from molgfn.networks.embedding_sum import embedding
from molgfn.networks.graph_transformer import GraphTransformer
from molgfn.networks.mlp import mlp
from molgfn.policies.graph_encoder import GraphEncoder

#: blocks whose hidden features are there at once; of more they are computed again in the backward pass
CHUNK = 16_384


@dataclass(frozen=True)
class Features:
    """B states through a trunk.

    Attributes:
        states: [B, width].
        blocks: [N, width], embeddings of the blocks.
        candidates: [c, width], of the products of choices.
    """

    states: Tensor
    blocks: Tensor
    candidates: Tensor


class BlockEmbedding(nn.Module):
    """Blocks by what they look like, and by which they are: ``(1 - share) network(fingerprint) + share one-hot``.

    A network alone shares what it learns among blocks that look alike, and cannot tell apart what has the same
    fingerprint; a table alone learns each block by itself.

    Args:
        fingerprints: uint8 [N, bits].
        width: size of an embedding.
        one_hot: share of the table, in [0, 1].

    Reference: Gaiński et al. 2025, arXiv 2506.19865, where the share is 0.5 to 1.
    """

    def __init__(self, fingerprints: Tensor, width: int, one_hot: float) -> None:
        super().__init__()
        self.one_hot = one_hot
        self.register_buffer("fingerprints", fingerprints, persistent=False)
        self.network = mlp(fingerprints.shape[1], width, 1, width) if one_hot < 1 else None
        self.table = nn.Embedding(len(fingerprints), width) if one_hot > 0 else None

    def forward(self) -> Tensor:
        """[N, width]; hidden layers of many blocks are not kept for the backward pass."""
        prints: Tensor = self.fingerprints  # type: ignore[assignment]
        parts: list[Tensor] = []
        if self.network is not None:
            if len(prints) <= CHUNK:
                made = self._through(prints)
            else:
                again = torch.is_grad_enabled()
                chunks = [
                    checkpoint(self._through, p, use_reentrant=False) if again else self._through(p)
                    for p in prints.split(CHUNK)
                ]
                made = torch.cat(chunks)  # type: ignore[arg-type]
            parts.append(made * (1 - self.one_hot))
        if self.table is not None:
            parts.append(self.table.weight * self.one_hot)
        return parts[0] if len(parts) == 1 else parts[0] + parts[1]

    def _through(self, prints: Tensor) -> Tensor:
        network: nn.Sequential = self.network  # type: ignore[assignment]
        like: Tensor = network[0].weight  # type: ignore[assignment]
        return network(prints.to(like.dtype))


class ReactionTrunk(nn.Module):
    """A graph transformer over the atoms of the molecule, and embeddings of blocks, slots and products.

    Args:
        spec: sizes.
        fingerprints: of the blocks, uint8 [N, bits].
        width, layers, heads, expansion: of the graph transformer.
        one_hot: see ``BlockEmbedding``.
    """

    def __init__(
        self,
        spec: ReactionSpec,
        fingerprints: Tensor,
        *,
        width: int,
        layers: int,
        heads: int,
        expansion: int,
        one_hot: float,
    ) -> None:
        super().__init__()
        trunk = GraphTransformer(width=width, layers=layers, heads=heads, expansion=expansion)
        self.encoder = GraphEncoder(dataclasses.replace(spec.graphs, condition=spec.condition), width, trunk)
        self.blocks = BlockEmbedding(fingerprints, width, one_hot)
        self.slots = nn.Embedding(spec.slots, width)
        self.molecules = mlp(spec.fingerprint, width, 1, width)

    def forward(self, batch: ReactionBatch, blocks: Tensor | None = None, *, whole: bool = True) -> Features:
        """``blocks``: their embeddings where they are known already. ``whole``: see ``ReactionBatch.graphs``."""
        states = self.encoder(batch.graphs(whole=whole)).graphs
        known = self.blocks() if blocks is None else blocks
        candidates = self.molecules(batch.candidates.to(states.dtype))
        if len(batch.candidate_row):
            states = states + self._open(batch, states, known, candidates)
        return Features(states, known, candidates)

    def _open(self, batch: ReactionBatch, states: Tensor, blocks: Tensor, candidates: Tensor) -> Tensor:
        """[B, width]: of choices, the slot, the partners and the mean of the products; 0 elsewhere."""
        rows = (batch.slot >= 0).nonzero().squeeze(1)
        what = embedding(self.slots.weight, batch.slot[rows])
        for partner in batch.partners[rows].unbind(1):
            there = (partner >= 0).to(what.dtype)[:, None]
            what = what + blocks.index_select(0, partner.clamp(min=0)) * there
        count = torch.bincount(batch.candidate_row, minlength=len(states)).clamp(min=1).to(what.dtype)
        mean = torch.zeros_like(states).index_add(0, batch.candidate_row, candidates) / count[:, None]
        return mean.index_add(0, rows, what)


def dot(queries: Tensor, blocks: Tensor) -> Tensor:
    """[m, width] and [n, width] -> logits [m, n]."""
    return queries @ blocks.T / math.sqrt(blocks.shape[1])
