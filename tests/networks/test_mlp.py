"""An MLP under weights that stand still."""

import pytest
import torch
from torch import nn

from molgfn.networks.mlp import frozen, mlp


@pytest.mark.parametrize("layers", [0, 1, 3])
@pytest.mark.parametrize("rows", [1, 16])
def test_frozen_is_the_same_map_without_gradient(layers, rows):
    network, x = mlp(6, 32, layers, outputs=5), torch.randn(rows, 6)
    found = frozen(network)(x)
    torch.testing.assert_close(found, network(x), rtol=1e-5, atol=1e-6)
    assert not found.requires_grad
    kept = x.clone()
    frozen(network)(x)
    assert torch.equal(x, kept)  # what it is given stays as it is


def test_frozen_does_not_follow_the_weights():
    network, x = mlp(4, 8, 2), torch.randn(3, 4)
    still = frozen(network)
    before = still(x)
    with torch.no_grad():
        for p in network.parameters():
            p.add_(torch.randn_like(p))
    assert torch.equal(still(x), before)


def test_what_is_not_plain_is_not_taken():
    class Own(nn.Linear):
        def forward(self, x):
            return 2 * super().forward(x)

    watched = nn.Linear(4, 4)
    watched.register_forward_hook(lambda module, inputs, output: output + 1)
    normed = nn.utils.parametrizations.weight_norm(nn.Linear(4, 4))
    others = (Own(4, 4), watched, normed, nn.Tanh(), nn.Linear(4, 4, bias=False))
    for module in others:
        assert frozen([nn.Linear(4, 4), nn.ReLU(), module]) is None
    assert frozen([nn.ReLU(), nn.Linear(4, 4)]) is None
