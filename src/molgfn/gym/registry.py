"""The Gymnasium ids: one for each shipped environment config with actions that can be listed."""

from __future__ import annotations

from typing import Any

import gymnasium
import yaml

from molgfn.composing.places import shipped

#: before the slash of every id
NAMESPACE = "molgfn"
VERSION = 0
#: environment config -> words that go with it; others build molecules, and theirs are those of configs/gym.yaml
WORDS = {
    "hypergrid": ("oracle=hypergrid",),
    "strings": ("oracle=string_modes",),
    "dag": ("oracle=bge", "reward=boltzmann"),
    "masks": ("oracle=mask_posterior", "reward=boltzmann"),
    "sets": ("oracle=gp_information", "reward=batch_information"),
}
#: environment configs whose actions have real coordinates, which have no action space here
REAL = frozenset({"box", "conformers", "line_diffusion", "torus", "turns"})


def ids() -> dict[str, str]:
    """Gymnasium id -> name of the environment's config, such as "molgfn/HyperGrid-v0": "hypergrid".

    The id has the name of the class; where several configs are of one class, that of the config in capitals.
    """
    classes: dict[str, str] = {}
    for path in sorted((shipped("configs") / "environment").glob("*.yaml")):
        if path.stem in REAL:
            continue
        node = yaml.safe_load(path.read_text(encoding="utf-8"))
        classes[path.stem] = str(node["_target_"]).rpartition(".")[2]
    names = list(classes.values())
    short = {
        config: name if names.count(name) == 1 else config.title().replace("_", "") for config, name in classes.items()
    }
    return {f"{NAMESPACE}/{name}-v{VERSION}": config for config, name in short.items()}


def register() -> None:
    """Make every id known to Gymnasium; called again, it does nothing.

    An environment has ``nondeterministic=False``: the same seed and actions give the same episode, as long as the
    oracle answers the same.
    """
    for name, config in ids().items():
        if name in gymnasium.registry:
            continue
        kwargs: dict[str, Any] = {"environment": config}
        gymnasium.register(
            id=name,
            entry_point="molgfn.gym.single:ObjectEnv",
            vector_entry_point="molgfn.gym.vector:ObjectVectorEnv",
            kwargs=kwargs,
        )
