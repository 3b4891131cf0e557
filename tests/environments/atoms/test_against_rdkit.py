"""Legal actions are the edits after which RDKit finds a molecule within the rules: every edit is tried."""

import itertools

import numpy as np
import pytest
import torch
from rdkit import Chem, RDLogger
from tests.environments.atoms.spaces import uniform_walk

from molgfn.chemistry.atoms.rules import atom_type
from molgfn.environments.atoms import Atoms
from molgfn.environments.enumeration import enumerate_states

RDLogger.DisableLog("rdApp.*")
ORDER = (None, Chem.BondType.SINGLE, Chem.BondType.DOUBLE, Chem.BondType.TRIPLE)
PATTERNS = {
    "peroxides": "[#8]~[#8]",
    "halogen_heteroatom": "[F,Cl,Br,I]~[#7,#8,F,Cl,Br,I]",
    "nitrogen_chains": "[#7]~[#7]~[#7]",
    "like_charges": "[$([+]~[+]),$([-]~[-])]",
    "cumulated": "*=*=*",
    "strained": "[$(*#*),$(*(=*)=*);R]",
}
PATTERNS = {name: Chem.MolFromSmarts(smarts) for name, smarts in PATTERNS.items()}
#: of these elements RDKit knows one valence each, so that it can be the judge
TYPES = ["C", "N", "O", "F", "N+", "O-", "Cl"]
RULES = {
    "qm9": {"types": ["C", "N", "O", "F"], "max_atoms": 9},
    "no rules": {"types": TYPES, "max_atoms": 10},
    "all rules": {
        "types": TYPES,
        "max_atoms": 14,
        "smallest_ring": 3,
        "largest_ring": 6,
        "max_rings": 4,
        "max_fused": 3,
        "forbid": list(PATTERNS),
    },
    "five and six": {"types": ["C", "N", "O"], "max_atoms": 14, "smallest_ring": 5, "largest_ring": 6, "max_rings": 3},
    "single and double": {"types": TYPES, "max_atoms": 9, "orders": [1, 2], "forbid": ["cumulated"], "max_fused": 1},
}


class Judge:
    """Says of atoms and bonds whether they are a molecule within the rules, by RDKit alone."""

    def __init__(self, arguments):
        self.types = [atom_type(name) for name in arguments["types"]]
        self.most = arguments["max_atoms"]
        self.smallest, self.largest = arguments.get("smallest_ring", 3), arguments.get("largest_ring", 1000)
        self.max_rings, self.max_fused = arguments.get("max_rings", 1000), arguments.get("max_fused", 1000)
        self.patterns = [PATTERNS[name] for name in arguments.get("forbid", [])]

    def molecule(self, types, bonds):
        mol = Chem.RWMol()
        for t in types:
            atom = Chem.Atom(self.types[t].atomic_number)
            atom.SetFormalCharge(self.types[t].charge)
            mol.AddAtom(atom)
        for (i, j), order in bonds.items():
            mol.AddBond(i, j, ORDER[order])
        return mol.GetMol()

    def allows(self, types, bonds):
        if not types:
            return not bonds
        mol = self.molecule(types, bonds)
        if len(types) > self.most or len(Chem.GetMolFrags(mol)) > 1:
            return False
        if Chem.SanitizeMol(mol, Chem.SanitizeFlags.SANITIZE_PROPERTIES, catchErrors=True):
            return False
        Chem.FastFindRings(mol)
        Chem.GetSSSR(mol)
        rings = [set(ring) for ring in mol.GetRingInfo().AtomRings()]
        sizes = [len(ring) for ring in rings]
        if len(rings) != len(bonds) - len(types) + 1:
            raise AssertionError("RDKit found other than a basis of rings")
        if sizes and not (self.smallest <= min(sizes) and max(sizes) <= self.largest):
            return False
        return len(rings) <= self.max_rings and self.fused(rings) and not any(map(mol.HasSubstructMatch, self.patterns))

    def fused(self, rings):
        """Rings that share atoms are one system."""
        systems = []
        for ring in rings:
            touching = [s for s in systems if s[0] & ring]
            systems = [s for s in systems if not s[0] & ring]
            systems.append((ring.union(*(s[0] for s in touching)), 1 + sum(s[1] for s in touching)))
        return all(count <= self.max_fused for _, count in systems)


def edits(types, bonds, n_types, orders):
    """Everything that could be done: (what, types, bonds) after it."""
    n = len(types)
    if not n:
        yield from ((("first", t), [t], {}) for t in range(n_types))
        return
    for i, t, o in itertools.product(range(n), range(n_types), orders):
        yield ("add", i, t, o), [*types, t], {**bonds, (i, n): o}
    for (i, j), o in itertools.product(itertools.combinations(range(n), 2), orders):
        if (i, j) not in bonds:
            yield ("close", i, j, o), types, {**bonds, (i, j): o}


def edits_back(types, bonds):
    for k in range(len(types)):
        if sum(k in pair for pair in bonds) <= 1:
            place = {old: new for new, old in enumerate(i for i in range(len(types)) if i != k)}
            rest = {(place[i], place[j]): o for (i, j), o in bonds.items() if k not in (i, j)}
            yield ("atom", k), [t for i, t in enumerate(types) if i != k], rest
    for pair in bonds:
        yield ("bond", *pair), types, {p: o for p, o in bonds.items() if p != pair}


def named(environment, action):
    """What the number of an action says."""
    n, k = environment.limits.max_atoms, environment.n_options
    site, option = divmod(action - 1, k)
    type_, order = int(environment.tables.option_type[option]) - 1, int(environment.tables.option_order[option])
    if site < n:
        return "add", site, type_, order
    if site == n:
        return "first", type_
    return "close", *list(itertools.combinations(range(n), 2))[site - n - 1], order


def named_back(environment, action):
    n = environment.limits.max_atoms
    return ("atom", action) if action < n else ("bond", *list(itertools.combinations(range(n), 2))[action - n])


@pytest.mark.parametrize("rules", RULES)
def test_legal_actions_are_what_trying_every_edit_finds(rules):
    """200 states of random walks for each of five sets of rules, and their ways back."""
    environment, judge = Atoms(**RULES[rules]), Judge(RULES[rules])
    walk = [states for states, _ in uniform_walk(environment, 40, 0, stop=False)]
    states = type(walk[0]).cat(walk)
    rows = np.random.default_rng(0).permutation(len(states))[:200]
    states = states[torch.from_numpy(rows)]
    forward, backward = environment.forward_mask(states), environment.backward_mask(states)
    for row, (types, orders) in enumerate(environment._arrays(states)):
        types = types.tolist()
        bonds = {(i, j): int(orders[i, j]) for i, j in np.argwhere(np.triu(orders)).tolist()}
        assert judge.allows(types, bonds)
        every = edits(types, bonds, len(judge.types), environment.tables.orders)
        expected = {what for what, *after in every if judge.allows(*after)}
        assert {named(environment, a) for a in forward[row].nonzero().squeeze(1).tolist() if a} == expected
        expected = {what for what, *after in edits_back(types, bonds) if judge.allows(*after)}
        assert {named_back(environment, a) for a in backward[row].nonzero().squeeze(1).tolist()} == expected


@pytest.mark.parametrize(
    ("atoms", "states", "edges", "molecules"),
    [(4, 572, 1639, 571), pytest.param(5, 4142, 16204, 4141, marks=pytest.mark.slow)],
)
def test_all_molecules_of_carbon_nitrogen_and_oxygen(atoms, states, edges, molecules):
    """By canonical SMILES, against an enumeration by RDKit that knows nothing of states."""
    arguments = {"types": ["C", "N", "O"], "max_atoms": atoms}
    environment, judge = Atoms(**arguments), Judge(arguments)
    known, found = set(), set()
    todo = [([], {})]
    while todo:
        types, bonds = todo.pop()
        for _, *after in edits(types, bonds, 3, (1, 2, 3)):
            if judge.allows(*after):
                name = Chem.MolToSmiles(judge.molecule(*after))
                if name not in known:
                    known.add(name)
                    mol = judge.molecule(*after)
                    Chem.SanitizeMol(mol)
                    found.add(Chem.MolToSmiles(mol))
                    todo.append(after)
    graph = enumerate_states(environment)
    ours = [m.smiles for m in environment.objects(graph.states[graph.can_stop])]
    assert set(ours) == found
    assert (len(graph), len(graph.source), len(set(ours))) == (states, edges, molecules)
