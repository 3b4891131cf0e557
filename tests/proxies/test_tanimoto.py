"""The Gaussian process: a direct solve, variances of the largest likelihood, draws, and the file."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from molgfn.chemistry.count_similarity import count_rows, minmax
from molgfn.chemistry.molecules import parse
from molgfn.errors import ConfigError, DataError
from molgfn.proxies.fitting import fit
from molgfn.proxies.kinds import ProcessSettings
from molgfn.proxies.loading import load
from molgfn.proxies.splits import split
from molgfn.proxies.table import read_property
from molgfn.proxies.tanimoto import fitted_variances
from molgfn.testing import MOLECULES

MANY = ProcessSettings(samples=4000)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "atoms.csv"
    rows = [(f"{'C' * n}{end}", n + 3 * bool(end)) for end in ("", "O") for n in range(1, 21)]
    path.write_text("smiles,atoms\n" + "".join(f"{s},{n}\n" for s, n in rows))
    return read_property(path, "atoms")


@pytest.fixture(scope="module")
def process(table):
    return fit(table, uncertainty="gp", process=MANY)


def test_it_expects_what_a_direct_solve_says(table, process):
    card, mols = process.card, [m.mol for m in parse(MOLECULES)]
    known = split(table.molecules).train
    rows = count_rows([table.molecules[row].mol for row in known] + mols, 3)
    kernel = card.variance * minmax(rows, rows)
    n = len(known)
    solved = np.linalg.solve(kernel[:n, :n] + card.noise * np.eye(n), kernel[:n, n:])
    mean = solved.T @ ((table.values[known] - card.mean) / card.scale)
    covariance = kernel[n:, n:] - kernel[:n, n:].T @ solved
    found, std = process.predict(mols)
    np.testing.assert_allclose(found, mean * card.scale + card.mean, rtol=1e-6)
    total = np.sqrt(np.diag(covariance) + card.noise)
    np.testing.assert_allclose(std, card.std_factor * card.scale * total, rtol=1e-6)
    np.testing.assert_allclose(
        process.latent(mols)[1], card.std_factor * card.scale * np.sqrt(np.diag(covariance)), rtol=1e-5, atol=1e-6
    )
    draws = process.members(mols)
    assert draws.shape == (4000, len(mols))
    spread = card.scale * np.sqrt(np.diag(covariance))
    assert np.abs(draws.mean(0) - found).max() < 0.1 * spread.max()
    correlation = np.corrcoef(draws.T) - covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    assert np.abs(correlation).max() < 0.1


def test_the_variances_have_the_largest_likelihood():
    rows = count_rows([m.mol for m in parse(["C" * n + end for n in range(1, 11) for end in ("O", "N", "F")])], 3)
    kernel = minmax(rows, rows)
    covariance = 1.5 * kernel + 0.2 * np.eye(len(kernel))
    values = np.linalg.cholesky(covariance) @ np.random.default_rng(0).standard_normal(len(kernel))

    def likelihood(variance, noise):
        return multivariate_normal(cov=variance * kernel + noise * np.eye(len(kernel))).logpdf(values)

    variance, noise = fitted_variances(kernel, values)
    best = likelihood(variance, noise)
    near = [likelihood(variance * a, noise * b) for a in (0.9, 1, 1.1) for b in (0.9, 1, 1.1)]
    assert max(near) <= best + 1e-6
    assert best >= likelihood(1.5, 0.2)


def test_the_file_holds_the_process(process, tmp_path):
    mols = [m.mol for m in parse(MOLECULES)]
    process.save(tmp_path / "gp.pt")
    again = load(tmp_path / "gp.pt")
    np.testing.assert_array_equal(again.members(mols), process.members(mols))
    np.testing.assert_array_equal(again.predict(mols), process.predict(mols))
    assert again.card == process.card
    assert again.members([]).shape == (4000, 0)
    content = torch.load(tmp_path / "gp.pt", weights_only=True)
    content["counts"]["sizes"] = content["counts"]["sizes"][1:]
    torch.save(content, tmp_path / "torn.pt")
    with pytest.raises(DataError, match="`counts`, those of the training molecules: `sizes` do not add up"):
        load(tmp_path / "torn.pt")
    with pytest.raises(ConfigError, match="radius: 7"):
        ProcessSettings(radius=7)
    with pytest.raises(ConfigError, match="samples: 1"):
        ProcessSettings(samples=1)
