"""Given molecules as training data: trajectories to them, drawn backward by P_B."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

import torch
from pydantic import Field

from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.reading.identity import flat_smiles
from molgfn.chemistry.standardise import Standardisation
from molgfn.datasets.reading import AS_IT_IS, MoleculeSet, ReadingReport, open_molecules, unfit
from molgfn.environments.base import Environment
from molgfn.errors import ConfigError, DataError
from molgfn.paths import NamedInput
from molgfn.policies.base import Policy
from molgfn.ranks import ALONE, Ranks
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.reading_back import read_back
from molgfn.trajectories.rewarded import Rewarded
from molgfn.trajectories.sampler import Sampler
from molgfn.trajectories.sources.base import Context, Kind, Source
from molgfn.trajectories.sources.passes import Passes

logger = logging.getLogger("molgfn")
#: seconds between two messages of how far the reading has come
SECONDS = 15.0


class OfflineMolecules(Source):
    """The molecules of a file that the environment can build; every one is drawn once before any is drawn again.

    Read when the first batch is drawn. Left out, with their reason in ``report``, are beside those that
    ``datasets.reading`` leaves out: molecules that the environment cannot build (``outside the environment``, with the
    reason where the environment names it),
    those of which it builds something else, as RDKit may see other aromaticity in them than in their fragments
    (``builds another molecule``), and those that it cannot tell from an earlier one, such as stereoisomers
    (``same object``).

    A molecule that several states stand for is drawn as any of them (``Environment.terminal_draws``), so that all of
    them are learned: fragment trees in proportion to how many ways lead there, strings as randomised SMILES.

    The processes of a run go through the molecules together, each through its own part of every pass.

    Args:
        molecules: a file of molecules, or the name of a set (``molgfn data list``), which is fetched if need be.
        share: share of each batch that leads to them, in (0, 1]. With 1 nothing else is trained on; one trajectory of
            P_F is drawn beside each batch, so that the logs say what it draws.
        column: of a table, that holds SMILES; None finds it.
        limit: entries read, the first ones; None reads all. To read one back into fragments takes some milliseconds.
        standardise: rules applied to each; None takes them as they are.
        redraw: take one of a molecule's states anew each time that it is drawn; False keeps the first, which is faster.
        jobs: worker processes that read the file and find the states.
    """

    word = "offline"
    kind = Kind.GIVEN
    filters_hidden = True

    def __init__(
        self,
        *,
        molecules: Annotated[NamedInput, Field(min_length=1)],
        share: Annotated[float, Field(gt=0, le=1)] = 0.5,
        column: str | None = None,
        limit: Annotated[int, Field(ge=1)] | None = 10_000,
        standardise: Standardisation | None = None,
        redraw: bool = True,
        jobs: Annotated[int, Field(ge=1)] = 1,
    ) -> None:
        self.molecules = molecules
        self.share: float = share
        self.column = column
        self.limit = limit
        self.standardise = standardise
        self.redraw = redraw
        self.jobs = jobs
        #: what was read and left out; None until ``prepare``
        self.report: ReadingReport | None = None
        self._environment: Environment | None = None
        self._objects: list[Molecule] = []
        self._passes = Passes(molecules, "molecules")

    def __len__(self) -> int:
        return len(self._objects)

    @property
    def objects(self) -> list[Molecule]:
        """What can be drawn, as the environment builds it; empty until ``prepare``."""
        return self._objects

    @property
    def off_policy(self) -> str:
        return f"gives it molecules that P_F did not choose (share {self.share:g})"

    def misfit(self, policy: Policy) -> str | None:
        return unfit(policy.environment.kind, type(policy.environment).__name__)

    def prepare(self, environment: Environment) -> None:
        """Read the file and find a state for each molecule; does nothing the second time.

        Raises:
            ConfigError: the environment builds no molecules.
            DataError: the file cannot be read or fetched, or the environment can build none of it.
        """
        if self._environment is environment:
            return
        if reason := unfit(environment.kind, type(environment).__name__):
            raise ConfigError(f"offline: {reason}")
        content = open_molecules(
            self.molecules,
            column=self.column,
            limit=self.limit,
            standardise=self.standardise or AS_IT_IS,
            jobs=self.jobs,
            progress=_now_and_then(f"{self.molecules}: read %s molecules"),
        )
        self._keep(content, environment)
        self._environment, self.report = environment, content.report
        level = logging.WARNING if content.report.left_out or content.report.cut else logging.INFO
        logger.log(level, "given molecules: %s", content.report.summary())

    def _keep(self, content: MoleculeSet, environment: Environment) -> None:
        """Take up what the environment can build; the report learns of the rest."""
        lines, given = [], []
        report = content.report
        whole = f"{len(content.molecules):,}"
        tell = _now_and_then(f"{self.molecules}: looked for the states of %s of {whole} molecules")
        problems, terminal = read_back(environment, content.molecules, jobs=self.jobs, progress=tell)
        for line, molecule, problem in zip(content.lines, content.molecules, problems, strict=True):
            if problem is None:
                lines.append(line)
                given.append(molecule)
            else:
                why = f" ({problem})" if problem else ""
                report.drop(line, f"outside the environment{why}: {molecule.smiles[:80]}")
        kept: list[int] = []
        if given:
            built = environment.objects(terminal)
            keys = environment.kind.keys(built)
            first: dict[str, int] = {}
            for i, (line, molecule, again, key) in enumerate(zip(lines, given, built, keys, strict=True)):
                if again.smiles not in (molecule.smiles, flat_smiles(molecule.mol)):
                    report.drop(line, f"builds another molecule: {molecule.smiles[:80]} becomes {again.smiles[:80]}")
                elif first.setdefault(key, line) != line:
                    report.drop(line, f"same object: {molecule.smiles[:80]} is at line {first[key]} already")
                else:
                    kept.append(i)
            hidden = self.hides(built, keys)
            for i in kept:
                if hidden[i]:
                    report.drop(lines[i], f"hidden: {built[i].smiles[:80]}")
            kept = [i for i in kept if not hidden[i]]
            self._terminal = terminal[torch.tensor(kept, dtype=torch.int64)]
            self._objects = [built[i] for i in kept]
        report.kept = len(kept)
        if not kept:
            shown = " that is not hidden" if self.hidden is not None else ""
            raise DataError(f"{type(environment).__name__} can build no molecule{shown}\n{report.summary()}")

    def draw(self, context: Context, n: int) -> Rewarded | Trajectories:
        drawn = self.sample(context.policy, n, generator=context.generator, order=context.choices, ranks=context.ranks)
        return context.given(drawn)

    @torch.no_grad()
    def sample(
        self,
        policy: Policy,
        n: int,
        *,
        generator: torch.Generator | None = None,
        order: torch.Generator | None = None,
        ranks: Ranks = ALONE,
    ) -> Trajectories:
        """``n`` trajectories to given molecules by P_B, on the policy's device, with keys and not scored.

        Args:
            policy: whose P_B draws.
            n: how many; more than there are molecules repeat them.
            generator: draws the trajectories.
            order: on the CPU; draws the molecules, and the state of each.
            ranks: those that draw ``n`` each now.
        """
        environment = policy.environment
        self.prepare(environment)
        rows = self._passes.next(n, len(self), order, ranks)
        chosen = [self._objects[i] for i in rows.tolist()]
        if self.redraw:
            seed = int(torch.randint(2**31, (), generator=order))
            terminal, _ = environment.terminal_draws(chosen, seed)
        else:
            terminal = environment.with_drawn_condition(self._terminal[rows], order)
        drawn = Sampler(environment).backward(policy, terminal, generator=generator)
        return replace(drawn, source=["offline"] * n, keys=environment.kind.keys(chosen))

    def state_dict(self) -> dict[str, Any]:
        """Which molecules are still to come in this pass."""
        return self._passes.state_dict()

    def load_state_dict(self, state: dict[str, Any], environment: Environment) -> None:
        """Go on where ``state_dict`` was taken."""
        self._passes.load_state_dict(state)


def _now_and_then(text: str) -> Callable[[int], None]:
    """Logs ``text`` with the number that it is called with, but not more often than every ``SECONDS``."""
    last = time.monotonic()

    def tell(done: int) -> None:
        nonlocal last
        if time.monotonic() - last >= SECONDS:
            last = time.monotonic()
            logger.info(text, f"{done:,}")

    return tell
