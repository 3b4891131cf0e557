import numpy as np
import pytest

from molgfn.chemistry.molecules import Molecule
from molgfn.evaluation.metrics.base import Samples
from molgfn.objects.molecule import MOLECULE


def make_samples(smiles: list[str], value: list[float] | None = None, **more) -> Samples:
    """Molecules with log R = value, so that the order by reward is that of the values."""
    molecules = [Molecule.from_smiles(s) for s in smiles]
    column = None if value is None else np.array(value, dtype=float)
    return Samples(
        kind=MOLECULE,
        objects=molecules,
        keys=MOLECULE.keys(molecules),
        log_reward=None if column is None else np.nan_to_num(column, nan=-10.0),
        value=column,
        problems=[m.problem for m in molecules],
        **more,
    )


@pytest.fixture(scope="session")
def samples():
    return make_samples
