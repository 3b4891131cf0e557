"""The contract of a training objective: scored trajectories in, losses and metrics out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from pydantic import Field
from torch import Tensor

from molgfn.docstrings import attributes_in_docstring
from molgfn.errors import ContractError
from molgfn.trajectories.batch import Scored

#: what an objective may ask of a policy; the words are fields of ``Scored``
FROM_POLICY = frozenset({"log_pb", "log_flow", "log_z", "entropy", "log_pf_exit"})
#: what an objective may ask of the scoring, whatever the policy; fields of ``Scored`` too, or a group of them
FROM_SCORING = frozenset(
    {
        "log_reward_state",  # R of states on the way: costs reward calls
        "log_inflow",  # flow into each state from all its parents
        "kl", "kl_old",  # to and from the anchor, exact
        "target_log_flow", "target_log_pf",  # of the target network
        "q",  # q_taken, q_gap, q_next: action values of networks of their own
        "children",  # log_pf_all, log_children, log_path_factor: everything about all legal actions
    }
)  # fmt: skip
REQUIREMENTS = FROM_POLICY | FROM_SCORING
#: the parameter groups of a policy
GROUPS = frozenset({"forward", "backward", "flow", "log_z"})
#: networks beside the policy, made as the policy is; each is a parameter group of its own
AUXILIARIES = frozenset({"q1", "q2", "value_backward", "log_paths"})


#: what is scored for every objective
ALWAYS = frozenset({"mask", "is_exit", "log_pf", "log_reward"})


@dataclass(frozen=True)
class Loss:
    """One scalar and the parameter groups that it trains; no other parameter gets a gradient from it."""

    value: Tensor
    groups: frozenset[str]


@dataclass(frozen=True)
class ObjectiveOutput:
    """Losses of one gradient step, and metrics (detached scalars) to log.

    ``divergence``: the scalar that a trust region bounds (only read by a phase with a ``trust_region``); 0, with zero
    gradient, at the anchor.
    """

    losses: dict[str, Loss]
    metrics: dict[str, Tensor] = field(default_factory=dict)
    divergence: Tensor | None = None


@dataclass(frozen=True)
class TrustRegion:
    """How far and how a step in a trust region goes (arXiv 1502.05477, appendix C).

    Attributes:
        max_divergence: largest ``ObjectiveOutput.divergence`` after the step, > 0.
        cg_iterations: of the conjugate gradients.
        damping: added to the diagonal of the curvature, >= 0.
        backtracks: shorter steps tried before the step is given up.
        shrink: factor from one try to the next, in (0, 1).
    """

    max_divergence: float = 0.01
    cg_iterations: int = 10
    damping: float = 0.0
    backtracks: int = 20
    shrink: float = 0.5


@dataclass(frozen=True)
class Phase:
    """One kind of update in an iteration, repeated on the same trajectories.

    Attributes:
        name: for logs, such as "policy" or "critic".
        loss: what is minimised.
        requires: fields of ``Scored`` that ``loss`` reads; only these are computed.
        epochs: passes over the batch.
        splits: parts of the batch in a pass, one step each (whole trajectories, every ``splits``-th in one part).
        needs_log_pf: P_F is evaluated; a critic does without.
        trust_region: take the step by natural gradient within it instead of by Adam; None takes Adam. With it ``loss``
            gives one loss and a ``divergence``.
    """

    name: str
    loss: Callable[[Scored], ObjectiveOutput]
    requires: frozenset[str]
    epochs: int = 1
    splits: int = 1
    needs_log_pf: bool = True
    trust_region: TrustRegion | None = None

    def __post_init__(self) -> None:
        if self.splits > 1 and self.requires & {"kl", "kl_old"}:
            raise ContractError(
                f"phase {self.name}: a divergence from the anchor is of the whole batch; splits must be 1"
            )


class TargetNetwork:
    """A copy of the policy that follows it, for terms that should stand still while the rest learns.

    Args:
        rate: share of the policy that goes into the copy at an update, in (0, 1]; 1 copies it.
        every: iterations between updates.
    """

    def __init__(
        self, *, rate: Annotated[float, Field(gt=0, le=1)] = 0.25, every: Annotated[int, Field(ge=1)] = 1
    ) -> None:
        self.rate = rate
        self.every = every


@attributes_in_docstring
class Objective(ABC):
    """Turns scored trajectories into losses; pure tensors in, no environment and no network.

    Subclasses name in their docstring the equation, the arXiv id, the shapes and the test that pins the value.

    An iteration: the batch is scored with what the first phase requires (and what ``prepare`` reads, see ``anchors``);
    ``prepare`` freezes advantages, targets and the like out of it; then the phases run one after the other, each
    ``epochs x splits`` steps. The scoring of the first phase's first step is the one that ``prepare`` saw.
    """

    #: fields of ``Scored`` that ``__call__`` reads
    requires: frozenset[str]
    #: True where trajectories must be drawn from the present P_F (no replay, epsilon or temperature)
    on_policy: ClassVar[bool]
    #: the parameter groups that get gradient ("backward" only together with ``backward=joint``)
    trains: frozenset[str]
    #: arXiv ids, and where in the paper
    reference: ClassVar[str]
    #: learns from given molecules alone: the whole batch must lead to them
    only_offline: ClassVar[bool] = False
    #: log R is read; where it is not, given molecules are not scored
    reads_reward: ClassVar[bool] = True
    #: reads flows or values of the next state, which may come from a target network
    bootstraps: ClassVar[bool] = False
    #: ``log_flow`` is log F(s) - log R'(s), not log F(s)
    forward_looking: ClassVar[bool] = False
    #: the target network that it has where the config names none; None for none
    target: TargetNetwork | None = None
    #: networks beside the policy that it trains, of ``AUXILIARIES``
    auxiliaries: tuple[str, ...] = ()
    #: the environment must let every state stop (a reward at every state, log P_F(stop|s) finite)
    needs_stop_everywhere: bool = False
    #: products of (actions / parents) along paths to a state must not depend on the path
    needs_path_independence: ClassVar[bool] = False
    #: what it learns is right beside a uniform P_B only
    needs_uniform_backward: ClassVar[bool] = False
    #: fewest trajectories in a batch with which it learns anything
    least_batch: int = 1
    #: parameter groups that a loss of their own trains, so that a trunk shared with P_F would not learn for them
    separate: frozenset[str] = frozenset()
    #: fields of ``Scored`` that ``prepare`` reads beside those of the first phase
    anchors: frozenset[str] = frozenset()

    @abstractmethod
    def __call__(self, scored: Scored) -> ObjectiveOutput:
        """All losses of the objective on one batch, from ``requires`` alone, as at the first step of an iteration."""

    def phases(self) -> tuple[Phase, ...]:
        """The updates of one iteration; the default is one step on all that ``__call__`` gives."""
        return (Phase("forward", self, self.requires),)

    def prepare(self, scored: Scored) -> dict[str, Tensor]:
        """Fields of ``Scored`` to freeze for the iteration, [B, ...] each; computed without gradient."""
        return {}


def unknown_words(objective: Objective) -> list[str]:
    """What an objective declares and nobody knows, one line each: such a word would be asked for in vain."""
    phases = objective.phases()
    read = [("requires", objective.requires), ("anchors", objective.anchors)]
    read += [(f"requires of phase {phase.name}", phase.requires) for phase in phases]
    words = [(what, names, REQUIREMENTS) for what, names in read]
    words += [
        ("trains", objective.trains, GROUPS | AUXILIARIES),
        ("separate", objective.separate, GROUPS),
        ("auxiliaries", frozenset(objective.auxiliaries), AUXILIARIES),
    ]
    problems = []
    for what, names, known in words:
        if unknown := sorted(set(names) - known):
            always = sorted(set(unknown) & ALWAYS) if known is REQUIREMENTS else []
            beside = f" ({', '.join(always)}: there without being asked for)" if always else ""
            problems.append(f"{what} names {', '.join(unknown)}{beside}; known are {', '.join(sorted(known))}")
    return list(dict.fromkeys(problems))
