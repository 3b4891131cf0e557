"""How temperature shifts what a pre-trained sampler draws.

    python experiments/sequences/temperatures.py runs/prior-<date> -n 1000 --temperatures .7 1 1.2 --reference zinc250k

Each temperature divides the logits of P_F. Prints for each, with 95 % intervals: the share of valid molecules, that of
different ones among them, internal diversity, the share of the different ones that are not in the reference, GuacaMol's
KL score and the Frechet ChemNet distance from as many molecules of it (with the extra fcd; compare equal n only), the
mean number of tokens or steps, the mean of log P_F (at temperature 1) of what is drawn, and the most frequent reasons
of what is invalid. Any sampler of molecules will do, such as one of experiments/atoms/prior.yaml.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass, replace

import torch

import molgfn
from molgfn.evaluation.metrics.base import Samples
from molgfn.evaluation.metrics.diversity.internal_diversity import InternalDiversity
from molgfn.evaluation.metrics.diversity.uniqueness import Uniqueness
from molgfn.evaluation.metrics.reference.chemnet_distance import ChemNetDistance
from molgfn.evaluation.metrics.reference.kl_score import KLScore
from molgfn.evaluation.metrics.reference.novelty import Novelty
from molgfn.evaluation.metrics.validity import Validity
from molgfn.evaluation.readings import Reading
from molgfn.evaluation.reference import read_reference
from molgfn.policies.exploration import Exploration
from molgfn.runs.checkpoint import Loaded
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.sampler import Sampler


@dataclass(frozen=True)
class Drawn:
    """What was drawn at one temperature."""

    samples: Samples
    tokens: float
    log_p: float
    problems: Counter[str]


@torch.no_grad()
def draw(loaded: Loaded, n: int, temperature: float, *, batch: int = 250, seed: int = 0) -> Drawn:
    """``n`` molecules from P_F with logits over ``temperature``."""
    generator = torch.Generator().manual_seed(seed)
    environment, exploration = loaded.environment, Exploration(temperature=temperature)
    objects, steps, log_p = [], 0, 0.0
    for done in range(0, n, batch):
        size = min(batch, n - done)
        t = Sampler(environment).forward(loaded.policy, size, generator=generator, exploration=exploration)
        blank = replace(t, log_reward=torch.zeros(size))
        log_p += float(evaluate(blank, loaded.policy, quantities=()).log_pf.sum())
        steps += int(t.lengths.sum()) - size  # the exit is no token
        objects += environment.objects(t.terminal)
    kind = environment.kind
    problems = kind.problems(objects)
    samples = Samples(kind, objects, kind.keys(objects), problems=problems)
    reasons = Counter(problem.partition(":")[0] for problem in problems if problem is not None)
    return Drawn(samples, steps / n, log_p / n, reasons)


def measures(drawn: Drawn) -> dict[str, Reading]:
    """Of one temperature; novelty where the samples have a reference."""
    metrics = [Validity(), Uniqueness(), InternalDiversity()]
    if drawn.samples.reference is not None:
        metrics += [Novelty(), KLScore(), ChemNetDistance()]
    found: dict[str, Reading] = {}
    for metric in metrics:
        found |= metric(drawn.samples)
    return {name: reading for name, reading in found.items() if not name.startswith("kl_score/")}


def written(reading: Reading | None) -> str:
    """The number and its interval; why there is none."""
    if reading is None or reading.value is None:
        return "" if reading is None else reading.note
    interval = "" if reading.low is None else f" ({reading.low:.3f} to {reading.high:.3f})"
    return f"{reading.value:.3f}{interval}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("-n", type=int, default=1000)
    parser.add_argument("--temperatures", type=float, nargs="+", default=[0.7, 0.85, 1.0, 1.2])
    parser.add_argument("--reference", help="a file of molecules or a named set, for novelty")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    loaded = molgfn.load(options.run)
    known = None if options.reference is None else read_reference(options.reference, sample=options.n)
    rows: dict[float, tuple[Drawn, dict[str, Reading]]] = {}
    for temperature in options.temperatures:
        drawn = draw(loaded, options.n, temperature, seed=options.seed)
        if known is not None:
            drawn = replace(drawn, samples=replace(drawn.samples, reference=known.keys, reference_sample=known.sample))
        rows[temperature] = drawn, measures(drawn)
    names = list(dict.fromkeys(name for _, found in rows.values() for name in found))
    print(f"| temperature | {' | '.join(names)} | tokens | log P_F | invalid |")
    print(f"| --- |{' --- |' * (len(names) + 3)}")
    for temperature, (drawn, found) in rows.items():
        cells = [written(found.get(name)) for name in names]
        why = ", ".join(f"{reason} {count}" for reason, count in drawn.problems.most_common(3))
        print(f"| {temperature:g} | {' | '.join(cells)} | {drawn.tokens:.1f} | {drawn.log_p:.1f} | {why} |", flush=True)


if __name__ == "__main__":
    main()
