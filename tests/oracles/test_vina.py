import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from molgfn.chemistry.files.receptors import RECEPTORS
from molgfn.chemistry.molecules import Molecule, parse
from molgfn.config import build
from molgfn.errors import ConfigError, DataError
from molgfn.oracles.base import Oracle
from molgfn.oracles.physics import vina
from molgfn.oracles.physics.vina import DockingError, Vina, pose_file
from molgfn.testing import check_oracle

ATOM = "ATOM  {:5d}  C   ALA A   1    {:8.3f}{:8.3f}{:8.3f}  1.00  0.00     0.000 C\n"
CENTER = (-13.39, 26.34, -13.32)


@pytest.fixture
def receptor(tmp_path):
    """Eight atoms on the corners of a cube of 10 A at the origin: enough for what is checked before docking."""
    path = tmp_path / "cube.pdbqt"
    corners = [(x, y, z) for x in (-5, 5) for y in (-5, 5) for z in (-5, 5)]
    path.write_text("".join(ATOM.format(i, *corner) for i, corner in enumerate(corners)))
    return str(path)


@pytest.fixture
def ligand(tmp_path):
    path = tmp_path / "ligand.pdb"
    path.write_text(ATOM.format(1, 0, 0, 0) + ATOM.format(2, 4, 2, 1))
    return str(path)


@pytest.fixture
def packages(monkeypatch):
    """Where only the constructor is asked, nobody needs vina and meeko."""
    monkeypatch.setattr(vina, "_require_packages", lambda: None)


@pytest.fixture(scope="module")
def pocket(needs_extra, optional_data):
    needs_extra("docking", "vina")
    return str(optional_data("seh_4jnc_receptor.pdbqt"))


@pytest.fixture(scope="module")
def oracle(pocket):
    """One for all tests: the maps take seconds."""
    return Vina(receptor=pocket, center=CENTER, exhaustiveness=2, max_evals=2000)


def test_the_box_is_given_or_around_a_ligand(packages, receptor, ligand):
    def box(**arguments):
        made = Vina(receptor=receptor, **arguments)
        return made.center, made.size

    assert box(center=(0, 0, 0)) == ((0, 0, 0), (20, 20, 20))
    assert box(center=(1, 2, 3), size=(10, 15, 20)) == ((1, 2, 3), (10, 15, 20))
    assert box(ligand=ligand) == ((2, 1, 0.5), (14, 12, 11))
    assert box(ligand=ligand, padding=6.5) == ((2, 1, 0.5), (17, 15, 14))
    assert box(ligand=ligand, size=(16, 17, 18)) == ((2, 1, 0.5), (16, 17, 18))


def test_receptor_and_ligand_are_the_files_that_values_depend_on(packages, receptor, ligand):
    assert Vina(receptor=receptor, center=(0, 0, 0)).files == (Path(receptor),)
    assert Vina(receptor=receptor, ligand=ligand).files == (Path(receptor), Path(ligand))


def test_it_is_built_from_a_config(packages, receptor):
    node = {
        "_target_": "molgfn.oracles.physics.vina.Vina",
        "receptor": receptor,
        "center": [0, 1.5, 0],
        "size": [15, 15, 10.5],
    }
    made = build(node, Oracle, "oracle")
    assert (made.center, made.size) == ((0, 1.5, 0), (15, 15, 10.5))
    with pytest.raises(ConfigError, match=r"oracle\.size\[1\].*less than or equal to 100"):
        build({**node, "size": [9, 900, 9]}, Oracle, "oracle")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "either `center` or `ligand`"),
        ({"center": (0, 0, 0), "ligand": "a.pdb"}, "either `center` or `ligand`"),
        ({"center": (0, 0, 0), "padding": 4.0}, "padding: belongs to"),
        ({"center": (100, 0, 0)}, r"holds no atom of .*between \(-5 -5 -5\) and \(5 5 5\)"),
        ({"center": (0, 0, 0), "receptor": None}, "receptor: give"),
        ({"center": (0, 0, 0), "receptor": "a.pdb"}, "should be a .pdbqt file"),
        ({"center": (0, 0, 0), "receptor": "nowhere.pdbqt"}, "there is no such file"),
    ],
)
def test_a_config_that_cannot_work_says_why(packages, receptor, arguments, says):
    with pytest.raises(ConfigError, match=says):
        Vina(**{"receptor": receptor, **arguments})


def test_a_receptor_by_name_is_fetched_once(packages, receptor, monkeypatch, tmp_path):
    monkeypatch.setenv("MOLGFN_DATA", str(tmp_path))
    content = Path(receptor).read_bytes()
    known = replace(RECEPTORS["4jnc"], sha256=hashlib.sha256(content).hexdigest())
    monkeypatch.setitem(RECEPTORS, "4jnc", known)
    with pytest.raises(DataError, match=r"4jnc.nohet.aligned.pdbqt .* could not be fetched .* put it at"):
        Vina(receptor="4jnc", center=(0, 0, 0))
    known.place.write_bytes(content)
    assert Vina(receptor="4jnc", center=(0, 0, 0)).files == (known.place,)


def test_the_receptor_by_name_is_the_one_of_the_tests(pocket):
    assert hashlib.sha256(Path(pocket).read_bytes()).hexdigest() == RECEPTORS["4jnc"].sha256
    assert Path(pocket).stat().st_size == RECEPTORS["4jnc"].size


def test_a_ligand_that_cannot_give_a_box_says_why(packages, receptor, ligand, tmp_path):
    with pytest.raises(ConfigError, match="padding: belongs to"):
        Vina(receptor=receptor, ligand=ligand, size=(10, 10, 10), padding=1.0)
    with pytest.raises(DataError, match="No such file"):
        Vina(receptor=receptor, ligand=str(tmp_path / "none.sdf"))
    flat = tmp_path / "flat.pdb"
    flat.write_text(ATOM.format(1, 0, 0, 0) + ATOM.format(2, 4, 2, 0))
    with pytest.raises(ConfigError, match="is flat"):
        Vina(receptor=receptor, ligand=str(flat), padding=0.0)


def test_a_receptor_without_atoms_says_so(packages, tmp_path):
    path = tmp_path / "empty.pdbqt"
    path.write_text("REMARK nothing\n")
    with pytest.raises(DataError, match="holds no atom"):
        Vina(receptor=str(path), center=(0, 0, 0))


@pytest.mark.parametrize("missing", ["vina", "meeko"])
def test_a_missing_package_names_the_extra(monkeypatch, receptor, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ConfigError, match=r"pip install -c constraints.txt '\.\[docking\]'"):
        Vina(receptor=receptor, center=(0, 0, 0))


def test_tautomers_have_files_of_their_own():
    acid, other = parse(["Oc1ccccn1", "O=c1cccc[nH]1"])
    assert pose_file(acid).split("_")[0] == pose_file(other).split("_")[0] == "UBQKCCHYAOITMY-UHFFFAOYSA-N"
    assert pose_file(acid) != pose_file(other)


def test_positive_energies_are_cut_off_in_the_value_only(packages, receptor, monkeypatch):
    oracle = Vina(receptor=receptor, center=(0, 0, 0))
    monkeypatch.setattr(oracle, "prepare", lambda: None)
    monkeypatch.setattr(oracle, "_dock", lambda molecule: (75.0, -75.0 / 21, 1.0))
    values, columns = oracle.measure(parse(["CCO"]))
    assert values[0] == 10.0 == oracle.range[1]
    assert columns["affinity"][0] == 75.0


def test_contract_and_the_maps_are_computed_once(pocket, monkeypatch):
    import vina as package

    calls = []
    compute = package.Vina.compute_vina_maps
    monkeypatch.setattr(package.Vina, "compute_vina_maps", lambda self, **k: calls.append(k) or compute(self, **k))
    oracle = Vina(receptor=pocket, center=CENTER, size=(16, 16, 16), exhaustiveness=1, max_evals=1000)
    oracle.prepare()
    assert len(calls) == 1
    check_oracle(oracle, parse(["CO", "CCO", "[Na+].[Cl-]", "c1ccccc1", "C[C@H](N)C(=O)O"]), tolerance=0)
    assert calls == [{"center": list(CENTER), "box_size": [16, 16, 16]}]


def test_an_inhibitor_binds_and_methane_does_not(oracle):
    # the second is a urea, as sEH's inhibitors are
    values, columns = oracle.measure(parse(["C", "O=C(Nc1ccccc1)NC1CCCCC1"]))
    assert values[1] < -7 < -2 < values[0] < 0
    np.testing.assert_allclose(columns["ligand_efficiency"], -columns["affinity"] / [1, 16])
    np.testing.assert_array_equal(columns["poses"], [1, 1])


def test_the_numbering_of_the_atoms_does_not_matter(oracle):
    molecule = parse(["OCCCCN"])[0]
    turned = Molecule.from_mol(Chem.RenumberAtoms(molecule.mol, [5, 3, 1, 0, 2, 4]))
    one, other = oracle.values([molecule, turned])
    assert one == other


@pytest.mark.parametrize(
    ("smiles", "says"),
    [("CB(O)O", "Vina refuses it: .*B is not a valid AutoDock type"), ("C[As](C)C", "Meeko cannot prepare it")],
)
def test_what_cannot_be_docked_says_why(oracle, smiles, says):
    with pytest.raises(DockingError, match=says):
        oracle.values(parse([smiles]))


def test_poses_are_written_into_the_box(oracle, tmp_path, monkeypatch, capfd):
    folder = tmp_path / "new" / "poses"
    monkeypatch.setattr(oracle, "poses_folder", folder)
    monkeypatch.setattr(oracle, "poses", 3)
    molecule = parse(["C[C@H](N)C(=O)Nc1ccccc1"])[0]
    values, columns = oracle.measure([molecule])
    assert [p.name for p in folder.iterdir()] == [pose_file(molecule)]
    poses = list(Chem.SDMolSupplier(str(folder / pose_file(molecule)), removeHs=False))
    assert 1 < len(poses) == columns["poses"][0] <= 3
    affinities = [float(p.GetProp("affinity")) for p in poses]
    assert affinities == sorted(affinities)
    assert affinities[0] == values[0]
    for pose in poses:
        assert Chem.CanonSmiles(Chem.MolToSmiles(Chem.RemoveHs(pose))) == molecule.smiles
        assert pose.GetNumAtoms() == Chem.AddHs(molecule.mol).GetNumAtoms()
        assert np.all(np.abs(pose.GetConformer().GetPositions() - CENTER) < 12)
    assert capfd.readouterr() == ("", "")


def test_docking_needs_no_file_from_elsewhere(tmp_path, needs_extra):
    needs_extra("docking", "vina")
    path = tmp_path / "shell.pdbqt"  # carbons on a sphere of 7 A around the ligand
    golden = np.pi * (3 - np.sqrt(5)) * np.arange(60)
    z = np.linspace(-0.95, 0.95, 60)
    points = 7 * np.stack([np.cos(golden) * np.sqrt(1 - z**2), np.sin(golden) * np.sqrt(1 - z**2), z], axis=1)
    path.write_text("".join(ATOM.format(i, *point) for i, point in enumerate(points)))
    oracle = Vina(receptor=str(path), center=(0, 0, 0), size=(12, 12, 12), exhaustiveness=1, max_evals=1000)
    methane, ethanol = oracle.values(parse(["C", "CCO"]))
    assert ethanol < methane < 0
    assert (oracle.values(parse(["CCO"])) == ethanol).all()


def test_a_receptor_that_vina_cannot_read_says_so(receptor, needs_extra):
    needs_extra("docking", "vina")
    path = Path(receptor)
    path.write_text(path.read_text().replace("0.000 C\n", "0.000 Xx\n"))
    with pytest.raises(DataError, match=r"cube.pdbqt: Vina refuses it: .*Xx is not a valid AutoDock type"):
        Vina(receptor=receptor, center=(0, 0, 0)).prepare()
