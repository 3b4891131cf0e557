"""Every metric on sets small enough to count by hand."""

import math

import numpy as np
import pytest

from molgfn.chemistry.fingerprints import tanimoto
from molgfn.evaluation.metrics.base import Samples, TerminalProbabilities
from molgfn.evaluation.metrics.correlation import Correlation, HeldoutCorrelation
from molgfn.evaluation.metrics.diversity.internal_diversity import InternalDiversity
from molgfn.evaluation.metrics.diversity.modes import Circles, Modes, greedy_modes
from molgfn.evaluation.metrics.diversity.scaffolds import Scaffolds
from molgfn.evaluation.metrics.diversity.uniqueness import Uniqueness
from molgfn.evaluation.metrics.elbo import ELBO
from molgfn.evaluation.metrics.properties import Properties
from molgfn.evaluation.metrics.reference.novelty import Novelty
from molgfn.evaluation.metrics.reward import MeanReward
from molgfn.evaluation.metrics.top_k import TopK
from molgfn.evaluation.metrics.validity import Validity
from molgfn.objects.molecule import MOLECULE
from molgfn.rewards.base import ScoredProperty


def test_validity_counts_molecules_and_values_separately(samples):
    readings = Validity()(samples(["CC", "CCO", "not a molecule", "c1ccccc1"], [1, math.nan, math.nan, 2]))
    assert readings["validity"].value == 0.75
    assert readings["validity/scored"].value == 0.5
    assert readings["validity"].low < 0.75 < readings["validity"].high


def test_uniqueness_is_over_valid_samples_and_canonical(samples):
    readings = Uniqueness()(samples(["CCO", "OCC", "CC", "("]))
    assert readings["uniqueness/n=4"].value == pytest.approx(2 / 3)


def test_uniqueness_without_a_valid_sample_has_a_reason(samples):
    (reading,) = Uniqueness()(samples(["(", ""])).values()
    assert reading.value is None
    assert "no valid" in reading.note


def test_novelty_is_over_different_molecules(samples):
    readings = Novelty()(samples(["OCC", "CCO", "CC", "c1ccccc1"], reference=frozenset({"CCO"})))
    assert readings["novelty"].value == pytest.approx(2 / 3)
    assert readings["novelty"].count == 3


def test_mean_reward_keeps_the_floor_and_leaves_out_nan(samples):
    readings = MeanReward()(samples(["CC", "CCC", "("], [0.0, 1.0, math.nan]))
    assert readings["mean/value"].value == 0.5
    assert readings["mean/reward"].value == pytest.approx((1 + math.e + math.exp(-10)) / 3)
    assert readings["mean/log_reward"].value == pytest.approx(-3.0)
    assert readings["quantile/value/50%"].value == 0.5


def test_top_k_is_over_different_objects(samples):
    readings = TopK(k=(1, 2, 5))(samples(["CC", "CC", "CCC", "CCCC", "("], [3.0, 3.0, 1.0, 2.0, math.nan]))
    assert readings["top_k/k=1/value"].value == 3.0
    assert readings["top_k/k=2/value"].value == 2.5
    assert readings["top_k/k=2/reward"].value == pytest.approx((math.e**3 + math.e**2) / 2)
    assert readings["top_k/k=5/value"].value is None
    assert "only 3" in readings["top_k/k=5/value"].note


def test_internal_diversity_of_hand_made_fingerprints(samples):
    s = samples(["CC", "CCC", "CCCC"])
    bits = np.zeros((3, 2048), dtype=np.uint8)
    bits[0, [0, 1]] = bits[1, [1, 2]] = bits[2, [5]] = 1
    s.__dict__["fingerprints"] = bits
    # pairs: 1/3, 0, 0
    reading = InternalDiversity()(s)["internal_diversity"]
    assert reading.value == pytest.approx(1 - 1 / 9, abs=1e-6)
    assert reading.error == pytest.approx(2 * np.std([1 / 6, 1 / 6, 0], ddof=1) / math.sqrt(3), abs=1e-6)


def test_circles_are_counted_from_the_best_and_never_fewer_with_more(samples):
    smiles = ["CCCCO", "CCCCCO", "c1ccccc1", "CCCCCCO", "("]
    s = samples(smiles, [1.0, 3.0, 2.0, 0.0, math.nan])
    bits = s.fingerprints  # best first: pentanol, benzene, butanol, hexanol
    alike = tanimoto(bits, bits)
    assert alike[0, [2, 3]].min() >= 0.3 > alike[0, 1]
    reading = Circles()(s)["circles/tanimoto<0.3/n=5"]
    assert (reading.value, reading.count) == (2.0, 4), "the alcohols are one"
    assert Circles(cut=1.0)(s)["circles/tanimoto<1/n=5"].value == 4.0
    assert Circles()(samples(smiles[:2]))["circles/tanimoto<0.3/n=2"].value == 1.0
    assert Circles()(samples(["("]))["circles/tanimoto<0.3/n=1"].value == 0.0


def test_internal_diversity_of_one_molecule_has_a_reason(samples):
    assert InternalDiversity()(samples(["CC", "CC"]))["internal_diversity"].value is None


def bits_of(*rows: list[int]) -> np.ndarray:
    bits = np.zeros((len(rows), 2048), dtype=np.uint8)
    for i, row in enumerate(rows):
        bits[i, row] = 1
    return bits


def test_greedy_modes_compare_with_what_was_kept_only():
    """b is near a, c is near b but not near a: a takes b out, and b, not being kept, does not take c out."""
    bits = bits_of([0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5])
    assert greedy_modes(bits, 0.6) == [0, 2]
    assert greedy_modes(bits[[1, 0, 2]], 0.6) == [0], "from the middle one, both others are near"


def test_a_similarity_equal_to_the_cut_is_the_same_mode():
    bits = bits_of([0, 1], [0, 1, 2, 3])
    assert greedy_modes(bits, 0.5) == [0]
    assert greedy_modes(bits, 0.5001) == [0, 1]
    assert greedy_modes(bits[:0], 0.5) == []


def test_modes_go_from_the_best_and_name_threshold_and_cut(samples):
    s = samples(["CCCCO", "CCCCCO", "c1ccccc1", "CC(=O)N", "C"], [0.9, 0.95, 0.85, 0.5, math.nan])
    s.__dict__["fingerprints"] = bits_of([0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [9], [10])  # already best first
    readings = Modes(thresholds=(0.8, 0.4), cut=0.6)(s)
    assert readings["modes/value>=0.8/tanimoto<0.6"].value == 2
    assert readings["modes/value>=0.4/tanimoto<0.6"].value == 3
    assert readings["modes/value>=0.8/tanimoto<0.6"].count == 3


def test_unique_molecules_come_best_first(samples):
    s = samples(["CC", "CCC", "CC", "CCCC"], [1.0, 3.0, 1.0, 2.0])
    assert [s.keys[i] for i in s.unique] == ["CCC", "CCCC", "CC"]
    assert s.counts == {"CC": 2, "CCC": 1, "CCCC": 1}


def test_scaffolds_leave_out_acyclic_molecules(samples):
    s = samples(["Cc1ccccc1", "CCc1ccccc1", "C1CCNCC1", "CCO"], [0.9, 0.1, 0.8, 0.9])
    readings = Scaffolds(thresholds=(0.75, 0.85))(s)
    assert readings["scaffolds/n=4"].value == 2
    assert readings["scaffolds/value>=0.75"].value == 2
    assert readings["scaffolds/value>=0.85"].value == 1


def test_properties_are_over_different_molecules(samples):
    s = samples(["c1ccccc1", "c1ccccc1", "C"], [1, 1, 1], components={"qed": np.array([0.2, 0.2, 0.4])})
    readings = Properties()(s)
    assert readings["property/heavy_atoms/mean"].value == 3.5
    assert readings["property/rings/mean"].value == 0.5
    assert readings["property/weight/mean"].value == pytest.approx((78.114 + 16.043) / 2)
    assert readings["property/component/qed/mean"].value == pytest.approx(0.3)
    assert readings["property/heavy_atoms/sd"].value == pytest.approx(math.sqrt(12.5))


def test_elbo_is_the_mean_and_log_z_the_log_mean_exp(samples):
    readings = ELBO()(samples(["C", "CC"], [0, 0], log_weight=np.log([1.0, 3.0])))
    assert readings["elbo"].value == pytest.approx(math.log(3) / 2)
    assert readings["elbo"].error == pytest.approx(math.log(3) / 2)
    assert readings["log_z/importance"].value == pytest.approx(math.log(2))
    assert readings["log_z/effective_share"].value == pytest.approx(16 / 10 / 2)


def terminal(log_p, log_reward, **more) -> Samples:
    found = TerminalProbabilities(
        "samples", np.array(log_p), np.full(len(log_p), 0.1), np.array(log_reward), 16, **more
    )
    return Samples(MOLECULE, [], [], terminal=found)


def test_correlation_of_an_exact_sampler_is_one_with_slope_one():
    log_reward = np.linspace(-3, 0, 20)
    readings = Correlation()(terminal(log_reward - 4.2, log_reward))
    for name in ("pearson", "spearman", "slope"):
        assert readings[f"correlation/{name}/samples/N=16"].value == pytest.approx(1.0)
    assert readings["log_p_terminal/standard_error/samples/N=16"].value == pytest.approx(0.1)


def test_spearman_sees_ranks_and_pearson_does_not():
    readings = Correlation()(terminal([*np.arange(1.0, 10.0), 100.0], np.arange(1.0, 11.0)))
    assert readings["correlation/spearman/samples/N=16"].value == pytest.approx(1.0)
    assert readings["correlation/pearson/samples/N=16"].value < 0.9


@pytest.mark.parametrize(
    ("log_p", "log_reward"),
    [
        (np.arange(9.0), np.arange(9.0)),
        (np.append(np.arange(9.0), -np.inf), np.arange(10.0)),
        (np.arange(12.0), np.ones(12)),
        (np.ones(12), np.arange(12.0)),
    ],
)
def test_correlation_that_cannot_be_has_a_reason(log_p, log_reward):
    (reading,) = Correlation()(terminal(log_p, log_reward)).values()
    assert reading.value is None
    number = np.isfinite(log_p).sum()
    assert reading.note == f"{number} objects with log P_T; it takes 10 with different log R and log P_T"


def test_ten_objects_are_enough_for_a_correlation():
    reading = Correlation()(terminal(np.arange(10.0), np.arange(10.0)))["correlation/pearson/samples/N=16"]
    assert (reading.value, reading.count) == (pytest.approx(1.0), 10)


def test_held_out_objects_have_keys_of_their_own():
    given = terminal(1.5 * np.arange(10.0) - 4, np.arange(10.0)).terminal
    readings = HeldoutCorrelation()(Samples(MOLECULE, [], [], heldout=given))
    assert list(readings) == [f"heldout/{n}/N=16" for n in ("pearson", "spearman", "slope", "standard_error")]
    assert readings["heldout/spearman/N=16"].value == pytest.approx(1)
    assert readings["heldout/slope/N=16"].value == pytest.approx(1.5)


def test_less_may_be_better(samples):
    binders = samples(
        ["CCO", "CCN", "c1ccccc1C"], [-9.0, -8.5, -5.0], scored=ScoredProperty("vina", "kcal/mol", "minimise")
    )
    modes = Modes(thresholds=(-8.0, -9.0), cut=0.7)(binders)
    assert {key: r.value for key, r in modes.items()} == {
        "modes/value<=-8/tanimoto<0.7": 2.0,
        "modes/value<=-9/tanimoto<0.7": 1.0,
    }
    scaffolds = Scaffolds(thresholds=(-4.0, -8.0))(binders)
    assert (scaffolds["scaffolds/value<=-4"].value, scaffolds["scaffolds/value<=-8"].value) == (1.0, 0.0)
    assert scaffolds["scaffolds/value<=-8"].count == 2


def test_correlation_per_state_says_so_in_its_key():
    readings = Correlation()(terminal(np.arange(10.0), np.arange(10.0), per="state"))
    assert "correlation/pearson/samples/N=16/per state" in readings


@pytest.mark.parametrize(
    "metric",
    [
        Validity,
        Uniqueness,
        Novelty,
        MeanReward,
        TopK,
        InternalDiversity,
        Modes,
        Scaffolds,
        Properties,
        ELBO,
        Correlation,
    ],
)
def test_definitions_are_for_readers(metric):
    text = metric.definition()
    assert len(text) > 40
    assert "Args" not in text
    assert "\n" not in text
