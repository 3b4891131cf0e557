"""The contract of policies, checked at the states of random walks."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from molgfn.environments.base import Environment, States
from molgfn.environments.enumerable import Enumerable
from molgfn.errors import ContractError
from molgfn.policies.base import Policy, PolicyOutput
from molgfn.policies.carried import Carried
from molgfn.policies.distributions import ActionDistribution, HasTable
from molgfn.testing.choices import choices_of

#: how far two ways to the same number may be apart, relative and absolute, in double precision
RELATIVE, ABSOLUTE = 1e-7, 1e-9


def check_policy(
    make: Callable[..., Policy], environment: Environment, *, walks: int = 24, seed: int = 0, scale: float = 0.2
) -> None:
    """Check everything that ``policies.base.Policy`` promises.

    The policy is made with and without a learned P_B and with losses of their own for log F and P_B, gets random
    parameters in double precision, and is asked at the states of random walks. Groups hold all parameters, each once;
    distributions are what ``distribution`` and ``backward_distribution`` say, draw only what is legal, and their
    probabilities sum to one; a table, where there is one, is finite where an action is legal; P_F, P_B and log F can
    each be asked for alone and are the same numbers; ``for_rollout`` has the same P_F at every step of a rollout, also
    where trajectories leave it; neither the order nor the company of states changes them; states that are the same up
    to relabelling get the same numbers; ``raise_flow`` adds its amount (or does nothing, as the default); ``copy`` and
    ``frozen`` do not follow; gradients are finite.

    **A critic's trunk.** A loss that trains log F alone (a critic, value targets) or P_B alone (``tlm``) gives gradient
    to that group only. If such a head reads a trunk of P_F's, the trunk never learns for it, and nothing fails: a
    shared trunk cost Ent-PPO a total variation of .68 where separate ones had .15. So a policy is told in
    ``own_losses`` which groups have a loss of their own, and must then keep the gradient of log F (or log P_B) away
    from P_F's parameters; a constructor without ``own_losses`` must always keep it away.

    Args:
        make: the class or a function, called with ``environment`` and, as far as it takes them, ``learned_backward``,
            ``own_losses`` and ``backward_rule``, as a run calls it.
        environment: where it acts.
        walks: random walks, whose states it is asked at.
        seed: of the parameters and the walks.
        scale: standard deviation of the random parameters.

    Raises:
        ContractError: names the policy, the promise, and what came instead.
    """
    for learned in (False, True):
        _Check(make, environment, learned, seed, scale).run(walks)


def _made(make: Callable[..., Policy], environment: Environment, needs: Mapping[str, Any]) -> tuple[Policy, set[str]]:
    """The policy, and which of ``needs`` the constructor takes."""
    signature = inspect.signature(make).parameters
    anything = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in signature.values())
    taken = {k: v for k, v in needs.items() if anything or k in signature}
    return make(environment=environment, **taken), set(taken)


@dataclass(frozen=True)
class _Numbers:
    """Log-probabilities of all legal actions in both directions, and flows; everything by state."""

    forward: Tensor
    backward: Tensor
    log_flow: Tensor


class _Check:
    def __init__(
        self, make: Callable[..., Policy], environment: Environment, learned: bool, seed: int, scale: float
    ) -> None:
        self.make, self.environment, self.learned = make, environment, learned
        self.seed, self.scale = seed, scale
        self.policy, _ = self.new(frozenset())
        self.name = type(self.policy).__name__
        self.generator = torch.Generator().manual_seed(seed)
        self.choices = choices_of(environment, self.policy, self.generator)

    def new(self, own_losses: frozenset[str]) -> tuple[Policy, set[str]]:
        torch.manual_seed(self.seed)
        needs = {"learned_backward": self.learned, "own_losses": own_losses, "backward_rule": "uniform"}
        policy, taken = _made(self.make, self.environment, needs)
        policy = policy.double()
        draw = torch.Generator().manual_seed(self.seed)
        with torch.no_grad():  # heads that start at zero would hide mistakes
            for p in policy.parameters():
                p.copy_(self.scale * torch.randn(p.shape, generator=draw, dtype=p.dtype))
        return policy, taken

    def require(self, holds: bool | Tensor, promise: str) -> None:
        if not bool(holds):
            raise ContractError(f"{self.name}: {promise}")

    def near(self, a: Tensor, b: Tensor, promise: str) -> None:
        same = a.shape == b.shape and torch.allclose(a, b, rtol=RELATIVE, atol=ABSOLUTE)
        far = float((a - b).detach().abs().max()) if a.shape == b.shape and a.numel() else "another shape"
        self.require(same, f"{promise} (largest difference: {far})")

    def run(self, walks: int) -> None:
        self.require(isinstance(self.policy, Policy), "is no policies.base.Policy; inherit from it")
        self.policy.parameter_groups()
        states, terminal = self.walk(walks)
        self.kinds(states)
        self.legal(states)
        base = self.numbers(self.policy, states)
        self.asked_alone(states)
        self.rollouts(states)
        self.company(states, base)
        self.relabelled(states, base)
        self.flows(states, base)
        self.copies(states, base)
        self.gradients(states)
        self.log_z(terminal)

    def walk(self, n: int) -> tuple[States, States]:
        """All states of ``n`` random walks, and the last of each."""
        e, states = self.environment, self.environment.draw_initial(n, self.generator)
        visited, finished = [], []
        for _ in range(e.max_steps):
            visited.append(states)
            actions = self.choices.draw(states, forward=True)
            ends = e.is_exit(states, actions)
            finished.append(states[ends])
            states = e.step(states, actions)[~ends]
            if not len(states):
                break
        return type(states).cat(visited), type(states).cat(finished)

    # ------------------------------------------------------------------ what there is

    def ask(self, states: States, **what: bool) -> PolicyOutput:
        return self.policy(states, **{"forward": False, "backward": False, "flow": False, **what})

    def kinds(self, states: States) -> None:
        out = self.ask(states, forward=True, backward=True, flow=True)
        for what, found, said in (
            ("P_F", out.forward, self.policy.distribution),
            ("P_B", out.backward, self.policy.backward_distribution),
        ):
            self.require(
                isinstance(found, said), f"says that {what} is a {said.__name__}, but gives a {type(found).__name__}"
            )
        flow = out.log_flow
        self.require(flow is not None and flow.shape == (len(states),), "log F does not come one per state")

    def sides(self, states: States) -> Iterable[tuple[str, bool, States]]:
        """Both directions, each with the states where it has an action."""
        return (("P_F", True, states), ("P_B", False, states[~self.environment.is_initial(states)]))

    def distribution(self, policy: Policy, states: States, *, forward: bool) -> ActionDistribution:
        out = policy(states, forward=forward, backward=not forward)
        found = out.forward if forward else out.backward
        self.require(found is not None, f"gives no {'P_F' if forward else 'P_B'} though it was asked for")
        return found  # type: ignore[return-value]

    def legal(self, states: States) -> None:
        for what, forward, here in self.sides(states):
            distribution = self.distribution(self.policy, here, forward=forward)
            for _ in range(8):
                drawn = distribution.sample(self.generator)
                self.require(self.choices.legal(here, drawn, forward=forward).all(), f"{what} draws illegal actions")
                log_p = distribution.log_prob(drawn)
                self.require(log_p.shape == (len(here),), f"log_prob of {what} does not come one per state")
                possible = distribution.density or bool((log_p <= 1e-9).all())  # a density may be above 1
                self.require(possible and log_p.isfinite().all(), f"{what}: log P of a draw is no log P")
            if isinstance(self.environment, Enumerable):
                row, log_p = self.all_legal(self.policy, here, forward=forward)
                total = torch.zeros(len(here), dtype=log_p.dtype).index_add(0, row, log_p.exp())
                self.near(
                    total, torch.ones_like(total), f"probabilities of {what} do not sum to one over legal actions"
                )
            if isinstance(distribution, HasTable):
                self.table(what, distribution, here, forward=forward)

    def table(self, what: str, distribution: HasTable, states: States, *, forward: bool) -> None:
        table = distribution.log_probs()
        flat = table.flatten(1)
        self.require(not flat.isnan().any(), f"the table of {what} has NaN")
        self.near(flat.exp().sum(1), torch.ones_like(flat[:, 0]), f"the table of {what} does not sum to one")
        if not isinstance(self.environment, Enumerable):
            return
        row, actions = self.edges(states, forward=forward)
        mask = torch.zeros(table.shape, dtype=torch.bool)
        at = (row, *actions.unbind(1)) if actions.dim() == 2 else (row, actions)
        mask[at] = True
        self.require(
            torch.equal(mask, table.isfinite()), f"the table of {what} is not finite exactly where it is legal"
        )
        log_p = self.distribution(self.policy, states[row], forward=forward).log_prob(actions)
        self.near(table[at], log_p, f"table and log_prob of {what} differ")

    def edges(self, states: States, *, forward: bool) -> tuple[Tensor, Tensor]:
        """All legal actions, with the exit: (row [m], actions [m, ...])."""
        row, actions = self.choices.edges(states, forward=forward)
        if forward:
            ends = self.environment.stop_mask(states).nonzero().squeeze(1)
            row, actions = torch.cat([row, ends]), torch.cat([actions, self.environment.exit_action(states[ends])])
        return row, actions

    def all_legal(self, policy: Policy, states: States, *, forward: bool) -> tuple[Tensor, Tensor]:
        """(row [m], log P [m]) of all legal actions."""
        row, actions = self.edges(states, forward=forward)
        return row, self.distribution(policy, states[row], forward=forward).log_prob(actions)

    def numbers(self, policy: Policy, states: States) -> _Numbers:
        """Of each state: sorted log-probabilities of all legal actions (where they can be listed), and the flow."""
        columns = []
        for forward in (True, False):
            if not isinstance(self.environment, Enumerable):
                columns.append(torch.zeros(len(states), 1, dtype=torch.float64))
                continue
            here = torch.arange(len(states)) if forward else (~self.environment.is_initial(states)).nonzero().squeeze(1)
            if not len(here):
                columns.append(torch.ones(len(states), 1, dtype=torch.float64))
                continue
            row, log_p = self.all_legal(policy, states[here], forward=forward)
            order = torch.argsort(log_p.detach(), stable=True)
            order = order[torch.argsort(row[order], stable=True)]
            count = torch.bincount(row, minlength=len(here))
            place = torch.arange(len(row)) - (count.cumsum(0) - count)[row[order]]
            table = torch.ones(len(states), int(count.max()) if len(count) else 1, dtype=log_p.dtype)
            columns.append(table.index_put((here[row[order]], place), log_p.detach()[order]))
        flow = policy(states, forward=False, flow=True).log_flow
        return _Numbers(columns[0], columns[1], flow.detach())  # type: ignore[union-attr]

    # ------------------------------------------------------------------ what does not change it

    def asked_alone(self, states: States) -> None:
        inner = states[~self.environment.is_initial(states)]
        g = torch.Generator().manual_seed(self.seed)
        whole = self.ask(inner, forward=True, backward=True, flow=True)
        forward, backward, flow = (self.ask(inner, **{k: True}) for k in ("forward", "backward", "flow"))
        for what, out, given in (
            ("P_F", forward, "forward"),
            ("P_B", backward, "backward"),
            ("log F", flow, "log_flow"),
        ):
            others = [k for k in ("forward", "backward", "log_flow") if k != given and getattr(out, k) is not None]
            self.require(not others, f"asked for {what} alone, it also gives {', '.join(others)}")
            self.require(getattr(out, given) is not None, f"asked for {what} alone, it gives none")
        self.near(flow.log_flow, whole.log_flow, "log F alone is another number")  # type: ignore[arg-type]
        for what, alone, beside in (
            ("P_F", forward.forward, whole.forward),
            ("P_B", backward.backward, whole.backward),
        ):
            drawn = beside.sample(g)  # type: ignore[union-attr]
            self.near(alone.log_prob(drawn), beside.log_prob(drawn), f"{what} alone is another one")  # type: ignore[union-attr]

    def rollouts(self, states: States) -> None:
        with torch.no_grad():
            drawn = self.distribution(self.policy, states, forward=True).sample(self.generator)
            there = self.distribution(self.policy, states, forward=True).log_prob(drawn)
            self.near(self.policy.for_rollout()(states).log_prob(drawn), there, "for_rollout() has another P_F")
            self.along(states)

    def along(self, states: States) -> None:
        """P_F of ``for_rollout`` at each step of a rollout from any states, of which every third leaves on the way."""
        e, choice = self.environment, self.policy.for_rollout()
        left = torch.arange(len(states))
        for step in range(e.max_steps):
            drawn = self.distribution(self.policy, states, forward=True).sample(self.generator)
            there = self.distribution(self.policy, states, forward=True).log_prob(drawn)
            self.near(choice(states).log_prob(drawn), there, f"for_rollout() has another P_F at step {step}")
            on = ~e.is_exit(states, drawn)
            if isinstance(choice, Carried):
                on &= (left % 3 > 0) | (left > step)
            on = on.nonzero().squeeze(1)
            if not len(on):
                return
            states, left = e.step(states, drawn)[on], left[on]
            if isinstance(choice, Carried):
                choice.keep(on)

    def company(self, states: States, base: _Numbers) -> None:
        order = torch.randperm(len(states), generator=self.generator)
        middle = slice(len(states) // 2, len(states) // 2 + 1)
        mixed, one = self.numbers(self.policy, states[order]), self.numbers(self.policy, states[middle])
        for key, what in (("forward", "P_F"), ("backward", "P_B"), ("log_flow", "log F")):
            a = getattr(base, key)
            self.near(getattr(mixed, key), a[order], f"the order of states changes {what}")
            b = getattr(one, key)
            here = a[middle] if b.dim() == 1 else a[middle, : b.shape[1]]
            self.near(b, here, f"{what} of a state depends on its company")

    def relabelled(self, states: States, base: _Numbers) -> None:
        """States with the same key and other tensors, among those that were drawn."""
        if not isinstance(self.environment, Enumerable):
            return
        first: dict[Any, int] = {}
        for i, key in enumerate(self.environment.keys(states)):
            j = first.setdefault(key, i)
            for field, what in (("forward", "P_F"), ("backward", "P_B"), ("log_flow", "log F")):
                a = getattr(base, field)
                self.near(a[i], a[j], f"two states that are the same up to relabelling ({key!r}) differ in {what}")

    def flows(self, states: States, base: _Numbers) -> None:
        other = self.policy.copy()
        other.raise_flow(torch.tensor(1.5, dtype=torch.float64))
        after = self.numbers(other, states)
        shift = after.log_flow - base.log_flow
        nothing = not shift.any() and type(self.policy).raise_flow is Policy.raise_flow
        if not nothing:
            self.near(shift, torch.full_like(shift, 1.5), "raise_flow(1.5) does not add 1.5 to log F of every state")
        self.near(after.forward, base.forward, "raise_flow changes P_F")
        self.near(after.backward, base.backward, "raise_flow changes P_B")

    def copies(self, states: States, base: _Numbers) -> None:
        other = self.policy.copy()
        self.require(other.environment is self.policy.environment, "copy() has an environment of its own")
        still = self.distribution(self.policy, states, forward=True).frozen()
        drawn = still.sample(self.generator)
        before = still.log_prob(drawn).clone()
        with torch.no_grad():
            for p in other.parameters():
                p.add_(1.0)
        now = self.numbers(self.policy, states)
        for key in ("forward", "backward", "log_flow"):
            self.near(getattr(now, key), getattr(base, key), f"a change of its copy() changes the policy ({key})")
        saved = [p.detach().clone() for p in self.policy.parameters()]
        with torch.no_grad():
            for p in self.policy.parameters():
                p.add_(0.5 * torch.randn(p.shape, generator=self.generator, dtype=p.dtype))
        self.near(still.log_prob(drawn), before, "frozen() of P_F follows the parameters")
        with torch.no_grad():
            for p, old in zip(self.policy.parameters(), saved, strict=True):
                p.copy_(old)

    # ------------------------------------------------------------------ gradients

    def gradients(self, states: States) -> None:
        self.finite(states)
        sides = {"flow": "log F"} | ({"backward": "log P_B"} if self.learned else {})
        for group, what in sides.items():
            policy, taken = self.new(frozenset({group}))
            reached = self.reached(policy, states, group)
            if not reached:
                continue
            told = (
                "though `own_losses` names it" if "own_losses" in taken else "and its constructor takes no `own_losses`"
            )
            self.require(
                False,
                f"the gradient of {what} reaches parameters of P_F ({', '.join(reached[:3])}), {told}: what P_F reads "
                f"would not be trained for {what} by a loss of its own; give it a trunk of its own",
            )

    def reached(self, policy: Policy, states: States, group: str) -> list[str]:
        """Names of P_F's parameters that a loss of log F or P_B alone would need to train."""
        if group == "flow":
            total = policy(states, forward=False, flow=True).log_flow.sum()  # type: ignore[union-attr]
        else:
            inner = states[~self.environment.is_initial(states)]
            backward = self.distribution(policy, inner, forward=False)
            total = backward.log_prob(backward.sample(self.generator)).sum()
        named = {id(p): name for name, p in policy.named_parameters()}
        parameters = list(policy.parameter_groups()["forward"])
        found = torch.autograd.grad(total, parameters, allow_unused=True) if total.requires_grad else []
        return [named[id(p)] for p, g in zip(parameters, found, strict=False) if g is not None and g.any()]

    def finite(self, states: States) -> None:
        inner = states[~self.environment.is_initial(states)]
        out = self.policy(inner, forward=True, backward=True, flow=True)
        total: Tensor = out.log_flow.sum()  # type: ignore[union-attr]
        for distribution in (out.forward, out.backward):
            drawn = distribution.sample(self.generator)  # type: ignore[union-attr]
            total = total + distribution.log_prob(drawn).sum()  # type: ignore[union-attr]
        groups = self.policy.parameter_groups()
        parameters: list[nn.Parameter] = [p for k, g in groups.items() if k != "log_z" for p in g if p.requires_grad]
        for p, g in zip(parameters, torch.autograd.grad(total, parameters, allow_unused=True), strict=True):
            self.require(g is None or g.isfinite().all(), f"a gradient is not finite (of a parameter {list(p.shape)})")

    def log_z(self, terminal: States) -> None:
        found = self.policy.log_z_of(terminal)
        shape = (len(terminal),) if self.environment.condition_size else ()
        self.require(found.shape == shape, f"log Z has the shape {list(found.shape)}, not {list(shape)}")
