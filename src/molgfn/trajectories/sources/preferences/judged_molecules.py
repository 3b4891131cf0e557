"""Pairs of given molecules, judged by the run's reward."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from molgfn.chemistry.standardise import Standardisation
from molgfn.environments.base import Environment
from molgfn.errors import DataError
from molgfn.paths import NamedInput
from molgfn.trajectories.rewarded import Rewarded
from molgfn.trajectories.sources.base import Context
from molgfn.trajectories.sources.offline import OfflineMolecules
from molgfn.trajectories.sources.preferences.judge import Judge
from molgfn.trajectories.sources.preferences.of_molecules import PairsOfMolecules


class JudgedMolecules(PairsOfMolecules):
    """Molecules of a file, two by two, of which the run's oracle prefers one (``judge.Judge``).

    Every molecule comes once before any comes again, each time beside another one, and is built in a trajectory by
    P_B. A pair is judged anew each time. No pair are two of the same molecule, as where one pass over the molecules
    ends and the next begins (``same_object``), and two of which the oracle has no value for one (``no_value``).

    Every molecule that is drawn is an oracle call, counted as any other (each different one is measured once); none of
    them is found by the run.

    Args:
        molecules: a file of molecules, or the name of a set.
        noise: >= 0, of the judge.
        ties: >= 0, how readily the judge finds two alike; 0: never.
        answers: "sampled": one judgement of each pair; "expected": its probability, as if asked without end.
        share: share of each batch, in (0, 1], an even number of trajectories.
        column: as of ``data=offline``, as are the following. What is left out is counted in ``given.report``.
        limit: entries read, the first ones; None reads all.
        standardise: rules applied to each; None takes them as they are.
        redraw: take one of a molecule's states anew each time that it is drawn.
        jobs: worker processes that read the file and find the states.

    Raises:
        DataError: in ``prepare``, the environment can build one molecule alone, which is no pair.
    """

    word = "judged"
    pairs = frozenset({"objects"})
    filters_hidden = True

    def __init__(
        self,
        *,
        molecules: Annotated[NamedInput, Field(min_length=1)],
        noise: Annotated[float, Field(ge=0)] = 1.0,
        ties: Annotated[float, Field(ge=0)] = 0.0,
        answers: Literal["sampled", "expected"] = "sampled",
        share: Annotated[float, Field(gt=0, le=1)] = 1.0,
        column: str | None = None,
        limit: Annotated[int, Field(ge=1)] | None = 10_000,
        standardise: Standardisation | None = None,
        redraw: bool = True,
        jobs: Annotated[int, Field(ge=1)] = 1,
    ) -> None:
        self.share: float = share
        self.judge = Judge(noise, ties, answers)
        self.given = OfflineMolecules(
            molecules=molecules, column=column, limit=limit, standardise=standardise, redraw=redraw, jobs=jobs
        )

    def prepare(self, environment: Environment) -> None:
        self.given.hidden = self.hidden
        super().prepare(environment)
        if len(self.given) < 2 and self.given.report is not None:
            only = self.given.objects[0].smiles
            raise DataError(
                f"judged: there is no pair, since {only} is the only molecule that {type(environment).__name__} can "
                f"build\n{self.given.report.summary()}"
            )

    def draw(self, context: Context, n: int) -> Rewarded:
        self.prepare(context.policy.environment)
        drawn = self.given.sample(
            context.policy, n, generator=context.generator, order=context.choices, ranks=context.ranks
        )
        # the judge reads rewards, whoever else does
        measured = replace(context, given_rewards=True).given(replace(drawn, source=[]))
        assert isinstance(measured, Rewarded)
        judged = self.judge.judged(measured.trajectories, context.generator)
        assert judged.pairs is not None
        known = measured.scores.valid.view(-1, 2).all(1).repeat_interleave(2).to(judged.lengths.device)
        return replace(measured, trajectories=replace(judged, pairs=judged.pairs.but(known, "no_value")))
