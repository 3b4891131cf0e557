"""Published fragment vocabularies, in the form that the fragment environment reads."""

from __future__ import annotations

import json
from pathlib import Path

from molgfn.chemistry.fragments.vocabulary import Vocabulary
from molgfn.datasets.registry import DATASETS, dataset
from molgfn.errors import DataError


def is_published(name: str) -> bool:
    """Whether ``name`` is a vocabulary of the registry, and no file here."""
    return name in DATASETS and DATASETS[name].kind == "fragments" and not Path(name).is_file()


def published_vocabulary(name: str, *, path: str | Path | None = None) -> Vocabulary:
    """A vocabulary of the registry, fetched where it is not here.

    The file lists a block for each way to attach a fragment to its parent; here a fragment is listed once, with all
    atoms at which anything may be attached.

    Args:
        name: such as ``bengio2021``.
        path: the file, where the user has it.

    Raises:
        DataError: there is no such vocabulary, or the file is not it.
    """
    file = dataset(name, "fragments").get(path)
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        points: dict[str, set[int]] = {}
        for key, smiles in content["block_smi"].items():
            points.setdefault(smiles, set()).update(content["block_r"][key])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{file}: should be JSON with `block_smi` and `block_r`, one entry per block ({error})"
        ) from error
    return Vocabulary.load([[smiles, sorted(atoms)] for smiles, atoms in points.items()])
