"""Worker processes: what an oracle does wrong costs the culprits their value and nothing else."""

import functools
import logging
import os
import time
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tests.serving.faulty_oracles import Faulty, NeedsTorch, Stuck, Unbuildable

from molgfn.chemistry.molecules import parse
from molgfn.config import build
from molgfn.errors import ConfigError
from molgfn.oracles.base import Oracle
from molgfn.oracles.synthetic.hypergrid import HyperGrid
from molgfn.rewards.scalarisation import Scalarisation
from molgfn.serving import workers
from molgfn.serving.faults import OracleFault
from molgfn.serving.service import Service
from molgfn.serving.settings import Scoring

MEAN = {
    "_target_": "molgfn.rewards.weighted_mean.WeightedMean",
    "components": {
        "torch": {
            "_target_": "molgfn.rewards.weighted_mean.Component",
            "oracle": {"_target_": "tests.serving.faulty_oracles.NeedsTorch"},
            "transform": {"_target_": "molgfn.rewards.transforms.Linear"},
        },
        "window": {
            "_target_": "molgfn.rewards.weighted_mean.Component",
            "oracle": {"_target_": "molgfn.rewards.similarity_window.SimilarityWindow", "smiles": "CCO"},
        },
    },
}


class Clock:
    """Time that passes only while the one worker hangs, so that a busy machine makes nobody late."""

    def __init__(self, hangs):
        self.hangs, self.now = hangs, 1000.0

    def __call__(self):
        pids = self.hangs.read_text().split() if self.hangs.exists() else []
        with suppress(ProcessLookupError):
            if pids:
                os.kill(int(pids[-1]), 0)
                self.now += 1000
        return self.now


def chains(lengths):
    molecules = parse(["C" * n for n in lengths])
    return molecules, [m.smiles for m in molecules]


def service(oracle=Faulty, *, workers=2, chunk=8, timeout=None, retries=0, **arguments):
    make = functools.partial(oracle, **arguments)
    scoring = Scoring(workers=workers, chunk=chunk, timeout=timeout, retries=retries, make=make)
    return Service(oracle=oracle(**arguments), scoring=scoring)


@pytest.mark.parametrize(
    ("fault", "reason", "timeout"),
    [
        ("raise", "oracle faulty raised ValueError (cannot do this one)", None),
        ("exit", "oracle faulty raised SystemExit (0)", None),
        ("memory", "oracle faulty killed its process", None),
        ("nan", "oracle faulty returned nan", None),
        ("length", "oracle faulty returned shape (2,), not one number per object", None),
        ("hang", "oracle faulty took more than 60 s", 60.0),
        ("die", "oracle faulty killed its process", None),
        ("slow", None, 600.0),
    ],
)
def test_a_thousand_molecules_and_ten_percent_faults(fault, reason, timeout, tmp_path, caplog, monkeypatch):
    # 1,000 molecules, 50 different ones; 5 of these (100 in all) are culprits
    log, hangs = tmp_path / "log", tmp_path / "hangs"
    lengths = [1 + (7 * i) % 50 for i in range(1000)]
    engine = service(
        timeout=timeout, chunk=4, fault=fault, log=str(log), hangs=str(hangs), workers=1 if fault == "hang" else 2
    )
    monkeypatch.setattr("pebble.pool.process.time", SimpleNamespace(time=Clock(hangs), sleep=time.sleep))
    objects, keys = chains(lengths)
    with caplog.at_level(logging.WARNING, logger="molgfn.rewards"):
        parts = [engine(objects[i : i + 100], keys[i : i + 100]) for i in range(0, 1000, 100)]
    value = np.concatenate([p.values["faulty"] for p in parts])
    problems = [problem for p in parts for problem in p.problems]
    culprit = np.array([n % 10 == 0 for n in lengths]) & (reason is not None)
    np.testing.assert_array_equal(np.isnan(value), culprit)
    np.testing.assert_array_equal(value[~culprit], np.array(lengths)[~culprit] / 10_000)
    assert problems == [reason if c else None for c in culprit]
    counters = engine.counters
    assert (counters.raw, counters.unique, counters.failed) == (1000, 50, culprit.sum())
    different = len({n for n, c in zip(lengths, culprit, strict=True) if not c})
    assert counters.cached == 1000 - different - culprit.sum()
    assert counters.reasons == ({reason.split(" (0")[0].split(" (can")[0]: 100} if reason else {})
    assert len([r for r in caplog.records if r.name == "molgfn.rewards"]) == bool(reason)
    scored = [int(line) for line in log.read_text().split()]
    assert len(scored) == len(set(scored)), "nothing is scored twice"
    assert set(scored) >= {n for n, c in zip(lengths, culprit, strict=True) if not c}, "nothing is lost"


def test_a_worker_holds_its_oracle_and_no_torch():
    engine = service(NeedsTorch, workers=1)
    assert engine(*chains([1, 2, 3])).values["faulty"].tolist() == [0.0, 0.0, 0.0]


def test_a_mean_in_a_worker_needs_no_torch_either():
    make = functools.partial(build, MEAN, (Oracle, Scalarisation), "oracle")
    engine = Service(oracle=make(), scoring=Scoring(workers=1, make=make))
    assert engine(*chains([1, 2])).values["torch"].tolist() == [0.0, 0.0]


def test_what_cannot_be_built_in_a_worker_says_so():
    engine = service(Unbuildable, workers=1)
    answers = engine(*chains([1, 2]))
    assert (
        answers.problems == ["the oracle could not be built in a worker: RuntimeError: no licence in this process"] * 2
    )
    assert engine.counters.reasons == {"the oracle could not be built": 2}


@pytest.mark.parametrize(
    ("fault", "timeout", "match"),
    [
        ("hang", 1.0, "faulty: no worker process was ready after 0.5 s"),
        ("die", None, "faulty: its worker processes die"),
    ],
)
def test_workers_that_never_come_up_end_the_run(fault, timeout, match, monkeypatch):
    monkeypatch.setattr(workers, "START_UP", 0.5)  # however long: it never is
    engine = service(Stuck, workers=1, fault=fault, timeout=timeout)
    with pytest.raises(OracleFault, match=match):
        engine(*chains([1, 2]))


def test_an_oracle_without_a_config_is_sent_to_the_workers():
    engine = Service(oracle=Faulty(), scoring=Scoring(workers=1))
    assert engine(*chains([3])).values["faulty"].tolist() == [0.0003]


def test_points_of_a_grid_go_to_workers_by_their_keys():
    points = torch.tensor([[0, 0], [1, 2], [5, 5]])
    engine = Service(oracle=HyperGrid(), scoring=Scoring(workers=1))
    measured = engine(points, engine.panel.kind.keys(points))
    np.testing.assert_array_equal(measured.values["hypergrid"], HyperGrid().values(points))


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"timeout": 1.0}, "set workers to 1"),
        ({"backend": "ray"}, "set workers to 1"),
        ({"workers": 1, "ray_address": "auto"}, "set backend to ray"),
    ],
)
def test_settings_that_do_not_go_together(arguments, match):
    with pytest.raises(ConfigError, match=match):
        Scoring(**arguments)
