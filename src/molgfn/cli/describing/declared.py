"""What components declare about themselves, in words."""

from __future__ import annotations

from typing import Any

from molgfn.objectives.backward.base import BackwardPolicyTraining
from molgfn.objectives.base import Objective, Phase, TargetNetwork
from molgfn.objects.base import ObjectKind
from molgfn.trajectories.mixture import Sources
from molgfn.trajectories.quantities.base import Quantity
from molgfn.trajectories.quantities.networks import Head

#: what any other class declares about itself, worth showing where it is there
DECLARED = (
    "provides", "reads", "kind", "encoding", "range", "direction", "units", "source", "reference",
)  # fmt: skip
#: the heads of networks
HEADS = {"forward": "P_F", "backward": "P_B", "flow": "log F", "log_z": "log Z"}
#: parameter groups and further networks, in the order in which they are named
GROUPS = {"forward": "P_F", "backward": "P_B", "flow": "log F or V", "log_z": "log Z"}


def declared(part: Any) -> dict[str, str]:
    """Label -> text. Objectives, backward policies and sources are asked as objects, everything else as a class."""
    if isinstance(part, Objective):
        return objective(part)
    if isinstance(part, BackwardPolicyTraining):
        return backward(part)
    if isinstance(part, Sources):
        return {
            "draws": "; ".join(part.off_policy_reasons) or "from the present P_F alone, which every objective takes"
        }
    cls = part if isinstance(part, type) else type(part)
    if issubclass(cls, Quantity):
        return quantity(cls)
    values = {name: getattr(cls, name, None) for name in DECLARED}
    return {k: words(v) for k, v in values.items() if v is not None and not callable(v) and not isinstance(v, property)}


def objective(o: Objective) -> dict[str, str]:
    """What an objective takes, trains and does in an iteration."""
    needs = {
        "a legal stop and a reward in every state": o.needs_stop_everywhere,
        "products of (actions / parents) along paths that do not depend on the path": o.needs_path_independence,
    }
    facts = {
        "trajectories": trajectories(o.on_policy),
        "reads": quantities(o.quantities),
        "gradient to": gradient_to(o),
        "an iteration": iteration(o.phases()),
        "target network": target(o),
        "further networks": ", ".join(network.name for network in o.networks),
        "frozen policies": ", ".join(o.frozen),
        "trunk of its own": ", ".join(GROUPS[g] for g in GROUPS if g in o.separate),
        "P_B": "must be uniform" if o.needs_uniform_backward else "",
        "smallest batch": str(o.least_batch) if o.least_batch > 1 else "",
        "compares": "trajectories under the same condition (condition.per_condition of at least 2)"
        if o.compares
        else "",
        "environment needs": ", and ".join(text for text, there in needs.items() if there),
        "reference": o.reference,
    }
    return {k: v for k, v in facts.items() if v}


def backward(b: BackwardPolicyTraining) -> dict[str, str]:
    """What P_B is, and what trains it."""
    facts = {
        "P_B": "has parameters" if b.learned else f"{b.fixed}, nothing to train",
        "trained by": trained_by(b),
        "trained on": trained_on(b),
        "trajectories": trajectories(b.on_policy),
        "reads": quantities(b.quantities) if b.has_loss else "",
        "an iteration": its_steps(b),
        "target network": f"the forward objective reads a copy of P_B that {follows(b.target)}" if b.target else "",
        "further networks": ", ".join(network.name for network in b.networks),
        "guide": type(b.guide).__name__ if b.guide else "",
        "reference": b.reference,
    }
    return {k: v for k, v in facts.items() if v}


def quantity(q: type[Quantity]) -> dict[str, str]:
    """What a quantity is called, read from and padded with."""
    facts = {
        "name": q.name,
        "reads": "; ".join(_head(head) for head in q.reads),
        "needs of P_F": ", ".join(need.gives for need in q.needs),
        "rewards of states on the way": "needed" if q.reads_state_rewards else "",
        "measured from": "P_F at the start of the iteration" if q.anchored else "",
        "on pads": f"{q.padding:g}" if q.per_step else "",
    }
    return {k: v for k, v in facts.items() if v}


def _head(head: Head) -> str:
    """Such as ``P_F of q2, where there is one``."""
    which = {"target": "the target network of ", "copy": "the target network of ", "constant": "(constant) "}
    there = ", where there is one" if head.optional or head.of == "copy" else ""
    return f"{HEADS[head.name]} of {which.get(head.of, '')}{head.network}{there}"


def trajectories(on_policy: bool) -> str:
    """Whose trajectories it may see."""
    return "of the present P_F only (on-policy)" if on_policy else "of any policy (off-policy)"


def gradient_to(o: Objective) -> str:
    """The parameter groups that get a gradient."""
    names = [GROUPS[g] + (" (with backward=joint)" if g == "backward" else "") for g in GROUPS if g in o.trains]
    return ", ".join(names + sorted(o.trains - set(GROUPS)))


def iteration(phases: tuple[Phase, ...]) -> str:
    """The steps on one batch."""
    return ", then ".join(_phase(p, alone=len(phases) == 1) for p in phases)


def _phase(p: Phase, *, alone: bool) -> str:
    steps = _count(p.epochs * p.splits, "step")
    parts = f" ({_count(p.epochs, 'pass', 'es')} over {p.splits} parts of the batch)" if p.splits > 1 else ""
    region = "" if p.trust_region is None else f" in a trust region of {p.trust_region.max_divergence:g}"
    return f"{steps if alone else f'{p.name} {steps}'}{parts}{region}"


def target(o: Objective) -> str:
    """The target network that it has, may have, or why it has none."""
    if o.target is not None:
        return follows(o.target)
    if o.on_policy or not o.bootstraps:
        return ""
    return "none; target=soft or target=periodic adds one"


def follows(t: TargetNetwork) -> str:
    """How a copy follows."""
    if t.every is None:
        return "copied as training begins"
    when = "every iteration" if t.every == 1 else f"every {t.every:,} iterations"
    return f"copied {when}" if t.rate == 1 else f"follows by {t.rate:g} {when}"


def trained_by(b: BackwardPolicyTraining) -> str:
    """Who trains P_B."""
    return "" if not b.learned else "the forward objective" if b.joint else "a loss of its own"


def trained_on(b: BackwardPolicyTraining) -> str:
    """The trajectories of its own loss."""
    where = {
        "batch": "the batch",
        "backward": "new trajectories that P_B draws from the objects of the batch",
        "recent": f"batches out of the latest {b.memory}",
    }
    return where[b.trajectories] if b.has_loss else ""


def its_steps(b: BackwardPolicyTraining) -> str:
    """When its own steps come, and how many."""
    return f"{_count(b.steps, 'step')} {b.when} those of the forward objective" if b.has_loss else ""


def quantities(listed: tuple[type[Quantity], ...]) -> str:
    """What is read about each step beside what is always there."""
    return ", ".join(quantity.name for quantity in listed) or "nothing"


def words(value: Any) -> str:
    """A declared value as a reader would say it."""
    if isinstance(value, frozenset):
        return ", ".join(sorted(value)) or "nothing"
    if isinstance(value, ObjectKind):
        return value.name
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _count(n: int, noun: str, ending: str = "s") -> str:
    return f"{n} {noun}{ending if n != 1 else ''}"
