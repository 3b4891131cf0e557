"""Libraries that others published, fetched by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from molgfn.chemistry.reactions.files.entries import Entries
from molgfn.chemistry.reactions.files.scent import scent_entries
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
        n_blocks: how many there are.
        n_reactions: how many there are.
    """

    about: About
    n_blocks: int
    n_reactions: int
    blocks: Download
    templates: Download
    prices: Download
    yields: Download

    @property
    def files(self) -> tuple[Download, ...]:
        """All four."""
        return (self.blocks, self.templates, self.prices, self.yields)


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
        n_blocks=418,
        n_reactions=112,
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


_RXNFLOW = "https://raw.githubusercontent.com/SeonghwanSeo/RxnFlow/a39c7aebd45fddfdf72109ffa0f8e4b92f9c4458/data"
_SYNFLOWNET = "https://raw.githubusercontent.com/mirunacrt/synflownet/574f1e148f42e0c79877318fa9d84d2552cf5025"
_SEO = "Seo et al. 2025, arXiv 2410.04542; file of SeonghwanSeo/RxnFlow"

#: files of blocks, or of templates, that `molgfn reactions build` makes libraries of; name -> what it is
PUBLISHED_FILES = {
    "zincfrag_10k": Download(
        name="zincfrag_10k.smi.gz",
        url=f"{_RXNFLOW}/building_blocks/zincfrag_10k.smi.gz",
        size=132_128,
        sha256="85d2f30a2d3ddd45dd1336666d104d1f10c531f7797bbef776d6715ad354b3be",
        what="10,000 blocks: fragments of ZINC",
        source=_SEO,
        licence="MIT",
    ),
    "rxnflow_real": Download(
        name="rxnflow_real.txt",
        url=f"{_RXNFLOW}/templates/real.txt",
        size=11_030,
        sha256="b7043d39d89d632e060006ba180505e3ba80937f6901f628846506c6a6477334",
        what="109 templates after Enamine REAL",
        source=_SEO,
        licence="MIT",
    ),
    "rxnflow_hb_edited": Download(
        name="rxnflow_hb_edited.txt",
        url=f"{_RXNFLOW}/templates/hb_edited.txt",
        size=10_999,
        sha256="30874950dd9d94f2416c8ce8c2330066bed17e45abfc84fb722de6947934f2ce",
        what="71 templates after Hartenfeller and Button, edited",
        source=_SEO,
        licence="MIT",
    ),
    "synflownet_hb": Download(
        name="synflownet_hb.txt",
        url=f"{_SYNFLOWNET}/src/synflownet/data/templates/hb.txt",
        size=14_671,
        sha256="5ddf9be764dbec581d257f045aa53215d54f709f01647a155e454f216ec9a72c",
        what="105 templates after Hartenfeller and Button",
        source="Cretu et al. 2025, arXiv 2405.01155; file of mirunacrt/synflownet",
        licence="MIT",
    ),
}


def named_file(source: str) -> Path:
    """A file of ``PUBLISHED_FILES`` by its name, fetched where it is not here; else ``source`` as a path.

    Raises:
        DataError: it cannot be fetched; says what to put where.
    """
    return fetch(PUBLISHED_FILES[source]) if source in PUBLISHED_FILES else Path(source)


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
