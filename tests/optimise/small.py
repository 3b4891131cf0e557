"""Optimisations of the size of a test."""

import copy
import functools
from pathlib import Path

import pandas as pd
import rdkit.RDConfig

import molgfn
from molgfn.api.optimising import compose_optimisation
from molgfn.chemistry.molecules import parse

#: 10,000 molecules that rdkit carries
MOLECULES = Path(rdkit.RDConfig.RDDataDir) / "Pains" / "test_data" / "wehi_mols.csv"

#: 24 calls in 3 rounds, of molecules that rdkit carries
SMALL = (
    f"candidates.proposers.given.molecules={MOLECULES}",
    "candidates.proposers.given.limit=60",
    "scoring.budget=24",
    "rounds.size=8",
)
#: a genetic algorithm that takes a fraction of a second
FEW = (
    "candidates.proposers.graph_ga.offspring=12",
    "candidates.proposers.graph_ga.generations=2",
    "candidates.proposers.graph_ga.joining=10",
    "candidates.proposers.graph_ga.limit=60",
)


@functools.cache
def _composed(experiment, overrides):
    return compose_optimisation(experiment, *overrides)


def config_of(experiment, *overrides):
    """The config of a small loop, composed once for all tests: composing costs more than the loop."""
    return copy.deepcopy(_composed(experiment, overrides))


def small_loop(folder, *overrides, **parts):
    """A small loop with graph GA and Gaussian process; ``overrides`` are of values, ``parts`` whole components."""
    config = config_of("optimise/gp_ga", *SMALL, *FEW, "oracle=qed", "rounds.report=false") | parts
    return molgfn.optimise(config, f"output={folder}", *overrides)


DRUGS = [
    "CC(=O)Oc1ccccc1C(=O)O",
    "CC(C)Cc1ccc(C(C)C(=O)O)cc1",
    "CN1C(=O)CN=C(c2ccccc2)c2cc(Cl)ccc21",
    "Cn1c(=O)c2c(ncn2C)n(C)c1=O",
    "CC(=O)Nc1ccc(O)cc1",
    "O=C(O)c1ccccc1O",
    "c1ccc2c(c1)cccc2CCN",
    "CCN(CC)CCOC(=O)c1ccc(N)cc1",
    "CC(C)NCC(O)COc1cccc2ccccc12",
    "COc1ccc2[nH]cc(CCN(C)C)c2c1",
]


def drugs(n: int = len(DRUGS)):
    """Molecules that everybody knows."""
    return parse(DRUGS[:n])


def calls_in(folder: Path) -> pd.DataFrame:
    """What a run recorded."""
    return pd.read_csv(folder / "calls.csv")
