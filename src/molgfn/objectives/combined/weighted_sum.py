"""Several objectives at once, weighted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from molgfn.errors import ConfigError, ContractError
from molgfn.objectives.base import Loss, Objective, ObjectiveOutput, TargetNetwork
from molgfn.objectives.combined.term import Term
from molgfn.trajectories.evaluated import Evaluated
from molgfn.trajectories.quantities.sources import SourceCode


class WeightedSum(Objective):
    """Sum of objectives, each with a weight that may change, and each of the trajectories of some sources or of all.

    ``L = sum_k w_k(iteration) L_k``, where ``L_k`` is the loss of term k over its own trajectories (from [B, T]), a
    mean over these. Each loss reaches the parameter groups that its objective trains (P_B with ``backward=joint``). A
    weight that is 0 leaves its term out of the step. ``configs/objective/agfn.yaml`` is the mixture of A-GFN: maximum
    likelihood of given molecules with 20, and trajectory balance on the whole batch with .04.

    What the terms ask for is joined: quantities, networks, frozen policies, what the environment and the batch must be.
    They must agree on what they share: those that train log Z mean the same by it, ``log_flow`` is one thing, one
    target network follows, and no two networks have one name.

    Metrics: those of each term under its name, ``weight/<name>``, and ``share/<name>``, the share of the batch that a
    term was of.

    Args:
        terms: name -> term, at least one.

    Raises:
        ConfigError: two terms do not fit together, with the reason.

    Reference: Pandey et al. 2024, arXiv 2409.09702 (A-GFN's mixture). Pinned by tests/objectives/test_weighted_sum.py.
    """

    on_policy: bool = False  # type: ignore[misc]  # what the terms are
    only_offline: bool = False  # type: ignore[misc]
    reads_reward: bool = True  # type: ignore[misc]
    bootstraps: bool = False  # type: ignore[misc]
    forward_looking: bool = False  # type: ignore[misc]
    learns_flow: bool = False  # type: ignore[misc]
    has_target: bool = True  # type: ignore[misc]
    needs_path_independence: bool = False  # type: ignore[misc]
    needs_uniform_backward: bool = False  # type: ignore[misc]
    reference: ClassVar[str] = "Pandey et al. 2024, arXiv 2409.09702 (A-GFN's mixture)"

    def __init__(self, *, terms: Mapping[str, Term]) -> None:
        if not terms:
            raise ConfigError("terms: names none")
        self.terms = dict(terms)
        self._weights = {name: term.at(0) for name, term in self.terms.items()}
        parts = [term.objective for term in self.terms.values()]
        if problems := _misfits(self.terms):
            raise ConfigError(problems)
        told = frozenset[str]().union(*(term.sources or () for term in self.terms.values()))
        listed = [q for part in parts for q in part.quantities] + ([SourceCode] if told else [])
        self.quantities = tuple(dict.fromkeys(listed))
        self.trains = frozenset[str]().union(*(part.trains for part in parts))
        self.separate = frozenset[str]().union(*(part.separate for part in parts))
        for name in ("on_policy", "reads_reward", "bootstraps", "forward_looking", "learns_flow"):
            setattr(self, name, any(getattr(part, name) for part in parts))
        for name in ("needs_stop_everywhere", "needs_path_independence", "needs_uniform_backward", "compares"):
            setattr(self, name, any(getattr(part, name) for part in parts))
        self.only_offline = any(t.objective.only_offline and t.sources is None for t in self.terms.values())
        self.has_target = all(part.has_target and not part.only_offline for part in parts)
        self.least_batch = max(part.least_batch for part in parts)
        self.networks = tuple(network for part in parts for network in part.networks)
        self.frozen = {name: path for part in parts for name, path in part.frozen.items()}
        self.target: TargetNetwork | None = next((part.target for part in parts if part.target is not None), None)
        self.tells_apart = told
        self.reads_pairs = frozenset[str]().union(*(part.reads_pairs for part in parts))
        self.only_given = frozenset[str]().union(
            *(term.sources or () for term in self.terms.values() if term.objective.only_offline)
        )
        defining = [part for part in parts if "log_z" in part.trains] or parts[:1]
        self._of_log_z = defining[0]
        self.weighs_by = self._of_log_z.weighs_by

    def begin(self, iteration: int) -> None:
        self._weights = {name: term.at(iteration) for name, term in self.terms.items()}

    def __call__(self, evaluated: Evaluated) -> ObjectiveOutput:
        losses: dict[str, Loss] = {}
        metrics: dict[str, Tensor] = {}
        for name, term in self.terms.items():
            weight = self._weights[name]
            metrics[f"weight/{name}"] = evaluated.log_reward.new_tensor(weight)
            own = term.of(evaluated)
            metrics[f"share/{name}"] = evaluated.log_reward.new_tensor(0 if own is None else len(own) / len(evaluated))
            if own is None or not weight:
                continue
            if len(own) < term.objective.least_batch:
                raise ContractError(
                    f"WeightedSum: the term {name} compares at least {term.objective.least_batch} trajectories, but "
                    f"its sources gave {len(own)}; raise their share"
                )
            output = term.objective(own)
            losses |= {f"{name}/{k}": Loss(weight * loss.value, loss.groups) for k, loss in output.losses.items()}
            metrics |= {f"{name}/{k}": value for k, value in output.metrics.items()}
        if not losses:  # a step without one is a step that moves nothing
            losses["none"] = Loss(0 * evaluated.log_pf.sum(), frozenset({"forward"}))
        return ObjectiveOutput(losses, metrics)

    def log_weights(self, evaluated: Evaluated) -> Tensor:
        return self._of_log_z.log_weights(evaluated)


def _misfits(terms: Mapping[str, Term]) -> list[str]:
    """Why terms cannot be trained together, one line each."""
    problems = []
    of_log_z = {
        name: (type(t.objective).log_weights, t.objective.weighs_by)
        for name, t in terms.items()
        if "log_z" in t.objective.trains
    }
    if len(set(of_log_z.values())) > 1:
        problems.append(
            f"terms: {' and '.join(of_log_z)} mean different things by log Z (what one trains is wrong for the other); "
            "take the form of one that needs none, such as vargrad, or rtb with log_z=batch"
        )
    flows = {
        name: t.objective.forward_looking
        for name, t in terms.items()
        if "flow" in t.objective.trains or t.objective.bootstraps
    }
    if len(set(flows.values())) > 1:
        problems.append(
            f"terms: {' and '.join(flows)} mean different things by log_flow (log F(s), and log F(s) - log R(s)); take "
            "one of them"
        )
    meanings = {
        name: t.objective.learns_flow for name, t in terms.items() if "flow" in t.objective.trains and name in flows
    }
    if len(set(meanings.values())) > 1:
        problems.append(
            f"terms: {' and '.join(meanings)} train log_flow to be a flow and to be a value; take one of them"
        )
    targets = {
        name: (t.objective.target.rate, t.objective.target.every)
        for name, t in terms.items()
        if t.objective.target is not None
    }
    if len(set(targets.values())) > 1:
        problems.append(
            f"terms: {' and '.join(targets)} have target networks that follow at different rates; set `target`"
        )
    seen: dict[str, str] = {}
    for name, term in terms.items():
        for network in [n.name for n in term.objective.networks]:
            if network in seen:
                problems.append(f"terms: {seen[network]} and {name} both have a network {network}")
            seen[network] = name
    paths: dict[str, tuple[str, str | None]] = {}
    for name, term in terms.items():
        for policy, path in term.objective.frozen.items():
            if policy in paths and paths[policy][1] != path:
                problems.append(f"terms: {paths[policy][0]} and {name} read different policies as {policy}")
            paths[policy] = name, path
    return problems
