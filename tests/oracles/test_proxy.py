"""The oracle that a fitted proxy is."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator
from tests.small_runs import small_classifier, small_proxy

from molgfn.chemistry.molecules import Molecule, parse
from molgfn.config import build
from molgfn.errors import ConfigError, DataError
from molgfn.oracles.base import Oracle
from molgfn.oracles.models.proxy import Proxy
from molgfn.proxies.classes.uncertainty import of_members
from molgfn.proxies.ensemble import ProxyEnsemble
from molgfn.proxies.splits import split
from molgfn.rewards.readings import Readings
from molgfn.rewards.transforms import Linear
from molgfn.rewards.weighted_mean import Component, WeightedMean
from molgfn.serving.settings import identity
from molgfn.testing import MOLECULES, check_oracle


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return str(small_proxy(tmp_path_factory.mktemp("proxy")))


@pytest.mark.parametrize("acquisition", ["mean", "ucb", "lcb"])
def test_contract(weights, acquisition):
    check_oracle(Proxy(weights=weights, acquisition=acquisition), tolerance=1e-5)


def test_values_are_those_of_the_ensemble(weights):
    molecules = parse(MOLECULES)
    mean, std = ProxyEnsemble.load(weights).predict([m.mol for m in molecules])
    assert std.min() > 0
    for acquisition, sign in (("mean", 0), ("ucb", 1), ("lcb", -1)):
        values, parts = Proxy(weights=weights, acquisition=acquisition, kappa=1.5).measure(molecules)
        np.testing.assert_array_equal(values, mean + sign * 1.5 * std)
        np.testing.assert_array_equal(parts["mean"], mean)
        np.testing.assert_array_equal(parts["std"], std)


def test_direction_units_and_files_are_those_of_the_file(weights):
    oracle = Proxy(weights=weights)
    assert (oracle.direction, oracle.units, oracle.files) == ("minimise", "atoms", (Path(weights),))
    assert (Proxy.direction, Proxy.units) == ("maximise", "1")
    assert oracle.component_names == ("mean", "std", "nearest_similarity")
    assert Proxy(weights=weights, nearest=False).component_names == ("mean", "std")


def test_a_classifier_gives_probabilities_and_how_sure_it_is(tmp_path):
    path = small_classifier(tmp_path)
    molecules = parse(MOLECULES)
    members = ProxyEnsemble.load(path).members([m.mol for m in molecules])
    found = of_members(members)
    for acquisition, sign in (("mean", 0), ("ucb", 1), ("lcb", -1)):
        oracle = Proxy(weights=str(path), acquisition=acquisition, kappa=40.0)
        assert (oracle.range, oracle.units, oracle.direction) == ((0.0, 1.0), "1", "maximise")
        check_oracle(oracle, tolerance=1e-4)
        values, parts = oracle.measure(molecules)
        assert tuple(parts) == oracle.component_names
        np.testing.assert_array_equal(values, np.clip(found.probability + sign * 40 * found.std, 0, 1))
        assert not sign or (values == (1 + sign) / 2).any()  # a bound that was cut
        for name in ("std", "entropy", "mutual_information"):
            np.testing.assert_array_equal(parts[name], getattr(found, name))
        np.testing.assert_array_equal(parts["mean"], found.probability)
    assert Proxy.range == (float("-inf"), float("inf"))
    told = ("mean", "std", "entropy", "mutual_information")
    assert Proxy(weights=str(path), nearest=False).component_names == told


def test_nearest_similarity_is_that_of_rdkit_to_the_training_part(weights):
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    chains = [Chem.MolFromSmiles("C" * n) for n in range(1, 31)]
    rows = split(parse("C" * n for n in range(1, 31)), kind="random", validation=0.1, test=0.1, seed=0).train
    known = [generator.GetFingerprint(chains[row]) for row in rows]
    molecules = parse([*MOLECULES, "C" * (int(rows[3]) + 1), "[H]C([H])([H])C"])
    expected = [max(DataStructs.BulkTanimotoSimilarity(generator.GetFingerprint(m.mol), known)) for m in molecules]
    _, parts = Proxy(weights=weights).measure(molecules)
    np.testing.assert_allclose(parts["nearest_similarity"], expected, rtol=1e-12)
    assert parts["nearest_similarity"][-2] == 1.0
    assert parts["nearest_similarity"].min() == 0.0


def test_a_proxy_of_an_earlier_version_has_no_nearest_similarity(weights, tmp_path):
    content = torch.load(weights, weights_only=True)
    training = content.pop("training")
    torch.save(content, tmp_path / "old.pt")
    oracle = Proxy(weights=str(tmp_path / "old.pt"))
    assert oracle.component_names == ("mean", "std")
    check_oracle(oracle, tolerance=1e-5)
    for broken in ({**training, "sizes": training["sizes"][:-1]}, {"bits": training["bits"]}, 3):
        torch.save({**content, "training": broken}, tmp_path / "broken.pt")
        with pytest.raises(DataError, match="fingerprints of the training molecules: "):
            Proxy(weights=str(tmp_path / "broken.pt"))


def test_inside_a_weighted_mean_the_parts_stay(weights):
    mean = WeightedMean(
        components={"atoms": Component(oracle=Proxy(weights=weights), transform=Linear(low=30.0, high=0.0))}
    )
    names = ("atoms", "atoms_transformed", "atoms_mean", "atoms_std", "atoms_nearest_similarity")
    assert mean.component_names == names
    molecules = parse(MOLECULES)
    _, reading = Readings(oracle=mean)(molecules, [m.smiles for m in molecules])
    assert list(reading.components) == list(names)
    value, parts = Proxy(weights=weights).measure(molecules)
    np.testing.assert_array_equal(reading.components["atoms"], value)
    for name, column in parts.items():
        np.testing.assert_array_equal(reading.components[f"atoms_{name}"], column)
    assert reading.problems == [None] * len(molecules)


def test_other_weights_are_another_oracle_on_disk(weights, tmp_path):
    other = tmp_path / "proxy.pt"
    other.write_bytes(Path(weights).read_bytes())
    assert identity(Proxy(weights=weights), {}) == identity(Proxy(weights=str(other)), {})
    ensemble = ProxyEnsemble.load(weights)
    ensemble.network.readout[2].bias += 1
    ensemble.save(other)
    assert identity(Proxy(weights=weights), {}) != identity(Proxy(weights=str(other)), {})


def test_many_molecules_are_scored_in_pieces(weights):
    oracle = Proxy(weights=weights)
    molecules = parse(MOLECULES) * 70  # more than become graphs at once
    values = oracle.values(molecules)
    np.testing.assert_allclose(
        values.reshape(70, -1), np.tile(oracle.values(parse(MOLECULES)), (70, 1)), atol=1e-5, rtol=1e-5
    )


def test_a_molecule_without_mol_is_refused(weights):
    with pytest.raises(ValueError, match="only valid molecules"):
        Proxy(weights=weights).values([Molecule.failed("no")])


def test_a_config_that_cannot_work_says_why(weights, tmp_path):
    node = {"_target_": "molgfn.oracles.models.proxy.Proxy", "weights": weights, "acquisition": "lcb", "kappa": 2.0}
    made = build(node, Oracle, "oracle")
    assert isinstance(made, Proxy)
    assert (made.acquisition, made.kappa) == ("lcb", 2.0)
    with pytest.raises(ConfigError, match=r"oracle: weights: give the file that `molgfn proxy fit` wrote"):
        build({**node, "weights": None}, Oracle, "oracle")
    with pytest.raises(ConfigError, match=r"oracle\.kappa: .*greater than or equal to 0"):
        build({**node, "kappa": -1.0}, Oracle, "oracle")
    with pytest.raises(ConfigError, match=r"oracle\.acquisition: .*did you mean `lcb`"):
        build({**node, "acquisition": "lcbb"}, Oracle, "oracle")
    (tmp_path / "proxy.pt").write_text("nothing")
    with pytest.raises(DataError, match=r"proxy\.pt: not a proxy"):
        build({**node, "weights": str(tmp_path / "proxy.pt")}, Oracle, "oracle")


def test_the_module_is_imported_without_torch_geometric():
    code = "import sys, molgfn.oracles.models.proxy; assert 'torch_geometric' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
