"""The examples run as their pages say, at a small size, in an empty folder."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
from rdkit import Chem

ROOT = Path(__file__).parents[1]
CORE = Chem.MolFromSmarts("cNS(=O)(=O)c1ccc(Oc)c(C#N)c1")
SMALL = {
    "ROWS": "150",
    "FIT": "--epochs 1 --members 2 --width 8 --layers 1",
    "TRAIN": "trainer.iterations=3 data.batch_size=8 policy.width=16 policy.layers=1 logger.wandb=off "
    "oracle.components.alerts.filter=false oracle.components.alerts.weight=0.1",
    "SAMPLES": "24",
    "PICKS": "6",
}


def test_a_chemists_day(tmp_path):
    (tmp_path / "bin").mkdir()
    for name, module in (("python", ""), ("molgfn", "-m molgfn")):
        command = tmp_path / "bin" / name
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n')
        command.chmod(0o755)
    environment = os.environ | SMALL | {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    script = ROOT / "examples" / "lead_series" / "run.sh"
    done = subprocess.run(
        ["bash", str(script), "day"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    day = tmp_path / "day"
    samples = pd.read_csv(day / "samples.csv")
    assert len(samples) == samples["smiles"].nunique() == 24
    assert {"value", "activity", "activity_std", "alerts_found", "log_reward", "log_pt", "log_pt_error"} <= set(samples)
    assert samples["value"].notna().all()
    picked = [mol for mol in Chem.SDMolSupplier(str(day / "picks.sdf"))]
    assert len(picked) == 6
    for mol in picked:
        assert mol.HasSubstructMatch(CORE), "the scaffold is kept, and its points are filled"
        assert {"value", "activity", "log_pt"} <= set(mol.GetPropNames())
    (report,) = day.glob("runs/*/evaluation/report.html")
    page = report.read_text()
    assert '<th class="n">reference</th>' in page
    assert "geometric mean of activity, weight, logp, easy and alerts" in page
