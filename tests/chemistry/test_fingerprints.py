import numpy as np
import pytest
from rdkit import DataStructs
from rdkit.Chem import rdFingerprintGenerator

from molgfn.chemistry.fingerprints import fingerprints, morgan, tanimoto
from molgfn.chemistry.molecules import Molecule, parse

SMILES = ["CCO", "CC(=O)Oc1ccccc1C(=O)O", "c1ccccc1", "CN1CCN(C)CC1", "CC(C)Cc1ccc(C(C)C(=O)O)cc1"]


def test_bits_and_similarity_agree_with_rdkit():
    molecules = parse(SMILES)
    bits = morgan(molecules)
    assert bits.shape == (5, 2048)
    assert bits.dtype == bool
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    vectors = [generator.GetFingerprint(m.mol) for m in molecules]
    assert [set(np.flatnonzero(b).tolist()) for b in bits] == [set(v.GetOnBits()) for v in vectors]
    expected = [DataStructs.BulkTanimotoSimilarity(v, vectors) for v in vectors]
    np.testing.assert_allclose(tanimoto(bits, bits), expected, atol=1e-6)
    np.testing.assert_allclose(tanimoto(bits[:2], bits[2:]), np.array(expected)[:2, 2:], atol=1e-6)


def test_empty_batches_and_empty_rows():
    assert fingerprints([]).shape == (0, 2048)
    assert tanimoto(fingerprints([]), morgan(parse(SMILES))).shape == (0, 5)
    zeros = np.zeros((1, 2048), dtype=bool)
    assert tanimoto(zeros, zeros).tolist() == [[1.0]]
    assert tanimoto(zeros, morgan(parse(["CCO"]))).tolist() == [[0.0]]


def test_an_invalid_molecule_is_refused():
    with pytest.raises(ValueError, match="molecule 1 is not valid"):
        morgan([Molecule.from_smiles("C"), Molecule.from_smiles("XX")])
