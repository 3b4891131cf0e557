"""Pool policies trained on 4 of 20 points: exact total variation from exp(I / T) / Z over 4,845 sets."""

from pathlib import Path

import pandas as pd
import pytest

from molgfn.composing.compose import checked
from molgfn.experiment import train

EXACT = Path(__file__).parents[2] / "experiments" / "batches" / "exact.yaml"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("objective", "further", "bound"),
    [
        ("tb", ["data.batch_size=256"], 0.06),
        ("subtb", ["data.batch_size=256", "optimizer.lr_flow=3e-3", "policy.share_trunk=false"], 0.08),
        ("ent_ppo", ["optimizer.lr_flow=5e-3"], 0.05),
    ],
)
def test_what_is_learnt_is_near_the_target(objective, further, bound, tmp_path):
    """A third of the way of experiments/batches/README.md, at whose end all three are below .02."""
    words = [f"objective={objective}", *further, f"output={tmp_path}", "trainer.iterations=3000"]
    words += ["trainer.exact_every=3000", "trainer.progress=none", "logger.wandb=off", "optimizer.cosine=3000"]
    run = train(checked(str(EXACT), [*words, "optimizer.lr=3e-3"]))
    assert float(pd.read_csv(run.folder / "metrics.csv")["exact/tv"].dropna().iloc[-1]) < bound
