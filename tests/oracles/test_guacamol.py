"""GuacaMol's goal-directed tasks, which are PMO's, too: equal to the original, value by value."""

import math
import pickle
from pathlib import Path

import numpy as np
import pytest
import yaml
from rdkit import Chem
from tests.reference_values import reference

from molgfn.chemistry.molecules import Molecule, parse
from molgfn.config import build
from molgfn.oracles.base import Oracle
from molgfn.testing import MOLECULES, check_oracle

CONFIGS = Path(__file__).parents[2] / "configs" / "oracle"

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"
AMLODIPINE = "CC1=C(C(C(=C(N1)COCCN)C(=O)OCC)C2=CC=CC=C2Cl)C(=O)OC"
BETAINE = "C[N+](C)(C)CC([O-])=O"
CAFFEINE = "Cn1c(=O)c2c(ncn2C)n(C)c1=O"
FEXOFENADINE = "CC(C)(C(=O)O)c1ccc(cc1)C(O)CCCN2CCC(CC2)C(O)(c3ccccc3)c4ccccc4"
INHIBITOR = "CCCOc1cc2ncnc(Nc3ccc4ncsc4c3)c2cc1S(=O)(=O)C(C)(C)C"
OSIMERTINIB = "COc1cc(N(C)CCN(C)C)c(NC(=O)C=C)cc1Nc2nccc(n2)c3cn(C)c4ccccc34"
PHOSPHINATE = "FC(F)(Cl)c1ccc(NP(=O)(O)C)cc1N"
PYRIDINE = "NC(CC(=O)N(C)Cc1ccc(-c2ncccc2)cc1)C(F)(F)F"
SITAGLIPTIN = "NC(CC(=O)N1CCn2c(nnc2C(F)(F)F)C1)Cc1cc(F)c(F)cc1F"
TESTOSTERONE = "CC12CCC3C(C1CCC2O)CCC4=CC(=O)CCC34C"
VALSARTAN = "CCCCC(=O)N(Cc1ccc(cc1)c1ccccc1c1nnn[nH]1)C(C(C)C)C(=O)O"

#: values that guacamol 0.5.5 gave with rdkit 2026.9.1
GOLDEN = {
    "celecoxib_rediscovery": {PYRIDINE: 0.2803738317757009, VALSARTAN: 0.1925925925925926},
    "troglitazone_rediscovery": {AMLODIPINE: 0.17266187050359713, VALSARTAN: 0.16556291390728478},
    "thiothixene_rediscovery": {OSIMERTINIB: 0.21935483870967742, INHIBITOR: 0.18620689655172415},
    "aripiprazole_similarity": {FEXOFENADINE: 0.25672877846790887, VALSARTAN: 0.1991341991341991},
    "albuterol_similarity": {AMLODIPINE: 0.30976430976430974, PHOSPHINATE: 0.30476190476190473},
    "mestranol_similarity": {TESTOSTERONE: 0.49353233830845766, FEXOFENADINE: 0.23634336677814938},
    "isomers_c7h8n2o2": {ASPIRIN: 0.2725317930340126, BETAINE: 0.24659696394160646},
    "isomers_c9h10n2o2pf2cl": {PHOSPHINATE: 0.9248488132162048, CAFFEINE: 0.4368676457055573},
    "isomers_c11h24": {TESTOSTERONE: 4.5990553786523223e-10, PYRIDINE: 7.97593580647609e-07},
    "median1": {TESTOSTERONE: 0.18012252498966297, BETAINE: 0.0778498944161523},
    "median2": {OSIMERTINIB: 0.14078076568157546, INHIBITOR: 0.13608276348795434},
    "osimertinib_mpo": {AMLODIPINE: 0.5718847773252035, SITAGLIPTIN: 0.3081898901507395},
    "fexofenadine_mpo": {VALSARTAN: 0.647191561266413, FEXOFENADINE: 0.5973402619117621},
    "ranolazine_mpo": {FEXOFENADINE: 0.5061103535641078, INHIBITOR: 0.40634852894440154},
    "perindopril_mpo": {SITAGLIPTIN: 0.2701716134791496, CAFFEINE: 0.24253562503633297},
    "amlodipine_mpo": {VALSARTAN: 0.46795096130874764, AMLODIPINE: 0.36787944117144233},
    "sitagliptin_mpo": {PYRIDINE: 0.004366467217408622, AMLODIPINE: 0.0007939687230411518},
    "zaleplon_mpo": {PYRIDINE: 0.3464947880884845, SITAGLIPTIN: 0.13343833033538244},
    "valsartan_smarts": {
        "CN(C(=O)C(F)(F)F)Cc1ccc(c2ccccc2)c(S(N)(=O)=O)c1": 0.4113816004345511,
        "CN(C(=O)CC(N)=O)Cc1ccc(c2ccccc2F)c(C#N)c1": 0.27749824449280774,
        VALSARTAN: 9.540221553711257e-11,
        ASPIRIN: 0.0,
    },
    "deco_hop": {OSIMERTINIB: 0.5876383763837638, VALSARTAN: 0.5465270854104354},
    "scaffold_hop": {INHIBITOR: 0.6666666666666666, VALSARTAN: 0.40364092906465787},
}

#: molecules that a task is won with: the drug itself (with stereo or without), or any isomer
WON = {
    "celecoxib_rediscovery": ["Cc1ccc(-c2cc(C(F)(F)F)nn2-c2ccc(S(N)(=O)=O)cc2)cc1"],
    "troglitazone_rediscovery": ["Cc1c(C)c2c(c(C)c1O)CCC(C)(COc1ccc(CC3SC(=O)NC3=O)cc1)O2"],
    "thiothixene_rediscovery": [r"CN1CCN(CC/C=C2/c3ccccc3Sc3ccc(S(=O)(=O)N(C)C)cc32)CC1"],
    "aripiprazole_similarity": ["O=C1CCc2ccc(OCCCCN3CCN(c4cccc(Cl)c4Cl)CC3)cc2N1"],
    "albuterol_similarity": ["CC(C)(C)NC[C@H](O)c1ccc(O)c(CO)c1"],
    "mestranol_similarity": ["C#C[C@]1(O)CC[C@H]2[C@@H]3CCc4cc(OC)ccc4[C@H]3CC[C@@]21C"],
    "isomers_c7h8n2o2": ["COC(=O)c1cccc(N)n1", "Nc1ccc(C(=O)O)c(N)c1"],
    "isomers_c9h10n2o2pf2cl": ["FC(F)(Cl)c1ccc(NP(=O)(O)C=C)cc1N"],
    "isomers_c11h24": ["CCCCCCCCCCC", "CC(C)(C)CC(C)(C)CCC"],
}


def task(name: str) -> Oracle:
    return build(yaml.safe_load((CONFIGS / f"{name}.yaml").read_text()), Oracle, "oracle")


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_values(name):
    values = task(name).values(parse(GOLDEN[name]))
    np.testing.assert_allclose(values, list(GOLDEN[name].values()), rtol=1e-12)
    assert any(0 < value < 1 for value in values)


@pytest.mark.parametrize("name", GOLDEN)
def test_contract(name):
    oracle = task(name)
    assert oracle.name == name
    assert oracle.range == (0.0, 1.0)
    assert oracle.direction == "maximise"
    check_oracle(oracle, tolerance=0)
    assert oracle.values([]).shape == (0,)


@pytest.mark.parametrize("name", [n for n in GOLDEN if n != "isomers_c7h8n2o2"])  # which is PMO's only
def test_equals_guacamol_on_a_hundred_molecules(name):
    table = reference("guacamol")
    assert len(table) == 100
    np.testing.assert_allclose(task(name).values(parse(table.smiles)), table[name], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", WON)
def test_the_best_score_is_one(name):
    values = task(name).values(parse(WON[name]))
    np.testing.assert_allclose(values, 1.0, rtol=0, atol=1e-12)


def test_isomers_by_hand():
    decane, heavy_water = task("isomers_c11h24").values(parse(["C" * 10, "[2H]O[2H]"]))
    assert decane == pytest.approx(math.exp(-(0.5 + 2.0 + 1.125) / 3))  # 1 C, 2 H and 3 atoms too few
    assert heavy_water == pytest.approx(math.exp(-(60.5 + 242.0 + 128.0) / 3))  # deuterium is hydrogen, O only an atom


def test_stereo_does_not_count_in_rediscovery():
    values = task("mestranol_similarity").values(parse([WON["mestranol_similarity"][0].replace("@", "")]))
    assert values[0] == 1.0


@pytest.mark.parametrize("name", GOLDEN)
def test_explicit_hydrogens_change_nothing(name):
    smiles = [s for s in (*MOLECULES[:-1], *GOLDEN[name]) if "Zn" not in s]
    explicit = [Molecule.from_mol(Chem.AddHs(Chem.MolFromSmiles(s))) for s in smiles]
    assert all(m.mol.GetNumAtoms() > m.mol.GetNumHeavyAtoms() for m in explicit[:2])
    np.testing.assert_allclose(task(name).values(explicit), task(name).values(parse(smiles)), rtol=1e-12)


@pytest.mark.parametrize("name", GOLDEN)
def test_it_can_be_sent_to_a_worker_process(name):
    oracle, molecules = task(name), parse(GOLDEN[name])
    sent = pickle.loads(pickle.dumps(oracle))
    np.testing.assert_array_equal(sent.values(molecules), oracle.values(molecules))


@pytest.mark.parametrize("name", ["median1", "deco_hop", "valsartan_smarts", "osimertinib_mpo", "isomers_c11h24"])
def test_a_molecule_without_mol_is_refused(name):
    with pytest.raises(ValueError, match="molecule 1 is not valid"):
        task(name).values([*parse(["C"]), Molecule.failed("no")])
