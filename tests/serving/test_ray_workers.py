"""The same faults on Ray, where it is installed."""

import functools
from types import SimpleNamespace

import numpy as np
import pytest
from tests.serving.faulty_oracles import Faulty

from molgfn.chemistry.molecules import parse
from molgfn.serving import ray_workers
from molgfn.serving.service import Service
from molgfn.serving.settings import Scoring


@pytest.fixture(autouse=True)
def ray(needs_extra):
    module = needs_extra("ray", "ray")
    yield module
    module.shutdown()


class Clock:
    """Goes on while an actor hangs that was not given up yet."""

    def __init__(self, hangs, monkeypatch):
        self.hangs, self.given_up, self.now = hangs, 0, 0.0
        too_slow = ray_workers.RayWorkers._too_slow

        def counted(*arguments):
            self.given_up += 1
            return too_slow(*arguments)

        monkeypatch.setattr(ray_workers.RayWorkers, "_too_slow", counted)

    def __call__(self):
        hung = len(self.hangs.read_text().split()) if self.hangs.exists() else 0
        self.now += 1000 * (hung > self.given_up)
        return self.now


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("raise", "oracle faulty raised ValueError (cannot do this one)"),
        ("hang", "oracle faulty took more than 2 s"),
        ("die", "oracle faulty killed its process"),
    ],
)
def test_faults_cost_the_culprits_only(fault, reason, tmp_path, monkeypatch):
    hangs = tmp_path / "hangs"
    one = fault == "hang"  # at a time, and time passes only while it hangs: a busy machine makes nobody late
    if one:
        monkeypatch.setattr(ray_workers, "time", SimpleNamespace(monotonic=Clock(hangs, monkeypatch)))
    make = functools.partial(Faulty, fault=fault, hangs=str(hangs))
    scoring = Scoring(workers=1 if one else 2, chunk=4, timeout=2.0 if one else None, backend="ray", make=make)
    engine = Service(oracle=Faulty(), scoring=scoring)
    molecules = parse(["C" * n for n in range(1, 13)])
    answers = engine(molecules, [m.smiles for m in molecules])
    expected = np.arange(1, 13) / 10_000
    expected[9] = np.nan
    np.testing.assert_array_equal(answers.values["faulty"], expected)
    assert answers.problems == [reason if n == 9 else None for n in range(12)]
    assert (engine.counters.raw, engine.counters.unique, engine.counters.failed) == (12, 12, 1)
