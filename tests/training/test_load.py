"""What a run leaves behind is enough to sample from, whatever trained beside P_F."""

from pathlib import Path

import pytest
import torch
import yaml

from molgfn.experiment import train
from molgfn.runs.checkpoint import load
from molgfn.trajectories.sampler import Sampler

CONFIGS = Path(__file__).parents[2] / "configs"
pytestmark = pytest.mark.filterwarnings("ignore")


def shipped(group, name, **changes):
    return {**yaml.safe_load((CONFIGS / group / f"{name}.yaml").read_text()), **changes}


@pytest.mark.parametrize(
    "changes",
    [
        {"objective": shipped("objective", "sac")},
        {"objective": shipped("objective", "ent_ppo"), "backward": shipped("backward", "tlm")},
        {"objective": shipped("objective", "mdb", flow_without_stop=True), "backward": shipped("backward", "joint")},
        {"backward": shipped("backward", "maxent")},
        {"backward": shipped("backward", "guided_tb")},
        {"backward": shipped("backward", "rl_b")},
    ],
    ids=["sac", "ent_ppo + tlm", "mdb + joint", "maxent", "guided_tb", "rl_b"],
)
@pytest.mark.parametrize("ema_decay", [None, 0.5])  # averages take the place of the weights in the end
def test_a_checkpoint_alone_gives_both_policies(config, changes, ema_decay):
    settings = config(**changes)
    settings["policy"] |= {"width": 16, "layers": 1}
    settings["trainer"] |= {"iterations": 2}
    settings["optimizer"] |= {"ema_decay": ema_decay}
    run = train(settings)
    loaded, trained = load(run.folder), run.experiment.policy.eval()
    assert loaded.policy.backward_rule == trained.backward_rule
    assert loaded.policy.learned_backward == trained.learned_backward
    t = Sampler(loaded.environment).forward(loaded.policy, 4, generator=torch.Generator().manual_seed(0))
    assert all(loaded.environment.objects(t.terminal))
    with torch.no_grad():
        pairs = [p(t.states, backward=True) for p in (loaded.policy, trained)]
    for kind in ("forward", "backward"):
        ours, theirs = (getattr(p, kind).log_probs() for p in pairs)
        assert torch.equal(ours, theirs)
