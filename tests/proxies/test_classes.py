"""Proxies of labels: the Bernoulli likelihood, what each kind says, how it is judged, and batches that it chooses."""

import itertools
import math
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from tests.small_masks import (
    all_masks,
    conditional_is_listed,
    evidence_of,
    network_of,
    unconditional_is_listed,
)

from molgfn.acquisition.beliefs import of_probabilities
from molgfn.acquisition.selectors.one_by_one import Greedy
from molgfn.chemistry.molecules import mols_of, parse
from molgfn.errors import ConfigError, DataError
from molgfn.information.members import of_molecules
from molgfn.information.pools import MoleculePool
from molgfn.information.predictions import ProxyPredictions
from molgfn.oracles.sets.ensemble_information import EnsembleInformation
from molgfn.proxies.classes.evaluating import evaluate_classes
from molgfn.proxies.classes.lesson import Labels
from molgfn.proxies.classes.uncertainty import of_members
from molgfn.proxies.evaluating import evaluate, parts_of
from molgfn.proxies.features import molecule_graphs
from molgfn.proxies.fitting import fit, require_fits
from molgfn.proxies.loading import load
from molgfn.proxies.masks.posterior import Evidence
from molgfn.proxies.masks.settings import MaskSettings
from molgfn.proxies.network import EnsembleNetwork
from molgfn.proxies.pairs.evaluating import evaluate_pairs
from molgfn.proxies.pairs.judgements import read_judgements
from molgfn.proxies.splits import Parts
from molgfn.proxies.table import read_property
from molgfn.proxies.training import FitSettings, predict, train
from molgfn.testing import MOLECULES

SMALL = FitSettings(members=3, width=8, layers=2, epochs=3, batch=8)
FEW = MaskSettings(rate=0.3, samples=6, steps=60, batch=16, draws=4)
KINDS = {
    "ensemble": ("ensemble", FEW),
    "dropout": ("mc_dropout", FEW),
    "p": ("gflowout", FEW),
    "q": ("gflowout", replace(FEW, conditional=False)),
}


@pytest.fixture(scope="module")
def alcohols(tmp_path_factory):
    """Chains, of which the alcohols are active."""
    path = tmp_path_factory.mktemp("table") / "assay.csv"
    rows = [(f"{'C' * n}{end}", word) for end, word in (("", "inactive"), ("O", "active")) for n in range(1, 21)]
    path.write_text("smiles,active\n" + "".join(f"{s},{word}\n" for s, word in rows))
    return read_property(path, "active", task="classification")


@pytest.fixture(scope="module")
def fitted(alcohols):
    """A classifier of each kind."""
    return {name: fit(alcohols, SMALL, uncertainty=kind, masks=masks) for name, (kind, masks) in KINDS.items()}


def test_one_class_is_refused(alcohols):
    ones = replace(alcohols, values=np.ones(40))
    with pytest.raises(
        DataError, match=r"`active` is 1 for all molecules: a classifier takes molecules of both labels"
    ):
        fit(ones, SMALL)
    rare = replace(alcohols, values=np.eye(40)[0])
    with pytest.raises(DataError, match="`active` is 0 for all training molecules of the random split"):
        fit(rare, SMALL)
    rings = parse([f"C1{'C' * n}C1{end}" for n in range(1, 21) for end in ("N", "O")])
    by_scaffold = replace(alcohols, molecules=rings, values=np.repeat([1.0, 0], [8, 32]))
    with pytest.raises(
        DataError, match="for all validation molecules of the scaffold split; take another seed or share"
    ):
        fit(by_scaffold, SMALL, kind="scaffold", validation=0.1, test=0.0)
    with pytest.raises(DataError, match=r"row 3 of 40 \(CCC\): `active` is 0.5, not a label, 0 or 1"):
        fit(replace(alcohols, values=np.where(np.arange(40) == 2, 0.5, alcohols.values)), SMALL)


def test_what_labels_cannot_have_is_refused(alcohols):
    with pytest.raises(ConfigError, match="gp cannot be fitted to labels, because its posterior is exact for numbers"):
        fit(alcohols, SMALL, uncertainty="gp")
    with pytest.raises(ConfigError, match="units: nM; labels have none"):
        require_fits("classification", "ensemble", "nM")
    require_fits("regression", "gp", "nM")


def test_the_loss_is_the_negative_log_likelihood_of_the_labels(alcohols):
    graphs = molecule_graphs(mols_of(alcohols.molecules))
    rows = np.arange(40)
    lesson = Labels(graphs, alcohols.values, Parts(rows[:30], rows[30:], rows[:0]))
    network = EnsembleNetwork(members=2, width=8, layers=2)
    network.initialise(0)
    p = torch.sigmoid(predict(network, graphs)).double().numpy()
    right = np.where(alcohols.values > 0, p, 1 - p)
    places = np.array([4, 29])
    np.testing.assert_allclose(lesson.losses(network, places).detach(), -np.log(right[:, places]), rtol=1e-4)
    np.testing.assert_allclose(lesson.held(network), -np.log(right[:, 30:]).mean(1), rtol=1e-4)
    assert lesson.count == 30
    _, history = train(lesson, replace(SMALL, epochs=30, lr=0.01))
    assert history[-1].train.max() < 0.3 < history[0].train.min()


def labelled(network, count=12, seed=0):
    """Made-up embeddings with labels that some masks explain better than others."""
    evidence = evidence_of(network, count, seed=seed)
    return Evidence(evidence.embedding, (evidence.labels > 0).float(), None)


def test_the_likelihood_of_labels_is_that_of_a_bernoulli_variable():
    network = network_of(2)
    evidence = labelled(network)
    outputs = network.walk(evidence.embedding, all_masks(4)[:, None]) * 20  # far out, without an infinity
    expected = torch.distributions.Bernoulli(logits=outputs).log_prob(evidence.labels)
    torch.testing.assert_close(evidence.log_likelihood(outputs), expected)
    assert evidence.take(torch.tensor([1, 2])).noise is None


def test_the_posteriors_given_labels_are_the_listed_ones():
    network = network_of(1, seed=1)
    unconditional_is_listed(network, labelled(network, count=40))
    network = network_of(1)
    conditional_is_listed(network, labelled(network, count=4))


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_says_probabilities_and_is_kept_whole(alcohols, fitted, tmp_path, name):
    proxy = fitted[name]
    mols = mols_of(parse(MOLECULES))
    each = proxy.members(mols)
    assert each.shape == (3 if name == "ensemble" else 6, len(mols))
    assert ((each > 0) & (each < 1)).all()
    mean, std = proxy.predict(mols)
    np.testing.assert_allclose(mean, each.mean(0))
    np.testing.assert_allclose(std, np.sqrt(mean * (1 - mean)))  # of a label, whatever the member
    np.testing.assert_allclose(proxy.latent(mols), [each.mean(0), each.std(0, ddof=1)])
    assert proxy.latent(mols)[1].min() > 0
    card = proxy.card
    assert (card.task, card.mean, card.scale, card.std_factor, card.low, card.high) == (
        "classification", 0.0, 1.0, 1.0, 0.0, 1.0
    )  # fmt: skip
    assert {part: (m.n, m.positives) for part, m in card.classes.items()} == {
        "train": (32, 16),
        "validation": (4, 2),
        "test": (4, 2),
    }
    assert card.metrics == card.pairs == {}
    path = tmp_path / "classifier.pt"
    proxy.save(path)
    again = load(path)
    assert (type(again), repr(again.card)) == (type(proxy), repr(card))  # which may hold NaN
    np.testing.assert_array_equal(again.members(mols), each)
    assert proxy.members([]).shape == (len(each), 0)


def test_outputs_of_networks_are_log_odds(fitted):
    proxy = fitted["ensemble"]
    mols = mols_of(parse(MOLECULES))
    log_odds = predict(proxy.network, molecule_graphs(mols)).double()
    np.testing.assert_allclose(proxy.members(mols), torch.sigmoid(log_odds).numpy(), rtol=1e-12)


def test_evaluation_is_that_of_the_fit_on_the_parts_of_the_split(alcohols, fitted):
    outside = mols_of(parse(["FC(F)(F)F", "BrBr", "[Na+].[Cl-]"]))
    for proxy in fitted.values():
        judged = evaluate_classes(proxy, alcohols, outside)
        for part, own in proxy.card.classes.items():
            found = asdict(judged[part])
            assert {key: found[key] for key in asdict(own)} == pytest.approx(asdict(own), rel=1e-5, nan_ok=True)
        assert judged["test"].outside == 3
    parts = parts_of(fitted["q"], alcohols)
    p = fitted["q"].predict(mols_of(alcohols.molecules))[0][parts.test]
    assert judged["test"].brier == pytest.approx(((p - alcohols.values[parts.test]) ** 2).mean())
    other = replace(alcohols, sha256="other")
    assert {part: m.n for part, m in evaluate_classes(fitted["q"], other).items()} == {"all": 40}


def test_a_proxy_of_the_other_task_is_refused(alcohols, fitted):
    numbers = replace(alcohols, task="regression", values=np.arange(40.0))
    regression = fit(numbers, SMALL)
    with pytest.raises(ConfigError, match=r"fitted by task classification: `molgfn\.proxies\.classes\.evaluating"):
        evaluate(fitted["q"], alcohols)
    with pytest.raises(
        ConfigError, match=r"fitted by task regression: `molgfn\.proxies\.evaluating\.evaluate` judges it"
    ):
        evaluate_classes(regression, alcohols)
    with pytest.raises(ConfigError, match=r"assay\.csv: was read for task regression, the proxy is of task class"):
        evaluate_classes(fitted["q"], numbers)


def test_files_of_regressions_are_as_they_were_and_noise_goes_with_the_task(alcohols, fitted, tmp_path):
    numbers = replace(alcohols, task="regression", values=np.arange(40.0))
    path = tmp_path / "proxy.pt"
    fit(numbers, SMALL).save(path)
    assert not {"task", "classes"} & set(torch.load(path, weights_only=True)["molgfn_proxy"])
    fitted["dropout"].save(path)
    content = torch.load(path, weights_only=True)
    content["molgfn_proxy"]["noise"] = 0.5
    torch.save(content, path)
    with pytest.raises(DataError, match=r"`noise` of the proxy: numbers have one, labels none; this has 0\.5"):
        load(path)


def test_it_learns(alcohols):
    settings = FitSettings(members=2, width=16, layers=2, epochs=40, batch=8, lr=0.01)
    for kind in ("ensemble", "mc_dropout"):
        proxy = fit(alcohols, settings, uncertainty=kind, masks=MaskSettings(samples=8), validation=0.2, test=0.2)
        test = proxy.card.classes["test"]
        assert (test.auroc, test.accuracy) == (1, 1)
        assert test.nll < 0.2


def test_judgements_of_pairs_read_log_odds(fitted, tmp_path):
    (tmp_path / "pairs.csv").write_text("chosen,rejected\nCCO,CC\nCCC,CCCO\nCCCCCO,CCCCC\n")
    judgements = read_judgements(tmp_path / "pairs.csv")
    p = fitted["ensemble"].predict(mols_of(parse(["CCO", "CC", "CCC", "CCCO", "CCCCCO", "CCCCC"])))[0]
    log_odds = np.log(p / (1 - p))
    margin = log_odds[::2] - log_odds[1::2]
    found = evaluate_pairs(fitted["ensemble"], judgements)["all"]
    assert found.accuracy == pytest.approx((margin > 0).mean())
    assert found.log_likelihood == pytest.approx(-np.log1p(np.exp(-margin)).mean(), rel=1e-6)


def by_definition(p, batch):
    """H(y_B) - mean over members of the sum of H(y_i | member), outcome by outcome; p of label 1, [S, n]."""
    joint = 0.0
    for outcome in itertools.product((0, 1), repeat=len(batch)):
        q = np.mean([np.prod([own[i] if y else 1 - own[i] for i, y in zip(batch, outcome, strict=True)]) for own in p])
        joint -= q * math.log(q)
    own = p[:, list(batch)]
    return joint + (own * np.log(own) + (1 - own) * np.log(1 - own)).sum(1).mean()


@pytest.mark.parametrize("name", ["ensemble", "q"])
def test_batches_are_chosen_by_batchbald(alcohols, fitted, tmp_path, name):
    """The joint information of sets, summed or drawn, and greedy steps, of a fitted classifier's members."""
    smiles = ["CCO", "CC(C)O", "CCCC", "CN", "c1ccccc1O", "CCCCCCCC"]
    (tmp_path / "pool.smi").write_text("\n".join(smiles) + "\n")
    fitted[name].save(tmp_path / "classifier.pt")
    pool = MoleculePool(molecules=str(tmp_path / "pool.smi"), features=16)
    predictions = ProxyPredictions(weights=str(tmp_path / "classifier.pt"))
    with pytest.raises(ConfigError, match="task: the proxy of the predictions was fitted by task classification; set "):
        EnsembleInformation(pool=pool, predictions=predictions)
    p = fitted[name].members(mols_of(parse(smiles)))
    oracle = EnsembleInformation(pool=pool, predictions=predictions, task="classification")
    sets = np.array([[0, 2, 4], [5, 1, -1], [3, -1, -1]])
    expected = [by_definition(p, batch) for batch in ([0, 2, 4], [1, 5], [3])]
    np.testing.assert_allclose(oracle.values(sets), expected, atol=1e-6)
    np.testing.assert_allclose(oracle.information.alone(), of_members(p).mutual_information, atol=1e-6)
    drawn = EnsembleInformation(pool=pool, predictions=predictions, task="classification", exact=4, samples=20_000)
    value, error = drawn.information.estimate(sets[:1])
    assert 0 < error[0] < 0.02
    assert abs(value[0] - expected[0]) < 4 * error[0]

    belief = of_probabilities(of_molecules(parse(smiles), 2, 16), p)
    choice, numbers = Greedy().choose(belief, 2, np.random.default_rng(0))
    first = int(np.argmax([by_definition(p, [i]) for i in range(6)]))
    pairs = {i: by_definition(p, [first, i]) for i in range(6) if i != first}
    assert choice.rows.tolist() == [first, max(pairs, key=pairs.__getitem__)]
    assert numbers["information"] == pytest.approx(max(pairs.values()))


def test_a_regression_is_not_taken_for_a_classifier(alcohols, tmp_path):
    fit(replace(alcohols, task="regression", values=np.arange(40.0)), SMALL).save(tmp_path / "proxy.pt")
    (tmp_path / "pool.smi").write_text("CCO\nCC\n")
    pool = MoleculePool(molecules=str(tmp_path / "pool.smi"), features=16)
    predictions = ProxyPredictions(weights=str(tmp_path / "proxy.pt"))
    with pytest.raises(ConfigError, match="fitted by task regression; set task=regression"):
        EnsembleInformation(pool=pool, predictions=predictions, task="classification")
