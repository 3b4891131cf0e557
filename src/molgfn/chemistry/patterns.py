"""Substructure patterns (SMARTS) that come from a config."""

from __future__ import annotations

from collections.abc import Sequence

from rdkit import Chem

from molgfn.chemistry.reading.lost_brackets import lost_brackets_hint
from molgfn.errors import ConfigError


def patterns(smarts: str | Sequence[str] | None, key: str = "smarts") -> list[Chem.Mol]:
    """One query molecule per SMARTS.

    Args:
        smarts: one, or several.
        key: the parameter that they are given by.

    Raises:
        ConfigError: none is given, or one cannot be read; the message says which.
    """
    texts = [smarts] if isinstance(smarts, str) else list(smarts or [])
    if not texts:
        raise ConfigError(f"{key}: give a SMARTS pattern, or a list of them")
    found = [_read(text) for text in texts]
    if bad := [i for i, pattern in enumerate(found) if pattern is None]:
        hints = {i: lost_brackets_hint(key, texts[i], lambda text: _read(text) is not None) for i in bad}
        raise ConfigError([f"{key}[{i}]: not a SMARTS: {texts[i]!r}{hints[i]}" for i in bad])
    return [pattern for pattern in found if pattern is not None]


def _read(text: str) -> Chem.Mol | None:
    return Chem.MolFromSmarts(text) if text.strip() else None
