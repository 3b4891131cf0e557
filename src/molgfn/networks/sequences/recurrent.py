"""A gated recurrent network over sequences."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from molgfn.networks.sequences.trunk import Memory, SequenceTrunk


class HiddenStates(Memory):
    """``hidden``: [layers, B, width]."""

    def __init__(self, hidden: Tensor) -> None:
        self.hidden = hidden

    def keep(self, rows: Tensor) -> None:
        self.hidden = self.hidden.index_select(1, rows)


class Recurrent(SequenceTrunk):
    """Gated recurrent units (Cho et al. 2014, arXiv 1406.1078), as the SMILES priors of REINVENT have them.

    Args:
        inputs: size of the vectors.
        width: hidden units of each layer.
        layers: layers.
    """

    def __init__(self, *, inputs: int, width: int, layers: int) -> None:
        super().__init__()
        self.inputs, self.width = inputs, width
        self.gru = nn.GRU(inputs, width, layers, batch_first=True)

    def forward(self, x: Tensor, length: Tensor) -> Tensor:
        if not len(x):
            return x.new_zeros(*x.shape[:2], self.width)
        return self.gru(x)[0]  # over padding, too: on a CPU the backward pass of packed sequences is twice as slow

    def begin(self, x: Tensor, length: Tensor, room: int) -> tuple[Tensor, HiddenStates]:
        if x.shape[1] == 1:
            out, hidden = self.gru(x)
            return out[:, -1], HiddenStates(hidden)
        packed = pack_padded_sequence(x, length.cpu(), batch_first=True, enforce_sorted=False)
        hidden = self.gru(packed)[1]
        return hidden[-1], HiddenStates(hidden)

    def step(self, x: Tensor, memory: HiddenStates, place: Tensor) -> Tensor:  # type: ignore[override]
        out, memory.hidden = self.gru(x[:, None], memory.hidden)
        return out[:, 0]
