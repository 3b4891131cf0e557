"""``molgfn.testing.check_oracle`` accepts every oracle here and finds each way of breaking the contract."""

import numpy as np
import pytest
import torch
from rdkit import Chem

from molgfn.chemistry.molecules import parse
from molgfn.errors import ContractError
from molgfn.objects.grid import GRID
from molgfn.oracles.base import Oracle
from molgfn.testing import MOLECULES, check_oracle


class Atoms(Oracle):
    """Heavy atoms, as a well-behaved oracle to break."""

    name = "atoms"
    range = (0.0, 1000.0)
    direction = "maximise"
    source = "counting"

    def values(self, objects):
        return np.array([m.mol.GetNumHeavyAtoms() for m in objects], dtype=np.float64)


class Missing(Atoms):
    def values(self, objects):
        return np.where(super().values(objects) > 50, np.nan, super().values(objects))


class Refuses(Atoms):
    def values(self, objects):
        if any("Zn" in m.smiles for m in objects):
            raise ValueError("no metals")
        return super().values(objects)


@pytest.mark.parametrize("oracle", [Atoms, Missing, Refuses])
def test_what_the_contract_allows(oracle):
    check_oracle(oracle(), tolerance=0)


class NoSource(Oracle):
    name = "x"
    range = (0.0, 1.0)
    direction = "maximise"

    def values(self, objects):
        return np.zeros(len(objects))


class NoName(Atoms):
    name = ""


class Sideways(Atoms):
    direction = "sideways"


class NoRange(Atoms):
    range = (1.0, 0.0)


class Narrow(Atoms):
    range = (0.0, 20.0)


class Infinite(Atoms):
    range = (0.0, float("inf"))

    def values(self, objects):
        return super().values(objects) / 0.0


class Single(Atoms):
    def values(self, objects):
        return super().values(objects).astype(np.float32)


class AsList(Atoms):
    def values(self, objects):
        return super().values(objects).tolist()


class Column(Atoms):
    def values(self, objects):
        return super().values(objects)[:, None]


class Short(Atoms):
    def values(self, objects):
        return super().values(objects)[: max(1, len(objects) - 1)]


class NoEmpty(Atoms):
    def values(self, objects):
        return np.stack([np.float64(m.mol.GetNumHeavyAtoms()) for m in objects])


class Relative(Atoms):
    def values(self, objects):
        values = super().values(objects)
        return values / max(values.max(initial=0.0), 1.0)


class Positional(Atoms):
    def values(self, objects):
        return super().values(objects) + np.arange(len(objects))


class Reversed(Atoms):
    def values(self, objects):
        return np.sort(super().values(objects))


class Counting(Atoms):
    calls = 0

    def values(self, objects):
        self.calls += 1
        return super().values(objects) + (self.calls > len(MOLECULES) + 1)


class Vandal(Atoms):
    def values(self, objects):
        for molecule in objects:
            molecule.mol.GetAtomWithIdx(0).SetAtomicNum(6)
            molecule.mol.GetAtomWithIdx(0).SetFormalCharge(0)
        return super().values(objects)


class Never(Atoms):
    def values(self, objects):
        raise RuntimeError("no licence")


class NeverTwo(Atoms):
    def values(self, objects):
        if len(objects) > 1:
            raise RuntimeError("one at a time")
        return super().values(objects)


class OtherComponents(Atoms):
    def measure(self, objects):
        return self.values(objects), {"else": self.values(objects)}


class OtherValues(Atoms):
    def measure(self, objects):
        return self.values(objects) + 1, {"atoms": self.values(objects)}


@pytest.mark.parametrize(
    ("oracle", "match"),
    [
        (NoSource, "does not declare `source`"),
        (NoName, "`name` should be a text"),
        (Sideways, "`direction` should be"),
        (NoRange, "`range` should be"),
        (Narrow, "outside the range"),
        (Infinite, "outside the range"),
        (Single, "should be a float64 array"),
        (AsList, "should be a float64 array"),
        (Column, "should be a float64 array"),
        (Short, "should be a float64 array"),
        (NoEmpty, "an empty batch"),
        (Relative, "depends on company"),
        (Positional, "depends on company"),
        (Reversed, "depends on company"),
        (Counting, "not deterministic"),
        (Vandal, "changes the object"),
        (Never, "raises for every one"),
        (NeverTwo, "raises RuntimeError.*a batch"),
        (OtherComponents, "components"),
        (OtherValues, "values and measure"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_what_it_forbids(oracle, match):
    with pytest.raises(ContractError, match=match):
        check_oracle(oracle())


def test_not_an_oracle_at_all():
    with pytest.raises(ContractError, match="is not a molgfn"):
        check_oracle(len)


def test_dependence_on_order_within_the_same_company():
    class Hashed(Atoms):
        """Sees the batch only when its first object is the heaviest: alone and forward batches agree."""

        def values(self, objects):
            values = super().values(objects)
            return values + (len(values) > 1 and values[0] > values[-1])

    with pytest.raises(ContractError, match="depends on order"):
        check_oracle(Hashed())


def test_grids_need_objects():
    class Sum(Oracle):
        kind = GRID
        name = "sum"
        range = (0.0, 100.0)
        direction = "maximise"
        source = "adding"

        def values(self, objects):
            return objects.sum(dim=1).double().numpy()

    check_oracle(Sum(), torch.arange(12).reshape(6, 2))
    with pytest.raises(ContractError, match="pass objects"):
        check_oracle(Sum())


def test_the_built_in_molecules_are_valid_and_varied():
    molecules = parse(MOLECULES)
    assert all(m.valid for m in molecules)
    assert len({m.smiles for m in molecules}) == len(MOLECULES)
    sizes = [m.mol.GetNumHeavyAtoms() for m in molecules]
    assert min(sizes) == 1
    assert max(sizes) > 100
    assert any("." in m.smiles for m in molecules)
    assert any(Chem.GetFormalCharge(m.mol) == 0 and "+" in m.smiles for m in molecules)
