import numpy as np
import pytest

from molgfn.chemistry.molecules import parse
from molgfn.errors import ConfigError
from molgfn.oracles.structure.similarity import Similarity
from molgfn.rewards.similarity_window import SimilarityWindow
from molgfn.rewards.transforms import DoubleSigmoid
from molgfn.rewards.weighted_mean import Component, WeightedMean
from molgfn.testing import MOLECULES, check_oracle

LEAD = "COc1cc2ncnc(Nc3ccc(F)c(Cl)c3)c2cc1OCCCN1CCOCC1"
NEAR = "COc1cc2ncnc(Nc3ccc(F)cc3)c2cc1OCCCN1CCOCC1"


def test_it_is_the_similarity_in_a_window():
    molecules = parse([LEAD, NEAR, *MOLECULES])
    similarity = Similarity(smiles=LEAD).values(molecules)
    values, parts = SimilarityWindow(smiles=LEAD, low=0.3, high=0.8).measure(molecules)
    np.testing.assert_array_equal(parts["similarity"], similarity)
    np.testing.assert_array_equal(values, DoubleSigmoid(low=0.3, high=0.8)(similarity))


def test_the_lead_itself_is_too_near_and_others_too_far():
    oracle = SimilarityWindow(smiles=[LEAD, "CCO"], low=0.3, high=0.9)
    lead, near, far = oracle.values(parse([LEAD, NEAR, "C1CCCCC1"]))
    assert lead < 0.02
    assert near > 0.95
    assert far < 1e-6


def test_contract():
    check_oracle(SimilarityWindow(smiles=MOLECULES[3], low=0.1, high=0.5), tolerance=1e-12)


def test_as_a_component_it_needs_no_transform_and_shows_the_similarity():
    mean = WeightedMean(components={"lead": Component(oracle=SimilarityWindow(smiles=LEAD))})
    assert mean.component_names == ("lead", "lead_transformed", "lead_similarity")
    _, columns = mean.measure(parse([NEAR]))
    assert columns["lead_similarity"][0] == Similarity(smiles=LEAD).values(parse([NEAR]))[0]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({}, "smiles: give the SMILES of a lead"),
        ({"smiles": "c1cc"}, "not a SMILES"),
        ({"smiles": LEAD, "low": 0.7, "high": 0.4}, "low=0.7 must lie below high=0.4"),
    ],
)
def test_what_cannot_work_is_refused(arguments, match):
    with pytest.raises(ConfigError, match=match):
        SimilarityWindow(**arguments)
