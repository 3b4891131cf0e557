"""The network against one put together from torch-geometric's and torch's own layers, with random weights."""

import numpy as np
import pytest
import torch
from rdkit import Chem
from torch import nn
from torch_geometric.nn import NNConv, Set2Set

from molgfn.chemistry.models.seh_features import proxy_graphs
from molgfn.errors import DataError
from molgfn.networks.seh_proxy import LENGTH, SHAPES, SEHProxyNetwork

SMILES = ["C", "CC", "c1ccccc1", "CC#N", "[Na+].[Cl-]", "CC(=O)Oc1ccccc1C(=O)O", "C[N+](C)(C)CC([O-])=O.CCO", "O"]


def random_arrays(seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [
        (rng.normal(size=SHAPES[i][1]) * (0.5 if i in (4, 5) else 0.1)).astype(np.float32)
        if i in SHAPES
        else np.zeros(1, dtype=np.float32)
        for i in range(LENGTH)
    ]


def frozen_arrays() -> list[np.ndarray]:
    """Those of ``tests/data/seh_proxy.csv``; numpy keeps the stream of RandomState for good."""
    stream = np.random.RandomState(0)
    return [
        (stream.standard_normal(SHAPES[i][1]) * (0.5 if i in (4, 5) else 0.1)).astype(np.float32)
        if i in SHAPES
        else np.zeros(1, dtype=np.float32)
        for i in range(LENGTH)
    ]


class Published(nn.Module):
    """As the paper's own implementation is built: an edge network inside NNConv, nn.GRU, Set2Set."""

    def __init__(self, arrays: list[np.ndarray]) -> None:
        super().__init__()
        act = nn.LeakyReLU()
        self.act = act
        self.embedding = nn.Linear(71, 64)
        edge = nn.Sequential(nn.Linear(4, 128), act, nn.Linear(128, 64 * 64))
        self.conv = NNConv(64, 64, edge, aggr="mean")
        self.gru = nn.GRU(64, 64)
        self.set2set = Set2Set(64, processing_steps=3)
        self.output = nn.Linear(128, 1)
        places = {
            "embedding.weight": 0,
            "embedding.bias": 1,
            "conv.lin.weight": 2,
            "conv.bias": 3,
            "conv.nn.0.weight": 4,
            "conv.nn.0.bias": 5,
            "conv.nn.2.weight": 6,
            "conv.nn.2.bias": 7,
            "gru.weight_ih_l0": 8,
            "gru.weight_hh_l0": 9,
            "gru.bias_ih_l0": 10,
            "gru.bias_hh_l0": 11,
            "set2set.lstm.weight_ih_l0": 16,
            "set2set.lstm.weight_hh_l0": 17,
            "set2set.lstm.bias_ih_l0": 18,
            "set2set.lstm.bias_hh_l0": 19,
            "output.weight": 20,
            "output.bias": 21,
        }
        self.load_state_dict({name: torch.tensor(arrays[i]) for name, i in places.items()})

    def forward(self, features, sizes, source, target, kind):
        attributes = torch.eye(5)[:, :4][kind]
        h = self.act(self.embedding(features))[None]
        out = h[0]
        for _ in range(12):
            message = self.act(self.conv(out, torch.stack([source, target]), attributes))
            out, h = self.gru(message[None], h)
            out = out[0]
        return self.output(self.set2set(out, torch.repeat_interleave(sizes)))[:, 0]


def tensors(smiles: list[str]) -> list[torch.Tensor]:
    g = proxy_graphs([Chem.MolFromSmiles(s) for s in smiles])
    return [torch.from_numpy(a) for a in (g.features, g.sizes, g.source, g.target, g.kind)]


@pytest.mark.parametrize("seed", [0, 1])
def test_equals_the_published_layers(seed):
    arrays = random_arrays(seed)
    with torch.no_grad():
        ours = SEHProxyNetwork(arrays)(*tensors(SMILES))
        theirs = Published(arrays)(*tensors(SMILES))
    assert ours.shape == (len(SMILES),)
    assert np.ptp(theirs.numpy()) > 0.05, "the molecules should differ, or this shows nothing"
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_a_molecule_does_not_depend_on_its_company():
    network = SEHProxyNetwork(random_arrays())
    with torch.no_grad():
        together = network(*tensors(SMILES))
        alone = torch.cat([network(*tensors([s])) for s in SMILES])
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-5)


def test_nothing_is_trained():
    assert list(SEHProxyNetwork(random_arrays()).parameters()) == []


def test_wrong_weights_are_named():
    arrays = random_arrays()
    with pytest.raises(DataError, match="my file: should hold 22 arrays of the sEH proxy, holds 21"):
        SEHProxyNetwork(arrays[:-1], "my file")
    arrays[9] = arrays[9].T
    with pytest.raises(DataError, match=r"array 9 \(GRU hidden weight\).*\[192, 64\], is of shape \[64, 192\]"):
        SEHProxyNetwork(arrays)
    arrays = random_arrays()
    arrays[20][0, 5] = np.nan
    with pytest.raises(DataError, match=r"array 20 \(output weight\) should be finite"):
        SEHProxyNetwork(arrays)
