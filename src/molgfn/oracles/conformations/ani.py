"""ANI-2x energies of conformations."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from molgfn.chemistry.conformers.frame import Frame
from molgfn.errors import ConfigError
from molgfn.oracles.conformations.energy import ConformationEnergy
from molgfn.oracles.physics.tight_binding import KCAL_PER_HARTREE

_INSTALL = "pip install -c constraints.txt '.[ani]' (in the clone)"
#: what ANI-2x was trained on
ELEMENTS = frozenset({1, 6, 7, 8, 9, 16, 17})


class ANI(ConformationEnergy):
    """ANI-2x energy of a conformation above its seed geometry, in kcal/mol: a network trained on wB97X/6-31G(d).

    Neutral molecules of H, C, N, O, F, S and Cl; others raise. Needs ``pip install -c constraints.txt '.[ani]'`` (in
    the clone; torchani), which fetches the weights when it is first asked. Shapes whose atoms lie in each other are not
    computed (``ConformationEnergy``).

    Args:
        device: where the network is, such as cpu or cuda.
        batch: shapes computed at once.

    Raises:
        ConfigError: torchani is not installed.

    Reference:
        Devereux et al., J. Chem. Theory Comput. 2020, 16, 4192, doi:10.1021/acs.jctc.0c00121.
    """

    name: ClassVar[str] = "ani"
    source: ClassVar[str] = "ANI-2x in torchani; Devereux et al. 2020, doi:10.1021/acs.jctc.0c00121"
    skips_clashes: ClassVar[bool] = True

    def __init__(self, *, device: str = "cpu", batch: Annotated[int, Field(ge=1)] = 256) -> None:
        super().__init__()
        self.device = device
        self.batch = batch
        if find_spec("torchani") is None:
            raise ConfigError(f"ani: needs torchani: {_INSTALL}")
        self._model: Any = None

    def prepare(self) -> None:
        """Load the network."""
        if self._model is None:
            import torchani  # type: ignore[import-not-found]  # an optional extra

            self._model = torchani.models.ANI2x(periodic_table_index=True).to(self.device).double()

    def energies(self, frame: Frame, positions: np.ndarray) -> np.ndarray:
        import torch

        if strange := sorted(set(frame.numbers.tolist()) - ELEMENTS):
            raise ValueError(f"{frame.smiles}: ANI-2x knows no atoms of number {', '.join(map(str, strange))}")
        if any(atom.GetFormalCharge() for atom in frame.mol.GetAtoms()):
            raise ValueError(f"{frame.smiles}: has charges; ANI-2x was trained on neutral molecules")
        self.prepare()
        numbers = torch.from_numpy(frame.numbers).to(self.device)
        found = []
        with torch.no_grad():
            for start in range(0, len(positions), self.batch):
                place = torch.from_numpy(np.ascontiguousarray(positions[start : start + self.batch])).to(self.device)
                found.append(self._model((numbers.expand(len(place), -1), place)).energies.double().cpu())
        return torch.cat(found).numpy() * KCAL_PER_HARTREE
