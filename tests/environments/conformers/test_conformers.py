import math

import numpy as np
import pytest
import torch

from molgfn.chemistry.conformers.frame import Frame
from molgfn.chemistry.conformers.metric import log_volume
from molgfn.environments.conformers.environment import Conformers
from molgfn.environments.conformers.shown import WAVES
from molgfn.environments.real_actions import action
from molgfn.errors import ConfigError, DataError
from molgfn.objects.conformation import CONFORMATION
from molgfn.policies.conformers.policy import ConformerPolicy
from molgfn.policies.densities import Hybrid
from molgfn.testing import check_environment, check_policy
from molgfn.trajectories.sampler import Sampler

SEVERAL = ["CCCCO", "CC(O)CC(F)(F)F", "c1ccccc1CCCO", "CCCC"]


def small(environment, **settings):
    return ConformerPolicy(
        environment=environment, width=8, heads=2, layers=1, attention_layers=1, components=3, **settings
    )


@pytest.fixture(scope="module")
def several():
    return Conformers(smiles=SEVERAL, per_molecule=2)


@pytest.mark.parametrize("order", ["fixed", "any"])
def test_the_contracts_hold_for_one_molecule_and_for_several(order):
    for smiles in ("CCCCO", SEVERAL):
        e = Conformers(smiles=smiles, order=order, per_molecule=2)
        check_environment(e, policy=small(e))
    check_policy(small_of, e)


def small_of(*, environment, learned_backward=False, own_losses=frozenset()):
    return small(environment, learned_backward=learned_backward, own_losses=own_losses)


def test_log_p_is_a_density_over_angles(several):
    """Of the last torsion by quadrature, over its own period."""
    e = several
    policy = small(e)
    torch.manual_seed(0)
    for p in policy.parameters():
        torch.nn.init.normal_(p, std=0.4)
    source = e.draw_initial(8, torch.Generator().manual_seed(1))
    trajectories = Sampler(e).forward(policy, 8, generator=torch.Generator().manual_seed(0))
    assert len(source) == 8
    before = e.undo(
        trajectories.terminal, action(e.there(trajectories.terminal).sum(1) - 1, torch.zeros(8, e.torsions))
    )
    k = e.choice_mask(before).int().argmax(1)
    period = e.period(before).gather(1, k[:, None]).squeeze(1)
    points = 400
    total = torch.zeros(8, dtype=torch.float64)
    distribution = policy(before).forward
    assert isinstance(distribution, Hybrid)
    with torch.no_grad():
        for i in range(points):
            move = torch.zeros(8, e.torsions, dtype=torch.float64)
            move.scatter_(1, k[:, None], ((i + 0.5) / points - 0.5) * period[:, None])
            total += distribution.log_prob(action(k, move)).double().exp() * period / points
    torch.testing.assert_close(total, torch.ones(8, dtype=torch.float64), atol=1e-6, rtol=0)


def test_neighbours_are_of_one_molecule_and_each_molecule_has_its_torsions(several):
    states = several.draw_initial(64, torch.Generator().manual_seed(0))
    pairs = states.molecule.view(-1, 2)
    assert (pairs[:, 0] == pairs[:, 1]).all()
    assert states.molecule.unique().tolist() == [0, 1, 2, 3]
    assert several.there(states).sum(1)[states.molecule == 3].unique().tolist() == [1]
    assert several.condition(states).shape == (64, several.condition_size)
    assert len(several.condition(states).unique(dim=0)) == 4
    alone = Conformers(smiles="CCCCO", per_molecule=2)
    assert alone.condition_size == 0
    assert alone.per_condition == 1


def test_a_symmetric_rotor_turns_over_its_period(several):
    e = several
    period = e.graphs(torch.device("cpu")).period
    assert sorted((2 * math.pi / period[1][period[1] > 0]).round().tolist()) == [1, 3]  # CF3
    trajectories = Sampler(e).forward(small(e), 200, generator=torch.Generator().manual_seed(0))
    last = trajectories.terminal
    assert (last.angle.abs() <= e.period(last) / 2 + 1e-12).all()


@pytest.mark.parametrize("order", ["fixed", "any"])
def test_one_way_to_each_shape_or_d_factorial(order):
    e = Conformers(smiles="CCCCCO", order=order)
    objects = Sampler(e).forward(small(e), 4).terminal
    assert e.torsions == 3
    ways = torch.ones(4, dtype=torch.long)
    states = objects
    for _ in range(3):
        mask = e.backward_choice_mask(states)
        ways *= mask.sum(1)
        states = e.undo(states, action(mask.int().argmax(1), torch.zeros(4, 3)))
    assert ways.tolist() == [1 if order == "fixed" else 6] * 4
    assert e.is_initial(states).all()


def test_shapes_are_read_back_and_those_of_others_refused(several):
    terminal = Sampler(several).forward(small(several), 16, generator=torch.Generator().manual_seed(3)).terminal
    objects = several.objects(terminal)
    again = several.states_of(CONFORMATION.parse(CONFORMATION.keys(objects)))
    torch.testing.assert_close(again.angle, terminal.angle, atol=1e-12, rtol=0)
    assert again.molecule.tolist() == terminal.molecule.tolist()
    with pytest.raises(DataError, match="CCCCCN: no molecule"):
        several.states_of(_one("CCCCCN"))


def _one(smiles):
    e = Conformers(smiles=smiles)
    return e.objects(Sampler(e).forward(small(e), 1).terminal)


def test_what_a_policy_sees_does_not_change_when_the_seed_geometry_is_moved_and_does_when_it_is_mirrored():
    e = Conformers(smiles="C[C@H](O)CCN")
    policy = small(e)
    torch.manual_seed(0)
    for p in policy.parameters():
        torch.nn.init.normal_(p, std=0.4)
    states = e.initial(1)
    plain = e.frames[0].plain()
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    turn *= np.linalg.det(turn)
    seen = []
    for matrix in (np.eye(3), turn, np.diag([1.0, 1.0, -1.0])):
        moved = {**plain, "positions": (np.array(plain["positions"]) @ matrix + 5).tolist()}
        other = Conformers(smiles=[moved])
        seen.append((other.graphs(torch.device("cpu")).branch_offset, policy.reader.rotors(other.encode(states))))
    torch.testing.assert_close(seen[0], seen[1], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(seen[0][0][:, 1], -seen[2][0][:, 1], atol=1e-5, rtol=1e-5)
    assert (seen[0][1] - seen[2][1]).abs().max() > 1e-3


def test_a_mirror_image_of_the_shape_is_shown_with_the_signs_turned(several):
    terminal = Sampler(several).forward(small(several), 4, generator=torch.Generator().manual_seed(0)).terminal
    mirrored = type(terminal)(terminal.molecule, -terminal.angle, terminal.done)
    one, other = several.encode(terminal).waves, several.encode(mirrored).waves
    assert one.shape[-1] == WAVES
    torch.testing.assert_close(one[..., 0::2], -other[..., 0::2])
    torch.testing.assert_close(one[..., 1::2], other[..., 1::2])


def test_seed_geometries_are_kept_and_reused(several):
    kept = several.portable()
    again = Conformers(**kept, seed=99)
    assert [frame.name for frame in again.frames] == [frame.name for frame in several.frames]
    for one, other in zip(several.frames, again.frames, strict=True):
        np.testing.assert_array_equal(one.seed_positions, other.seed_positions)
    assert several.of_molecules(["CCCCO"]).frames[0] is several.frames[0]
    with pytest.raises(DataError, match="seed geometry cannot be read"):
        Frame.from_plain({"smiles": "CCCC", "settings": "0,none,reduced", "positions": [[0, 0, 0]]})


def test_one_policy_is_asked_for_molecules_that_it_was_not_made_with(several):
    policy = small(several)
    other = several.of_molecules(["CCCCCCCN"])
    asked = policy.copy()
    asked.environment = other
    terminal = Sampler(other).forward(asked, 5).terminal
    assert other.torsions == 5
    assert other.objects(terminal).frames[0].smiles == "CCCCCCCN"
    assert policy.environment is several


def test_bad_molecules_are_counted_with_their_reasons(tmp_path, caplog):
    file = tmp_path / "some.smi"
    file.write_text("CCCCN\nCCC(\nc1ccccc1\nCCCC.O\nCCCCCCCCCCCC\nOCCCC\n")
    e = Conformers(smiles="CCCCO", file=str(file))
    assert [frame.smiles for frame in e.frames] == ["CCCCO", "CCCCN"]
    assert e.left_out == {
        "no molecule": 1,
        "no torsions": 1,
        "several pieces": 1,
        "too many torsions": 1,
        "given before": 1,
    }
    assert "left out: 1 molecule, no torsions" in caplog.text
    for bad in ({"smiles": "C"}, {"smiles": []}, {"file": str(tmp_path / "none.smi")}):
        with pytest.raises(ConfigError):
            Conformers(**bad)


def test_the_volume_element_comes_as_a_correction():
    e = Conformers(smiles="CCCCO", metric="mass")
    terminal = Sampler(e).forward(small(e), 6).terminal
    objects = e.objects(terminal)
    found = e.log_symmetry(terminal, objects).numpy()
    np.testing.assert_allclose(found, -log_volume(e.frames[0], objects.angles, metric="mass"))
    plain = Conformers(smiles="CCCCO")
    assert not plain.log_symmetry(terminal, objects).any()


def test_a_policy_refuses_what_it_cannot_read():
    with pytest.raises(ConfigError, match="no multiple"):
        ConformerPolicy(environment=Conformers(smiles="CCCC"), width=10, heads=4)
