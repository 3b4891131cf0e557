"""BatchGFN: a GFlowNet over the sets of the candidates, kept from round to round."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field, PositiveFloat

from molgfn.acquisition.beliefs import Belief
from molgfn.acquisition.selectors.base import Count, Selected, Selector
from molgfn.acquisition.selectors.set_training import sets_of, train
from molgfn.environments.sets.environment import SetStates
from molgfn.errors import ConfigError
from molgfn.information.base import Information
from molgfn.information.members import Members
from molgfn.objectives.backward.base import policy_needs
from molgfn.objectives.backward.uniform import Uniform
from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.objectives.base import Objective
from molgfn.policies.exploration import Exploration
from molgfn.policies.sets.policy import PoolPolicy
from molgfn.training.freezing import freeze
from molgfn.training.optimizers import Optimizers
from molgfn.trajectories.sampler import Sampler


class BatchGFN(Selector):
    """Trains a pool policy so that P_T(B) ~ exp(I(B) / temperature) over batches B of the candidates, draws some, and
    takes the one that tells most. The candidates of the next round are others, and the policy is the same.

    Args:
        temperature: in nats; lower means greedier.
        updates: iterations of training in the first round.
        later: iterations in each further round; None: as many.
        batch_size: trajectories of each.
        samples: batches that are drawn, of which the best is taken.
        retrain: what is trained in further rounds: all weights, those of the last layers of P_F (and log Z), or none.
        lookahead: iterations after a batch was chosen, on what would be known with it measured (outcomes drawn from the
            model where they matter), so that the next round begins with a policy for it; 0 for none.
        objective: trains P_F; None: trajectory balance. One without networks of its own, and not on-policy where
            ``epsilon`` is above 0.
        epsilon: share of uniform actions while trajectories are drawn for training, in [0, 1].
        lr: learning rate.
        lr_log_z: of log Z.
        width: of the members' embeddings, a multiple of 4.
        hidden: width of hidden layers.
        layers: hidden layers of each network.
        attention: learned points by which candidates attend to each other; None: each is embedded by itself.
        shortlist: choose among so many candidates only, the best by the acquisition; None: among all.

    Raises:
        ConfigError: an objective that has networks of its own, or is on-policy beside ``epsilon``.

    Reference: Malik et al. 2023, arXiv 2306.15058 (there 2,000 iterations of 16, the best of 20).
    """

    def __init__(
        self,
        *,
        temperature: PositiveFloat = 0.2,
        updates: Count = 1000,
        later: Annotated[int, Field(ge=0)] | None = None,
        batch_size: Count = 16,
        samples: Count = 20,
        retrain: Literal["full", "last_layers", "none"] = "full",
        lookahead: Annotated[int, Field(ge=0)] = 0,
        objective: Objective | None = None,
        epsilon: Annotated[float, Field(ge=0, le=1)] = 0.1,
        lr: PositiveFloat = 1e-3,
        lr_log_z: PositiveFloat = 0.1,
        width: Annotated[int, Field(ge=4, multiple_of=4)] = 64,
        hidden: Count = 128,
        layers: Count = 2,
        attention: Count | None = None,
        shortlist: Count | None = None,
    ) -> None:
        super().__init__(shortlist=shortlist)
        self.temperature, self.batch_size, self.samples = temperature, batch_size, samples
        self.updates, self.later = updates, updates if later is None else later
        self.retrain, self.lookahead, self.epsilon = retrain, lookahead, epsilon
        self.objective = TrajectoryBalance() if objective is None else objective
        if self.objective.networks:
            raise ConfigError(f"objective: {type(self.objective).__name__} has networks of its own; take another one")
        if self.objective.on_policy and epsilon > 0:
            raise ConfigError(f"epsilon: {type(self.objective).__name__} is on-policy; set epsilon to 0")
        self.optimizers = Optimizers(lr=lr, lr_log_z=lr_log_z)
        self.sizes = {"width": width, "hidden": hidden, "layers": layers, "attention": attention}
        self._weights: dict[str, torch.Tensor] | None = None

    def select(self, belief: Belief, n: int, random: np.random.Generator) -> tuple[Selected, dict[str, float]]:
        members, information = belief.members, belief.information
        first = self._weights is None
        updates = self.updates if first else 0 if self.retrain == "none" else self.later
        loss, drawn = self._trained(members, information, n, updates, random, draws=self.samples)
        told = information.of(drawn)
        rows = drawn[int(told.argmax())]
        why = (
            f"in the best of {len(drawn)} batches drawn by BatchGFN, {told.max():.4g} nat; their mean {told.mean():.4g}"
        )
        if self.lookahead and n < len(members):
            left = np.setdiff1d(np.arange(len(members)), rows)
            imagined = information.after(rows, random).among(left)
            self._trained(members.take(left), imagined, min(n, len(left)), self.lookahead, random)
        return Selected(rows, [why] * n), {"loss": loss, "mean_information": float(told.mean())}

    def _trained(
        self,
        members: Members,
        information: Information,
        n: int,
        updates: int,
        random: np.random.Generator,
        draws: int = 0,
    ) -> tuple[float, np.ndarray]:
        """The policy goes on training on these members; the loss, and batches that it draws then, int64 [draws, n]."""
        environment, oracle = sets_of(members, information, n)
        generator = torch.Generator().manual_seed(int(random.integers(2**62)))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(random.integers(2**62)))
            needs = policy_needs(self.objective, Uniform())
            policy = PoolPolicy(environment=environment, own_losses=needs["own_losses"], **self.sizes)  # type: ignore[arg-type]
            if self._weights is not None:
                policy.load_state_dict(self._weights)
                if self.retrain == "last_layers":
                    freeze(policy, {}, [name for name, _ in policy.named_children() if name not in _LAST])
            loss = train(
                policy,
                oracle,
                self.objective,
                updates=updates,
                batch_size=self.batch_size,
                temperature=self.temperature,
                optimizers=self.optimizers,
                exploration=Exploration(epsilon=self.epsilon),
                generator=generator,
            )
            self._weights = {name: value.detach().clone() for name, value in policy.state_dict().items()}
            batches = Sampler(environment).forward(policy, draws, generator=generator).terminal if draws else None
        return loss, environment.objects(batches).numpy() if isinstance(batches, SetStates) else np.zeros((0, n), int)

    def state_dict(self) -> dict[str, Any]:
        return {"weights": self._weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._weights = state["weights"]


#: the parts of a pool policy that "last_layers" trains
_LAST = ("query", "key", "log_z")
