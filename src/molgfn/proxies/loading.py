"""A proxy from its file, whatever its uncertainty comes from."""

from __future__ import annotations

from pathlib import Path

from molgfn.errors import DataError
from molgfn.proxies.base import FittedProxy
from molgfn.proxies.ensemble import ProxyEnsemble
from molgfn.proxies.files import KEY, read
from molgfn.proxies.masks.proxy import Gflowout, MCDropout
from molgfn.proxies.tanimoto import TanimotoProxy

KINDS = (ProxyEnsemble, MCDropout, Gflowout, TanimotoProxy)


def load(path: str | Path) -> FittedProxy:
    """Read a proxy; nothing in the file is run.

    Raises:
        DataError: no such file, not a proxy, damaged, of another version or kind, or with weights that do not fit.
    """
    path = Path(path)
    content = read(path)
    kind = content[KEY].get("uncertainty", "ensemble")
    for proxy in KINDS:
        if proxy.uncertainty == kind:
            return proxy.of(path, content)
    known = ", ".join(proxy.uncertainty for proxy in KINDS)
    raise DataError(f"{path}: its uncertainty is of the kind {kind!r}; this molgfn reads {known}")
