"""The same faults on Ray, where it is installed."""

import functools

import numpy as np
import pytest
from tests.rewards.faulty_oracles import Faulty

from molgfn.chemistry.molecules import parse
from molgfn.rewards.scoring import Scorer
from molgfn.rewards.settings import Scoring

pytest.importorskip("ray", reason="ray is not installed (pip install molgfn[ray])")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("raise", "oracle faulty raised ValueError"),
        ("hang", "oracle faulty took more than 2 s"),
        ("die", "oracle faulty killed its process"),
    ],
)
def test_faults_cost_the_culprits_only(fault, reason):
    scoring = Scoring(workers=2, chunk=4, timeout=2.0, backend="ray")
    scoring.make = functools.partial(Faulty, fault=fault)
    engine = Scorer(oracle=Faulty(), scoring=scoring)
    molecules = parse(["C" * n for n in range(1, 13)])
    answers = engine(molecules, [m.smiles for m in molecules])
    expected = np.arange(1, 13) / 10_000
    expected[9] = np.nan
    np.testing.assert_array_equal(answers.value, expected)
    assert answers.problems == [reason if n == 9 else None for n in range(12)]
    assert (engine.counters.raw, engine.counters.unique, engine.counters.failed) == (12, 12, 1)
