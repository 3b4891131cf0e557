"""Libraries that others published, fetched by name."""

from __future__ import annotations

from dataclasses import dataclass

from molgfn.chemistry.reactions.files.entries import Entries
from molgfn.chemistry.reactions.files.folders import scent_entries
from molgfn.chemistry.reactions.library import About
from molgfn.downloads import Download, fetch

_SCENT = "https://raw.githubusercontent.com/koziarskilab/SCENT/af1fee53786cf814204013ee0e1d13003a9b24f8/data"
_GAINSKI = "Gaiński et al. 2025, arXiv 2506.19865; files of koziarskilab/SCENT"


@dataclass(frozen=True, kw_only=True)
class PublishedLibrary:
    """A library of SCENT's four files.

    Attributes:
        about: what is said of it.
        blocks: SMILES, one a line.
        templates: SMARTS, one a line.
        prices: of the blocks, JSON.
        yields: names, families and yields, a table.
    """

    about: About
    blocks: Download
    templates: Download
    prices: Download
    yields: Download


def _scent_file(name: str, file: str, size: int, sha256: str, what: str) -> Download:
    return Download(
        name=name, url=f"{_SCENT}/{file}", size=size, sha256=sha256, what=what, source=_GAINSKI, licence="MIT"
    )


PUBLISHED = {
    "scent_small": PublishedLibrary(
        about=About(
            name="scent_small",
            title="SCENT's small library: 418 blocks, 112 reactions",
            source=_GAINSKI,
            licence="MIT",
            price_unit="relative cost",
            inversion_exact=True,
        ),
        blocks=_scent_file(
            "scent_small_fragments.txt",
            "small/fragments.txt",
            7_140,
            "3f8512d94bd29fbf044f4a821d29392a5fb5e17b0c6addacca87a8a2156789ec",
            "blocks of SCENT's small library",
        ),
        templates=_scent_file(
            "scent_small_templates.txt",
            "small/templates.txt",
            11_876,
            "65967d5c9848d540db0dea0a69285126d46b1e8669961fe239e9155671436640",
            "reactions of SCENT's small library",
        ),
        prices=_scent_file(
            "scent_small_fragment_to_real_cost.json",
            "small/fragment_to_real_cost.json",
            13_795,
            "a2f29e48d6a516af88daed7bfb9ad529b9d25982e4aaa5e8920d0dd0e805a124",
            "prices of SCENT's small library",
        ),
        yields=_scent_file(
            "scent_small_templates_yields.csv",
            "small/templates_yields.csv",
            16_726,
            "060e9c983885e1525f5e507e03821dc3ee65170fe749219a6683d84078e8d963",
            "names and yields of the reactions of SCENT's small library",
        ),
    )
}


def published_entries(name: str) -> Entries:
    """What the files of a published library say; fetched where they are not here.

    Raises:
        DataError: a file cannot be fetched; says what to put where.
    """
    item = PUBLISHED[name]
    return scent_entries(
        fetch(item.blocks),
        fetch(item.templates),
        prices=fetch(item.prices),
        yields=fetch(item.yields),
        where=name,
        about=item.about,
    )
