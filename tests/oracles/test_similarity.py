import numpy as np
import pytest

from molgfn.chemistry.fingerprints import morgan, tanimoto
from molgfn.chemistry.molecules import parse
from molgfn.config import build
from molgfn.errors import ConfigError
from molgfn.oracles.base import Oracle
from molgfn.oracles.structure.similarity import Similarity
from molgfn.testing import MOLECULES, check_oracle

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"
CAFFEINE = "Cn1c(=O)c2c(ncn2C)n(C)c1=O"
KINDS = [(kind, counts) for kind in ("ecfp4", "ecfp6", "fcfp4", "fcfp6", "ap", "phco") for counts in (False, True)]
KINDS.remove(("phco", True))


@pytest.mark.parametrize(("kind", "counts"), KINDS)
def test_contract(kind, counts):
    check_oracle(Similarity(smiles=[ASPIRIN, CAFFEINE], fingerprint=kind, counts=counts), tolerance=0)


@pytest.mark.parametrize(("kind", "counts"), KINDS)
@pytest.mark.parametrize("lead", [ASPIRIN, "C"])
def test_a_lead_is_like_itself_and_unlike_others(kind, counts, lead):
    """Also a single atom, which has no pair of atoms."""
    same, other = Similarity(smiles=lead, fingerprint=kind, counts=counts).values(parse([lead, "OCC1CCNCC1=O"]))
    assert same == 1.0
    assert 0 <= other < 1


def test_bits_equal_those_of_the_evaluation():
    molecules, leads = parse(MOLECULES), [ASPIRIN, CAFFEINE, "CCO"]
    expected = tanimoto(morgan(molecules), morgan(parse(leads))).max(axis=1)
    np.testing.assert_allclose(Similarity(smiles=leads).values(molecules), expected, rtol=0, atol=1e-6)
    assert 0.05 < expected.min() + expected.mean() < 1


def test_counts_by_hand():
    """Ethanol and 1-propanol have five environments in common: CH3, CH2, OH, and the two ends with their neighbour."""
    bits, counts = (Similarity(smiles="CCO", fingerprint="ecfp4", counts=c).values(parse(["CCCO"]))[0] for c in (0, 1))
    # ethanol has 6: three atoms, each alone and with its neighbours; propanol 8 of which one (CH2) occurs twice
    assert bits == pytest.approx(5 / (6 + 8 - 5))
    assert counts == pytest.approx(5 / (6 + 9 - 5))


def test_the_nearest_lead_counts():
    both = Similarity(smiles=[ASPIRIN, CAFFEINE])
    np.testing.assert_array_equal(both.values(parse([CAFFEINE, ASPIRIN])), [1.0, 1.0])
    assert both.leads == ["CC(=O)Oc1ccccc1C(=O)O", "Cn1c(=O)c2c(ncn2C)n(C)c1=O"]
    single = np.stack([Similarity(smiles=s).values(parse(MOLECULES)) for s in (ASPIRIN, CAFFEINE)])
    np.testing.assert_array_equal(both.values(parse(MOLECULES)), single.max(axis=0))


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({}, "smiles: give the SMILES"),
        ({"smiles": []}, "smiles: give the SMILES"),
        ({"smiles": ["CCO", "C(("]}, r"smiles\[1\]: not a SMILES: C\(\("),
        (
            {"smiles": ["Na+"]},
            r"""not a SMILES: Na\+; if it is \[Na\+\], quote it twice .*'oracle\.smiles="\[Na\+\]"'""",
        ),
        ({"smiles": ""}, r"smiles\[0\]: empty SMILES"),
        ({"smiles": "CCO", "fingerprint": "phco", "counts": True}, "counts: phco says only"),
    ],
)
def test_what_cannot_work_is_named(arguments, match):
    with pytest.raises(ConfigError, match=match):
        Similarity(**arguments)


@pytest.mark.parametrize(
    ("extra", "match"),
    [({"fingerprint": "ecfp5"}, "oracle.fingerprint: .*did you mean `ecfp"), ({"smiles": 3}, "oracle.smiles")],
)
def test_a_config_with_a_mistake_is_refused(extra, match):
    node = {"_target_": "molgfn.oracles.structure.similarity.Similarity", "smiles": "CCO", **extra}
    with pytest.raises(ConfigError, match=match):
        build(node, Oracle, "oracle")
