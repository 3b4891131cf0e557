"""What a study compares: a YAML file read strictly."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from molgfn.errors import ConfigError


class Bounds(BaseModel):
    """Between which values a measure is put on a scale from 0 (worst) to 1 (best).

    Attributes:
        worst: becomes 0.
        best: becomes 1; which of the two is larger says which way is better.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    worst: float
    best: float

    @model_validator(mode="after")
    def _apart(self) -> Bounds:
        if self.worst == self.best:
            raise ValueError(f"worst and best are both {self.best:g}")
        return self


class Task(BaseModel):
    """An experiment on which every row is tried.

    Attributes:
        name: what it is called in tables and pictures; "" where a study has one experiment and no list of tasks.
        experiment: the experiment file, relative to the study file, or a shipped name.
        set: overrides of its runs.
        scales: measure -> bounds, in place of those that the metric itself has.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(min_length=1)]
    experiment: str
    set: str = ""
    scales: dict[str, Bounds] = {}


class Row(BaseModel):
    """One line of the table.

    Attributes:
        name: what it is called in table and picture.
        set: ``key=value`` overrides, in one text, parted by spaces.
        tasks: name of a task -> further overrides of this row there, such as a learning rate that was tuned.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(min_length=1)]
    set: str = ""
    tasks: dict[str, str] = {}


class Budget(BaseModel):
    """What every run may spend, one of the three; it sets the end of each run.

    Attributes:
        reward_calls: objects that are scored, each time that they are.
        gradient_steps: steps of the optimizer.
        seconds: of training, what is measured on the way included.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    reward_calls: Annotated[int, Field(ge=1)] | None = None
    gradient_steps: Annotated[int, Field(ge=1)] | None = None
    seconds: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Budget:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError("one of reward_calls, gradient_steps and seconds")
        return self

    @property
    def spent(self) -> tuple[str, float]:
        """What it is called in measures, and how much of it."""
        ((name, amount),) = self.model_dump(exclude_none=True).items()
        return name, amount


class Compare(BaseModel):
    """What is asked of the rows beside their means.

    Attributes:
        measures: by which rows are compared; empty: the first column whose better side is known.
        baseline: the row that the others are compared with; None: the first.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    measures: list[str] = []
    baseline: str | None = None


class Picture(BaseModel):
    """A chart of one logged metric against another, a line per row, with a band over the seeds.

    Attributes:
        y: column of ``metrics.csv``, such as ``exact/tv``.
        x: column to draw it against, such as ``oracle/calls``.
        log_y: logarithmic y axis.
        log_x: logarithmic x axis, for rows of very different length.
        groups: title -> names of rows; one panel each. Empty: all rows in one. Of several tasks each has its panels.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    y: str
    x: str = "found/trajectories"
    log_y: bool = True
    log_x: bool = False
    groups: dict[str, list[str]] = {}


class Study(BaseModel):
    """A question, and the runs that answer it.

    Attributes:
        question: what is asked, in a sentence.
        experiment: the experiment file that every run starts from, relative to the study file, or a shipped name;
            None where there are tasks.
        tasks: experiments on each of which every row is tried; empty where there is one ``experiment``.
        set: overrides of every run.
        budget: what each run may spend; None leaves the end of a run to its config.
        seeds: of the runs; the same for every row, so that rows are compared seed by seed.
        rows: what is compared.
        samples: objects drawn from each trained policy for the sample metrics; 0 for none.
        heldout: objects on which log P_T is compared with log R: how many to draw from the untrained policy, or a file
            of molecules beside the study's; 0 for none.
        measures: columns of the table, in order; empty: all that was measured.
        compare: by what rows are compared; None: as ``Compare`` has it where there are tasks, and not at all where rows
            of one experiment may be anything.
        pictures: charts by file name.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    question: Annotated[str, Field(min_length=1)]
    experiment: str | None = None
    tasks: list[Task] = []
    set: str = ""
    budget: Budget | None = None
    seeds: Annotated[list[int], Field(min_length=1)]
    rows: Annotated[list[Row], Field(min_length=1)]
    samples: Annotated[int, Field(ge=0)] = 0
    heldout: Annotated[int, Field(ge=0)] | str = 0
    measures: list[str] = []
    compare: Compare | None = None
    pictures: dict[str, Picture] = {}

    @property
    def all_tasks(self) -> list[Task]:
        """``tasks``, or the one ``experiment`` as a task without a name."""
        if self.experiment is None:
            return self.tasks
        return [Task.model_construct(name="", experiment=self.experiment)]

    @property
    def baseline(self) -> str:
        """The row that the others are compared with; the first where the one that is named is left out."""
        names = [row.name for row in self.rows]
        chosen = None if self.compare is None else self.compare.baseline
        return chosen if chosen is not None and chosen in names else names[0]

    @property
    def compared_by(self) -> list[str]:
        """The measures that the plan compares rows by."""
        return [] if self.compare is None else self.compare.measures


def read_study(path: str | Path) -> Study:
    """The study that a YAML file describes.

    Raises:
        ConfigError: no such file, not YAML, or not a study; every problem at once.
    """
    path = Path(path)
    try:
        node = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is no text") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(node, dict):
        raise ConfigError(f"{path}: is no study, which has keys such as experiment, seeds and rows (docs/studies.md)")
    try:
        study = Study.model_validate(node)
    except ValidationError as error:
        places = [(".".join(map(str, e["loc"])) or "the file", e["msg"]) for e in error.errors()]
        raise ConfigError([f"{path}: {place}: {message}" for place, message in places]) from None
    problems = [f"{path}: {problem}" for problem in _unfit(study)]
    if isinstance(study.heldout, str):
        study.heldout = str(path.parent / study.heldout)
        if not Path(study.heldout).is_file():
            problems.append(f"{path}: heldout: there is no file {study.heldout}")
    if problems:
        raise ConfigError(problems)
    return study


def _unfit(study: Study) -> list[str]:
    """Names that are there twice, or are named and not there."""
    names, tasks = [row.name for row in study.rows], [task.name for task in study.tasks]
    seeds = [str(seed) for seed in study.seeds]
    problems = []
    if (study.experiment is None) == (not study.tasks):
        problems.append("a study has either one `experiment` or a list of `tasks`")
    for key, word, found in (
        ("rows", "row", names),
        ("tasks", "task", tasks),
        ("seeds", "seed", seeds),
    ):
        if doubled := sorted({n for n in found if found.count(n) > 1}):
            problems.append(f"{key}: more than one {word} is called {', '.join(doubled)}")
    problems += [
        f"pictures.{file}.groups.{title}: there is no row `{name}`"
        for file, picture in study.pictures.items()
        for title, members in picture.groups.items()
        for name in members
        if name not in names
    ]
    problems += [
        f"rows.{row.name}.tasks: there is no task `{name}`"
        for row in study.rows
        for name in row.tasks
        if name not in tasks
    ]
    if study.compare is not None and study.compare.baseline not in (None, *names):
        problems.append(f"compare.baseline: there is no row `{study.compare.baseline}`")
    return problems
