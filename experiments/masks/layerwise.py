"""How far masks that are drawn layer by layer stay from the listed posterior of the network of exact.yaml.

    python experiments/masks/layerwise.py --steps 3000 --seeds 0 1 2

q(z) of a proxy has the units of one layer independent given the layers before, so it cannot be every posterior; units
that are decided one by one can (exact.yaml).
"""

from __future__ import annotations

import argparse
import itertools
from typing import cast

import numpy as np
import torch

from molgfn.oracles.masks.mask_posterior import MaskPosterior
from molgfn.oracles.masks.networks import Trained
from molgfn.proxies.features import molecule_graphs
from molgfn.proxies.masks.posterior import Evidence, train_unconditional
from molgfn.proxies.masks.samplers import BernoulliMasks
from molgfn.proxies.masks.settings import MaskSettings


def main() -> None:
    parser = argparse.ArgumentParser(description="Total variation of q(z) from the listed posterior over 4,096 masks.")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    given = parser.parse_args()
    names = ["".join(bits) for bits in itertools.product("01", repeat=12)]
    log_target = torch.from_numpy(MaskPosterior(network=Trained()).values(names))
    proxy, table = Trained().read()
    card, network = proxy.card, proxy.network
    embedding = network.embeddings(molecule_graphs([m.mol for m in table.molecules if m.mol is not None]))
    labels = torch.from_numpy(((table.values - card.mean) / card.scale).astype(np.float32))
    evidence = Evidence(embedding, labels, card.noise)
    masks = torch.tensor([[float(bit) for bit in name] for name in names])[:, None]
    trail = network.trail(embedding[:1], masks)
    target = log_target.softmax(0)
    prior = BernoulliMasks(network.sizes, card.rate).log_prob(network, masks, trail)[:, 0].double().exp()
    print(f"log Z {float(log_target.logsumexp(0)):.3f}, entropy {float(-(target * target.log()).sum()):.3f} nats")
    print(f"prior: total variation {float((prior - target).abs().sum() / 2):.3f}")
    for seed in given.seeds:
        settings = MaskSettings(rate=card.rate, steps=given.steps, draws=64, lr=3e-3)
        found = train_unconditional(network, evidence, settings, seed)
        log_z = cast("torch.Tensor", found.log_z)  # of q(z) a number
        q = found.q.log_prob(network, masks, trail)[:, 0].double().exp()
        tv = float((q - target).abs().sum() / 2)
        print(f"q(z), seed {seed}: total variation {tv:.3f}, log Z {float(log_z):.3f}")


if __name__ == "__main__":
    main()
