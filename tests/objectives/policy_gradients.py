"""What the tests of policy gradients share: expectations over the golden DAG, exact V^pi, the gradient of the KL."""

import math

import torch

from molgfn.objectives.residuals import log_ratios, steps
from molgfn.testing import golden_dag
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.quantities.backward import LogPB

LOG_Z = 4.143134726391533
ELBO = 2.398504
V_PI = [2.398504, 2.753078, 2.770736, 2.400810, 3.179521, 3.160040, 1.715196, 1.409731, 2.708050]
LOG_FLOW = [4.143135, 3.226922, 2.777630, 3.605444, 3.428777, 3.161826, 2.089419, 2.516592, 2.708050]
#: where the path (0,0) -> (1,0) -> (1,1) -> stop stands among the 19
PATH = next(i for i in range(19) if golden_dag().trajectories.select(torch.tensor([i])).actions.tolist() == [0, 1, 2])


def prepared(objective, dag):
    """All 19 trajectories as the first step of an iteration sees them."""
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=objective.quantities)
    return evaluated.having(objective.prepare(evaluated.detach()))


def each(objective, dag, evaluated=None, loss="policy"):
    """The loss of each trajectory alone, [19]; advantages as they are in ``evaluated``."""
    evaluated = prepared(objective, dag) if evaluated is None else evaluated
    rows = []
    for i in range(len(evaluated)):
        one = evaluated.map(lambda v, _, i=i: v[i : i + 1] if v.dim() else v)
        rows.append(objective.policy(one).losses[loss].value)
    return torch.stack(rows)


def expected(objective, dag, evaluated=None, loss="policy"):
    """sum_tau P_F(tau) loss(tau), the sampling distribution not differentiated; under the golden P_F."""
    return (golden_dag().probabilities() * each(objective, dag, evaluated, loss)).sum()


def gradient(value, dag):
    return torch.autograd.grad(value, dag.policy.forward_logits, retain_graph=True)[0]


def kl_gradient(dag):
    """Gradient of KL(P_F || P_B R / Z), the expectation written out."""
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=(LogPB,))
    kl = (evaluated.log_pf.sum(1).exp() * (log_ratios(evaluated) + LOG_Z)).sum()
    return gradient(kl, dag)


def exact_values(dag):
    """V^pi of the golden P_F and P_B by backward recursion, float64 [9]."""
    evaluated = evaluate(dag.trajectories, dag.policy, quantities=(LogPB,))
    g, p = -steps(evaluated).detach(), dag.probabilities()
    index = torch.full(evaluated.mask.shape, -1)
    index[evaluated.mask] = dag.environment.index(dag.trajectories.states)
    to_go = g.flip(1).cumsum(1).flip(1)
    values = []
    for state in range(9):  # E[reward to go | the trajectory visits the state]: P_F is Markov
        here = index == state
        weight = p[:, None] * here
        values.append(((weight * to_go).sum() / weight.sum()).item())
    return torch.tensor(values, dtype=torch.float64)


def shifted(dag):
    """The golden policy moved off its anchor: logits + .9 cos(2i + 3j + a)."""
    cells = [(i, j) for i in range(3) for j in range(3)]
    change = torch.tensor([[math.cos(2 * i + 3 * j + a) for a in range(3)] for i, j in cells], dtype=torch.float64)
    with torch.no_grad():
        dag.policy.forward_logits.add_(0.9 * change)
