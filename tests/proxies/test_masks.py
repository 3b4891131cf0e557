"""Masks of a proxy's last layers: scaling, their posterior beside the listed one, and what is kept of them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.small_masks import (
    all_masks,
    conditional_is_listed,
    evidence_of,
    log_prior,
    network_of,
    unconditional_is_listed,
)

from molgfn.chemistry.molecules import parse
from molgfn.errors import ConfigError, DataError
from molgfn.proxies.features import molecule_graphs
from molgfn.proxies.fitting import fit
from molgfn.proxies.loading import load
from molgfn.proxies.masks.posterior import train_conditional
from molgfn.proxies.masks.samplers import BernoulliMasks, LayerwiseMasks
from molgfn.proxies.masks.settings import MaskSettings
from molgfn.proxies.table import read_property
from molgfn.proxies.training import FitSettings
from molgfn.testing import MOLECULES

SMALL = FitSettings(width=8, layers=2, epochs=3, batch=8)
FEW = MaskSettings(rate=0.3, samples=6, steps=60, batch=16, draws=4)


@pytest.fixture(scope="module")
def alkanes(tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "atoms.csv"
    rows = [(f"{'C' * n}{end}", n) for end in ("", "O") for n in range(1, 21)]
    path.write_text("smiles,atoms\n" + "".join(f"{s},{n}\n" for s, n in rows))
    return read_property(path, "atoms")


@pytest.fixture(scope="module")
def fitted(alkanes):
    """A proxy with each kind of masks."""
    kinds = {"dropout": ("mc_dropout", FEW), "p": ("gflowout", FEW), "q": ("gflowout", replace(FEW, conditional=False))}
    return {name: fit(alkanes, SMALL, uncertainty=kind, masks=masks) for name, (kind, masks) in kinds.items()}


def test_all_kept_is_the_plain_network_and_a_masked_layer_is_scaled_by_n_over_its_sum():
    network = network_of(4)
    graphs = molecule_graphs([m.mol for m in parse(MOLECULES)])
    embedding = network.embeddings(graphs)
    torch.testing.assert_close(network.walk(embedding, torch.ones(8)), network.readout(embedding[None])[0, :, 0])
    mask = torch.tensor([1.0, 0, 1, 0, 0, 1, 0, 0])
    first, _, last = network.readout
    scaled = embedding * torch.tensor([2.0, 0, 2, 0]).repeat(2)
    hidden = torch.relu(scaled @ first.weight[0] + first.bias[0]) * torch.tensor([0, 4.0, 0, 0])
    torch.testing.assert_close(network.walk(embedding, mask), (hidden @ last.weight[0] + last.bias[0])[:, 0])
    nothing = network.walk(embedding, torch.zeros(8))  # no division by 0
    torch.testing.assert_close(nothing, last.bias[0, 0, 0].expand(len(embedding)))
    torch.testing.assert_close(network.trail(embedding, mask).predictions, network.walk(embedding, mask))


def test_probabilities_of_all_masks_sum_to_one_and_are_the_frequencies_of_draws():
    network = network_of(2)
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(1))
    y = torch.tensor([0.5, -1.0, 2.0])
    masks = all_masks(4)[:, None].expand(-1, 3, -1)
    for label in (False, True):
        q = LayerwiseMasks(network.sizes, 0.3, activations=network.activation_sizes, label=label, seed=0)
        with torch.no_grad():
            for parameter in q.parameters():
                parameter.normal_(std=0.5, generator=torch.Generator().manual_seed(2))
            given = {"label": y} if label else {}
            log_q = q.log_prob(network, masks, network.trail(x, masks), **given)
        torch.testing.assert_close(torch.logsumexp(log_q, 0), torch.zeros(3), atol=1e-5, rtol=0)
        uniforms = torch.rand(20000, 3, 4, generator=torch.Generator().manual_seed(3))
        drawn = q.draw(network, x, uniforms, **given) @ torch.tensor([8.0, 4, 2, 1])
        shares = torch.stack([(drawn == code).double().mean(0) for code in range(16)])
        assert (shares - log_q.exp().double()).abs().max() < 0.02
    start = LayerwiseMasks(network.sizes, 0.3, activations=None, label=False, seed=0)
    prior = BernoulliMasks(network.sizes, 0.3)
    flat = all_masks(4)[:, None]
    for sampler in (start, prior):  # a new q is the prior
        log_p = sampler.log_prob(network, flat, network.trail(x[:1], flat))[:, 0]
        torch.testing.assert_close(log_p.detach(), log_prior(all_masks(4), 0.3))


def test_the_posteriors_are_the_listed_ones():
    network = network_of(1)
    unconditional_is_listed(network, evidence_of(network))
    conditional_is_listed(network, evidence_of(network, count=4))


def test_the_prior_of_a_molecule_follows_the_masks_that_its_posterior_draws():
    """With one molecule p(z | x) and q(z | x, y) chase the masks under which the label is most likely."""
    network = network_of(1)
    several = evidence_of(network)
    each = several.log_likelihood(network.walk(several.embedding, all_masks(2)[:, None]))
    evidence = several.take((each.max(0).values - each.min(0).values).argmax()[None])  # that tells most of masks
    settings = MaskSettings(rate=0.3, steps=700, batch=1, draws=16, lr=0.01, weight_decay=0.0)
    found = train_conditional(network, evidence, settings, held=evidence)
    masks = all_masks(2)[:, None]
    trail = network.trail(evidence.embedding, masks)
    likelihood = evidence.log_likelihood(trail.predictions)[:, 0]
    likely = likelihood > likelihood.max() - 0.01
    p = found.at_test.log_prob(network, masks, trail)[:, 0].exp()
    assert 0 < likely.sum() < 4
    assert log_prior(all_masks(2), 0.3).exp()[likely].sum() < 0.6
    assert p[likely].sum() > 0.9
    looks = dict(found.validation)
    assert max(looks.values()) > looks[0]


def test_members_are_predictions_under_masks_and_mean_and_deviation_follow(fitted):
    mols = [m.mol for m in parse(MOLECULES)]
    for proxy in fitted.values():
        card, each = proxy.card, proxy.members(mols)
        assert each.shape == (6, len(mols))
        mean, std = proxy.predict(mols)
        np.testing.assert_allclose(mean, each.mean(0))
        variance = each.var(0, ddof=1)
        np.testing.assert_allclose(std, card.std_factor * np.sqrt(variance + (card.noise * card.scale) ** 2))
        np.testing.assert_allclose(proxy.latent(mols)[1], card.std_factor * np.sqrt(variance))
        embedding = proxy.network.embeddings(molecule_graphs(mols))
        masks = proxy.sampler.draw(proxy.network, embedding, proxy.uniforms[:, None])
        own = proxy.network.walk(embedding, masks) * card.scale + card.mean
        np.testing.assert_allclose(each, own.double().numpy(), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(proxy.members(mols[:3]), each[:, :3], rtol=1e-4, atol=1e-4)
        assert proxy.members([]).shape == (6, 0)


def test_a_file_holds_the_whole_proxy_and_a_seed_decides_everything(alkanes, fitted, tmp_path):
    mols = [m.mol for m in parse(MOLECULES)]
    for name, proxy in fitted.items():
        path = tmp_path / f"{name}.pt"
        proxy.save(path)
        again = load(path)
        assert type(again) is type(proxy)
        np.testing.assert_array_equal(again.members(mols), proxy.members(mols))
        np.testing.assert_array_equal(again.predict(mols), proxy.predict(mols))
        assert again.card == proxy.card
    same = fit(alkanes, SMALL, uncertainty="gflowout", masks=FEW)
    np.testing.assert_array_equal(same.members(mols), fitted["p"].members(mols))
    content = torch.load(tmp_path / "p.pt", weights_only=True)
    content["masks"]["uniforms"] = content["masks"]["uniforms"][:2]
    torch.save(content, tmp_path / "short.pt")
    with pytest.raises(DataError, match="the masks do not fit the proxy: `uniforms` should be"):
        load(tmp_path / "short.pt")
    content["molgfn_proxy"]["uncertainty"] = "guess"
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(DataError, match="of the kind 'guess'; this molgfn reads ensemble, mc_dropout, gflowout, gp"):
        load(tmp_path / "other.pt")


def test_bad_input(alkanes):
    values = alkanes.values.copy()
    values[[2, 5]] = np.nan, np.inf
    with pytest.raises(DataError, match=r"row 3 of 40 \(CCC\): `atoms` is nan, not a finite number \(and 1 more\)"):
        fit(replace(alkanes, values=values), SMALL)
    for name, value in {"rate": 1.0, "samples": 1, "beta": 0.0, "steps": 0, "draws": 1, "temperature": 0.5}.items():
        with pytest.raises(ConfigError, match=f"{name}: {value:g};"):
            MaskSettings(**{name: value})
