"""Preferences on the golden DAG: values by hand, and what exact pairs lead to, counted path by path or not."""

import math
from dataclasses import replace

import pytest
import torch
from scipy.stats import spearmanr

from molgfn.errors import ConfigError
from molgfn.objectives.preferences.direct_preference import DirectPreference
from molgfn.objectives.preferences.self_play import SelfPlay
from molgfn.objectives.preferences.step_preference import StepPreference
from molgfn.testing import check_objective, golden_dag
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.pairs import Pairs
from molgfn.trajectories.quantities.networks import Networks

OBJECTIVES = [
    DirectPreference(),
    DirectPreference(reference="none"),
    DirectPreference(reference="none", beta=0.5),
    DirectPreference(reference="none", count_paths=False),
    DirectPreference(reference="prior", prior="of the test"),
    StepPreference(),
    StepPreference(reference="none"),
    StepPreference(reference="none", count_paths=False),
    SelfPlay(),
    SelfPlay(kl_weight=0.1),
]
#: the pairs of the golden DAG: (chosen, rejected)
GOLDEN = [(i, i + 1) for i in (0, 2, 4, 6, 9, 11, 13, 15)]


@pytest.fixture
def dag():
    return golden_dag()


@pytest.fixture
def other(dag):
    table = dag.policy.copy()
    with torch.no_grad():
        table.forward_logits.copy_(torch.linspace(-1, 1, 27, dtype=torch.float64).view(9, 3).cos() * 2)
    return table


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: type(o).__name__)
def test_contract(objective):
    check_objective(objective)


def evaluated(objective, dag, other, trajectories=None):
    names = Networks(target=other, frozen={"prior": other})
    t = dag.trajectories if trajectories is None else trajectories
    return evaluate(t, dag.policy, quantities=objective.quantities, joint=True, networks=names)


def table_of(dag, logits, backward=None):
    """log P of each step of the 19 trajectories, a list of lists, from the tables, state by state."""
    t, out = dag.trajectories, [[] for _ in range(19)]
    states = dag.environment.index(t.states).tolist()
    for row, (s, a, b) in enumerate(zip(states, t.actions.tolist(), t.trajectory.tolist(), strict=True)):
        legal = [x for x, ok in enumerate((s // 3 < 2, s % 3 < 2, True)) if ok]
        step = logits[s, a] - logits[s, legal].logsumexp(0)
        if backward is not None and a != 2:
            after = states[row + 1]
            back = [x for x, ok in enumerate((after // 3 > 0, after % 3 > 0)) if ok]
            step = step - backward[after, a] + backward[after, back].logsumexp(0)
        out[b].append(step)
    return out


def by_hand(values, dag, beta):
    losses = []
    for one, two in GOLDEN:
        r = [math.exp(float(dag.trajectories.log_reward[i])) for i in (one, two)]
        y = r[0] / (r[0] + r[1])
        q = torch.sigmoid(beta * (values[one] - values[two]))
        losses.append(y * (math.log(y) - q.log()) + (1 - y) * (math.log(1 - y) - (1 - q).log()))
    return torch.stack(losses).mean()


@pytest.mark.parametrize("kind", ["none", "start", "prior", "alone", "steps", "steps none"])
def test_value_and_gradient_by_hand(dag, other, kind):
    policy, step = dag.policy, kind.startswith("steps")
    paths = table_of(dag, policy.forward_logits, policy.backward_logits if "none" in kind else None)
    if kind in {"start", "prior", "steps"}:
        paths = [
            [a - b for a, b in zip(one, two, strict=True)]
            for one, two in zip(paths, table_of(dag, other.forward_logits.detach()), strict=True)
        ]
    if step:
        at = dag.trajectories.pairs.step.clamp(min=0).tolist()
        values = [path[t] for path, t in zip(paths, at, strict=True)]
        objective = StepPreference(reference="none" if "none" in kind else "start", beta=0.7)
    else:
        values = [sum(path) for path in paths]
        objective = DirectPreference(
            reference="none" if kind == "alone" else kind,
            prior="of the test" if kind == "prior" else None,
            beta=0.7,
            count_paths=kind != "alone",
        )
    want = by_hand(values, dag, 0.7)
    (loss,) = objective(evaluated(objective, dag, other)).losses.values()
    torch.testing.assert_close(loss.value, want)
    parameters = [policy.forward_logits, *([policy.backward_logits] if "none" in kind else [])]
    for got, expected in zip(
        torch.autograd.grad(loss.value, parameters), torch.autograd.grad(want, parameters), strict=True
    ):
        torch.testing.assert_close(got, expected)


def all_pairs(dag, utilities):
    """Every two of the 19 trajectories as a pair, with the odds of ``utilities`` [19] as its label."""
    rows = torch.combinations(torch.arange(19)).flatten()
    gap = utilities[rows[::2]] - utilities[rows[1::2]]
    pairs = Pairs.of_neighbours(len(rows), label=torch.sigmoid(gap))
    return replace(dag.trajectories.select(rows), pairs=pairs)


def solved(dag, other, objective, utilities):
    """P_T of the nine objects after the loss over all pairs is as small as it gets."""
    trajectories, logits = all_pairs(dag, utilities), dag.policy.forward_logits
    optimizer = torch.optim.LBFGS([logits], max_iter=200, line_search_fn="strong_wolfe", tolerance_change=1e-14)

    def closure():
        optimizer.zero_grad()
        (loss,) = objective(evaluated(objective, dag, other, trajectories)).losses.values()
        loss.value.backward()
        return loss.value

    optimizer.step(closure)
    last = dag.environment.index(dag.trajectories.terminal)
    return torch.zeros(9, dtype=torch.float64).index_add(0, last, dag.probabilities()), last


def tv(p, q):
    return float((p - q).abs().sum() / 2)


def test_exact_pairs_give_the_reward_back(dag, other):
    p, _ = solved(dag, other, DirectPreference(reference="none"), dag.trajectories.log_reward)
    assert tv(p, dag.log_reward.softmax(0)) < 1e-4
    assert spearmanr(p.round(decimals=5), dag.log_reward.round(decimals=5)).statistic == pytest.approx(
        1.0
    )  # two are alike


def test_log_pf_alone_prefers_what_many_paths_lead_to(dag, other):
    """Exactly by as much: P_T(x) is in proportion to the number of paths times R."""
    objective = DirectPreference(reference="none", count_paths=False)
    p, last = solved(dag, other, objective, dag.trajectories.log_reward)
    paths = torch.bincount(last, minlength=9).double()
    assert tv(p, (dag.log_reward + paths.log()).softmax(0)) < 1e-4
    assert tv(p, dag.log_reward.softmax(0)) > 0.2


def test_a_reference_is_tilted_by_the_utilities(dag, other):
    """P_ref exp(u / beta) / Z, with no correction for paths or symmetry."""
    t = dag.trajectories
    p, last = solved(dag, other, DirectPreference(beta=2.0), t.log_reward)
    of_reference = golden_dag()
    of_reference.policy.load_state_dict(other.state_dict())
    prior = torch.zeros(9, dtype=torch.float64).index_add(0, last, of_reference.probabilities())
    assert tv(p, (prior.log() + dag.log_reward / 2).softmax(0)) < 1e-4


def test_symmetry_is_counted_without_a_reference(dag, other):
    """The flows of R' = R / C sum to R: with log C(x) in v exact flows have no loss."""
    symmetry = torch.linspace(0, 1, 9, dtype=torch.float64)
    dag.log_reward.sub_(symmetry)  # R', which the flows are solved for
    dag.solve()
    dag.log_reward.add_(symmetry)
    last = dag.environment.index(dag.trajectories.terminal)
    trajectories = all_pairs(dag, dag.trajectories.log_reward)
    rows = torch.combinations(torch.arange(19)).flatten()
    trajectories = replace(trajectories, log_symmetry=symmetry[last][rows])
    objective = DirectPreference(reference="none")
    (loss,) = objective(evaluated(objective, dag, other, trajectories)).losses.values()
    assert float(loss.value.detach()) < 1e-12


def test_self_play_by_hand(dag, other):
    objective = SelfPlay(beta=0.5, kl_weight=0.3)
    t = dag.trajectories
    own = [sum(path) for path in table_of(dag, dag.policy.forward_logits)]
    values = [a - b for a, b in zip(own, t.pairs.log_opponent.tolist(), strict=True)]
    out = objective(evaluated(objective, dag, other))
    torch.testing.assert_close(out.losses["self_play"].value, by_hand(values, dag, 0.5))
    divergence = 0.0
    for s in dag.environment.index(t.states).tolist():
        legal = [x for x, ok in enumerate((s // 3 < 2, s % 3 < 2, True)) if ok]
        p, q = (table.forward_logits[s, legal].log_softmax(0) for table in (dag.policy, other))
        divergence += float((p.exp() * (p - q)).sum().detach()) / 19
    assert float(out.metrics["kl_to_start"]) == pytest.approx(divergence)
    assert float(out.losses["kl_to_start"].value.detach()) == pytest.approx(0.3 * divergence)


def test_self_play_stands_still_where_the_opponent_draws_the_data(dag):
    """At P_F = opponent = data the expected gradient over pairs is 0, and nowhere else."""
    dag.solve()
    p, n = dag.probabilities(), 19
    log_pf = evaluate(dag.trajectories, dag.policy, quantities=()).log_pf.sum(1)

    def gradient(data):
        margin = (log_pf - log_pf.detach())[:, None] - (log_pf - log_pf.detach())[None, :]
        loss = -(data[:, None] * p[None, :] * torch.nn.functional.logsigmoid(margin)).sum()
        return torch.autograd.grad(loss, dag.policy.forward_logits, retain_graph=True)[0].abs().max()

    assert gradient(p) < 1e-12
    assert gradient(torch.full((n,), 1 / n, dtype=torch.float64)) > 1e-3


def test_half_a_pair_is_none(dag, other):
    objective = DirectPreference(reference="none")
    whole = evaluated(objective, dag, other, dag.trajectories.select(torch.tensor([0, 1])))
    for rows, half in (([0, 1, 2], 1), ([1, 8, 0], 0), ([0, 1, 3, 18], 1)):
        got = objective(evaluated(objective, dag, other, dag.trajectories.select(torch.tensor(rows))))
        assert float(got.metrics["pairs"]) == 1
        assert float(got.metrics["dropped/incomplete"]) == half
        assert float(got.metrics["dropped/same_object"]) == 0
        torch.testing.assert_close(got.losses["dpo"].value, objective(whole).losses["dpo"].value)
    none = objective(evaluated(objective, dag, other, dag.trajectories.select(torch.tensor([0, 3, 0, 18]))))
    assert (float(none.metrics["pairs"]), float(none.losses["dpo"].value.detach())) == (0, 0)


def test_pairs_of_several_sources_stay_their_own(dag):
    one, two = dag.trajectories.select(torch.arange(4)), dag.trajectories.select(torch.arange(4))
    both = type(one).cat([one, replace(two, pairs=None), two])
    numbers = both.pairs.number.tolist()
    assert numbers[4:8] == [0] * 4
    assert sorted(set(map(abs, numbers))) == [0, 1, 3, 9, 11]
    assert all(numbers.count(k) == numbers.count(-k) == 1 for k in (1, 3, 9, 11))


@pytest.mark.parametrize(
    ("options", "says"),
    [({"count_paths": False}, "paths cancel"), ({"prior": "x"}, "reference=prior only")],
)
def test_what_makes_no_sense_is_refused(options, says):
    for kind in (DirectPreference, StepPreference):
        with pytest.raises(ConfigError, match=says):
            kind(**options)
