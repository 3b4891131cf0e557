"""Networks with few masks, so that all can be listed, and made-up molecules."""

import itertools
import math

import torch

from molgfn.proxies.masks.network import MaskedNetwork
from molgfn.proxies.masks.posterior import Evidence


def network_of(width, seed=0, rate=0.3):
    network = MaskedNetwork(width=width, layers=1, rate=rate, seed=seed)
    network.initialise(seed)
    with torch.no_grad():  # so that a mask makes a difference
        for linear in (network.readout[0], network.readout[2]):
            linear.weight *= 3
    return network.requires_grad_(False).eval()


def evidence_of(network, count=12, noise=0.7, seed=0):
    """Made-up embeddings, and labels that some masks explain better than others."""
    random = torch.Generator().manual_seed(seed)
    embedding = torch.randn(count, 2 * network.width, generator=random)
    return Evidence(embedding, torch.randn(count, generator=random), noise)


def all_masks(n):
    return torch.tensor(list(itertools.product([0.0, 1.0], repeat=n)))


def log_prior(masks, rate):
    kept = masks.sum(-1)
    return kept * math.log(1 - rate) + (masks.shape[-1] - kept) * math.log(rate)
