"""What a study compares: a YAML file read strictly."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from molgfn.errors import ConfigError


class Row(BaseModel):
    """One line of the table.

    Attributes:
        name: what it is called in table and picture.
        set: ``key=value`` overrides, in one text, parted by spaces.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(min_length=1)]
    set: str = ""


class Picture(BaseModel):
    """A chart of one logged metric against another, a line per row, with a band over the seeds.

    Attributes:
        y: column of ``metrics.csv``, such as ``exact/tv``.
        x: column to draw it against, such as ``oracle/calls``.
        log_y: logarithmic y axis.
        log_x: logarithmic x axis, for rows of very different length.
        groups: title -> names of rows; one panel each. Empty: all rows in one.
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
        experiment: the experiment file that every run starts from, relative to the study file, or a shipped name.
        set: overrides of every run.
        seeds: of the runs; the same for every row.
        rows: what is compared.
        samples: objects drawn from each trained policy for the sample metrics; 0 for none.
        heldout: objects on which log P_T is compared with log R: how many to draw from the untrained policy, or a file
            of molecules beside the study's; 0 for none.
        measures: columns of the table, in order; empty: all that was measured.
        pictures: charts by file name.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    question: Annotated[str, Field(min_length=1)]
    experiment: str
    set: str = ""
    seeds: Annotated[list[int], Field(min_length=1)]
    rows: Annotated[list[Row], Field(min_length=1)]
    samples: Annotated[int, Field(ge=0)] = 0
    heldout: Annotated[int, Field(ge=0)] | str = 0
    measures: list[str] = []
    pictures: dict[str, Picture] = {}


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
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    try:
        study = Study.model_validate(node)
    except ValidationError as error:
        places = [(".".join(map(str, e["loc"])) or "the file", e["msg"]) for e in error.errors()]
        raise ConfigError([f"{path}: {place}: {message}" for place, message in places]) from None
    names = [row.name for row in study.rows]
    if doubled := sorted({n for n in names if names.count(n) > 1}):
        raise ConfigError(f"{path}: rows: more than one row is called {', '.join(doubled)}")
    problems = [
        f"{path}: pictures.{file}.groups.{title}: there is no row `{name}`"
        for file, picture in study.pictures.items()
        for title, members in picture.groups.items()
        for name in members
        if name not in names
    ]
    if isinstance(study.heldout, str):
        study.heldout = str(path.parent / study.heldout)
        if not Path(study.heldout).is_file():
            problems.append(f"{path}: heldout: there is no file {study.heldout}")
    if problems:
        raise ConfigError(problems)
    return study
