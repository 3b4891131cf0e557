"""What is read from the children of states, against loops over single states."""

from dataclasses import replace

import pytest
import torch

from molgfn.environments.hypergrid import HyperGrid
from molgfn.environments.strings import Strings
from molgfn.policies.mlp import MLPPolicy
from molgfn.trajectories.evaluate import evaluate
from molgfn.trajectories.quantities.children import LogChildFactor, LogChildren, LogPathFactor, LogPFAll
from molgfn.trajectories.quantities.networks import Networks
from molgfn.trajectories.sampler import Sampler

ALL = (LogPFAll, LogChildren, LogPathFactor, LogChildFactor)
ENVIRONMENTS = [
    HyperGrid(dimensions=2, side=3),
    *(Strings(alphabet="AB", length=3, mode=m) for m in ("append", "prepend_append", "any_slot")),
]


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda e: f"{type(e).__name__}-{getattr(e, 'mode', '')}")
def test_children_one_by_one(environment):
    torch.manual_seed(0)
    policy = MLPPolicy(environment=environment, hidden=8, layers=1).double()
    other = MLPPolicy(environment=environment, hidden=8, layers=1).double()
    t = Sampler(environment).forward(policy, 6, generator=torch.Generator().manual_seed(1))
    t = replace(t, log_reward=torch.zeros(len(t), dtype=torch.float64))
    forward = policy(t.states).forward
    found = evaluate(t, policy, quantities=ALL, networks=Networks(target=other))
    log_g = 0.0
    for k in range(len(t.actions)):
        state = t.states[k : k + 1]
        b, step = int(t.trajectory[k]), int(t.step[k])
        if step == 0:
            log_g = 0.0
        else:
            before = environment.forward_mask(t.states[k - 1 : k]).sum()
            log_g += float((before / environment.backward_mask(state).sum()).log())
        assert found[LogPathFactor][b, step].item() == pytest.approx(log_g, abs=1e-6)
        mask = environment.forward_mask(state)[0]
        legal = int(mask.sum())
        for action in range(environment.n_actions):
            of_p = found[LogPFAll][b, step, action]
            flow, factor = found[LogChildren][b, step, action], found[LogChildFactor][b, step, action]
            if not mask[action]:
                assert of_p == flow == factor == -torch.inf
                continue
            assert of_p.item() == pytest.approx(forward.log_probs()[k, action].item(), abs=1e-12)
            if action == environment.stop_action:
                assert flow == factor == -torch.inf
                continue
            below = environment.step(state, torch.tensor([action]))
            want = other(below, forward=False, flow=True).log_flow.item()
            assert flow.item() == pytest.approx(want, abs=1e-12)
            parents = int(environment.backward_mask(below).sum())
            assert factor.item() == pytest.approx(log_g + float(torch.tensor(legal / parents).log()), abs=1e-6)
    assert not found[LogChildren].requires_grad
    pads = ~t.pad(torch.ones_like(t.step, dtype=torch.bool), False)
    assert (found[LogPFAll][pads] == -torch.inf).all()
    assert (found[LogPathFactor][pads] == 0).all()


def test_the_factor_of_a_child_is_that_of_the_next_state():
    environment = HyperGrid(dimensions=2, side=4)
    policy = MLPPolicy(environment=environment, hidden=8, layers=1).double()
    t = Sampler(environment).forward(policy, 32, generator=torch.Generator().manual_seed(0))
    t = replace(t, log_reward=torch.zeros(len(t), dtype=torch.float64))
    found = evaluate(t, policy, quantities=ALL)
    on = ~t.exits
    row, step, action = t.trajectory[on], t.step[on], t.actions[on]
    assert len(row) > 20
    torch.testing.assert_close(found[LogChildFactor][row, step, action], found[LogPathFactor][row, step + 1])
    flow = policy(t.states, forward=False, flow=True).log_flow.detach()
    torch.testing.assert_close(found[LogChildren][row, step, action], flow.roll(-1)[on])
