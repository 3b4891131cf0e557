"""Several message-passing networks at once, each with parameters of its own."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.nn import Aggregation, GINEConv

from molgfn.proxies.features import ATOM_COLUMNS, BOND_KINDS, MoleculeGraphs, one_hot

#: what the sum over atoms is divided by, so that it is about as large as the mean
USUAL_SIZE = 25.0


class StackedLinear(nn.Module):
    """K linear maps: [K, n, inputs] (or [n, inputs], the same for all) to [K, n, outputs]."""

    def __init__(self, members: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(members, inputs, outputs))
        self.bias = nn.Parameter(torch.empty(members, 1, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, x.expand(len(self.weight), -1, -1), self.weight)


class StackedNorm(nn.Module):
    """K layer normalisations of [K, n, width]."""

    def __init__(self, members: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(members, 1, width))
        self.bias = nn.Parameter(torch.zeros(members, 1, width))

    def forward(self, x: Tensor) -> Tensor:
        return torch.addcmul(self.bias, functional.layer_norm(x, x.shape[-1:]), self.weight)


class StackedSum(Aggregation):
    """Sum of messages [K, E, width] at each atom, [K, N, width]; PyG's own scatters numbers, this adds whole rows."""

    def forward(
        self,
        x: Tensor,
        index: Tensor | None = None,
        ptr: Tensor | None = None,
        dim_size: int | None = None,
        dim: int = -2,
        max_num_elements: int | None = None,
    ) -> Tensor:
        if index is None or dim_size is None:
            raise ValueError("needs the atom that each message goes to, and how many atoms there are")
        return x.new_zeros(len(x), dim_size, x.shape[-1]).index_add(dim, index, x)


class EnsembleNetwork(nn.Module):
    """K independent graph networks in one pass: GINE layers, residual and layer-normalised, mean and sum over atoms.

    Every parameter has the members in its first dimension, and no operation mixes them, so the gradient of a sum of
    losses trains each member as if it were alone. PyG's layers take node states [K, N, width] as they are.

    Args:
        members: K.
        width: size of atom and bond states.
        layers: rounds of messages; an atom sees as many bonds far.

    Reference:
        GINE: Hu et al., "Strategies for Pre-training Graph Neural Networks", ICLR 2020, arXiv 1905.12265. Deep
        ensembles: Lakshminarayanan et al., NeurIPS 2017, arXiv 1612.01474.
    """

    def __init__(self, *, members: int, width: int, layers: int) -> None:
        super().__init__()
        self.members, self.width = members, width

        def perceptron(inputs: int, outputs: int) -> nn.Sequential:
            return nn.Sequential(
                StackedLinear(members, inputs, width), nn.ReLU(), StackedLinear(members, width, outputs)
            )

        self.atoms = StackedLinear(members, ATOM_COLUMNS, width)
        self.bonds = nn.ParameterList(torch.empty(members, BOND_KINDS, width) for _ in range(layers))
        self.norms = nn.ModuleList(StackedNorm(members, width) for _ in range(layers))
        self.layers = nn.ModuleList(GINEConv(perceptron(width, width), aggr=StackedSum()) for _ in range(layers))
        self.norm = StackedNorm(members, width)
        self.readout = perceptron(2 * width, 1)

    @torch.no_grad()
    def initialise(self, seed: int) -> None:
        """Draw the parameters; those of member k depend on ``seed`` and k only, not on how many there are."""
        generators = [
            torch.Generator().manual_seed(int(s.generate_state(1, np.uint64)[0] >> np.uint64(1)))
            for s in np.random.SeedSequence(seed).spawn(self.members)
        ]
        for module in self.modules():
            if isinstance(module, StackedLinear):
                bound = 1 / math.sqrt(module.weight.shape[1])  # as torch's own linear layers
                for k, generator in enumerate(generators):
                    module.weight[k].uniform_(-bound, bound, generator=generator)
                    module.bias[k].uniform_(-bound, bound, generator=generator)
        for table in self.bonds:
            for k, generator in enumerate(generators):
                table[k].normal_(generator=generator)

    def forward(self, features: Tensor, edges: Tensor, kind: Tensor, sizes: Tensor) -> Tensor:
        """Standardised prediction of each member for each molecule, float32 [K, B]; arguments as of ``embed``."""
        return self.readout(self.embed(features, edges, kind, sizes))[:, :, 0]

    def embed(self, features: Tensor, edges: Tensor, kind: Tensor, sizes: Tensor) -> Tensor:
        """What the readout gets of each molecule, float32 [K, B, 2 width]: mean of its atoms, then their scaled sum.

        Args:
            features: of the atoms, float32 [N, ATOM_COLUMNS]; those of a molecule lie together.
            edges: source and target of each directed bond, int64 [2, E].
            kind: of each bond, int64 [E].
            sizes: atoms of each molecule, int64 [B].
        """
        h = self.atoms(features)
        for layer, norm, table in zip(self.layers, self.norms, self.bonds, strict=True):
            h = h + functional.relu(layer(norm(h), edges, table.index_select(1, kind)))
        h = self.norm(h)
        molecule = torch.repeat_interleave(sizes)
        total = h.new_zeros(self.members, len(sizes), self.width).index_add(1, molecule, h)
        mean = total / sizes.clamp(min=1)[:, None]
        return torch.cat([mean, total / USUAL_SIZE], 2)


def tensors(graphs: MoleculeGraphs) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The arguments of ``EnsembleNetwork.forward``."""
    arrays = one_hot(graphs.atoms), graphs.edges(), graphs.kind, graphs.sizes
    features, edges, kind, sizes = map(torch.from_numpy, arrays)
    return features, edges, kind, sizes
