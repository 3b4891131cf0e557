"""Strings through a causal trunk: all states of a batch in one pass, or one token more at each step of a rollout."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from molgfn.environments.sequences import SequenceBatch, SequenceSpec
from molgfn.networks.mlp import mlp
from molgfn.networks.sequences import Memory, SequenceTrunk
from molgfn.policies.sequence.runs import Runs


class SequenceEncoder(nn.Module):
    """Embeddings of strings: what the trunk has read up to the last token, a start symbol before the first.

    A condition is read at every place: what an MLP makes of it is added to the embedding of each token.

    Args:
        spec: of the environment.
        trunk: over embeddings of its ``inputs``.
    """

    def __init__(self, spec: SequenceSpec, trunk: SequenceTrunk) -> None:
        super().__init__()
        self.places = spec.max_length + 1
        self.embedding = nn.Embedding(spec.symbols + 1, trunk.inputs)  # the first one is the start
        self.trunk = trunk
        self.condition = mlp(spec.condition, trunk.inputs, 1, trunk.inputs) if spec.condition else None

    @property
    def dtype(self) -> torch.dtype:
        return self.embedding.weight.dtype

    def forward(self, batch: SequenceBatch, runs: Runs) -> Tensor:
        """[S, width]; each of the R strings that the S states are prefixes of is read once."""
        length = batch.length[runs.last]
        x = self._whole(batch.tokens[runs.last], length, self._of(batch, runs.last))
        return self.trunk(x, length + 1)[runs.run, batch.length]

    def begin(self, batch: SequenceBatch) -> tuple[Tensor, Memory]:
        """[B, width] of any states, and what ``step`` goes on from."""
        x = self._whole(batch.tokens, batch.length, self._of(batch, None))
        return self.trunk.begin(x, batch.length + 1, self.places)

    def step(self, batch: SequenceBatch, memory: Memory) -> Tensor:
        """[B, width] of the states of the call before with their last token, in the same order."""
        last = batch.tokens.gather(1, (batch.length - 1).clamp(min=0)[:, None]).squeeze(1)
        x = self.embedding(last.long() + 1)
        if (condition := self._of(batch, None)) is not None:
            x = x + condition
        return self.trunk.step(x, memory, batch.length)

    def _of(self, batch: SequenceBatch, rows: Tensor | None) -> Tensor | None:
        """What the condition adds to each embedding, [R, inputs]."""
        if self.condition is None or batch.condition is None:
            return None
        condition = batch.condition if rows is None else batch.condition[rows]
        return self.condition(condition.to(self.dtype))

    def _whole(self, tokens: Tensor, length: Tensor, condition: Tensor | None) -> Tensor:
        """[R, T, inputs], T one more than the longest has tokens."""
        longest = int(length.max()) if len(length) else 0
        start = tokens.new_full((len(tokens), 1), -1)
        x = self.embedding((torch.cat([start, tokens[:, :longest]], 1) + 1).long())
        return x if condition is None else x + condition[:, None]
