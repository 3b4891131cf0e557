import textwrap

import numpy as np
import pytest
import torch

from molgfn.chemistry.molecules import parse
from molgfn.config import build
from molgfn.errors import ConfigError, DataError
from molgfn.objects.grid import GRID
from molgfn.oracles.base import Oracle
from molgfn.oracles.own.function import Function
from molgfn.serving.service import Service
from molgfn.testing import check_oracle

MODULE = '''
    """What a user writes."""
    import math
    from rdkit import Chem

    SEEN = []
    NUMBER = 3

    def ring_share(smiles):
        SEEN.append(list(smiles))
        mols = [Chem.MolFromSmiles(s) for s in smiles]
        return [sum(a.IsInRing() for a in m.GetAtoms()) / m.GetNumAtoms() for m in mols]

    def gaps(smiles):
        return [None if s == "C" else math.nan if s == "CC" else 2 for s in smiles]

    def one_too_few(smiles):
        return [1.0] * (len(smiles) - 1)

    def text(smiles):
        return ["high"] * len(smiles)

    def picky(smiles):
        if "CC" in smiles:
            raise RuntimeError("not ethane")
        return [float(len(s)) for s in smiles]

    def total(points):
        return points.sum(axis=1)
'''


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "functions_of_a_user.py").write_text(textwrap.dedent(MODULE))
    (tmp_path / "broken_module_of_a_user.py").write_text("import no_such_thing\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return "functions_of_a_user"


def test_the_function_gets_canonical_smiles_in_one_batch(module):
    import functions_of_a_user

    functions_of_a_user.SEEN.clear()
    oracle = Function(function=f"{module}.ring_share", range=(0, 1))
    np.testing.assert_allclose(oracle.values(parse(["C1CC1C", "OCC", "C1=CC=CC=C1"])), [0.75, 0, 1])
    assert functions_of_a_user.SEEN == [["CC1CC1", "CCO", "c1ccccc1"]]
    assert oracle.range == (0, 1)
    check_oracle(oracle, tolerance=0)


def test_from_a_config(module):
    node = {"_target_": "molgfn.oracles.own.function.Function", "function": f"{module}.picky", "range": [0, None]}
    oracle = build({**node, "direction": "minimise"}, Oracle, "oracle")
    assert oracle.range == (0, np.inf)
    assert oracle.direction == "minimise"
    np.testing.assert_array_equal(oracle.values(parse(["CCC"])), [3])


def test_none_and_nan_are_no_value(module):
    values = Function(function=f"{module}.gaps").values(parse(["C", "CC", "CCC"]))
    np.testing.assert_array_equal(values, [np.nan, np.nan, 2])
    assert values.dtype == np.float64


def test_strings_and_grids(module):
    assert Function(function=f"{module}.picky", domain="string").values(["AC", "A"]).tolist() == [2, 1]
    grid = Function(function=f"{module}.total", domain="grid")
    assert grid.values(torch.tensor([[1, 2], [0, 5]])).tolist() == [3, 5]
    assert grid.kind is GRID


def test_a_failure_costs_one_object_and_is_counted(module):
    service = Service(oracle=Function(function=f"{module}.picky", range=(0, 3)))
    smiles = ["C", "CC", "CCC", "CCCC"]
    answers = service(parse(smiles), smiles)
    np.testing.assert_array_equal(answers.values["function"], [1, np.nan, 3, np.nan])
    assert "RuntimeError" in answers.problems[1]
    assert "outside [0, 3]" in answers.problems[3]
    assert service.counters.failed == 2


def test_a_wrong_number_of_values_is_named(module):
    with pytest.raises(DataError, match=rf"{module}.one_too_few: returned numbers of shape \(1,\) for 2 objects"):
        Function(function=f"{module}.one_too_few").values(parse(["C", "CC"]))
    with pytest.raises(ValueError, match="high"):
        Function(function=f"{module}.text").values(parse(["C"]))


@pytest.mark.parametrize(
    ("path", "match"),
    [
        (None, r"function: should be file\.py:function, or the dotted path"),
        ("ring_share", "or the dotted path .* got 'ring_share'"),
        ("no_module_of_mine.f", "cannot import `no_module_of_mine` for `no_module_of_mine.f`"),
        ("broken_module_of_a_user.f", "cannot import `broken_module_of_a_user` .*no_such_thing"),
        ("functions_of_a_user.ring_shar", "`functions_of_a_user.ring_shar` is no function: .*nothing of that name"),
        ("functions_of_a_user.NUMBER", "a int, which cannot be called"),
        (".f", "or the dotted path"),
    ],
)
def test_a_path_that_leads_nowhere_is_named(module, path, match):
    with pytest.raises(ConfigError, match=match):
        Function(function=path)


@pytest.mark.parametrize("limits", [(1, 0), (2, 2)])
def test_a_range_without_width_is_refused(module, limits):
    with pytest.raises(ConfigError, match="range: should be"):
        Function(function=f"{module}.picky", range=limits)
