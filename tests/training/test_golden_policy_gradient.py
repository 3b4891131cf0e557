"""Policy gradients through the real module: what an iteration freezes, and convergence on the golden DAG."""

import pytest
import torch
from tests.training import golden_training as golden

from molgfn.environments.fragments import Fragments
from molgfn.objectives.backward.trajectory_likelihood import TrajectoryLikelihood
from molgfn.objectives.base import ObjectiveOutput
from molgfn.objectives.policy_gradients.ent_ppo import EntPPO
from molgfn.objectives.policy_gradients.frozen import Advantage, LogPFOld, ValueTarget
from molgfn.objectives.policy_gradients.policy_gradient import PolicyGradient
from molgfn.objectives.policy_gradients.rl_trust_region import RLTrustRegion
from molgfn.objectives.policy_gradients.rl_uniform import RLUniform
from molgfn.policies.graph import GraphTransformerPolicy
from molgfn.training.learner import Learner
from molgfn.training.optimizers import Optimizers
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.divergences import KL
from molgfn.trajectories.quantities.flows import LogFlow
from molgfn.trajectories.rewarded import Batch, Rewarded
from molgfn.trajectories.sampler import Sampler

LOG_Z = 4.1431347


class Watched(EntPPO):
    """Keeps what every step saw: (what, fields, P_B's gradient before it)."""

    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.seen = []

    def _keep(self, what, evaluated):
        self.seen.append((what, evaluated.map(lambda v, _: v.detach().clone())))

    def policy(self, evaluated) -> ObjectiveOutput:
        self._keep("policy", evaluated)
        return super().policy(evaluated)

    def evaluate(self, evaluated) -> ObjectiveOutput:
        self._keep("critic", evaluated)
        return super().evaluate(evaluated)


def test_targets_and_anchor_stand_still_while_the_networks_move():
    """Property (f): over all epochs of an iteration; and the first epoch is at the anchor."""
    objective = Watched(epochs=4, critic_epochs=3)
    golden.train_on_golden(objective, iterations=1, batch=16)
    policy = [fields for what, fields in objective.seen if what == "policy"]
    critic = [fields for what, fields in objective.seen if what == "critic"]
    assert (len(policy), len(critic)) == (4, 6)
    for fields in policy[1:]:
        assert torch.equal(fields[Advantage], policy[0][Advantage])
        assert torch.equal(fields[LogPFOld], policy[0][LogPFOld])
        assert not torch.equal(fields.log_pf, policy[0].log_pf)
        assert fields[KL].max() > 0
    assert torch.equal(policy[0].log_pf, policy[0][LogPFOld])
    assert not policy[0][KL].any()
    target = policy[0][ValueTarget]
    for part in (0, 1):
        seen = critic[part::2]
        for fields in seen:
            whole = target[part::2]
            assert torch.equal(fields[ValueTarget], whole[:, : fields[ValueTarget].shape[1]])
            assert not whole[:, fields[ValueTarget].shape[1] :].any()
        assert not torch.equal(seen[0][LogFlow], seen[1][LogFlow])


@pytest.mark.parametrize("share", [None, True])
def test_ratio_is_1_at_first_beside_a_learned_pb(share):
    """Property (g): P_B's own step comes first and advantages after it, so that nothing has moved since the anchor."""
    environment = Fragments(vocabulary=[["C", [0]], ["CC", [0, 1]], ["CCO", [0, 1]]], max_fragments=4)
    objective, backward = Watched(epochs=2), TrajectoryLikelihood(target_rate=None)
    policy = GraphTransformerPolicy(
        environment=environment,
        learned_backward=True,
        width=16,
        layers=2,
        share_trunk=share,
        own_losses=frozenset({"backward", "flow"}),
    )
    learner = Learner(
        policy=policy, objective=objective, backward=backward, optimizers=Optimizers(lr=1e-2, lr_backward=1e-2)
    )
    batch = Sampler(environment).forward(policy, 12)
    batch = type(batch)(**{**vars(batch), "log_reward": torch.randn(12)})
    before = {k: [p.detach().clone() for p in v] for k, v in policy.parameter_groups().items()}
    steps = []
    take = learner.steps.take

    def spy(output, what, *rest):
        steps.append(what)
        metrics = take(output, what, *rest)
        if what == "policy":
            assert all(p.grad is None for p in learner.steps.groups["backward"])
        return metrics

    learner.steps.take = spy
    learner.iteration = 1  # no first batch that sets the critic
    learner.step(Batch(batch, Rewarded(batch, None, None)))
    assert steps[:2] == ["backward", "policy"]
    first, second = (fields for what, fields in objective.seen if what == "policy")
    assert torch.equal(first.log_pf, first[LogPFOld])
    assert not torch.equal(second.log_pf, second[LogPFOld])
    for group in ("forward", "backward", "flow"):
        now = policy.parameter_groups()[group]
        assert any(not torch.equal(a, b) for a, b in zip(before[group], now, strict=True)), group
    if share is None:  # the rewards inside the advantages are those of the moved P_B
        again = evaluate(batch, policy, quantities=(LogPB,))[LogPB]
        torch.testing.assert_close(first[LogPB], again)


#: name -> (objective, arguments of training); all start from tables of zeros, TV .43
RUNS = {
    "gae": (PolicyGradient, {}, {}),
    "baseline": (PolicyGradient, {"advantage": "baseline"}, {}),
    "leave_one_out": (PolicyGradient, {"advantage": "leave_one_out"}, {}),
    "sub_eb": (PolicyGradient, {"critic": "sub_eb"}, {}),
    "ent_ppo_1": (EntPPO, {"epochs": 1}, {}),
    "ent_ppo_4": (EntPPO, {}, {"half_life": 300}),
    "rl_u": (RLUniform, {}, {}),
    # a natural-gradient step fills its region however small the gradient: TV levels off at about sqrt(max_kl) / 3
    "rl_t": (RLTrustRegion, {"max_kl": 3e-4}, {"iterations": 800}),
}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", RUNS)
def test_convergence(name, seed):
    cls, arguments, how = RUNS[name]
    objective = cls(**arguments)
    tv, module = golden.train_on_golden(objective, seed=seed, **how)
    assert tv < 0.01
    if "flow" in objective.trains:
        assert module.policy.flows[0].item() == pytest.approx(LOG_Z, abs=0.03)
    if "log_z" in objective.trains:
        assert module.policy.log_z.constant.item() == pytest.approx(LOG_Z, abs=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_gae_is_exact_in_the_end(seed):
    """Every advantage vanishes at the optimum, and with it the variance.

    At a constant rate TV falls to 1e-7 by iteration 700; then Adam, whose second moment has vanished too, makes whole
    steps of rounding errors. A falling rate keeps it there.
    """
    tv, module = golden.train_on_golden(PolicyGradient(), seed=seed, half_life=300)
    assert tv < 1e-4
    assert module.policy.flows[0].item() == pytest.approx(LOG_Z, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("kind", ["total", "reward_to_go"])
def test_estimators_without_a_baseline_need_large_batches(kind, seed):
    """Their variance does not vanish at the optimum, so the learning rate has to."""
    tv, _ = golden.train_on_golden(PolicyGradient(advantage=kind), seed=seed, iterations=2000, batch=128, half_life=300)
    assert tv < 0.05


@pytest.mark.parametrize(
    ("objective", "iterations"), [(PolicyGradient, 100), (EntPPO, 25), (RLUniform, 100), (RLTrustRegion, 40)]
)
def test_it_learns(objective, iterations):
    """From TV .43 of the tables of zeros."""
    tv, _ = golden.train_on_golden(objective(), iterations=iterations)
    assert tv < 0.1
