"""``molgfn sample A B --compose``: what is written, and what is refused before anything is drawn."""

import pandas as pd
import pytest
from tests.cli.conftest import save_run


@pytest.fixture
def grid_runs(tmp_path, grid_file):
    """Two untrained runs that would have learned flows."""
    text = grid_file.read_text().replace("  - _self_", "  - override /objective: db\n  - _self_")
    for name, beta in (("a", 1.0), ("b", 2.0)):
        grid_file.write_text(f"{text}reward: {{beta: {beta}}}\nseed: {int(beta)}\n")
        save_run(tmp_path / name, grid_file)
    return tmp_path / "a", tmp_path / "b"


def test_two_runs_into_one_file(call, grid_runs, tmp_path):
    out = tmp_path / "out.csv"
    result = call("sample", *grid_runs, "--compose", "mean:.3,.7", "-n", 30, "--log-pt-samples", 4, "-o", out)
    assert result.exit_code == 0, result.stderr
    assert "compose: mean:0.3,0.7, exact flows over all states" in result.stdout
    table = pd.read_csv(out)
    assert len(table) == 30
    assert {"x0", "x1", "value_1", "value_2", "log_reward_1", "log_reward_2", "log_reward", "log_pt"} <= set(table)
    learned = call("sample", *grid_runs, "--compose", "mixture", "--flows", "learned", "-n", 5, "-o", out)
    assert "compose: mixture:0.5,0.5, learned flows" in learned.stdout
    product = call("sample", *grid_runs, "--compose", "product", "--no-values", "-n", 5, "-o", out)
    assert product.exit_code == 0, product.stderr
    assert "compose: product:1,1\n" in product.stdout


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--compose", "mean:.3,.3"], "weights should sum to 1, but 0.3, 0.3 sum to 0.6"),
        (["--compose", "mean:.3"], "for 2 runs"),
        (["--compose", "mean:x,y"], "weights should be numbers"),
        (["--compose", "average"], "there is no `average`"),
        ([], "Several runs are combined by --compose"),
        (["--compose", "mean", "--condition", "beta=2"], "nothing was trained under a condition"),
    ],
)
def test_what_is_refused(call, grid_runs, tmp_path, options, says):
    result = call("sample", *grid_runs, *options, "-n", 5, "-o", tmp_path / "out.csv")
    assert result.exit_code != 0
    assert says in result.stderr
    assert not (tmp_path / "out.csv").exists()


def test_one_run_has_no_flows_to_choose(call, grid_run, tmp_path):
    result = call("sample", grid_run, "--flows", "exact", "-n", 5, "-o", tmp_path / "out.csv")
    assert result.exit_code == 2
    assert "--flows is of --compose" in result.stderr
