"""Names of classes that configs and checkpoints were written with, and where these classes are now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from molgfn.moved_sources import NOW, THEN, former_data, present_data

#: module (below ``molgfn.``) as it was called -> as it is called now
MOVED = {
    "evaluation.metrics.chemnet_distance": "evaluation.metrics.reference.chemnet_distance",
    "evaluation.metrics.fragment_similarity": "evaluation.metrics.reference.fragment_similarity",
    "evaluation.metrics.kl_score": "evaluation.metrics.reference.kl_score",
    "evaluation.metrics.nearest_neighbour": "evaluation.metrics.reference.nearest_neighbour",
    "evaluation.metrics.novelty": "evaluation.metrics.reference.novelty",
    "evaluation.metrics.scaffold_similarity": "evaluation.metrics.reference.scaffold_similarity",
    "evaluation.metrics.internal_diversity": "evaluation.metrics.diversity.internal_diversity",
    "evaluation.metrics.modes": "evaluation.metrics.diversity.modes",
    "evaluation.metrics.scaffolds": "evaluation.metrics.diversity.scaffolds",
    "evaluation.metrics.uniqueness": "evaluation.metrics.diversity.uniqueness",
    "oracles.guacamol_hop": "oracles.guacamol.hop",
    "oracles.guacamol_isomers": "oracles.guacamol.isomers",
    "oracles.guacamol_median": "oracles.guacamol.median",
    "oracles.guacamol_mpo": "oracles.guacamol.mpo",
    "oracles.guacamol_similarity": "oracles.guacamol.similarity",
    "oracles.valsartan_smarts": "oracles.guacamol.valsartan_smarts",
    "oracles.descriptors": "oracles.properties.descriptors",
    "oracles.logp": "oracles.properties.logp",
    "oracles.qed": "oracles.properties.qed",
    "oracles.sa": "oracles.properties.sa",
    "oracles.tpsa": "oracles.properties.tpsa",
    "oracles.weight": "oracles.properties.weight",
    "oracles.admet": "oracles.models.admet",
    "oracles.drd2": "oracles.models.drd2",
    "oracles.kinases": "oracles.models.kinases",
    "oracles.proxy": "oracles.models.proxy",
    "oracles.seh_proxy": "oracles.models.seh_proxy",
    "oracles.vina": "oracles.physics.vina",
    "oracles.xtb_gap": "oracles.physics.xtb_gap",
    "oracles.alerts": "oracles.structure.alerts",
    "oracles.substructure": "oracles.structure.substructure",
    "oracles.substructure_count": "oracles.structure.substructure_count",
    "oracles.similarity": "oracles.structure.similarity",
    "oracles.purchasable": "oracles.structure.purchasable",
    "oracles.command": "oracles.own.command",
    "oracles.function": "oracles.own.function",
    "oracles.table": "oracles.own.table",
    "oracles.hypergrid": "oracles.synthetic.hypergrid",
    "oracles.string_modes": "oracles.synthetic.string_modes",
    "objectives.trajectory_balance": "objectives.balance.trajectory_balance",
    "objectives.detailed_balance": "objectives.balance.detailed_balance",
    "objectives.subtrajectory_balance": "objectives.balance.subtrajectory_balance",
    "objectives.forward_looking_detailed_balance": "objectives.balance.forward_looking_detailed_balance",
    "objectives.modified_detailed_balance": "objectives.balance.modified_detailed_balance",
    "objectives.flow_matching": "objectives.balance.flow_matching",
    "objectives.log_variance": "objectives.balance.log_variance",
    "objectives.ent_ppo": "objectives.policy_gradients.ent_ppo",
    "objectives.rl_uniform": "objectives.policy_gradients.rl_uniform",
    "objectives.rl_trust_region": "objectives.policy_gradients.rl_trust_region",
    "objectives.policy_gradient": "objectives.policy_gradients.policy_gradient",
    "objectives.soft_dqn": "objectives.soft_q.soft_dqn",
    "objectives.munchausen_dqn": "objectives.soft_q.munchausen_dqn",
    "objectives.soft_actor_critic": "objectives.soft_q.soft_actor_critic",
    "objectives.random_policy_evaluation": "objectives.soft_q.random_policy_evaluation",
    "objectives.path_consistency": "objectives.soft_q.path_consistency",
    "objectives.reverse_kl": "objectives.divergences.reverse_kl",
    "objectives.wake_sleep": "objectives.divergences.wake_sleep",
    "objectives.renyi": "objectives.divergences.renyi",
    "objectives.maximum_likelihood": "objectives.divergences.maximum_likelihood",
    "training.loggers": "training.logs.loggers",
    "rewards.settings": "serving.settings",
    "trajectories.sources": "trajectories.mixture",
    "trajectories.local_search": "trajectories.sources.local_search",
    "trajectories.offline": "trajectories.sources.offline",
    "trajectories.replay": "trajectories.sources.replay",
}
_FORMER = {now: then for then, now in MOVED.items()}


def present_path(path: str) -> str:
    """The path of a class as it is now; any other text as it is."""
    return _renamed(path, MOVED)


def present(node: Any) -> Any:
    """A config with the paths of classes and the keys of ``data`` as they are now."""
    return _paths(_data(node, present_data), MOVED)


def former(node: Any) -> Any:
    """A config with the paths and keys that it had first: what it is known by outlives a move."""
    return _paths(_data(node, former_data), _FORMER)


def _data(node: Any, translated: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Any:
    if isinstance(node, Mapping):
        node = translated(node) if node.get("_target_") in (NOW, THEN) else node
        return {key: _data(value, translated) for key, value in node.items()}
    return [_data(item, translated) for item in node] if isinstance(node, list | tuple) else node


def _paths(node: Any, names: Mapping[str, str]) -> Any:
    if isinstance(node, Mapping):
        return {
            k: _renamed(v, names) if k == "_target_" and isinstance(v, str) else _paths(v, names)
            for k, v in node.items()
        }
    return [_paths(item, names) for item in node] if isinstance(node, list | tuple) else node


def _renamed(path: str, names: Mapping[str, str]) -> str:
    module, _, name = path.rpartition(".")
    then = module.removeprefix("molgfn.")
    return f"molgfn.{names[then]}.{name}" if module != then and then in names else path
