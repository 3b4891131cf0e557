"""``molgfn edit``: files of all kinds, every row counted, the page, refusals before work starts."""

import pandas as pd
import pytest
from rdkit import Chem

import molgfn
from molgfn.chemistry.molecules import Molecule

LEADS = "C1CCN(c2ccccc2)CC1 first\nnonsense( second\nOCc1ccccc1 third\nFc1ccccc1 fourth\n"


@pytest.fixture
def leads(tmp_path):
    path = tmp_path / "leads.smi"
    path.write_text(LEADS)
    return path


def test_every_lead_has_its_rows(call, molecules_run, leads, tmp_path):
    out, page = tmp_path / "edits.csv", tmp_path / "edits.html"
    result = call("edit", leads, "--run", molecules_run, "-o", out, "--page", page, "-k", 2, "-n", 6, "--best", 2)
    assert result.exit_code == 0, result.stderr
    assert "children of 2 of 4 leads by gfn" in result.stdout
    assert "no child: 1 x not a SMILES: nonsense(" in result.stderr
    assert "lead 4: nearest that can be built: c1ccccc1" in result.stderr
    table = pd.read_csv(out)
    assert set(table["lead"]) == {1, 2, 3, 4}
    children = table[table["child"].notna()]
    assert set(children["lead"]) <= {1, 3}
    assert (children["edits"] <= 2).all()
    assert all(Molecule.from_smiles(smiles).smiles == smiles for smiles in children["child"])
    assert (table.groupby("lead").size() <= 2).all()
    html = page.read_text()
    assert html.count('class="pair"') == len(children)
    assert "http://" not in html.replace("http://www.w3.org/2000/svg", "")
    assert "src=" not in html
    assert "nonsense(" in html
    first = children.iloc[0]
    assert f"value {first['value']:.3f}" in html
    assert f"value {first['parent_value']:.3f}" in html
    assert "built-in method" not in html


def test_the_same_from_python(call, molecules_run, leads, tmp_path):
    out = tmp_path / "edits.csv"
    assert call("edit", leads, "--run", molecules_run, "-o", out, "-n", 4, "--seed", 5).exit_code == 0
    given = [line.split()[0] for line in LEADS.splitlines()]
    made = molgfn.edit(given, molecules_run, calls=4, seed=5)
    assert made.table["child"].fillna("").tolist() == pd.read_csv(out)["child"].fillna("").tolist()
    assert made.leads == 4
    assert made.editable == 2
    assert made.calls == sum(made.calls_of)


@pytest.mark.parametrize("method", ["delta_cs", "local_search", "fragment_swap", "graph_ga"])
def test_other_methods(call, molecules_run, leads, method):
    result = call("edit", leads, "--run", molecules_run, "--method", method, "-n", 4, "-k", 2)
    assert result.exit_code == 0, result.stderr
    assert f"leads by {method}" in result.stderr
    assert "similarity" in result.stdout


def test_one_smiles_and_an_sdf(call, molecules_run, tmp_path):
    out = tmp_path / "edits.sdf"
    result = call("edit", "OCc1ccccc1", "--run", molecules_run, "-o", out, "-n", 4)
    assert result.exit_code == 0, result.stderr
    mols = list(Chem.SDMolSupplier(str(out)))
    assert mols
    assert all(mol.GetProp("parent") == "OCc1ccccc1" and float(mol.GetProp("value")) > 0 for mol in mols)


def test_the_scaffold_and_a_pattern_are_kept(call, molecules_run, tmp_path):
    out = tmp_path / "edits.csv"
    lead = "C1CCN(c2ccccc2)CC1"
    ring = Chem.MolFromSmiles("c1ccccc1")
    result = call(
        "edit", lead, "--run", molecules_run, "--keep", "c1ccccc1", "-o", out, "-n", 6, "--method", "delta_cs"
    )
    assert result.exit_code == 0, result.stderr
    children = pd.read_csv(out)["child"].dropna()
    assert all(Chem.MolFromSmiles(smiles).HasSubstructMatch(ring) for smiles in children)
    whole = call("edit", lead, "--run", molecules_run, "--keep-scaffold", "-n", 6, "--method", "fragment_swap")
    assert "loses what is kept" in whole.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["gone.smi"], 3, "gone.smi: no such file"),
        (["CCO", "--method", "gnf"], 2, "did you mean `gfn`"),
        (["CCO", "--keep", "C("], 2, "keep"),
        (["CCO", "-o", "children.txt"], 2, "cannot write `.txt`"),
        (["CCO", "--page", "page.pdf"], 2, "ends in .html"),
        (["CCO", "-k", 0], 2, "--edits"),
        (["CCO", "--delta", 1.5], 2, "--delta"),
        (["CCO", "--rounds", 9], 2, "rounds: should be from 1 to the number of edits"),
        (["CCO", "--fraction", "half"], 2, "--fraction"),
        (["CCO", "--fraction", ".2:3", "--method", "delta_cs"], 2, r"fraction: should be in [0, 1], got 3.0"),
        (["CCO", "--uncertainty", "sd"], 2, "--uncertainty: is of a file"),
        (["CCO", "more"], 2, "after the lead come words"),
        (["CCO", "condition.beta=3"], 2, "nothing was trained under a condition"),
        (["Fc1ccccc1"], 1, "no lead has a child"),
    ],
)
def test_refusals(call, molecules_run, monkeypatch, tmp_path, arguments, code, says):
    monkeypatch.chdir(tmp_path)
    result = call("edit", *arguments, "--run", molecules_run)
    assert result.exit_code == code, result.output
    assert says in result.output


def test_objects_that_are_neither_molecules_nor_strings_are_refused(call, grid_run):
    result = call("edit", "CCO", "--run", grid_run)
    assert result.exit_code == 2
    assert "molecules and strings can be edited, but this run builds" in result.stderr


def test_uncertainties_come_from_a_column(call, molecules_run, tmp_path):
    path = tmp_path / "leads.csv"
    path.write_text("smiles,sd\nOCc1ccccc1,1\nC1CCN(c2ccccc2)CC1,0\n")
    some = [
        "edit",
        path,
        "--run",
        molecules_run,
        "--method",
        "delta_cs",
        "--fraction",
        ".5",
        "--caution",
        ".5",
        "-n",
        4,
    ]
    result = call(*some, "--uncertainty", "sd", "-o", tmp_path / "out.csv")
    assert result.exit_code == 0, result.stderr
    assert set(pd.read_csv(tmp_path / "out.csv").dropna(subset=["child"])["lead"]) == {2}
    assert "has no column `se`" in call(*some, "--uncertainty", "se").stderr
    path.write_text("smiles,sd\nOCc1ccccc1,much\n")
    assert "`much` in the column sd is no number" in call(*some, "--uncertainty", "sd").stderr
