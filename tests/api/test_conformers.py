import numpy as np
import pytest
from click.testing import CliRunner
from rdkit import Chem

import molgfn
from molgfn.api.conformers import of_molecules
from molgfn.api.runs import load
from molgfn.chemistry.conformers.frame import frame
from molgfn.chemistry.molecules import Molecule
from molgfn.cli.main import cli
from molgfn.errors import ConfigError
from molgfn.evaluation.torsions.agreement import effective_share, log_mean_weight
from molgfn.evaluation.torsions.compared import compared
from molgfn.evaluation.torsions.density import boltzmann_density
from molgfn.evaluation.torsions.grid import torsion_grid
from molgfn.oracles.conformations.mmff import MMFF

SMALL = (
    "policy.width=16",
    "policy.heads=2",
    "policy.layers=1",
    "policy.attention_layers=1",
    "data.batch_size=16",
    "trainer.iterations=3",
    "trainer.progress=none",
    "logger.wandb=off",
    "evaluation.samples=40",
    "evaluation.log_pt_objects=8",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A few steps on two molecules, by an objective that compares trajectories."""
    return molgfn.train(
        "conformers/few",
        *SMALL,
        "environment.smiles=[CCCCO,CCCC]",
        "environment.per_molecule=4",
        "objective=vargrad",
        f"output={tmp_path_factory.mktemp('runs')}",
    )


def test_shapes_of_a_named_molecule_go_into_an_sdf(run, tmp_path):
    place = tmp_path / "shapes.sdf"
    words = ["sample", str(run.folder), "smiles=CCCCO", "smiles=CCCCN", "-n", "6", "-o", str(place)]
    assert CliRunner().invoke(cli, words).exit_code == 0
    mols = list(Chem.SDMolSupplier(str(place), removeHs=False))
    assert [mol.GetProp("_Name") for mol in mols] == ["CCCCO"] * 6 + ["CCCCN"] * 6
    for part in (mols[:6], mols[6:]):
        assert sum(float(mol.GetProp("weight")) for mol in part) == pytest.approx(1)
        best = max(part, key=lambda mol: float(mol.GetProp("log_reward")))
        assert best.GetProp("cluster") == "1"
    assert all(mol.GetConformer().Is3D() for mol in mols)
    value, log_reward = (float(mols[0].GetProp(name)) for name in ("value", "log_reward"))
    assert log_reward == pytest.approx(max(-1.688 * value, -30))


def test_weights_of_an_untrained_policy_estimate_log_z_without_bias(run):
    (one,) = of_molecules([load(run)], ["CCCCO"])
    found = molgfn.sample(one, 1500, values=True, log_pt_samples=2)
    log_w = np.array(found.columns["log_reward"]) - np.array(found.columns["log_pt"])
    butanol = one.environment.frames[0]
    density = boltzmann_density(butanol, MMFF(), kt=1 / 1.688)
    log_z, error = log_mean_weight(log_w)
    assert abs(log_z - torsion_grid(density, butanol.periods, 72).log_z) < 4 * error < 1
    angles = np.stack([shape.angles for shape in found.objects])
    c = compared(butanol, density, angles, np.array(found.columns["log_pt"]), points=72)
    assert c.log_z_importance == pytest.approx(log_z, abs=1e-5)
    assert c.effective_share == pytest.approx(effective_share(log_w), abs=1e-5)
    assert c.jsd.shape == (2,)
    assert (c.jsd_noise < c.jsd).all()
    assert c.reference == "grid of 72^2"
    with pytest.raises(ConfigError, match="multiple of 36"):
        compared(butanol, density, angles, log_w, points=50)


def test_more_than_three_torsions_are_compared_with_parallel_tempering():
    long = frame(Molecule.from_smiles("CCCCCCO"))
    rng = np.random.default_rng(0)
    angles = rng.uniform(-np.pi, np.pi, (100, 4))
    c = compared(long, lambda a: np.cos(a).sum(1), angles, np.full(100, -4 * np.log(2 * np.pi)), steps=200)
    assert c.reference == "parallel tempering"
    assert c.log_z == pytest.approx(4 * np.log(2 * np.pi * 1.2660659), abs=0.15)


def test_the_report_has_maps_overlays_and_numbers_of_each_molecule(run):
    molgfn.evaluate(run, untrained=False)
    text = next(run.folder.rglob("report.html")).read_text(encoding="utf-8")
    assert "free energy over torsions 1 and 2" in text
    assert "different shapes, as opaque as they are likely" in text
    assert "log Z of CCCCO by importance sampling" in text


def test_molecules_are_named_to_runs_of_shapes_alone(run):
    with pytest.raises(ConfigError, match="no molecule with torsions"):
        of_molecules([load(run)], ["C"])
    with pytest.raises(ConfigError, match="environment=conformers"):
        of_molecules([load(run)] * 2, ["CCCC"])
