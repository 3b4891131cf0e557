"""Scores of DAGs: equivalence classes, a marginal likelihood by hand, and files of observations."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from molgfn.errors import ConfigError, DataError
from molgfn.evaluation.metrics.base import Samples
from molgfn.evaluation.metrics.edge_marginals import EdgeMarginals
from molgfn.objects.dag import DAG
from molgfn.oracles.bayesian_networks.bge import BGe
from molgfn.oracles.bayesian_networks.linear_gaussian import LinearGaussian
from molgfn.oracles.bayesian_networks.observations import Simulated, Table


def test_bge_does_not_tell_markov_equivalent_dags_apart():
    oracle = BGe(nodes=4, observations=Simulated(nodes=4, seed=3))
    chain, fork, back, collider = oracle.values(DAG.parse(["4: 0>1 1>2", "4: 1>0 1>2", "4: 1>0 2>1", "4: 0>1 2>1"]))
    assert fork == pytest.approx(chain, abs=1e-9)
    assert back == pytest.approx(chain, abs=1e-9)
    assert abs(collider - chain) > 1e-3
    assert oracle.values(DAG.parse(["4:"])).tolist() == [0.0]


def test_linear_gaussian_is_the_density_of_a_normal_distribution():
    observations = Simulated(nodes=3, samples=7, seed=1)
    rows, oracle = observations.read(), LinearGaussian(nodes=3, observations=observations, noise=0.3, weight_scale=2.0)

    def density(node, parents):
        x = rows[:, parents]
        covariance = 0.09 * np.eye(7) + 4.0 * x @ x.T
        return multivariate_normal.logpdf(rows[:, node], cov=covariance)

    expected = density(2, [0, 1]) - density(2, []) + density(1, [0]) - density(1, [])
    assert oracle.values(DAG.parse(["3: 0>2 1>2 0>1"]))[0] == pytest.approx(expected, abs=1e-9)


def test_values_do_not_depend_on_company():
    oracle, dags = BGe(nodes=4, observations=Simulated(nodes=4)), ["4: 0>1 1>2", "4:", "4: 3>2 1>2 0>2"]
    alone = [oracle.values(DAG.parse([dag]))[0] for dag in dags]
    assert oracle.values(DAG.parse(dags)).tolist() == alone


def test_graphs_and_observations_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="of 3 variables, but the graphs have nodes=4"):
        BGe(nodes=4, observations=Simulated(nodes=3))
    with pytest.raises(DataError, match=r"takes \[B, 3, 3\]"):
        BGe(nodes=3, observations=Simulated(nodes=3)).values(DAG.parse(["4: 0>1"]))
    with pytest.raises(ConfigError, match="more than nodes \\+ 1, which is 4"):
        BGe(nodes=3, observations=Simulated(nodes=3), alpha_w=4.0)
    with pytest.raises(ConfigError, match="5 expected edges among 3 nodes, which have 3 pairs"):
        Simulated(nodes=3, edges=5)
    file = tmp_path / "rows.csv"
    file.write_text("a,b\n1,2\n3,x\n")
    with pytest.raises(ConfigError, match="line 3, column b: `x` is no finite number"):
        Table(path=str(file))
    file.write_text("a\n1\n")
    with pytest.raises(ConfigError, match="1 rows of 1 columns"):
        Table(path=str(file))
    with pytest.raises(ConfigError, match="nowhere"):
        Table(path=str(tmp_path / "nowhere.csv"))


def test_a_file_is_read(tmp_path):
    rows, file = Simulated(nodes=3, samples=20).read(), tmp_path / "rows.csv"
    file.write_text("a,b,c\n" + "".join(",".join(map(repr, row)) + "\n" for row in rows.tolist()))
    table = Table(path=str(file))
    assert np.abs(table.read() - rows).max() < 1e-12
    assert BGe(nodes=3, observations=table).files == (file,)


def test_edges_of_samples_are_counted():
    dags = ["3: 0>1", "3: 0>1 1>2", "3:", "3: 2>1"]
    readings = EdgeMarginals()(Samples(DAG, DAG.parse(dags), dags))
    assert readings["edge/0>1"].value == 0.5
    assert readings["edge/2>1"].value == 0.25
    assert readings["edge/1>0"].value == 0.0
    assert len(readings) == 6
