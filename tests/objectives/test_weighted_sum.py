"""Weighted sums of objectives: values and gradients of their parts on the golden DAG, schedules, sources, misfits."""

import math
from dataclasses import replace

import pytest
import torch

from molgfn.errors import ConfigError, ContractError
from molgfn.objectives.balance.detailed_balance import DetailedBalance
from molgfn.objectives.balance.forward_looking_detailed_balance import ForwardLookingDetailedBalance
from molgfn.objectives.balance.log_variance import LogVariance
from molgfn.objectives.balance.relative_trajectory_balance import RelativeTrajectoryBalance
from molgfn.objectives.balance.trajectory_balance import TrajectoryBalance
from molgfn.objectives.combined.term import Ramp, Term
from molgfn.objectives.combined.weighted_sum import WeightedSum
from molgfn.objectives.divergences.maximum_likelihood import MaximumLikelihood
from molgfn.objectives.policy_gradients.ent_ppo import EntPPO
from molgfn.objectives.policy_gradients.rl_uniform import RLUniform
from molgfn.testing import check_objective, golden_dag
from molgfn.testing.objective import evaluate_for

#: of the 19 trajectories of the golden DAG, those that "were given"
GIVEN = (0, 3, 4, 11, 18)


def agfn(sources=("offline",), **weights):
    mle = Term(objective=MaximumLikelihood(), weight=weights.get("mle", 20.0), sources=sources)
    return WeightedSum(terms={"mle": mle, "tb": Term(objective=TrajectoryBalance(), weight=weights.get("tb", 0.04))})


def marked(dag):
    return replace(dag.trajectories, source=["offline" if i in GIVEN else "policy" for i in range(19)])


def gradients(objective, dag, trajectories=None):
    """Gradient of each loss to the groups that it names, added up as a step adds them."""
    evaluated = evaluate_for(objective, dag, trajectories=trajectories)
    groups = {name: p for name, (p, *_) in dag.policy.parameter_groups().items()}
    total = {name: torch.zeros_like(p) for name, p in groups.items()}
    for loss in objective(evaluated).losses.values():
        own = sorted(loss.groups)
        found = torch.autograd.grad(loss.value, [groups[g] for g in own], retain_graph=True, allow_unused=True)
        for g, gradient in zip(own, found, strict=True):
            total[g] += 0 if gradient is None else gradient
    return total


def test_contract():
    check_objective(agfn(sources=None))
    two = {"tb": Term(objective=TrajectoryBalance(), weight=0.3), "db": Term(objective=DetailedBalance(), weight=2.0)}
    check_objective(WeightedSum(terms=two))
    check_objective(WeightedSum(terms={**two, "vargrad": Term(objective=LogVariance())}))


def test_golden_value_of_the_mixture():
    """20 times the mean of -log P_F over the given, and .04 times the mean squared residual over all, by hand."""
    dag = golden_dag()
    evaluated = evaluate_for(agfn(), dag, trajectories=marked(dag))
    nll = (-evaluated.log_pf.sum(1)).tolist()
    plain = evaluate_for(TrajectoryBalance(), dag)
    tb = TrajectoryBalance()(plain).losses["tb"].value.item()
    output = agfn()(evaluated)
    assert output.losses["mle/nll"].value.item() == pytest.approx(20 * sum(nll[i] for i in GIVEN) / 5, rel=1e-12)
    assert output.losses["tb/tb"].value.item() == pytest.approx(0.04 * tb, rel=1e-12)
    total = sum(loss.value.item() for loss in output.losses.values())
    assert total == pytest.approx(83.57053427, abs=1e-6)
    assert output.metrics["share/mle"].item() == pytest.approx(5 / 19)
    assert output.metrics["mle/nll"].item() == pytest.approx(sum(nll[i] for i in GIVEN) / 5, rel=1e-12)
    assert output.losses["mle/nll"].groups == {"forward"}
    assert output.losses["tb/tb"].groups == {"forward", "backward", "log_z"}


def test_gradients_are_the_weighted_sum_of_those_of_the_terms():
    dag = golden_dag()
    together = gradients(agfn(), dag, marked(dag))
    given = dag.trajectories.select(torch.tensor(GIVEN))
    mle, tb = gradients(MaximumLikelihood(), dag, given), gradients(TrajectoryBalance(), dag)
    for group, gradient in together.items():
        torch.testing.assert_close(gradient, 20 * mle[group] + 0.04 * tb[group], rtol=1e-12, atol=1e-12)
    assert together["log_z"].abs().max() > 0
    assert (mle["log_z"] == 0).all()


def test_where_no_trajectory_is_of_a_source_its_term_is_left_out():
    dag = golden_dag()
    output = agfn()(evaluate_for(agfn(), dag))
    assert list(output.losses) == ["tb/tb"]
    only = WeightedSum(terms={"mle": Term(objective=MaximumLikelihood(), sources=["offline"])})
    output = only(evaluate_for(only, dag))
    assert output.losses["none"].value.item() == 0
    assert all((g == 0).all() for g in gradients(only, dag).values())


def test_weights_follow_their_schedules():
    linear = Ramp(start=20, end=0, first=10, last=30)
    assert [linear.at(i) for i in (0, 10, 20, 30, 99)] == [20, 20, 10, 0, 0]
    cosine = Ramp(start=0, end=1, last=4, shape="cosine")
    assert [cosine.at(i) for i in range(5)] == pytest.approx([0, (1 - math.sqrt(0.5)) / 2, 0.5, 0.8535533906, 1])
    geometric = Ramp(start=100, end=1, last=2, shape="geometric")
    assert [geometric.at(i) for i in range(3)] == pytest.approx([100, 10, 1])
    dag = golden_dag()
    objective = agfn(mle=Ramp(start=20, end=0, last=2))
    values = []
    for iteration in range(3):
        objective.begin(iteration)
        output = objective(evaluate_for(objective, dag, trajectories=marked(dag)))
        values.append(output.losses["mle/nll"].value.item() if "mle/nll" in output.losses else None)
        assert output.metrics["weight/mle"].item() == 20 - 10 * iteration
    assert values[1] == pytest.approx(values[0] / 2)
    assert values[2] is None


def test_what_is_asked_for_is_joined():
    rtb = RelativeTrajectoryBalance(prior="runs/prior", log_z="batch")
    objective = WeightedSum(
        terms={"rtb": Term(objective=rtb), "mle": Term(objective=MaximumLikelihood(), sources=["x"])}
    )
    assert objective.frozen == {"prior": "runs/prior"}
    assert objective.trains == {"forward"}
    assert objective.compares
    assert objective.least_batch == 2
    assert objective.tells_apart == objective.only_given == {"x"}
    assert not objective.only_offline
    assert agfn(sources=None).only_offline
    assert not agfn().has_target
    assert agfn().weighs_by == TrajectoryBalance.weighs_by


def test_a_comparison_within_too_few_is_refused():
    dag = golden_dag()
    terms = {"vargrad": Term(objective=LogVariance(), sources=["offline"])}
    one = replace(dag.trajectories, source=["offline", *["policy"] * 18])
    objective = WeightedSum(terms=terms)
    with pytest.raises(ContractError, match="at least 2"):
        objective(evaluate_for(objective, dag, trajectories=one))


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ([TrajectoryBalance(), RelativeTrajectoryBalance(prior="p")], "log Z"),
        ([DetailedBalance(), ForwardLookingDetailedBalance()], "log_flow"),
        (
            [RelativeTrajectoryBalance(prior="p", log_z="batch"), RelativeTrajectoryBalance(prior="q", log_z="batch")],
            "different policies",
        ),
    ],
)
def test_misfits_are_refused_with_the_reason(parts, says):
    with pytest.raises(ConfigError, match=says):
        WeightedSum(terms={f"t{i}": Term(objective=part) for i, part in enumerate(parts)})


@pytest.mark.parametrize("objective", [EntPPO(), RLUniform(), DetailedBalance(epochs=2)])
def test_what_takes_several_steps_is_refused(objective):
    with pytest.raises(ConfigError, match="takes steps of its own"):
        Term(objective=objective)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"start": 1.0, "end": 0.0, "first": 5, "last": 5}, "after first"),
        ({"start": 1.0, "end": 0.0, "last": 5, "shape": "geometric"}, "geometric"),
    ],
)
def test_schedules_that_cannot_be_are_refused(settings, says):
    with pytest.raises(ConfigError, match=says):
        Ramp(**settings)
    with pytest.raises(ConfigError, match="names none"):
        WeightedSum(terms={})
    with pytest.raises(ConfigError, match="names none"):
        Term(objective=MaximumLikelihood(), sources=[])
