"""The contract of a training objective: evaluated trajectories in, losses and metrics out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from torch import Tensor

from molgfn.docstrings import attributes_in_docstring
from molgfn.errors import ContractError
from molgfn.former_names import FormerName, FormerNames
from molgfn.objectives import residuals
from molgfn.trajectories.evaluated import Evaluated, Values
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.base import Quantity

#: the parameter groups of a policy
GROUPS = frozenset({"forward", "backward", "flow", "log_z"})


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
        quantities: what ``loss`` reads; only these are computed.
        epochs: passes over the batch.
        splits: parts of the batch in a pass, one step each (whole trajectories, every ``splits``-th in one part).
        needs_log_pf: P_F is evaluated; a critic does without.
        trust_region: take the step by natural gradient within it instead of by Adam; None takes Adam. With it ``loss``
            gives one loss and a ``divergence``.
    """

    name: str
    loss: Callable[[Evaluated], ObjectiveOutput]
    quantities: tuple[type[Quantity], ...]
    epochs: int = 1
    splits: int = 1
    needs_log_pf: bool = True
    trust_region: TrustRegion | None = None

    def __post_init__(self) -> None:
        if self.splits > 1 and self.anchored:
            raise ContractError(
                f"phase {self.name}: a divergence from the anchor is of the whole batch; splits must be 1"
            )

    @property
    def anchored(self) -> bool:
        """It reads a divergence from P_F at the start of the iteration."""
        return any(
            getattr(quantity, "anchored", False) for quantity in self.quantities
        )  # whatever is listed: checked later


@dataclass(frozen=True)
class Network:
    """A network beside the policy that an objective (or a training of P_B) owns, made as the policy is made.

    Its parameters are a group of their own, called as the network is, with the learning rate of log F.

    Attributes:
        name: of the network; what quantities read it by (``quantities.networks.Head``).
        start: "returns": its log_flow is raised before the first step so that its mean over the first batch is that of
            the soft returns to go; None: it starts as it is made.
        copied: a copy follows it, as one follows the policy, where there is a target network.
    """

    name: str
    start: Literal["returns"] | None = None
    copied: bool = False


class TargetNetwork:
    """A copy of the policy that follows it, for terms that should stand still while the rest learns.

    Args:
        rate: share of the policy that goes into the copy at an update, in (0, 1]; 1 copies it.
        every: iterations between updates; None: the copy stays what the policy was when training began.
    """

    def __init__(
        self, *, rate: Annotated[float, Field(gt=0, le=1)] = 0.25, every: Annotated[int, Field(ge=1)] | None = 1
    ) -> None:
        self.rate = rate
        self.every = every


@attributes_in_docstring
class Objective(FormerNames, ABC):
    """Turns evaluated trajectories into losses; pure tensors in, no environment and no network.

    Subclasses name in their docstring the equation, the arXiv id, the shapes and the test that pins the value.

    An iteration: the batch is evaluated for what the first phase reads (and what ``prepare`` reads, see
    ``prepares_from``); ``prepare`` freezes advantages, targets and the like out of it; then the phases run one after
    the other, each ``epochs x splits`` steps. The evaluation of the first phase's first step is the one that
    ``prepare`` saw.
    """

    #: what ``__call__`` reads beside what is always there (mask, is_exit, log_pf, log_reward)
    quantities: tuple[type[Quantity], ...]
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
    #: at its optimum ``log_flow`` is log F(s) of what is sampled, at every state and with log F(s0) = log Z
    learns_flow: ClassVar[bool] = False
    #: the target network that it has where the config names none; None for none
    target: TargetNetwork | None = None
    #: networks beside the policy that it trains
    networks: tuple[Network, ...] = ()
    #: policies from checkpoints (or run folders) that quantities read and nothing trains: name -> path, None where it
    #: has still to be given (as the parameter of the same name)
    frozen: Mapping[str, str | None] = MappingProxyType({})
    #: the environment must let every state stop (a reward at every state, log P_F(stop|s) finite)
    needs_stop_everywhere: bool = False
    #: there is one P_T, R / Z, that it leads to; where not, nothing is compared with R / Z
    has_target: ClassVar[bool] = True
    #: products of (actions / parents) along paths to a state must not depend on the path
    needs_path_independence: ClassVar[bool] = False
    #: what it learns is right beside a uniform P_B only
    needs_uniform_backward: ClassVar[bool] = False
    #: fewest trajectories in a batch with which it learns anything
    least_batch: int = 1
    #: what it makes of a trajectory depends on others in the batch, which must be those under the same condition
    #: (``Evaluated.groups``): a run whose batches do not repeat each condition (``per_condition``) is refused
    compares: bool = False
    #: it learns from pairs of trajectories (``trajectories.pairs``): of what ("objects", "steps", "opponent")
    reads_pairs: frozenset[str] = frozenset()
    #: names of ``data.sources`` whose trajectories it treats as no others
    tells_apart: frozenset[str] = frozenset()
    #: those of them that must give objects (``Kind.GIVEN``)
    only_given: frozenset[str] = frozenset()
    #: parameter groups that a loss of their own trains, so that a trunk shared with P_F would not learn for them
    separate: frozenset[str] = frozenset()
    #: steps on each batch in ``phases`` as they are by default
    epochs: int = 1
    #: what ``prepare`` reads beside what the first phase reads
    prepares_from: tuple[type[Quantity], ...] = ()
    #: what ``log_weights`` reads
    weighs_by: tuple[type[Quantity], ...] = (LogPB,)

    requires = FormerName("`quantities` lists what the loss reads, classes of molgfn.trajectories.quantities")
    anchors = FormerName("`prepares_from` lists what `prepare` reads, classes of molgfn.trajectories.quantities")
    auxiliaries = FormerName("`networks` lists the networks beside the policy, each a molgfn.objectives.base.Network")

    @abstractmethod
    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        """All losses of the objective on one batch, from ``quantities`` alone, as at the first step of an iteration."""

    def phases(self) -> tuple[Phase, ...]:
        """The updates of one iteration; the default is ``epochs`` steps on all that ``__call__`` gives."""
        return (Phase("forward", self, self.quantities, self.epochs),)

    def begin(self, iteration: int) -> None:
        """An iteration begins, counted from 0: called before ``prepare``, and all that an objective may know of time.

        What depends on it (a weight on a schedule) is a function of the number alone, so that a run that goes on is the
        same run.
        """

    def prepare(self, evaluated: Evaluated) -> Values:
        """What is frozen for the iteration, [B, ...] each, by quantity; computed without gradient.

        A ``Frozen`` quantity for what is made here; any other takes the place of what is evaluated later.
        """
        return {}

    def log_weights(self, evaluated: Evaluated) -> Tensor:
        """log w(tau), [B], whose expectation over P_F is Z: where log Z starts, and what it keeps up with.

        The default, -S(tau) = log P_B(tau | x) + log R'(x) - log P_F(tau), is right for flows.
        """
        return -residuals.log_ratios(evaluated)
