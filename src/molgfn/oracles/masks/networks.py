"""Where the network whose units are masked comes from: a file, or it is trained for the purpose."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from molgfn.docstrings import attributes_in_docstring
from molgfn.errors import ConfigError
from molgfn.paths import InputFile

if TYPE_CHECKING:
    from molgfn.proxies.classes.labels import Task
    from molgfn.proxies.masks.proxy import MaskedProxy
    from molgfn.proxies.table import PropertyTable

#: what the made-up molecules of ``Trained`` are made of
RINGS = ("c1ccccc1", "c1ccncc1", "c1ccsc1", "C1CCCCC1", "C1CCNCC1", "C1CCOCC1")
GROUPS = ("C", "CC", "O", "N", "F", "Cl", "C#N", "C(=O)O", "C(=O)N", "OC", "S(=O)(=O)C", "C(F)(F)F")


@attributes_in_docstring
class NetworkWithMasks(ABC):
    """A proxy with masks, and the molecules whose labels its masks explain."""

    #: units with masks, both layers together
    units: int

    @abstractmethod
    def read(self) -> tuple[MaskedProxy, PropertyTable]:
        """The proxy and the table."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that they come from."""
        return ()


class Trained(NetworkWithMasks):
    """A network of this size, trained with dropout as by ``molgfn proxy fit --uncertainty mc_dropout``.

    Args:
        table: molecules and their property; None: Crippen's log P of 72 substituted rings.
        property: its column; None without a table.
        task: whether it holds numbers or labels; of the 72 rings these are whether log P is above its median.
        width: units of each of the two layers with masks.
        layers: rounds of messages.
        rate: probability that a unit is dropped, in training and under the prior.
        epochs: passes over the molecules.
        batch: molecules in a step.
        lr: largest learning rate.
        seed: of parameters, batches, masks in training and the tenth that is held back to stop it.

    Raises:
        ConfigError: a table without a property, or the other way round.
    """

    def __init__(
        self,
        *,
        table: InputFile | None = None,
        property: str | None = None,
        task: Literal["regression", "classification"] = "regression",
        width: PositiveInt = 6,
        layers: PositiveInt = 2,
        rate: Annotated[float, Field(gt=0, lt=1)] = 0.3,
        epochs: PositiveInt = 40,
        batch: PositiveInt = 16,
        lr: PositiveFloat = 0.01,
        seed: Annotated[int, Field(ge=0)] = 0,
    ) -> None:
        if (table is None) != (property is None):
            raise ConfigError("network: a table and its property go together; give both, or neither")
        self.table, self.property = table, property
        self.task: Task = task
        self.width, self.layers, self.rate = width, layers, rate
        self.epochs, self.batch, self.lr, self.seed = epochs, batch, lr, seed
        self.units = 2 * width

    @property
    def files(self) -> tuple[Path, ...]:
        return () if self.table is None else (Path(self.table),)

    def read(self) -> tuple[MaskedProxy, PropertyTable]:
        from molgfn.proxies.fitting import fit
        from molgfn.proxies.masks.proxy import MaskedProxy
        from molgfn.proxies.masks.settings import MaskSettings
        from molgfn.proxies.table import read_property
        from molgfn.proxies.training import FitSettings

        if self.table is None or self.property is None:
            table = _made_up(self.task)
        else:
            table = read_property(self.table, self.property, task=self.task)
        settings = FitSettings(
            width=self.width, layers=self.layers, epochs=self.epochs, batch=self.batch, lr=self.lr, seed=self.seed
        )
        masks = MaskSettings(rate=self.rate)
        proxy = fit(table, settings, uncertainty="mc_dropout", masks=masks, test=0.0, fingerprints=False)
        assert isinstance(proxy, MaskedProxy)
        return proxy, table


class Saved(NetworkWithMasks):
    """A proxy of ``molgfn proxy fit --uncertainty mc_dropout`` or ``gflowout``, and a table with its property.

    Args:
        weights: the file of the proxy.
        table: molecules and their property.

    Raises:
        ConfigError: the proxy has no layers with masks.
        DataError: the proxy cannot be read.
    """

    def __init__(self, *, weights: InputFile, table: InputFile) -> None:
        from molgfn.proxies.loading import load
        from molgfn.proxies.masks.proxy import MaskedProxy

        proxy = load(weights)
        if not isinstance(proxy, MaskedProxy):
            raise ConfigError(
                f"weights: {weights} is a proxy of the kind {proxy.uncertainty}, which has no layers with masks; "
                "take one of `molgfn proxy fit --uncertainty mc_dropout` or `gflowout`"
            )
        self.weights, self.table, self._proxy = weights, table, proxy
        self.units = 2 * proxy.card.width

    @property
    def files(self) -> tuple[Path, ...]:
        return Path(self.weights), Path(self.table)

    def read(self) -> tuple[MaskedProxy, PropertyTable]:
        from molgfn.proxies.table import read_property

        card = self._proxy.card
        return self._proxy, read_property(self.table, card.property, task=card.task)


def _made_up(task: Task) -> PropertyTable:
    """Each ring with each group, and Crippen's log P of it, or whether that is above the median."""
    import numpy as np
    from rdkit.Chem import Crippen

    from molgfn.chemistry.molecules import parse
    from molgfn.proxies.table import PropertyTable

    molecules = parse([ring[:1] + "1" + f"({group})" + ring[2:] for ring, group in itertools.product(RINGS, GROUPS)])
    values = np.array([Crippen.MolLogP(molecule.mol) for molecule in molecules])  # type: ignore[attr-defined]
    if task == "classification":
        values = (values > np.median(values)).astype(np.float64)
    return PropertyTable(
        path=Path("substituted rings"),
        name="logp" if task == "regression" else "lipophilic",
        molecules=molecules,
        values=values,
        rows=len(molecules),
        left_out={},
        reasons=[],
        first=[],
        merged=0,
        noise=float("nan"),
        sha256="",
        task=task,
    )
