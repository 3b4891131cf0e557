"""The loss by hand, its gradient against the divergence that it descends, and where it vanishes."""

import torch

from molgfn.objectives.divergences.maximum_likelihood import MaximumLikelihood
from molgfn.testing import check_objective, golden_dag
from molgfn.testing.objective import evaluate_for
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.quantities.backward import LogPB


def value(dag, weights):
    """The loss on the 19 trajectories with probabilities ``weights``, by the objective itself, one by one."""
    objective, losses = MaximumLikelihood(), []
    for i in range(len(weights)):
        one = dag.trajectories.select(torch.tensor([i]))
        losses.append(objective(evaluate_for(objective, dag, trajectories=one)).losses["nll"].value)
    return (weights * torch.stack(losses)).sum()


def target(dag):
    """P_B(tau | x) R(x) / Z: trajectories of P_B to data that are distributed as R, float64 [19]."""
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=(LogPB,))
    return (evaluated[LogPB].sum(1) + evaluated.log_reward).softmax(0).detach()


def gradient(dag, loss):
    return torch.autograd.grad(loss, dag.policy.forward_logits)[0]


def test_contract():
    check_objective(MaximumLikelihood(), zero_at_balance=False)


def test_value_by_hand():
    dag = golden_dag()
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=())
    out = MaximumLikelihood()(evaluated)
    nll = -dag.probabilities().log().mean()
    torch.testing.assert_close(out.losses["nll"].value, nll)
    torch.testing.assert_close(out.metrics["nll"], nll)
    torch.testing.assert_close(out.metrics["nll_per_step"], nll / dag.trajectories.lengths.double().mean())
    assert not out.metrics["nll"].requires_grad


def test_it_descends_the_forward_divergence():
    dag = golden_dag()
    weights = target(dag)
    log_pf = evaluate(dag.trajectories, dag.policy, quantities=()).log_pf.sum(1)
    divergence = (weights * (weights.log() - log_pf)).sum()
    expected = gradient(dag, divergence)
    assert expected.abs().max() > 0.1
    torch.testing.assert_close(gradient(dag, value(dag, weights)), expected)


def test_it_vanishes_where_the_sampler_draws_the_data():
    dag = golden_dag()
    weights = target(dag)
    before = value(dag, weights).detach()
    dag.solve()  # the sampler that draws x in proportion to R
    loss = value(dag, weights)
    assert gradient(dag, loss).abs().max() < 1e-12
    torch.testing.assert_close(loss.detach(), -(weights * weights.log()).sum())  # the entropy: no sampler does better
    assert loss < before
