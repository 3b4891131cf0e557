"""Several runs as one sampler: ``molgfn.combine``, and what is known of the objects that it draws."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from molgfn.api.columns import condition_columns, sampled_reward, value_columns
from molgfn.api.runs import RunLike, load
from molgfn.environments.base import Environment
from molgfn.environments.conditional import Conditional, fixed_condition, in_words
from molgfn.errors import ConfigError, NotEnumerableError
from molgfn.evaluation.exact.reach import reach_table
from molgfn.evaluation.log_partition import prediction
from molgfn.evaluation.progress import Progress
from molgfn.policies.composed import Composition, Member, ReachTable, Rule, make_rule
from molgfn.rewards.base import Reward
from molgfn.runs.checkpoint import Loaded, differences
from molgfn.runs.objective import objective_class

logger = logging.getLogger("molgfn")

#: most states that are listed for exact flows where nobody asked for them
LISTED_UNASKED = 50_000
#: most states that are listed where somebody did
LISTED = 200_000

Flows = Literal["exact", "learned"]


@dataclass(frozen=True)
class Composed:
    """Several runs as one sampler; ``molgfn.sample`` takes it.

    Attributes:
        parts: the k runs, each under the one condition that it is taken under where it has one.
        policy: the composition, in ``environment``.
        environment: of all of them, without conditions.
        rule: how they are combined, with the weights.
        flows: "exact": the probabilities to reach a state were computed over all states; "learned": they are read off
            the runs' log F; None: the rule needs none.
    """

    parts: tuple[Loaded, ...]
    policy: Composition
    environment: Environment
    rule: Rule
    flows: Flows | None

    def __repr__(self) -> str:
        flows = "" if self.flows is None else f", {self.flows} flows"
        return f"{self.rule.in_words}{flows}, of {'; '.join(str(part.path) for part in self.parts)}"

    @staticmethod
    def refuse(condition: object) -> None:
        """Refuse a condition that is given for the whole.

        Raises:
            ConfigError: there is one.
        """
        if condition:
            raise ConfigError("condition: in a composition each run has its own: combine([load(a).under({...}), ...])")

    def rewards(self, files: Mapping[str, str] | None = None, instead: str = "") -> list[Reward]:
        """The rewards of the runs; ``files`` and ``instead`` as of ``columns.sampled_reward``."""
        return [sampled_reward(part, files, instead) for part in self.parts]

    def condition_columns(self, number: int) -> dict[str, list[Any]]:
        """What each run is taken under, for ``number`` objects: such as ``beta_2``, of the second run."""
        return {
            f"{name}_{place}": cells
            for place, part in enumerate(self.parts, start=1)
            for name, cells in condition_columns(part, number).items()
        }

    def value_columns(
        self, rewards: Sequence[Reward], objects: Any, keys: list[str], progress: Progress
    ) -> dict[str, list[Any]]:
        """What each run's reward says, name -> N cells: its columns with ``_1``, ``_2`` ... behind their names.

        Then ``log_reward``, the log of what the rule makes of the rewards (mean: sum_i w_i R_i; mixture: sum_i w_i R_i
        / Z_i; product: prod_i R_i^w_i; the others likewise of R_i / Z_i), up to a constant what log P_T is meant to be;
        left out where the rule needs a log Z that a run did not learn; NaN where one of the rewards has no value.
        """
        columns: dict[str, list[Any]] = {}
        rows: list[list[float]] = []
        for number, (part, reward) in enumerate(zip(self.parts, rewards, strict=True), start=1):
            own = value_columns(part, reward, objects, keys, progress)
            columns |= {f"{name}_{number}": cells for name, cells in own.items()}
            rows.append(own.get("log_reward", []))
        log_z = [member.log_z for member in self.policy.members]
        if self.rule.of_rewards or not self.rule.needs_reach:  # Z_i has no part, or the same for all objects
            log_z = [0.0] * len(rows)
        if None not in log_z:
            known = torch.tensor(rows, dtype=torch.float64) - torch.tensor(log_z, dtype=torch.float64)[:, None]
            columns["log_reward"] = self.rule.log_value(known).tolist()
        return columns


def combine(
    runs: Sequence[RunLike],
    rule: str = "mean",
    weights: Sequence[float] | None = None,
    *,
    flows: Flows | None = None,
    trust: Sequence[str] = (),
    device: torch.device | str = "cpu",
) -> Composed:
    """One sampler out of several trained ones, without further training (routing by reaching, arXiv 2602.21565).

    At each step every policy is asked once, and weighs as much as it is likely to have come here (see
    ``policies.composed.Composition``).

    Args:
        runs: at least two, each as of ``load``, trained in the same environment (objectives, P_B, rewards and
            conditions may differ). One that was trained under a condition is taken under the value that
            ``load(run).under({...})`` names, else under its reference; so one run can be combined with itself.
        rule: "mean": P_T in proportion to sum_i w_i R_i(x), the rewards as they were trained on, exponent and all;
            "mixture": P_T = sum_i w_i P_i(x). Both are exact as far as the flows are. "product", "harmonic" (likely
            under all) and "contrast" (of the first, not of the others) are approximate; see
            ``policies.composed.rules``.
        weights: one for each run, summing to 1; None: all alike.
        flows: how the probability to reach a state is known. "exact": by listing all states (200,000 at most), from P_F
            alone; "learned": from log F, which objectives such as db, subtb and fm learn; None: exact where there are
            50,000 states at most, else learned.
        trust: as of ``load``.
        device: as of ``load``.

    Raises:
        ConfigError: the runs have different environments, the weights do not suit the rule, the flows cannot be had, or
            "mean" needs a log Z that a run did not learn.
        CheckpointError: a run cannot be loaded.
    """
    if isinstance(runs, str) or not isinstance(runs, Sequence):
        raise ConfigError("compose: give the runs as a list")
    made = make_rule(rule, weights, len(runs))
    if flows not in (None, "exact", "learned"):
        raise ConfigError(f"compose: flows should be exact or learned, got {flows!r}")
    parts = tuple(load(run, trust=trust, device=device).under(None) for run in runs)
    for part in parts[1:]:
        if differ := differences(part.config["environment"], parts[0].config["environment"]):
            raise ConfigError(
                f"compose: {part.path} was trained in another environment than {parts[0].path} (different: "
                f"{', '.join(differ)}); samplers are combined step by step, which takes the same steps"
            )
    members = [Member(part.policy, part.environment, _log_z(part)) for part in parts]
    if made.of_rewards and (lacking := [str(p.path) for p, m in zip(parts, members, strict=True) if m.log_z is None]):
        raise ConfigError(
            f"compose: {rule} weighs rewards and needs log Z, which {', '.join(lacking)} did not learn; mixture weighs "
            "distributions and needs none"
        )
    how, table = _reach(made, parts, members, flows)
    policy = Composition(members=members, rule=made, table=table)
    return Composed(parts, policy, members[0].plain, made, how)


def _reach(
    rule: Rule, parts: Sequence[Loaded], members: Sequence[Member], flows: Flows | None
) -> tuple[Flows | None, ReachTable | None]:
    """How the probabilities to reach a state are known, and the table of them where they are exact."""
    if not rule.needs_reach:
        if flows is not None:
            logger.info("compose: %s needs no flows: they are the same for all choices at a state", rule.name)
        return None, None
    unlearned = [(part, _objective_name(part)) for part in parts if not _learns_flow(part)]
    if flows != "learned":
        try:
            return "exact", reach_table(members, limit=LISTED if flows == "exact" else LISTED_UNASKED)
        except NotEnumerableError as error:
            if flows == "exact":
                raise ConfigError(f"compose: flows=exact lists all states, which cannot be done: {error}") from None
            reason = str(error)
    else:
        reason = ""
    if unlearned:
        said = ", ".join(f"{part.path} ({name})" for part, name in unlearned)
        instead = f"; nor can exact ones be had: {reason}" if reason else ""
        raise ConfigError(
            f"compose: {rule.name} reads flows, which these runs did not learn: {said}; log F is learned by "
            f"objectives such as db, subtb and fm{instead}"
        )
    return "learned", None


def _objective_name(part: Loaded) -> str:
    found = objective_class(part)
    return "an objective that is not known here" if found is None else found.__name__


def _learns_flow(part: Loaded) -> bool:
    found = objective_class(part)
    return found is not None and found.learns_flow


def _log_z(part: Loaded) -> float | None:
    """log Z as the run learned it: log F(s0), or the number of its own; None where it learned neither."""
    known = prediction(part.policy, objective_class(part))
    return None if known is None else known(part.environment)


def conditions_in_words(composed: Composed) -> list[str]:
    """What each run is taken under, one text for each that has a condition."""
    return [
        f"{part.path}: {in_words(fixed_condition(part.environment))}"
        for part in composed.parts
        if isinstance(part.environment, Conditional)
    ]
