import pytest
import torch

from molgfn.serving.measurements import Measurements

NAN = float("nan")


def some():
    values = {"qed": torch.tensor([0.2, NAN, 0.6], dtype=torch.float64), "sa": torch.tensor([2.0, NAN, NAN]).double()}
    return Measurements(values, [None, "not connected", None])


def same(one, other):
    assert list(one.values) == list(other.values)
    assert one.problems == other.problems
    for name in one.values:
        torch.testing.assert_close(one.values[name], other.values[name], rtol=0, atol=0, equal_nan=True)


def test_rows_in_any_order_and_several_times():
    taken = some().index([2, 0, 2])
    assert taken.problems == [None, None, None]
    assert taken.values["qed"].tolist() == [0.6, 0.2, 0.6]
    assert some().index(torch.tensor([1])).valid.tolist() == [False]
    assert len(some().index([])) == 0


def test_put_together_and_taken_apart_again():
    whole = Measurements.cat([some(), some().index([1])])
    assert len(whole) == 4
    same(whole.index([0, 1, 2]), some())
    same(whole.index([3]), some().index([1]))


def test_what_does_not_go_together_is_refused():
    with pytest.raises(ValueError, match=r"different properties: \[\['qed', 'sa'\], \['logp'\]\]"):
        Measurements.cat([some(), Measurements({"logp": torch.zeros(1, dtype=torch.float64)}, [None])])
    with pytest.raises(ValueError, match="no measurements"):
        Measurements.cat([])


def test_more_columns_leave_the_others_alone():
    more = some().with_values({"blocked": torch.ones(3, dtype=torch.float64)})
    assert list(more.values) == ["qed", "sa", "blocked"]
    same(more.index([0, 1, 2]), more)
    assert list(some().values) == ["qed", "sa"]
