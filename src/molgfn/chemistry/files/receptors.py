"""Receptors to dock into that are fetched by name."""

from __future__ import annotations

from pathlib import Path

from molgfn.downloads import Download, fetch
from molgfn.errors import ConfigError

#: name -> a file prepared for AutoDock Vina (.pdbqt)
RECEPTORS = {
    "4jnc": Download(
        name="4jnc.nohet.aligned.pdbqt",
        url=(
            "https://raw.githubusercontent.com/GFNOrg/gflownet/3ba65d243bb2e4fe77b3b93dc5f1634fd3ea5ea6/"
            "mols/data/seh/4jnc/4jnc.nohet.aligned.pdbqt"
        ),
        sha256="8cb486ad58eb4f2554adbf27d6f06fc9fc676e325ace4b240f4e1d0b5f068d71",
        size=241_068,
        what="soluble epoxide hydrolase, PDB 4JNC, without ligand and water",
        source="Bengio et al. 2021, arXiv 2106.04399",
        licence="MIT",
    )
}


def receptor_file(receptor: str) -> Path:
    """The ``.pdbqt`` file that is meant: one of ``RECEPTORS`` by name, fetched where it is not here, or a path.

    Raises:
        ConfigError: there is no such file, or it is of another kind.
        DataError: it cannot be fetched; says what to put where.
    """
    if receptor in RECEPTORS:
        return fetch(RECEPTORS[receptor])
    names = ", ".join(RECEPTORS)
    if Path(receptor).suffix != ".pdbqt":
        raise ConfigError(
            f"receptor: {receptor}: should be a .pdbqt file (Meeko's mk_prepare_receptor.py makes one), or {names}"
        )
    if not Path(receptor).is_file():
        raise ConfigError(f"receptor: {receptor}: there is no such file")
    return Path(receptor)
