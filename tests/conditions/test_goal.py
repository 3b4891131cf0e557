"""Goals: directions that are drawn uniformly or learned from what was reached, and hindsight."""

import math

import pytest
import torch

from molgfn.conditions.directions import LearnedDirections, UniformDirections
from molgfn.conditions.goal import Goal
from molgfn.errors import CheckpointError, ConfigError, ContractError

N = 40_000


def begun(directions, count):
    directions.begin(count)
    return directions


@pytest.mark.parametrize("count", [2, 3, 4])
def test_directions_are_uniform_on_the_positive_part_of_the_sphere(count):
    found = begun(UniformDirections(), count).draw(N, torch.Generator().manual_seed(0))
    assert found.min() >= 0
    torch.testing.assert_close(found.norm(dim=1), torch.ones(N, dtype=torch.float64))
    # E[x_i^2] = 1 / K, and E[|x_i|] of a uniform direction
    torch.testing.assert_close(found.square().mean(0), torch.full((count,), 1 / count).double(), rtol=0, atol=0.01)
    mean = math.gamma(count / 2) / (math.sqrt(math.pi) * math.gamma((count + 1) / 2))
    torch.testing.assert_close(found.mean(0), torch.full((count,), mean).double(), rtol=0.01, atol=0)
    if count == 2:  # the angle itself is uniform
        angle = torch.atan2(found[:, 1], found[:, 0]) / (math.pi / 2)
        assert torch.histc(angle, 10, 0, 1).div(N).sub(0.1).abs().max() < 5 * math.sqrt(0.09 / N)


@pytest.mark.parametrize(("resolution", "count"), [(2, 2), (5, 2), (4, 3), (3, 4)])
def test_cells_are_the_far_faces_of_the_grid(resolution, count):
    learned = begun(LearnedDirections(resolution=resolution), count)
    assert len(learned.cells) == resolution**count - (resolution - 1) ** count
    torch.testing.assert_close(learned.cells.norm(dim=1), torch.ones(len(learned.cells), dtype=torch.float64))
    assert len((learned.cells * 1e6).round().unique(dim=0)) == len(learned.cells)
    assert learned.cell_of(learned.cells).tolist() == list(range(len(learned.cells)))
    # the cell of any direction is the nearest in the largest of the differences, both with 1 as the largest coordinate
    some = begun(UniformDirections(), count).draw(500, torch.Generator().manual_seed(1))
    flat, cells = (x / x.amax(1, keepdim=True) for x in (some, learned.cells))
    apart = (flat[:, None] - cells).abs().amax(2)
    torch.testing.assert_close(apart.gather(1, learned.cell_of(some)[:, None]), apart.amin(1, keepdim=True))


def test_what_is_never_reached_is_asked_for_less():
    goal = Goal(names=["a", "b"], directions=LearnedDirections(resolution=5, start=0.25, end=0.75, unreached=0.1))
    assert goal.learns
    learned = goal.directions
    generator = torch.Generator().manual_seed(0)
    everywhere = goal.draw(4000, generator)
    assert len((everywhere * 1e9).round().unique(dim=0)) == 4000  # no cells yet
    half = {name: torch.tensor([1.0, 0.0]).double() for name in "a"} | {"b": torch.tensor([0.5, 0.0]).double()}
    goal.observe(everywhere[:2], half, 0.1)
    assert learned.asked.sum() == 0  # too early
    assert len((goal.draw(4000, generator) * 1e9).round().unique(dim=0)) == 4000
    # every cell is asked for; objects lie in one only, and what is all 0 lies in none
    goal.observe(learned.cells, {n: v.repeat(5)[: len(learned.cells)] for n, v in half.items()}, 0.3)
    assert learned.asked.tolist() == [1] * 9
    reached = learned.cell_of(torch.tensor([[1.0, 0.5]], dtype=torch.float64)).item()
    assert learned.reached.nonzero().tolist() == [[reached]]
    assert learned.reached.sum() == 5
    values = goal.draw(18_000, generator)
    cells = learned.cell_of(values)
    torch.testing.assert_close(values, learned.cells[cells])
    shares = torch.bincount(cells, minlength=9) / 18_000
    expected = torch.full((9,), 0.1 / 1.8)
    expected[reached] = 1 / 1.8
    assert (shares - expected).abs().max() < 5 * math.sqrt(0.25 / 18_000)
    before = learned.reached.clone()
    goal.observe(learned.cells, {"a": torch.ones(9).double(), "b": torch.zeros(9).double()}, 0.8)
    assert torch.equal(learned.reached, before)  # too late


def test_the_table_goes_through_a_checkpoint(tmp_path):
    def made():
        return Goal(names=["a", "b"], directions=LearnedDirections(resolution=4, start=0.0))

    goal, again = made(), made()
    goal.observe(goal.directions.cells, {"a": torch.ones(7).double(), "b": torch.zeros(7).double()}, 0.5)
    torch.save(goal.state_dict(), tmp_path / "state")
    again.load_state_dict(torch.load(tmp_path / "state", weights_only=True))
    one, other = (g.draw(50, torch.Generator().manual_seed(0)) for g in (goal, again))
    assert torch.equal(one, other)
    with pytest.raises(CheckpointError, match="a table of 7 directions, where there should be 9"):
        Goal(names=["a", "b"], directions=LearnedDirections(resolution=5)).load_state_dict(goal.state_dict())
    assert Goal(names=["a", "b"]).state_dict() == {}


def test_hindsight_is_the_direction_of_the_object():
    goal = Goal(names=["a", "b"])
    values = goal.draw(4, torch.Generator().manual_seed(0))
    nan = float("nan")
    achieved = {"a": torch.tensor([0.3, 0.0, nan, 1.0]), "b": torch.tensor([0.4, 0.0, 0.5, 0.0]), "a_raw": None}
    own = goal.hindsight(values, achieved)
    assert own[0].tolist() == pytest.approx([0.6, 0.8])
    assert torch.equal(own[1:3], values[1:3])  # no direction, or an unknown one
    assert own[3].tolist() == [1.0, 0.0]
    with pytest.raises(ContractError, match="the goal is about a, b, but the reward says nothing of b"):
        goal.hindsight(values, {"a": achieved["a"]})


def test_people_give_a_direction_of_any_length():
    goal = Goal(names=["a", "b", "c"])
    assert goal.row({"goal": [3, 0, 4]}).tolist() == pytest.approx([0.6, 0.0, 0.8])
    assert goal.reference == pytest.approx(dict.fromkeys(("goal_a", "goal_b", "goal_c"), 3**-0.5))
    for given, says in (
        (
            {"goal": [1, 1]},
            r"condition.goal: should be 3 numbers \(a, b, c\), a direction, not negative, got 2 numbers",
        ),
        ({"goal": [1, -1, 0]}, "should be 3 numbers .* not all 0, got 1, -1, 0"),
        ({"goal": [0, 0, 0]}, "not all 0, got 0, 0, 0"),
        ({"goal_a": 0.5}, r"should be a direction of length 1 without negative numbers \(its length is 0.957427\)"),
    ):
        with pytest.raises(ConfigError, match=says):
            goal.row(given)


def test_validation_is_made_of_directions():
    found = Goal(names=["a", "b"]).validation(6)
    assert found.shape == (6, 2)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(6, dtype=torch.float64))
    angles = torch.atan2(found[:, 1], found[:, 0]).sort().values
    assert (angles.diff() > 0.1).all()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: LearnedDirections(start=0.5, end=0.4), r"end \(0.4\) should not lie before start \(0.5\)"),
        (lambda: begun(LearnedDirections(resolution=30), 6), "makes a table of .* cells"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, says):
    with pytest.raises(ConfigError, match=says):
        make()
