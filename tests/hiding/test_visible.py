"""Drawing what is not hidden: the whole batch, the right distribution, and counts that add up."""

import pytest
import torch

from molgfn.environments.hypergrid import HyperGrid
from molgfn.errors import TrainingError
from molgfn.hiding.base import HiddenObjects
from molgfn.hiding.by_hash import HiddenByHash
from molgfn.hiding.by_length import HiddenByLength
from molgfn.policies.tabular import TabularPolicy
from molgfn.trajectories.sampler import Sampler
from molgfn.trajectories.visible import Visible


class Corner(HiddenObjects):
    """Hides one cell of a grid."""

    def __init__(self, *cells):
        self.cells = set(cells)

    def hides(self, objects, keys, steps):
        return torch.tensor([tuple(x.tolist()) in self.cells for x in objects])


def policy(side=3):
    return TabularPolicy(environment=HyperGrid(dimensions=2, side=side))


def draw(hidden, n, **more):
    visible = Visible(hidden)
    return visible, visible.roll_out(policy(), n, generator=torch.Generator().manual_seed(0), **more)


def test_the_batch_is_whole_and_counts_add_up():
    hidden = HiddenByLength(above=2)
    visible, drawn = draw(hidden, 500)
    assert len(drawn) == 500
    assert int(drawn.lengths.max()) == 3  # two moves and the exit
    assert visible.drawn == 500 + visible.left_out + visible.unused
    assert visible.left_out > 50


def test_it_is_the_policy_given_that_nothing_hidden_is_at_the_end():
    """P_F of the uniform table: stop at the source is 1/3, at (0,1) and (1,0) 1/9 each, so 3/5 and 1/5 of what is
    seen up to one move."""
    _, drawn = draw(HiddenByLength(above=1), 6000)
    cells = drawn.terminal.position
    at_source = (cells.sum(1) == 0).double().mean()
    assert float(at_source) == pytest.approx(3 / 5, abs=0.02)
    assert float((cells == torch.tensor([0, 1])).all(1).double().mean()) == pytest.approx(1 / 5, abs=0.02)


def test_by_object():
    visible, drawn = draw(Corner((0, 0), (2, 2)), 300)
    ends = {tuple(cell.tolist()) for cell in drawn.terminal.position}
    assert ends == {(i, j) for i in range(3) for j in range(3)} - {(0, 0), (2, 2)}
    assert visible.left_out > 80  # a third of all stops at once


def test_where_states_have_rewards_no_trajectory_leads_through_what_is_hidden():
    _, free = draw(Corner((0, 1)), 300)
    passing = (free.states.position == torch.tensor([0, 1])).all(1)
    assert passing.any()
    visible, drawn = draw(Corner((0, 1)), 300, on_the_way=True)
    assert not (drawn.states.position == torch.tensor([0, 1])).all(1).any()
    assert len(drawn) == 300
    assert visible.left_out > 60  # a third goes there


def test_next_to_nothing_visible_ends_with_the_reason(monkeypatch):
    monkeypatch.setattr("molgfn.trajectories.visible.ROUNDS", 5)
    everything = Corner(*[(i, j) for i in range(3) for j in range(3)])
    with pytest.raises(TrainingError, match="only 0 end in something that is not hidden"):
        draw(everything, 10)


def test_rollouts_are_made_to_stop():
    environment = HyperGrid(dimensions=2, side=6)
    drawn = Sampler(environment, last_step=2).forward(policy(6), 400, generator=torch.Generator().manual_seed(0))
    assert int(drawn.lengths.max()) == 3
    assert int((drawn.lengths == 3).sum()) == pytest.approx(400 * 4 / 9, abs=40)
    visible, kept = draw(HiddenByLength(above=2, forced_stop=True), 400)
    assert len(kept) == 400
    assert visible.left_out == 0


def test_counts_go_on_where_they_were():
    visible, _ = draw(HiddenByHash(share=0.3), 50)
    again = Visible(HiddenByHash(share=0.3))
    again.load_state_dict(visible.state_dict())
    assert (again.drawn, again.left_out, again.unused) == (visible.drawn, visible.left_out, visible.unused)
