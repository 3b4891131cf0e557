"""Shapes from a run of environment=conformers beside a grid of the same force field, or parallel tempering.

python experiments/conformers/compare.py RUN [SMILES ...] [--samples 5000] [--points 720]; SMILES may be molecules that
the run was not trained on. One line for each molecule: log Z of the reference and of the samples' weights, ESS / N, the
largest Jensen-Shannon divergence of a torsion, plain and weighted, and what independent draws would have.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

import molgfn
from molgfn.api.columns import sampled_reward
from molgfn.api.conformers import of_molecules
from molgfn.environments.conformers.environment import Conformers
from molgfn.evaluation.torsions.compared import compared
from molgfn.objects.conformation import Conformations
from molgfn.rewards.oracle_reward import OracleReward


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("smiles", nargs="*")
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--points", type=int)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    loaded = molgfn.load(asked.run)
    reward = sampled_reward(loaded)
    if not isinstance(loaded.environment, Conformers) or not isinstance(reward, OracleReward):
        parser.error(f"{asked.run}: should be a run of environment=conformers with the reward of an energy")
    energy: Callable[[Conformations], np.ndarray] = reward.oracle.values  # type: ignore[union-attr]
    floor, log_reward_of = reward.floor, reward.log_reward_of
    molecules = asked.smiles or [frame.smiles for frame in loaded.environment.frames]
    for one in of_molecules([loaded], molecules):
        environment = one.environment
        assert isinstance(environment, Conformers)
        (frame,) = environment.frames
        found = molgfn.sample(one, asked.samples, seed=asked.seed, values=False, log_pt_samples=2)

        def log_density(angles: np.ndarray, frame=frame, environment=environment) -> np.ndarray:
            shapes = Conformations((frame,), np.zeros(len(angles), dtype=np.int64), angles)
            values = energy(shapes)
            log_r = np.full(len(angles), floor)
            known = np.isfinite(values)
            log_r[known] = log_reward_of(values[known], {})
            return log_r - environment.log_symmetry(environment.initial(len(shapes)), shapes).numpy()

        angles = np.stack([shape.angles for shape in found.objects])
        log_p = np.array(found.columns["log_pt"])
        c = compared(frame, log_density, angles, log_p, points=asked.points, steps=asked.steps, seed=asked.seed)
        print(
            f"{c.smiles}  D={frame.torsions}  {c.reference}: log Z {c.log_z:.4f}, by weights {c.log_z_importance:.4f} "
            f"+- {c.log_z_error:.4f}; ESS/N {c.effective_share:.3f}; JSD {c.jsd.max():.4f}, weighted "
            f"{c.jsd_weighted.max():.4f}, independent draws {c.jsd_noise.max():.4f}; mean log R "
            f"{c.mean_log_reward[0]:.3f}, true {c.mean_log_reward[1]:.3f}"
        )


if __name__ == "__main__":
    main()
