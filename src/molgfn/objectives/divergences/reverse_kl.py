"""Reverse KL divergence."""

from __future__ import annotations

from typing import ClassVar, Literal

from molgfn.errors import ContractError
from molgfn.objectives import comparison, residuals
from molgfn.objectives.base import Loss, Objective, ObjectiveOutput
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.base import Quantity


class ReverseKL(Objective):
    """Reverse KL: P_F descends KL(P_F || P_B R' / Z) over trajectories, by a score-function estimate.

    With ``S(tau) = log P_F(tau) - log P_B(tau|x) - log R'(x)``, [B], the loss is ``mean_b (S_b - c_b) log P_F(tau_b)``;
    no gradient goes through S - c. c_b is the mean of S over the *other* trajectories (under its condition), so that
    the expected gradient is exactly that of the divergence at every batch size, and vanishes with no variance where P_F
    is exact. It is half the gradient of on-policy trajectory balance, whose log Z is a learned constant in the place of
    c. Zero-forcing.

    Needs trajectories of the present P_F. P_B gets no gradient; with ``backward=tlm`` it descends the same divergence.
    Metrics: ``elbo``, the mean of -S; ``log_z``, the same, a lower bound in expectation.

    Args:
        baseline: "leave_one_out": c as above, in batches of at least 2; "none": c = 0, far noisier.

    Reference: Malkin et al. 2023, arXiv 2210.00580 (reverse KL). Pinned by tests/objectives/test_variational.py.
    """

    quantities: ClassVar[tuple[type[Quantity], ...]] = (LogPB,)
    on_policy: ClassVar[bool] = True
    trains: ClassVar[frozenset[str]] = frozenset({"forward"})
    reference: ClassVar[str] = "Malkin et al. 2023, arXiv 2210.00580 (reverse KL)"

    def __init__(self, *, baseline: Literal["leave_one_out", "none"] = "leave_one_out") -> None:
        self.baseline = baseline
        self.compares = baseline == "leave_one_out"
        self.least_batch = 2 if self.compares else 1

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        weight = residuals.log_ratios(evaluated).detach()
        elbo = -evaluated.union.mean(weight)
        if self.compares:
            if evaluated.union.count(len(weight)) < 2:
                raise ContractError("ReverseKL: baseline=leave_one_out needs at least two trajectories in a batch")
            weight = comparison.leave_one_out(weight, evaluated)
        loss = (weight * evaluated.log_pf.sum(1)).mean()
        return ObjectiveOutput({"reverse_kl": Loss(loss, self.trains)}, {"elbo": elbo, "log_z": elbo})
