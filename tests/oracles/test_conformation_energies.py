import sys

import numpy as np
import pytest
from rdkit.Chem import rdForceFieldHelpers

from molgfn.chemistry.conformers.frame import frame
from molgfn.chemistry.molecules import Molecule
from molgfn.errors import ConfigError
from molgfn.objects.conformation import CONFORMATION, Conformation, Conformations
from molgfn.oracles.conformations.ani import ANI
from molgfn.oracles.conformations.energy import CLASHED
from molgfn.oracles.conformations.mmff import MMFF
from molgfn.oracles.conformations.xtb_energy import XTBEnergy
from molgfn.serving.service import Service
from molgfn.serving.settings import Scoring
from molgfn.testing import check_kind, check_oracle


def shapes(*smiles, each=3):
    rng = np.random.default_rng(0)
    frames = [frame(Molecule.from_smiles(text)) for text in smiles]
    drawn = [(one, one.reduced(rng.uniform(-np.pi, np.pi, (each, one.torsions)))) for one in frames]
    return Conformations.of([Conformation(one, row) for one, rows in drawn for row in rows])


@pytest.fixture(scope="module")
def some():
    return shapes("CCCCO", "c1ccccc1CCO", "CCCB(O)O")


def test_the_kind_keeps_its_contract(some, tmp_path):
    check_kind(CONFORMATION, some)
    keys = CONFORMATION.keys(some)
    assert keys[0].startswith("CCCCO 0,none,reduced ")
    np.testing.assert_array_equal(CONFORMATION.parse(keys).angles, some.angles)
    columns = CONFORMATION.columns(some)
    assert columns["smiles"][0] == "CCCCO"
    assert columns["torsion_1"][0] == pytest.approx(np.degrees(some.angles[0, 0]))
    for bad in (keys[0] + " 1.0", keys[0].rpartition(" ")[0] + " nan", keys[0].partition(":")[0] + ": x y"):
        with pytest.raises(ValueError, match="2 angles"):
            CONFORMATION.parse([bad])


def test_an_sdf_has_the_positions(some, tmp_path):
    from rdkit import Chem

    CONFORMATION.write(some, tmp_path / "shapes.sdf", {"energy": list(range(9))})
    read = list(Chem.SDMolSupplier(str(tmp_path / "shapes.sdf"), removeHs=False))
    assert len(read) == 9
    for row, mol in enumerate(read):
        shape = some[row]
        np.testing.assert_allclose(
            mol.GetConformer().GetPositions(), shape.frame.positions(shape.angles[None])[0], atol=1e-4
        )
        assert float(mol.GetProp("energy")) == row
        assert float(mol.GetProp("torsion_1")) == pytest.approx(np.degrees(shape.angles[0]))


def test_mmff_is_rdkits_and_the_contract_holds(some):
    check_oracle(MMFF(), some)
    good = CONFORMATION.take(some, range(6))
    value, parts = MMFF().measure(good)
    for row in range(6):
        mol, seed = good[row].mol, good[row].frame.mol
        alone, at_seed = (
            rdForceFieldHelpers.MMFFGetMoleculeForceField(
                one, rdForceFieldHelpers.MMFFGetMoleculeProperties(one)
            ).CalcEnergy()
            for one in (mol, seed)
        )
        assert parts["energy"][row] == pytest.approx(alone, abs=1e-6)
        assert value[row] == pytest.approx(alone - at_seed, abs=1e-6)
    assert not np.allclose(MMFF(dielectric=80).values(good), value)
    assert not np.allclose(
        MMFF(variant="MMFF94s").values(shapes("CNC(=O)C(C)C")), MMFF().values(shapes("CNC(=O)C(C)C"))
    )


def test_an_element_that_the_force_field_lacks_is_counted_with_its_reason(some):
    service = Service(oracle=MMFF(), scoring=Scoring())
    found = service(some, CONFORMATION.keys(some))
    values = found.values["mmff"].numpy()
    assert np.isfinite(values[:6]).all()
    assert np.isnan(values[6:]).all()
    assert "no parameters" in found.problems[6]
    assert sum(service.counters.reasons.values()) == service.counters.failed == 3


def test_shapes_whose_atoms_lie_in_each_other_are_counted_and_never_the_best():
    one = frame(Molecule.from_smiles("CCCCCC"))
    folded = Conformations.of([Conformation(one, np.zeros(3)), Conformation(one, one.seed_angles)])
    value, parts = MMFF().measure(folded)
    assert parts["clashes"].tolist()[0] > 0 == parts["clashes"].tolist()[1]
    assert value[0] > 30
    assert value[1] == pytest.approx(0, abs=1e-6)


def test_xtb(needs_extra, some):
    tblite = needs_extra("xtb", "tblite.interface")
    check_oracle(XTBEnergy(), CONFORMATION.take(some, [0, 1, 3]), tolerance=1e-8)
    one = frame(Molecule.from_smiles("CCCCCC"))
    value, parts = XTBEnergy().measure(
        Conformations.of([Conformation(one, np.zeros(3)), Conformation(one, one.seed_angles + 0.3)])
    )
    assert value[0] == CLASHED
    positions = one.positions(one.seed_angles[None] + 0.3)[0] * 1.8897261246
    calculator = tblite.Calculator("GFN2-xTB", one.numbers, positions)
    calculator.set("verbosity", 0)
    assert parts["energy"][1] == pytest.approx(calculator.singlepoint().get("energy") * 627.50947, abs=1e-4)


def test_missing_packages_name_their_extras(monkeypatch):
    monkeypatch.setitem(sys.modules, "tblite.interface", None)
    with pytest.raises(ConfigError, match=r"xtb_energy: needs tblite.*\[xtb\]"):
        XTBEnergy()
    monkeypatch.setattr("molgfn.oracles.conformations.ani.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"ani: needs torchani.*\[ani\]"):
        ANI()


def test_ani_asks_its_model_in_batches_and_refuses_what_it_does_not_know(monkeypatch):
    """With a stand-in for the network, whose weights are fetched from elsewhere: sums of distances."""
    import torch

    asked = []

    def model(pair):
        numbers, place = pair
        asked.append(len(place))
        assert numbers.shape == place.shape[:2]
        return type("Energies", (), {"energies": torch.cdist(place, place).sum((1, 2))})

    monkeypatch.setattr("molgfn.oracles.conformations.ani.find_spec", lambda name: True)
    oracle = ANI(batch=2)
    oracle._model = model
    some = shapes("CCCCO", each=5)
    value, parts = oracle.measure(some)
    free = parts["clashes"] == 0
    assert max(asked) == 2
    assert np.isfinite(value).all()
    assert (value[~free] == CLASHED).all()
    with pytest.raises(ValueError, match="number 5"):
        oracle.values(shapes("CCCB(O)O", each=1))
    with pytest.raises(ValueError, match="has charges"):
        oracle.values(shapes("CCCC[O-]", each=1))
