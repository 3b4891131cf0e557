"""``molgfn proxy``: from a table to scores."""

import csv
import re

import numpy as np
import pytest

TINY = ("--members", 2, "--width", 8, "--layers", 2, "--epochs", 2, "--batch", 8)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "data.csv"
    rings = [f"C1{'C' * n}C1" for n in range(1, 21)]
    rows = [f"{'C' * n},{n}\n" for n in range(1, 21)] + [f"{s},{s.count('C')}\n" for s in rings]
    path.write_text("smiles,atoms\n" + "".join(rows) + "nothing-such,3\nCCO,\nC,3\n")
    return path


def test_from_a_table_to_scores(call, table, tmp_path):
    proxy = tmp_path / "proxy.pt"
    result = call("proxy", "fit", table, "--property", "atoms", "-o", proxy, "--direction", "minimise", *TINY)
    assert result.exit_code == 0, result.output
    assert "43 rows, 40 different molecules with `atoms`" in result.stdout
    assert "left out: 1 x not a SMILES" in result.stdout
    assert "left out: 1 x no value" in result.stdout
    assert "1 rows were averaged" in result.stdout
    assert f"{table}, line 42: not a SMILES" in result.stderr
    parts = {line.split()[0]: line.split()[1] for line in result.stdout.splitlines() if line.startswith("  t")}
    assert parts == {"train": "32", "test": "4"}
    for name in ("RMSE", "MAE", "R2", "Spearman", "in 1 std", "property: atoms, minimise, from 2 to 22"):
        assert name in result.stdout

    best = re.search(r"best epochs (\d), (\d)", result.stdout)
    assert best is not None
    last = best.groups().count("2")
    assert (f"the last epoch was the best for {last} of 2 members" in result.stdout) == (last > 0)
    assert ("such as --epochs 4" in result.stdout) == (last > 0)

    info = call("proxy", "info", proxy)
    assert info.exit_code == 0, info.output
    assert "last epoch" not in info.stdout
    told = [line for line in result.stdout.splitlines() if line.startswith(("  train", "property", "ensemble"))]
    assert len(told) == 3
    assert all(line in info.stdout for line in told)
    assert "data: data.csv, sha256 " in info.stdout
    assert "split random" in info.stdout

    (tmp_path / "new.smi").write_text("CCC\nc1ccccc1\n")
    out = tmp_path / "scores.csv"
    scored = call(
        "score", tmp_path / "new.smi", "oracle=proxy", f"oracle.weights={proxy}", "oracle.acquisition=ucb", "-o", out
    )
    assert scored.exit_code == 0, scored.output
    rows = list(csv.DictReader(out.open()))
    assert [row["smiles"] for row in rows] == ["CCC", "c1ccccc1"]
    for row in rows:
        assert float(row["proxy"]) == pytest.approx(float(row["mean"]) + float(row["std"]))


def test_every_option_reaches_the_proxy(call, table, tmp_path):
    from molgfn.proxies.ensemble import ProxyEnsemble

    proxy = tmp_path / "proxy.pt"
    options = (
        "--smiles",
        "smiles",
        "--units",
        "nm",
        "--lr",
        0.01,
        "--patience",
        1,
        "--bootstrap",
        "--split",
        "scaffold",
        "--validation",
        0.2,
        "--test",
        0,
        "--seed",
        7,
    )
    result = call("proxy", "fit", table, "--property", "atoms", "-o", proxy, *TINY, *options)
    assert result.exit_code == 0, result.output
    card = ProxyEnsemble.load(proxy).card
    assert (card.units, card.direction, card.property) == ("nm", "maximise", "atoms")
    wanted = {
        "members": 2,
        "width": 8,
        "layers": 2,
        "epochs": 2,
        "batch": 8,
        "lr": 0.01,
        "patience": 1,
        "seed": 7,
        "bootstrap": True,
        "split": "scaffold",
        "validation": 0.2,
        "test": 0.0,
    }
    assert {key: card.settings[key] for key in wanted} == wanted
    assert {name: m.n for name, m in card.metrics.items()} == {"train": 32, "validation": 8}


def test_refusals(call, table, tmp_path):
    def run(*arguments, out=tmp_path / "proxy.pt"):
        return call("proxy", "fit", table, "-o", out, *arguments)

    gone = run("--target", "mass")
    assert gone.exit_code == 3
    assert "no column 'mass'" in gone.stderr
    nowhere = run("--property", "atoms", out=tmp_path / "no" / "proxy.pt")
    assert nowhere.exit_code == 2
    assert run("--property", "atoms", out=tmp_path).exit_code == 2
    assert run("--property", "atoms", "--members", 1).exit_code == 2
    bad = call("proxy", "info", table)
    assert bad.exit_code == 3
    assert "not a proxy" in bad.stderr
    assert not (tmp_path / "proxy.pt").exists()


KINDS = {
    "mc_dropout": ("--width", 8, "--layers", 2, "--epochs", 2, "--batch", 8, "--rate", 0.2, "--samples", 5),
    "gflowout": ("--width", 8, "--layers", 1, "--epochs", 2, "--steps", 20, "--beta", 0.5, "--masks", "unconditional"),
    "gp": ("--radius", 2, "--samples", 7),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_uncertainty_is_fitted_shown_judged_and_scores(call, table, tmp_path, kind):
    from molgfn.proxies.loading import load

    proxy = tmp_path / "proxy.pt"
    split = ("--split", "scaffold", "--validation", 0.2, "--test", 0.2)
    result = call(
        "proxy", "fit", table, "--property", "atoms", "-o", proxy, "--uncertainty", kind, *KINDS[kind], *split
    )
    assert result.exit_code == 0, result.output
    card = load(proxy).card
    wanted = {"mc_dropout": ("rate", 0.2), "gflowout": ("conditional", False), "gp": ("radius", 2)}[kind]
    assert getattr(card, wanted[0]) == wanted[1]
    assert card.settings["split"] == "scaffold"
    shown = [line for line in result.stdout.splitlines() if line.startswith((f"{kind}: ", "  t"))]
    assert len(shown) == 3
    info = call("proxy", "info", proxy)
    assert info.exit_code == 0, info.output
    assert all(line in info.stdout for line in shown)

    (tmp_path / "other.smi").write_text("FC(F)(F)C(F)(F)S(=O)(=O)O\nnothing-such\nBrc1nc(Br)nc(Br)n1\n")
    judged = call("proxy", "evaluate", proxy, table, "--outside", tmp_path / "other.smi")
    assert judged.exit_code == 0, judged.output
    assert "other.smi: 2 molecules from outside, 1 left out" in judged.stdout
    assert "other.smi, line 2: not a SMILES" in judged.stderr
    rows = {line.split()[0]: line.split()[1:] for line in judged.stdout.splitlines() if line.startswith("  t")}
    assert {name: int(row[0]) for name, row in rows.items()} == {
        name: card.metrics[name].n for name in ("train", "test")
    }
    assert float(rows["test"][1]) == pytest.approx(card.metrics["test"].rmse, rel=1e-3)
    assert all(name in judged.stdout for name in ("NLL", "ECE", "miscalibration area", "OOD AUROC"))

    later = tmp_path / "later.csv"
    later.write_text("smiles,mass\nCCCO,4\nCCN,3\nCCS,x\n")
    new = call("proxy", "evaluate", proxy, later, "--property", "mass")
    assert new.exit_code == 0, new.output
    assert "later.csv, line 4: value is no number: x" in new.stderr
    assert next(line.split()[1] for line in new.stdout.splitlines() if line.startswith("  all")) == "2"
    scored = call("score", later, "oracle=proxy", f"oracle.weights={proxy}", "-o", tmp_path / "scores.csv")
    assert scored.exit_code == 0, scored.output


@pytest.mark.parametrize(
    ("kind", "option", "says"),
    [
        ("ensemble", ("--rate", 0.2), "--rate is for mc_dropout, gflowout, not for --uncertainty ensemble"),
        ("gp", ("--width", 8), "--width is for ensemble, mc_dropout, gflowout, not for --uncertainty gp"),
        ("mc_dropout", ("--members", 3), "--members is for ensemble, not for --uncertainty mc_dropout"),
        ("gflowout", ("--radius", 2), "--radius is for gp, not for --uncertainty gflowout"),
        ("gflowout", ("--rate", 1.0), "range 0<x<1"),
    ],
)
def test_options_that_a_kind_does_not_read_are_refused(call, table, tmp_path, kind, option, says):
    output = tmp_path / "proxy.pt"
    result = call("proxy", "fit", table, "--property", "atoms", "-o", output, "--uncertainty", kind, *option)
    assert result.exit_code == 2
    assert says in result.stderr
    assert not output.exists()


def test_from_judgements_to_a_run(call, tmp_path):
    """``compare-molecules``'s columns are read, rows counted, and any objective trains on the score."""
    from molgfn.comparing.answer_file import COLUMNS

    names = ["C" * n for n in range(2, 12)]
    rows = [
        f"{names[a]},{names[b]},{'tie' if a == b + 1 else 'chosen'},1.0,2026-01-01T00:00:00+00:00,{10 * a + b},x"
        for a in range(10)
        for b in range(a)
    ]
    answers, proxy = tmp_path / "answers.csv", tmp_path / "preference.pt"
    answers.write_text("\n".join([",".join(COLUMNS), *rows, "CCO,CCO,chosen,1,t,1,x", "CCO,CC,skip,1,t,1,x"]) + "\n")
    fitted = call("proxy", "fit", "--pairs", answers, "-o", proxy, *TINY)
    assert fitted.exit_code == 0, fitted.output
    assert "45 of 47 pairs kept" in fitted.stdout
    assert "1 left out: same molecule, line 47" in fitted.stdout
    assert "45 judgements of 10 molecules, 9 of them ties (half for each)" in fitted.stdout
    info = call("proxy", "info", proxy)
    assert info.exit_code == 0, info.output
    for text in ("property: preference, maximise", "accuracy", "log likelihood", "-0.6931", "9 of them ties"):
        assert text in fitted.stdout + info.stdout
        assert text in info.stdout
    shown = [line for line in fitted.stdout.splitlines() if line.startswith(("  train", "  test"))]
    assert len(shown) == 2
    judged = call("proxy", "evaluate", proxy, answers, "--pairs")
    assert judged.exit_code == 0, judged.output
    assert all(line in judged.stdout and line in info.stdout for line in shown)

    run = call(
        "train", "quickstart", "oracle=proxy", f"oracle.weights={proxy}", "reward=boltzmann", "reward.beta=1",
        "trainer.iterations=2", "data.batch_size=4", "policy.width=16", "policy.layers=1", "logger.wandb=off",
        "trainer.progress=none", f"output={tmp_path / 'runs'}", "evaluation.thresholds=[]",
    )  # fmt: skip
    assert run.exit_code == 0, run.output


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--pairs", "--direction", "minimise"), "--direction is not read with --pairs"),
        (("--pairs", "--smiles", "x"), "--smiles is not read with --pairs"),
        (("--pairs", "--task", "classification"), "--task is not read with --pairs"),
        (("--pairs", "--uncertainty", "gp"), "gp cannot be fitted to pairs"),
        (("--property", "atoms", "--ties", "drop"), "--ties is read only with --pairs"),
        ((), "give --property, the column of the numbers or labels to learn, or --pairs"),
    ],
)
def test_options_of_the_other_kind_of_table_are_refused(call, table, tmp_path, words, what):
    (tmp_path / "pairs.csv").write_text("chosen,rejected\n" + "".join(f"{'C' * n},{'N' * n}\n" for n in range(1, 30)))
    given = tmp_path / "pairs.csv" if "--pairs" in words else table
    result = call("proxy", "fit", given, "-o", tmp_path / "proxy.pt", *words)
    assert result.exit_code == 2, result.output
    assert what in result.output
    assert not (tmp_path / "proxy.pt").exists()


@pytest.fixture
def assay(tmp_path):
    path = tmp_path / "assay.csv"
    rows = [f"{'C' * n}{end},{label}\n" for end, label in (("", "inactive"), ("O", "active")) for n in range(1, 21)]
    path.write_text("smiles,hit\n" + "".join(rows) + "CCS,\nCCN,active\nNCC,inactive\n")
    return path


@pytest.mark.parametrize("kind", ["ensemble", "mc_dropout", "gflowout"])
def test_from_labels_to_probabilities(call, assay, tmp_path, kind):
    proxy = tmp_path / "classifier.pt"
    options = TINY if kind == "ensemble" else KINDS[kind]
    fitted = call(
        "proxy", "fit", assay, "--property", "hit", "--task", "classification", "--uncertainty", kind, *options,
        "--direction", "minimise", "-o", proxy,
    )  # fmt: skip
    assert fitted.exit_code == 0, fitted.output
    for text in (
        "43 rows, 40 different molecules with `hit`",
        "left out: 2 x both labels in the rows of one molecule, line 43, 44",
        "labels: 20 are 1, 20 are 0",
        "property: hit, minimise, the probability of label 1, which 20 of 40 molecules have",
    ):
        assert text in fitted.stdout
    assert "assay.csv, line 42: no value" in fitted.stderr
    shown = [line for line in fitted.stdout.splitlines() if line.startswith(("  train", "  validation", "  test"))]
    assert [line.split()[1:3] for line in shown] == [["32", "16"], ["4", "2"], ["4", "2"]]
    info = call("proxy", "info", proxy)
    assert info.exit_code == 0, info.output
    assert all(line in info.stdout for line in shown)
    assert all(name in info.stdout for name in ("NLL", "Brier", "ECE", "balanced", "MCC", "AUROC", "AUPRC"))

    (tmp_path / "other.smi").write_text("FC(F)(F)S(=O)(=O)O\nBrc1nc(Br)nc(Br)n1\n")
    judged = call("proxy", "evaluate", proxy, assay, "--outside", tmp_path / "other.smi")
    assert judged.exit_code == 0, judged.output
    lines = [line for line in judged.stdout.splitlines() if line.startswith(("  train", "  validation", "  test"))]
    assert lines[:3] == shown
    assert [line.split()[0] for line in lines[3:]] == ["train", "validation", "test"]
    assert all(0 <= float(number) <= 1 for line in lines[3:] for number in line.split()[1:])
    assert "by mutual information" in judged.stdout

    out = tmp_path / "scores.csv"
    lower = ("oracle=proxy", f"oracle.weights={proxy}", "oracle.acquisition=lcb", "oracle.kappa=0.5")
    scored = call("score", tmp_path / "other.smi", *lower, "-o", out)
    assert scored.exit_code == 0, scored.output
    for row in csv.DictReader(out.open()):
        bound = float(row["mean"]) - 0.5 * float(row["std"])
        assert float(row["proxy"]) == pytest.approx(max(bound, 0))
        assert 0 <= float(row["mutual_information"]) <= float(row["entropy"]) <= 0.6932


def test_a_policy_draws_batches_that_tell_most_of_a_classifier(call, assay, tmp_path):
    import itertools

    from molgfn.chemistry.molecules import mols_of, parse
    from molgfn.information.classes import ClassInformation
    from molgfn.proxies.loading import load

    proxy = tmp_path / "classifier.pt"
    fitted = call("proxy", "fit", assay, "--property", "hit", "--task", "classification", *TINY, "-o", proxy)
    assert fitted.exit_code == 0, fitted.output
    smiles = ["CCCO", "CC(C)O", "CCN", "c1ccccc1O", "CCCCCC", "OCCO"]
    (tmp_path / "pool.smi").write_text("\n".join(smiles) + "\n")
    run = call(
        "train", "batches/exact", "oracle=ensemble_information", "oracle.task=classification", "environment.size=2",
        f"environment.pool={{_target_: molgfn.information.pools.MoleculePool, molecules: {tmp_path / 'pool.smi'}}}",
        f"oracle.predictions={{_target_: molgfn.information.predictions.ProxyPredictions, weights: {proxy}}}",
        "trainer.iterations=3", "trainer.exact_every=null", "trainer.progress=none", "logger.wandb=off",
        f"output={tmp_path / 'runs'}", "name=pairs",
    )  # fmt: skip
    assert run.exit_code == 0, run.output
    (folder,) = (tmp_path / "runs").iterdir()
    last = list(csv.DictReader((folder / "metrics.csv").open()))[-1]
    assert float(last["found/unique"]) == 15  # pairs of six
    told = ClassInformation(load(proxy).members(mols_of(parse(smiles))), smiles)
    best = told.of(np.array(list(itertools.combinations(range(6), 2)))).max()
    assert float(last["log_reward/max"]) == pytest.approx(best / 0.2, rel=1e-3)


def test_labels_say_what_cannot_be(call, assay, table, tmp_path):
    output = tmp_path / "proxy.pt"

    def run(path, name, *words, code):
        result = call("proxy", "fit", path, "--property", name, "-o", output, *words)
        assert result.exit_code == code, result.output
        assert not output.exists()
        return result.output

    labels = ("--task", "classification")
    said = run(table, "atoms", *labels, code=3)
    assert "data.csv, line 3: `atoms` is '2', not a label; labels are 0 and 1, false and true, or inactive" in said
    assert "gp cannot be fitted to labels" in run(assay, "hit", *labels, "--uncertainty", "gp", code=2)
    assert "units: nM; labels have none" in run(assay, "hit", *labels, "--units", "nM", code=2)
    assert "value is no number: inactive" in run(assay, "hit", code=3)
    (tmp_path / "ones.csv").write_text("smiles,hit\n" + "".join(f"{'C' * n},true\n" for n in range(1, 40)))
    assert "`hit` is 1 for all molecules" in run(tmp_path / "ones.csv", "hit", *labels, code=3)
    (tmp_path / "01.csv").write_text("smiles,hit\n" + "".join(f"{'C' * n},{n % 2}\n" for n in range(1, 41)))
    told = call("proxy", "fit", tmp_path / "01.csv", "--property", "hit", "-o", output, *TINY)
    assert told.exit_code == 0, told.output
    assert "`hit` is 0 or 1 everywhere: of labels, task classification learns probabilities" in told.stdout
