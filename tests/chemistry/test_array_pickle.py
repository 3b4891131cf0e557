import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from molgfn.chemistry.models.array_pickle import StandIn, read_arrays, read_pickle
from molgfn.errors import DataError


class Runs:
    """A pickle of it calls a function when it is read."""

    def __init__(self, function, *args) -> None:
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


ARRAYS = [
    np.arange(6, dtype=np.float32).reshape(2, 3),
    np.array(2.5),
    np.asfortranarray(np.arange(4, dtype=np.int64).reshape(2, 2)),
    np.zeros((0, 3), dtype=bool),
]


@pytest.mark.parametrize("protocol", [3, 4])
def test_arrays_come_back_as_they_were(protocol):
    got = read_arrays(pickle.dumps(ARRAYS, protocol=protocol), "here")
    for one, other in zip(got, ARRAYS, strict=True):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        np.testing.assert_array_equal(one, other)


def test_structured_arrays_scalars_and_plain_data():
    nodes = np.array([(1, 0.5), (-1, -2.0)], dtype=[("left", "<i8"), ("threshold", "<f8")])
    given = {"nodes": nodes, "depth": np.int64(3), "name": "gini", "none": None, "pair": (1, 2.0)}
    got = read_pickle(pickle.dumps(given, protocol=3), "here")
    np.testing.assert_array_equal(got.pop("nodes"), given.pop("nodes"))
    assert got == given


def test_what_numpy_1_wrote():
    # the old module name, and 0 and 1 for the arguments of dtype
    data = (
        b"\x80\x03cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R(K\x01K\x02\x85cnumpy\n"
        b"dtype\nX\x02\x00\x00\x00f4K\x00K\x01\x87R(K\x03X\x01\x00\x00\x00<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        b"C\x08\x00\x00\x80?\x00\x00\x00@tb."
    )
    got = read_pickle(data, "here")
    assert got.dtype == np.float32
    assert got.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_code_is_refused_and_not_run(protocol, tmp_path):
    mark = tmp_path / "ran"
    data = pickle.dumps([Runs(os.system, f"touch {mark}"), ARRAYS[0]], protocol=protocol)
    with pytest.raises(DataError, match=r"weights.pkl: .* asks for \w+.system, and only numpy arrays"):
        read_arrays(data, "weights.pkl")
    data = pickle.dumps(Runs(Path.touch, mark), protocol=4)
    with pytest.raises(DataError, match="only numpy arrays"):
        read_pickle(data, "weights.pkl", stand_ins=("os.system",))
    assert not mark.exists()


@pytest.mark.parametrize("function", [eval, getattr, __import__, np.load, np.testing.assert_equal])
def test_other_functions_are_refused_also_those_of_numpy(function):
    with pytest.raises(DataError, match="only numpy arrays are read"):
        read_pickle(pickle.dumps(Runs(function, "1")), "here")


def test_a_stand_in_keeps_what_an_object_had_and_does_nothing(tmp_path):
    # even a function that does harm becomes inert when it is stood in for
    mark = tmp_path / "ran"
    name = f"{os.system.__module__}.system"
    got = read_pickle(pickle.dumps(Runs(os.system, f"touch {mark}")), "here", stand_ins=(name,))
    assert isinstance(got, StandIn)
    assert (got.type_name, got.args, got.state) == (name, (f"touch {mark}",), {})
    assert not mark.exists()


@pytest.mark.parametrize("data", [b"", b"not a pickle", pickle.dumps(ARRAYS)[:-20], b"\x80\x04R."])
def test_damage_is_named(data):
    with pytest.raises(DataError, match="here: should be a pickle of numpy arrays: "):
        read_arrays(data, "here")


@pytest.mark.parametrize("thing", [{"a": 1}, [1.0], [np.array(["text"])], [np.array([None])], np.zeros(3)])
def test_only_a_list_of_arrays_of_numbers_will_do(thing):
    with pytest.raises(DataError, match="here: should hold a list of arrays of numbers"):
        read_arrays(pickle.dumps(thing, protocol=4), "here")
