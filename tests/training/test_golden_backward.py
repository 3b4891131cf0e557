"""Backward policies trained on the golden DAG, and how near they come to their exact optimum."""

import pytest
import torch
from tests.training import golden_training
from tests.training.golden_training import train_on_golden

from molgfn.objectives.backward.maximum_entropy import MaximumEntropy
from molgfn.objectives.backward.pessimistic import Pessimistic
from molgfn.objectives.backward.policy_gradient import BackwardPolicyGradient
from molgfn.objectives.backward.trajectory_likelihood import TrajectoryLikelihood
from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.policies.tabular import TabularPolicy
from molgfn.testing import golden_dag
from molgfn.training.guides.forward_policy import ForwardPolicyGuide
from molgfn.training.guides.stored_rewards import StoredRewardsGuide
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.quantities.backward import LogPB


@torch.no_grad()
def divergence(policy, log_guide=None):
    """sum_x P_T(x) KL(P_B(.|x) || P_G(.|x)) on all 19 trajectories, exactly; P_G is P_F where none is given.

    P_G is normalised over the trajectories to each x. Returns the divergence and that of the uniform P_B.
    """
    dag = golden_dag()
    exact = dag.policy
    exact.forward_logits.copy_(policy.forward_logits)
    exact.backward_logits.copy_(policy.backward_logits)
    t = dag.trajectories
    last = dag.environment.index(t.terminal)

    def by_object(values):
        """log of the sum over the trajectories to each object, given back to each trajectory."""
        total = torch.zeros(9, dtype=torch.float64).index_add(0, last, values.exp())
        return total.log()[last]

    def value():
        evaluated = evaluate(t, exact, quantities=(LogPB,))
        log_pf, log_pb = evaluated.log_pf.sum(1), evaluated[LogPB].sum(1)
        taught = log_pf if log_guide is None else t.pad(log_guide(t, exact)).sum(1)
        return (by_object(log_pf).exp() * log_pb.exp() * (log_pb - taught + by_object(taught))).sum().item()

    trained = value()
    exact.backward_logits.zero_()
    return trained, value()


@pytest.fixture
def frozen_forward(monkeypatch):
    """The golden P_F instead of a uniform one; it does not move at the learning rate 1e-30."""

    class Golden(golden_training.TabularPolicy):
        def __init__(self, **arguments):
            super().__init__(**arguments)
            with torch.no_grad():
                self.forward_logits.copy_(golden_dag().policy.forward_logits)

    monkeypatch.setattr(golden_training, "TabularPolicy", Golden)


def train_backward(backward, seed, iterations=1200, **changes):
    settings = {"lr": 1e-30, "lr_backward": 0.05, "lr_flow": 0.05, "backward_decay": 0.997, **changes}
    return train_on_golden(TrajectoryBalance(), backward, iterations=iterations, batch=32, seed=seed, **settings)[1]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_rl_b_reaches_the_posterior_of_pf(frozen_forward, seed):
    module = train_backward(BackwardPolicyGradient(), seed)
    trained, uniform = divergence(module.policy)
    assert uniform > 0.05
    assert trained < 0.002


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_tlm_reaches_the_same_optimum(frozen_forward, seed):
    module = train_backward(TrajectoryLikelihood(), seed)
    trained, _ = divergence(module.policy)
    assert trained < 0.002


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_rl_g_reaches_the_guide(frozen_forward, seed):
    guide = ForwardPolicyGuide(threshold=2.0, quantile=None)
    module = train_backward(BackwardPolicyGradient(guide=guide), seed)
    trained, uniform = divergence(module.policy, guide.log_prob)
    assert uniform > 0.05
    assert trained < 0.002


@pytest.mark.slow
def test_rl_g_reaches_the_best_markov_pb_of_stored_rewards(frozen_forward):
    """A guide that knows x is no P_B(s|s'); P_B comes as near to it as descent on the exact divergence does."""
    guide = StoredRewardsGuide(unmatched="uniform", temperature=3.0)
    module = train_backward(BackwardPolicyGradient(guide=guide), 0)
    trained, uniform = divergence(module.policy, guide.log_prob)
    dag = golden_dag()
    t, exact = dag.trajectories, dag.policy
    taught = t.pad(guide.log_prob(t, exact)).sum(1)
    last = dag.environment.index(t.terminal)
    p_t = torch.zeros(9, dtype=torch.float64).index_add(0, last, dag.probabilities())[last]
    optimizer = torch.optim.Adam([exact.backward_logits], lr=0.05)
    for _ in range(600):
        log_pb = evaluate(t, exact, quantities=(LogPB,), joint=True)[LogPB].sum(1)
        best = (p_t * log_pb.exp() * (log_pb - taught)).sum()
        optimizer.zero_grad()
        best.backward()
        optimizer.step()
    assert trained - best.item() < 0.002  # P_G sums to 1 over the trajectories to each x, so both have one origin
    assert uniform - best.item() > 5 * (trained - best.item())


@pytest.mark.slow
def test_learned_path_counts_become_the_exact_ones():
    module = train_on_golden(
        TrajectoryBalance(), MaximumEntropy(counts="learned"), iterations=1500, lr_flow=0.05, lr_backward=0.05
    )[1]
    counts = torch.tensor([1, 1, 1, 1, 2, 3, 1, 3, 6.0]).log()
    assert (module.auxiliaries["log_paths"].flows - counts)[1:].abs().max() < 0.02
    environment = module.policy.environment
    states = environment.states_of(torch.cartesian_prod(torch.arange(3), torch.arange(3))[1:])
    learned = module.policy(states, backward=True).backward.log_probs().exp()
    exact = TabularPolicy(environment=environment, backward_rule="maxent")
    counted = exact(states, backward=True).backward.log_probs().exp()
    assert (learned - counted).abs().max() < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    "backward",
    [
        MaximumEntropy,
        lambda: MaximumEntropy(counts="learned"),
        TrajectoryLikelihood,
        Pessimistic,
        BackwardPolicyGradient,
        lambda: BackwardPolicyGradient(guide=StoredRewardsGuide()),
        lambda: BackwardPolicyGradient(guide=ForwardPolicyGuide()),
    ],
    ids=["maxent", "maxent learned", "tlm", "pessimistic", "rl_b", "rl_g", "rl_g_forward"],
)
def test_trajectory_balance_reaches_the_target(backward, seed):
    tv, _ = train_on_golden(TrajectoryBalance(), backward(), seed=seed, lr_backward=0.01, backward_decay=0.997)
    assert tv < 0.01


def test_rl_b_moves_towards_the_posterior(frozen_forward):
    module = train_backward(BackwardPolicyGradient(), 0, iterations=150, backward_decay=1.0)
    trained, uniform = divergence(module.policy)
    assert trained < 0.5 * uniform
