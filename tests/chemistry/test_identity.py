"""One identity of a molecule, whatever format it comes in."""

import os
import random

import pytest
from rdkit import Chem, RDConfig
from rdkit.Chem import rdDepictor

from molgfn.chemistry.files.reading import read_molecules
from molgfn.chemistry.molecules import Molecule
from molgfn.chemistry.reading.identity import canonical_smiles

NCI = os.path.join(RDConfig.RDDataDir, "NCI", "first_5K.smi")  # metals, charges, odd valences, salts
#: two ways round a ring that depend on each other
FLIPPING = [
    "C[C@H]1CCC2(CC1)OC[C@@]1(CC2)CC1",
    "NC[C@]12C3[C@@H]1[C@@H]32",
    "C[C@]12C[C@@](C)(C1)[C@@H]2N",
    "C[C@]12C3[C@H]1[C@H]32",
]


def forms(mol, rng):
    """The same molecule as other programs write it."""
    yield "random order", Molecule.from_smiles(Chem.MolToSmiles(mol, doRandom=True))
    kekulised = Chem.Mol(mol)
    Chem.Kekulize(kekulised, clearAromaticFlags=True)
    yield "kekulised", Molecule.from_smiles(Chem.MolToSmiles(kekulised, kekuleSmiles=True))
    mapped = Chem.Mol(mol)
    for atom in mapped.GetAtoms():
        atom.SetAtomMapNum(rng.randrange(1, 900))
    yield "mapped", Molecule.from_smiles(Chem.MolToSmiles(mapped, doRandom=True))
    flat = Chem.Mol(mol)
    rdDepictor.Compute2DCoords(flat)
    full = Chem.AddHs(flat, addCoords=True)
    yield "hydrogens", Molecule.from_smiles(Chem.MolToSmiles(full))
    for name, shown in (("without hydrogens", flat), ("with hydrogens", full)):
        block = Chem.MolToMolBlock(shown)
        yield f"V2000 {name}", Molecule.from_mol_block(block)
        yield f"V2000 {name} and their counts", Molecule.from_mol_block(with_counts(block))
        yield f"V3000 {name}", Molecule.from_mol_block(Chem.MolToV3KMolBlock(shown))
    yield "bond type 4", Molecule.from_mol_block(with_counts(Chem.MolToMolBlock(full, kekulize=False)))


def with_counts(block):
    """A block as PDBbind has it: hydrogens of each atom, plus one, in the fourth field behind the element."""
    lines = block.split("\n")
    for i in range(4, 4 + int(lines[3][:3])):
        lines[i] = f"{lines[i][:42]}  {1 + i % 3}{lines[i][45:]}"
    return "\n".join(lines)


def same_in_all_forms(mols, rng):
    wrong = []
    for mol in mols:
        key = canonical_smiles(mol)
        if Molecule.from_smiles(key).smiles != key:
            wrong.append((key, "read back"))
        wrong += [(key, name, m.smiles or m.problem) for name, m in forms(mol, rng) if m.smiles != key]
    return wrong


def test_the_identity_of_molecules_does_not_depend_on_their_format():
    with open(NCI) as lines:
        molecules = [Molecule.from_smiles(line) for line in list(lines)[::5]]
    mols = [m.mol for m in molecules if m.mol is not None]
    assert len(mols) > 900
    assert same_in_all_forms(mols, random.Random(0)) == []


@pytest.mark.parametrize("smiles", FLIPPING)
def test_ring_stereo_that_flips_has_one_identity(smiles):
    mol = Chem.MolFromSmiles(smiles)
    key = canonical_smiles(mol)
    seen = set()
    for _ in range(20):
        text = Chem.MolToSmiles(mol, doRandom=True)
        seen.add(Molecule.from_smiles(text).smiles)
        mol = Chem.MolFromSmiles(text)
    assert seen == {key}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[H]N=S(C)(C)=O", "CS(C)(=N)=O"),
        ("[H]/N=C/C", "CC=N"),
        ("[H]P=C", "C=P"),
        ("[CH3:1][CH:2]=[O:3]", "CC=O"),
        ("[H:1][O:2][H:3]", "O"),
        ("CN(=O)=O", "C[N+](=O)[O-]"),
        ("CN=N#N", "CN=[N+]=[N-]"),
        ("[2H]C", "[2H]C"),
        ("[13CH4:7]", "[13CH4]"),
        ("[H][H]", "[H][H]"),
        ("[H+].[Cl-]", "[Cl-].[H+]"),
        ("[CH3]", "[CH3]"),
        ("CCO |$a;b;c$|", "CCO"),
        ("CC ethane", "CC"),
        ("N[C@@H](C)O |&1:1|", "C[C@H](N)O"),
    ],
)
def test_what_counts_and_what_does_not(text, key):
    assert Molecule.from_smiles(text).smiles == key


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("*CC", "dummy atom"),
        ("[*:1]CC", "dummy atom"),
        ("[1*]CC", "dummy atom"),
        ("C~C", "query bond"),
        ("CN(C)(C)C", "valence"),
        ("c1cccc1", "aromaticity"),
        ("CC(", "not a SMILES"),
        ("CC\u00e9", "not a SMILES"),
        ("  ", "empty SMILES"),
    ],
)
def test_what_is_not_one_molecule_says_why(text, reason):
    molecule = Molecule.from_smiles(text)
    assert not molecule.valid
    assert molecule.problem.partition(":")[0] == reason


@pytest.mark.parametrize(("symbol", "reason"), [("R#", "dummy atom"), ("A ", "dummy atom"), ("Q ", "dummy atom")])
def test_patterns_in_mol_blocks_are_no_molecules(symbol, reason):
    block = Chem.MolToMolBlock(Chem.MolFromSmiles("CO")).replace(" O  ", f" {symbol} ", 1)
    assert Molecule.from_mol_block(block).problem.partition(":")[0] in (reason, "query atom")


def test_damaged_entries_do_not_take_their_neighbours(tmp_path):
    blocks = [Chem.MolToMolBlock(Chem.MolFromSmiles(s)) for s in ("CO", "CN", "CF", "CCl")]
    cut = blocks[1][: blocks[1].index("M  END") - 10]
    text = f"{blocks[0]}> <id>\n1\n\n{cut}\n$$$$\n{blocks[2]}$$$$\n{blocks[3]}"  # the first mark is missing
    for ends in ("\n", "\r\n"):
        (tmp_path / "a.sdf").write_bytes(text.replace("\n", ends).encode())
        content = read_molecules(tmp_path / "a.sdf")
        assert [m.smiles for m in content.molecules] == ["CO", "CF", "CCl"]
        assert [why for _, why in content.problems] == ["broken MOL block: without a name"]
    (tmp_path / "b.txt").write_text(text)  # known by what it holds
    assert len(read_molecules(tmp_path / "b.txt")) == 3
