"""Token strings of molecules: the contract, the alphabets, what is refused, strings of a molecule counted and drawn."""

import gzip
import itertools
import math

import pytest
import selfies
import torch
from rdkit import Chem
from tests.optional_data import optional

from molgfn.chemistry.molecules import Molecule, parse
from molgfn.conditions.temperature import Temperature
from molgfn.environments.conditional import conditional
from molgfn.environments.enumeration import enumerate_states
from molgfn.environments.tokens import Selfies, Smiles
from molgfn.environments.tokens.smiles_tokens import tokens_of
from molgfn.errors import ConfigError, ContractError, OutsideError
from molgfn.policies.sequence import GRUPolicy
from molgfn.testing import check_environment
from molgfn.trajectories.sampler import Sampler

ATOMS = ["C", "N", "O", "=", "(", ")"]
BLOCKS = ["[C]", "[=C]", "[O]", "[Branch1]", "[Ring1]"]


def small_smiles(**settings):
    return Smiles(alphabet=ATOMS, max_length=4, **{"symmetry": "molecule", **settings})


def small_selfies():
    return Selfies(alphabet=BLOCKS, max_length=4, symmetry="molecule")


@pytest.mark.parametrize(
    "make",
    [
        small_smiles,
        small_selfies,
        lambda: small_smiles(min_length=2),
        lambda: Smiles(max_length=12),
        lambda: Selfies(max_length=12),
        lambda: conditional(small_smiles(), Temperature()),
        lambda: conditional(Selfies(max_length=12), Temperature()),
    ],
)
def test_the_contract(make):
    check_environment(make())


def test_the_exact_check_fails_without_the_correction():
    """Several strings mean one molecule, so P_T over molecules is not R / Z where R is of each string."""
    with pytest.raises(ContractError, match="P_T over objects is not R/Z"):
        check_environment(small_smiles(symmetry="string"))


def test_spellings_are_those_that_rdkit_reads():
    """Brute force over all 1,554 strings, by RDKit alone."""
    environment, of = small_smiles(), {}
    for n in range(1, 5):
        for text in map("".join, itertools.product(ATOMS, repeat=n)):
            mol = Chem.MolFromSmiles(text)
            if mol is not None:
                of.setdefault(Chem.MolToSmiles(mol), set()).add(text)
    molecules = parse(of)
    states = environment.states_of(molecules)
    assert environment.texts(states) == [min(texts, key=lambda t: place(t)) for texts in of.values()]
    log_c = environment.log_symmetry(states, molecules)
    assert log_c.tolist() == pytest.approx([math.log(len(texts)) for texts in of.values()], abs=1e-12)
    assert of["CCO"] == {"CCO", "OCC"}
    drawn = {t for seed in range(60) for t in environment.texts(environment.terminal_draws(parse(["CCO"]), seed)[0])}
    assert drawn == of["CCO"]


def place(text):
    """Where a string stands among all: shorter ones first, then by the last token."""
    return len(text), [ATOMS.index(token) for token in reversed(text)]


def test_states_are_numbered_one_by_one():
    environment = small_smiles()
    states = enumerate_states(environment).states
    index = environment.index(states)
    assert index.sort().values.tolist() == list(range(1 + 6 + 36 + 216 + 1296)) == list(range(environment.n_states))
    assert environment.keys(environment.states_at(index)) == environment.keys(states)


def test_the_limit_makes_no_other_terminal():
    """At L stop is certain: the string that ran into the limit is the one that was stopped there."""
    environment = small_smiles()
    torch.manual_seed(0)
    t = Sampler(environment).forward(GRUPolicy(environment=environment, embedding=4, width=4, layers=1), 64)
    full = t.terminal.length == 4
    assert full.any()
    assert environment.forward_mask(t.terminal)[full].sum(1).tolist() == [1] * int(full.sum())
    assert environment.stop_mask(t.terminal).all()


@pytest.mark.parametrize(
    "text", ["C[C@@H](N)C(=O)O", "c1ccc2[nH]ccc2c1", "ClC/C=C/Br", "C%12CCCC%12", "[13CH3][N+](C)(C)C"]
)
def test_tokens_of_smiles(text):
    tokens = tokens_of(text)
    assert "".join(tokens) == text
    whole = {"Cl", "Br", "%12", "[nH]", "[C@@H]", "[13CH3]", "[N+]"}
    assert {token for token in tokens if len(token) > 1} == {token for token in whole if token in text}


def test_smiles_are_read_back_and_refused_with_reasons():
    environment = Smiles(max_length=12)
    states = environment.states_of(parse(["OCC", "c1ccccc1O"]))
    assert environment.texts(states) == ["CCO", "Oc1ccccc1"]
    for smiles, reason in (("C[Si](C)C", r"the alphabet has no \[Si\]|\[SiH\]"), ("C" * 13, "more than 12 tokens")):
        with pytest.raises(OutsideError, match=reason) as error:
            environment.states_of([Molecule.from_smiles("C"), Molecule.from_smiles(smiles)])
        assert str(error.value).startswith("molecule 2 (")
        assert error.value.reason in str(error.value)
    with pytest.raises(OutsideError, match="fewer than 3 tokens"):
        Smiles(min_length=3).states_of(parse(["CC"]))
    with pytest.raises(OutsideError, match="molecule 1: not a SMILES"):
        environment.states_of(parse(["C(("]))


def test_what_means_no_molecule_is_an_object_with_a_reason():
    environment = Smiles(max_length=8)
    written = environment._written([[environment._place[t] for t in tokens_of(s)] for s in ("CC(", "CC1", "cC", "CO")])
    molecules = environment.objects(written)
    assert [m.valid for m in molecules] == [False, False, False, True]
    assert [str(m.problem).partition(":")[0] for m in molecules[:3]] == ["not a SMILES", "not a SMILES", "aromaticity"]
    with pytest.raises(OutsideError):
        environment.states_of(molecules[:1])


def test_random_selfies_are_molecules():
    """1,000 random strings of up to 40 tokens: valid but for those that have no atom."""
    generator = torch.Generator().manual_seed(0)
    environment = Selfies(alphabet="robust", max_length=40)
    length = torch.randint(1, 41, (1000,), generator=generator)
    tokens = torch.randint(len(environment.tokens), (1000, 40), generator=generator)
    states = environment._written([row[:n].tolist() for row, n in zip(tokens, length, strict=True)])
    molecules = environment.objects(states)
    problems = {m.problem for m in molecules if not m.valid}
    assert problems <= {"empty SMILES"}, problems
    assert sum(m.valid for m in molecules) > 950


@pytest.mark.parametrize("make", [Smiles, Selfies])
def test_a_new_string_of_the_same_molecule_each_time(make):
    environment, molecules = make(), parse(["CC(C)Cc1ccc(cc1)[C@@H](C)C(=O)O", "CCO"])
    drawn = [environment.terminal_draws(molecules, seed) for seed in range(8)]
    texts = [environment.texts(states) for states, _ in drawn]
    assert len({pair[0] for pair in texts}) == 8
    assert all([m.smiles for m in environment.objects(s)] == [m.smiles for m in molecules] for s, _ in drawn)
    assert all(not weight.any() for _, weight in drawn)
    assert texts[3] == environment.texts(environment.terminal_draws(molecules, 3)[0])


def test_where_no_random_string_fits_the_own_one_is_drawn():
    environment = Smiles(alphabet=["C", "O"], max_length=3)
    texts = {environment.texts(environment.terminal_draws(parse(["CCO"]), seed)[0])[0] for seed in range(20)}
    assert texts == {"CCO", "OCC"}


@pytest.mark.parametrize(
    ("make", "settings", "says"),
    [
        (Smiles, {"alphabet": []}, "names no token"),
        (Smiles, {"alphabet": ["C", "C"]}, "C is there twice"),
        (Smiles, {"alphabet": ["C", "Q"]}, "'Q' is no token of SMILES"),
        (Smiles, {"alphabet": ["=", "("]}, "no token is an atom"),
        (Smiles, {"min_length": 9, "max_length": 8}, r"min_length \(9\) is above max_length \(8\)"),
        (Smiles, {"symmetry": "molecule"}, "use symmetry=string"),
        (Selfies, {"alphabet": ["[C]", "[nop]"]}, r"'\[nop\]' is no token of SELFIES"),
        (Selfies, {"alphabet": ["[C]", "CC"]}, "'CC' is no token of SELFIES"),
        (Selfies, {"alphabet": ["[C]", "[Nonsense]"]}, "is no token of SELFIES"),
        (Selfies, {"alphabet": ["[Branch1]", "[Ring1]"]}, "no token is an atom"),
    ],
)
def test_what_is_refused(make, settings, says):
    with pytest.raises(ConfigError, match=says):
        make(**settings)


def test_an_alphabet_of_a_file(tmp_path, caplog):
    path = tmp_path / "given.smi"
    path.write_text("OCCBr\nc1cc[nH]c1\nC1CC(\n")
    environment = Smiles(alphabet=str(path))
    assert {"Br", "[nH]", "c", "1", "O", "C"} <= set(environment.tokens)
    assert not {"Cl", "N"} & set(environment.tokens)
    assert "not a SMILES" in caplog.text
    again = Smiles(**environment.portable())
    assert again.tokens == environment.tokens
    assert set(Selfies(alphabet=str(path)).tokens) >= {"[O]", "[C]", "[Br]", "[NH1]"}
    (tmp_path / "none.smi").write_text("*\nC1CC(\n")
    with pytest.raises(ConfigError, match="no molecule that can be written in tokens"):
        Smiles(alphabet=str(tmp_path / "none.smi"))


def test_shipped_alphabets():
    robust = Selfies(alphabet="robust")
    assert set(robust.tokens) == selfies.get_semantic_robust_alphabet()
    assert len(Smiles().tokens) == 56
    assert len(Selfies().tokens) == 85


@pytest.mark.parametrize(("make", "least"), [(Smiles, 0.9995), (Selfies, 0.9995)])
def test_zinc_is_inside(make, least, optional_data):
    """Share of every 250th molecule of ZINC250k that is spelled and read back to the same canonical SMILES."""
    lines = gzip.decompress(optional("zinc250k.smi.gz").read_bytes()).decode().split("\n")[::250]
    molecules = [m for m in parse(line.split()[0] for line in lines if line) if m.valid]
    environment, same = make(), 0
    for molecule in molecules:
        try:
            (again,) = environment.objects(environment.states_of([molecule]))
        except OutsideError:
            continue
        same += again.smiles == molecule.smiles
    assert same / len(molecules) >= least
