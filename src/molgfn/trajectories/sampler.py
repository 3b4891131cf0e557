"""One sampler for both directions: forward from the source or given states, backward from given terminal states."""

from __future__ import annotations

import torch
from torch import Tensor

from molgfn.environments.base import Environment, States
from molgfn.policies.base import Policy
from molgfn.policies.carried import Carried
from molgfn.policies.exploration import Exploration
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.kept import Kept
from molgfn.trajectories.undoing import Undoing


class Sampler:
    """Rolls a policy out in an environment.

    Args:
        environment: what to act in.
        compact: finished trajectories leave the batch at once, which costs least on a CPU; otherwise the batch keeps
            its size until the end, and no step waits for the host. None: as the device has it.
        last_step: forward trajectories that have taken that many steps exit where they may, whatever P_F draws; None:
            they go on.
    """

    def __init__(self, environment: Environment, *, compact: bool | None = None, last_step: int | None = None) -> None:
        self.environment = environment
        self.compact = compact
        self.last_step = last_step

    @torch.no_grad()
    def forward(
        self,
        policy: Policy,
        n: int,
        *,
        generator: torch.Generator | None = None,
        exploration: Exploration | None = None,
        start: States | None = None,
    ) -> Trajectories:
        """``n`` trajectories from P_F (or from ``exploration`` of it), not scored.

        With ``start`` they begin at these ``n`` states instead of the source, and count their steps from there.
        """
        return self._forward(policy, n, generator, exploration, start)[0]

    @torch.no_grad()
    def forward_and_keep(
        self,
        policy: Policy,
        n: int,
        *,
        generator: torch.Generator | None = None,
        exploration: Exploration | None = None,
    ) -> tuple[Trajectories, Kept | None]:
        """As ``forward``, and what the policy recorded on the way, so that nothing need be computed twice."""
        with policy.recording() as recorded:
            trajectories, order = self._forward(policy, n, generator, exploration, None)
        return trajectories, None if recorded is None else Kept.of(policy, trajectories.states, recorded, order)

    def _forward(
        self,
        policy: Policy,
        n: int,
        generator: torch.Generator | None,
        exploration: Exploration | None,
        start: States | None,
    ) -> tuple[Trajectories, Tensor]:
        """The trajectories; and int64 [S], which of the states that the policy was asked for each of theirs is."""
        environment, device = self.environment, policy.device
        states = environment.draw_initial(n, generator, device) if start is None else start.to(device)
        alive = torch.arange(n, device=device)
        running = torch.ones(n, dtype=torch.bool, device=device)
        compact = device.type == "cpu" if self.compact is None else self.compact
        choice, draw = policy.for_rollout(), (exploration or _AS_IT_IS).sample
        states_of, alive_of, running_of, actions_of, exits_of = [], [], [], [], []
        for taken in range(environment.max_steps):
            actions = draw(choice(states), generator)
            if self.last_step is not None and taken >= self.last_step:
                ends = environment.stop_mask(states).view(-1, *[1] * (actions.dim() - 1))
                actions = torch.where(ends, environment.exit_action(states), actions)
            after, exits = environment.step(states, actions), environment.is_exit(states, actions)
            states_of.append(states)
            alive_of.append(alive)
            running_of.append(running)
            actions_of.append(actions)
            exits_of.append(exits)
            states = after
            if not compact:
                running = running & ~exits
            elif exits.any():  # in most steps nobody has finished, and there is nothing to copy
                going = (~exits).nonzero().squeeze(1)
                if not len(going):
                    break
                states, alive = states[going], alive[going]
                if isinstance(choice, Carried):
                    choice.keep(going)
        sizes = [len(rows) for rows in alive_of]
        step = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes)).to(device)
        trajectory = torch.cat(alive_of)
        if compact:
            order = _order(trajectory, step)
        else:
            real = torch.cat(running_of).nonzero().squeeze(1)
            order = real[_order(trajectory[real], step[real])]
        trajectories = flat(
            states=type(states).cat(states_of),
            trajectory=trajectory,
            step=step,
            actions=torch.cat(actions_of),
            backward_actions=environment,
            exits=torch.cat(exits_of),
            n=n,
            order=order,
        )
        return trajectories, order

    @torch.no_grad()
    def backward(self, policy: Policy, terminal: States, *, generator: torch.Generator | None = None) -> Trajectories:
        """One trajectory from P_B for each of the B terminal states, given in forward order, not scored."""
        environment = self.environment
        n = len(terminal)
        alive = torch.arange(n, device=policy.device)
        states = terminal.to(policy.device)
        leave = environment.exit_action(states)
        # of an exit a backward action has a shape, but no meaning
        parts = [(states, alive, torch.zeros_like(alive), leave, environment.backward_action(states, leave, states))]
        for step in range(1, environment.max_steps + 1):
            going = ~environment.is_initial(states)
            if not going.all():
                if not going.any():
                    break
                states, alive = states[going], alive[going]
            distribution = policy(states, forward=False, backward=True).backward
            backs = distribution.sample(generator)
            before = environment.undo(states, backs)
            actions = environment.forward_action(states, backs, before)
            parts.append((before, alive, torch.full_like(alive, -step), actions, backs))
            states = before
        steps = torch.cat([p[2] for p in parts])
        trajectory = torch.cat([p[1] for p in parts])
        depth = torch.zeros(n, dtype=torch.int64, device=steps.device).scatter_reduce(0, trajectory, -steps, "amax")
        return flat(
            states=type(terminal).cat([p[0] for p in parts]),
            trajectory=trajectory,
            step=steps + depth[trajectory],
            actions=torch.cat([p[3] for p in parts]),
            backward_actions=torch.cat([p[4] for p in parts]),
            exits=steps == 0,
            n=n,
        )


_AS_IT_IS = Exploration()


def flat(
    *,
    states: States,
    trajectory: Tensor,
    step: Tensor,
    actions: Tensor,
    backward_actions: Tensor | Environment,
    exits: Tensor,
    n: int,
    order: Tensor | None = None,
) -> Trajectories:
    """Entries -> trajectory by trajectory, step by step.

    ``backward_actions``: of the entries; or the environment, which is asked when somebody reads them (see ``Undoing``).
    ``order``: int64 [S], which of the entries these are, one after the other; None: all of them, sorted here.
    """
    if order is None:
        order = _order(trajectory, step)
    trajectory, states, actions, exits = trajectory[order], states[order], actions[order], exits[order]
    found = isinstance(backward_actions, Tensor)
    return Trajectories(
        states=states,
        actions=actions,
        undoing=backward_actions[order] if found else Undoing(backward_actions, states, actions, exits),
        exits=exits,
        trajectory=trajectory,
        step=step[order],
        lengths=torch.bincount(trajectory, minlength=n),
    )


def _order(trajectory: Tensor, step: Tensor) -> Tensor:
    """The entries trajectory by trajectory, step by step, int64 [S]."""
    return torch.argsort(trajectory * (int(step.max()) + 1) + step)
