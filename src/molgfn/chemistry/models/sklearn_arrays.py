"""Arrays out of pickled scikit-learn classifiers, without scikit-learn (see ``array_pickle``)."""

from __future__ import annotations

from typing import Any

import numpy as np

from molgfn.errors import DataError

#: classes that ``array_pickle.read_pickle`` should let stand in for these models
FOREST = "sklearn.ensemble._forest.RandomForestClassifier"
SVC = "sklearn.svm._classes.SVC"
_HISTOGRAMS = "sklearn.ensemble._hist_gradient_boosting"
BOOSTED = f"{_HISTOGRAMS}.gradient_boosting.HistGradientBoostingRegressor"
STAND_INS = (
    FOREST,
    "sklearn.tree._classes.DecisionTreeClassifier",
    "sklearn.tree._tree.Tree",
    SVC,
    BOOSTED,
    f"{_HISTOGRAMS}.loss.LeastSquares",
    f"{_HISTOGRAMS}.predictor.TreePredictor",
    f"{_HISTOGRAMS}.binning._BinMapper",
)


def forest_arrays(model: Any, where: str) -> dict[str, np.ndarray]:
    """``RandomForest``'s arrays out of a pickled ``RandomForestClassifier`` of two classes over bits.

    Raises:
        DataError: it is not one.
    """
    try:
        parts: list[tuple[np.ndarray, np.ndarray]] = []
        for tree in model.state["estimators_"]:
            inner = tree.state["tree_"].state
            parts.append((inner["nodes"], inner["values"]))
        sizes = np.array([len(nodes) for nodes, _ in parts])
        roots = np.cumsum(sizes) - sizes
        nodes = np.concatenate([nodes for nodes, _ in parts])
        votes = np.concatenate([values for _, values in parts])[:, 0]  # [N, 2], weights of the classes
        leaf, offset = nodes["left_child"] < 0, np.repeat(roots, sizes)
        if votes.shape[1] != 2 or not np.all(nodes["threshold"][~leaf] == 0.5):
            raise DataError(f"{where}: should be a forest for two classes over bits, with thresholds 0.5")
        return {
            "feature": np.where(leaf, -1, nodes["feature"]).astype(np.int16),
            "left": np.where(leaf, 0, nodes["left_child"] + offset).astype(np.int32),
            "right": np.where(leaf, 0, nodes["right_child"] + offset).astype(np.int32),
            "value": (votes[:, 1] / votes.sum(1)).astype(np.float32),
            "roots": roots.astype(np.int32),
        }
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise _unlike(error, where, FOREST) from error


def support_vector_arrays(model: Any, where: str) -> dict[str, np.ndarray]:
    """``SupportVectorClassifier``'s arrays out of a pickled ``SVC`` of two classes over counts.

    Raises:
        DataError: it is not one.
    """
    try:
        state = model.state
        vectors = state["support_vectors_"]
        counts = vectors.astype(np.uint8)
        if state["kernel"] != "rbf" or not np.array_equal(counts, vectors):
            raise DataError(f"{where}: should have an RBF kernel and support vectors that are counts below 256")
        (coefficients,), (intercept,) = state["_dual_coef_"], state["_intercept_"]
        (slope,), (shift,) = state["_probA"], state["_probB"]
        return {
            "sv": counts,
            "dc": coefficients.astype(np.float32),
            "b": np.array(intercept),
            "A": np.array(slope),
            "B": np.array(shift),
            "ga": np.array(state["_gamma"]),
        }
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise _unlike(error, where, SVC) from error


def boosted_arrays(model: Any, where: str) -> dict[str, Any]:
    """``BoostedTrees``' arrays and baseline out of a pickled ``HistGradientBoostingRegressor`` of one value over bits.

    Raises:
        DataError: it is not one.
    """
    try:
        trees = [tree.state["nodes"] for (tree,) in model.state["_predictors"]]
        sizes = np.array([len(nodes) for nodes in trees])
        roots = np.cumsum(sizes) - sizes
        nodes, offset = np.concatenate(trees), np.repeat(roots, sizes)
        leaf = nodes["is_leaf"].astype(bool)
        if not np.all(nodes["num_threshold"][~leaf] == 0.5) or nodes["is_categorical"].any():
            raise DataError(f"{where}: should be trees over bits, with thresholds 0.5")
        return {
            "feature": np.where(leaf, -1, nodes["feature_idx"].astype(np.int64)),
            "left": nodes["left"].astype(np.int64) + offset,
            "right": nodes["right"].astype(np.int64) + offset,
            "value": nodes["value"],
            "roots": roots,
            "baseline": float(model.state["_baseline_prediction"]),
        }
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise _unlike(error, where, BOOSTED) from error


def _unlike(error: Exception, where: str, what: str) -> DataError:
    """What to raise for ``error``: a pickle that is not built as ``what``, unless it says better itself."""
    if isinstance(error, DataError):
        return error
    return DataError(f"{where}: should be a {what}, is built otherwise ({type(error).__name__}: {error})")
