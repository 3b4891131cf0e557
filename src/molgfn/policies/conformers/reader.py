"""From the graphs of molecules, and the angles that are set, to one state for each rotor."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from molgfn.environments.conformers.shown import (
    ATOM_FEATURES,
    BOND_FEATURES,
    FARTHEST,
    ROTOR_FEATURES,
    WAVES,
    FrameGraphs,
    TorsionBatch,
)
from molgfn.networks.message_passing import MessagePassing
from molgfn.networks.mlp import mlp


class RotorEncoder(nn.Module):
    """One state for each rotor, which no turn about a rotor changes.

    Message passing over atoms; a rotor reads its four atoms, its bond, and the branches at both ends.

    Each branch says where about the bond it lies from a (or d), so that mirror images are told apart, and so is which
    of several like branches the torsion is measured by.

    Args:
        width: of all states.
        layers: of message passing.
    """

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.atoms = nn.Linear(ATOM_FEATURES, width)
        self.bonds = nn.Linear(BOND_FEATURES, width)
        self.passing = MessagePassing(width=width, layers=layers)
        self.ends = nn.ModuleList(mlp(width + 2, width, 1, width) for _ in range(2))
        self.rotor = mlp(4 * width + ROTOR_FEATURES, width, 1, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, graphs: FrameGraphs) -> Tensor:
        """[M, D, width]; 0 where there is no rotor."""
        dtype = self.atoms.weight.dtype
        nodes = self.passing(
            self.atoms(graphs.atoms.to(dtype)), graphs.bonds, self.bonds(graphs.bond_features.to(dtype)), None
        )
        molecules, rotors = graphs.rotor_there.shape
        four = nodes[graphs.rotor_atoms].flatten(2)
        found = self.rotor(torch.cat([four, graphs.rotor_features.to(dtype)], -1)).flatten(0, 1)
        branches = torch.cat([nodes[graphs.branch_atom], graphs.branch_offset.to(dtype)], 1)
        said = torch.where((graphs.branch_end == 0)[:, None], self.ends[0](branches), self.ends[1](branches))
        found = found.index_add(0, graphs.branch_rotor, said).view(molecules, rotors, -1)
        return torch.where(graphs.rotor_there[..., None], self.norm(found), 0.0)


class TorsionTrunk(nn.Module):
    """Attention among the rotors of a molecule, each with its angle where it is set.

    Args:
        width: of all states; a multiple of ``heads``.
        layers: of attention.
        heads: of each.
        waves: numbers that an angle is shown by.
    """

    def __init__(self, width: int, layers: int, heads: int, waves: int) -> None:
        super().__init__()
        self.heads = heads
        self.angle = mlp(waves + 1, width, 1, width)
        self.start = nn.Linear(2 * width, width)
        self.beside = nn.ModuleList(nn.Embedding(FARTHEST + 1, heads) for _ in range(layers))
        self.attend = nn.ModuleList(nn.Linear(width, 3 * width) for _ in range(layers))
        self.out = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.feed = nn.ModuleList(mlp(width, 2 * width, 1, width) for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2 * layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, rotors: Tensor, waves: Tensor, done: Tensor, there: Tensor, apart: Tensor) -> Tensor:
        """States of rotors [B, D, width], from those without angles.

        Args:
            rotors: [B, D, width], of ``RotorEncoder``.
            waves: [B, D, waves].
            done: bool [B, D].
            there: bool [B, D].
            apart: int64 [B, D, D].
        """
        angle = self.angle(torch.cat([waves, done[..., None].to(waves.dtype)], -1))
        x = self.start(torch.cat([rotors, angle], -1))
        unseen = torch.zeros_like(there, dtype=x.dtype).masked_fill(~there, -1e9)[:, None, None]
        for k, (attend, out, feed) in enumerate(zip(self.attend, self.out, self.feed, strict=True)):
            parts = attend(self.norms[2 * k](x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
            bias = self.beside[k](apart).permute(0, 3, 1, 2) + unseen
            seen = nn.functional.scaled_dot_product_attention(parts[0], parts[1], parts[2], attn_mask=bias)
            x = x + out(seen.transpose(1, 2).flatten(2))
            x = x + feed(self.norms[2 * k + 1](x))
        return self.norm(x)


class Reader(nn.Module):
    """Both: states of the rotors of a batch.

    Args:
        width: of all states.
        layers: of message passing.
        attention_layers: among rotors.
        heads: of attention.
    """

    def __init__(self, width: int, layers: int, attention_layers: int, heads: int) -> None:
        super().__init__()
        self.encoder = RotorEncoder(width, layers)
        self.trunk = TorsionTrunk(width, attention_layers, heads, WAVES)

    def rotors(self, shown: TorsionBatch) -> Tensor:
        """Of all molecules, without angles, [M, D, width]."""
        return self.encoder(shown.graphs)

    def forward(self, shown: TorsionBatch, rotors: Tensor | None = None) -> Tensor:
        """[B, D, width]; ``rotors`` where they are known."""
        found = self.rotors(shown) if rotors is None else rotors
        graphs, m = shown.graphs, shown.molecule
        waves = shown.waves.to(found.dtype)
        return self.trunk(found[m], waves, shown.done, graphs.rotor_there[m], graphs.apart[m])
