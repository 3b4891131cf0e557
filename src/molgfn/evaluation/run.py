"""A trained policy, or a file of molecules, to an evaluation folder with its report."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pandas as pd

from molgfn.datasets.given import GivenFile
from molgfn.environments.base import Environment
from molgfn.errors import DataError
from molgfn.evaluation.evaluator import Evaluation, evaluate_file, evaluate_policy
from molgfn.evaluation.files import write_evaluation, write_samples, write_scored
from molgfn.evaluation.metrics.base import Samples
from molgfn.evaluation.progress import Progress, silent
from molgfn.evaluation.report.page import Chart, write_report, write_with_charts
from molgfn.evaluation.samples import draw_samples
from molgfn.evaluation.settings import EvaluationSettings
from molgfn.evaluation.trajectories_shown import ShownTrajectory, shown_trajectories
from molgfn.hiding.base import HiddenObjects
from molgfn.objectives.base import Objective
from molgfn.policies.base import Policy
from molgfn.rewards.base import Reward

#: best samples for which the report shows how they were built, where the settings do not say
SHOWN = 6


@dataclass(frozen=True)
class Evaluated:
    """What was measured, and the page that shows it.

    Attributes:
        evaluation: all of it, with the samples.
        report: the HTML page.
        charts: those of what was sampled, as the page has them; none of a file of molecules.
    """

    evaluation: Evaluation
    report: Path
    charts: Sequence[Chart] = ()

    @property
    def metrics(self) -> dict[str, float]:
        """Name -> number, of what could be measured."""
        return self.evaluation.values()

    @property
    def table(self) -> pd.DataFrame:
        """One row per metric, its columns those of ``Reading``: the number, its 95 % interval, why there is none."""
        rows = {name: asdict(reading) for name, reading in self.evaluation.readings.items()}
        return pd.DataFrame.from_dict(rows, orient="index")

    def __repr__(self) -> str:
        return f"{len(self.metrics)} metrics of {len(self.evaluation.samples)} samples, shown in {self.report}"

    def _repr_html_(self) -> str:
        shown = self.table.to_html(na_rep="", float_format="{:.4g}".format)
        link = html.escape(self.report.absolute().as_uri())
        return f'<p><a href="{link}">report</a>: {html.escape(str(self.report))}</p>{shown}'


def evaluate_run(
    run: str | Path,
    *,
    environment: Environment,
    policy: Policy,
    reward: Reward,
    settings: EvaluationSettings | None = None,
    untrained: Policy | None = None,
    objective: Objective | type[Objective] | None = None,
    seed: int = 0,
    output: str | Path | None = None,
    name: str | None = None,
    progress: Progress = silent,
    hidden: HiddenObjects | None = None,
) -> Evaluated:
    """Measure a run's policy and write ``samples.csv``, ``metrics.json`` and ``report.html``.

    Args:
        run: folder with ``config.yaml`` and ``metrics.csv`` for the report.
        environment: builds the objects.
        policy: the trained policy.
        reward: scores the objects.
        settings: how many samples and which metrics.
        untrained: a fresh policy to compare with; as many samples of it go into ``untrained.csv``.
        objective: as in ``evaluate_policy``.
        seed: of every random stream that is used here.
        output: folder to write into; by default ``<run>/evaluation``.
        name: of the run in the report; by default as its config says.
        progress: told what is drawn and how much of it.
        hidden: as in ``evaluate_policy``.

    Raises:
        DataError: the reference, the config or the metrics of the run cannot be read.
    """
    settings = settings or EvaluationSettings()
    folder = Path(output) if output is not None else Path(run) / "evaluation"
    evaluation = evaluate_policy(
        environment, policy, reward, settings, objective=objective, seed=seed, progress=progress, hidden=hidden
    )
    evaluation = replace(
        evaluation,
        source={**evaluation.source, "path": str(Path(run).resolve())},
        trajectories=_trajectories(evaluation.samples, environment, policy, settings, seed),
    )
    write_evaluation(evaluation, folder)
    comparison = folder / "untrained.csv"
    comparison.unlink(missing_ok=True)  # one from an earlier evaluation would be shown as if it belonged to this one
    if untrained is not None:
        fresh = draw_samples(
            environment,
            untrained,
            reward,
            settings.samples,
            batch=settings.batch,
            seed=seed,
            progress=lambda what, done, total: progress(f"{what} of the untrained policy", done, total),
        )
        write_samples(fresh, comparison)
    page, charts = write_with_charts(run, evaluation=folder, name=name, kind=environment.kind)
    return Evaluated(evaluation, page, charts)


def _trajectories(
    samples: Samples, environment: Environment, policy: Policy, settings: EvaluationSettings, seed: int
) -> list[ShownTrajectory]:
    """How the best samples were built; none where they cannot be read back, which metrics give as a reason."""
    asked = SHOWN if settings.shown_trajectories is None else settings.shown_trajectories
    try:
        return shown_trajectories(
            samples, environment, policy, objects=asked, trajectories=settings.log_pt_samples, seed=seed
        )
    except DataError:
        return []


def evaluate_molecules(
    path: str | Path,
    output: str | Path,
    *,
    settings: EvaluationSettings | None = None,
    reward: Reward | None = None,
    jobs: int = 1,
) -> Evaluated:
    """Measure a file of molecules, with a reward where one is given, and write the same files into ``output``.

    With a reward there is ``scored.csv``, too: a row for each entry of the file, in its order, with its other columns.
    ``jobs`` worker processes parse the molecules.

    Raises:
        DataError: the file or the reference cannot be read or has no valid molecule.
    """
    evaluation = evaluate_file(path, settings, reward=reward, jobs=jobs)
    evaluation = replace(evaluation, source={**evaluation.source, "path": str(Path(path).resolve())})
    folder = write_evaluation(evaluation, output)
    (folder / "untrained.csv").unlink(missing_ok=True)
    (folder / "scored.csv").unlink(missing_ok=True)
    if reward is not None:
        write_scored(GivenFile.survey(path), evaluation.samples, folder / "scored.csv")
    return Evaluated(evaluation, write_report(folder, evaluation=folder, name=Path(path).name))
