"""Typed joins and points that must be filled: masks against brute force, exact flows over molecules, refusals."""

import pytest
import torch
from rdkit import Chem

from molgfn.chemistry.molecules import parse
from molgfn.environments.enumeration import enumerate_states
from molgfn.environments.fragments import Fragments
from molgfn.errors import ConfigError, MolgfnError
from molgfn.evaluation.exact.answers import solve_flows
from molgfn.testing import check_environment

A, B, C = ["a"], ["b"], ["c"]
#: every fragment symmetric or ambiguous; `b` must be filled, by `a` or by `c`, which do not join themselves
TABLE = {"pairs": [["a", "b"], ["b", "c"], ["a", "d"]], "fill": ["b"]}
SYMMETRIC = [
    ["C", [0], 0, [A]],
    ["c1ccccc1", [0, 1, 2, 3, 4, 5], 0, [["c", "d"]] * 6],
    ["C1CNCCN1", [2, 5], 0, [B, B]],
]
#: chains that are built in many ways, some of which are not allowed; one fragment has points of three types
AMBIGUOUS = [
    ["C", [0], 0, [A]],
    ["CC", [0, 1], 0, [["a", "b"]] * 2],
    ["CCC", [0, 2], 0, [["b", "c"]] * 2],
    ["CCO", [0, 1, 2], 0, [B, A, ["d"]]],
    ["O", [0, 0], 0, [["c", "d"]] * 2],
]
SETS = {"symmetric": SYMMETRIC, "ambiguous": AMBIGUOUS}
LIMITS = {
    "free": {},
    "atoms": {"max_atoms": 9},
    "full": {"stop": "full", "max_fragments": 3},
    "full, atoms": {"stop": "full", "max_atoms": 14},
    "at least 3": {"min_fragments": 3},
    "scaffold": {"scaffold": "C1CC(*)C1*", "max_fragments": 3},
    "scaffold, full, atoms": {"scaffold": "c1cc(*)ncc1*", "stop": "full", "max_atoms": 18},
}
WITH_LIMITS = pytest.mark.parametrize("limits", LIMITS.values(), ids=list(LIMITS))
OF_SETS = pytest.mark.parametrize("vocabulary", SETS.values(), ids=list(SETS))


def made(vocabulary, limits):
    return Fragments(**{"vocabulary": vocabulary, "joins": TABLE, "max_fragments": 4, **limits})


def labels_of(environment, vocabulary, kind, point):
    """Labels as the test's own reading; a scaffold's points have none under an own table."""
    return set(vocabulary[kind][3][point]) if kind < len(vocabulary) else set()


def may_join(one, other):
    pairs = {tuple(p) for p in TABLE["pairs"]} | {tuple(p[::-1]) for p in TABLE["pairs"]}
    return not one or not other or any((a, b) in pairs for a in one for b in other)


class Plain:
    """What may be done at a tree, by looking at all ways to go on; no rule of ``chemistry.growth`` is used."""

    def __init__(self, vocabulary, environment):
        self.environment, self.vocabulary = environment, vocabulary
        self.atoms = environment.tables.atoms.tolist()
        self.points = environment.tables.points.tolist()
        self.known = {}

    def describe(self, states, i):
        kinds = [k for k in states.kinds[i].tolist() if k >= 0]
        used = states.used[i].tolist()
        open_ = [
            (node, p, frozenset(labels_of(self.environment, self.vocabulary, k, p)))
            for node, k in enumerate(kinds)
            for p in range(self.points[k])
            if not used[node][p]
        ]
        return kinds, open_

    def ends(self, n, atoms, open_):
        """Whether a tree can be made whole: nothing open that must be filled, within the limits."""
        e = self.environment
        if n > e.max_fragments or (e.max_atoms is not None and atoms > e.max_atoms):
            return False
        must = [x for x in open_ if "b" in x]
        if not must:
            return True
        key = (n, atoms, tuple(sorted(tuple(sorted(x)) for x in open_)))
        if key not in self.known:
            self.known[key] = any(
                self.ends(n + 1, atoms + self.atoms[k], rest)
                for x in {*must}
                for k, _, rest in self.additions(open_, x)
            )
        return self.known[key]

    def additions(self, open_, at):
        """(fragment, point, open points after it) for everything that may be joined to a point with labels ``at``."""
        left = list(open_)
        left.remove(at)
        for k in range(len(self.vocabulary)):
            mine = [frozenset(x) for x in self.vocabulary[k][3]]
            for p, labels in enumerate(mine):
                if may_join(at, labels):
                    yield k, p, [*left, *mine[:p], *mine[p + 1 :]]

    def legal(self, states, i):
        """Legal forward actions."""
        e = self.environment
        kinds, open_ = self.describe(states, i)
        if not kinds:
            return {
                1 + e.start_site * e.n_arms + int(e.tables.arm_of[k, 0])
                for k in range(len(self.vocabulary))
                if self.ends(1, self.atoms[k], [frozenset(x) for x in self.vocabulary[k][3]])
            }
        n, atoms = len(kinds), sum(self.atoms[k] for k in kinds)
        actions = set()
        for node, point, labels in open_:
            for k, p, rest in self.additions([x for _, _, x in open_], labels):
                if self.ends(n + 1, atoms + self.atoms[k], rest):
                    actions.add(1 + (node * e.n_points + point) * e.n_arms + int(e.tables.arm_of[k, p]))
        closed = not any("b" in x for _, _, x in open_)
        if closed and (not actions or (e.stop == "free" and n >= e.min_fragments)):
            actions.add(0)
        return actions


@OF_SETS
@WITH_LIMITS
def test_what_is_legal_is_what_can_still_be_made_whole(vocabulary, limits):
    environment = made(vocabulary, limits)
    graph = enumerate_states(environment)
    plain = Plain(vocabulary, environment)
    mask = environment.forward_mask(graph.states)
    for i in range(len(graph)):
        assert set(mask[i].nonzero().flatten().tolist()) == plain.legal(graph.states, i)
    assert len(graph) > 10
    g = environment.encode(graph.states, padded=True)
    sites = torch.zeros(len(graph), environment.start_site + 1, dtype=torch.bool)
    sites[g.site_graph, g.site_where - 1] = g.site_mask
    row = torch.zeros_like(sites, dtype=torch.int64)
    row[g.site_graph, g.site_where - 1] = g.site_options
    assert torch.equal((sites[:, :, None] & g.option_mask[row]).flatten(1), mask[:, 1:])


def total_variation(environment):
    """Molecules, states that may stop, and TV over molecules with exactly solved flows for a random reward."""
    graph = enumerate_states(environment)
    stop = graph.can_stop.nonzero().squeeze(1)
    terminal = graph.states[stop]
    molecules = environment.objects(terminal)
    number = {m.smiles: i for i, m in enumerate({m.smiles: m for m in molecules}.values())}
    of = torch.tensor([number[m.smiles] for m in molecules])
    log_r = torch.randn(len(number), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    log_target = torch.full((len(graph),), -torch.inf, dtype=torch.float64)
    log_target[stop] = log_r[of] - environment.log_symmetry(terminal, molecules)
    p = torch.zeros(len(number), dtype=torch.float64)
    p = p.index_add(0, of, solve_flows(graph, log_target).log_terminal.exp()[stop])
    return len(number), len(stop), 0.5 * (p - log_r.softmax(0)).abs().sum().item()


@OF_SETS
@WITH_LIMITS
def test_the_correction_is_exact_over_molecules(vocabulary, limits):
    molecules, trees, tv = total_variation(made(vocabulary, limits))
    assert molecules > 5
    assert trees >= molecules
    assert tv < 1e-9


@OF_SETS
@WITH_LIMITS
def test_molecules_and_weights_are_those_of_the_trees_that_may_stop(vocabulary, limits):
    """C(x) is the sum of c(t) over the listed trees, x is read back as one of them, and no other molecule is."""
    environment = made(vocabulary, limits)
    graph = enumerate_states(environment)
    terminal = graph.states[graph.can_stop]
    molecules = environment.objects(terminal)
    keys = list(environment.keys(terminal))
    log_c = environment.space.tree_log_symmetry(terminal.kinds.numpy(), terminal.joins.numpy())
    weights, trees = {}, {}
    for molecule, key, value in zip(molecules, keys, log_c, strict=True):
        weights.setdefault(molecule.smiles, []).append(value)
        trees.setdefault(molecule.smiles, set()).add(key)
    read = parse(list(weights))
    for molecule in read:
        expected = torch.logsumexp(torch.tensor(weights[molecule.smiles], dtype=torch.float64), 0).item()
        assert environment.space.log_symmetry(molecule) == pytest.approx(expected, abs=1e-9)
    drawn = [environment.terminal_draws(read, seed=seed)[0] for seed in range(5)]
    for states in [environment.states_of(read), *drawn]:
        assert [m.smiles for m in environment.objects(states)] == [m.smiles for m in read]
        for key, molecule in zip(environment.keys(states), read, strict=True):
            assert key in trees[molecule.smiles]
    free = Fragments(vocabulary=vocabulary, joins="any", max_fragments=environment.max_fragments)
    if environment.has_scaffold:
        return
    others = {m.smiles: m for m in free.objects(enumerate_states(free).states[1:]) if m.smiles not in weights}
    assert len(others) > 20
    assert all(environment.space.decompose(m, None) is None for m in others.values())


@OF_SETS
@WITH_LIMITS
def test_contract(vocabulary, limits):
    check_environment(made(vocabulary, limits), walks=16, exact_limit=5000)


def test_points_that_must_be_filled_are_filled_and_joins_are_allowed():
    """Random walks of a vocabulary with BRICS labels, on padded encodings' masks too."""
    vocabulary = [["C=O", [0, 0], 0, [["1", "6"]] * 2], ["N", [0, 0, 0], 0, [["5"]] * 3], ["CO", [0], 0, [["8"]]]]
    vocabulary += [["c1ccccc1", [0, 3], 0, [["16"]] * 2], ["C", [0, 0], 0, [["4"]] * 2], ["O", [0, 0], 0, [["3"]] * 2]]
    environment = Fragments(vocabulary=vocabulary, max_fragments=6, max_atoms=16)
    states, generator = environment.initial(256), torch.Generator().manual_seed(0)
    finished = []
    for _ in range(environment.max_steps):
        mask = environment.forward_mask(states)
        assert mask.any(1).all()
        actions = torch.multinomial(mask.double(), 1, generator=generator).squeeze(1)
        finished.append(states[actions == 0])
        states = environment.step(states, actions)[actions != 0]
    molecules = [m for part in finished for m in environment.objects(part)]
    assert len(molecules) == 256
    for bad in ["[CX3H1](=O)", "[O,N]-!@[O,N]", "[CX3](=O)-[CX4]"]:
        pattern = Chem.MolFromSmarts(bad)
        assert not any(m.mol.HasSubstructMatch(pattern) for m in molecules), bad


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"vocabulary": [["CC=O", [1], 0, [["1"]]], ["C", [0], 0, [["4"]]]]}, r"point 0 \(atom 1\) of 'CC=O' must not"),
        ({"vocabulary": [["CC=O", [1]], ["C", [0]]], "joins": "brics"}, "no fragment can fill it"),
        ({"vocabulary": [["C", [0], 0, [["five"]]]]}, r"label 'five' of fragment 'C' .*environment.joins"),
        ({"vocabulary": [["C", [0]]], "joins": {"pairs": [["a", "a"]]}}, "needs labels"),
        ({"vocabulary": [["C", [0], 0, [["a"]]]], "joins": {"pair": [["a", "a"]]}}, "unknown key 'pair'"),
        ({"vocabulary": [["C", [0], 0, [["a"]]]], "joins": "nowhere.txt"}, "no file 'nowhere.txt'"),
        ({"vocabulary": [["C", [0], 0, [["1"]]], ["N", [0]]]}, "no labels at its attachment points"),
        ({"vocabulary": [["CC", [0, 1], 0, [["1"], ["5"]]]]}, r"are alike but have the labels 1 and 5; give both 1\|5"),
        ({"vocabulary": [["CC", [0, 1], 0, [["1"]]]]}, "2 attachment points but labels for 1"),
        ({"vocabulary": [["CC", [0], 0, ["1"]]]}, "list of lists"),
        ({"vocabulary": [["CC", [0], 0, [["1 2"]]]]}, "is no label"),
    ],
)
def test_what_cannot_be_used_is_refused(arguments, says):
    with pytest.raises(MolgfnError, match=says):
        Fragments(**arguments)


def test_several_fragments_that_close_a_point_with_fewer_atoms_are_refused_where_atoms_are_limited():
    """`b` is filled by benzene alone (6 atoms) or by C with another `b` that O fills (2 atoms)."""
    vocabulary = [
        ["CC", [0], 0, [["b"]]],
        ["c1ccccc1", [0], 0, [["a"]]],
        ["C", [0, 0], 0, [["b", "d"]] * 2],
        ["O", [0], 0, [["x"]]],
    ]
    table = {"pairs": [["a", "b"], ["d", "b"], ["x", "d"]], "fill": ["b"]}
    Fragments(vocabulary=vocabulary, joins=table, max_fragments=4)
    with pytest.raises(ConfigError, match=r"of 'CC' must not stay open.*6 atoms, but several together need 2 only"):
        Fragments(vocabulary=vocabulary, joins=table, max_fragments=4, max_atoms=20)


def test_a_scaffold_whose_points_cannot_be_filled_is_refused():
    vocabulary = [["N", [0], 0, [["5"]]], ["C", [0], 0, [["4"]]]]
    with pytest.raises(ConfigError, match="scaffold: its points that must be filled cannot be within max_fragments=2"):
        Fragments(vocabulary=vocabulary, scaffold="O=C(*)c1ccc(C(=O)*)cc1", max_fragments=2)
    environment = Fragments(vocabulary=vocabulary, scaffold="O=C(*)c1ccc(C(=O)*)cc1", max_fragments=3)
    terminal = enumerate_states(environment)
    assert [m.smiles for m in environment.objects(terminal.states[terminal.can_stop])] == ["NC(=O)c1ccc(C(N)=O)cc1"]


def test_the_kind_of_joins_goes_into_a_checkpoint():
    table = made(AMBIGUOUS, {})
    again = Fragments(**{"max_fragments": 4, **table.portable()})
    assert torch.equal(again.tables.options, table.tables.options)
    labelled = [["C=O", [0, 0], 0, [["1"]] * 2], ["N", [0], 0, [["5"]]]]
    assert Fragments(vocabulary=labelled).portable()["joins"] == "brics"
    plain = Fragments(vocabulary=labelled, joins="any").portable()
    assert plain == Fragments(vocabulary=[x[:3] for x in labelled]).portable()  # as checkpoints have been
    assert plain["joins"] is None
