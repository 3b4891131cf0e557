"""The network of the sEH proxy, with its weights as they were published."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from molgfn.errors import DataError
from molgfn.networks.segments import segment_logsumexp

FEATURES, WIDTH, BONDS = 71, 64, 4
ROUNDS, READOUT_STEPS = 12, 3
#: place in the published list -> name and shape; 12 to 15 belong to outputs that the proxy does not use
SHAPES: dict[int, tuple[str, tuple[int, ...]]] = {
    0: ("embedding weight", (WIDTH, FEATURES)),
    1: ("embedding bias", (WIDTH,)),
    2: ("root weight", (WIDTH, WIDTH)),
    3: ("message bias", (WIDTH,)),
    4: ("edge network, first weight", (128, BONDS)),
    5: ("edge network, first bias", (128,)),
    6: ("edge network, second weight", (WIDTH * WIDTH, 128)),
    7: ("edge network, second bias", (WIDTH * WIDTH,)),
    8: ("GRU input weight", (3 * WIDTH, WIDTH)),
    9: ("GRU hidden weight", (3 * WIDTH, WIDTH)),
    10: ("GRU input bias", (3 * WIDTH,)),
    11: ("GRU hidden bias", (3 * WIDTH,)),
    16: ("Set2Set input weight", (4 * WIDTH, 2 * WIDTH)),
    17: ("Set2Set hidden weight", (4 * WIDTH, WIDTH)),
    18: ("Set2Set input bias", (4 * WIDTH,)),
    19: ("Set2Set hidden bias", (4 * WIDTH,)),
    20: ("output weight", (1, 2 * WIDTH)),
    21: ("output bias", (1,)),
}
LENGTH = max(SHAPES) + 1


class SEHProxyNetwork(nn.Module):
    """Message passing with one matrix per bond kind, a GRU between the rounds, and Set2Set at the end.

    The published network computes a 64 x 64 matrix for every bond in every round from the bond's one-hot kind. There
    are four kinds, and a loop without any, so the five matrices are made once, here. In a round each is applied to
    the atoms that have such a bond, once per atom.

    Args:
        arrays: the published list of 22 arrays of weights, in its order; only those of ``SHAPES`` are used.
        where: file that they are from, for messages.

    Raises:
        DataError: the list is too short, or an array has another shape or is not finite; the message names it.

    Reference:
        Bengio et al., arXiv 2106.04399; Gilmer et al., "Neural Message Passing for Quantum Chemistry", 1704.01212;
        Vinyals et al., "Order Matters: Sequence to sequence for sets", 1511.06391.
    """

    embedding_weight: Tensor
    embedding_bias: Tensor
    bond: Tensor
    state_weight: Tensor
    state_bias: Tensor
    message_weight: Tensor
    message_bias: Tensor
    readout_weight: Tensor
    readout_bias: Tensor
    output_weight: Tensor
    output_bias: Tensor

    def __init__(self, arrays: Sequence[np.ndarray], where: str = "weights") -> None:
        super().__init__()
        if len(arrays) < LENGTH:
            raise DataError(f"{where}: should hold {LENGTH} arrays of the sEH proxy, holds {len(arrays)}")
        w: dict[int, Tensor] = {}
        for i, (name, shape) in SHAPES.items():
            if arrays[i].shape != shape or not np.isfinite(arrays[i]).all():
                raise DataError(
                    f"{where}: array {i} ({name}) should be finite numbers of shape {list(shape)}, "
                    f"is of shape {list(arrays[i].shape)}"
                )
            w[i] = torch.tensor(arrays[i], dtype=torch.float32)
        kinds = torch.eye(BONDS + 1)[:, :BONDS]  # the loop's features are all 0
        edge = functional.linear(functional.leaky_relu(functional.linear(kinds, w[4], w[5])), w[6], w[7])
        buffers = {
            "embedding_weight": w[0],
            "embedding_bias": w[1],
            "bond": edge.view(BONDS + 1, WIDTH, WIDTH),
            # the root's part of the message and the GRU's hidden part are one product with the state
            "state_weight": torch.cat([w[2], _twice_new(w[9])]).T.contiguous(),
            "state_bias": torch.cat([w[3], _twice_new(w[11])]),
            "message_weight": _twice_new(w[8]).T.contiguous(),
            "message_bias": _twice_new(w[10]),
            "readout_weight": torch.cat([w[16], w[17]], 1),
            "readout_bias": w[18] + w[19],
            "output_weight": w[20],
            "output_bias": w[21],
        }
        for name, buffer in buffers.items():
            self.register_buffer(name, buffer)

    def forward(self, features: Tensor, sizes: Tensor, source: Tensor, target: Tensor, kind: Tensor) -> Tensor:
        """Raw proxy value of each molecule, float32 [B].

        Args:
            features: of the atoms, float32 [N, 71]; those of a molecule lie together.
            sizes: atoms of each molecule, int64 [B], at least 1.
            source: atom that each directed bond leads from, int64 [E].
            target: atom that it leads to, int64 [E], ascending.
            kind: int64 [E] in 0..4.
        """
        n = len(features)
        # every (kind, atom) that sends something, by kind, and for each bond which of them it carries
        sends = torch.zeros((BONDS + 1) * n, dtype=torch.bool, device=features.device)
        key = kind * n + source
        sends[key] = True
        carried = (sends.cumsum(0) - 1)[key]
        senders = sends.nonzero()[:, 0]
        counts = torch.bincount(senders // n, minlength=BONDS + 1).tolist()
        senders = senders % n
        degrees = torch.bincount(target, minlength=n)
        first = degrees.cumsum(0) - degrees

        h = functional.leaky_relu(functional.linear(features, self.embedding_weight, self.embedding_bias))
        for _ in range(ROUNDS):
            sent = [
                part @ matrix
                for part, matrix in zip(h.index_select(0, senders).split(counts), self.bond, strict=True)
                if len(part)
            ]
            # each atom is a bag of what its bonds carry: gather and mean in one pass, 0 for an empty bag
            mean = functional.embedding_bag(carried, torch.cat(sent), first, mode="mean")
            root, r_z, new = torch.addmm(self.state_bias, h, self.state_weight).split([WIDTH, 2 * WIDTH, WIDTH], 1)
            message = functional.leaky_relu_(mean.add_(root))
            m_r_z, m_new = torch.addmm(self.message_bias, message, self.message_weight).split([2 * WIDTH, WIDTH], 1)
            reset, update = (m_r_z + r_z).sigmoid_().split(WIDTH, 1)
            # tanh(x) = 2 sigmoid(2 x) - 1, and torch's sigmoid is several times as fast; the weights give 2 x
            candidate = torch.addcmul(m_new, reset, new).sigmoid_().mul_(2).sub_(1)
            h = torch.lerp(candidate, h, update)
        return functional.linear(self._set2set(h, sizes), self.output_weight, self.output_bias)[:, 0]

    def _set2set(self, h: Tensor, sizes: Tensor) -> Tensor:
        """Atom states [N, 64] to molecules [B, 128]: an LSTM that asks three times, attention that answers."""
        molecule = torch.repeat_interleave(sizes)
        first = sizes.cumsum(0) - sizes
        atoms = torch.arange(len(h), device=h.device)
        query = answer = cell = h.new_zeros(len(sizes), WIDTH)
        for _ in range(READOUT_STEPS):
            state = torch.cat([query, answer, query], 1)
            gates = functional.linear(state, self.readout_weight, self.readout_bias)
            take, keep, new, show = gates.chunk(4, 1)
            cell = keep.sigmoid() * cell + take.sigmoid() * new.tanh()
            query = show.sigmoid() * cell.tanh()
            energy = (h * query[molecule]).sum(1)
            share = (energy - segment_logsumexp(energy, molecule, len(sizes))[molecule]).exp()
            answer = functional.embedding_bag(atoms, h, first, mode="sum", per_sample_weights=share)
        return torch.cat([query, answer], 1)


def _twice_new(gates: Tensor) -> Tensor:
    """Rows of a GRU's gates [3 * WIDTH, ...] with those of the candidate doubled, which is exact."""
    return torch.cat([gates[: 2 * WIDTH], 2 * gates[2 * WIDTH :]])
