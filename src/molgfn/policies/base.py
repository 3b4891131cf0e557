"""The contract of a policy: P_F(a|s), P_B(a|s) and log F(s) (or V(s)) of a batch of states, and log Z."""

from __future__ import annotations

import copy
import itertools
import logging
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self, TypeVar

import torch
from torch import Tensor, nn

from molgfn.docstrings import attributes_in_docstring
from molgfn.environments.actions import ActionsInParts
from molgfn.environments.backward_weights import BackwardWeights
from molgfn.environments.base import Environment, States
from molgfn.environments.enumerable import enumerable
from molgfn.errors import ConfigError, ContractError
from molgfn.policies.distributions import ActionDistribution, Categorical, Staged, single
from molgfn.policies.log_z import LogZ, present_keys

S = TypeVar("S")


@dataclass(frozen=True)
class PolicyOutput:
    """What was asked for, for B states; the rest is None. ``log_flow``: [B]; of a half type it becomes float32."""

    forward: ActionDistribution | None = None
    backward: ActionDistribution | None = None
    log_flow: Tensor | None = None

    def __post_init__(self) -> None:
        if self.log_flow is not None:
            object.__setattr__(self, "log_flow", single(self.log_flow))


logger = logging.getLogger("molgfn")

#: a number; otherwise from the first batch, None as "mean"
LogZStart = float | Literal["importance", "mean"] | None


#: what P_B is where it has no parameters
BackwardRule = Literal["uniform", "maxent"] | BackwardWeights


@attributes_in_docstring
class Policy(nn.Module):
    """Forward policy, backward policy and state flow of one environment.

    Parameters fall into four groups: ``forward`` (P_F and whatever trunk it uses), ``backward``, ``flow``, ``log_z``.
    A trunk that is shared belongs to ``forward``.

    Args:
        environment: what it acts in; its ``encoding`` must be one that the policy reads.
        learned_backward: P_B has parameters; otherwise it is what ``backward_rule`` says.
        initial_log_z: where log Z starts. None or "mean": the mean of -S(tau) over the first batch, where its loss is
            least; where the reward is steep or has a filter that lies far below log Z, and the mean rises fast while
            P_F learns, so leave ``optimizer.lr_log_z`` null. "importance": log mean exp(-S(tau)), an estimate of log Z
            itself from below (arXiv 1509.00519).
        backward_rule: what P_B is where it has no parameters: "uniform" over the legal backward actions, "maxent", in
            proportion to the number of paths from the source to where each leads (``Environment.counts_paths``), or in
            proportion to weights.

    Raises:
        ConfigError: the environment's states are encoded in a way that the policy does not read, or has not got the
            weights of ``backward_rule``.
    """

    #: encodings that it reads, see ``Environment.encoding``
    reads: ClassVar[frozenset[str]]
    #: the heads that it has (``trajectories.quantities.networks.Head``)
    provides: ClassVar[frozenset[str]] = frozenset({"forward", "backward", "flow", "log_z"})

    def __init__(
        self,
        *,
        environment: Environment,
        learned_backward: bool,
        initial_log_z: LogZStart,
        backward_rule: BackwardRule = "uniform",
    ) -> None:
        super().__init__()
        if environment.encoding not in self.reads:
            raise ConfigError(
                f"policy: {type(self).__name__} reads {' or '.join(sorted(self.reads))} states, "
                f"but {type(environment).__name__} gives {environment.encoding} states"
            )
        if isinstance(backward_rule, BackwardWeights) and (reason := backward_rule.misfit(environment)):
            raise ConfigError(f"backward: {reason}")
        self.environment = environment
        self.learned_backward = learned_backward
        given = isinstance(initial_log_z, int | float)
        #: ``log_z(condition)`` -> [B], or a scalar without a condition
        self.log_z = LogZ(float(initial_log_z) if given else 0.0, environment.condition_size)  # type: ignore[arg-type]
        #: log F will be read of what a rollout records (``recording``), not P_F alone
        self.records_flow = True
        #: how the first batch sets log Z; None: it does not
        self.log_z_start: Literal["mean", "importance"] | None = None if given else initial_log_z or "mean"
        #: P_B without parameters: uniform over legal backward actions, or in proportion to the number of paths from the
        #: source to where the action leads (maximum entropy; ``Environment.counts_paths``), or to weights
        self.backward_rule: BackwardRule = backward_rule

    @property
    def distribution(self) -> type[ActionDistribution]:
        """What P_F's distributions are.

        What an objective needs of them (an exact KL, an entropy: ``distributions.capabilities``) is checked against it
        before the first step.
        """
        return Staged if self.in_parts else Categorical

    @property
    def backward_distribution(self) -> type[ActionDistribution]:
        """What P_B's distributions are."""
        return Staged if self.in_parts else Categorical

    @property
    def in_parts(self) -> bool:
        """Actions are chosen part by part, int64 [B, parts]."""
        return isinstance(self.environment, ActionsInParts)

    @abstractmethod
    def forward(
        self, states: States, *, forward: bool = True, backward: bool = False, flow: bool = False
    ) -> PolicyOutput:
        """Evaluate what is asked for at ``states`` [B]."""

    def for_rollout(self) -> Callable[[States], ActionDistribution]:
        """P_F of states [B] as the parameters are now, for the steps of one rollout, without gradient.

        A class may prepare here once what is the same at every step; the default asks ``forward`` each time. Where a
        state is evaluated from what was computed of the state before, this gives a ``policies.carried.Carried``.
        """
        return self._present

    def _present(self, states: States) -> ActionDistribution:
        return self(states).forward

    @abstractmethod
    def group_modules(self) -> dict[str, Iterable[nn.Parameter]]:
        """Parameters of the groups ``forward``, ``backward`` and ``flow``, each once."""

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """All parameters by group, each exactly once; ``log_z`` has its own.

        Raises:
            ContractError: ``group_modules`` names another group, leaves a trainable parameter out, which would never
                be trained, or has one twice.
        """
        groups = {**{k: list(v) for k, v in self.group_modules().items()}, "log_z": list(self.log_z.parameters())}
        name = type(self).__name__
        if unknown := sorted(set(groups) - {"forward", "backward", "flow", "log_z"}):
            raise ContractError(
                f"{name}.group_modules names {', '.join(unknown)}; the groups are forward, backward, flow"
            )
        often = Counter(id(p) for parameters in groups.values() for p in parameters)
        named = dict(self.named_parameters())
        if left := [key for key, p in named.items() if p.requires_grad and id(p) not in often]:
            raise ContractError(
                f"{name}.group_modules leaves out {_some(left)}, which would never be trained; put each into forward, "
                "backward or flow, or set its requires_grad to False"
            )
        if twice := [key for key, p in named.items() if often[id(p)] > 1]:
            raise ContractError(f"{name}.group_modules has {_some(twice)} more than once; each belongs into one group")
        return groups

    def fixed_backward(self, states: States, mask: Tensor) -> Categorical:
        """P_B by ``backward_rule`` over the legal backward actions ``mask`` [B, A'] of ``states``."""
        logits = torch.zeros(mask.shape, dtype=self.dtype, device=mask.device)
        if self.backward_rule != "uniform":
            row, action = mask.nonzero(as_tuple=True)
            logits = logits.index_put((row, action), self._log_weights(states, row, action).to(logits.dtype))
        return Categorical(logits, mask)

    def fixed_backward_of_parts(self, states: States, legal: Staged) -> Staged:
        """P_B by ``backward_rule`` over whole actions of several parts, those that ``legal`` has (with any weights)."""
        last = legal.levels()[-1]
        weight = torch.zeros(last.going.shape, dtype=self.dtype, device=last.going.device)
        if self.backward_rule != "uniform":
            weights = self._log_weights(states, *legal.leaves())
            weight = weight.masked_scatter(last.going, weights.to(weight.dtype))
        return legal.weighted(weight)

    def _log_weights(self, states: States, row: Tensor, actions: Tensor) -> Tensor:
        """log w of backward ``actions`` of the states ``row``, [m]; of maximum entropy log n of where they lead."""
        if isinstance(self.backward_rule, BackwardWeights):
            return self.backward_rule.log_weights(self.environment, states, row, actions)
        counting = enumerable(self.environment, "policy: P_B of maximum entropy")
        return counting.log_path_count(counting.undo(states[row], actions))

    def raise_flow(self, amount: Tensor) -> None:
        """Add ``amount`` (scalar) to log F of every state; called once, before the first step of a critic.

        A critic that starts far from the returns spends its first hundreds of steps on their mean. The default does
        nothing.
        """

    @contextmanager
    def recording(self) -> Iterator[Any]:
        """Within, what is evaluated may be kept, so that it need not be evaluated once more for a gradient step.

        Yields:
            What ``knowing`` takes; None where nothing is kept, which is the default.
        """
        yield None

    @contextmanager
    def knowing(self, recorded: Any, order: Tensor) -> Iterator[None]:
        """Within, the policy may be asked for recorded states alone, and knows what it computed of them.

        Args:
            recorded: by the same policy with the same parameters.
            order: int64 [S], for each state that it will be asked for, which of the recorded ones it is, counted over
                all calls.
        """
        yield

    def copy(self) -> Self:
        """A deep copy of the parameters; the environment is shared."""
        return copy.deepcopy(self, {id(self.environment): self.environment})

    def log_z_of(self, states: States) -> Tensor:
        """log Z of the conditions that ``states`` [B] carry, [B]; a scalar where they carry none."""
        return self.log_z(self.environment.condition(states) if self.environment.condition_size else None)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        present_keys(state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *rest)

    @property
    def device(self) -> torch.device:
        return self.log_z.constant.device

    @property
    def dtype(self) -> torch.dtype:
        """What log-probabilities, flows and rewards are computed in: that of log Z, at least float32."""
        return torch.promote_types(self.log_z.constant.dtype, torch.float32)


def parameters_of(*modules: nn.Module | None) -> Iterable[nn.Parameter]:
    """Those of all modules that are there."""
    return itertools.chain(*(m.parameters() for m in modules if m is not None))


def own_trunks(share_trunk: bool | None, own_losses: frozenset[str]) -> frozenset[str]:
    """Groups ("backward", "flow") whose head reads a trunk of its own.

    Args:
        share_trunk: True shares one trunk, with a warning where a loss of its own would not train it; False gives each
            its own; None shares it, but for what ``own_losses`` names.
        own_losses: groups that a loss of their own trains.
    """
    if share_trunk is None:
        return own_losses
    if share_trunk:
        warn_of_shared_trunk(own_losses)
        return frozenset()
    return frozenset({"backward", "flow"})


def spec_of(policy: Policy, spec: type[S], sizes: str) -> S:
    """The ``spec`` of a policy's environment.

    Args:
        policy: that reads it.
        spec: its class.
        sizes: what it has the sizes of, for the message.

    Raises:
        ConfigError: the environment has none of that class.
    """
    found = getattr(policy.environment, "spec", None)
    if isinstance(found, spec):
        return found
    where = f"{spec.__module__.removeprefix('molgfn.')}.{spec.__name__}"
    raise ConfigError(
        f"policy: {type(policy).__name__} reads the sizes of {sizes} from `spec` ({where}), which "
        f"{type(policy.environment).__name__} does not have"
    )


def warn_of_shared_trunk(own_losses: frozenset[str]) -> None:
    """Say that heads with a loss of their own read a trunk which that loss does not train."""
    if own_losses:
        logger.warning(
            "policy.share_trunk: the trunk learns for P_F alone, though %s with a loss of its own reads it (a critic "
            "on such a trunk cost Ent-PPO a total variation of .68 against .15); leave share_trunk at its default",
            " and ".join(sorted(own_losses)),
        )


def _some(names: list[str]) -> str:
    """The first five, and how many there are beside them."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
