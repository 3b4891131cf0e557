"""The front by hand, the loss and its gradient, and that the sampler goes to the front."""

from dataclasses import replace

import pytest
import torch

from molgfn.objectives.balance.order_preserving import OrderPreserving, front
from molgfn.testing import check_objective, golden_dag
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.order import LogSymmetry, OrderedBy

NAN = float("nan")


def test_the_front_by_hand():
    worth = torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.4, 0.5], [0.0, 1.0], [0.5, 0.5], [0.0, 0.9], [NAN, 2.0]])
    assert front(worth).tolist() == [True, True, False, True, True, False, False]
    assert front(torch.tensor([[1.0], [2.0], [2.0]])).tolist() == [False, True, True]
    assert front(torch.full((3, 2), NAN)).tolist() == [False] * 3
    three = torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    assert front(three).tolist() == [True, False, True]


def test_contract():
    check_objective(OrderPreserving(), zero_at_balance=False)


def evaluated(dag, worth):
    found = evaluate(dag.trajectories, dag.policy, quantities=OrderPreserving.quantities)
    return found.having({OrderedBy: worth})


def test_value_and_gradient_are_those_of_the_cross_entropy():
    dag = golden_dag()
    worth = torch.rand(len(dag.trajectories), 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = evaluated(dag, worth)
    out = OrderPreserving()(found)
    best = front(worth)
    implied = (found.log_pf - found[LogPB]).sum(1) + found[LogSymmetry]
    expected = -(best / best.sum() * implied.log_softmax(0)).sum()
    loss = out.losses["order_preserving"].value
    torch.testing.assert_close(loss, expected)
    ours, theirs = (torch.autograd.grad(x, dag.policy.forward_logits, retain_graph=True)[0] for x in (loss, expected))
    assert theirs.abs().max() > 0.01
    torch.testing.assert_close(ours, theirs)
    assert out.metrics["front"] == best.double().mean()


def test_objects_are_compared_within_one_condition():
    dag = golden_dag()
    n = len(dag.trajectories)
    worth = torch.rand(n, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    groups = torch.arange(n) % 3
    worth[groups == 2] = NAN
    found = replace(evaluated(dag, worth), groups=groups)
    implied = (found.log_pf - found[LogPB]).sum(1) + found[LogSymmetry]
    expected = implied.new_zeros(())
    for number in (0, 1):
        mine = groups == number
        best = front(worth[mine])
        assert 0 < best.sum() < mine.sum()
        expected = expected - mine.sum() / n * (best / best.sum() * implied[mine].log_softmax(0)).sum()
    loss = OrderPreserving()(found).losses["order_preserving"].value
    torch.testing.assert_close(loss, expected)
    ours, theirs = (torch.autograd.grad(x, dag.policy.forward_logits, retain_graph=True)[0] for x in (loss, expected))
    torch.testing.assert_close(ours, theirs)


def test_a_batch_in_which_nothing_has_a_value_teaches_nothing():
    dag = golden_dag()
    loss = OrderPreserving()(evaluated(dag, torch.full((len(dag.trajectories), 2), NAN))).losses["order_preserving"]
    assert loss.value == 0.0
    assert not torch.autograd.grad(loss.value, dag.policy.forward_logits)[0].any()


def test_with_one_number_it_goes_by_log_r():
    dag = golden_dag()
    found = evaluate(dag.trajectories, dag.policy, quantities=OrderPreserving.quantities)
    torch.testing.assert_close(found[OrderedBy][:, 0], found.log_reward + found[LogSymmetry])


@pytest.mark.parametrize("functions", [["branin", "currin"], ["branin", "currin", "shubert"]])
def test_the_sampler_goes_to_the_front(functions, tmp_path):
    from molgfn.composing.compose import checked
    from molgfn.evaluation.exact.answers import exact_distribution
    from molgfn.experiment import assemble, train
    from molgfn.objects.grid import GRID
    from molgfn.runs.checkpoint import load

    config = checked(
        "hypergrid/tb",
        [
            *("oracle=grid_objectives", f"oracle.functions=[{','.join(functions)}]", "scalarisation=pareto"),
            *(
                "objective=order_preserving",
                "policy=tabular",
                "environment.side=6",
                "data=replay",
                "data.batch_size=32",
            ),
            *("optimizer.lr=0.05", "trainer.iterations=400", "trainer.progress=none", "logger.wandb=off"),
            f"output={tmp_path}",
        ],
    )
    run = train(config)
    experiment = assemble(config)
    policy = load(run.checkpoint).policy
    exact = exact_distribution(experiment.environment, policy, experiment.reward)
    points = GRID.parse(exact.keys)
    components = experiment.reward.oracle.components
    worth = torch.stack([torch.from_numpy(components[name].oracle.values(points)) for name in functions], 1)
    best = front(worth)
    assert 2 <= best.sum() < 12 + 12 * (len(functions) - 2)
    assert exact.p[best].sum() > 0.8
