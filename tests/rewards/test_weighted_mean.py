import math

import numpy as np
import pytest

from molgfn.chemistry.molecules import parse
from molgfn.errors import ConfigError
from molgfn.objects.grid import GRID
from molgfn.objects.molecule import MOLECULE
from molgfn.oracles.base import Oracle
from molgfn.oracles.properties.logp import LogP
from molgfn.oracles.properties.qed import QED
from molgfn.oracles.properties.sa import SA
from molgfn.oracles.properties.weight import Weight
from molgfn.oracles.synthetic.hypergrid import HyperGrid
from molgfn.rewards.readings import Readings
from molgfn.rewards.transforms import Identity, Linear, Sigmoid, Step
from molgfn.rewards.weighted_mean import Component, WeightedMean

NAN = float("nan")


class Table(Oracle):
    """Says for each object (a number here) what the table says."""

    name = "table"
    range = (0.0, 1.0)
    direction = "maximise"
    source = "a table"

    def __init__(self, *rows: float) -> None:
        self.rows = np.array(rows)

    def values(self, objects):
        return self.rows[list(objects)]


def evaluated(part, objects):
    """Value and columns of what is made of several, of what its oracles measure."""
    measured = {}
    for entry in part.panel().entries:
        value, parts = entry.oracle.measure(objects)
        measured |= dict(zip(entry.columns, (value, *parts.values()), strict=True))
    return part.evaluate(measured)


def remarks(part, objects):
    """What the oracles of a part say, under the part's names."""
    return {
        column: entry.oracle.remarks(objects)[name]
        for entry in part.panel().entries
        for column, name in zip(entry.remarks, entry.oracle.remark_names, strict=True)
    }


def mean_of(aggregation, *columns, weights=(1.0, 1.0), **filters):
    components = {
        f"c{i}": Component(oracle=Table(*c), weight=w) for i, (c, w) in enumerate(zip(columns, weights, strict=False))
    }
    components |= {name: Component(oracle=Table(*c), filter=True) for name, c in filters.items()}
    mean = WeightedMean(components=components, aggregation=aggregation)
    values, _ = evaluated(mean, range(len(columns[0])))
    has_value = mean.panel().has_value({n: c.oracle.rows for n, c in components.items()})
    np.testing.assert_array_equal(has_value, ~np.isnan(values))
    return values


def test_both_means_by_hand():
    np.testing.assert_allclose(mean_of("arithmetic", [0.2], [0.8], weights=(1.0, 3.0)), [0.65])
    np.testing.assert_allclose(mean_of("geometric", [0.2], [0.8], weights=(1.0, 3.0)), [0.2**0.25 * 0.8**0.75])


@pytest.mark.parametrize("aggregation", ["arithmetic", "geometric"])
def test_weights_are_normalised(aggregation):
    one = mean_of(aggregation, [0.2, 0.5], [0.8, 0.1], weights=(1.0, 2.0))
    np.testing.assert_allclose(one, mean_of(aggregation, [0.2, 0.5], [0.8, 0.1], weights=(10.0, 20.0)))


@pytest.mark.parametrize("aggregation", ["arithmetic", "geometric"])
def test_a_missing_component_is_left_out_for_that_object_only(aggregation):
    out = mean_of(aggregation, [0.2, NAN, NAN], [0.2, 0.8, NAN], weights=(1.0, 3.0))
    np.testing.assert_allclose(out, [0.2, 0.8, NAN])


def test_geometric_mean_clips_at_1e_8():
    np.testing.assert_allclose(mean_of("geometric", [0.0], [1.0]), [1e-4])
    np.testing.assert_allclose(mean_of("geometric", [0.0], [0.0]), [1e-8])
    np.testing.assert_allclose(mean_of("arithmetic", [0.0], [1.0]), [0.5])


def test_a_filter_multiplies_and_is_not_averaged():
    out = mean_of("arithmetic", [0.2, 0.2, 0.2], [0.8, 0.8, 0.8], alert=[1.0, 0.0, NAN])
    np.testing.assert_allclose(out, [0.5, 0.0, NAN])


def test_qed_and_sa_of_aspirin():
    oracle = WeightedMean(
        components={
            "qed": Component(oracle=QED()),
            "sa": Component(oracle=SA(), transform=Linear(low=10.0, high=1.0)),
        }
    )
    molecules = parse(["CC(=O)Oc1ccccc1C(=O)O"])
    values, components = evaluated(oracle, molecules)
    assert list(components) == ["qed", "qed_transformed", "sa", "sa_transformed"]
    assert components["sa"][0] == SA().values(molecules)[0]
    assert components["sa_transformed"][0] == pytest.approx((10 - components["sa"][0]) / 9)
    assert values[0] == pytest.approx(math.sqrt(components["qed"][0] * components["sa_transformed"][0]))


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: WeightedMean(components={}), "nothing to average"),
        (lambda: WeightedMean(components={"q": Component(oracle=QED(), filter=True)}), "nothing to average"),
        (lambda: Component(oracle=SA()), "falling transform"),
        (lambda: Component(oracle=LogP()), "transform into"),
        (lambda: Component(oracle=LogP(), transform=Identity()), "transform into"),
        (lambda: Component(oracle=QED(), filter=True, weight=2.0), "takes no weight"),
        (
            lambda: WeightedMean(
                components={
                    "q": Component(oracle=QED()),
                    "g": Component(oracle=HyperGrid(), transform=Linear(low=0.0, high=3.0)),
                }
            ),
            "same kind of object",
        ),
        (
            lambda: WeightedMean(components={"q": Component(oracle=QED()), "q_transformed": Component(oracle=QED())}),
            "q_transformed: two columns would be called so",
        ),
    ],
)
def test_what_cannot_work_is_refused(make, match):
    with pytest.raises(ConfigError, match=match):
        make()


def test_a_component_that_raises_or_leaves_its_range_is_named():
    class Broken(QED):
        name = "broken"

        def values(self, objects):
            raise OSError("no licence")

    class TooMuch(QED):
        name = "too_much"

        def values(self, objects):
            return np.full(len(objects), 3.2)

    molecules = parse(["CCO"])
    for oracle, problem in (
        (Broken(), "oracle broken raised OSError (no licence)"),
        (TooMuch(), "oracle too_much returned 3.2, outside [0, 1]"),
    ):
        mean = WeightedMean(components={"c": Component(oracle=oracle), "q": Component(oracle=QED())})
        measurements, reading = Readings(oracle=mean)(molecules, ["CCO"])
        assert measurements.problems == reading.problems == [problem]
        assert measurements.values["c"].isnan().all()
        assert np.isnan(reading.value).all()


def test_kind_is_that_of_the_components():
    grid = WeightedMean(components={"g": Component(oracle=HyperGrid(), transform=Linear(low=0.0, high=3.0))})
    molecule = WeightedMean(
        components={
            "weight": Component(oracle=Weight(), transform=Step(low=200.0, high=500.0), filter=True),
            "logp": Component(oracle=LogP(), transform=Sigmoid(low=0.0, high=4.0, k=0.5)),
        }
    )
    assert grid.kind is GRID
    assert molecule.kind is MOLECULE
    assert evaluated(molecule, parse(["CCO", "CC(=O)Oc1ccccc1C(=O)OCCC"]))[0][0] == 0.0


class Parts(Oracle):
    """Two parts, and something to say of odd numbers."""

    name = "parts"
    range = (0.0, 1.0)
    direction = "maximise"
    source = "a test"
    component_names = ("parts", "half", "parts_third")
    remark_names = ("parts_found",)

    def values(self, objects):
        return self.measure(objects)[0]

    def measure(self, objects):
        value = np.array([x / 10 for x in objects], dtype=np.float64)
        return value, {"parts": value, "half": value / 2, "parts_third": value / 3}

    def remarks(self, objects):
        return {"parts_found": ["odd" if x % 2 else "" for x in objects]}


def test_parts_and_words_of_components_stay_under_their_names():
    oracle = WeightedMean(components={"a": Component(oracle=Parts()), "parts": Component(oracle=Parts(), filter=True)})
    names = ("a", "a_transformed", "a_half", "a_third", "parts", "parts_transformed", "parts_half", "parts_third")
    assert oracle.component_names == names
    assert oracle.remark_names == ("a_found", "parts_found")
    values, columns = evaluated(oracle, [3, 8])
    assert tuple(columns) == names
    np.testing.assert_allclose(values, [0.09, 0.64])
    for name in ("a", "parts"):
        np.testing.assert_allclose(columns[f"{name}_half"], [0.15, 0.4])
        np.testing.assert_allclose(columns[f"{name}_third"], [0.1, 0.8 / 3])
    assert remarks(oracle, [3, 8]) == {"a_found": ["odd", ""], "parts_found": ["odd", ""]}


def test_a_mean_of_means_keeps_everything():
    inner = WeightedMean(components={"p": Component(oracle=Parts()), "t": Component(oracle=Table(*[0.5] * 9))})
    oracle = WeightedMean(components={"in": Component(oracle=inner)})
    assert oracle.component_names == (
        "in", "in_transformed", "in_p", "in_p_transformed", "in_p_half", "in_p_third", "in_t", "in_t_transformed",
    )  # fmt: skip
    _, columns = evaluated(oracle, [3, 8])
    np.testing.assert_allclose(columns["in_p_half"], [0.15, 0.4])
    assert remarks(oracle, [3, 8]) == {"in_p_found": ["odd", ""]}


def test_columns_that_could_not_be_told_apart_are_refused():
    with pytest.raises(ConfigError, match="a_half: two columns would be called so"):
        WeightedMean(components={"a": Component(oracle=Parts()), "a_half": Component(oracle=Table(0.5))})
    with pytest.raises(ConfigError, match="a_found: two columns"):
        WeightedMean(components={"a": Component(oracle=Parts()), "a_found": Component(oracle=Table(0.5))})
