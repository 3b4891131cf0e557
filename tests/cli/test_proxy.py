"""``molgfn proxy``: from a table to scores."""

import csv

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

    info = call("proxy", "info", proxy)
    assert info.exit_code == 0, info.output
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
