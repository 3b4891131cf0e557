"""What each objective costs on fragments, in one run: python benchmarks/objectives.py [--rounds 3] [--only tb sac] ...

Every objective and every way to train P_B that fits the quickstart (batch 64, graph transformer 4 x 128) trains for an
iteration in turn, by the module and trainer that train always; the turns repeat, and medians are printed. For each kind
of gradient step: its time (evaluation, loss, backward pass, optimiser) over that of a step of trajectory balance, taken
right before and after. For each objective: its own computation, from evaluated trajectories to a scalar and back to
them, as a share of an iteration (sampling and all steps; rewards are random numbers and cost nothing). Then what the
exact KL of Ent-PPO adds to a step. Times are of the process (one thread), which other processes disturb least.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytorch_lightning as pl
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from molgfn.composing.compose import checked
from molgfn.composing.places import shipped
from molgfn.errors import ConfigError
from molgfn.experiment import Experiment, assemble
from molgfn.objectives.base import ObjectiveOutput, Phase
from molgfn.rewards.base import Scores
from molgfn.training.learner import Learner
from molgfn.training.memory import keep_freed_memory
from molgfn.training.module import GFlowNetModule
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.evaluate import evaluate, evaluate_and_anchor
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.divergences import KL
from molgfn.trajectories.rewarded import Batch, Rewarded
from molgfn.trajectories.sampler import Sampler
from molgfn.trajectories.sources import base

#: most that an objective's own computation may take of an iteration
OWN_SHARE = 0.10
#: most that a step with the exact KL may cost, over a step of trajectory balance
KL_RATIO = 1.30
#: what a config needs to be told to fit the quickstart
SETTINGS = {"mdb": ["objective.flow_without_stop=true"]}


def unscored(
    trajectories: Trajectories, environment: Any, reward: Any, *, state_rewards: bool = False, score: Any = None
) -> Rewarded:
    """What ``rewarded.find_rewards`` gives, with random rewards: no time depends on their values."""
    n, states = len(trajectories), len(trajectories.states)
    log_reward = torch.randn(n, dtype=torch.float64)
    found = replace(
        trajectories,
        log_reward=log_reward,
        log_symmetry=torch.zeros(n, dtype=torch.float64),
        keys=[str(i) for i in range(n)],
        source=["policy"] * n,
        log_reward_state=torch.randn(states, dtype=torch.float64) if state_rewards else None,
    )
    return Rewarded(found, [None] * n, Scores(log_reward, log_reward, problems=[None] * n))


class Clock:
    """Time of the process, from which what is paused is taken off."""

    def __init__(self) -> None:
        self._paused = 0.0

    def now(self) -> float:
        return time.process_time() - self._paused

    @contextmanager
    def pause(self):
        start = time.process_time()
        yield
        self._paused += time.process_time() - start


@dataclass
class Iteration:
    """Seconds of one iteration: the whole, of it the objectives' own and the guide's, and (kind of step, seconds).

    ``reference``: of a step of trajectory balance at that time.
    """

    whole: float = 0.0
    own: float = 0.0
    guide: float = 0.0
    reference: float = 1.0
    steps: list[tuple[str, float]] = field(default_factory=list)


class Timed:
    """Stands for an object; chosen methods are replaced, everything else is its own."""

    def __init__(self, thing: Any, **methods: Callable) -> None:
        self.__dict__.update(_thing=thing, _methods=methods)

    def __getattr__(self, name: str) -> Any:
        return self._methods.get(name) or getattr(self._thing, name)

    def __call__(self, *args: Any) -> Any:
        return (self._methods.get("__call__") or self._thing)(*args)


class TimedLearner(Learner):
    """A learner whose gradient steps are timed by a module, and whose start is not."""

    def __init__(self, clock: TimedModule, e: Experiment) -> None:
        super().__init__(
            policy=e.policy,
            objective=e.objective,
            backward=e.backward,
            optimizers=e.optimizers,
            auxiliaries=e.auxiliaries,
            frozen=e.frozen,
            target=e.target,
        )
        self._start = clock.paused(self._start)  # type: ignore[method-assign]
        self.steps.take = clock.timed(self.steps.take, clock.name_of)  # type: ignore[method-assign]
        in_region = clock.timed(self.phases._step_in_region, lambda phase, *_: phase.name)
        self.phases._step_in_region = in_region  # type: ignore[method-assign]


class TimedModule(GFlowNetModule):
    """The module that trains, with a clock."""

    def __init__(self, experiment: Experiment) -> None:
        e = experiment
        self.clock = Clock()
        self.iterations: list[Iteration] = []
        self._mark = 0.0
        self._phase_of = {p.name: p for p in e.objective.phases()}
        prepare = self._counted("own", e.objective.prepare)
        objective = Timed(e.objective, phases=lambda: self._phases(e.objective.phases()), prepare=prepare)
        guide = None
        if e.backward.guide is not None:
            taught = {name: self._counted("guide", getattr(e.backward.guide, name)) for name in ("observe", "log_prob")}
            guide = Timed(e.backward.guide, **taught)
        backward = Timed(e.backward, __call__=self._measured(e.backward))
        backward.__dict__["guide"] = guide
        super().__init__(TimedLearner(self, replace(e, objective=objective, backward=backward)))  # type: ignore[arg-type]

    def _counted(self, name: str, function: Callable) -> Callable:
        """Adds the time of ``function``, which goes on counting, to the field ``name`` of the iteration."""

        def timed(*args: Any) -> Any:
            start = self.clock.now()
            result = function(*args)
            setattr(self.iterations[-1], name, getattr(self.iterations[-1], name) + self.clock.now() - start)
            return result

        return timed

    def _phases(self, phases: Sequence[Phase]) -> tuple[Phase, ...]:
        return tuple(replace(p, loss=self._measured(p.loss)) for p in phases)

    def _measured(self, loss: Callable[[Evaluated], ObjectiveOutput]) -> Callable[[Evaluated], ObjectiveOutput]:
        """``loss``; beside it, off the clock, the same once more with its backward pass, on leaves."""

        def both(evaluated: Evaluated) -> ObjectiveOutput:
            with self.clock.pause():
                self.iterations[-1].own += own_computation(loss, evaluated)
            return loss(evaluated)

        return both

    def begin(self, draw: Callable[[], Batch]) -> Batch:
        """The first part of an iteration: its batch."""
        self.iterations.append(Iteration())
        start = self.clock.now()
        batch = draw()
        self.iterations[-1].whole = self.clock.now() - start
        return batch

    def training_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        start = self._mark = self.clock.now()
        metrics = super().training_step(batch, batch_idx)
        self.iterations[-1].whole += self.clock.now() - start
        return metrics

    def paused(self, function: Callable) -> Callable:
        """``function``, off the clock: it comes once a run, so it is not a part of what an iteration costs."""

        def quietly(*args: Any) -> Any:
            with self.clock.pause():
                return function(*args)

        return quietly

    def timed(self, function: Callable, name: Callable[..., str]) -> Callable:
        """``function``, a gradient step; ``name`` says what it is called, from the same arguments."""

        def step(*args: Any) -> Any:
            result = function(*args)
            now = self.clock.now()
            self.iterations[-1].steps.append((name(*args), now - self._mark))
            self._mark = now
            return result

        return step

    def name_of(self, output: ObjectiveOutput, what: str, *_: Any) -> str:
        first = what != "backward" and not any(name != "backward" for name, _ in self.iterations[-1].steps)
        phase = self._phase_of.get(what)
        again = phase is not None and phase.epochs * phase.splits > 1
        return f"{what}, first" if first and again else what


def own_computation(loss: Callable[[Evaluated], ObjectiveOutput], evaluated: Evaluated) -> float:
    """Seconds from ``evaluated`` to the losses and back to it, in which no network takes part."""
    copy = evaluated.map(lambda value, _: value.detach().requires_grad_(value.requires_grad))
    start = time.process_time()
    output = loss(copy)
    if torch.is_grad_enabled():
        torch.stack([part.value for part in output.losses.values()]).sum().backward()
    return time.process_time() - start


class Bench:
    """One way to train, an iteration at a time."""

    def __init__(self, *overrides: str) -> None:
        self.experiment = assemble(checked("quickstart", [*overrides, "trainer.accelerator=cpu"]))
        self.module = TimedModule(self.experiment)

    def turn(self) -> Iteration:
        """Train for one more iteration."""
        data = self.experiment.data()
        data.iterations = 1
        draw = data.draw
        data.draw = lambda: self.module.begin(draw)  # type: ignore[method-assign]
        trainer = pl.Trainer(
            accelerator="cpu",
            max_epochs=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        self.module.iterations.clear()
        with warnings.catch_warnings(), patch.object(base, "find_rewards", unscored):
            warnings.simplefilter("ignore")
            trainer.fit(self.module, datamodule=data)
        return self.module.iterations[-1]


def benches(group: str, only: Sequence[str] | None) -> tuple[dict[str, Bench], dict[str, str]]:
    """(by name, all of a group that fit the quickstart; why the others do not)."""
    fit, unfit = {}, {}
    for path in sorted(Path(shipped("configs"), group).glob("*.yaml")):
        if only and path.stem not in only:
            continue
        try:
            fit[path.stem] = Bench(f"{group}={path.stem}", *SETTINGS.get(path.stem, []))
        except ConfigError as error:
            unfit[path.stem] = str(error)
    return fit, unfit


def median_steps(iterations: Sequence[Iteration]) -> dict[str, tuple[float, float]]:
    """Of each kind of step: (median time over a step of trajectory balance, number in an iteration)."""
    ratios: dict[str, list[float]] = defaultdict(list)
    for i in iterations:
        for name, seconds in i.steps:
            ratios[name].append(seconds / i.reference)
    return {name: (statistics.median(values), len(values) / len(iterations)) for name, values in ratios.items()}


def report(title: str, done: dict[str, list[Iteration]]) -> Table:
    """A row for each kind of step."""
    guided = any(i.guide for iterations in done.values() for i in iterations)
    heads = ["", "step", "in an iteration", "step / TB's step", "own computation, %", f"at most {OWN_SHARE:.0%}"]
    table = Table(*heads, *(["guide, %"] if guided else []), title=title)
    for name, iterations in done.items():
        own = statistics.median(i.own / i.whole for i in iterations)
        guide = statistics.median(i.guide / i.whole for i in iterations)
        last = [f"{100 * own:.1f}", "yes" if own <= OWN_SHARE else "NO", f"{100 * guide:.1f}" if guide else ""]
        for row, (what, (ratio, number)) in enumerate(median_steps(iterations).items()):
            cells = [name if row == 0 else "", what, f"{number:.0f}", f"{ratio:.2f}", *(last if row == 0 else [])]
            table.add_row(*cells[: len(table.columns)])
    return table


class ExactKL:
    """Steps of Ent-PPO with and without the exact KL, of trajectory balance, and the freezing of the anchor."""

    def __init__(self) -> None:
        self.ppo, self.tb = (assemble(checked("quickstart", [f"objective={name}"])) for name in ("ent_ppo", "tb"))
        policy = self.ppo.policy
        drawn = Sampler(self.ppo.environment).forward(policy, 64, generator=torch.Generator().manual_seed(0))
        self.batch = unscored(drawn, None, None).trajectories
        objective = self.ppo.objective
        evaluated, self.anchor = evaluate_and_anchor(self.batch, policy, quantities=objective.quantities)
        self.frozen = objective.prepare(evaluated.detach())
        self.none = torch.zeros_like(evaluated.log_pf)
        self.optimizers = {id(e): e.optimizers.build(e.policy.parameter_groups())[0] for e in (self.ppo, self.tb)}

    def _step(
        self, e: Experiment, quantities: tuple[type[Quantity], ...], loss: Callable[[Evaluated], ObjectiveOutput]
    ) -> float:
        start = time.process_time()
        evaluated = evaluate(self.batch, e.policy, quantities=quantities, anchor=self.anchor)
        output = loss(evaluated)
        optimizer = self.optimizers[id(e)]
        optimizer.zero_grad(set_to_none=True)
        torch.stack([part.value for part in output.losses.values()]).sum().backward()
        e.optimizers.clip(list(e.policy.parameters()))
        optimizer.step()
        return time.process_time() - start

    def measure(self) -> dict[str, float]:
        """Seconds of each, once."""
        policy_loss: Any = self.ppo.objective.phases()[0].loss
        without = {**self.frozen, KL: self.none}
        seconds = {
            "tb": self._step(self.tb, self.tb.objective.quantities, self.tb.objective),
            "with": self._step(self.ppo, (KL,), lambda s: policy_loss(s.having(self.frozen))),
            "without": self._step(self.ppo, (), lambda s: policy_loss(s.having(without))),
        }
        forward = self.ppo.policy(self.batch.states).forward
        start = time.process_time()
        forward.frozen()  # type: ignore[union-attr]
        seconds["freezing"] = time.process_time() - start
        return seconds

    def report(self, rows: list[dict[str, float]]) -> Table:
        table = Table("", "ratio", f"at most {KL_RATIO}", title="Ent-PPO's exact KL")
        for what, other, text in (
            ("with", "tb", "a step with it / a step of trajectory balance"),
            ("with", "without", "a step with it / the same step without"),
            ("freezing", "tb", "freezing the anchor, once an iteration / a step of trajectory balance"),
        ):
            ratio = statistics.median(row[what] / row[other] for row in rows)
            bounded = (what, other) == ("with", "tb")
            table.add_row(text, f"{ratio:.2f}", ("yes" if ratio <= KL_RATIO else "NO") if bounded else "")
        return table


def measure(console: Console, rounds: int = 3, only: Sequence[str] | None = None) -> None:
    """Print all tables."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    keep_freed_memory()
    titles = {"objective": "objectives (P_B uniform)", "backward": "P_B's training (beside trajectory balance)"}
    found = {group: benches(group, only) for group in titles}
    done: dict[str, dict[str, list[Iteration]]] = {group: defaultdict(list) for group in titles}
    reference, kl, rows = Bench("objective=tb"), ExactKL(), []
    for turn in range(rounds + 1):
        before = reference.turn().steps[0][1]
        for group, (fit, _) in found.items():
            for name, bench in fit.items():
                iteration = bench.turn()
                after = reference.turn().steps[0][1]
                iteration.reference, before = (before + after) / 2, after
                if turn:  # the first is to warm up
                    done[group][name].append(iteration)
        rows += [kl.measure() for _ in range(6)][1:]
    for group, title in titles.items():
        if done[group]:
            console.print(report(title, done[group]))
        for name, reason in found[group][1].items():
            console.print(f"not measured: {name}: {reason}")
    console.print(kl.report(rows))
    console.print(f"load of the machine over the last 5 minutes: {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="turns that count")
    parser.add_argument("--only", nargs="+", default=None, help="names of configs; default: all that fit")
    arguments = parser.parse_args()
    measure(Console(width=150), arguments.rounds, arguments.only)


if __name__ == "__main__":
    main()
