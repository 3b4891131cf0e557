"""Does a policy that was trained on the fragments of a molecule help one that sees its atoms?

    python experiments/gymnasium/transfer.py -o FOLDER [--seeds 0 1 2 3 4] [--source-steps 16384] [--steps 10240]
        [--arms scratch transferred] [--equal-calls]

The transfer study of the Minigrid paper (Chevalier-Boisvert et al. 2023, arXiv 2306.13831), carried over: there agents
that act alike in two observation spaces keep what comes after the encoder; here the same states, actions and reward are
seen as a graph of fragments or as a graph of atoms. MaskablePPO of sb3-contrib is trained on one observation (the
source), then actor and critic go on to the other (the target) behind a new encoder:

* scratch: nothing is taken over;
* transferred: actor and critic (their hidden layers and heads) start where those of the source ended;
* frozen: the same, but they do not train until half of the steps are done, so that the encoder learns to speak to them;
* bias: only the bias of the actor's head is taken over, which says how good each action is whatever the state;
* shuffled: as transferred, but the rows of the actor's head are permuted: what weights of this scale do alone.

All arms of a seed have the same first encoder. With ``--equal-calls`` what the source took counts: from scratch the
target is trained for as many steps as source and target of the others together. Writes ``curves.csv`` (mean return of
the episodes that ended within a stretch of steps) and ``table.csv`` (mean over the whole training, and over as much at
its end as a fifth of the shortest, with t intervals over seeds, and the paired differences from scratch), and prints
the table. Curves that are in ``curves.csv`` already are taken as they are. Needs the extra ``stable-baselines``.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from sb3_contrib import MaskablePPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

import molgfn.gym  # noqa: F401  # registers the ids
from molgfn.evaluation.readings import Reading
from molgfn.gym.stable_baselines import StableBaselinesVecEnv
from molgfn.gym.vector import ObjectVectorEnv

#: fragments and their attachment atoms; trees of up to ``FRAGMENTS`` of them
VOCABULARY = [
    ["C", [0, 0]],
    ["O", [0, 0]],
    ["N", [0, 0]],
    ["C=O", [0, 0]],
    ["c1ccccc1", [0, 2, 3]],
    ["c1ccncc1", [0, 1, 5]],
    ["C1CCNCC1", [0, 3]],
    ["F", [0]],
    ["C#N", [0]],
    ["CO", [0]],
]
FRAGMENTS = 5
ENVS = 32
STRETCH = 1024
ARMS = ("scratch", "transferred", "frozen", "bias", "shuffled")
#: settings of MaskablePPO, the same for all
PPO = {"n_steps": 32, "batch_size": 256, "n_epochs": 4, "gamma": 1.0, "ent_coef": 0.01, "learning_rate": 1e-3}
WIDTH, FEATURES, ROUNDS = 24, 64, 2


class Slots(BaseFeaturesExtractor):
    """Sums over neighbours, then all nodes at their slots side by side (an action names slots) to ``FEATURES``."""

    def __init__(self, observation_space: spaces.Dict, nodes: int, inputs: int) -> None:
        super().__init__(observation_space, FEATURES)
        self.first = nn.Linear(inputs, WIDTH)
        self.own = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(ROUNDS))
        self.others = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(ROUNDS))
        self.last = nn.Linear(nodes * WIDTH, FEATURES)

    def graph(self, seen: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Features of the nodes [B, N, inputs], and weights of the edges [B, N, N]."""
        raise NotImplementedError

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        x, edges = self.graph(observations)
        h = torch.relu(self.first(x))
        for own, others in zip(self.own, self.others, strict=True):
            h = h + torch.relu(own(h) + others(edges @ h))
        return torch.relu(self.last(h.flatten(1)))


class OfFragments(Slots):
    """Of observation "fragments": type and taken points of each fragment, one edge for each join."""

    def __init__(self, observation_space: spaces.Dict) -> None:
        nodes, points = observation_space["used"].shape  # type: ignore[misc]
        super().__init__(observation_space, nodes, len(VOCABULARY) + 1 + points)

    def graph(self, seen: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        kinds = nn.functional.one_hot(seen["nodes"].long(), len(VOCABULARY) + 1).float()
        return torch.cat([kinds, seen["used"]], 2), (seen["edges"] > 0).float()


class OfAtoms(Slots):
    """Of observation "atoms": element and free bonds of each atom, bonds weighted by their order."""

    ELEMENTS = (6, 7, 8, 9)

    def __init__(self, observation_space: spaces.Dict) -> None:
        self.atoms = observation_space["element"].shape[0]  # type: ignore[index]
        super().__init__(observation_space, self.atoms, len(self.ELEMENTS) + 2)

    def graph(self, seen: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        element = torch.stack([(seen["element"] == e).float() for e in self.ELEMENTS], 2)
        more = torch.stack([seen["charge"].float(), seen["open"].float()], 2)
        i, j = seen["bonds"].long().unbind(2)
        order = seen["order"].float() / 2
        flat = order.new_zeros(len(order), self.atoms * self.atoms)
        flat = flat.scatter_add(1, i * self.atoms + j, order).scatter_add(1, j * self.atoms + i, order)
        return torch.cat([element, more], 2), flat.view(-1, self.atoms, self.atoms)


EXTRACTORS = {"fragments": OfFragments, "atoms": OfAtoms}


class Curve(BaseCallback):
    """Mean return of the episodes that ended in each stretch of steps; lets frozen parameters go half way."""

    def __init__(self, thaw_at: int | None = None) -> None:
        super().__init__()
        self.points: list[tuple[int, float]] = []
        self._returns: list[float] = []
        self._next = STRETCH
        self._thaw_at = thaw_at

    def _on_step(self) -> bool:
        self._returns += [info["episode"]["r"] for info in self.locals["infos"] if "episode" in info]
        if self.num_timesteps >= self._next:
            self.points.append((self.num_timesteps, float(np.mean(self._returns)) if self._returns else np.nan))
            self._returns, self._next = [], self._next + STRETCH
        if self._thaw_at is not None and self.num_timesteps >= self._thaw_at:
            for parameter in self.model.policy.parameters():  # type: ignore[union-attr]
                parameter.requires_grad_(True)
            self._thaw_at = None
        return True


def agent(observation: str, seed: int) -> MaskablePPO:
    """A new one on an environment of its own."""
    env = gymnasium.make_vec(
        "molgfn/Fragments-v0",
        num_envs=ENVS,
        autoreset_mode="SameStep",
        observation=observation,
        returns="reward",
        illegal="raise",
        vocabulary=VOCABULARY,
        max_fragments=FRAGMENTS,
        oracle="qed",
    )
    unwrapped = env.unwrapped
    assert isinstance(unwrapped, ObjectVectorEnv)
    how = {"features_extractor_class": EXTRACTORS[observation], "net_arch": [64], "activation_fn": nn.ReLU}
    return MaskablePPO(
        "MultiInputPolicy", StableBaselinesVecEnv(unwrapped), seed=seed, policy_kwargs=how, device="cpu", **PPO
    )


def behind_the_encoder(model: MaskablePPO) -> dict[str, Tensor]:
    """Weights of actor and critic."""
    state = model.policy.state_dict()
    return {k: v.clone() for k, v in state.items() if "features_extractor" not in k}


def trained(arm: str, observation: str, seed: int, steps: int, source: dict[str, Tensor] | None) -> tuple[Any, Any]:
    """An agent after its steps, and its curve."""
    model = agent(observation, seed)
    thaw = None
    if source is not None and arm != "scratch":
        weights = dict(source)
        if arm == "bias":
            weights = {"action_net.bias": weights["action_net.bias"]}
        elif arm == "shuffled":
            order = torch.randperm(len(weights["action_net.bias"]), generator=torch.Generator().manual_seed(seed))
            for name in ("action_net.weight", "action_net.bias"):
                weights[name] = weights[name][order]
        model.policy.load_state_dict(weights, strict=False)
        if arm == "frozen":
            thaw = steps // 2
            for name, parameter in model.policy.named_parameters():
                parameter.requires_grad_("features_extractor" in name)
    curve = Curve(thaw)
    model.learn(steps, callback=curve)
    return model, curve.points


def summary(curves: dict[tuple[str, int], list[tuple[int, float]]], arms: Sequence[str]) -> list[dict[str, Any]]:
    """One row for each arm and stretch, with the paired difference from scratch."""
    rows = []
    fifth = max(min(len(points) for (arm, _), points in curves.items() if arm in arms) // 5, 1)
    for what, part in (("whole training", slice(None)), ("last fifth", None)):
        means = {}
        for arm in arms:
            of_seeds = []
            for (name, _), points in sorted(curves.items()):
                if name == arm:
                    values = [value for _, value in points]
                    values = values[part] if part is not None else values[-fifth:]
                    of_seeds.append(float(np.nanmean(values)))
            means[arm] = np.array(of_seeds)
        for arm in arms:
            own, gain = Reading.mean(means[arm]), Reading.mean(means[arm] - means["scratch"])
            rows.append(
                {
                    "stretch": what,
                    "arm": arm,
                    "mean return": own.value,
                    "low": own.low,
                    "high": own.high,
                    "gain": None if arm == "scratch" else gain.value,
                    "gain low": None if arm == "scratch" else gain.low,
                    "gain high": None if arm == "scratch" else gain.high,
                    "seeds": len(means[arm]),
                }
            )
    return rows


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def read(path: Path) -> dict[tuple[str, int], list[tuple[int, float]]]:
    """The curves that are there; none where there is no file."""
    curves: dict[tuple[str, int], list[tuple[int, float]]] = {}
    if path.is_file():
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                points = curves.setdefault((row["arm"], int(row["seed"])), [])
                points.append((int(row["steps"]), float(row["mean return"])))
    return curves


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the results")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--source", choices=EXTRACTORS, default="fragments", help="what the source sees")
    parser.add_argument("--target", choices=EXTRACTORS, default="atoms", help="what the target sees")
    parser.add_argument("--source-steps", type=int, default=16_384)
    parser.add_argument("--steps", type=int, default=10_240)
    parser.add_argument("--arms", choices=ARMS, nargs="+", default=ARMS, help="scratch has to be among them")
    parser.add_argument("--equal-calls", action="store_true", help="scratch gets the steps of the source as well")
    args = parser.parse_args()
    if "scratch" not in args.arms:
        parser.error("--arms: the others are compared with scratch; name it, too")
    args.output.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    curves = read(args.output / "curves.csv")
    for seed in args.seeds:
        missing = [arm for arm in args.arms if (arm, seed) not in curves]
        if not missing:
            continue
        began = time.monotonic()
        weights = None
        if missing != ["scratch"]:
            model, curves["source", seed] = trained("source", args.source, seed, args.source_steps, None)
            weights = behind_the_encoder(model)
        for arm in missing:
            steps = args.steps + args.source_steps * (args.equal_calls and arm == "scratch")
            _, curves[arm, seed] = trained(arm, args.target, 1000 + seed, steps, weights)
        last = {name: points[-1][1] for (name, s), points in curves.items() if s == seed}
        told = ", ".join(f"{name} {value:.3f}" for name, value in last.items())
        print(f"seed {seed}: at the end {told} ({time.monotonic() - began:.0f} s)", flush=True)
        flat = [
            {"arm": arm, "seed": s, "steps": steps, "mean return": value}
            for (arm, s), points in curves.items()
            for steps, value in points
        ]
        write(args.output / "curves.csv", flat)
    rows = summary(curves, args.arms)
    write(args.output / "table.csv", rows)
    for row in rows:
        line = f"{row['stretch']:>15}  {row['arm']:<12} {row['mean return']:.3f}"
        if row["low"] is not None:  # of one seed there is no interval
            line += f" [{row['low']:.3f}, {row['high']:.3f}]"
        if row["gain"] is not None:
            line += f"  gain {row['gain']:+.3f}"
        if row["gain low"] is not None:
            line += f" [{row['gain low']:+.3f}, {row['gain high']:+.3f}]"
        print(line)


if __name__ == "__main__":
    main()
