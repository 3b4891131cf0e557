"""Masks: a tree of binary decisions, and the posterior over those of a small network."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.small_runs import small_proxy

from molgfn.composing.compose import checked
from molgfn.environments.enumeration import enumerate_states
from molgfn.environments.masks import Masks
from molgfn.errors import ConfigError, DataError
from molgfn.evaluation.exact.answers import exact_distribution
from molgfn.experiment import assemble, train
from molgfn.oracles.masks.mask_posterior import MaskPosterior
from molgfn.oracles.masks.networks import Saved, Trained
from molgfn.proxies.features import molecule_graphs
from molgfn.proxies.fitting import fit
from molgfn.proxies.masks.settings import MaskSettings
from molgfn.proxies.table import read_property
from molgfn.proxies.training import FitSettings
from molgfn.testing import check_environment

EXACT = Path(__file__).parents[2] / "experiments" / "masks" / "exact.yaml"


@pytest.fixture(scope="module")
def trained():
    """Six units."""
    return MaskPosterior(network=Trained(width=3, layers=1, epochs=5), beta=0.5)


@pytest.fixture(scope="module")
def every_mask():
    return ["".join(bits) for bits in itertools.product("01", repeat=6)]


def test_contract_and_numbers():
    environment = Masks(layers=[2, 3])
    check_environment(environment)
    graph = enumerate_states(environment)
    assert (len(graph), environment.n_states, int(graph.can_stop.sum())) == (63, 63, 32)
    assert environment.log_path_count(graph.states).abs().max() == 0  # one way to each
    assert environment.objects(graph.states[graph.can_stop])[-1] == "11111"
    assert Masks().length == 12


def test_values_are_likelihood_and_prior_by_the_sum(trained, every_mask):
    proxy, table = Trained(width=3, layers=1, epochs=5).read()
    card, network = proxy.card, proxy.network
    embedding = network.embeddings(molecule_graphs([m.mol for m in table.molecules])).double()
    network.double()
    labels = torch.from_numpy((table.values - card.mean) / card.scale)
    values = trained.values(every_mask)
    for code in (0, 13, 42, 63):
        mask = torch.tensor([float(bit) for bit in every_mask[code]], dtype=torch.float64)
        normal = torch.distributions.Normal(network.walk(embedding, mask), card.noise)
        prior = sum(math.log(0.7 if bit else 0.3) for bit in mask)
        assert values[code] == pytest.approx(float(0.5 * normal.log_prob(labels).sum()) + prior, rel=1e-9)
    assert (trained.values(every_mask[::-1])[::-1] == values).all()
    assert trained.values([]).shape == (0,)
    for wrong in ("01", "01010x", 7):
        with pytest.raises(DataError, match="is not a mask of 6 units"):
            trained.values([every_mask[0], wrong])


def test_values_of_a_classifier_are_bernoulli_likelihood_and_prior(every_mask, tmp_path):
    made = Trained(width=3, layers=1, epochs=5, task="classification")
    proxy, table = made.read()
    assert (proxy.card.task, table.task, int(table.values.sum())) == ("classification", "classification", 36)
    mols = [m.mol for m in table.molecules]
    values = MaskPosterior(network=made, beta=0.5).values(every_mask)
    network = proxy.network
    embedding = network.embeddings(molecule_graphs(mols)).double()
    network.double()
    for code in (0, 13, 42, 63):
        mask = torch.tensor([float(bit) for bit in every_mask[code]], dtype=torch.float64)
        p = torch.sigmoid(network.walk(embedding, mask)).numpy()
        likelihood = np.log(np.where(table.values > 0, p, 1 - p)).sum()
        prior = sum(math.log(0.7 if bit else 0.3) for bit in mask)
        assert values[code] == pytest.approx(float(0.5 * likelihood) + prior, rel=1e-9)
    rows = "".join(f"{m.smiles},{label:g}\n" for m, label in zip(table.molecules, table.values, strict=True))
    (tmp_path / "table.csv").write_text("smiles,lipophilic\n" + rows)
    made.read()[0].save(tmp_path / "masks.pt")
    saved = Saved(weights=str(tmp_path / "masks.pt"), table=str(tmp_path / "table.csv"))
    np.testing.assert_allclose(MaskPosterior(network=saved, beta=0.5).values(every_mask), values, rtol=1e-9)


def test_a_saved_proxy_is_read_and_one_without_masks_is_refused(tmp_path):
    plain = small_proxy(tmp_path)
    table = tmp_path / "atoms.csv"
    settings = FitSettings(width=2, layers=1, epochs=2, batch=8)
    masked = fit(read_property(table, "atoms"), settings, uncertainty="mc_dropout", masks=MaskSettings(rate=0.2))
    masked.save(tmp_path / "masks.pt")
    oracle = MaskPosterior(network=Saved(weights=str(tmp_path / "masks.pt"), table=str(table)))
    assert (oracle.length, oracle.files) == (4, (tmp_path / "masks.pt", table))
    values = oracle.values(["1111", "0110"])
    assert np.isfinite(values).all()
    assert (MaskPosterior(network=oracle.network).values(["1111", "0110"]) == values).all()  # the proxy is as it was
    with pytest.raises(ConfigError, match="of the kind ensemble, which has no layers with masks"):
        Saved(weights=str(plain), table=str(table))
    with pytest.raises(ConfigError, match="go together"):
        Trained(table=str(table))


def test_the_size_of_the_mask_is_that_of_the_network():
    with pytest.raises(ConfigError, match="12 symbols of '01'"):
        assemble(checked(str(EXACT), ["environment.layers=[2, 2]", "oracle.network.epochs=1"]))


def total_variation(*overrides):
    experiment = train(checked(str(EXACT), ["logger.wandb=off", "trainer.progress=none", *overrides])).experiment
    return exact_distribution(experiment.environment, experiment.policy, experiment.reward).tv


@pytest.mark.parametrize(
    ("objective", "task"), [("tb", "regression"), ("ent_ppo", "regression"), ("tb", "classification")]
)
def test_training_comes_to_the_listed_posterior(objective, task, tmp_path):
    """A table of logits for the 16 masks of four units."""
    small = [
        "environment.layers=[2, 2]",
        "oracle.network.width=2",
        "oracle.network.layers=1",
        "oracle.network.epochs=5",
        f"oracle.network.task={task}",
    ]
    few = ["policy=tabular", "optimizer.lr=0.05", "data.batch_size=64", "trainer.iterations=250"]
    assert total_variation(f"objective={objective}", *small, *few, f"output={tmp_path}") < 0.02


@pytest.mark.slow
def test_4096_masks(tmp_path):
    """The experiment as it stands: 12 units, an MLP; four minutes."""
    assert total_variation(f"output={tmp_path}") < 0.01
