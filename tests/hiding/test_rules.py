"""Which objects each rule hides."""

import pytest
import torch

from molgfn.chemistry.molecules import parse
from molgfn.config import build
from molgfn.environments.atoms import Atoms
from molgfn.environments.hypergrid import HyperGrid
from molgfn.environments.strings import Strings
from molgfn.errors import ConfigError
from molgfn.hiding.base import HiddenObjects
from molgfn.hiding.by_hash import HiddenByHash
from molgfn.hiding.by_length import HiddenByLength
from molgfn.hiding.by_scaffold import HiddenByScaffold
from molgfn.hiding.by_size import HiddenBySize
from molgfn.hiding.drawing import unit_number

KEYS = [f"object {i}" for i in range(4000)]
NOTHING = torch.zeros(0, dtype=torch.int64)


def test_the_number_of_a_text_is_fixed_and_uniform():
    assert unit_number("CCO", 0) == 0.7818092519973522
    numbers = torch.tensor([unit_number(key, 0) for key in KEYS])
    assert (numbers >= 0).all()
    assert (numbers < 1).all()
    counts = torch.histc(numbers, 10, 0, 1)
    assert ((counts - 400).abs() < 80).all()  # four standard deviations


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_hash(share):
    hidden = HiddenByHash(share=share).hides(None, KEYS, NOTHING)
    assert float(hidden.double().mean()) == pytest.approx(share, abs=0.03)
    assert torch.equal(hidden.flip(0), HiddenByHash(share=share).hides(None, KEYS[::-1], NOTHING))
    other = HiddenByHash(share=share, salt=1).hides(None, KEYS, NOTHING)
    assert float((hidden & other).double().mean()) == pytest.approx(share**2, abs=0.03)


def test_scaffold():
    rings = ["c1ccccc1", "C1CCCCC1", "c1ccncc1", "C1CCNCC1", "C1CC1", "c1ccoc1", "c1ccsc1", "C1CCOC1"]
    molecules = parse([*rings, *[f"C{ring}" for ring in rings], "CCO", "C(", "CC"])
    hidden = HiddenByScaffold(share=0.5, salt=3).hides(molecules, [], NOTHING)
    assert torch.equal(hidden[:8], hidden[8:16])  # with methyl, the same scaffold
    assert 0 < int(hidden[:8].sum()) < 8
    assert not hidden[16:].any()  # no ring, or no molecule
    assert "HyperGrid builds grids" in HiddenByScaffold().misfit(HyperGrid(dimensions=1, side=3))
    assert HiddenByScaffold().misfit(Atoms()) is None


def test_size():
    assert HiddenBySize(above=3).hides(parse(["CCC", "CCCC", "C("]), [], NOTHING).tolist() == [False, True, False]
    assert HiddenBySize(above=3).hides(["ABC", "ABCD"], [], NOTHING).tolist() == [False, True]
    assert "use hidden=length" in HiddenBySize().misfit(HyperGrid(dimensions=1, side=3))
    assert HiddenBySize().misfit(Strings(alphabet="AC", length=3)) is None


def test_length():
    hidden = HiddenByLength(above=2)
    assert hidden.hides(None, [], torch.tensor([1, 2, 3])).tolist() == [False, False, True]
    assert hidden.last_step is None
    assert HiddenByLength(above=2, forced_stop=True).last_step == 2
    grid = HyperGrid(dimensions=2, side=3)  # four moves at most
    assert HiddenByLength(above=3).misfit(grid) is None
    assert "nothing is hidden: all objects are built in at most 4 steps" in HiddenByLength(above=4).misfit(grid)


@pytest.mark.parametrize(("name", "setting"), [("by_hash.HiddenByHash", 0.0), ("by_scaffold.HiddenByScaffold", 1.0)])
def test_all_or_nothing_is_refused_by_name(name, setting):
    with pytest.raises(ConfigError, match=r"hidden\.share"):
        build({"_target_": f"molgfn.hiding.{name}", "share": setting}, HiddenObjects, "hidden")
