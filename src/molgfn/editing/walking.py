"""The walk along a lead: its steps are taken again, some of them otherwise, and what is left goes on from there.

What the lead's step is in a state that was edited, by the contract of the environment alone:

* where actions act at slots (``environments.slots``), each step that is still to come is said in the slots of the
  edited state; those that are legal there may come next, in any order. What is taken otherwise at the place of a step
  takes the place of what that would have put there: later steps that act at it act at the new thing, at another point
  of it where their own is not there. Steps that nothing can be made of are left out and counted.
* otherwise the steps are what they are, in their order; one that is illegal is left out and counted.

When no step is left the lead's step is the exit; where that is not legal yet P_F goes on until it is (counted, too).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from molgfn.editing.lead_walks import LeadWalks, bare, forward_mask, slots_of
from molgfn.editing.rules import Rule
from molgfn.environments.actions import listed
from molgfn.environments.base import States
from molgfn.environments.conditional import without_condition
from molgfn.environments.slots import ActsAtSlots
from molgfn.errors import ConfigError
from molgfn.policies.base import Policy
from molgfn.policies.distributions.capabilities import HasTable
from molgfn.policies.distributions.categorical import choose


@dataclass(frozen=True)
class Edited:
    """What came of B walks.

    Attributes:
        terminal: B terminal states.
        edits: int64 [B], steps that were taken otherwise or added by choice; at most what was allowed.
        dropped: int64 [B], steps of the lead that no longer fitted.
        filled: int64 [B], steps that P_F took because nothing of the lead was left and the exit was not legal.
        changed: bool [B, T], steps of the lead that were taken otherwise.
        left_out: bool [B, T], those that were dropped.
        flagged: bool [B, S], at step s of the walk the rule flagged the lead's step.
    """

    terminal: States
    edits: Tensor
    dropped: Tensor
    filled: Tensor
    changed: Tensor
    left_out: Tensor
    flagged: Tensor


@dataclass(frozen=True)
class Next:
    """What the leads would do next in the states as they are.

    Attributes:
        probabilities: P_F, float64 [B, A].
        legal: bool [B, A].
        named: int64 [B, T], each step of the lead as an action here.
        fits: bool [B, T], those that may come now.
        step: int64 [B], the one that comes.
        goes_on: bool [B], there is one; else the lead would stop.
        own: int64 [B], its action, or the exit.
        forced: bool [B], the lead would stop, but may not.
    """

    probabilities: Tensor
    legal: Tensor
    named: Tensor
    fits: Tensor
    step: Tensor
    goes_on: Tensor
    own: Tensor
    forced: Tensor


@torch.no_grad()
def edit(
    policy: Policy, walks: LeadWalks, rule: Rule, most: Tensor | int, generator: torch.Generator | None = None
) -> Edited:
    """Walk along each lead with at most ``most`` edits (int64 [B], or one number).

    Where the rule flags more steps of the lead than there may be edits, so many of them are drawn, each alike:
    otherwise the first steps would always take them all. With no fewer edits than steps this is the rule as it is
    published.
    """
    steps, n = policy.environment.max_steps, len(walks)
    device = walks.lengths.device
    budget = torch.as_tensor(most, device=device).expand(n)
    noise = rule.noise(n, steps, generator, device)
    along = _Walk(policy, walks, rule, noise, torch.zeros_like(budget), None, generator).whole()
    few = along.flagged.sum(1) <= budget
    order = torch.rand(n, steps, generator=generator, device=device).masked_fill(~along.flagged, 2.0).argsort(1)
    rank = torch.empty_like(order).scatter(1, order, torch.arange(steps, device=device).expand_as(order))
    chosen = few[:, None] | (along.flagged & (rank < budget[:, None]))
    return _Walk(policy, walks, rule, noise, budget, chosen, generator).whole()


class _Walk:
    """One walk of each lead; ``chosen`` bool [B, S]: at which steps of the walk there may be an edit, None for all."""

    def __init__(
        self,
        policy: Policy,
        walks: LeadWalks,
        rule: Rule,
        noise: Tensor,
        budget: Tensor,
        chosen: Tensor | None,
        generator: torch.Generator | None,
    ) -> None:
        environment, device, n = policy.environment, walks.lengths.device, len(walks)
        self.policy, self.environment, self.walks, self.rule = policy, environment, walks, rule
        self.noise, self.budget, self.chosen, self.generator = noise, budget, chosen, generator
        self.slots = slots = slots_of(environment)
        plain = listed(without_condition(environment), "an edit")
        self.places = torch.zeros(plain.n_actions).long().to(device) if slots is None else slots.places(device)
        self.exit = environment.exit_action(walks.start)
        self.states, self.where, self.pending = walks.start, walks.slots, walks.steps
        self.edits, self.dropped, self.filled = (torch.zeros(n, dtype=torch.int64, device=device) for _ in range(3))
        self.changed, self.left_out = torch.zeros_like(self.pending), torch.zeros_like(self.pending)
        self.flagged = torch.zeros(n, environment.max_steps, dtype=torch.bool, device=device)
        self.alive = torch.ones(n, dtype=torch.bool, device=device)
        self.row = torch.arange(n, device=device)
        self.column = torch.arange(self.pending.shape[1], device=device)

    def whole(self) -> Edited:
        for s in range(self.environment.max_steps):
            here = self._next()
            actions, otherwise = self._decided(here, s)
            self._take(here, actions, otherwise)
            if not bool(self.alive.any()):
                break
        return Edited(self.states, self.edits, self.dropped, self.filled, self.changed, self.left_out, self.flagged)

    def _next(self) -> Next:
        """What comes; steps that cannot come any more are left out."""
        legal, probabilities = forward_mask(self.environment, self.states), _table(self.policy, self.states)
        named, slots = self._named(), self.slots
        fits = self.pending & (named >= 0) & legal.gather(1, named.clamp(min=0))
        step, goes_on = fits.to(torch.int8).argmax(1), fits.any(1)
        if slots is None:  # what comes before the first that fits would have had to come now
            gone = self.pending & ((self.column < step[:, None]) | ~goes_on[:, None])
            fits = fits & (self.column == step[:, None])
        else:
            there = self.pending & (named >= 0)
            step, named, stand = _with_stand_ins(slots, probabilities, named, there, legal, step, goes_on)
            goes_on = goes_on | stand
            gone = self.pending & ~goes_on[:, None]
        self._lose(gone & self.alive[:, None])
        own = torch.where(goes_on, named.gather(1, step[:, None]).squeeze(1), self.exit)
        may_stop = legal.gather(1, self.exit[:, None]).squeeze(1)
        forced = self.alive & ~goes_on & ~may_stop
        return Next(probabilities, legal, named, fits, step, goes_on, own, forced)

    def _named(self) -> Tensor:
        """int64 [B, T]: each step of the leads in the slots of the states as they are, -1 where one is missing."""
        actions = self.walks.actions
        if self.slots is None:
            return actions
        b, t = actions.shape
        return self.slots.renumbered(actions.reshape(-1), self.where.repeat_interleave(t, 0)).reshape(b, t)

    def _decided(self, here: Next, s: int) -> tuple[Tensor, Tensor]:
        """The actions [B] that are taken, and where they are other than the lead's by choice, bool [B]."""
        own, legal, left = here.own, here.legal, self.budget - self.edits
        # other steps of the lead that may come now are no alternatives to this one
        others = torch.zeros_like(legal).scatter_add(1, here.named.clamp(min=0), here.fits)
        choices = legal & ~others.scatter(1, own[:, None], False)
        # to stop here loses all that is left, an edit each
        too_dear = here.goes_on & (self.pending.sum(1) > left)
        choices[self.row, self.exit] &= ~too_dear
        share = here.probabilities.gather(1, own[:, None]).squeeze(1)
        best = here.probabilities.masked_fill(~choices, 0.0).amax(1)
        flags = self.rule.flags(share, best, self.noise[:, s]) & self.alive & ~here.forced
        if self.rule.blind:
            weights = choices & (self.places[None] == self.places[own][:, None])
            weights[self.row, own] = False
            flags = flags & weights.any(1) & here.goes_on
            weights = weights.double()
        else:
            weights = here.probabilities.masked_fill(~choices, 0.0)
        self.flagged[:, s] = flags
        may = flags & (left > 0)
        if self.chosen is not None:
            may = may & self.chosen[:, s]
        actions = torch.where(self.alive, own, self.exit)
        rows, forced = may.nonzero().squeeze(1), here.forced.nonzero().squeeze(1)
        if len(rows):
            actions[rows] = self._drawn(weights[rows], own[rows])
        if len(forced):
            actions[forced] = choose(here.probabilities[forced].log(), self.generator)
        return actions, may & (actions != own)

    def _drawn(self, weights: Tensor, own: Tensor) -> Tensor:
        """Actions in proportion to ``weights`` [b, A], as the rule mixes them with the lead's own [b]."""
        total = weights.sum(1, keepdim=True)
        alone = torch.zeros_like(weights).scatter(1, own[:, None], 1.0)  # where there is nothing else
        shares = torch.where(total > 0, weights / total.clamp(min=1e-300), alone)
        return choose((shares if self.rule.blind else self.rule.mixed(shares, own)).log(), self.generator)

    def _take(self, here: Next, actions: Tensor, otherwise: Tensor) -> None:
        stops = self.environment.is_exit(self.states, actions)
        goes = (otherwise & ~stops)[:, None]
        at = self.places[actions][:, None]
        of_own = (self.column == here.step[:, None]) & here.goes_on[:, None]
        # the step of the lead that this one stands for: that at whose place it was taken, the present one before others
        same_place = here.fits & (self.places[here.named.clamp(min=0)] == at)
        at_own = (self.places[here.own][:, None] == at) & here.goes_on[:, None]
        replaced = torch.where(at_own, of_own, same_place & (same_place.to(torch.int8).cumsum(1) == 1)) & goes
        kept = of_own & (self.alive & ~otherwise & ~here.forced)[:, None]
        done = kept | replaced
        if self.slots is not None:
            self.where = _put(self.where, self.walks.fills, done, self.slots.filled_slot(bare(self.states), actions))
        self.pending = self.pending & ~done
        lost = self.pending & (stops & otherwise)[:, None]
        self.edits = self.edits + torch.where(stops, lost.sum(1).clamp(min=1), 1) * otherwise
        self._lose(lost)
        self.filled = self.filled + here.forced
        self.changed = self.changed | replaced
        self.states = self.environment.step(self.states, actions)
        self.alive = self.alive & ~stops

    def _lose(self, steps: Tensor) -> None:
        self.left_out = self.left_out | steps
        self.dropped = self.dropped + steps.sum(1)
        self.pending = self.pending & ~steps


def _with_stand_ins(
    slots: ActsAtSlots, probabilities: Tensor, named: Tensor, there: Tensor, legal: Tensor, step: Tensor, found: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """For rows in which no step of the lead is legal (``found`` [B] False) the first of ``there`` [B, T] that can be
    taken elsewhere at its slot, at the likeliest place: which step it is [B], the steps with it instead [B, T], and
    whether there is one [B].
    """
    stand = torch.zeros_like(found)
    step, named = step.clone(), named.clone()
    rows = (~found & there.any(1)).nonzero().squeeze(1)
    for column in range(named.shape[1] if len(rows) else 0):
        some = rows[there[rows, column] & ~stand[rows]]
        options = slots.stand_ins(named[some, column]) & legal[some]
        can = options.any(1)
        likeliest = (probabilities[some] + 1e-300).masked_fill(~options, -1.0).argmax(1)
        named[some[can], column] = likeliest[can]
        step[some[can]] = column
        stand[some[can]] = True
    return step, named, stand


def _put(where: Tensor, fills: Tensor, done: Tensor, slot: Tensor) -> Tensor:
    """``where`` [B, W] after the steps ``done`` [B, T], at most one a row: what it fills is in ``slot`` [B]."""
    name = fills.masked_fill(~done, -1).amax(1)
    old = where.gather(1, name.clamp(min=0)[:, None])
    return where.scatter(1, name.clamp(min=0)[:, None], torch.where((name < 0)[:, None], old, slot[:, None]))


def _table(policy: Policy, states: States) -> Tensor:
    """P_F of all actions, float64 [B, A].

    Raises:
        ConfigError: the policy's probabilities cannot be listed.
    """
    distribution = policy(states).forward
    if not isinstance(distribution, HasTable):
        raise ConfigError(
            f"an edit compares all actions, and {type(policy).__name__} does not list their probabilities"
        )
    return distribution.log_probs().exp().double()
