import numpy as np
import pytest

from molgfn.chemistry.molecules import parse
from molgfn.errors import ConfigError
from molgfn.oracles.structure.similarity import Similarity
from molgfn.rewards.power import Power
from molgfn.rewards.similarity_window import SimilarityWindow
from molgfn.rewards.transforms import DoubleSigmoid
from molgfn.rewards.weighted_mean import Component, WeightedMean
from molgfn.testing import MOLECULES

LEAD = "COc1cc2ncnc(Nc3ccc(F)c(Cl)c3)c2cc1OCCCN1CCOCC1"
NEAR = "COc1cc2ncnc(Nc3ccc(F)cc3)c2cc1OCCCN1CCOCC1"


def evaluated(part, objects):
    """Value and columns, of what the one oracle inside measures."""
    (entry,) = part.panel().entries
    return part.evaluate({entry.value: entry.oracle.values(objects)})


def test_it_is_the_similarity_in_a_window():
    molecules = parse([LEAD, NEAR, *MOLECULES])
    similarity = Similarity(smiles=LEAD).values(molecules)
    values, parts = evaluated(SimilarityWindow(smiles=LEAD, low=0.3, high=0.8), molecules)
    np.testing.assert_array_equal(parts["similarity"], similarity)
    np.testing.assert_array_equal(values, DoubleSigmoid(low=0.3, high=0.8)(similarity))


def test_the_lead_itself_is_too_near_and_others_too_far():
    oracle = SimilarityWindow(smiles=[LEAD, "CCO"], low=0.3, high=0.9)
    lead, near, far = evaluated(oracle, parse([LEAD, NEAR, "C1CCCCC1"]))[0]
    assert lead < 0.02
    assert near > 0.95
    assert far < 1e-6


def test_windows_share_the_answers_of_their_similarity():
    node = {"_target_": "molgfn.oracles.structure.similarity.Similarity", "smiles": LEAD, "counts": False}
    for low in (0.1, 0.4):
        window = {**node, "_target_": "molgfn.rewards.similarity_window.SimilarityWindow", "low": low, "high": 0.7}
        (entry,) = SimilarityWindow(smiles=LEAD, low=low).panel(window).entries
        assert entry.recipe == node


def test_as_a_component_it_needs_no_transform_and_shows_the_similarity():
    mean = WeightedMean(components={"lead": Component(oracle=SimilarityWindow(smiles=LEAD))}, aggregation="arithmetic")
    assert mean.component_names == ("lead", "lead_transformed", "lead_similarity")
    scores = Power(oracle=mean)(parse([NEAR]), [NEAR])
    assert scores.components["lead_similarity"][0] == Similarity(smiles=LEAD).values(parse([NEAR]))[0]
    assert scores.components["lead"].tolist() == [
        DoubleSigmoid(low=0.4, high=0.7)(scores.components["lead_similarity"])
    ]
    assert scores.value.tolist() == pytest.approx(scores.components["lead"].tolist(), rel=1e-12)


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
