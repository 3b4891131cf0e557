"""P_B: the ways back, each scored by the reaction, its blocks and the molecule before."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from molgfn.environments.reactions.encoding import ReactionSpec, WayBatch
from molgfn.networks.embedding_sum import embedding
from molgfn.networks.mlp import mlp, starting_at_zero
from molgfn.policies.distributions import Categorical, Staged
from molgfn.policies.reactions.trunk import Features


class BackwardHead(nn.Module):
    """Logits of ways back; all 0 at first, so that P_B starts uniform (Gritsaev et al., arXiv 2410.15474).

    Args:
        spec: sizes.
        width: of all hidden states.
    """

    def __init__(self, spec: ReactionSpec, width: int) -> None:
        super().__init__()
        self.slots = nn.Embedding(spec.slots + 1, width)
        self.before = nn.Linear(spec.fingerprint, width)
        self.state = nn.Linear(width, width)
        self.last = starting_at_zero(mlp(width, width, 1, 1))

    def forward(self, ways: WayBatch, features: Features) -> Staged:
        """The choice among the ways of B states."""
        slot = torch.where(ways.slot < 0, len(self.slots.weight) - 1, ways.slot)
        hidden = self.state(features.states).index_select(0, ways.row) + embedding(self.slots.weight, slot)
        hidden = hidden + self.before(ways.before.to(hidden.dtype))
        for partner in ways.partners.unbind(1):
            there = (partner >= 0).to(hidden.dtype)[:, None]
            hidden = hidden + features.blocks.index_select(0, partner.clamp(min=0)) * there
        return _numbered(ways, self.last(functional.relu(hidden)).squeeze(1))


def _numbered(ways: WayBatch, logits: Tensor) -> Staged:
    """The choice among the ways of B states with these logits [l]."""
    width = int(ways.counts.max()) if len(ways.counts) else 0
    table = logits.new_zeros(len(ways.counts), max(width, 1)).index_put((ways.row, ways.number), logits)
    mask = torch.arange(table.shape[1], device=table.device) < ways.counts[:, None]
    return Staged(Categorical(table, mask))
