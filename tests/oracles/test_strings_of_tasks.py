"""Oracles of the published string tasks: tables in both formats, what is wrong with others, trees by hand."""

import gzip
import itertools
import pickle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from molgfn.chemistry.models.boosted_trees import BoostedTrees
from molgfn.chemistry.models.sklearn_arrays import boosted_arrays
from molgfn.composing.compose import checked
from molgfn.errors import ConfigError, DataError
from molgfn.experiment import assemble
from molgfn.oracles.strings.qm9 import QM9Strings
from molgfn.oracles.strings.string_table import StringTable
from molgfn.oracles.strings.tfbind8 import TFBind8
from molgfn.oracles.strings.tfbind10 import TFBind10
from molgfn.rewards.power import Power
from molgfn.testing import check_oracle

EXPERIMENTS = Path(__file__).parents[2] / "experiments" / "strings"
STRINGS = ["".join(s) for s in itertools.product("ACGT", repeat=3)]


def csv_of(strings, values):
    return "string,value\n" + "".join(f"{s},{v}\n" for s, v in zip(strings, values, strict=True))


def table(path, **arguments):
    return StringTable(alphabet="ACGT", length=3, path=path, **arguments)


def test_all_formats_give_the_same_values(tmp_path):
    rng = np.random.default_rng(0)
    values, order = rng.normal(size=64).round(4), rng.permutation(64)
    places = np.array([["ACGT".index(s) for s in text] for text in STRINGS])
    mixed, worth = [STRINGS[i] for i in order], values[order]
    (tmp_path / "t.csv").write_text(csv_of(mixed, worth))
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(csv_of(mixed, worth).encode()))
    (tmp_path / "d.pkl").write_bytes(pickle.dumps(dict(zip(mixed, worth.tolist(), strict=True)), protocol=3))
    arrays = {"x": places[order], "y": worth[:, None]}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(arrays, protocol=3))
    (tmp_path / "a.pkl.gz").write_bytes(gzip.compress(pickle.dumps(arrays, protocol=3)))
    (tmp_path / "t.tsv").write_text(csv_of(mixed, worth).replace(",", "\t"))
    sheet = csv_of(mixed, worth).replace(",", ";").replace(".", ",").replace("\n", "\r\n")
    (tmp_path / "excel.csv").write_bytes(f"sep=;\r\n{sheet}".encode("utf-16"))
    for name in ("t.csv", "t.csv.gz", "t.tsv", "excel.csv", "d.pkl", "a.pkl", "a.pkl.gz"):
        found = table(tmp_path / name)
        np.testing.assert_array_equal(found.look_up(STRINGS), values)
        assert found.look_up([]).shape == (0,)
    for wrong in ("AC", "ACGG", "ACX", "ACé"):
        with pytest.raises(DataError, match=f"'{wrong}' is not a string of 3 symbols of 'ACGT'"):
            found.look_up(["ACG", wrong])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (csv_of(STRINGS[:-1], range(63)), "each of the 64 strings .* once, with a number; lists 63 of them in 63"),
        (csv_of([*STRINGS[:-1], "AAA"], range(64)), "line 65: AAA is listed already"),
        (csv_of(STRINGS, ["nan", *range(63)]), "once, with a number"),
        (csv_of(STRINGS, ["?", *range(63)]), "should give each string a value: .*'?'"),
        (csv_of(["AAX", *STRINGS[1:]], range(64)), "'AAX' is not a string of 3 symbols"),
        ("string\nAAA\n", "should have two columns, string and value; has 1"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path, text, says):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError, match=says):
        table(tmp_path / "t.csv")


def landscape(scores):
    """A microarray's table of all strings of three symbols: each is in it once, with its reverse complement."""
    firsts = dict.fromkeys(min(string, other(string)) for string in STRINGS)
    rows = [f"{string}\t{other(string)}\t{scores[string]}\t1.0\t0.5\n" for string in firsts]
    return "8-mer\t8-mer\tE-score\tMedian\tZ-score\n" + "".join(rows)


def other(string):
    return string[::-1].translate(str.maketrans("ACGT", "TGCA"))


def test_a_microarrays_table_is_read_on_both_strands_and_brought_to_one(tmp_path):
    scores = dict(zip(STRINGS, np.random.default_rng(0).normal(size=64).round(5).tolist(), strict=True))
    text = landscape(scores)
    (tmp_path / "t.txt").write_text(text)
    (tmp_path / "t.txt.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "dos.txt").write_bytes(text.replace("\n", "\r\n").encode())
    one = np.array([scores[min(s, other(s))] for s in STRINGS])
    expected = ((one - one.min()) / (one.max() - one.min())).astype(np.float32)
    for name in ("t.txt", "t.txt.gz", "dos.txt"):
        np.testing.assert_array_equal(table(tmp_path / name).look_up(STRINGS), expected)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda lines: [*lines, lines[-1]], "line 34: .* is listed already"),
        (lambda lines: [*lines[:3], "AAG\tCTT\t?\t1.0\t0.5\n", *lines[4:]], "line 4: the E-score is no number"),
        (lambda lines: lines[:-1], "each of the 64 strings .* once, with a number; lists 62 of them in 62"),
        (lambda lines: lines[:2], "all E-scores are"),
    ],
)
def test_a_microarrays_table_that_is_none_is_refused(tmp_path, change, says):
    lines = landscape(dict(zip(STRINGS, range(64), strict=True))).splitlines(keepends=True)
    (tmp_path / "t.txt").write_text("".join(change(lines)))
    with pytest.raises(DataError, match=says):
        table(tmp_path / "t.txt")


def test_a_pickle_runs_no_code(tmp_path):
    (tmp_path / "t.pkl").write_bytes(pickle.dumps({"AAA": print}))
    with pytest.raises(DataError, match=r"it asks for builtins\.print"):
        table(tmp_path / "t.pkl")
    with pytest.raises(DataError, match="cannot be read"):
        table(tmp_path / "nothing.csv")


def test_the_usual_rewards_of_tfbind8(tmp_path):
    """R = 10 (y / max)^3, and at least 1e-3: exact log Z over all strings, by the formula itself."""
    strings = ["".join(s) for s in itertools.product("ACGT", repeat=8)]
    y = np.random.default_rng(0).beta(2, 5, size=len(strings))
    y /= y.max()
    path = tmp_path / "tfbind8.csv"
    path.write_text(csv_of(strings, y))
    oracle = TFBind8(path=str(path))
    check_oracle(oracle, strings[:50], tolerance=0)
    assert oracle.range == pytest.approx((y.min(), 1.0))
    reward = Power(oracle=oracle, beta=3, scale=10 ** (-1 / 3), floor=0.1)
    found = reward(strings, strings, {}).log_reward.exp().numpy()
    np.testing.assert_allclose(found, np.maximum(10 * y**3, 1e-3), rtol=1e-6)
    reward = Power(oracle=oracle, beta=3, scale=10 ** (-1 / 3), floor=2.154434690031884e-3)
    np.testing.assert_allclose(reward(strings, strings, {}).log_reward.exp(), 10 * np.maximum(y, 1e-3) ** 3, rtol=1e-6)


def test_tfbind10_has_no_address():
    with pytest.raises(ConfigError, match="path: the table of tfbind10 must be given"):
        TFBind10()


def test_string_qm9_has_the_known_partition_function(optional_data):
    oracle = QM9Strings(path=str(optional_data("qm9_strings_5x11.csv.gz")))
    reward = Power(oracle=oracle, **yaml.safe_load((EXPERIMENTS / "qm9.yaml").read_text())["reward"])
    y = oracle.table.values
    assert (y <= 1e-3).sum() == 609
    log_reward = np.asarray(reward.log_reward_of(y, {}))
    assert np.logaddexp.reduce(log_reward) == pytest.approx(11.92670, abs=1e-5)
    mean = np.exp(np.logaddexp.reduce(2 * log_reward) - np.logaddexp.reduce(log_reward))
    assert mean == pytest.approx(2.03214, abs=2e-5)
    assert np.exp(log_reward.max()) == pytest.approx(100)


def test_strings_of_another_task_are_refused_before_a_run(optional_data):
    path = optional_data("qm9_strings_5x11.csv.gz")
    config = checked(str(EXPERIMENTS / "qm9.yaml"), [f"oracle.path={path}", "environment.task=tfbind8"])
    says = "oracle: qm9_strings measures strings of 5 symbols of '0123456789a', but the environment builds strings of 8"
    with pytest.raises(ConfigError, match=says):
        assemble(config)


def nodes(*rows):
    """Nodes of a tree as scikit-learn keeps them: (bit or None at a leaf, left, right, value) each."""
    kinds = [("value", "f8"), ("feature_idx", "u4"), ("num_threshold", "f8"), ("left", "u4"), ("right", "u4")]
    kinds += [("is_leaf", "u1"), ("is_categorical", "u1")]
    out = np.zeros(len(rows), dtype=kinds)
    for node, (bit, left, right, value) in zip(out, rows, strict=True):
        node["is_leaf"], node["left"], node["right"], node["value"] = bit is None, left, right, value
        node["feature_idx"], node["num_threshold"] = (0, 0.0) if bit is None else (bit, 0.5)
    return out


def model(*trees, baseline=0.5):
    predictors = [[SimpleNamespace(state={"nodes": tree})] for tree in trees]
    return SimpleNamespace(state={"_predictors": predictors, "_baseline_prediction": baseline})


def test_boosted_trees_by_hand():
    """.5, and 1 or 2 by bit 0, and where bit 1 is on -4 or 8 by bit 2, else 0."""
    first = nodes((0, 1, 2, 0), (None, 0, 0, 1), (None, 0, 0, 2))
    second = nodes((1, 1, 2, 0), (None, 0, 0, 0), (2, 3, 4, 0), (None, 0, 0, -4), (None, 0, 0, 8))
    trees = BoostedTrees(**boosted_arrays(model(first, second), "trees"), bits=3)
    rows = np.array([[0, 0, 0], [1, 0, 1], [0, 1, 0], [1, 1, 1]], dtype=bool)
    assert trees.predict(rows).tolist() == [1.5, 2.5, -2.5, 10.5]
    assert trees.predict(rows[:0]).shape == (0,)
    with pytest.raises(ValueError, match="rows should be"):
        trees.predict(rows[:, :2])


def test_trees_that_are_none_are_refused():
    tree = nodes((0, 1, 2, 0), (None, 0, 0, 1), (None, 0, 0, 2))
    with pytest.raises(DataError, match=r"feature should be a bit in 0\.\.1"):
        BoostedTrees(**{**boosted_arrays(model(tree), "t"), "feature": np.array([2, -1, -1])}, bits=2, where="t")
    with pytest.raises(DataError, match="left of a node should be a later one"):
        BoostedTrees(**{**boosted_arrays(model(tree), "t"), "left": np.array([0, 0, 0])}, bits=2, where="t")
    tree["num_threshold"][0] = 1.5
    with pytest.raises(DataError, match=r"thresholds 0\.5"):
        boosted_arrays(model(tree), "t")
    with pytest.raises(DataError, match="is built otherwise"):
        boosted_arrays(SimpleNamespace(state={}), "t")
