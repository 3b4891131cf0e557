"""Keys and values that are kept along a rollout of sequences of different lengths."""

import pytest
import torch

from molgfn.networks.sequences.transformer import CausalTransformer


@pytest.fixture
def poisoned():
    """Memory that nobody has written is NaN, as it may be."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def test_places_that_a_shorter_sequence_has_not_written_do_not_matter(poisoned):
    assert torch.zeros(1).new_empty(3).isnan().all()
    torch.manual_seed(0)
    trunk = CausalTransformer(width=8, layers=2, heads=2, expansion=2, places=7).eval()
    x, length = torch.randn(3, 7, 8), torch.tensor([1, 4, 2])
    with torch.no_grad():
        _, memory = trunk.begin(x[:, :4], length, 7)
        for rows in ([0, 1, 2], [0, 2], [1]):
            memory.keep(torch.tensor(rows))
            x, length = x[rows], length[rows]
            found = trunk.step(x[torch.arange(len(x)), length], memory, length)
            length = length + 1
            whole = trunk(x, length)[torch.arange(len(x)), length - 1]
            assert torch.allclose(found, whole, atol=1e-5)
