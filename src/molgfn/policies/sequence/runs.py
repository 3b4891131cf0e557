"""Which states of a batch are prefixes of which, so that each string is read once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from molgfn.environments.sequences import SequenceBatch


@dataclass(frozen=True)
class Runs:
    """Neighbouring states of which each is the one before with one token more, under the same condition.

    The states of a trajectory are one run, of which the last one holds all. Of states in any other order each is a run
    of its own.

    Attributes:
        run: int64 [S], not decreasing, the run of each state.
        last: int64 [R], the last state of each run.
    """

    run: Tensor
    last: Tensor

    @classmethod
    def of(cls, batch: SequenceBatch) -> Runs:
        tokens, length = batch.tokens, batch.length
        if not len(length):
            return cls(length, length)
        grown = length[1:] == length[:-1] + 1
        # after the end stands -1, so a state with one token more differs in the place of that token at least
        grown = grown & ((tokens[1:] != tokens[:-1]).sum(1) == 1)
        if batch.condition is not None:
            grown = grown & (batch.condition[1:] == batch.condition[:-1]).all(1)
        ends = torch.cat([~grown, grown.new_ones(1)])
        run = torch.cat([length.new_zeros(1), (~grown).long().cumsum(0)])
        return cls(run, ends.nonzero().squeeze(1))
