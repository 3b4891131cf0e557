"""Direct preference optimisation over construction steps."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field
from torch import Tensor

from molgfn.objectives.base import Objective, ObjectiveOutput
from molgfn.objectives.preferences.pairwise import compared
from molgfn.objectives.preferences.reference import Reference, ReferencePolicy
from molgfn.paths import InputFile
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.pairs import PairDropped, PairLabel, PairNumber, PairStep


class StepPreference(Objective):
    """Step-wise direct preference optimisation (DPO on prefix + step): of two steps from the same state one is
    preferred.

    Two trajectories of a pair have the same states up to step t, where one takes the chosen step and one the rejected.
    The loss is the mean over pairs of ``-log sigmoid(beta (v_w - v_l))`` (of a label below 1 the KL divergence, as of
    ``objective=dpo``), from [B, T], with v of step t alone; what comes before cancels, what comes after is not judged:

    * with a reference ``v = log P_F(s_{t+1} | s_t) - log P_ref(s_{t+1} | s_t)``;
    * ``reference=none``: ``v = log P_F(s_{t+1} | s_t) - log P_B(s_t | s_{t+1})``, at exact flows
      log F(s_{t+1}) - log F(s_t): a state is not preferred for being reached from few others. At an exit v is log P_F
      (``count_paths=false``: always).

    A judgement of a step says nothing of how much better what follows is, so there is no R / Z that it leads to.

    Args:
        reference: "none", "start" (the policy as training began) or "prior" (of a checkpoint).
        prior: a checkpoint or run folder, with reference=prior.
        beta: > 0; the larger, the nearer to the reference P_F stays.
        count_paths: take log P_B off where there is no reference.

    Raises:
        ConfigError: ``count_paths=false`` beside a reference; a prior without its reference.

    Reference: Lahlou et al. 2025, arXiv 2406.16061 (PORT, preference optimisation on reasoning traces). Pinned by
    tests/objectives/test_preferences.py.
    """

    on_policy: ClassVar[bool] = False
    reads_reward: ClassVar[bool] = False
    reference: ClassVar[str] = "Lahlou et al. 2025, arXiv 2406.16061 (PORT)"
    compares: ClassVar[bool] = True
    least_batch: ClassVar[int] = 2
    has_target: ClassVar[bool] = False
    reads_pairs: ClassVar[frozenset[str]] = frozenset({"steps"})

    def __init__(
        self,
        *,
        reference: ReferencePolicy = "start",
        prior: InputFile | None = None,
        beta: Annotated[float, Field(gt=0)] = 1.0,
        count_paths: bool = True,
    ) -> None:
        self.measured_from = Reference(reference, prior, count_paths=count_paths)
        self.frozen, self.target = self.measured_from.frozen, self.measured_from.target
        self.beta = beta
        own = self.measured_from.quantity
        self.less: type[Quantity] | None = own or (LogPB if count_paths else None)
        self.quantities = (PairNumber, PairLabel, PairStep, PairDropped, *(() if self.less is None else (self.less,)))
        self.trains = frozenset({"forward", "backward"} if self.less is LogPB else {"forward"})

    def values(self, evaluated: Evaluated) -> Tensor:
        """v of each trajectory, [B]."""
        steps = evaluated.log_pf if self.less is None else evaluated.log_pf - evaluated[self.less]
        return steps.gather(1, evaluated[PairStep].clamp(min=0)[:, None]).squeeze(1)

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        valid = evaluated[PairStep] >= 0
        why = ("same_step", "not_worse")
        values = self.beta * self.values(evaluated)
        return compared(values, evaluated, self.trains, name="dpo_steps", valid=valid, dropped=why)
