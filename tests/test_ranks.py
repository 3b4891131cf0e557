"""Processes of a run: the same sums, gradients and decisions on all; streams of their own on each."""

import pytest
import torch
from tests.processes import in_processes
from torch import nn

from molgfn.ranks import ALONE, Ranks


def _together(ranks: Ranks) -> dict:
    weights = nn.Parameter(torch.tensor([1.0, 2.0]))
    half, unused = nn.Parameter(torch.tensor([1.0], dtype=torch.float64)), nn.Parameter(torch.zeros(3))
    ((ranks.rank + 1) * weights.sum() + half.sum() * 4).backward()
    if ranks.first:
        unused.sum().backward()
    sound = [ranks.add_up_gradients([weights, half, unused], torch.tensor(True)).item()]
    sound += [ranks.add_up_gradients(p, torch.tensor(ranks.first)).item() for p in ([nn.Parameter(torch.ones(1))], [])]
    ranks.wait()
    return {
        "sum": ranks.sum(torch.tensor([1.0, float(ranks.rank)])),
        "gather": ranks.gather({"name": "x" * (ranks.rank * 50), "values": torch.arange(ranks.rank)}),
        "long": [len(text) for text in ranks.gather("x" * (ranks.rank * 100_000 + 5))],
        "gradients": [p.grad for p in (weights, half, unused)],
        "sound": sound,
        "any": [ranks.any(ranks.rank == 1), ranks.any(False)],
        "all": [ranks.all(ranks.rank == 1), ranks.all(True)],
        "seeds": [ranks.seed(7, "actions"), ranks.seed(7, "replay"), ranks.seed(8, "actions")],
        "share": ranks.share(6),
    }


def test_ranks_agree():
    first, second = in_processes(_together, 2)
    for got in (first, second):
        assert got["sum"].tolist() == [2.0, 1.0]
        assert [part["name"] for part in got["gather"]] == ["", "x" * 50]
        assert [part["values"].tolist() for part in got["gather"]] == [[], [0]]
        assert got["long"] == [5, 100_005]
        assert got["sound"] == [True, False, False]
        assert got["any"] == [True, False]
        assert got["all"] == [False, True]
        assert got["share"] == 3
        weights, half, unused = got["gradients"]
        assert weights.tolist() == [1.5, 1.5]
        assert half.dtype == torch.float64
        assert half.tolist() == [4.0]
        assert unused.tolist() == [0.5] * 3
    assert first["seeds"] == [7, 7, 8]
    assert len({*first["seeds"], *second["seeds"]}) == 5


def test_alone():
    value = torch.tensor(3.0)
    assert ALONE.sum(value) == value
    assert ALONE.gather("x") == ["x"]
    assert (ALONE.any(True), ALONE.all(False), ALONE.first) == (True, False, True)
    assert ALONE.seed(5, "actions") == 5


def test_unequal_shares():
    class Three(Ranks):
        size = 3

    with pytest.raises(ValueError, match="64 cannot be shared out equally among 3"):
        Three().share(64)
