"""Growth from a scaffold: points that must be filled, fragments allowed per point, exact flows over molecules."""

import json
import re
from pathlib import Path

import pytest
import torch
from rdkit import Chem

from molgfn.chemistry.molecules import Molecule
from molgfn.config import build
from molgfn.environments.enumeration import enumerate_states
from molgfn.environments.fragments import Fragments
from molgfn.errors import ConfigError
from molgfn.evaluation.exact.answers import solve_flows
from molgfn.testing import check_environment

#: points 1 and 2 are alike, 3 and 4 are not
SCAFFOLD = "[*:3]Nc1c([*:1])nc([*:4])nc1[*:2]"
VOCABULARY = [["C", [0]], ["CO", [0, 1]], ["F", [0]]]
METHYL, METHANOL, FLUORINE = 0, 1, 2
CASES = {
    "all": {"fill": "all", "max_fragments": 5},
    "two": {"fill": [1, 2], "max_fragments": 4},
    "one": {"fill": [3], "max_fragments": 4},
    "allowed": {"allowed": {1: ["F", "C"], 2: ["F", "C"], 3: [METHYL], 4: "CO"}, "max_fragments": 4},
    "both": {"fill": [1, 2, 4], "allowed": {4: ["CO", "F"]}, "max_fragments": 4},
    "both, full": {"fill": [3], "allowed": {1: "F", 2: "F", 4: ["F", "C"]}, "max_fragments": 3, "stop": "full"},
    "both, atoms": {"fill": [4], "allowed": {4: ["C", "F"]}, "max_fragments": 4, "max_atoms": 10},
    "nothing": {"max_fragments": 3},
}
OF_CASES = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))


def made(case):
    return Fragments(vocabulary=VOCABULARY, scaffold=SCAFFOLD, **case)


def obeys(environment, case, states, i):
    """Whether a whole tree is what was asked for, by its joins alone; points of the scaffold are named in its order."""
    names = (3, 1, 4, 2)
    at = {}
    for u, p, v, q in states.joins[i].tolist():
        for node, point, other in ((u, p, v), (v, q, u)):
            if node == 0 and u >= 0:
                at[names[point]] = int(states.kinds[i, other])
    fill = case.get("fill") or []
    asked = set(names) if fill == "all" else set(fill)
    for name, kind in at.items():
        allowed = case.get("allowed", {}).get(name)
        listed = allowed if isinstance(allowed, list) else [allowed]
        if allowed is not None and not {kind, VOCABULARY[kind][0]} & {*listed}:
            return False
    return asked <= at.keys()


@OF_CASES
def test_what_is_built_is_what_was_asked_for(case):
    """Whole trees are those of a scaffold without rules that obey the rules: none more, none less."""
    environment = made(case)
    free = Fragments(
        vocabulary=VOCABULARY, scaffold=SCAFFOLD, **{k: v for k, v in case.items() if k not in ("fill", "allowed")}
    )
    found, expected = ({}, {})
    for e, trees in ((environment, found), (free, expected)):
        graph = enumerate_states(e)
        stops = e.stop_mask(graph.states)
        for i, key in enumerate(e.keys(graph.states)):
            if stops[i] and (e is environment or obeys(environment, case, graph.states, i)):
                trees[key] = obeys(environment, case, graph.states, i)
    assert all(found.values())
    if case.get("stop") != "full":  # where nothing more fits depends on what may be added
        assert found.keys() == expected.keys()
    assert len(found) > 3
    core = Chem.MolFromSmiles("Nc1cncnc1")
    graph = enumerate_states(environment)
    whole = environment.stop_mask(graph.states).nonzero().flatten()
    for molecule in environment.objects(graph.states[whole]):
        assert molecule.mol.HasSubstructMatch(core)


@OF_CASES
def test_every_molecule_gets_its_share(case):
    """Flows solved exactly: P_T over molecules is R / Z; each is read back as a tree, and c(t) adds up to C(x)."""
    environment = made(case)
    graph = enumerate_states(environment)
    stops = graph.can_stop.nonzero().flatten()
    terminal = graph.states[stops]
    molecules = environment.objects(terminal)
    number = {key: i for i, key in enumerate(sorted({m.smiles for m in molecules}))}
    of = torch.tensor([number[m.smiles] for m in molecules])
    log_r = torch.randn(len(number), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    log_target = torch.full((len(graph),), -torch.inf, dtype=torch.float64)
    log_target[stops] = log_r[of] - environment.log_symmetry(terminal, molecules)
    p = torch.zeros(len(number), dtype=torch.float64)
    p = p.index_add(0, of, solve_flows(graph, log_target).log_terminal.exp()[stops])
    assert 0.5 * (p - log_r.softmax(0)).abs().sum().item() < 1e-9
    weight = torch.from_numpy(environment.space.tree_log_symmetry(terminal.kinds.numpy(), terminal.joins.numpy())).exp()
    whole = torch.zeros(len(number), dtype=torch.float64).index_add(0, of, weight)
    for smiles, i in number.items():
        molecule = Molecule.from_smiles(smiles)
        assert environment.space.log_symmetry(molecule) == pytest.approx(float(whole[i].log()), abs=1e-9)
    back = environment.states_of([Molecule.from_smiles(smiles) for smiles in number])
    assert set(environment.keys(back)) <= set(environment.keys(terminal))


@pytest.mark.parametrize("case", ["both", "both, atoms"])
def test_the_contract(case):
    check_environment(made(CASES[case]))


def test_molecules_that_break_a_rule_have_no_tree():
    environment = made({"fill": [4], "allowed": {4: ["F"]}, "max_fragments": 4})
    fits, other, unfilled = (Molecule.from_smiles(s) for s in ("Nc1c(C)nc(F)nc1C", "Nc1c(C)nc(C)nc1C", "Nc1c(C)ncnc1C"))
    assert environment.space.decompose(fits, None) is not None
    for molecule in (other, unfilled):
        assert environment.space.decompose(molecule, None) is None
        assert environment.space.log_symmetry(molecule) == -float("inf")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fill": "all", "scaffold": None}, "fill: names points of a scaffold, and there is none"),
        ({"allowed": {1: "C"}, "scaffold": None}, "allowed: names points of a scaffold, and there is none"),
        ({"fill": [5]}, r"fill: the scaffold has no point 5; those of .* are 3, 1, 4, 2"),
        ({"allowed": {7: "C"}}, "allowed: the scaffold has no point 7"),
        ({"fill": [1]}, "fill: points 1 and 2 of .* are alike by symmetry"),
        ({"allowed": {1: "C"}}, "allowed: points 1 and 2 of .* are alike by symmetry"),
        ({"allowed": {3: "CCl"}}, r"point 3: 'CCl' is not among the 3 fragments"),
        ({"allowed": {3: "C("}}, r"point 3: 'C\(' is neither a SMILES nor a file"),
        ({"allowed": {3: 9}}, "point 3: there is no fragment 9; the vocabulary has 0 to 2"),
        ({"allowed": {3: []}}, "no fragment is allowed at point 3"),
        ({"fill": "all", "max_fragments": 4}, "max_fragments=4"),
        ({"fill": [3], "max_atoms": 7}, "max_atoms=7"),
    ],
)
def test_what_cannot_be_asked_for(settings, message):
    with pytest.raises(ConfigError, match=message):
        Fragments(**{"vocabulary": VOCABULARY, "scaffold": SCAFFOLD, "max_fragments": 5, **settings})


def test_fragments_that_the_table_of_joins_keeps_out():
    table = {"pairs": [["a", "b"]]}
    vocabulary = [["C", [0], 0, [["a"]]], ["F", [0], 0, [["b"]]], ["O", []]]
    made = Fragments(vocabulary=vocabulary, scaffold="*c1ccccc1", joins=table, allowed={1: "F"})
    assert made.n_arms == 3
    with pytest.raises(ConfigError, match="point 1 cannot be joined to 'O'"):
        Fragments(vocabulary=vocabulary, scaffold="*c1ccccc1", joins=table, allowed={1: ["F", "O"]})
    with pytest.raises(ConfigError, match="no fragment can fill it"):
        Fragments(
            vocabulary=[["C", [0, 0], 0, [["a"]] * 2]],
            scaffold="*c1ccccc1",
            joins={"pairs": [["a", "a"]], "fill": ["a"]},
            fill=[1],
        )


def test_points_without_numbers_are_counted_and_files_name_fragments(tmp_path):
    groups = tmp_path / "groups.smi"
    groups.write_text("# halogens\nF first\nOC\n")
    environment = Fragments(
        vocabulary=VOCABULARY, scaffold="*c1ccc(*)nc1", allowed={1: str(groups), 2: ["C", 2]}, fill=[2], max_fragments=3
    )
    assert environment.space.allowed == {1: [METHANOL, FLUORINE], 2: [METHYL, FLUORINE]}
    groups.unlink()
    plain = json.loads(json.dumps(environment.portable()))  # what a checkpoint keeps needs no file
    again = Fragments(**{"scaffold": "*c1ccc(*)nc1", "fill": [2], "max_fragments": 3, **plain, **numbered(plain)})
    assert again.space.allowed == environment.space.allowed
    assert len(enumerate_states(again)) == len(enumerate_states(environment))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("F\nC(\n", r"allowed: .*groups.smi, line 2: not a SMILES: C\("),
        ("# nothing\n", "allowed: .*groups.smi: no valid molecule"),
        ("F\nCCl\n", "point 1: 'CCl' is not among the 3 fragments"),
    ],
)
def test_files_of_fragments_are_refused_by_line(tmp_path, content, message):
    (tmp_path / "groups.smi").write_text(content)
    with pytest.raises(ConfigError, match=message):
        Fragments(vocabulary=VOCABULARY, scaffold="*c1ccccc1", allowed={1: str(tmp_path / "groups.smi")})


def test_fragments_are_named_in_any_way_of_writing_them(tmp_path):
    (tmp_path / "groups.csv").write_text("name;SMILES\nfluoride;[F:3][H]\nmethanol;[H]OC\n")
    environment = Fragments(
        vocabulary=VOCABULARY,
        scaffold="*c1ccc(*)nc1",
        allowed={1: str(tmp_path / "groups.csv"), 2: ["[CH4:1]"]},
        max_fragments=3,
    )
    assert environment.space.allowed == {1: [METHANOL, FLUORINE], 2: [METHYL]}


def numbered(plain):
    """The names of points as numbers, which JSON writes as text; configs read either."""
    return {"allowed": {int(name): numbers for name, numbers in plain["allowed"].items()}}


@pytest.mark.parametrize("names", [{1: ["C"]}, {"1": ["C"]}])
def test_configs_name_points_by_numbers_or_text(names):
    node = {
        "_target_": "molgfn.environments.fragments.Fragments",
        "vocabulary": VOCABULARY,
        "scaffold": "*c1ccccc1",
        "allowed": names,
        "fill": "all",
    }
    environment = build(node, Fragments, "environment")
    assert environment.space.allowed == {1: [METHYL]}


def test_two_parts_are_linked_as_the_page_on_vocabularies_says(tmp_path, monkeypatch):
    """Every molecule has the scaffold and, once, the part, with linkers between; and each has its share."""
    page = (Path(__file__).parents[2] / "docs" / "vocabularies.md").read_text()
    for name in ("parts.txt", "joins.txt"):
        (block,) = re.findall(rf"```\n# {name}\n(.*?)```", page, re.DOTALL)
        (tmp_path / name).write_text(block)
    monkeypatch.chdir(tmp_path)
    linkers = ["CC", "COC", "CN", "c1ccccc1"]
    environment = Fragments(
        vocabulary="parts.txt",
        joins="joins.txt",
        scaffold="[*:1]c1ccnc([*:2])c1",
        fill=[1],
        allowed={1: ["CNC=O", *linkers], 2: ["F"]},
        max_fragments=4,
    )
    check_environment(environment, exact_limit=1000, walks=16)
    states = enumerate_states(environment).states
    found = {m.smiles: m.mol for m in environment.objects(states[environment.stop_mask(states)])}
    assert f"All {len(found)} molecules" in page
    for smarts, times in (("O=[CH][NH][CH2]", 1), ("c1ccncc1", 1)):
        assert {len(mol.GetSubstructMatches(Chem.MolFromSmarts(smarts))) for mol in found.values()} == {times}
    assert {"O=CNCc1ccncc1", "O=CNCc1ccnc(F)c1", "O=CNCCOCc1ccncc1"} <= found.keys()
