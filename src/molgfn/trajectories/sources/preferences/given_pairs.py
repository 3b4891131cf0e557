"""Pairs of finished molecules of a file, one of which somebody prefers."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Annotated, Any, Literal

import torch
from pydantic import Field

from molgfn.chemistry.files.pairs import ANSWER, CHOSEN, REJECTED, JudgedPair, PairTable, read_pairs
from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.reading.identity import flat_smiles
from molgfn.chemistry.standardise import Standardisation
from molgfn.datasets.reading import AS_IT_IS, unfit
from molgfn.environments.base import Environment
from molgfn.errors import ConfigError
from molgfn.paths import InputFile
from molgfn.policies.base import Policy
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.pairs import Pairs
from molgfn.trajectories.reading_back import read_back
from molgfn.trajectories.rewarded import Rewarded
from molgfn.trajectories.sources.base import Context, Kind, Source
from molgfn.trajectories.sources.passes import Passes
from molgfn.trajectories.sources.preferences.paths_to import drawn_to, unconditional, worth

logger = logging.getLogger("molgfn")


class PreferencePairs(Source):
    """Pairs of molecules of a table: which of the two is preferred, or that neither is.

    Of each pair both molecules are built in a trajectory by P_B; every pair comes once before any comes again.
    Nothing is scored unless the objective reads rewards.

    Read when the first batch is drawn. Left out, counted in ``report`` and named with their lines are rows without two
    molecules or a readable answer, molecules that the environment cannot build or builds as another, pairs of the same
    molecule (as the environment tells them apart), and pairs that were judged both ways.

    Args:
        pairs: a table (.csv, .tsv, .parquet) with a column of SMILES for the chosen, one for the rejected, and perhaps
            one of answers (chosen, tie, skip, or a number in [0, 1]); it must be given.
        share: share of each batch, in (0, 1], an even number of trajectories.
        chosen: name of the column of the preferred molecules.
        rejected: name of the column of the others.
        answer: name of the column of answers, where there is one.
        contradictory: "drop" leaves pairs out that were judged both ways; "keep" takes each row as a vote.
        limit: rows read, the first ones; None reads all.
        standardise: rules applied to each molecule; None takes them as they are.
        redraw: take one of a molecule's states anew each time; False keeps the first, which is faster.
        jobs: worker processes that find the states.
    """

    word = "preferences"
    kind = Kind.GIVEN
    pairs = frozenset({"objects"})
    filters_hidden = True

    def __init__(
        self,
        *,
        pairs: InputFile | None = None,
        share: Annotated[float, Field(gt=0, le=1)] = 1.0,
        chosen: str = CHOSEN,
        rejected: str = REJECTED,
        answer: str = ANSWER,
        contradictory: Literal["drop", "keep"] = "drop",
        limit: Annotated[int, Field(ge=1)] | None = None,
        standardise: Standardisation | None = None,
        redraw: bool = True,
        jobs: Annotated[int, Field(ge=1)] = 1,
    ) -> None:
        self.file = pairs
        self.share: float = share
        self.columns = {"chosen": chosen, "rejected": rejected, "answer": answer}
        self.contradictory: Literal["drop", "keep"] = contradictory
        self.limit, self.standardise, self.redraw, self.jobs = limit, standardise, redraw, jobs
        #: what was read and left out; None until ``prepare``
        self.report: PairTable | None = None
        self._environment: Environment | None = None
        self._objects: list[Molecule] = []
        self._passes = Passes(pairs or "", "pairs")

    def __len__(self) -> int:
        return 0 if self.report is None else len(self.report.pairs)

    @property
    def off_policy(self) -> str:
        return f"gives it molecules that P_F did not choose (share {self.share:g})"

    def misfit(self, policy: Policy) -> str | None:
        if self.file is None:
            return "pairs: give a table with a column of chosen and one of rejected molecules"
        return unfit(policy.environment.kind, type(policy.environment).__name__) or unconditional(policy)

    def prepare(self, environment: Environment) -> None:
        """Read the table and find a state for each molecule; does nothing the second time.

        Raises:
            ConfigError: the environment builds no molecules.
            DataError: the file cannot be read, or no pair is left.
        """
        if self._environment is environment:
            return
        if reason := unfit(environment.kind, type(environment).__name__):
            raise ConfigError(f"preferences: {reason}")
        if self.file is None:
            raise ConfigError("preferences: no table of pairs is given")
        rules = self.standardise or AS_IT_IS
        table = read_pairs(self.file, standardise=rules, limit=self.limit, **self.columns)
        self._keep(table, environment)
        self._environment, self.report = environment, table
        level = logging.WARNING if table.left_out or table.cut else logging.INFO
        logger.log(level, "given pairs: %s", table.summary())

    def _keep(self, table: PairTable, environment: Environment) -> None:
        """Take up what the environment can build; the table learns of the rest."""
        given = list({m.smiles: m for pair in table.pairs for m in (pair.chosen, pair.rejected)}.values())
        problems, terminal = read_back(environment, given, jobs=self.jobs)
        why = {
            m.smiles: "outside the environment" + (f" ({p})" if p else "") + f": {m.smiles[:80]}"
            for m, p in zip(given, problems, strict=True)
            if p is not None
        }
        inside = [m for m in given if m.smiles not in why]
        built = environment.objects(terminal) if inside else []
        found = environment.kind.keys(built) if inside else []
        keys = dict(zip((m.smiles for m in inside), found, strict=True))
        for molecule, again in zip(inside, built, strict=True):
            if molecule.mol is not None and again.smiles not in (molecule.smiles, flat_smiles(molecule.mol)):
                why[molecule.smiles] = f"builds another molecule: {molecule.smiles[:80]} becomes {again.smiles[:80]}"
        hidden = self.hides(built, found) if inside else []
        why |= {m.smiles: f"hidden: {m.smiles[:80]}" for m, out in zip(inside, hidden, strict=True) if out}
        usable = []
        for row, pair in enumerate(table.pairs):
            if problem := next((why[m.smiles] for m in (pair.chosen, pair.rejected) if m.smiles in why), None):
                table.drop(pair.line, problem)
            else:
                usable.append(row)
        table.keep(usable)

        def known_by(pair: JudgedPair) -> tuple[str, str]:
            return keys[pair.chosen.smiles], keys[pair.rejected.smiles]

        table.settle(known_by, self.contradictory)
        table.require(f"{type(environment).__name__} can learn from no pair")
        place = {m.smiles: i for i, m in enumerate(inside)}
        both = [(place[pair.chosen.smiles], place[pair.rejected.smiles]) for pair in table.pairs]
        self._rows = torch.tensor(both, dtype=torch.int64)
        self._labels = torch.tensor([pair.label for pair in table.pairs], dtype=torch.float64)
        self._objects, self._terminal = list(built), terminal

    def draw(self, context: Context, n: int) -> Rewarded | Trajectories:
        environment = context.policy.environment
        self.prepare(environment)
        which = self._passes.next(n // 2, len(self), context.choices, context.ranks)
        rows = self._rows[which].flatten()  # chosen and rejected of each, side by side
        objects = [self._objects[i] for i in rows.tolist()]
        if self.redraw:
            seed = int(torch.randint(2**31, (), generator=context.choices))
            terminal, _ = environment.terminal_draws(objects, seed)
        else:
            terminal = self._terminal[rows]
        drawn = drawn_to(context, objects, terminal)
        pairs = Pairs.of_neighbours(n, label=self._labels[which]).to(context.policy.device)
        symmetry = environment.log_symmetry(terminal, objects)
        return worth(context, replace(drawn, pairs=pairs), symmetry)

    def state_dict(self) -> dict[str, Any]:
        """Which pairs are still to come in this pass."""
        return self._passes.state_dict()

    def load_state_dict(self, state: dict[str, Any], environment: Environment) -> None:
        self._passes.load_state_dict(state)
