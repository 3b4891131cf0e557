"""Any Python function as an oracle."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from molgfn.code_references import module_of, split
from molgfn.errors import ConfigError, DataError
from molgfn.objects.named import NAMED, KindName
from molgfn.oracles.base import Oracle
from molgfn.paths import CodeReference


class Function(Oracle):
    """Values that a Python function returns: the shortest way to an oracle of one's own.

    In a file ``my_oracle.py`` of the folder where ``molgfn`` is started, or beside the experiment file::

        from rdkit import Chem

        def ring_share(smiles: list[str]) -> list[float]:
            \"\"\"Share of the heavy atoms that are in a ring, in [0, 1].\"\"\"
            mols = [Chem.MolFromSmiles(s) for s in smiles]
            return [sum(a.IsInRing() for a in m.GetAtoms()) / m.GetNumAtoms() for m in mols]

    then ``molgfn train quickstart oracle=function oracle.function=my_oracle.py:ring_share "oracle.range=[0,1]"``. A
    function of an installed package is named by its dotted path. To evaluate the run afterwards, say that you know the
    code: ``molgfn evaluate RUN --trust my_oracle.py`` (or the module of a dotted path: ``--trust my_oracle``).

    The function gets a batch: a list of canonical SMILES, a list of strings, or an integer array [B, d] of grid points.
    It returns one number for each, in order; None or NaN where there is none. It may raise: the run goes on, and the
    object counts as failed.

    Args:
        function: ``file.py:function``, or its dotted path ``package.module.function``.
        range: least and largest value; null where there is no limit. A value outside counts as failed.
        direction: whether more or less of it is better.
        domain: the kind of object that it takes: molecule (as SMILES), string or grid.

    Raises:
        ConfigError: no such function (the message names it), or a range without width.
    """

    name: ClassVar[str] = "function"
    source: ClassVar[str] = "the function"
    #: parameters that name code to import; a config of unknown origin must not choose it
    names_code: ClassVar[tuple[str, ...]] = ("function",)

    def __init__(
        self,
        *,
        function: CodeReference | None = None,
        range: tuple[float | None, float | None] = (None, None),
        direction: Literal["maximise", "minimise"] = "maximise",
        domain: KindName = "molecule",
    ) -> None:
        low, high = (-np.inf if range[0] is None else range[0], np.inf if range[1] is None else range[1])
        if not low < high:
            raise ConfigError(f"range: should be [low, high] with low < high, or null for no limit, got {list(range)}")
        self.range = (low, high)  # type: ignore[misc]
        self.direction = direction  # type: ignore[misc]
        self.kind = NAMED[domain]  # type: ignore[misc]
        self.path = function
        self._function = _function(function)

    @property
    def files(self) -> tuple[Path, ...]:
        """The function's module: answers on disk are not taken for those of an edited function."""
        try:
            return (Path(inspect.getfile(self._function)),)
        except TypeError:  # built in, or an object that can be called
            return ()

    def values(self, objects: Sequence[Any]) -> np.ndarray:
        """What the function returns for the objects, float64 [B]."""
        values = np.asarray(self._function(self.kind.plain(objects)), dtype=np.float64)
        if values.shape != (len(objects),):
            raise DataError(f"{self.path}: returned numbers of shape {values.shape} for {len(objects)} objects")
        return values


def _function(path: str | None) -> Any:
    """What the reference names."""
    module_path, name = split(path or "")
    if not module_path or not name:
        raise ConfigError(
            "function: should be file.py:function, or the dotted path of a function (package.module.function), "
            f"got {path!r}"
        )
    try:
        found = vars(module_of(str(path))).get(name)
    except Exception as error:  # a user's own module can fail in any way, and the config is still what named it
        raise ConfigError(f"function: cannot import `{module_path}` for `{path}` ({error})") from error
    if not callable(found):
        what = "nothing of that name" if found is None else f"a {type(found).__name__}, which cannot be called"
        raise ConfigError(f"function: `{path}` is no function: there is {what} in {module_path}")
    return found
