"""docs/metrics.md names every metric that is measured by default, and every exact number."""

from pathlib import Path

from tests.evaluation.test_evaluator import grid

from molgfn.evaluation.exact.readings import exact_readings
from molgfn.evaluation.settings import EvaluationSettings

PAGE = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text(encoding="utf-8")


def test_every_metric_is_on_the_page():
    missing = [m.name for m in EvaluationSettings().metrics() if f"`{m.name}" not in PAGE and f"`{m.name}/" not in PAGE]
    assert missing == []


def test_every_exact_number_is_on_the_page():
    environment, policy, reward = grid()
    _, readings = exact_readings(environment, policy, reward, limit=1000)
    told = {"exact/mean_reward", "exact/target_mean_reward"}  # the page has their ratio
    assert [key for key in readings if f"`{key}`" not in PAGE and key not in told] == []
