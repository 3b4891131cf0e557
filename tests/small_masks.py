"""Networks with few masks, so that all can be listed, and made-up molecules."""

import itertools
import math

import torch

from molgfn.proxies.masks.network import MaskedNetwork
from molgfn.proxies.masks.posterior import Evidence, train_conditional, train_unconditional
from molgfn.proxies.masks.settings import MaskSettings


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


def unconditional_is_listed(network, evidence):
    """Two layers of one unit: layer by layer is unit by unit, so q can be exact, and log Z is that of the sum."""
    settings = MaskSettings(rate=0.3, beta=0.5, steps=1000, draws=16, lr=0.01, lr_log_z=0.05, weight_decay=0.0)
    found = train_unconditional(network, evidence, settings)
    masks = all_masks(2)
    likelihood = evidence.log_likelihood(network.walk(evidence.embedding, masks[:, None])).sum(1)
    target = 0.5 * likelihood + log_prior(masks, 0.3)
    trail = network.trail(evidence.embedding[:1], masks[:, None])
    log_q = found.q.log_prob(network, masks[:, None], trail)[:, 0]
    assert log_prior(masks, 0.3).exp().sub(target.softmax(0)).abs().sum() / 2 > 0.1  # there was something to learn
    assert (log_q.exp() - target.softmax(0)).abs().sum() / 2 < 0.01
    assert abs(found.log_z.item() - float(target.logsumexp(0))) < 0.01
    assert (found.log_z + log_q - target).abs().max() < 0.05  # trajectory balance, mask by mask


def conditional_is_listed(network, evidence):
    """Of each of the four molecules."""
    settings = MaskSettings(rate=0.3, steps=1000, batch=4, draws=16, lr=0.01, weight_decay=0.0)
    found = train_conditional(network, evidence, settings, learn_prior=False)
    masks = all_masks(2)[:, None].expand(-1, 4, -1)
    trail = network.trail(evidence.embedding, masks)
    target = (evidence.log_likelihood(trail.predictions) + log_prior(masks, 0.3)).softmax(0)
    log_q = found.q.log_prob(network, masks, trail, label=evidence.labels)
    assert ((log_q.exp() - target).abs().sum(0) / 2).max() < 0.03
