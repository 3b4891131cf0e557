"""Shapes of molecules: whose are drawn, and what is said of them beside values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from molgfn.api.columns import LOG_PT, Sampling
from molgfn.api.composed import Composed
from molgfn.chemistry.conformers.similarity import clusters
from molgfn.environments.conformers.environment import Conformers
from molgfn.errors import ConfigError
from molgfn.evaluation.progress import Progress, silent
from molgfn.evaluation.torsions.agreement import normalised
from molgfn.objects.conformation import Conformations
from molgfn.runs.checkpoint import Loaded

#: angstrom within which shapes are one cluster
CLUSTER = 0.5


def of_molecules(each: Sequence[Loaded] | Sequence[Composed], smiles: Sequence[str]) -> list[Loaded]:
    """The one run of ``each`` for each molecule, also one that it was not trained on.

    Raises:
        ConfigError: it draws no shapes of molecules, or a molecule has no torsions or no seed geometry.
    """
    loaded = each[0]
    if len(each) != 1 or not isinstance(loaded, Loaded) or not isinstance(loaded.environment, Conformers):
        raise ConfigError(
            "smiles=...: names a molecule whose shapes are drawn, which a run of environment=conformers does"
        )
    return [_of_molecule(loaded, one) for one in smiles]


def _of_molecule(loaded: Loaded, smiles: str) -> Loaded:
    assert isinstance(loaded.environment, Conformers)
    try:
        environment = loaded.environment.of_molecules([smiles])
    except ConfigError as error:
        raise ConfigError(f"smiles={smiles}: {error}") from None
    policy = loaded.policy.copy()
    policy.environment = environment  # the parameters know no molecule
    return replace(loaded, environment=environment, policy=policy)


def conformer_columns(
    loaded: Sampling, objects: Any, columns: Mapping[str, Sequence[Any]], progress: Progress = silent
) -> dict[str, list[Any]]:
    """Of shapes of molecules, name -> N cells; empty for other objects.

    ``weight``: what a shape counts for among those of its molecule, R / P_T made to sum to 1, where both are known: a
    mean with these weights is one at the temperature of the reward, however far the policy is. ``cluster``: from 1,
    shapes within .5 A (heavy-atom RMSD up to symmetry) of the first of a cluster, which is its best by log R.
    """
    if not isinstance(objects, Conformations):
        return {}
    log_r = np.array(columns.get("log_reward", []), dtype=np.float64)
    log_p = np.array(columns.get(LOG_PT[0], []), dtype=np.float64)
    weight, cluster = np.full(len(objects), np.nan), np.zeros(len(objects), dtype=np.int64)
    known = len(log_r) == len(log_p) == len(objects) > 0
    if known:
        environment = loaded.environment
        log_w = log_r - log_p - environment.log_symmetry(environment.states_of(objects), objects).numpy()
    done = 0
    for frame, rows, angles in objects.by_frame():
        if known and (there := np.isfinite(log_w[rows])).any():
            weight[rows[there]] = normalised(log_w[rows[there]])
        worth = np.nan_to_num(log_r[rows], nan=-np.inf) if len(log_r) else np.zeros(len(rows))
        cluster[rows] = 1 + clusters(frame.mols(angles), np.argsort(-worth, kind="stable").tolist(), within=CLUSTER)
        done += len(rows)
        progress("clustered", done, len(objects))
    return {**({"weight": weight.tolist()} if known else {}), "cluster": cluster.tolist()}
