"""What is measured on hidden objects: every number by hand on a space of four."""

import math
from pathlib import Path

import pytest
import torch

from molgfn.environments.fragments import Fragments
from molgfn.environments.hypergrid import HyperGrid
from molgfn.errors import ConfigError
from molgfn.evaluation.exact.answers import ExactTarget, exact_target
from molgfn.evaluation.exact.distances.log_correlation import log_correlation
from molgfn.evaluation.exact.distances.log_l1 import log_l1
from molgfn.evaluation.exact.hidden import HiddenPart, fewest_steps, hidden_numbers, hidden_part
from molgfn.evaluation.exact.objects import list_objects
from molgfn.hiding.by_hash import HiddenByHash
from molgfn.hiding.by_length import HiddenByLength
from molgfn.oracles.properties.qed import QED
from molgfn.rewards.power import Power


def target_of(rewards):
    listed = list_objects(HyperGrid(dimensions=1, side=len(rewards)))
    nothing = torch.zeros(len(rewards), dtype=torch.float64)
    return ExactTarget(listed.graph, listed.keys, listed.objects, torch.tensor(rewards).double().log(), nothing)


def test_every_number_by_hand():
    target = target_of([1.0, 1.0, 2.0, 6.0])  # pi = .1 .1 .2 .6
    p = torch.tensor([0.2, 0.4, 0.3, 0.1], dtype=torch.float64)
    part = HiddenPart(torch.tensor([False, False, True, True]), torch.tensor([0, 1, 2, 2]))
    found = hidden_numbers(p, target, part)
    assert found["hidden/mass"] == pytest.approx(0.4)
    assert found["hidden/target_mass"] == pytest.approx(0.8)
    assert found["hidden/tv"] == pytest.approx(0.5)  # (3/4, 1/4) and (1/4, 3/4)
    middle = math.log(2)
    jsd = 0.75 * math.log(0.75) + 0.25 * math.log(0.25) + middle
    assert found["hidden/jsd"] == pytest.approx(jsd)
    assert found["visible/tv"] == pytest.approx(2 / 3 - 1 / 2)
    assert math.isnan(found["hidden/pearson"])  # of two objects
    assert found["hidden/log_l1"] == pytest.approx((math.log(1.5) + math.log(6)) / 2)
    assert found["log_l1/steps=0"] == pytest.approx(math.log(2))
    assert found["log_l1/steps=1"] == pytest.approx(math.log(4))
    assert found["log_l1/steps=2"] == pytest.approx((math.log(1.5) + math.log(6)) / 2)


def test_distance_and_correlation_of_logarithms():
    p = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64) / 7
    assert log_l1(p, p) == 0
    assert log_l1(p, torch.tensor([0.0, 0.5, 0.5])) == math.inf
    assert log_correlation(p, torch.tensor([0.0, 1.0, 2.0])) == pytest.approx((1, 1))
    # log p = 0 1 2 in units of log 2, log R = 0 1 3: covariance 3, variances 2 and 14/3
    pearson, spearman = log_correlation(p, torch.tensor([0.0, 1.0, 3.0]))
    assert pearson == pytest.approx(3 / math.sqrt(2 * 14 / 3))
    assert spearman == pytest.approx(1)
    for undefined in (torch.tensor([1.0, 1.0, 1.0]), torch.tensor([0.0, 0.5, 0.5])):
        assert math.isnan(log_correlation(undefined, torch.tensor([0.0, 1.0, 3.0]))[0])


def test_an_exact_sampler_is_exact_on_both_parts():
    target = target_of([1.0, 5.0, 2.0, 6.0, 3.0, 4.0])
    part = hidden_part(HyperGrid(dimensions=1, side=6), target, HiddenByLength(above=2))
    assert part.hidden.tolist() == [False] * 3 + [True] * 3
    found = hidden_numbers(target.pi, target, part)
    assert found["hidden/mass"] == pytest.approx(found["hidden/target_mass"]) == pytest.approx(13 / 21)
    assert found["hidden/pearson"] == pytest.approx(1)
    for name in ("hidden/tv", "visible/tv", "hidden/jsd", "hidden/log_l1"):
        assert found[name] == pytest.approx(0, abs=1e-12)


def test_a_molecule_is_seen_where_its_shortest_trees_are():
    """C-CC, CC-C and CCC are one molecule: of two fragments, or of one."""
    environment = Fragments(vocabulary=[["C", [0]], ["CC", [0, 1]], ["CCC", [0, 2]]], max_fragments=3)
    target = exact_target(environment, Power(oracle=QED()))
    part = hidden_part(environment, target, HiddenByLength(above=1))
    of = dict(zip(target.keys, zip(part.hidden.tolist(), part.steps.tolist(), strict=True), strict=True))
    assert of["CCC"] == (False, 1)  # by one fragment
    assert of["CCCC"] == (True, 2)
    assert (part.hidden == (part.steps > 1)).all()
    assert fewest_steps(target.graph).tolist() == target.graph.depth.tolist()  # graded


def test_by_hash_asks_the_objects_themselves():
    environment, hidden = HyperGrid(dimensions=1, side=40), HiddenByHash(share=0.3, salt=1)
    target = target_of([1.0] * 40)
    part = hidden_part(environment, target, hidden)
    assert torch.equal(part.hidden, hidden.hides(None, target.keys, part.steps))
    assert 0.1 < float(part.hidden.double().mean()) < 0.5


@pytest.mark.parametrize(("above", "said"), [(50, "none of the 4"), (3, "none of the 4")])
def test_nothing_hidden_is_refused(above, said):
    with pytest.raises(ConfigError, match=said):
        hidden_part(HyperGrid(dimensions=1, side=4), target_of([1.0] * 4), HiddenByLength(above=above))


def test_everything_hidden_is_refused():
    with pytest.raises(ConfigError, match="all 2 objects"):
        hidden_part(HyperGrid(dimensions=1, side=2), target_of([1.0] * 2), HiddenByHash(share=0.999999))


def test_every_number_is_on_the_page():
    page = (Path(__file__).parents[2] / "docs" / "generalisation.md").read_text(encoding="utf-8")
    target = target_of([1.0, 1.0, 2.0, 6.0])
    part = hidden_part(HyperGrid(dimensions=1, side=4), target, HiddenByLength(above=2))
    names = [name.replace("steps=", "steps=N;").split(";")[0] for name in hidden_numbers(target.pi, target, part)]
    assert [name for name in names if f"`exact/{name}`" not in page] == []
