"""A kind of object that this package does not know (docs/extending/kind.md) through training, samples and a report."""

import csv
import json
import math
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner

from molgfn.cli.main import cli

PAGE = (Path(__file__).parents[2] / "docs" / "extending" / "kind.md").read_text(encoding="utf-8")
EXPERIMENT = """
defaults:
  - train
  - override /environment: strings
  - override /oracle: string_modes
  - override /policy: mlp
  - _self_
name: strands
environment: {_target_: my_lab.dna.Strands, alphabet: ACGT, length: 3, mode: append}
oracle: {_target_: my_lab.dna.PairStrength}
reward: {beta: 2.0}
policy: {hidden: 8, layers: 1}
data: {batch_size: 16}
trainer: {iterations: 3, log_every: 1, accelerator: cpu, threads: 1, progress: none}
logger: {wandb: "off"}
evaluation: {samples: 60, batch: 60, log_pt_objects: 5, log_pt_samples: 2, thresholds: [0.3]}
"""


@pytest.fixture
def dna(tmp_path, monkeypatch):
    """The module of the page, as a package of one's own."""
    (body,) = [m[1] for m in re.finditer(r"```python\n# my_lab/dna\.py\n(.*?)```", PAGE, re.DOTALL)]
    (tmp_path / "my_lab").mkdir()
    (tmp_path / "my_lab" / "dna.py").write_text(body)
    (tmp_path / "strands.yaml").write_text(EXPERIMENT)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    import my_lab.dna

    yield my_lab.dna
    for name in [name for name in sys.modules if name.startswith("my_lab")]:
        del sys.modules[name]


def call(*arguments, code=0):
    result = CliRunner().invoke(cli, [str(a) for a in arguments], prog_name="molgfn")
    assert result.exit_code == code, result.output
    return result


def test_an_own_kind_goes_all_the_way(dna, tmp_path):
    call("train", "strands.yaml", f"output={tmp_path / 'runs'}")
    (run,) = (tmp_path / "runs").iterdir()
    with (run / "metrics.csv").open() as file:
        last = list(csv.DictReader(file))[-1]
    assert float(last["found/modes/value>=0.3/tanimoto<0.7"]) >= 1, "modes are those of its own fingerprints"
    assert (run / "best_strands.png").read_bytes()[:4] == b"\x89PNG"

    call("sample", run, "-n", 40, "--unique", "--trust", "my_lab", "-o", "a.csv", code=1)  # there are 32 different
    table = pd.read_csv("a.csv")
    assert list(table.columns)[:2] == ["sequence", "value"]
    assert len(table) == len(set(table["sequence"])) == 32
    assert np.allclose(table["value"], [(s.count("C") + s.count("G")) / 3 for s in table["sequence"]])
    call("sample", run, "-n", 3, "--trust", "my_lab", "-o", "a.fasta")
    assert re.fullmatch(r"(>\d\n[ACGT]{3}\n){3}", Path("a.fasta").read_text())
    assert "no room for values" in call("sample", run, "--values", "--trust", "my_lab", "-o", "a.fasta", code=2).stderr
    molecules = call("sample", run, "-n", 3, "--trust", "my_lab", "-o", "a.smi", code=2)
    assert "`.smi` holds molecules, but this run makes strand objects" in molecules.stderr

    call("evaluate", run, "--trust", "my_lab", "-o", "ev")
    found = json.loads(Path("ev/metrics.json").read_text())
    assert found["kind"] == "strand"
    assert 0 < found["metrics"]["internal_diversity"]["value"] < 1
    assert found["metrics"]["exact/tv"]["count"] == 32, "a strand and its reverse complement are one object"
    assert found["metrics"]["modes/value>=0.3/tanimoto<0.7"]["value"] >= 1
    assert "validity" not in found["metrics"]
    page = Path("ev/report.html").read_text()
    assert "Best strands" in page
    assert "Most diverse good strands" in page
    assert 'fill="#2b8a3e"' in page
    assert not {word for word in ("Best molecules", "Whether a molecule", "RDKit") if word in page}


def test_another_kinds_oracle_is_refused(dna, tmp_path):
    wrong = call("train", "strands.yaml", "oracle._target_=molgfn.oracles.synthetic.string_modes.StringModes", code=2)
    assert "Strands builds strand objects, but the oracle measures string objects" in wrong.stderr


def test_flows_are_exact_over_objects_of_an_own_kind(dna):
    from molgfn.evaluation.exact.answers import exact_target
    from molgfn.rewards.power import Power

    environment = dna.Strands(length=3, mode="append")
    target = exact_target(environment, Power(oracle=dna.PairStrength(), beta=2.0))
    assert len(target.keys) == 32
    worth = [((s.count("C") + s.count("G")) / 3) ** 2 for s in target.keys]
    assert target.log_z == pytest.approx(math.log(sum(worth)), rel=1e-3)
    assert torch.isfinite(target.log_symmetry).all()
