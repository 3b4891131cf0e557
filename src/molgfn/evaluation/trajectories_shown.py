"""How the best samples were built: for each a trajectory that leads to it, with the probability of every step."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from molgfn.environments.base import Environment, States
from molgfn.environments.enumerable import Enumerable
from molgfn.evaluation.metrics.base import Samples
from molgfn.policies.base import Policy
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.sampler import Sampler


@dataclass(frozen=True)
class ShownStep:
    """One step.

    Attributes:
        words: what was done.
        svg: what stands there afterwards, an SVG document; "" where it is not drawn.
        probability: P_F of the action.
        choices: legal actions there were; None where they are not listed.
    """

    words: str
    svg: str
    probability: float
    choices: int | None


@dataclass(frozen=True)
class ShownTrajectory:
    """The trajectory of the largest P_F among those drawn backwards from an object.

    Attributes:
        key: of the object.
        log_pf: log P_F(tau), nats; a lower bound of log P_T(x) up to symmetry.
        drawn: backward trajectories that it was chosen from.
        steps: the last is the exit.
    """

    key: str
    log_pf: float
    drawn: int
    steps: list[ShownStep]

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@torch.no_grad()
def shown_trajectories(
    samples: Samples, environment: Environment, policy: Policy, *, objects: int, trajectories: int, seed: int = 0
) -> list[ShownTrajectory]:
    """For each of the best different samples the most probable of ``trajectories`` ways to it, drawn from P_B.

    Args:
        samples: scored; those without a value are left out.
        environment: what they were built in.
        policy: P_F, and the P_B from which trajectories are drawn.
        objects: how many samples at most.
        trajectories: backward trajectories for each; at least 1.
        seed: of this function's own random stream.

    Raises:
        DataError: a sample that the environment cannot read back into a state.
    """
    good = [i for i in samples.unique.tolist() if samples.value is None or samples.value[i] == samples.value[i]]
    rows = good[:objects]
    if not rows:
        return []
    batch = samples.kind.take(samples.objects, rows)
    generator = torch.Generator(policy.device).manual_seed(seed)
    best: list[tuple[States, torch.Tensor, torch.Tensor] | None] = [None] * len(rows)
    for k in range(trajectories):
        terminal, _ = environment.terminal_draws(batch, seed + k)
        drawn = Sampler(environment).backward(policy, terminal, generator=generator)
        blank = replace(drawn, log_reward=torch.zeros(len(drawn), device=policy.device))
        log_pf = evaluate(blank, policy, quantities=()).log_pf.double().cpu()
        for i, length in enumerate(drawn.lengths.tolist()):
            before = best[i]
            if before is None or log_pf[i].sum() > before[2].sum():
                of_it = (drawn.trajectory == i).nonzero().squeeze(1)
                best[i] = drawn.states[of_it], drawn.actions[of_it], log_pf[i, :length]
    return [
        _shown(environment, samples.keys[row], trajectories, *way)
        for row, way in zip(rows, best, strict=True)
        if way is not None
    ]


def _shown(
    environment: Environment, key: str, drawn: int, states: States, actions: torch.Tensor, log_pf: torch.Tensor
) -> ShownTrajectory:
    said = environment.build_steps(states, actions)
    listed = isinstance(environment, Enumerable)
    choices = environment.n_forward(states).tolist() if listed else [None] * len(said)
    steps = [
        ShownStep(step.words, step.svg, probability, n)
        for step, probability, n in zip(said, log_pf.exp().tolist(), choices, strict=True)
    ]
    return ShownTrajectory(key, float(log_pf.sum()), drawn, steps)
