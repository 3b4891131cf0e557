"""How P_B is chosen and trained: a part of its own beside the forward objective."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

from torch import Tensor

from molgfn.docstrings import attributes_in_docstring
from molgfn.environments.backward_weights import BackwardWeights
from molgfn.environments.base import Environment, States
from molgfn.former_names import FormerName, FormerNames
from molgfn.objectives.base import Network, Objective, ObjectiveOutput, TargetNetwork
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.base import Quantity


@attributes_in_docstring
class Guide(ABC):
    """A distribution over the trajectories to each object that P_B is taught.

    ``log_prob`` gives one number per step whose sum along a trajectory tau to x is log P_G(tau | x) up to a term that
    depends on x alone.
    """

    #: it knows a state again when it comes back (``environments.enumerable.Enumerable``)
    of_keyed_states: ClassVar[bool] = False

    @abstractmethod
    def log_prob(self, trajectories: Trajectories, policy: Any) -> Tensor:
        """Log-probability of every step, [S], 0 at exits, without gradient.

        Args:
            trajectories: flat, S states; scored or not.
            policy: the ``Policy`` that trains, with its environment.
        """

    def objection(self, environment: Environment, terminal: States) -> str | None:
        """Why it could learn nothing from objects such as ``terminal``; None where it could. Asked before work starts.

        Args:
            environment: that of the run.
            terminal: states of objects that the untrained policy built.
        """
        return None

    def observe(self, trajectories: Trajectories, policy: Any) -> None:  # noqa: B027
        """See a batch of newly drawn, scored trajectories; called once per iteration before ``log_prob``."""

    def state_dict(self) -> dict[str, Any]:
        """What it remembers, as plain data and tensors."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:  # noqa: B027
        """Take up what ``state_dict`` gave."""


@attributes_in_docstring
class BackwardPolicyTraining(FormerNames, ABC):
    """Says what P_B is, who trains it, with which loss, and on which trajectories.

    A constructor that has a parameter ``counts_paths`` is told by the run whether the environment counts its paths
    (``Environment.counts_paths``).
    """

    #: P_B has parameters
    learned: bool
    #: the forward objective's gradient reaches P_B
    joint: ClassVar[bool]
    #: its own loss needs trajectories from the present P_F
    on_policy: ClassVar[bool]
    #: arXiv ids
    reference: ClassVar[str]
    #: what P_B is where it has no parameters
    fixed: Literal["uniform", "maxent"] | BackwardWeights = "uniform"
    #: what the loss reads; ``LogPB`` has its gradient there, and P_F is a constant (``ConstantLogPF``)
    quantities: tuple[type[Quantity], ...] = (LogPB,)
    #: when its step comes: before or after those of the forward objective
    when: ClassVar[Literal["before", "after"]] = "before"
    #: what it is trained on: the iteration's batch; new trajectories drawn by P_B from the batch's objects; or batches
    #: out of the latest ``memory``
    trajectories: ClassVar[Literal["batch", "backward", "recent"]] = "batch"
    #: batches remembered, where ``trajectories`` is "recent"
    memory: int = 0
    #: steps per iteration
    steps: int = 1
    #: networks beside the policy that it trains
    networks: tuple[Network, ...] = ()
    #: the copy of P_B that the forward objective reads; None: P_B itself
    target: TargetNetwork | None = None
    #: what P_B is taught, where there is a teacher
    guide: Guide | None = None
    #: share of log P_B in what the forward objective reads in its place; the rest is ``log_guide``
    share: float = 1.0

    requires = FormerName("`quantities` lists what the loss reads, classes of molgfn.trajectories.quantities")
    auxiliaries = FormerName("`networks` lists the networks beside the policy, each a molgfn.objectives.base.Network")
    settle = FormerName("a constructor with a parameter `counts_paths` is told whether the environment counts paths")

    @property
    def has_loss(self) -> bool:
        """P_B is trained by its own loss."""
        return self.learned and not self.joint

    def misfit(self, objective: Objective) -> str | None:
        """Why it makes no sense beside a forward objective; None where it does."""
        return None

    @abstractmethod
    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        """The loss of P_B on trajectories evaluated by ``evaluate_backward``; no losses where there is none."""


def mismatch(objective: Objective, backward: BackwardPolicyTraining) -> str | None:
    """Why the two make no sense beside each other; None where they do."""
    if objective.needs_uniform_backward and (backward.learned or backward.fixed != "uniform"):
        name = type(objective).__name__
        return f"{name} holds for a uniform P_B only, which {type(backward).__name__} is not; use backward=uniform"
    return backward.misfit(objective)


def policy_needs(objective: Objective, backward: BackwardPolicyTraining) -> dict[str, Any]:
    """What a policy is made with for this pair: ``learned_backward``, ``backward_rule`` and ``own_losses``."""
    own = objective.separate | (frozenset({"backward"}) if backward.has_loss else frozenset())
    return {"learned_backward": backward.learned, "backward_rule": backward.fixed, "own_losses": own}
