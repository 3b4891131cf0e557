"""A fitted proxy: predictions of an ensemble in units of the property, and the one file that it lives in."""

from __future__ import annotations

import os
import re
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from rdkit import Chem

from molgfn.errors import DataError
from molgfn.proxies.features import VERSION, molecule_graphs
from molgfn.proxies.metrics import Metrics
from molgfn.proxies.neighbours import Neighbours, problem_of
from molgfn.proxies.network import EnsembleNetwork
from molgfn.proxies.training import predict

KEY = "molgfn_proxy"
FORMAT = 1
#: molecules that become graphs at once, to bound memory
CHUNK = 1024


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, kw_only=True)
class ProxyCard:
    """Everything about a proxy but its weights.

    Attributes:
        property: what it predicts, the name of the column of numbers.
        direction: which way of the property is better.
        units: of the property, "1" for none.
        mean: of the property over the training molecules.
        scale: its standard deviation there.
        low: least value among all molecules of the table.
        high: largest one.
        std_factor: what the members' standard deviation is multiplied by, from the validation part.
        members: networks in the ensemble.
        width: of their states.
        layers: their rounds of messages.
        features: version of the featurisation (``proxies.features.VERSION``).
        metrics: part -> its metrics.
        settings: how it was split and trained.
        data: which file, its sha256, and what became of its rows.
        made_by: version of molgfn.
    """

    property: str
    direction: Literal["maximise", "minimise"]
    units: str
    mean: float
    scale: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    low: float
    high: float
    std_factor: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    members: Annotated[int, Field(ge=2)]
    width: Annotated[int, Field(ge=1)]
    layers: Annotated[int, Field(ge=1)]
    features: int
    metrics: dict[str, Metrics]
    settings: dict[str, Any]
    data: dict[str, Any]
    made_by: str


class ProxyEnsemble:
    """A fitted ensemble.

    Args:
        card: what it is.
        network: its members, in evaluation mode.
        training: fingerprints of the molecules that it was trained on; None where they were not kept.
    """

    def __init__(self, card: ProxyCard, network: EnsembleNetwork, training: Neighbours | None = None) -> None:
        self.card = card
        self.network = network
        self.training = training

    def members(self, mols: Sequence[Chem.Mol]) -> np.ndarray:
        """Prediction of each member for each molecule, in units of the property, float64 [K, B]."""
        pieces = [
            predict(self.network, molecule_graphs(mols[i : i + CHUNK])).double().numpy()
            for i in range(0, len(mols), CHUNK)
        ]
        standard = np.concatenate(pieces, 1) if pieces else np.zeros((self.card.members, 0))
        return standard * self.card.scale + self.card.mean

    def predict(self, mols: Sequence[Chem.Mol]) -> tuple[np.ndarray, np.ndarray]:
        """Mean over the members and calibrated standard deviation (ddof 1, times ``std_factor``), float64 [B] each."""
        each = self.members(mols)
        return each.mean(0), self.card.std_factor * each.std(0, ddof=1)

    def save(self, path: str | Path) -> None:
        """Write the whole proxy as one file of plain data and tensors, all of it or nothing."""
        path = Path(path)
        content = {KEY: {"format": FORMAT, **asdict(self.card)}, "weights": self.network.state_dict()}
        if self.training is not None:
            content["training"] = self.training.plain()
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".molgfn-") as folder:
            part = Path(folder) / path.name
            torch.save(content, part)
            os.replace(part, path)

    @classmethod
    def load(cls, path: str | Path) -> ProxyEnsemble:
        """Read a proxy; nothing in the file is run.

        Raises:
            DataError: no such file, not a proxy, damaged, of another version, or with weights that do not fit.
        """
        path = Path(path)
        content = _content(path)
        card = _card(path, content[KEY])
        if not isinstance(weights := content.get("weights"), dict):
            raise DataError(f"{path}: holds no `weights`")
        with torch.device("meta"):  # shapes only: what the card claims costs no memory
            network = EnsembleNetwork(members=card.members, width=card.width, layers=card.layers)
        _require_weights(path, network, weights)
        network.load_state_dict(weights, assign=True)
        return cls(card, network.requires_grad_(False).eval(), _training(path, content.get("training")))


def _content(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise DataError(f"{path}: there is no such file; `molgfn proxy fit` writes proxies")
    # torch writes zip files; anything else would reach an older, looser reader
    if not zipfile.is_zipfile(path):
        raise DataError(f"{path}: not a proxy of `molgfn proxy fit`, or one that was cut off while it was copied")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever the damage leads to
        if match := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise DataError(f"{path}: holds code (`{match[1]}`) where only data may be; it was not run") from None
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path}: not a proxy of `molgfn proxy fit`, or a damaged one ({reason[:120]})") from None
    if not isinstance(content, dict) or not isinstance(content.get(KEY), dict):
        raise DataError(f"{path}: not a proxy of `molgfn proxy fit`: it has no `{KEY}` entry")
    return content


def _card(path: Path, plain: dict[str, Any]) -> ProxyCard:
    if plain.get("format") != FORMAT:
        raise DataError(
            f"{path}: is a proxy of format {plain.get('format')!r}, this molgfn reads {FORMAT}; fit it anew"
        )
    if plain.get("features") != VERSION:
        raise DataError(
            f"{path}: was trained with version {plain.get('features')!r} of the features, this molgfn computes version "
            f"{VERSION}; fit it anew"
        )
    try:
        own = {"property" if k == "target" else k: v for k, v in plain.items() if k != "format"}  # its former name
        return TypeAdapter(ProxyCard).validate_python(own)
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(f"{path}: `{'.'.join(map(str, first['loc']))}` of the proxy: {first['msg']}") from None


def _training(path: Path, plain: Any) -> Neighbours | None:
    """The fingerprints in the file; one of an earlier molgfn, or fitted without, has none."""
    if plain is None:
        return None
    if problem := problem_of(plain):
        raise DataError(f"{path}: `training`, the fingerprints of the training molecules: {problem}")
    return Neighbours(plain["bits"], plain["sizes"])


def _require_weights(path: Path, network: EnsembleNetwork, weights: dict[str, Any]) -> None:
    expected = network.state_dict()
    problems = [f"`{k}` is missing" for k in expected if k not in weights]
    problems += [f"`{k}` has no place" for k in weights if k not in expected]
    for key in expected.keys() & weights.keys():
        own, wanted = weights[key], expected[key]
        if not isinstance(own, torch.Tensor) or own.shape != wanted.shape or own.dtype != wanted.dtype:
            is_now = f"{own.dtype} {list(own.shape)}" if isinstance(own, torch.Tensor) else type(own).__name__
            problems.append(f"`{key}` should be {wanted.dtype} {list(wanted.shape)}, is {is_now}")
        elif not own.isfinite().all():
            problems.append(f"`{key}` has numbers that are not finite")
    if problems:
        more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
        raise DataError(f"{path}: the weights do not fit the proxy: {'; '.join(sorted(problems)[:3])}{more}")
