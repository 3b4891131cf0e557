"""Maximum likelihood of given objects: pre-training of P_F."""

from __future__ import annotations

from typing import ClassVar

from molgfn.objectives.base import Loss, Objective, ObjectiveOutput
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.base import Quantity


class MaximumLikelihood(Objective):
    """Maximum likelihood: P_F learns to build what it is given, by the ways that P_B draws to it.

    The loss is ``-1/B sum_b sum_t log P_F(s_{t+1} | s_t)`` over trajectories tau ~ P_B(. | x) of given objects x
    (``data=offline``), [B, T] -> scalar. Since log P_T(x) >= E_{P_B}[log P_F(tau) - log P_B(tau | x)], it raises a
    lower bound of the mean log-likelihood of the data, the tighter the nearer P_B is to P_F's own posterior over ways.
    It is the step of P_F on the forward KL divergence from P_B times the distribution of the data.

    It reads no reward: the P_T that it leads to is that of the data. Trajectories of P_F itself have an expected
    gradient of 0, so they teach nothing and add noise: it takes ``data.sources.offline.share: 1``. log Z
    and P_B are not trained.

    Metrics: ``nll``, the loss; ``nll_per_step``, it divided by the mean number of steps.

    Reference: Malkin et al. 2023, arXiv 2210.00580 (forward KL); Pandey et al. 2024, arXiv 2409.09702 (pre-training on
    given molecules). Pinned by tests/objectives/test_maximum_likelihood.py.
    """

    quantities: ClassVar[tuple[type[Quantity], ...]] = ()
    on_policy: ClassVar[bool] = False
    trains: ClassVar[frozenset[str]] = frozenset({"forward"})
    reference: ClassVar[str] = "Malkin et al. 2023, arXiv 2210.00580 (forward KL)"
    only_offline: ClassVar[bool] = True
    reads_reward: ClassVar[bool] = False

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        loss = -evaluated.log_pf.sum(1).mean()
        nll = loss.detach()
        steps = evaluated.mask.sum(1).to(nll.dtype).mean()
        return ObjectiveOutput({"nll": Loss(loss, self.trains)}, {"nll": nll, "nll_per_step": nll / steps})
