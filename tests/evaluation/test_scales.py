"""Metrics say which way their numbers are better."""

import numpy as np
import pytest

from molgfn.chemistry.molecules import parse
from molgfn.evaluation.evaluator import evaluate_samples
from molgfn.evaluation.metrics.base import Samples, TerminalProbabilities
from molgfn.evaluation.metrics.validity import Validity
from molgfn.evaluation.scales import BY_CONDITION, EXACT, UNKNOWN, scale_of
from molgfn.evaluation.settings import EvaluationSettings
from molgfn.objects.molecule import MOLECULE
from molgfn.rewards.base import ScoredProperty

#: readings that are better neither way
EITHER = ("log_z/importance", "property/", "correlation/slope", "heldout/slope")


def samples(known=None):
    smiles = ["CCO", "CCN", "CCCO", "c1ccccc1", "CC(=O)O", "CCC", "CCCl", "OCCO", "NCCO", "CCOC", "NNC", "C1CC1"]
    molecules = parse(smiles)
    value = np.linspace(0.1, 0.9, len(smiles))
    some = TerminalProbabilities("samples", np.log(value) - 1, value, np.log(value**2), 4)
    return Samples(
        MOLECULE,
        molecules,
        [m.smiles for m in molecules],
        log_reward=np.log(value),
        value=value,
        objectives={"qed": value, "sa": value[::-1]},
        components={"qed": value},
        log_weight=np.log(value),
        reference=frozenset(["CCO"]),
        reference_sample=known,
        terminal=some,
        heldout=some,
    )


def test_every_reading_of_the_default_metrics_has_a_better_side_or_none_on_purpose():
    metrics = EvaluationSettings().metrics()
    readings = evaluate_samples(samples(samples()), metrics)
    tables = [metric.scales for metric in metrics]
    silent = [key for key in readings if scale_of(key, tables).direction is None and not key.startswith(EITHER)]
    assert silent == []
    assert len(readings) > 25


def test_bounds_are_where_the_numbers_lie():
    metrics = EvaluationSettings().metrics()
    tables = [metric.scales for metric in metrics]
    for key, reading in evaluate_samples(samples(samples()), metrics).items():
        scale = scale_of(key, tables)
        if reading.value is not None and None not in (scale.worst, scale.best):
            low, high = sorted((scale.worst, scale.best))
            assert low - 1e-9 <= reading.value <= high + 1e-9, key


@pytest.mark.parametrize(
    ("key", "direction", "units"),
    [
        ("tv", "minimise", "1"),
        ("exact/tv", "minimise", "1"),
        ("exact/jsd", "minimise", "nats"),
        ("by_condition/largest/tv", "minimise", "1"),
        ("by_condition/each/mean_value", "minimise", "kcal/mol"),
        ("by_condition/each/mean_qed", "maximise", "1"),
        ("by_condition/each/in_focus/cosine=0.98", "maximise", "1"),
        ("by_condition/all/validity", "maximise", "1"),
        ("log_z_true", None, "nats"),
        ("nobody knows", None, "1"),
    ],
)
def test_a_number_is_found_by_its_key(key, direction, units):
    docking = ScoredProperty("vina", "kcal/mol", "minimise")
    scale = scale_of(key, [Validity.scales, EXACT, BY_CONDITION], docking)
    assert (scale.direction, scale.units) == (direction, units)


def test_the_property_says_which_way_it_is_better():
    tables = [metric.scales for metric in EvaluationSettings().metrics()]
    assert scale_of("mean/value", tables, ScoredProperty(direction="minimise")).direction == "minimise"
    assert scale_of("mean/value", tables).direction == "maximise"
    assert scale_of("mean/log_reward", tables, ScoredProperty(direction="minimise")).direction == "maximise"
    assert scale_of("nonsense", tables) == UNKNOWN
