"""From a pickle inside a wheel to arrays, with pickles made by hand; scikit-learn is not needed."""

import hashlib
import pickle
import sys
import types
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from molgfn.chemistry.models.array_pickle import read_pickle
from molgfn.chemistry.models.feature_counts import feature_counts
from molgfn.chemistry.models.pmo_classifiers import DRD2, GSK3B, JNK3, WHEEL, PublishedModel, forest, support_vectors
from molgfn.chemistry.models.sklearn_arrays import FOREST, STAND_INS, SVC, forest_arrays, support_vector_arrays
from molgfn.chemistry.molecules import parse
from molgfn.errors import DataError

NODE = [("left_child", "<i8"), ("right_child", "<i8"), ("feature", "<i8"), ("threshold", "<f8")]


@pytest.fixture
def made(monkeypatch):
    """Makes an object of a class that looks like scikit-learn's, so that it can be pickled."""

    classes: dict[str, type] = {}

    def make(path: str, state: dict, args: tuple = ()):
        if path not in classes:
            module, _, name = path.rpartition(".")
            parts = module.split(".")
            for i in range(1, len(parts) + 1):  # pickle wants to import them
                monkeypatch.setitem(sys.modules, ".".join(parts[:i]), types.ModuleType(".".join(parts[:i])))
            reduce = {"__reduce__": lambda self: (type(self), self.args, self.state)}
            classes[path] = type(name, (), {"__module__": module, **reduce})
            for known, cls in classes.items():  # a module that is made anew needs all its classes
                setattr(sys.modules[known.rpartition(".")[0]], cls.__name__, cls)
        thing = classes[path]()
        thing.args, thing.state = args, state
        return thing

    return make


def tree(make, nodes: list[tuple], votes: list[tuple[float, float]]):
    values = np.array(votes)[:, None, :]
    inner = make("sklearn.tree._tree.Tree", {"nodes": np.array(nodes, dtype=NODE), "values": values}, (2048, [2], 1))
    return make("sklearn.tree._classes.DecisionTreeClassifier", {"tree_": inner, "criterion": "gini"})


def two_trees(make, threshold: float = 0.5):
    first = tree(make, [(1, 2, 7, threshold), (-1, -1, -2, -2.0), (-1, -1, -2, -2.0)], [(5, 5), (3, 1), (0, 6)])
    second = tree(make, [(-1, -1, -2, -2.0)], [(1, 1)])
    return make(FOREST, {"estimators_": [first, second], "n_classes_": 2})


def svc_state() -> dict:
    return {
        "kernel": "rbf",
        "support_vectors_": np.eye(2, 2048) * 3,
        "_dual_coef_": np.array([[0.5, -0.25]]),
        "dual_coef_": np.array([[-0.5, 0.25]]),
        "_intercept_": np.array([0.125]),
        "_probA": np.array([-2.0]),
        "_probB": np.array([0.5]),
        "_gamma": 0.25,
    }


def unpickled(thing, protocol: int = 3):
    return read_pickle(pickle.dumps(thing, protocol=protocol), "here", STAND_INS)


def test_a_forest_becomes_arrays(made):
    arrays = forest_arrays(unpickled(two_trees(made)), "here")
    assert {k: v.tolist() for k, v in arrays.items()} == {
        "feature": [7, -1, -1, -1],
        "left": [1, 0, 0, 0],
        "right": [2, 0, 0, 0],
        "value": [0.5, 0.25, 1.0, 0.5],
        "roots": [0, 3],
    }


def test_support_vectors_become_arrays(made):
    arrays = support_vector_arrays(unpickled(made(SVC, svc_state())), "here")
    assert arrays["sv"].dtype == np.uint8
    assert arrays["sv"].sum(1).tolist() == [3, 3]
    assert arrays["dc"].tolist() == [0.5, -0.25], "libsvm's own sign"
    assert [float(arrays[k]) for k in ("b", "A", "B", "ga")] == [0.125, -2.0, 0.5, 0.25]


def test_other_models_are_refused(made):
    with pytest.raises(DataError, match=r"here: should be a forest for two classes over bits, with thresholds 0\.5"):
        forest_arrays(unpickled(two_trees(made, threshold=1.5)), "here")
    with pytest.raises(DataError, match=r"here: should be a sklearn\.ensemble.*KeyError: 'estimators_'"):
        forest_arrays(unpickled(made(SVC, svc_state())), "here")
    with pytest.raises(DataError, match=r"here: should be a sklearn\.svm.*AttributeError"):
        support_vector_arrays([1], "here")
    with pytest.raises(DataError, match="should have an RBF kernel"):
        support_vector_arrays(unpickled(made(SVC, {**svc_state(), "kernel": "linear"})), "here")
    state = {**svc_state(), "support_vectors_": np.eye(2, 2048) * 256}
    with pytest.raises(DataError, match="counts below 256"):
        support_vector_arrays(unpickled(made(SVC, state)), "here")


@pytest.fixture
def published(made, tmp_path, monkeypatch):
    """A small forest in a small wheel that lies in the folder of fetched files, and how to pickle another there."""
    monkeypatch.setenv("MOLGFN_DATA", str(tmp_path))

    def publish(thing, name: str = "small.whl", **changes) -> PublishedModel:
        data = pickle.dumps(thing, protocol=3)
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("inside/model.pkl", data)
        digest = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        wheel = replace(WHEEL, name=name, url="https://invalid.invalid/small.whl", sha256=digest)
        member = {"member": "inside/model.pkl", "sha256": hashlib.sha256(data).hexdigest()}
        return replace(JNK3, name="small.npz", wheel=wheel, **{**member, **changes})

    return publish


def test_the_conversion_is_made_once_and_kept(made, published, tmp_path):
    model = published(two_trees(made))
    fingerprints = np.zeros((2, 2048), dtype=bool)
    fingerprints[1, 7] = True
    assert forest(model).probability(fingerprints).tolist() == [(0.25 + 0.5) / 2, (1 + 0.5) / 2]
    (tmp_path / "small.whl").unlink()  # not needed any more
    assert forest(model).probability(fingerprints).tolist() == [0.375, 0.75]
    assert [p.name for p in tmp_path.iterdir()] == ["small.npz"]
    copy = (tmp_path / "small.npz").rename(tmp_path / "mine.npz")
    assert forest(model, str(copy)).probability(fingerprints).tolist() == [0.375, 0.75]


def test_a_member_that_is_not_the_published_one_is_refused(made, published, tmp_path):
    model = published(two_trees(made), sha256="0" * 64)
    with pytest.raises(DataError, match=r"small\.whl: inside/model\.pkl: should have the sha256 0000"):
        model.arrays()
    model = published(two_trees(made), member="elsewhere.pkl")
    with pytest.raises(DataError, match=r"elsewhere\.pkl: cannot be read"):
        model.arrays()
    assert not list(tmp_path.glob("small.npz*"))


def test_code_in_the_member_is_refused(published, tmp_path):
    class Runs:
        def __reduce__(self):
            return print, ("run",)

    with pytest.raises(DataError, match=r"asks for builtins\.print"):
        published(Runs()).arrays()
    assert not list(tmp_path.glob("small.npz*"))


def test_a_write_that_fails_leaves_nothing(made, published, tmp_path, monkeypatch):
    model = published(two_trees(made))

    def full(file, **arrays):
        file.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="no space left"):
        model.arrays()
    assert [p.name for p in tmp_path.iterdir()] == ["small.whl"]


def test_files_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"no\.npz: should be an npz file with the arrays feature, .*no such file"):
        JNK3.arrays(str(tmp_path / "no.npz"))
    text = tmp_path / "text.npz"
    text.write_text("text")
    with pytest.raises(DataError, match=r"text\.npz: should be an npz file"):
        GSK3B.arrays(str(text))
    other = tmp_path / "other.npz"
    np.savez(other, sv=np.zeros((2, 3)), dc=np.zeros(2))
    with pytest.raises(DataError, match=r"other\.npz: should be an npz file with the arrays sv, dc, .*b"):
        DRD2.arrays(str(other))
    names = {name: np.zeros(2) for name in DRD2.names}
    np.savez(other, **{**names, "A": np.array(["text"])})
    with pytest.raises(DataError, match="A does not hold numbers"):
        DRD2.arrays(str(other))
    np.savez(other, **names)
    with pytest.raises(DataError, match=r"other\.npz: b should be one number, is of shape \[2\]"):
        support_vectors(DRD2, str(other))
    np.savez(other, **{**names, "A": np.array([{}], dtype=object)})
    with pytest.raises(DataError, match="allow_pickle=False"):
        DRD2.arrays(str(other))


def test_feature_counts():
    counts = feature_counts([m.mol for m in parse(["CCO", "C" * 12, "C"])]).toarray()
    assert counts.shape == (3, 2048)
    assert counts.dtype == np.float32
    # methane: one environment of one atom, which is no pharmacophore (identifier 0)
    assert counts[2, 0] == 1
    assert counts[2].sum() == 1
    # dodecane: its 12 environments of radius 0 all have identifier 0
    assert counts[1, 0] == 12
    assert feature_counts([]).shape == (0, 2048)


def test_feature_counts_are_the_sparse_ones_folded():
    from rdkit.Chem import rdFingerprintGenerator as generators

    invariants = generators.GetMorganFeatureAtomInvGen()
    generator = generators.GetMorganGenerator(radius=3, atomInvariantsGenerator=invariants)
    mols = [m.mol for m in parse(["CC(=O)Oc1ccccc1C(=O)O", "OC1(CCN(CCCC(=O)c2ccc(F)cc2)CC1)c1ccc(Cl)cc1"])]
    expected = np.zeros((2, 2048))
    for row, mol in zip(expected, mols, strict=True):
        for identifier, count in generator.GetSparseCountFingerprint(mol).GetNonzeroElements().items():
            row[identifier % 2048] += count
    np.testing.assert_array_equal(feature_counts(mols).toarray(), expected)
