"""Backward policies in training: what goes with what, what the forward objective reads, and resuming."""

import pytest
import torch
from tests.training.golden_training import train_on_golden
from tests.training.test_resume import content

from molgfn.errors import ConfigError
from molgfn.experiment import assemble, train
from molgfn.objectives.backward.guided import GuidedTrajectoryBalance
from molgfn.objectives.backward.joint import Joint
from molgfn.objectives.backward.maximum_entropy import MaximumEntropy
from molgfn.objectives.backward.pessimistic import Pessimistic
from molgfn.objectives.backward.policy_gradient import BackwardPolicyGradient
from molgfn.objectives.backward.trajectory_likelihood import TrajectoryLikelihood
from molgfn.objectives.backward.uniform import Uniform
from molgfn.objectives.balance.detailed_balance import DetailedBalance
from molgfn.objectives.balance.subtrajectory_balance import SubTrajectoryBalance
from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.objectives.policy_gradients.policy_gradient import PolicyGradient
from molgfn.training.guides.forward_policy import ForwardPolicyGuide
from molgfn.training.guides.stored_rewards import StoredRewardsGuide

BACKWARD = {
    "uniform": Uniform,
    "joint": Joint,
    "tlm": TrajectoryLikelihood,
    "pessimistic": Pessimistic,
    "maxent": MaximumEntropy,
    "maxent learned": lambda: MaximumEntropy(counts="learned"),
    "rl_b": BackwardPolicyGradient,
    "rl_g": lambda: BackwardPolicyGradient(guide=StoredRewardsGuide()),
    "rl_g_forward": lambda: BackwardPolicyGradient(guide=ForwardPolicyGuide()),
    "guided_tb": lambda: GuidedTrajectoryBalance(guide=StoredRewardsGuide(unmatched="uniform")),
}
FORWARD = {
    "tb": TrajectoryBalance,
    "db": DetailedBalance,
    "subtb": SubTrajectoryBalance,
    "vpg": PolicyGradient,
}
ILLEGAL = {("joint", "vpg"), ("guided_tb", "db"), ("guided_tb", "subtb"), ("guided_tb", "vpg")}


def node(target, **arguments):
    return {"_target_": f"molgfn.{target}", **arguments}


STORED = node("training.guides.stored_rewards.StoredRewardsGuide", capacity=200)
NODES = {
    "tlm with a copy": node("objectives.backward.trajectory_likelihood.TrajectoryLikelihood", target_rate=0.25),
    "pessimistic": node("objectives.backward.pessimistic.Pessimistic", memory=3, steps=2),
    "maxent learned": node("objectives.backward.maximum_entropy.MaximumEntropy", counts="learned"),
    "rl_b": node("objectives.backward.policy_gradient.BackwardPolicyGradient"),
    "rl_g": node("objectives.backward.policy_gradient.BackwardPolicyGradient", guide=STORED),
    "rl_g_forward": node(
        "objectives.backward.policy_gradient.BackwardPolicyGradient",
        guide=node("training.guides.forward_policy.ForwardPolicyGuide", capacity=20),
    ),
    "guided_tb": node("objectives.backward.guided.GuidedTrajectoryBalance", guide=STORED),
}


@pytest.mark.parametrize("forward", FORWARD)
@pytest.mark.parametrize("backward", BACKWARD)
def test_every_pair_trains_or_is_refused_with_a_reason(backward, forward):
    objective, training = FORWARD[forward](), BACKWARD[backward]()
    reason = training.misfit(objective)
    assert (reason is not None) == ((backward, forward) in ILLEGAL)
    if reason is not None:
        assert len(reason) > 20
        return
    _, module = train_on_golden(objective, training, iterations=3, batch=8, lr=0.01)
    table = module.policy.backward_logits
    assert torch.isfinite(table).all()
    assert bool(table.any()) == training.learned  # it was all zero at first
    for name in (network.name for network in training.networks):
        assert module.auxiliaries[name].flows.any()
    assert module.learner.steps.taken >= 3 * (1 + training.steps * training.has_loss)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("backward", "objective"),
    [("guided_tb", node("objectives.detailed_balance.DetailedBalance")), ("joint", None)],
)
def test_a_run_is_refused_before_it_starts(config, backward, objective):
    nodes = NODES | {"joint": node("objectives.backward.joint.Joint")}
    objective = objective or node("objectives.policy_gradient.PolicyGradient")
    with pytest.raises(ConfigError, match="backward: "):
        assemble(config(backward=nodes[backward], objective=objective))


def test_the_forward_objective_reads_the_copy():
    """A copy that hardly moves keeps P_B uniform for the forward objective, whatever P_B learns."""

    def tables(rate):
        _, module = train_on_golden(
            TrajectoryBalance(), TrajectoryLikelihood(target_rate=rate), iterations=5, batch=8, lr_log_z=0.05
        )
        return module.policy.forward_logits.detach(), module.policy.backward_logits.detach()

    slow, itself, whole = tables(1e-9), tables(None), tables(1.0)
    _, uniform = train_on_golden(TrajectoryBalance(), Uniform(), iterations=5, batch=8, lr_log_z=0.05)
    torch.testing.assert_close(slow[0], uniform.policy.forward_logits.detach(), rtol=0, atol=1e-6)
    assert slow[1].any()
    assert not torch.equal(itself[0], slow[0])
    assert not torch.equal(itself[0], whole[0])  # the copy is one iteration behind


def test_maxent_uses_the_counts_of_the_environment():
    _, module = train_on_golden(TrajectoryBalance(), MaximumEntropy(), iterations=1)
    states = module.policy.environment.states_of(torch.tensor([[2, 1]]))
    probability = module.policy(states, backward=True).backward.log_probs().exp()
    torch.testing.assert_close(probability, torch.tensor([[2 / 3, 1 / 3]]))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", NODES)
def test_straight_equals_stopped_and_resumed(config, case):
    def run(iterations, resume=None):
        settings = config(backward=NODES[case])
        settings["policy"] |= {"width": 16, "layers": 1}
        settings["trainer"] |= {"iterations": iterations}
        return train(settings, resume=resume)

    whole = run(6)
    part = run(3)
    settings = part.experiment.config | {"trainer": part.experiment.config["trainer"] | {"iterations": 6}}
    rest = train(settings, resume=part.checkpoint)
    assert rest.iteration == whole.iteration == 6
    assert content(rest) == content(whole)
    module = part.experiment.backward
    if module.guide is not None:  # and it had something to remember
        assert any(len(v) for v in module.guide.state_dict().values() if isinstance(v, torch.Tensor))
