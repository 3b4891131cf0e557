"""Molecules per second of every oracle on one core: python benchmarks/oracles.py [--molecules 1000] [--rounds 5]

The molecules are drug-like ones that rdkit carries. They are parsed anew before each timing, because rdkit remembers
properties on a molecule. The oracles take turns, and the best round counts, because other work on the machine slows
a round down but never speeds it up. ``rdkit qed`` is rdkit's own function, for comparison with ours.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable
from pathlib import Path

import rdkit
from rdkit.Chem import QED as RDKitQED

from molgfn.chemistry.molecules import Molecule, parse
from molgfn.oracles.logp import LogP
from molgfn.oracles.qed import QED
from molgfn.oracles.sa import SA
from molgfn.oracles.tpsa import TPSA
from molgfn.oracles.weight import Weight
from molgfn.rewards.power import Power
from molgfn.rewards.transforms import Linear
from molgfn.rewards.weighted_mean import Component, WeightedMean


def main() -> None:
    parser = argparse.ArgumentParser(description="molecules per second of every oracle")
    parser.add_argument("--molecules", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    path = Path(rdkit.__file__).parent / "Data" / "Pains" / "test_data" / "wehi_mols.csv"
    with path.open() as file:
        smiles = [row[0] for row in csv.reader(file)]
    smiles = smiles[:: max(1, len(smiles) // arguments.molecules)][: arguments.molecules]

    mean = WeightedMean(
        components={
            "qed": Component(oracle=QED()),
            "sa": Component(oracle=SA(), transform=Linear(low=10.0, high=1.0)),
        }
    )
    reward = Power(oracle=mean)
    reward(parse(smiles), smiles)  # fills the memory that "remembered" reads
    jobs: dict[str, Callable[[list[Molecule]], object]] = {
        oracle.name: oracle.values for oracle in (QED(), SA(), LogP(), Weight(), TPSA())
    }
    jobs["rdkit qed"] = lambda molecules: [RDKitQED.qed(molecule.mol) for molecule in molecules]
    jobs["qed_sa"] = mean.values
    jobs["qed_sa, as a power reward"] = lambda molecules: Power(oracle=mean)(molecules, smiles)
    jobs["qed_sa, remembered"] = lambda molecules: reward(molecules, smiles)

    best = dict.fromkeys(jobs, float("inf"))
    held: list[list[Molecule]] = []
    for _ in range(arguments.rounds):
        for name, job in jobs.items():
            molecules = parse(smiles)
            held.append(molecules)  # so that freeing the ones before does not fall into this timing
            start = time.perf_counter()
            job(molecules)
            best[name] = min(best[name], time.perf_counter() - start)
    print(f"{len(smiles)} molecules, best of {arguments.rounds} rounds, one thread")
    for name, seconds in best.items():
        print(f"{name:28s} {len(smiles) / seconds:12,.0f} /s {1e6 * seconds / len(smiles):10.1f} us each")


if __name__ == "__main__":
    main()
