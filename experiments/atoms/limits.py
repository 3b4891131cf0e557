"""Does anything leak at the size limit? Exact P_T of trained samplers under size limits from 2 to 5 atoms.

    python experiments/atoms/limits.py -o FOLDER [key=value ...] [--limits 2 3 4] [--seeds 0 1 2]

Trains exact.yaml (C, N and O) under each limit with TB, SubTB and Ent-PPO at equal calls, settings going to all of them
(a run that is there is taken as it is), and compares its exact P_T with R/Z: the total variation over molecules, and
the share of the molecules of exactly the limit's size, where what a truncated space leaks would gather (LeakGFN, Kim,
Choi and Park, ICML 2026). Prints a table: mean and half of the 95 % t-interval over seeds.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from rdkit import Chem

import molgfn
from molgfn.evaluation.exact.answers import exact_distribution
from molgfn.evaluation.readings import Reading
from molgfn.experiment import reward_of

EXPERIMENT = Path(__file__).with_name("exact.yaml")
OBJECTIVES = {
    "TB": ("objective=tb",),
    "SubTB": ("objective=subtb",),
    "Ent-PPO K=2": (
        "objective=ent_ppo",
        "objective.epochs=2",
        "objective.critic_epochs=2",
        "objective.critic_splits=1",
    ),
}
#: what every run has alike: 19,200 calls, the rate falling to nothing
ALIKE = (
    *("trainer.iterations=300", "optimizer.half_life=null", "optimizer.cosine=300", "optimizer.warm_up=20"),
    *("logger.wandb=off", "trainer.progress=none", "trainer.log_every=50", "trainer.pictures_every=100000"),
    "trainer.checkpoint_every=100000",
)


def trained(place: Path, *settings: str) -> Path:
    """The folder of a run that was trained there, or is now."""
    if not list(place.glob("*/checkpoints/last.ckpt")):
        molgfn.train(EXPERIMENT, *ALIKE, *settings, f"output={place}")
    return next(place.glob("*/checkpoints/last.ckpt")).parents[1]


def measured(run: Path) -> tuple[float, float, float]:
    """(total variation, share of P_T at the limit, share of R/Z there)."""
    loaded = molgfn.load(run)
    exact = exact_distribution(loaded.environment, loaded.policy, reward_of(loaded.config))
    atoms = torch.tensor([Chem.MolFromSmiles(key).GetNumAtoms() for key in exact.keys])
    at_limit = atoms == loaded.config["environment"]["max_atoms"]
    return exact.tv, float(exact.p[at_limit].sum()), float(exact.pi[at_limit].sum())


def cell(values: Sequence[float]) -> str:
    """Mean, and half of the interval where there are several."""
    reading = Reading.mean(np.array(values))
    half = "" if reading.high is None or reading.value is None else f" ± {reading.high - reading.value:.4f}"
    return f"{np.mean(values):.4f}{half}"


def main() -> None:
    """Train, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="*", metavar="key=value", help="of all runs, as of molgfn train")
    parser.add_argument("-o", "--output", type=Path, required=True, help="where the runs lie, or go")
    parser.add_argument("--limits", type=int, nargs="+", default=[2, 3, 4], choices=[2, 3, 4, 5], metavar="ATOMS")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    given = parser.parse_args()
    print("| most atoms | objective | TV | P_T at the limit | R/Z at the limit |\n| ---: | --- | ---: | ---: | ---: |")
    for limit in given.limits:
        for name, words in OBJECTIVES.items():
            found = []
            for seed in given.seeds:
                place = given.output / f"{name.partition(' ')[0].lower()}-{limit}-{seed}"
                own = [f"environment.max_atoms={limit}", f"seed={seed}", *words, *given.settings]
                found.append(measured(trained(place, *own)))
            tv, share, target = (np.array(column) for column in zip(*found, strict=True))
            print(f"| {limit} | {name} | {cell(tv)} | {cell(share)} | {target[0]:.4f} |", flush=True)


if __name__ == "__main__":
    main()
