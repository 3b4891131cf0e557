"""The contract of oracles, checked on a set of awkward molecules."""

from __future__ import annotations

from typing import Any

import numpy as np
from rdkit import Chem
from torch import Tensor

from molgfn.chemistry.molecules import parse
from molgfn.errors import ContractError
from molgfn.objects.base import ObjectKind
from molgfn.objects.molecule import MOLECULE
from molgfn.oracles.base import Oracle

#: small, charged, salts, isotopes, stereo, metal, phosphorus and boron, aromatic, large
MOLECULES = (
    "C",
    "O",
    "[Na+].[Cl-]",
    "CCO",
    "[2H]C([2H])([2H])O",
    "C[N+](C)(C)CC([O-])=O",
    "CC(=O)[O-].[Na+]",
    "c1ccccc1",
    "CC(=O)Oc1ccccc1C(=O)O",
    "C[C@H](N)C(=O)O",
    "C/C=C/C",
    "OB(O)c1ccc(F)cc1",
    "CP(=O)(O)OCC",
    "C[Zn]C",
    "Clc1ccc2c(c1)C(c1ccccc1)=NCC(=O)N2",
    "CC12CCC3C(C1CCC2O)CCC4=CC(=O)CCC34C",
    "C" * 60,
    "CC1OC(=O)C(C)C(OC2CC(C)(OC)C(O)C(C)O2)C(C)C(OC2OC(C)CC(N(C)C)C2O)C(C)(O)CC(C)C(=O)C(C)C(O)C1(C)O",
    "NCC(=O)" + "NC(Cc1ccccc1)C(=O)" * 12 + "O",
)


def check_oracle(oracle: Oracle, objects: Any = None, *, tolerance: float = 1e-6) -> None:
    """Check everything that ``oracles.base.Oracle`` promises.

    Args:
        oracle: what to check.
        objects: valid objects to ask about, at least two different ones; None takes built-in molecules, which is
            possible for molecules only. The oracle may raise for some of them, not for all.
        tolerance: how far two values of the same object may differ, relative and absolute (0 for exact oracles;
            learned ones differ in the last digits with the size of a batch).

    Raises:
        ContractError: The contract is broken; the message names the oracle, the promise and what came instead.
    """
    name = _declarations(oracle)
    if objects is None:
        if oracle.kind is not MOLECULE:
            raise ContractError(f"{name}: there are no built-in objects of kind {oracle.kind.name}: pass objects=...")
        objects = parse(MOLECULES)
    rows, alone = _alone(oracle, objects, name)
    batch = oracle.kind.take(objects, rows)

    values = _ask(oracle, batch, name, "a batch")
    low, high = oracle.range
    for row, value in zip(rows, values, strict=True):
        if not np.isnan(value) and not (np.isfinite(value) and low <= value <= high):
            raise ContractError(
                f"{name}: {_show(objects[row])} has the value {value}, outside the range [{low}, {high}]"
            )
    _same(values, alone, batch, tolerance, f"{name}: depends on company: in a batch and alone")
    again = _ask(oracle, batch, name, "a batch")
    _same(values, again, batch, tolerance, f"{name}: is not deterministic: first and second time")
    order = list(range(len(rows)))[::-1]
    turned = _ask(oracle, oracle.kind.take(batch, order), name, "a batch in reverse")[order]
    _same(values, turned, batch, tolerance, f"{name}: depends on order: forward and in reverse")
    if len(_ask(oracle, oracle.kind.take(objects, []), name, "an empty batch")):
        raise ContractError(f"{name}: an empty batch should give an empty array")
    _components(oracle, batch, values, name, tolerance)


def _declarations(oracle: Oracle) -> str:
    """Check the class variables; returns the oracle's name for messages."""
    if not isinstance(oracle, Oracle):
        raise ContractError(f"{type(oracle).__name__}: is not a molgfn.oracles.base.Oracle; inherit from it")
    where = type(oracle).__name__
    for attribute in ("name", "range", "direction", "units", "source", "kind"):
        if not hasattr(oracle, attribute):
            raise ContractError(f"{where}: does not declare `{attribute}`; see molgfn.oracles.base.Oracle")
        if attribute not in ("range", "kind") and not (isinstance(value := getattr(oracle, attribute), str) and value):
            raise ContractError(f"{where}: `{attribute}` should be a text that is not empty, is {value!r}")
    if not isinstance(oracle.kind, ObjectKind):
        raise ContractError(f"{where}: `kind` should be a molgfn.objects.base.ObjectKind, is {oracle.kind!r}")
    if oracle.direction not in ("maximise", "minimise"):
        raise ContractError(f'{where}: `direction` should be "maximise" or "minimise", is {oracle.direction!r}')
    limits = oracle.range
    if not (isinstance(limits, tuple) and len(limits) == 2 and limits[0] < limits[1]):
        raise ContractError(f"{where}: `range` should be (low, high) with low < high, is {limits!r}")
    return oracle.name


def _alone(oracle: Oracle, objects: Any, name: str) -> tuple[list[int], np.ndarray]:
    """The rows of the objects for which the oracle does not raise, and the value of each asked alone."""
    rows: list[int] = []
    values: list[float] = []
    error: Exception | None = None
    for row in range(len(objects)):
        one = oracle.kind.take(objects, [row])
        before = _state(one)
        try:
            answer = oracle.values(one)
        except Exception as raised:  # an oracle may raise for an object; the scorer counts it
            error = raised
            continue
        values.append(float(_array(answer, 1, name, f"{_show(objects[row])} alone")[0]))
        rows.append(row)
        if _state(one) != before:
            raise ContractError(f"{name}: changes the object that it is asked about ({_show(objects[row])})")
    if not rows:
        raise ContractError(f"{name}: raises for every one of {len(objects)} objects, last {error!r}") from error
    return rows, np.array(values)


def _ask(oracle: Oracle, objects: Any, name: str, what: str) -> np.ndarray:
    try:
        answer = oracle.values(objects)
    except Exception as error:
        raise ContractError(f"{name}: raises {error!r} for {what}, though for none of its objects alone") from error
    return _array(answer, len(objects), name, what)


def _array(answer: Any, n: int, name: str, what: str) -> np.ndarray:
    if not isinstance(answer, np.ndarray) or answer.dtype != np.float64 or answer.shape != (n,):
        got = f"{answer.dtype} {list(answer.shape)}" if isinstance(answer, np.ndarray) else type(answer).__name__
        raise ContractError(f"{name}: values of {what} should be a float64 array [{n}], got {got}")
    return answer.copy()


def _same(one: np.ndarray, other: np.ndarray, objects: Any, tolerance: float, what: str) -> None:
    wrong = ~np.isclose(one, other, rtol=tolerance, atol=tolerance, equal_nan=True)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise ContractError(f"{what} {_show(objects[row])} has the values {one[row]} and {other[row]}")


def _components(oracle: Oracle, objects: Any, values: np.ndarray, name: str, tolerance: float) -> None:
    measured, components = oracle.measure(objects)
    _same(values, _array(measured, len(objects), name, "measure"), objects, tolerance, f"{name}: values and measure:")
    if list(components) != list(oracle.component_names):
        raise ContractError(
            f"{name}: measure gives the components {list(components)}, declared {list(oracle.component_names)}"
        )
    for key, column in components.items():
        _array(column, len(objects), name, f"component {key}")
    remarks = oracle.remarks(objects) if oracle.remark_names else {}
    if list(remarks) != list(oracle.remark_names):
        raise ContractError(f"{name}: remarks gives {list(remarks)}, declared {list(oracle.remark_names)}")
    for key, texts in remarks.items():
        if len(texts) != len(objects) or not all(isinstance(text, str) for text in texts):
            raise ContractError(f"{name}: remark {key} should be a list of {len(objects)} texts")


def _state(objects: Any) -> Any:
    """What must not change when an oracle looks at objects."""
    if isinstance(objects, (Tensor, np.ndarray)):
        return objects.tolist()
    return [Chem.MolToSmiles(o.mol) if getattr(o, "mol", None) is not None else o for o in objects]


def _show(item: Any) -> str:
    return str(getattr(item, "smiles", item))[:80]
