"""The ensemble: members that are independent, a loop that learns, metrics, and the file."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rdkit
import torch
from rdkit.Chem import Crippen

from molgfn.chemistry.molecules import parse
from molgfn.errors import DataError, TrainingError
from molgfn.proxies.ensemble import KEY, ProxyEnsemble
from molgfn.proxies.features import molecule_graphs
from molgfn.proxies.fitting import fit
from molgfn.proxies.metrics import measure, std_factor
from molgfn.proxies.network import EnsembleNetwork, tensors
from molgfn.proxies.splits import Parts
from molgfn.proxies.table import read_property
from molgfn.proxies.training import FitSettings, Values, predict, train
from molgfn.testing import MOLECULES

SMALL = FitSettings(members=3, width=8, layers=2, epochs=3, batch=8)


@pytest.fixture(scope="module")
def alkanes(tmp_path_factory):
    """A table of chains and rings with their number of atoms."""
    path = tmp_path_factory.mktemp("table") / "atoms.csv"
    chains = [("C" * n, n) for n in range(1, 21)]
    rings = [(f"C1{'C' * n}C1", n + 2) for n in range(1, 21)]
    path.write_text("smiles,atoms\n" + "".join(f"{s},{n}\n" for s, n in chains + rings))
    return read_property(path, "atoms")


@pytest.fixture(scope="module")
def fitted(alkanes):
    return fit(alkanes, SMALL, direction="minimise", units="atoms")


def graphs_of(smiles):
    return molecule_graphs([m.mol for m in parse(smiles)])


def one_member(network, k):
    """A network of the k-th member alone."""
    alone = EnsembleNetwork(members=1, width=network.width, layers=len(network.layers))
    own = {name: value[k : k + 1] if value.dim() == 3 else value for name, value in network.state_dict().items()}
    alone.load_state_dict(own)
    return alone.eval()


def test_each_member_is_a_network_of_its_own():
    graphs = graphs_of(MOLECULES)
    network = EnsembleNetwork(members=3, width=16, layers=2)
    network.initialise(5)
    together = predict(network, graphs)
    assert together.shape == (3, len(MOLECULES))
    for k in range(3):
        torch.testing.assert_close(predict(one_member(network, k), graphs)[0], together[k], rtol=1e-5, atol=1e-5)
    assert (together[0] - together[1]).abs().min() > 1e-6
    network(*tensors(graphs))[1].sum().backward()
    for parameter in network.parameters():
        assert parameter.grad is not None
        assert parameter.grad[1].abs().sum() > 0
        assert not parameter.grad[[0, 2]].any()


def test_a_member_does_not_depend_on_how_many_there_are(alkanes):
    graphs = graphs_of([m.smiles for m in alkanes.molecules])
    target = (alkanes.values - 10) / 5
    rows = np.arange(40)
    parts = Parts(rows[:30], rows[30:], rows[:0])
    for settings in (SMALL, replace(SMALL, bootstrap=True)):
        two, _ = train(Values(graphs, target, parts), replace(settings, members=2))
        three, _ = train(Values(graphs, target, parts), settings)
        torch.testing.assert_close(predict(three, graphs)[:2], predict(two, graphs), rtol=1e-4, atol=1e-4)
    plain, _ = train(Values(graphs, target, parts), SMALL)
    assert (predict(plain, graphs) - predict(three, graphs)).abs().max() > 1e-3  # the sample makes a difference


def test_each_member_keeps_its_best_epoch_and_is_stopped(alkanes):
    graphs = graphs_of([m.smiles for m in alkanes.molecules])
    target = np.random.default_rng(0).normal(size=40)  # nothing to learn, so that validation errors soon rise
    rows = np.arange(40)
    parts = Parts(rows[:25], rows[25:], rows[:0])
    seen = []
    settings = replace(SMALL, epochs=200, patience=4, lr=0.01)
    network, history = train(Values(graphs, target, parts), settings, seen.append)
    assert seen == history
    assert len(history) < 200
    errors = np.stack([epoch.validation for epoch in history])
    best = history[-1].best
    assert len(history) == best.max() + 4
    own = (predict(network, graphs.take(parts.validation)) - torch.from_numpy(target[parts.validation])).double()
    np.testing.assert_allclose(own.square().mean(1).sqrt().numpy(), errors[best - 1, range(3)], rtol=1e-4)
    for k in range(3):
        assert errors[best[k] - 1, k] == errors[: best[k] + 4, k].min()


def test_training_that_diverges_says_so(alkanes):
    graphs = graphs_of([m.smiles for m in alkanes.molecules])
    rows = np.arange(40)
    with pytest.raises(TrainingError, match="epoch 1: the error is not finite; try a lower lr"):
        train(Values(graphs, np.full(40, np.inf), Parts(rows[:30], rows[30:], rows[:0])), SMALL)


def test_a_seed_decides_everything(alkanes, fitted):
    again = fit(alkanes, SMALL, direction="minimise", units="atoms")
    mols = [m.mol for m in parse(MOLECULES)]
    np.testing.assert_array_equal(again.members(mols), fitted.members(mols))
    other = fit(alkanes, replace(SMALL, seed=1))
    assert np.abs(other.members(mols) - fitted.members(mols)).max() > 1e-3


def test_mean_and_std_are_those_of_the_members(fitted):
    mols = [m.mol for m in parse(MOLECULES)]
    card = fitted.card
    each = [predict(one_member(fitted.network, k), molecule_graphs(mols))[0].double().numpy() for k in range(3)]
    values = np.stack(each) * card.scale + card.mean
    mean, std = fitted.predict(mols)
    assert mean.dtype == std.dtype == np.float64
    np.testing.assert_allclose(mean, sum(values) / 3, rtol=1e-5, atol=1e-5)
    spread = np.sqrt(sum((v - sum(values) / 3) ** 2 for v in values) / 2)
    np.testing.assert_allclose(std, card.std_factor * spread, rtol=1e-4, atol=1e-4)


def test_the_card_says_what_it_is(alkanes, fitted):
    card = fitted.card
    assert (card.property, card.direction, card.units) == ("atoms", "minimise", "atoms")
    assert (card.low, card.high) == (1, 22)
    assert (card.members, card.width, card.layers) == (3, 8, 2)
    assert {name: m.n for name, m in card.metrics.items()} == {"train": 32, "validation": 4, "test": 4}
    assert card.metrics["validation"].std == pytest.approx(card.metrics["validation"].rmse)  # what calibration means
    assert card.data["sha256"] == alkanes.sha256
    assert card.data["molecules"] == 40
    assert card.settings["epochs_run"] == 3


def test_metrics():
    truth, mean, std = np.array([1.0, 2, 3, 4]), np.array([1.5, 2, 2, 6]), np.array([0.5, 0.1, 0.4, 1.5])
    m = measure(truth, mean, std)
    assert m.n == 4
    assert m.rmse == pytest.approx(np.sqrt(5.25 / 4))
    assert m.mae == pytest.approx(3.5 / 4)
    assert m.r2 == pytest.approx(1 - 5.25 / 5)
    assert m.spearman == pytest.approx(np.corrcoef([1, 2, 3, 4], [1, 2.5, 2.5, 4])[0, 1])
    assert m.std == pytest.approx(np.sqrt((0.25 + 0.01 + 0.16 + 2.25) / 4))
    assert (m.within_one, m.within_two) == (0.5, 0.75)
    assert m.std_spearman == pytest.approx(np.corrcoef([2, 1, 3, 4], [3, 1, 2, 4])[0, 1])
    factor = std_factor(truth, mean, std)
    assert measure(truth, mean, factor * std).std == pytest.approx(m.rmse)
    constant = measure(np.ones(2), np.ones(2), np.ones(2))
    assert np.isnan([constant.r2, constant.spearman]).all()
    assert std_factor(truth, mean, np.zeros(4)) == 1


def test_a_property_that_is_constant_is_refused(alkanes):
    with pytest.raises(DataError, match="`atoms` is 3 for all training molecules"):
        fit(replace(alkanes, values=np.full(40, 3.0)), SMALL)


def test_the_file_holds_the_whole_proxy(fitted, tmp_path):
    path = tmp_path / "proxy.pt"
    fitted.save(path)
    assert [p.name for p in tmp_path.iterdir()] == ["proxy.pt"]
    assert set(torch.load(path, weights_only=True)) == {KEY, "weights", "training"}
    loaded = ProxyEnsemble.load(path)
    assert loaded.card == fitted.card
    mols = [m.mol for m in parse(MOLECULES)]
    for one, other in zip(loaded.predict(mols), fitted.predict(mols), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not loaded.network.training
    assert not any(p.requires_grad for p in loaded.network.parameters())
    assert loaded.predict([])[0].shape == (0,)


def test_a_proxy_whose_card_has_the_former_word_is_read(fitted, tmp_path):
    path = tmp_path / "proxy.pt"
    fitted.save(path)
    content = torch.load(path, weights_only=True)
    content[KEY]["target"] = content[KEY].pop("property")
    torch.save(content, path)
    assert ProxyEnsemble.load(path).card == fitted.card


def change(content, **changes):
    """The content with other entries of the card."""
    return {**content, KEY: {**content[KEY], **changes}}


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda c: {"state_dict": {}}, "not a proxy of `molgfn proxy fit`: it has no `molgfn_proxy` entry"),
        (lambda c: [1, 2], "it has no `molgfn_proxy` entry"),
        (
            lambda c: change(c, format=9),
            "is of format 9; this is molgfn .*, which reads formats up to 1; .* or fit it anew",
        ),
        (lambda c: change(c, features=0), "trained with version 0 of the features"),
        (lambda c: change(c, members=1), "`members` of the proxy: .*greater than or equal to 2"),
        (lambda c: change(c, direction="up"), "`direction` of the proxy"),
        (lambda c: change(c, scale=float("nan")), "`scale` of the proxy"),
        (lambda c: change(c, colour="red"), "`colour` of the proxy"),
        (lambda c: change(c, width=100_000), r"the weights do not fit .*should be torch.float32 \[3, 44, 100000\], is"),
        (lambda c: {KEY: c[KEY]}, "holds no `weights`"),
        (lambda c: {**c, "weights": {}}, "is missing; .* more"),
        (lambda c: {**c, "weights": {**c["weights"], "a": torch.ones(1)}}, "`a` has no place"),
        (
            lambda c: {**c, "weights": {k: v * torch.nan for k, v in c["weights"].items()}},
            "numbers that are not finite",
        ),
        (lambda c: {**c, "code": Path}, "holds code .`pathlib.Path`. where only data may be; it was not run"),
    ],
)
def test_a_foreign_file_says_what_is_wrong(fitted, tmp_path, damage, says):
    path = tmp_path / "proxy.pt"
    fitted.save(path)
    torch.save(damage(torch.load(path, weights_only=True)), path)
    with pytest.raises(DataError, match=rf"proxy\.pt: .*{says}"):
        ProxyEnsemble.load(path)


def test_a_damaged_file_says_so(fitted, tmp_path):
    path = tmp_path / "proxy.pt"
    with pytest.raises(DataError, match="there is no such file"):
        ProxyEnsemble.load(path)
    fitted.save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="cut off"):
        ProxyEnsemble.load(path)
    path.write_text("smiles,value\n")
    with pytest.raises(DataError, match="not a proxy"):
        ProxyEnsemble.load(path)


def test_it_learns(tmp_path):
    wehi = Path(rdkit.__file__).parent / "Data" / "Pains" / "test_data" / "wehi_mols.csv"
    if not wehi.exists():
        pytest.skip("this rdkit does not carry the WEHI molecules")
    with wehi.open() as file:
        smiles = [row[0] for row in csv.reader(file)][::50]
    path = tmp_path / "logp.csv"
    rows = [f"{s},{Crippen.MolLogP(m.mol)}\n" for s, m in zip(smiles, parse(smiles), strict=True)]
    path.write_text("smiles,logp\n" + "".join(rows))
    table = read_property(path, "logp")
    assert len(table.values) == 200
    fitted = fit(table, FitSettings(members=2, width=24, layers=2, epochs=20, batch=16, lr=3e-3), test=0.2)
    test = fitted.card.metrics["test"]
    # the mean of the training part would have an R2 of 0 at best
    assert test.r2 > 0.5
    assert test.spearman > 0.7
    assert fitted.card.metrics["train"].r2 > test.r2
