"""A guide through the parts that known good objects have in common."""

from __future__ import annotations

from math import exp, inf
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from molgfn.environments.base import Environment, States
from molgfn.environments.enumerable import enumerable
from molgfn.errors import TrainingError
from molgfn.networks.segments import segment_logsumexp
from molgfn.objectives.backward.base import Guide
from molgfn.policies.base import Policy
from molgfn.training.guides.ancestors import Ancestors, ancestors
from molgfn.training.guides.hash_table import HashTable, first_of_each
from molgfn.trajectories.batch import Trajectories
from molgfn.trajectories.quantities.backward import backward_log_prob


class StoredRewardsGuide(Guide):
    """Steps towards x in proportion to the mean reward of the known objects that contain what they lead to.

    score(c) is the mean R of all known objects other than x that have the state c among their ancestors. On the graph
    of the ancestors of x, edges counted as P_B counts them, ``P_G(p -> c) = score(c)^temperature / sum over the edges p
    -> c' of score(c')^temperature``; scores are at least ``floor`` times the largest reward known. Every path within
    this graph ends in x, so ``sum over tau of P_G(tau | x) = 1``.

    Where nothing known contains c (then nothing contains what is built on c either):

    * "backward": P_G has the very probabilities of the present P_B there, which costs nothing and teaches nothing; the
      deepest state of the trajectory that something contains takes the place of x (arXiv 2408.05885);
    * "uniform": its score is the least one, so that choices among unknown states are even (arXiv 2305.07170).

    Known are the objects of the run, by the hashes of all their ancestors. An object with more than ``max_ancestors``
    is neither stored nor taught.

    Args:
        unmatched: see above.
        temperature: exponent of the scores, above 0.
        floor: least score, as a share of the largest reward known (authors: 1e-5 for rewards scaled to about 10).
        capacity: ancestors stored, each counted for every object that has it; the oldest objects are forgotten.
        max_ancestors: of one object, itself and the source counted.

    Reference: Shen et al. 2023, arXiv 2305.07170 (guided trajectory balance); Niu et al. 2024, arXiv 2408.05885 (RL-G).
    Pinned by tests/training/test_guides.py.
    """

    of_keyed_states: ClassVar[bool] = True

    def __init__(
        self,
        *,
        unmatched: Literal["backward", "uniform"] = "backward",
        temperature: Annotated[float, Field(gt=0)] = 1.0,
        floor: Annotated[float, Field(gt=0, le=1)] = 1e-5,
        capacity: Annotated[int, Field(ge=1)] = 1_000_000,
        max_ancestors: Annotated[int, Field(ge=2)] = 4096,
    ) -> None:
        self.unmatched = unmatched
        self.temperature = temperature
        self.floor = floor
        self.capacity = capacity
        self.max_ancestors = max_ancestors
        self._log_scale = -inf  # log of the largest R seen; rewards are kept divided by it
        self._rewards = HashTable(1)  # of objects: R
        self._parts = HashTable(2)  # of ancestors: sum of R, number of objects
        self._objects = torch.empty(0, dtype=torch.int64)  # hashes, oldest first
        self._sizes = torch.empty(0, dtype=torch.int64)  # ancestors of each
        self._entries = torch.empty(0, dtype=torch.int64)  # their hashes, object by object

    def objection(self, environment: Environment, terminal: States) -> str | None:
        known = enumerable(environment, "backward.guide")
        if ancestors(known, terminal.to("cpu"), self.max_ancestors).complete.any():
            return None
        return self._too_many(f"each of {len(terminal)} objects that the untrained policy built")

    def _too_many(self, what: str) -> str:
        return (
            f"{what} has more than {self.max_ancestors} ancestors, so nothing can be learnt from them; raise "
            "backward.guide.max_ancestors, or take backward=rl_g_forward"
        )

    @torch.no_grad()
    def observe(self, trajectories: Trajectories, policy: Policy) -> None:
        if trajectories.log_reward is None:
            raise ValueError("a guide learns from scored trajectories")
        environment = enumerable(policy.environment, "backward.guide")
        terminal = trajectories.terminal.to("cpu")
        keys = environment.hashes(terminal)
        new = first_of_each(keys)
        new = new[~self._rewards.find(keys[new])[1]]
        if not len(new):
            return
        graph = ancestors(environment, terminal[new], self.max_ancestors)
        if not graph.complete.any():
            if not len(self._objects):
                raise TrainingError(f"guide: {self._too_many('every new object')}")
            return  # large ones among known ones: P_B has its own probabilities there
        number = torch.cumsum(graph.complete, 0) - 1  # of the objects that are kept
        kept = graph.complete[graph.owner]
        owner, entries = number[graph.owner[kept]], graph.hashes[kept]
        order = torch.argsort(owner, stable=True)
        new = new[graph.complete]
        self._store(keys[new], trajectories.log_reward.cpu().double()[new], owner[order], entries[order])

    def _store(self, keys: Tensor, log_reward: Tensor, owner: Tensor, entries: Tensor) -> None:
        top = float(log_reward.max())
        if top > self._log_scale:
            factor = exp(self._log_scale - top)
            self._rewards.values *= factor
            self._parts.values[:, 0] *= factor
            self._log_scale = top
        reward = (log_reward - self._log_scale).exp()
        self._rewards.add(keys, reward[:, None])
        self._parts.add(entries, torch.stack([reward[owner], torch.ones_like(reward[owner])], 1))
        self._objects = torch.cat([self._objects, keys])
        self._sizes = torch.cat([self._sizes, torch.bincount(owner, minlength=len(keys))])
        self._entries = torch.cat([self._entries, entries])
        if len(self._entries) > self.capacity:
            self._forget()

    def _forget(self) -> None:
        """Drop the oldest objects, down to three quarters of the capacity, and count anew."""
        after = self._sizes.flip(0).cumsum(0).flip(0)  # entries of an object and all later ones
        first = min(int((after > self.capacity * 3 // 4).sum()), len(self._sizes) - 1)
        gone = int(self._sizes[:first].sum())
        self._objects, self._sizes, self._entries = self._objects[first:], self._sizes[first:], self._entries[gone:]
        reward = self._rewards.find(self._objects)[0]
        self._rewards, self._parts = HashTable(1), HashTable(2)
        self._rewards.add(self._objects, reward)
        each = reward[:, 0].repeat_interleave(self._sizes)
        self._parts.add(self._entries, torch.stack([each, torch.ones_like(each)], 1))

    def _scores(self, keys: Tensor, of: Tensor) -> tuple[Tensor, Tensor]:
        """Of all objects that contain ``keys`` [n], but for ``of`` [n]: mean R over the largest R, and their number."""
        parts, _ = self._parts.find(keys)
        own, known = self._rewards.find(of)
        count = parts[:, 1] - known.double()
        total = torch.where(count > 0, parts[:, 0] - own[:, 0], 0.0).clamp(min=0)
        return total / count.clamp(min=1), count

    @torch.no_grad()
    def log_prob(self, trajectories: Trajectories, policy: Policy) -> Tensor:
        t, environment = trajectories.to("cpu"), enumerable(policy.environment, "backward.guide")
        keys = environment.hashes(t.states)
        of = keys[t.last][t.trajectory]
        start, end = t.last - t.lengths + 1, t.last
        if self.unmatched == "backward":  # containing is transitive: what is matched is the beginning of a trajectory
            matched = (self._scores(keys, of)[1] > 0) & (t.step > 0)
            end = start + torch.zeros_like(start).index_add(0, t.trajectory, matched.long())
        # one graph for each different pair of an end and an object
        pair = torch.stack([keys[end], keys[t.last]], 1).unique(dim=0, return_inverse=True)[1]
        rows = torch.arange(len(end))
        rows = torch.full((int(pair.max()) + 1,), len(end)).scatter_reduce(0, pair, rows, "amin")
        graph = ancestors(environment, t.states[end[rows]], self.max_ancestors)
        taught = (torch.arange(len(keys)) < end[t.trajectory]) & graph.complete[pair][t.trajectory]
        step = taught.nonzero().squeeze(1)
        log_p = torch.zeros(len(keys), dtype=torch.float64)
        owner = pair[t.trajectory[step]]
        log_p[step] = self._within(graph, keys[t.last][rows], owner, keys[step], keys[step + 1])
        free = ~taught & ~t.exits
        log_p = log_p.to(policy.device)
        if free.any():
            backward = policy(trajectories.states, forward=False, backward=True).backward
            own = backward_log_prob(trajectories, backward)
            log_p = torch.where(free.to(own.device), own.double(), log_p)
        return log_p

    def _within(self, graph: Ancestors, objects: Tensor, owner: Tensor, before: Tensor, after: Tensor) -> Tensor:
        """log P_G of the steps from states of hashes ``before`` to ``after`` [n], in the graphs of ``owner`` [n]."""
        score, _ = self._scores(graph.hashes, objects[graph.owner])
        weight = self.temperature * score.clamp(min=self.floor).log()
        total = segment_logsumexp(weight[graph.child], graph.parent, len(weight))
        total = torch.where(total == -torch.inf, 0.0, total)  # nothing leads on from an object itself
        # nodes by owner and hash
        unique, kind = graph.hashes.unique(return_inverse=True)
        order = torch.argsort(graph.owner * len(unique) + kind)
        cell = (graph.owner * len(unique) + kind)[order]

        def node(keys: Tensor) -> Tensor:
            return order[torch.searchsorted(cell, owner * len(unique) + torch.searchsorted(unique, keys))]

        return weight[node(after)] - total[node(before)]

    def state_dict(self) -> dict[str, Any]:
        return {
            "log_scale": self._log_scale,
            "rewards": self._rewards.state_dict(),
            "parts": self._parts.state_dict(),
            "objects": self._objects,
            "sizes": self._sizes,
            "entries": self._entries,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._log_scale = state["log_scale"]
        self._rewards.load_state_dict(state["rewards"])
        self._parts.load_state_dict(state["parts"])
        self._objects, self._sizes, self._entries = (state[k].cpu() for k in ("objects", "sizes", "entries"))
