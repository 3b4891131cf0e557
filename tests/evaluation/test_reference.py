"""Comparing with a reference: counted by hand, and drawn evenly from a large file."""

import json

import pytest

from molgfn.errors import DataError
from molgfn.evaluation.evaluator import evaluate_file
from molgfn.evaluation.files import write_evaluation
from molgfn.evaluation.metrics.reference.fragment_similarity import FragmentSimilarity
from molgfn.evaluation.metrics.reference.nearest_neighbour import NearestNeighbour
from molgfn.evaluation.metrics.reference.scaffold_similarity import ScaffoldSimilarity
from molgfn.evaluation.reference import read_reference
from molgfn.evaluation.report.page import write_report
from molgfn.evaluation.settings import EvaluationSettings

BIARYL, NAPHTHYL = "c1ccc(-c2ccccc2)cc1", "c1ccc2ccccc2c1"


def test_the_nearest_neighbour_of_a_known_molecule_is_itself(samples):
    s = samples(["CCO", "c1ccccc1O"], reference_sample=samples(["OCC", "CCCCCC"]))
    reading = NearestNeighbour()(s)["snn"]
    assert reading.count == 2
    assert 0.5 < reading.value < 1
    same = samples(["CCO"], reference_sample=samples(["OCC", "CCCCCC"]))
    assert NearestNeighbour()(same)["snn"].value == 1


def test_fragments_are_compared_by_their_counts(samples):
    """Ethyl phenyl ether is cut at both sides of the oxygen; the samples have two phenyls, the reference one."""
    reading = FragmentSimilarity()(samples(["CC", "CCC"], reference_sample=samples(["CC", "CCCC"])))
    assert reading["fragment_similarity"].value == pytest.approx(0.5)  # (1, 1, 0) and (1, 0, 1)
    one = samples(["CCOc1ccccc1"])
    both = samples(["CCOc1ccccc1"], reference_sample=one)
    assert FragmentSimilarity()(both)["fragment_similarity"].value == pytest.approx(1)


def test_scaffolds_are_compared_by_their_counts(samples):
    known = samples([BIARYL, f"C{NAPHTHYL}", f"CC{NAPHTHYL}", "c1ccccc1"])
    s = samples([BIARYL, f"C{BIARYL}"], reference_sample=known)
    assert ScaffoldSimilarity()(s)["scaffold_similarity"].value == pytest.approx(2 / (2 * 5**0.5))
    alone = samples(["c1ccccc1"], reference_sample=known)
    reading = ScaffoldSimilarity()(alone)["scaffold_similarity"]
    assert reading.value is None
    assert "samples" in reading.note


def test_a_reference_is_read_whole_and_drawn_from_evenly(tmp_path):
    path = tmp_path / "many.smi"
    path.write_text("".join(f"{'C' * n}\n" for n in range(1, 41)) * 2)
    drawn = [0] * 41
    for seed in range(400):
        reference = read_reference(path, sample=10, seed=seed)
        assert reference.molecules == 80
        assert len(reference.keys) == 40
        assert len(set(reference.sample.keys)) == 10
        for key in reference.sample.keys:
            drawn[len(key)] += 1
    assert min(drawn[1:]) > 60  # 100 expected, standard deviation 8.7
    assert max(drawn[1:]) < 140
    empty = tmp_path / "none.smi"
    empty.write_text("(\n")
    with pytest.raises(DataError):
        read_reference(empty, sample=3)


def test_the_report_has_a_column_for_the_reference(tmp_path):
    (tmp_path / "a.smi").write_text("CCO\nCCN\nc1ccccc1\n")
    (tmp_path / "b.smi").write_text("CCO\nCCCl\nc1ccncc1\nCCC\n")
    settings = EvaluationSettings(reference=str(tmp_path / "b.smi"), reference_sample=3)
    evaluation = evaluate_file(tmp_path / "a.smi", settings)
    assert set(evaluation.reference) <= set(evaluation.readings)
    assert {"internal_diversity", "property/weight/mean"} <= set(evaluation.reference)
    write_evaluation(evaluation, tmp_path / "ev")
    written = json.loads((tmp_path / "ev" / "metrics.json").read_text())
    assert written["reference"] == evaluation.reference
    assert (tmp_path / "ev" / "reference.csv").read_text().count("\n") == 4
    page = write_report(tmp_path, evaluation=tmp_path / "ev", name="x").read_text()
    assert '<th class="n">reference</th>' in page
    assert "First molecules" in page
    assert "Best molecules" not in page
    write_evaluation(evaluate_file(tmp_path / "a.smi"), tmp_path / "ev")
    assert not (tmp_path / "ev" / "reference.csv").exists(), "it would be shown as if it belonged to this one"
    assert '<th class="n">reference</th>' not in write_report(tmp_path, evaluation=tmp_path / "ev").read_text()
