"""Words for the keys of metrics."""

import pytest

from molgfn.evaluation.report.sections.labels import label_of


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("mean/value", "mean QED"),
        ("quantile/value/10%", "10 % quantile of QED"),
        ("top_k/k=10/value", "mean QED, of the 10 best"),
        ("top_k/k=1/value", "QED of the best"),
        ("top_k/k=1/reward", "R(x) of the best"),
        ("alerts/PAINS", "without an alert of PAINS"),
        ("modes/value>=0.8/tanimoto<0.7", "modes: QED ≥ 0.8, similarity below 0.7"),
        ("modes/value<=-8/tanimoto<0.7", "modes: QED ≤ -8, similarity below 0.7"),
        ("correlation/spearman/samples/N=16", "Spearman correlation of log P_T and log R"),
        ("heldout/pearson/N=4", "Pearson correlation of log P_T and log R"),
        ("property/weight/mean", "mean molecular weight (g/mol)"),
        ("property/component/sa_transformed/sd", "standard deviation of desirability of sa"),
        ("uniqueness/n=1000", "different among 1000 samples"),
        ("somebody/else", ""),
    ],
)
def test_keys_as_words(key, words):
    assert label_of(key, "QED", "mean QED", {"weight": "molecular weight (g/mol)"}) == words
