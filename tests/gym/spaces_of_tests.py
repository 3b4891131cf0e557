"""Small environments, by id and settings, with masked random walks through them."""

import numpy as np

#: fragments that lie so that several trees build one molecule, with symmetric ones among them
FEW = [["C", [0]], ["CC", [0, 1]], ["c1ccccc1", [0, 1, 2, 3, 4, 5]], ["CCO", [0, 1]]]
SMALL = {
    "grid": ("molgfn/HyperGrid-v0", {"side": 4}),
    "strings": ("molgfn/Strings-v0", {"length": 4, "alphabet": "AB"}),
    "slots": ("molgfn/Strings-v0", {"length": 3, "alphabet": "AB", "mode": "any_slot"}),
    "fragments": ("molgfn/Fragments-v0", {"vocabulary": FEW, "max_fragments": 3}),
    "atoms view": ("molgfn/Fragments-v0", {"vocabulary": FEW, "max_fragments": 3, "observation": "atoms"}),
    "fingerprint": ("molgfn/Fragments-v0", {"vocabulary": FEW, "max_fragments": 3, "observation": "fingerprint"}),
    "state": ("molgfn/Fragments-v0", {"vocabulary": FEW, "max_fragments": 3, "observation": "state"}),
    "dag": ("molgfn/DAGs-v0", {"nodes": 3}),
    "sets": ("molgfn/Sets-v0", {"size": 2}),
    "atoms": ("molgfn/Atoms-v0", {"types": ["C", "O"], "max_atoms": 3}),
    "smiles": ("molgfn/Smiles-v0", {"alphabet": ["C", "O", "=", "(", ")"], "max_length": 5}),
    "temperature": ("molgfn/HyperGrid-v0", {"side": 4, "condition": "temperature", "reward": {"beta": None}}),
}


def legal(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One legal action of each row of a mask [N, A], int64 [N]."""
    return np.array([rng.choice(np.flatnonzero(row)) for row in mask])
