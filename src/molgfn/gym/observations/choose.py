"""The observations by the word that chooses one."""

from __future__ import annotations

from collections.abc import Callable

from molgfn.class_paths import did_you_mean
from molgfn.environments.base import Environment
from molgfn.environments.conditional import without_condition
from molgfn.errors import ConfigError
from molgfn.gym.observations.atoms import Atoms
from molgfn.gym.observations.base import Observation
from molgfn.gym.observations.fingerprint import Fingerprint
from molgfn.gym.observations.graph import Graph
from molgfn.gym.observations.raw import Raw
from molgfn.gym.observations.vector import Vector

#: word -> what it shows; "graph" and "vector" where the environment encodes its states so
KINDS: dict[str, Callable[[Environment], Observation]] = {
    "vector": Vector,
    "graph": Graph,
    "atoms": Atoms,
    "fingerprint": Fingerprint,
    "state": Raw,
}


def observation(environment: Environment, word: str | None) -> Observation:
    """The observation that ``word`` names; None: what the environment's policies read where that is a vector or a
    graph, otherwise the state itself.

    "fragments" is the graph of an environment of fragments, by its name.

    Raises:
        ConfigError: there is no such observation, or not in this environment.
    """
    encoding = environment.encoding
    if word is None:
        word = encoding if encoding in ("vector", "graph") else "state"
    name = type(without_condition(environment)).__name__
    if word == "fragments" and name == "Fragments":
        word = "graph"
    if word not in KINDS:
        raise ConfigError(f"observation: there is no `{word}`{did_you_mean(word, [*KINDS, 'fragments'])}")
    if word in ("vector", "graph") and word != encoding:
        instead = encoding if encoding in ("vector", "graph") else "state"
        raise ConfigError(f"observation: {name} encodes states as a {encoding}, not as a {word}; take `{instead}`")
    return KINDS[word](environment)
