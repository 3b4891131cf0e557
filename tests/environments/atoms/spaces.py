"""Small spaces of atoms that have every rule between them, and random walks in larger ones."""

import torch

from molgfn.environments.atoms import Atoms
from molgfn.environments.atoms.growth import ALL_FORBIDDEN

#: name -> (arguments, number of states with the empty graph)
SPACES = {
    "C4": ({"types": ["C"], "max_atoms": 4}, 51),
    "CN4": ({"types": ["C", "N"], "max_atoms": 4}, 270),
    "CO4": ({"types": ["C", "O"], "max_atoms": 4}, 145),
    "N6": ({"types": ["N"], "max_atoms": 6}, 111),
    "all forbidden": ({"types": ["C", "N", "O"], "max_atoms": 4, "forbid": list(ALL_FORBIDDEN)}, 402),
    "rings of 4 and 5": (
        {"types": ["C"], "max_atoms": 7, "orders": [1], "smallest_ring": 4, "largest_ring": 5},
        78,
    ),
    "rings of 3": ({"types": ["C"], "max_atoms": 7, "orders": [1], "largest_ring": 3, "max_rings": 3}, 111),
    "no strain": ({"types": ["C"], "max_atoms": 5, "forbid": ["strained"]}, 141),
    "one ring": ({"types": ["C"], "max_atoms": 5, "forbid": ["cumulated"], "max_rings": 1, "min_atoms": 3}, 93),
    "nothing fused": ({"types": ["C"], "max_atoms": 6, "orders": [1], "max_fused": 1}, 35),
    "sulfones": ({"types": ["S6", "O", "C", "N"], "max_atoms": 4}, 592),
    "sulfoxides": ({"types": ["S4", "O", "C"], "max_atoms": 5, "orders": [1, 2], "max_rings": 2}, 760),
    "phosphates": (
        {"types": ["P5", "O"], "max_atoms": 6, "forbid": ["peroxides", "cumulated", "strained"]},
        None,
    ),
    "hydrazines": (
        {"types": ["N", "F", "O"], "max_atoms": 5, "forbid": ["nitrogen_chains", "halogen_heteroatom"]},
        106,
    ),
    "charges": ({"types": ["N+", "O-", "C"], "max_atoms": 4, "forbid": ["like_charges"]}, 306),
    "one atom": ({"types": ["C", "O"], "max_atoms": 1}, 3),
    "two atoms": ({"types": ["F"], "max_atoms": 2}, 3),
}
#: as large as drugs, with every rule
DRUG_LIKE = {
    "types": ["C", "N", "O", "F", "S", "Cl", "Br", "S4", "S6", "P5", "N+", "O-"],
    "max_atoms": 38,
    "largest_ring": 8,
    "max_rings": 8,
    "forbid": list(ALL_FORBIDDEN),
}


def space(name: str, **other) -> Atoms:
    return Atoms(**{**SPACES[name][0], **other})


def uniform_walk(environment, n, seed, *, stop=True):
    """States after 0, 1, ... steps of uniform legal actions; with ``stop`` it is taken as any other, else only at last.

    Yields (states, actions) of those that are still going.
    """
    generator = torch.Generator().manual_seed(seed)
    states = environment.initial(n)
    while len(states):
        mask = environment.forward_mask(states)
        weight = mask.double()
        if not stop:
            weight[:, 0] *= 1e-9
        actions = torch.multinomial(weight, 1, generator=generator).squeeze(1)
        yield states, actions
        states = environment.step(states, actions)[actions != environment.stop_action]


def terminals(environment, n, seed, *, stop=True):
    """Terminal states of such walks."""
    found = [
        states[actions == environment.stop_action] for states, actions in uniform_walk(environment, n, seed, stop=stop)
    ]
    return type(found[0]).cat(found)
