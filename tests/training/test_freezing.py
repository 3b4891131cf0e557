"""Parameters that do not train: by group, name or pattern; no gradient, no state of an optimizer, no change."""

import logging

import pytest
import torch

from molgfn.errors import ConfigError
from molgfn.experiment import assemble, train


def node(target, **arguments):
    return {"_target_": f"molgfn.{target}", **arguments}


def frozen(config, freeze, **changes):
    plain = config(**changes)
    plain["trainer"] = {**plain["trainer"], "iterations": 3, "freeze": freeze}
    return plain


def named(e):
    yield from e.policy.named_parameters()
    for key, network in e.auxiliaries.items():
        for name, p in network.named_parameters():
            yield f"{key}.{name}", p


def parameters(e):
    return {name: p.detach().clone() for name, p in named(e)}


TLM = {"backward": node("objectives.backward.trajectory_likelihood.TrajectoryLikelihood")}
PPO = {"objective": node("objectives.policy_gradients.ent_ppo.EntPPO", epochs=1)}
SAC = {"objective": node("objectives.soft_q.soft_actor_critic.SoftActorCritic")}
RLT = {"objective": node("objectives.policy_gradients.rl_trust_region.RLTrustRegion")}
SOME_WEIGHTS = ["encoder.*.weight", "log_z"]


def in_group(group):
    return lambda name, groups: name in groups[group]


def of_some_weights(name, groups):
    return name in groups["log_z"] or (name.startswith("encoder.") and name.endswith(".weight"))


@pytest.mark.parametrize(
    ("freeze", "changes", "still"),
    [
        (["forward"], TLM, in_group("forward")),
        (["backward"], TLM, in_group("backward")),  # its loss trains nothing then
        (["encoder"], {}, lambda name, groups: name.startswith("encoder.")),
        (SOME_WEIGHTS, {}, of_some_weights),
        (["flow"], PPO, in_group("flow")),
        (["forward"], RLT, in_group("forward")),
        (["q1", "forward_head.?*"], SAC, lambda name, groups: name.startswith(("q1.", "forward_head."))),
    ],
)
def test_what_is_frozen_stands_still_and_the_rest_moves(config, freeze, changes, still, caplog):
    plain = frozen(config, freeze, **changes)
    start = assemble(plain)
    names = {id(p): name for name, p in start.policy.named_parameters()}
    groups = {k: {names[id(p)] for p in v} for k, v in start.policy.parameter_groups().items()}
    before = parameters(start)
    count = sum(p.numel() for name, p in before.items() if still(name, groups))
    assert 0 < count < sum(p.numel() for p in before.values())
    with caplog.at_level(logging.INFO, logger="molgfn"):
        run = train(plain)
    assert f"{count:,} of " in caplog.text
    assert "parameters are frozen" in caplog.text
    after = parameters(run.experiment)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert not {name for name in moved if still(name, groups)}
    (optimizer,) = torch.load(run.checkpoint, weights_only=True)["optimizer_states"]
    held = sum(len(group["params"]) for group in optimizer["param_groups"])
    assert held == sum(not still(name, groups) for name in before)
    for name, p in named(run.experiment):
        assert p.requires_grad != still(name, groups)
        assert p.grad is None or p.requires_grad


@pytest.mark.parametrize(
    ("freeze", "says"),
    [
        (
            ["encoder.*", "decoder.*"],
            r"trainer\.freeze: `decoder\.\*` fits no parameter; .* forward, flow, log_z",
        ),
        (["backward"], r"trainer\.freeze: `backward` fits no parameter"),  # a uniform P_B has none
        (["*"], r"trainer\.freeze: \* leaves nothing to train"),
        ("encoder", r"trainer\.freeze: should be"),
    ],
)
def test_what_fits_nothing_is_refused(config, freeze, says):
    with pytest.raises(ConfigError, match=says):
        assemble(frozen(config, freeze))


def test_a_frozen_run_goes_on_bit_for_bit(config, tmp_path):
    plain = frozen(config, ["encoder.*"])
    whole = train({**plain, "output": str(tmp_path / "whole")})
    part = train({**plain, "trainer": {**plain["trainer"], "iterations": 2}, "output": str(tmp_path / "part")})
    again = train({**plain, "output": str(tmp_path / "part")}, resume=part.checkpoint)
    for a, b in zip(parameters(whole.experiment).values(), parameters(again.experiment).values(), strict=True):
        assert torch.equal(a, b)
