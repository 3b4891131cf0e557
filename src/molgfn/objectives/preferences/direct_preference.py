"""Direct preference optimisation over pairs of trajectories: pairwise contrastive trajectory balance."""

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
from molgfn.trajectories.quantities.pairs import LogSymmetry, PairDropped, PairLabel, PairNumber


class DirectPreference(Objective):
    """Direct preference optimisation (DPO) over pairs of objects; without a reference pairwise contrastive trajectory
    balance.

    The loss is the mean over pairs (w preferred to l) of the KL divergence of the odds ``sigmoid(beta (v_w - v_l))``
    from those that were stated (the label), from [B, T]; with a label of 1 it is ``-log sigmoid(beta (v_w - v_l))``.
    What v is:

    * ``reference=none``: ``v(tau) = log P_F(tau) - log P_B(tau | x) + log C(x)``, at exact flows log R(x) - log Z. Z
      cancels in a pair, so that the loss is 0 where the stated odds of all pairs are R(w) : R(l) and ``P_T = R / Z``
      (beta 1). An object that is built in many ways, or has a symmetric graph, is not preferred for that.
    * ``reference=start`` or ``prior``: ``v(tau) = log P_F(tau) - log P_ref(tau)``. Both go along the same path, so that
      P_B and C(x) cancel. Where the pairs follow Bradley and Terry with utilities u, the loss is least at
      ``P_T(x) = P_ref(x) exp(u(x) / beta) / Z``.
    * ``count_paths=false`` (with ``reference=none``): ``v(tau) = log P_F(tau)``, as one would do for sequences. It
      leads to ``P_T(x)`` in proportion to ``n(x) R(x)``, n(x) the number of paths to x: it is here to show that bias.

    Trajectories may come from anywhere (``data=preferences``); rewards are not read. Trajectories of no pair count for
    nothing.

    Args:
        reference: "none", "start" (the policy as training began, with ``trainer.init_from`` a pre-trained one), or
            "prior" (of a checkpoint).
        prior: a checkpoint, or the run folder of one, of a policy in the same environment; with reference=prior.
        beta: > 0; the larger, the nearer to the reference P_F stays.
        count_paths: take log P_B and log C(x) off where there is no reference.

    Raises:
        ConfigError: ``count_paths=false`` beside a reference, where paths cancel; a prior without its reference.

    Reference: Rafailov et al. 2023, arXiv 2305.18290, eq. 7 (DPO); Park et al. 2023, arXiv 2310.12304 (molecules).
    Pinned by tests/objectives/test_preferences.py.
    """

    on_policy: ClassVar[bool] = False
    reads_reward: ClassVar[bool] = False
    reference: ClassVar[str] = "Rafailov et al. 2023, arXiv 2305.18290 (direct preference optimisation)"
    compares: ClassVar[bool] = True
    least_batch: ClassVar[int] = 2
    reads_pairs: ClassVar[frozenset[str]] = frozenset({"objects"})

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
        self.beta, self.count_paths = beta, count_paths
        own = self.measured_from.quantity
        listed: tuple[type[Quantity], ...] = (PairNumber, PairLabel, PairDropped)
        if own is not None:
            listed = (*listed, own)
        elif count_paths:
            listed = (*listed, LogPB, LogSymmetry)
        self.quantities = listed
        joint = own is None and count_paths
        self.trains = frozenset({"forward", "backward"} if joint else {"forward"})
        self.has_target = joint and beta == 1.0  # type: ignore[misc]  # R / Z of the reward that the pairs follow

    def values(self, evaluated: Evaluated) -> Tensor:
        """v of each trajectory, [B]."""
        own = self.measured_from.quantity
        if own is not None:
            return (evaluated.log_pf - evaluated[own]).sum(1)
        if not self.count_paths:
            return evaluated.log_pf.sum(1)
        return (evaluated.log_pf - evaluated[LogPB]).sum(1) + evaluated[LogSymmetry]

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        return compared(
            self.beta * self.values(evaluated), evaluated, self.trains, name="dpo", dropped=("same_object", "no_value")
        )
