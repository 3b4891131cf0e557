"""Where samples come from: a policy, or a file of SMILES."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from molgfn.chemistry.files.reading import iter_records, no_molecule
from molgfn.chemistry.molecules import Molecule
from molgfn.datasets.given import in_portions
from molgfn.environments.base import Environment
from molgfn.evaluation.metrics.base import Samples, TerminalProbabilities
from molgfn.evaluation.progress import Progress, silent
from molgfn.evaluation.terminal_probability import log_terminal_probability
from molgfn.objects.molecule import MOLECULE
from molgfn.policies.base import Policy
from molgfn.rewards.base import Reward, Scores
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.sampler import Sampler

#: what ``Reward.achieved`` ends the names of raw values with
RAW = "_raw"


@torch.no_grad()
def draw_samples(
    environment: Environment,
    policy: Policy,
    reward: Reward,
    n: int,
    *,
    batch: int = 256,
    seed: int = 0,
    progress: Progress = silent,
) -> Samples:
    """``n`` objects from P_F as it is (no exploration), scored, with the log weight of the trajectory of each.

    Args:
        environment: builds the objects.
        policy: P_F; set to evaluation mode meanwhile.
        reward: scores every object (equal ones are for its cache to notice).
        n: how many.
        batch: trajectories at once.
        seed: of the random stream, which is this function's own.
        progress: told after each batch, of "samples".
    """
    generator = torch.Generator(policy.device).manual_seed(seed)
    training = policy.training
    policy.eval()
    try:
        parts = []
        for done in range(0, n, batch):
            parts.append(_draw(environment, policy, reward, min(batch, n - done), generator))
            progress("samples", min(done + batch, n), n)
    finally:
        policy.train(training)
    return cat_samples(parts)


def _draw(environment: Environment, policy: Policy, reward: Reward, n: int, generator: torch.Generator) -> Samples:
    trajectories = Sampler(environment).forward(policy, n, generator=generator)
    terminal = trajectories.terminal
    objects = environment.objects(terminal)
    keys = environment.kind.keys(objects)
    scores = reward(objects, keys, environment.condition_values(terminal))
    log_symmetry = environment.log_symmetry(terminal, objects).double()
    device = policy.device
    evaluated = evaluate(
        replace(trajectories, log_reward=scores.log_reward.to(device), log_symmetry=log_symmetry.to(device)),
        policy,
        quantities=(LogPB,),
    )
    log_ratio = (evaluated[LogPB].double() - evaluated.log_pf.double()).sum(1).cpu()
    weight = (scores.log_reward.double() - log_symmetry + log_ratio).numpy()
    samples = Samples(environment.kind, objects, keys, log_weight=weight, corrected=environment.corrects_symmetry)
    return _with_scores(samples, scores, reward)


def _with_scores(samples: Samples, scores: Scores, reward: Reward) -> Samples:
    achieved = {} if scores.measurements is None else reward.achieved(scores.measurements)
    return replace(
        samples,
        scored=reward.scored,
        objectives={name: column.double().numpy() for name, column in achieved.items() if f"{name}{RAW}" in achieved},
        log_reward=scores.log_reward.double().numpy(),
        value=scores.value.double().numpy(),
        components={name: column.double().numpy() for name, column in scores.components.items()},
        problems=list(scores.problems),
    )


def cat_samples(parts: list[Samples]) -> Samples:
    """Scored samples of one policy (at least one batch), one after the other, without what was measured on them."""

    def column(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])

    return Samples(
        kind=parts[0].kind,
        objects=parts[0].kind.cat([part.objects for part in parts]),
        keys=[k for part in parts for k in part.keys],
        log_reward=column("log_reward"),
        value=column("value"),
        scored=parts[0].scored,
        components=_cat_columns([part.components for part in parts]),
        objectives=_cat_columns([part.objectives for part in parts]),
        problems=[p for part in parts for p in part.problems],
        log_weight=column("log_weight"),
        corrected=parts[0].corrected,
    )


def _cat_columns(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def read_samples(path: str | Path, reward: Reward | None = None, *, jobs: int = 1) -> Samples:
    """The molecules of a file as samples, in its order; entries that are no molecule count as invalid samples.

    Args:
        path: see ``chemistry.files.read_molecules``.
        reward: scores them; without one only metrics that need no reward can be measured.
        jobs: worker processes that parse.

    Raises:
        DataError: the file cannot be read or has no valid molecule.
    """
    objects: list[Molecule] = []
    lines: list[int] = []
    for records, molecules in in_portions(iter_records(path), jobs=jobs):
        lines += [record.line for record in records]
        objects += molecules
    if not any(molecule.valid for molecule in objects):
        raise no_molecule(path, [(line, str(m.problem)) for line, m in zip(lines, objects, strict=True)])
    samples = Samples(
        kind=MOLECULE,
        objects=objects,
        keys=MOLECULE.keys(objects),
        problems=MOLECULE.problems(objects),
        places=[f"line {line}" for line in lines],
    )
    return samples if reward is None else _with_scores(samples, reward(objects, samples.keys), reward)


def with_remarks(samples: Samples, reward: Reward) -> Samples:
    """``samples`` with what the reward's oracle says of them in words, asked once for each different object."""
    said = reward.remarks(samples.different)
    place = {samples.keys[i]: n for n, i in enumerate(samples.unique.tolist())}
    columns = {
        name: [texts[place[key]] if key in place else "" for key in samples.keys] for name, texts in said.items()
    }
    return replace(samples, remarks=columns)


def with_terminal_probabilities(
    samples: Samples,
    environment: Environment,
    policy: Policy,
    *,
    objects: int,
    trajectories: int,
    seed: int = 0,
    progress: Progress = silent,
) -> Samples:
    """``samples`` with log P_T(x) of up to ``objects`` different ones, chosen at random among them.

    Raises:
        DataError: a sampled object that the environment cannot read back into a state.
    """
    if samples.log_reward is None:
        raise ValueError("samples without log R(x): log P_T has nothing to be compared with")
    chosen = np.sort(np.random.default_rng(seed).permutation(len(samples.unique))[:objects])
    rows = samples.unique[chosen]
    estimate = log_terminal_probability(
        environment,
        policy,
        samples.kind.take(samples.objects, rows.tolist()),
        samples=trajectories,
        generator=torch.Generator(policy.device).manual_seed(seed),
        seed=seed,
        progress=progress,
    )
    found = TerminalProbabilities(
        name="samples",
        log_p=estimate.log_p.numpy(),
        error=estimate.standard_error.numpy(),
        log_reward=samples.log_reward[rows],
        trajectories=trajectories,
        log_ratio=estimate.log_ratio.numpy(),
    )
    return replace(samples, terminal=found)
