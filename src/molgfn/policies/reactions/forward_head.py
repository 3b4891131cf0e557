"""P_F: stop, start, a reaction or a product; then blocks, each scored by its embedding."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from molgfn.environments.reactions.encoding import ReactionBatch, ReactionSpec
from molgfn.environments.reactions.nodes import CHOOSE, REACT, START
from molgfn.environments.reactions.slots import Facts
from molgfn.networks.embedding_sum import embedding
from molgfn.networks.mlp import mlp
from molgfn.policies.distributions import Categorical, Staged
from molgfn.policies.distributions.chosen_branch import ChosenBranch, Either
from molgfn.policies.distributions.in_chunks import ChunkedCategorical, Sets
from molgfn.policies.reactions.trunk import Features, dot

#: ``legal(facts of m states, chosen int64 [m, k]) -> bool [m, parts[k]]``
Legal = Callable[[Facts, Tensor], Tensor]


@dataclass(frozen=True)
class BlockSets:
    """Sets of blocks out of which a part of an action is chosen.

    Attributes:
        legal: S + 1 sets: that fit each slot; and that a route may start from.
        others: int64 [S, P], the slots that partners fill, -1 where there is none.
    """

    legal: Sets
    others: Tensor

    def of(self, chosen: Tensor) -> Tensor:
        """int64 [m], the set of the part that comes after ``chosen`` int64 [m, k]; -1 where it is no block."""
        what, k = chosen[:, 0], chosen.shape[1] - 1
        found = torch.where(what >= REACT, self.others[(what - REACT).clamp(min=0), k], -1)
        return torch.where(what == START, len(self.legal) - 1, found) if k == 0 else found


class ForwardHead(nn.Module):
    """Logits of all parts of an action.

    What is done is read from the state; the blocks are scored by the product of their embedding with a query made of
    the state, of what is done and of the partners so far; the products of a reaction by a network of state and product.

    Args:
        spec: sizes.
        width: of all hidden states.
    """

    def __init__(self, spec: ReactionSpec, width: int) -> None:
        super().__init__()
        self.spec = spec
        self.first = mlp(width, width, 1, REACT + spec.slots)
        self.state = nn.Linear(width, width)
        #: of each slot, and of a start
        self.what = nn.Embedding(spec.slots + 1, width)
        self.given = nn.Linear(width, width, bias=False)
        self.query = nn.ModuleList(nn.Linear(width, width) for _ in range(spec.partners))
        self.product = mlp(2 * width, width, 1, 1)

    def choice(self, batch: ReactionBatch, features: Features, legal: Legal) -> Staged:
        """The choice of B states, all blocks side by side."""
        products = self.products(batch, features)
        first = self.first(features.states)
        hidden = self.state(features.states)
        device = first.device

        def stage(k: int, rows: Tensor, chosen: Tensor) -> Categorical:
            facts = batch.facts[rows.cpu()]
            mask = legal(facts, chosen)
            queries = self.queries(hidden.index_select(0, rows), chosen, features.blocks)
            logits = functional.pad(dot(queries, features.blocks), (0, mask.shape[1] - self.spec.blocks))
            if k == 1 and len(batch.candidate_row):
                chooses = (chosen[:, 0] == CHOOSE).nonzero().squeeze(1)
                wide = functional.pad(products[rows[chooses]], (0, mask.shape[1] - products.shape[1]))
                logits = logits.index_copy(0, chooses, wide)
            return Categorical(logits, mask)

        none = torch.empty(len(first), 0, dtype=torch.int64, device=device)
        later = [partial(stage, k) for k in range(1, 1 + self.spec.partners)]
        return Staged(Categorical(first, legal(batch.facts, none)), *later)

    def branch(self, batch: ReactionBatch, features: Features, legal: Legal, sets: BlockSets) -> ChosenBranch:
        """The choice of B states, blocks in chunks (``ChunkedCategorical``)."""
        products, first = self.products(batch, features), self.first(features.states)
        hidden, device = self.state(features.states), features.states.device

        def part(k: int, rows: Tensor, chosen: Tensor) -> Either:
            which = sets.of(chosen)
            blocks = (which >= 0).nonzero().squeeze(1)
            chooses = ((chosen[:, 0] == CHOOSE) & (k == 1)).nonzero().squeeze(1)
            queries = self.queries(hidden.index_select(0, rows[blocks]), chosen[blocks], features.blocks)
            of_blocks = ChunkedCategorical(queries, features.blocks, sets.legal, which[blocks])
            count = batch.facts.products.to(device)[rows[chooses]]
            mask = torch.arange(products.shape[1], device=device) < count[:, None]
            rest = ((which < 0) & ((chosen[:, 0] != CHOOSE) | (k > 1))).nonzero().squeeze(1)
            one = products.new_zeros(len(rest), 1)
            return Either(
                len(rows),
                [
                    (blocks, of_blocks),
                    (chooses, Categorical(products[rows[chooses]], mask)),
                    (rest, Categorical(one, torch.ones_like(one, dtype=torch.bool))),
                ],
            )

        none = torch.empty(len(first), 0, dtype=torch.int64, device=device)
        later = [partial(part, k) for k in range(1, 1 + self.spec.partners)]
        fixed = Features(features.states.detach(), features.blocks.detach(), features.candidates.detach())

        def snapshot() -> ChosenBranch:
            with torch.no_grad():
                return copy.deepcopy(self).branch(batch, fixed, legal, sets)

        return ChosenBranch(Categorical(first, legal(batch.facts, none)), *later, snapshot=snapshot)

    def queries(self, hidden: Tensor, chosen: Tensor, blocks: Tensor) -> Tensor:
        """[m, width], for the part of an action that comes after ``chosen`` int64 [m, k], k >= 1."""
        what = chosen[:, 0]
        row = torch.where(what == START, self.spec.slots, (what - REACT).clamp(min=0))
        hidden = hidden + embedding(self.what.weight, row)
        for partner in chosen[:, 1:].unbind(1):
            hidden = hidden + self.given(blocks.index_select(0, partner.clamp(max=len(blocks) - 1)))
        return self.query[chosen.shape[1] - 1](functional.relu(hidden))

    def products(self, batch: ReactionBatch, features: Features) -> Tensor:
        """Logits [B, K] of the products of choices, of at most K products."""
        width = int(batch.facts.products.max()) if len(batch.facts.products) else 0
        table = features.states.new_zeros(len(features.states), width)
        if not len(batch.candidate_row):
            return table
        pairs = torch.cat([features.states.index_select(0, batch.candidate_row), features.candidates], 1)
        return table.index_put((batch.candidate_row, batch.candidate), self.product(pairs).squeeze(1))
