"""A gradient step on what the rollout computed is the step on another evaluation."""

import dataclasses
import gc
import weakref

import pytest
import torch
from tests.environments.reactions.small import library

from molgfn.errors import ConfigError
from molgfn.experiment import assemble, train
from molgfn.networks.graph_transformer import compute_products_in
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.flows import LogFlow
from molgfn.trajectories.sampler import Sampler

pytestmark = pytest.mark.filterwarnings("ignore")


def node(target, **arguments):
    return {"_target_": f"molgfn.{target}", **arguments}


OBJECTIVES = {
    "tb": node("objectives.balance.trajectory_balance.TrajectoryBalance"),
    "db": node("objectives.balance.detailed_balance.DetailedBalance"),
    "subtb": node("objectives.balance.subtrajectory_balance.SubTrajectoryBalance"),
    "vargrad": node("objectives.balance.log_variance.LogVariance"),
    "fldb": node("objectives.balance.forward_looking_detailed_balance.ForwardLookingDetailedBalance"),
    "reverse_kl": node("objectives.divergences.reverse_kl.ReverseKL"),
    "rl_u": node("objectives.policy_gradients.rl_uniform.RLUniform"),
    "rl_t": node("objectives.policy_gradients.rl_trust_region.RLTrustRegion"),
    "vpg": node("objectives.policy_gradients.policy_gradient.PolicyGradient", advantage="leave_one_out"),
    "gae": node("objectives.policy_gradients.policy_gradient.PolicyGradient"),
    "ent_ppo": node("objectives.policy_gradients.ent_ppo.EntPPO"),
    "soft_dqn": node("objectives.soft_q.soft_dqn.SoftDQN"),
    "sac": node("objectives.soft_q.soft_actor_critic.SoftActorCritic"),
}
BACKWARD = {
    "uniform": node("objectives.backward.uniform.Uniform"),
    "joint": node("objectives.backward.joint.Joint"),
    "tlm": node("objectives.backward.trajectory_likelihood.TrajectoryLikelihood"),
}
TRAINER = "training.trainer.TrainerSettings"
QUIET = {"iterations": 2, "accelerator": "cpu", "threads": 1, "log_every": 1, "progress": "none"}
JOINT = {"tb", "db", "subtb", "vargrad", "fldb"}
CASES = [(o, b) for o in OBJECTIVES for b in BACKWARD if b != "joint" or o in JOINT]


def small(config, keep, **changes):
    settings = config(**changes)
    settings["policy"] |= {"width": 16, "layers": 2}
    settings["trainer"] |= {"iterations": 2, "keep_rollout": keep}
    return settings


def steps(settings):
    """Two iterations without a trainer, in float64: metrics of the last, weights, what was there and served."""
    e = assemble(settings)
    e.policy.double()
    for network in e.auxiliaries.values():
        network.double()
    learner, data = e.learner(), e.data()
    served = []
    for _ in range(2):
        batch = data.draw()
        served.append(batch.kept is not None and batch.kept.serves(e.policy, batch.trajectories.states))
        metrics = learner.step(batch)
    return metrics, torch.cat([p.detach().flatten() for p in e.policy.parameters()]), served


@pytest.mark.parametrize(("objective", "backward"), CASES)
def test_it_is_the_same_step(config, objective, backward):
    parts = {"objective": OBJECTIVES[objective], "backward": BACKWARD[backward]}
    ours, weights, served = steps(small(config, None, **parts))
    theirs, expected, unserved = steps(small(config, False, **parts))
    assert served == [True, True]
    assert unserved == [False, False]
    torch.testing.assert_close(weights, expected, rtol=1e-7, atol=1e-9)
    for name in theirs:
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-6, atol=1e-8, check_dtype=False)


@pytest.mark.parametrize(
    ("objective", "backward"), [("tb", "uniform"), ("tb", "joint"), ("db", "uniform"), ("db", "joint")]
)
def test_it_is_the_same_step_where_molecules_are_read_of_some_states(config, objective, backward):
    """Reactions: P_F reads nothing of a molecule that can only be left; log F and a learned P_B do."""
    environment = node("environments.reactions.Reactions", library=dict(library().plain()), max_reactions=2)
    policy = node("policies.reactions.ReactionPolicy", one_hot=0.5)
    parts = {"objective": OBJECTIVES[objective], "backward": BACKWARD[backward]}
    found = [steps(small(config, keep, environment=environment, policy=policy, **parts)) for keep in (None, False)]
    assert [served for _, _, served in found] == [[True, True], [False, False]]
    torch.testing.assert_close(found[0][1], found[1][1], rtol=1e-7, atol=1e-9)
    whole = assemble(small(config, None, environment=environment, policy=policy, **parts)).data().draw().kept
    assert whole.recorded.whole == ((objective, backward) != ("tb", "uniform"))


def drawn(config, **changes):
    """A policy, a batch of it and what it recorded."""
    e = assemble(small(config, None, **changes))
    batch = e.data().draw()
    return e.policy, batch.trajectories, batch.kept


def gradients(policy, trajectories, kept):
    evaluated = evaluate(trajectories, policy, quantities=(LogPB, LogFlow), kept=kept)
    total = (evaluated.log_pf + evaluated[LogFlow] * 0.1).sum() + evaluated[LogPB].sum()
    policy.zero_grad()
    total.backward()
    return float(total), {n: p.grad.clone() for n, p in policy.named_parameters() if p.grad is not None}


def same(a, b):
    assert a[0] == pytest.approx(b[0], rel=1e-6)
    assert a[1].keys() == b[1].keys()
    for name, gradient in a[1].items():
        torch.testing.assert_close(gradient, b[1][name], rtol=1e-5, atol=1e-5 * float(gradient.abs().max()), msg=name)


def test_a_gradient_in_single_precision(config):
    policy, t, kept = drawn(config)
    same(gradients(policy, t, kept), gradients(policy, t, None))


def test_a_condition_is_read(config):
    condition = node("conditions.temperature.Temperature", beta=node("conditions.draws.Uniform", low=1.0, high=4.0))
    reward = node("rewards.power.Power", beta=None)
    policy, t, kept = drawn(config, condition=condition, reward=reward)
    same(gradients(policy, t, kept), gradients(policy, t, None))


@pytest.mark.parametrize("compact", [True, False])
def test_finished_trajectories_may_stay_in_the_batch(config, compact):
    policy, _, _ = drawn(config)
    sampler = Sampler(policy.environment, compact=compact)
    drawn_anew, kept = sampler.forward_and_keep(policy, 12, generator=torch.Generator().manual_seed(1))
    plain = sampler.forward(policy, 12, generator=torch.Generator().manual_seed(1))
    assert torch.equal(drawn_anew.actions, plain.actions)
    rewarded = dataclasses.replace(drawn_anew, log_reward=torch.zeros(12))
    same(gradients(policy, rewarded, kept), gradients(policy, rewarded, None))


def test_it_serves_the_same_states_under_the_same_parameters_only(config):
    policy, t, kept = drawn(config)
    assert kept.serves(policy, t.states)
    assert not kept.serves(policy.copy(), t.states)
    assert not kept.serves(policy, t.select(torch.arange(len(t))).states)
    with torch.no_grad():
        policy.encoder.pool.bias.add_(1.0)
    assert not kept.serves(policy, t.states)


def test_a_recording_is_let_go_after_the_step(config):
    e = assemble(small(config, None))
    learner, batch = e.learner(), e.data().draw()
    recorded = weakref.ref(batch.kept.recorded)
    learner.step(batch)
    gc.collect()
    assert recorded() is None


def test_a_batch_of_several_sources_is_evaluated_as_one(config):
    sources = {
        "policy": node("trajectories.sources.on_policy.OnPolicy"),
        "replay": node("trajectories.sources.replay.UniformReplay", share=0.5),
    }
    data = node("trajectories.mixture.Sources", batch_size=8, sources=sources)
    e = assemble(small(config, None, data=data))
    e_data, learner = e.data(), e.learner()
    for _ in range(2):
        batch = e_data.draw()
        assert batch.kept is None
        learner.step(batch)
    with pytest.raises(ConfigError, match="keep_rollout: a batch of several sources is not one rollout"):
        assemble(small(config, True, data=data))


def test_a_policy_that_records_nothing_cannot_be_asked_to(config):
    policy = node("policies.graph.MessagePassingPolicy", width=16, layers=1)
    with pytest.raises(ConfigError, match="MessagePassingPolicy records nothing"):
        assemble(small(config, True, policy=policy))
    assert assemble(small(config, None, policy=policy)).data().draw().kept is None


def test_a_run_says_the_same_to_rounding(config):
    ours, theirs = train(small(config, True)).metrics, train(small(config, False)).metrics
    assert ours["train/loss/tb"] == pytest.approx(theirs["train/loss/tb"], rel=1e-4)


def test_what_was_recorded_before_a_step_is_of_no_use_after_it(config):
    e = assemble(small(config, None))
    learner, data = e.learner(), e.data()
    first, second = data.draw(), data.draw()
    learner.step(first)
    assert not second.kept.serves(e.policy, second.trajectories.states)


def test_products_in_bfloat16(config):
    """Recorded or not, the numbers are those of single precision to about three digits, and all else is of its type."""
    policy, t, kept = drawn(config, trainer=node(TRAINER, precision="bf16-products", **QUIET))
    again = gradients(policy, t, None)
    same_to(gradients(policy, t, kept), again, 1e-2)
    compute_products_in(torch.float32, policy)
    same_to(again, gradients(policy, t, None), 3e-2)
    assert {p.dtype for p in policy.parameters()} == {torch.float32}


def same_to(a, b, share):
    assert a[0] == pytest.approx(b[0], rel=share)
    for name, gradient in a[1].items():
        far = (gradient - b[1][name]).norm() / b[1][name].norm()
        assert float(far) < share, name


def test_products_in_bfloat16_are_of_graph_transformers_on_a_cpu(config):
    trainer = node(TRAINER, precision="bf16-products", **QUIET)
    policy = node("policies.graph.MessagePassingPolicy", width=16, layers=1)
    with pytest.raises(ConfigError, match="bf16-products is for graph transformers, not for MessagePassingPolicy"):
        assemble(small(config, None, policy=policy, trainer=trainer))
    with pytest.raises(ConfigError, match="bf16-products is for a CPU"):
        assemble(small(config, None, trainer={**trainer, "accelerator": "gpu"}))


def test_a_run_with_products_in_bfloat16(config):
    settings = small(config, True, trainer=node(TRAINER, precision="bf16-products", **QUIET))
    ours, theirs = train(settings).metrics, train(small(config, True)).metrics
    assert ours["train/loss/tb"] == pytest.approx(theirs["train/loss/tb"], rel=0.1)
    assert ours["train/loss/tb"] != theirs["train/loss/tb"]
