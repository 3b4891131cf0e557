"""String QM9: five molecular blocks in a row, with a predicted property of the molecule that they make."""

from __future__ import annotations

from typing import ClassVar

from molgfn.downloads import Download
from molgfn.oracles.strings.listed import ListedStrings

TABLE = Download(
    name="block_qm9str_v1_s5.pkl",
    url="https://raw.githubusercontent.com/maxwshen/gflownet/4203ec0478ff791c2447d4f7b792e5c3dc02851d"
    "/datasets/qm9str/block_qm9str_v1_s5.pkl",
    sha256="70b00b46078bd19c087174021850d4bdf3deb10d3fccc8e4c529cb2383d9f8eb",
    size=3_705_100,
    what="HOMO-LUMO gaps, predicted, of all 161,051 strings of 5 blocks out of 11",
    source="Shen et al. 2023, arXiv 2305.07170",
    licence="MIT",
)


class QM9Strings(ListedStrings):
    """HOMO-LUMO gap (eV) predicted for five blocks in a row, -2.77 to 17.38; more is better.

    Symbols 0 to a are the blocks C, O, N, C-F, C=O, C=C, C#C, benzene, cyclohexane, pyrrolidine and CCC. The usual
    reward is R = max(y, 1e-3)^5, its largest value 100 (arXiv 2305.07170) or 10 (arXiv 2408.05885).

    Args:
        path: the table, if you have it; null: fetched once, 3.7 MB. A CSV file with a head and the columns string and
            value, or the published pickle; it may end in ``.gz``.

    Raises:
        DataError: the table cannot be fetched or read, or does not list all strings.

    Reference:
        Shen et al., "Towards understanding and improving GFlowNet training", ICML 2023, arXiv 2305.07170.
    """

    name: ClassVar[str] = "qm9_strings"
    task: ClassVar[str] = "qm9"
    published: ClassVar[Download | None] = TABLE
    units: ClassVar[str] = "eV"
    source: ClassVar[str] = "table of Shen et al. 2023, arXiv 2305.07170"
