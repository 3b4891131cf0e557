"""What has been found often enough is worth nothing any more."""

import numpy as np
import pytest
import torch

from molgfn.chemistry.molecules import parse
from molgfn.errors import ConfigError
from molgfn.oracles.properties.qed import QED
from molgfn.oracles.properties.sa import SA
from molgfn.oracles.synthetic.hypergrid import HyperGrid
from molgfn.rewards.boltzmann import Boltzmann
from molgfn.rewards.diversity_filter import DiversityFilter
from molgfn.rewards.power import Power
from molgfn.rewards.transforms import Linear

#: four with the benzene scaffold, two pyridines (as generic scaffold also a six-ring), one without a ring
SMILES = ["c1ccccc1C", "c1ccccc1O", "c1ccccc1N", "c1ccccc1Cl", "c1ccncc1C", "c1ccncc1O", "CCO"]


def blocked(filter, smiles, score=1.0, **how):
    molecules = parse(smiles)
    scores = np.broadcast_to(np.asarray(score, dtype=np.float64), len(smiles))
    return filter(molecules, [m.smiles for m in molecules], scores, **how).tolist()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("murcko", [0, 0, 1, 1, 0, 0, 0]),
        ("topological", [0, 0, 1, 1, 1, 1, 0]),
        ("similar", [0, 0, 1, 1, 0, 0, 0]),
        ("smiles", [0, 0, 0, 0, 0, 0, 0]),
    ],
)
def test_buckets(kind, expected):
    assert blocked(DiversityFilter(kind=kind, bucket_size=2), SMILES) == list(map(bool, expected))


def test_similar_scaffolds_share_a_bucket():
    loose = DiversityFilter(kind="similar", bucket_size=1, min_similarity=0.1)
    assert blocked(loose, ["c1ccccc1C", "c1ccncc1C"]) == [False, True]


def test_what_was_found_before_is_blocked_and_a_low_score_takes_no_place():
    filter = DiversityFilter(bucket_size=2, min_score=0.5)
    assert blocked(filter, SMILES[:3], [0.4, np.nan, 0.6]) == [False, False, False]
    assert blocked(filter, [SMILES[2], SMILES[0], SMILES[1]]) == [True, False, True]


@pytest.mark.parametrize("kind", ["murcko", "topological", "similar", "smiles"])
def test_a_batch_has_one_verdict_for_each_molecule(kind):
    filter = DiversityFilter(kind=kind, bucket_size=1)
    first, second = SMILES[0], SMILES[1]
    full = kind != "smiles"
    assert blocked(filter, [first, second, first]) == [False, full, False]
    assert blocked(filter, [second, first], further=True) == [full, False]
    assert blocked(filter, [first, second], further=True, finished=False) == [False, full]
    assert blocked(filter, [first, second]) == [True, True]  # another batch: found before


@pytest.mark.parametrize("kind", ["murcko", "topological", "similar", "smiles"])
def test_what_is_not_finished_is_judged_and_takes_no_place(kind):
    filter = DiversityFilter(kind=kind, bucket_size=1)
    before = filter.state_dict()
    assert blocked(filter, SMILES, finished=False) == [False] * len(SMILES)
    assert filter.state_dict() == before
    assert blocked(filter, SMILES[:1]) == [False]
    after = filter.state_dict()
    assert after["found"] == [parse(SMILES[:1])[0].smiles]
    again = blocked(filter, SMILES[:2], further=True, finished=False)
    assert again == [False, kind != "smiles"]  # the first is of this batch; the second finds the bucket full
    assert blocked(filter, SMILES[:2], finished=False) == [True, kind != "smiles"]
    assert filter.state_dict() == after


def test_state_goes_on():
    for kind in ("murcko", "similar"):
        filter = DiversityFilter(kind=kind, bucket_size=2)
        blocked(filter, SMILES[:2])
        again = DiversityFilter(kind=kind, bucket_size=2)
        again.load_state_dict(filter.state_dict())
        assert blocked(again, SMILES[2:]) == blocked(filter, SMILES[2:]) == [True, True, False, False, False]


def test_a_blocked_molecule_gets_the_least_reward_and_keeps_its_value():
    reward = Power(oracle=QED(), diversity_filter=DiversityFilter(bucket_size=1, min_score=0.1), floor=1e-3)
    molecules = parse(SMILES[:2])
    scores = reward(molecules, [m.smiles for m in molecules])
    assert scores.log_reward[1] == pytest.approx(np.log(1e-3))
    assert scores.log_reward[0] > np.log(0.3)
    assert scores.components["blocked"].tolist() == [0.0, 1.0]
    assert (scores.value > 0.3).all()
    again = Power(oracle=QED(), diversity_filter=DiversityFilter(bucket_size=1, min_score=0.1), floor=1e-3)
    again.load_state_dict(reward.state_dict())
    assert again(molecules[:1], ["x"]).components["blocked"].tolist() == [1.0]


def test_blocked_is_the_least_whatever_the_reward():
    falling = Linear(low=10, high=0)
    reward = Boltzmann(oracle=SA(), transform=falling, diversity_filter=DiversityFilter(kind="smiles"), log_floor=-9.0)
    molecules = parse(["CCO"])
    assert reward(molecules, ["CCO"]).log_reward.tolist() == [pytest.approx(0.8, abs=0.2)]
    assert reward(molecules, ["CCO"]).log_reward.tolist() == [-9.0]
    with pytest.raises(ConfigError, match=r"reward\.diversity_filter: .* sign=-1"):
        Boltzmann(oracle=SA(), sign=-1, diversity_filter=DiversityFilter())


def test_a_reward_tells_what_is_finished_from_what_is_not():
    reward = Power(oracle=QED(), diversity_filter=DiversityFilter(bucket_size=1, min_score=0.1), floor=1e-3)
    molecules = parse(SMILES[:2])
    keys = [m.smiles for m in molecules]
    alone = reward(
        molecules,
        keys,
    ).log_reward
    assert reward.further(molecules, keys, finished=True).log_reward.tolist() == alone.tolist()
    assert reward.further(molecules, keys, finished=False).log_reward.tolist() == alone.tolist()
    assert reward(molecules, keys).log_reward.tolist() == [pytest.approx(np.log(1e-3))] * 2
    plain = Power(oracle=QED())
    assert torch.equal(plain.further(molecules, keys, finished=False).log_reward, plain(molecules, keys).log_reward)


def test_grids_have_no_scaffolds():
    with pytest.raises(ConfigError, match="scaffolds"):
        Power(oracle=HyperGrid(), diversity_filter=DiversityFilter())
