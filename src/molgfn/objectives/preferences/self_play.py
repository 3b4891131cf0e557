"""Regularised self-play: a policy learns to prefer data to its own previous samples."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from molgfn.objectives.base import Loss, Objective, ObjectiveOutput, TargetNetwork
from molgfn.objectives.preferences.pairwise import compared
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.pairs import LogOpponent, PairLabel, PairNumber
from molgfn.trajectories.quantities.start import KLToStart


class SelfPlay(Objective):
    """Self-play fine-tuning (SPIN) of a sampler, plain or regularised (alpha-SPIN).

    In each round the policy learns to tell data from samples of an opponent, which is made of its own previous iterates
    (``data=self_play`` draws both, and says which iterates). The loss is the mean over pairs of a trajectory tau to an
    object of the data, by P_B, and one of the opponent, tau', of ``-log sigmoid(beta (v(tau) - v(tau')))`` with
    ``v(tau) = log P_F(tau) - log P_opponent(tau)``, from [B, T], plus ``kl_weight`` times the mean over trajectories of
    ``sum_t KL(P_F(. | s_t) || P_start(. | s_t))``, P_start the policy as training began (the base).

    It stands still where the opponent's trajectories have the distribution of the data's,
    ``P_F(tau) = P_data(x) P_B(tau | x)``: then P_T is that of the data. P_B and symmetry are the same in both terms of
    v, and cancel. The KL divergence is exact at each state, but its mean is over the states of data and opponent, not
    over those of P_F: where these are near each other it is that of trajectories, otherwise a stand-in.

    Args:
        beta: > 0; the larger, the nearer to the opponent P_F stays in a round.
        kl_weight: >= 0, of the divergence from the base; 0 for none.

    Metrics: those of ``dpo``; ``kl_to_start``, the divergence from the base.

    Reference: Chen et al. 2024, arXiv 2401.01335, eq. 4.7 (SPIN); Alami et al. 2024, arXiv 2404.04291 (alpha-SPIN).
    Pinned by tests/objectives/test_preferences.py.
    """

    on_policy: ClassVar[bool] = False
    reads_reward: ClassVar[bool] = False
    trains: ClassVar[frozenset[str]] = frozenset({"forward"})
    reference: ClassVar[str] = "Chen et al. 2024, arXiv 2401.01335 (SPIN); Alami et al. 2024, arXiv 2404.04291"
    compares: ClassVar[bool] = True
    least_batch: ClassVar[int] = 2
    has_target: ClassVar[bool] = False  # it is the distribution of the data
    reads_pairs: ClassVar[frozenset[str]] = frozenset({"opponent"})

    def __init__(
        self, *, beta: Annotated[float, Field(gt=0)] = 1.0, kl_weight: Annotated[float, Field(ge=0)] = 0.0
    ) -> None:
        self.beta, self.kl_weight = beta, kl_weight
        self.target = TargetNetwork(every=None) if kl_weight else None
        listed: tuple[type[Quantity], ...] = (PairNumber, PairLabel, LogOpponent)
        self.quantities = (*listed, KLToStart) if kl_weight else listed

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        values = evaluated.log_pf.sum(1) - evaluated[LogOpponent]
        output = compared(self.beta * values, evaluated, self.trains, name="self_play")
        if not self.kl_weight:
            return output
        divergence = evaluated[KLToStart].sum(1).mean()
        losses = {**output.losses, "kl_to_start": Loss(self.kl_weight * divergence, self.trains)}
        return ObjectiveOutput(losses, {**output.metrics, "kl_to_start": divergence.detach()})
