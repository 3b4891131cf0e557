"""What joins trajectories, within groups of equal conditions, on one process and on two."""

import pytest
import torch

from molgfn.testing.shares import on_each
from molgfn.trajectories.union import WHOLE, Union

GROUPS = torch.tensor([7, -3, 7, 7, 2**62, -3, 5, -3])
VALUES = torch.tensor([0.3, -1.2, 2.5, 0.7, 4.1, -0.4, 1.9, 0.0], dtype=torch.float64)


def by_hand(function):
    """``function`` of the values of each trajectory's group, one after the other."""
    return torch.stack([function(VALUES[group == GROUPS]) for group in GROUPS])


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (lambda union, v, g: union.sum(v, g), by_hand(torch.sum)),
        (lambda union, v, g: union.mean(v, g), by_hand(torch.mean)),
        (lambda union, v, g: union.logsumexp(v, g), by_hand(lambda v: v.logsumexp(0))),
        (lambda union, v, g: union.softmax(v, g), (VALUES - by_hand(lambda v: v.logsumexp(0))).exp()),
        (lambda union, v, g: union.sizes(g, v), by_hand(lambda v: torch.tensor(float(len(v)), dtype=v.dtype))),
        (lambda union, v, g: union.mean(v[:, None] * torch.ones(2), g)[:, 1], by_hand(torch.mean)),
    ],
    ids=["sum", "mean", "logsumexp", "softmax", "sizes", "mean of rows"],
)
def test_each_trajectory_gets_what_its_group_says(asked, wanted):
    torch.testing.assert_close(asked(WHOLE, VALUES, GROUPS), wanted, rtol=1e-12, atol=1e-12)

    def half(ranks):
        mine = slice(4 * ranks.rank, 4 * ranks.rank + 4)
        return asked(Union(ranks), VALUES[mine], GROUPS[mine])

    torch.testing.assert_close(torch.cat(on_each(half)), wanted, rtol=1e-12, atol=1e-12)


def test_gradients_of_halves_are_on_average_those_of_the_whole():
    """Of a loss that every process has, and of one that each has of its share."""

    def loss(union, values, groups, own):
        deviations = (values - union.mean(values, groups)).square() * union.sum(values, groups)
        return deviations.mean() if own else union.mean(deviations)

    for own in (False, True):
        whole = VALUES.clone().requires_grad_()
        (wanted,) = torch.autograd.grad(loss(WHOLE, whole, GROUPS, own), whole)

        def half(ranks, own=own):
            mine = slice(4 * ranks.rank, 4 * ranks.rank + 4)
            values = VALUES[mine].clone().requires_grad_()
            return torch.autograd.grad(loss(Union(ranks), values, GROUPS[mine], own), values)[0]

        found = torch.cat(on_each(half)) / 2  # the mean over processes, each of which has its own rows
        torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)


def test_one_group_is_the_whole():
    one = torch.zeros(8, dtype=torch.int64)
    assert WHOLE.mean(VALUES, one).tolist() == pytest.approx([float(WHOLE.mean(VALUES))] * 8)
    torch.testing.assert_close(WHOLE.softmax(VALUES, one), WHOLE.softmax(VALUES))
