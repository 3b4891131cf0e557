import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdMolAlign, rdMolTransforms

from molgfn.chemistry.conformers import ConformerError, conformer
from molgfn.chemistry.conformers.clashes import clashes
from molgfn.chemistry.conformers.drawing import overlay_svg, superposed
from molgfn.chemistry.conformers.frame import frame, frame_named, remember
from molgfn.chemistry.conformers.metric import derivatives, log_volume
from molgfn.chemistry.conformers.rotors import rotors
from molgfn.chemistry.conformers.similarity import best_rmsd, clusters, coverage
from molgfn.chemistry.molecules import Molecule
from molgfn.errors import DataError

#: chain with a ring, rotors within rotors, both sides moving
AWKWARD = "CC(C)Cc1ccc(cc1)C(C)C(=O)O"


def made(smiles, **settings):
    return frame(Molecule.from_smiles(smiles), **settings)


def distances(positions):
    return np.linalg.norm(positions[:, None] - positions[None], axis=-1)


@pytest.mark.parametrize(
    ("smiles", "none", "polar", "every"),
    [
        ("CCCCO", [1, 1], [1, 1, 1], [3, 1, 1, 1]),
        ("Cc1ccccc1", [], [], [6]),
        ("FC(F)(F)CCC(C)(C)C", [3, 1, 3], [3, 1, 3], [3, 3, 3, 1, 1, 3]),  # methyls that turn break the t-butyl's
        ("c1ccccc1-c1ccccc1", [2], [2], [2]),
        ("[O-]C(=O)CC(=O)N", [1, 1], [2, 1, 2], [2, 1, 2]),
        ("CC#CC", [], [], []),  # both ends hang on a straight line
        ("CO", [], [3], [3]),
        ("CC", [], [], [3]),
        ("CNC(C)=O", [1], [1], [3, 1, 3]),
    ],
)
def test_rotors_and_their_symmetry(smiles, none, polar, every):
    mol = Chem.AddHs(Chem.MolFromSmiles(Molecule.from_smiles(smiles).smiles))
    if smiles.startswith("[O-]"):
        none = [1, 2]
    for setting, wanted in (("none", none), ("polar", polar), ("all", every)):
        found = rotors(mol, hydrogen_rotors=setting)
        assert sorted(rotor.order for rotor in found) == sorted(wanted), setting
        assert {rotor.order for rotor in rotors(mol, hydrogen_rotors=setting, symmetric=False)} <= {1}
        for rotor in found:
            a, b, c, d = rotor.atoms
            assert d in rotor.moving
            assert not {a, b, c} & set(rotor.moving)
            assert not mol.GetBondBetweenAtoms(b, c).IsInRing()
            assert 2 * (len(rotor.moving) + 1) <= mol.GetNumAtoms()


def test_a_shape_is_the_same_after_the_period_of_each_rotor():
    for smiles, settings in (
        ("FC(F)(F)CCc1ccccc1", {}),
        ("CC(=O)[O-].", {}),
        ("Cc1ccccc1", {"hydrogen_rotors": "all"}),
    ):
        one = made(smiles.strip("."), **settings) if "=" not in smiles else made("[O-]C(=O)CCC", **settings)
        for k in np.flatnonzero(one.orders > 1):
            turned = one.seed_angles + np.eye(one.torsions)[k] * one.periods[k]
            before, after = one.mols(np.stack([one.seed_angles, turned]))
            # hydrogens count, too: those of toluene's methyl are what turns
            assert rdMolAlign.GetBestRMS(before, after) < 0.05


def test_positions_are_those_of_rdkit_and_angles_are_read_back():
    rng = np.random.default_rng(0)
    for smiles in (AWKWARD, "CCCCO", "OC(=O)CCC(F)(F)F"):
        one = made(smiles, hydrogen_rotors="polar")
        angles = rng.uniform(-np.pi, np.pi, (8, one.torsions))
        positions = one.positions(angles)
        assert positions.shape == (8, one.mol.GetNumAtoms(), 3)
        np.testing.assert_allclose(
            np.exp(1j * one.angles(positions) * one.orders), np.exp(1j * angles * one.orders), atol=1e-9
        )
        assert (np.abs(one.angles(positions)) <= one.periods / 2).all()
        for row, place in zip(angles, positions, strict=True):
            other = Chem.Mol(one.mol).GetConformer()
            for atoms, angle in zip(one.atoms.tolist(), row.tolist(), strict=True):
                rdMolTransforms.SetDihedralRad(other, *atoms, angle)
            np.testing.assert_allclose(distances(place), distances(other.GetPositions()), atol=1e-6)


def test_the_seed_geometry_is_kept_and_comes_back_at_its_own_angles():
    one = made("CCCCO")
    before = one.seed_positions.copy()
    np.testing.assert_allclose(one.positions(one.seed_angles[None])[0], before, atol=1e-9)
    one.positions(one.seed_angles[None] + 1.0)
    np.testing.assert_array_equal(one.seed_positions, before)
    np.testing.assert_array_equal(before, conformer(Molecule.from_smiles("CCCCO")).GetConformer().GetPositions())


def test_a_frame_is_found_by_its_name_and_another_geometry_is_refused():
    one = made("CCCCN", seed=3)
    again = frame_named(one.name)
    assert again is not one
    assert again.name == one.name
    assert remember(one) is again is frame_named(one.name)
    assert made("CCCCN", seed=4).name != one.name
    with pytest.raises(DataError, match="another one"):
        frame_named(f"CCCCN 5,none,reduced {one.name.split()[2]}")
    for bad in ("CCO", "CCO 1 2", "CCCC x,none,reduced 1", "CCCC 0,some,reduced 1", "CCCC 0,none,half 1"):
        with pytest.raises(DataError, match="no frame"):
            frame_named(bad)


def test_what_has_no_frame_says_why():
    with pytest.raises(ConformerError, match="no torsions"):
        made("c1ccccc1")
    with pytest.raises(ConformerError, match="3 torsions, more than the 2"):
        made("CCCCCC", most=2)
    with pytest.raises(ConformerError, match="2 pieces"):
        made("CCCC.O")


def test_clashes():
    one = made("CCCCCC")
    stretched = np.full((1, 3), np.pi)
    folded = np.zeros((1, 3))
    assert clashes(one, one.positions(stretched)).tolist() == [0]
    assert clashes(one, one.positions(folded))[0] > 0


@pytest.mark.parametrize("metric", ["unit", "mass"])
def test_the_volume_element_is_that_of_finite_differences(metric):
    one = made("CC(C)C(O)CN", hydrogen_rotors="polar")
    rng = np.random.default_rng(1)
    angles = rng.uniform(-np.pi, np.pi, (3, one.torsions))
    masses = (
        np.array([atom.GetMass() for atom in one.mol.GetAtoms()]) if metric == "mass" else np.ones(len(one.numbers))
    )
    small = 1e-5

    def placed(q):
        """Positions by place, turn (a rotation vector) and torsions, all of them free."""
        place = one.positions(q[None, 6:])[0]
        x, y, z = q[3:6]
        generator = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        return place @ (np.eye(3) + generator + generator @ generator / 2).T + q[:3]

    def log_root(row):
        q = np.concatenate([np.zeros(6), row])
        steps = np.eye(len(q)) * small
        j = np.stack([(placed(q + h) - placed(q - h)) / (2 * small) for h in steps])
        return 0.5 * np.linalg.slogdet(np.einsum("ina,jna,n->ij", j, j, masses))[1]

    # placed() turns about the frame's origin, which log_volume does not depend on
    wanted = np.array([log_root(row) for row in angles]) - log_root(one.seed_angles)
    np.testing.assert_allclose(log_volume(one, angles, metric=metric), wanted, atol=1e-6)
    assert not log_volume(one, angles, metric="none").any()
    positions = one.positions(angles)
    for k in range(one.torsions):
        step = np.zeros(one.torsions)
        step[k] = small
        numbers = (one.positions(angles + step) - one.positions(angles - step)) / (2 * small)
        np.testing.assert_allclose(derivatives(one, positions)[:, k], numbers, atol=1e-6)


def test_rmsd_knows_symmetry_and_clusters_begin_with_the_first():
    one = made("c1ccccc1CCC", symmetric=False)
    flipped = one.seed_angles.copy()
    phenyl = int(np.flatnonzero(made("c1ccccc1CCC").orders == 2)[0])
    flipped[phenyl] += np.pi
    other = one.seed_angles + np.array([1.5, 1.5])
    mols = one.mols(np.stack([one.seed_angles, flipped, other]))
    apart = best_rmsd(mols, mols)
    assert apart.shape == (3, 3)
    assert apart[0, 1] < 0.05 < 0.5 < apart[0, 2]
    assert apart[0, 2] == pytest.approx(rdMolAlign.GetBestRMS(Chem.RemoveHs(mols[0]), Chem.RemoveHs(mols[2])))
    assert clusters(mols, [2, 1, 0]).tolist() == [1, 1, 0]
    covered = coverage(mols[:2], mols[2:], threshold=0.1)
    assert covered.recall == covered.precision == 0
    assert covered.recall_rmsd == pytest.approx(apart[:2, 2].mean())
    assert coverage(mols, mols).recall == 1
    place = superposed(mols)
    heavy = [atom.GetIdx() for atom in one.mol.GetAtoms() if atom.GetAtomicNum() > 1]
    moved = np.sqrt(((place[2][heavy] - place[0][heavy]) ** 2).sum(-1).mean())
    plain = rdMolAlign.AlignMol(Chem.RemoveHs(mols[2]), Chem.RemoveHs(mols[0]), atomMap=[(i, i) for i in range(9)])
    assert moved == pytest.approx(plain, abs=1e-6)
    assert "<svg" in overlay_svg(mols, [0.5, 0.3, 0.0])
