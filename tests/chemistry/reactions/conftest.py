"""A library that fits on a page, and SCENT's."""

import pytest
from tests.optional_data import optional

from molgfn.chemistry.reactions.loading import load_library

BLOCKS = """smiles,id,price
OC(=O)c1ccccc1,benzoic,1.5
NCc1ccccc1,benzylamine,2
NCCO,ethanolamine,0.5
Brc1ccncc1,bromopyridine,4
OB(O)c1ccccc1,boronic,3
OC(=O)c1ccc(Br)cc1,bromobenzoic,2.5
CC(C)(C)OC(=O)N1CCNCC1,boc,6
"""
REACTIONS = """
- name: amide coupling, primary amine
  family: amide coupling
  yield: 0.8
  smarts: "[CX3:1](=[O:2])-[OX2H1].[NX3;H2;!$(N-C=O):3]>>[C:1](=[O:2])-[N:3]"
  examples: OC(=O)c1ccccc1.NCCO>>O=C(NCCO)c1ccccc1
- name: amide coupling, secondary amine
  family: amide coupling
  yield: 0.7
  smarts: "[CX3:1](=[O:2])-[OX2H1].[NX3;H1;!$(N-C=O):3]>>[C:1](=[O:2])-[N:3]"
- name: Suzuki coupling
  yield: 0.75
  smarts: "[c:1]-[Br].[c:2]-[B](-[OH])-[OH]>>[c:1]-[c:2]"
- name: Boc removal
  smarts: "[NX3;!$(N-C(=O)-[#6]):1]-C(=O)-O-C(-[CH3])(-[CH3])-[CH3]>>[N:1]"
"""
ABOUT = """
name: small
title: seven blocks and four reactions
source: written for tests
licence: MIT
price_unit: USD per gram
inversion_exact: true
"""


@pytest.fixture
def folder(tmp_path):
    """The small library as files."""
    place = tmp_path / "small"
    place.mkdir()
    (place / "blocks.csv").write_text(BLOCKS)
    (place / "reactions.yaml").write_text(REACTIONS)
    (place / "library.yaml").write_text(ABOUT)
    return place


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """The small library."""
    place = tmp_path_factory.mktemp("libraries") / "small"
    place.mkdir()
    (place / "blocks.csv").write_text(BLOCKS)
    (place / "reactions.yaml").write_text(REACTIONS)
    (place / "library.yaml").write_text(ABOUT)
    return load_library(place)


@pytest.fixture(scope="session")
def scent():
    """SCENT's small library."""
    return load_library(optional("reactions"))
