"""An iteration of several phases: what each step sees and trains, the anchor, what follows, and how steps count."""

from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
import yaml

from molgfn.experiment import assemble
from molgfn.objectives.base import Loss, Objective, ObjectiveOutput, Phase
from molgfn.objectives.policy_gradients.frozen import Advantage, LogPFOld
from molgfn.training import learner as learners
from molgfn.training.updates.gradient_steps import GradientSteps
from molgfn.trajectories.quantities.backward import LogPB
from molgfn.trajectories.quantities.divergences import KL
from molgfn.trajectories.quantities.flows import LogFlow, LogZ

CONFIGS = Path(__file__).parents[2] / "configs"
pytestmark = pytest.mark.filterwarnings("ignore")


def node(target, **arguments):
    return {"_target_": f"molgfn.{target}", **arguments}


def shipped(group, name, **changes):
    return {**yaml.safe_load((CONFIGS / group / f"{name}.yaml").read_text()), **changes}


@pytest.fixture
def grid(config):
    """A run on a small grid with tables, which take what any objective asks for."""
    space = {
        "environment": node("environments.hypergrid.HyperGrid", dimensions=2, side=4),
        "oracle": node("oracles.hypergrid.HyperGrid", dimensions=2, side=4),
        "policy": node("policies.tabular.TabularPolicy"),
    }
    return lambda **changes: config(**{**space, **changes})


def iterate(e, iterations, before=lambda batch: None, after=lambda: None):
    """Run; ``before`` each iteration with its batch, ``after`` each. Returns the module and the metrics."""
    module, data, metrics = e.module(), e.data(), []
    data.iterations = iterations
    step = module.training_step

    def watched(batch, batch_idx):
        before(batch.trajectories)
        metrics.append(step(batch, batch_idx))
        after()
        return metrics[-1]

    module.training_step = watched
    trainer = pl.Trainer(
        max_epochs=1, logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        accelerator="cpu",
    )  # fmt: skip
    trainer.fit(module, datamodule=data)
    return module, metrics


class Probe(Objective):
    """Three phases that write down what they see; ``advantage`` numbers the trajectories."""

    quantities = (LogPB, LogFlow, KL, LogZ)
    prepares_from = (LogPB, LogFlow)
    on_policy = True
    trains = frozenset({"forward", "flow", "log_z"})
    reference = "none"

    def __init__(self):
        self.seen = []
        self.prepared = None

    def prepare(self, evaluated):
        assert not evaluated.log_pf.requires_grad
        self.prepared = evaluated
        number = torch.arange(len(evaluated)).double()
        return {LogPFOld: evaluated.log_pf, Advantage: number[:, None].expand_as(evaluated.log_pf)}

    def phases(self):
        return (
            Phase("policy", self.policy, (KL,), epochs=3),
            Phase("critic", self.critic, (LogFlow,), epochs=2, splits=3, needs_log_pf=False),
            Phase("log_z", self.log_z, (LogZ,)),
        )

    def note(self, name, evaluated):
        self.seen.append((name, evaluated))

    def policy(self, evaluated):
        self.note("policy", evaluated)
        return ObjectiveOutput({"policy": Loss((evaluated.log_pf.sum(1) - 1).square().mean(), frozenset({"forward"}))})

    def critic(self, evaluated):
        self.note("critic", evaluated)
        return ObjectiveOutput({"critic": Loss((evaluated[LogFlow] - 1).square().mean(), frozenset({"flow"}))})

    def log_z(self, evaluated):
        self.note("log_z", evaluated)
        # reads log P_F with its gradient, which must not get to P_F
        value = (evaluated[LogZ] - evaluated.log_pf.sum(1) - 1).square().mean()
        return ObjectiveOutput({"log_z": Loss(value, frozenset({"log_z"}))})

    def __call__(self, evaluated):
        raise AssertionError("an objective with phases of its own is not called")


@pytest.fixture
def probe(grid):
    e = assemble(grid())
    e.objective = Probe()
    return e


def test_the_phases_come_in_order_and_often_enough(probe):
    module, metrics = iterate(probe, 2)
    once = ["policy"] * 3 + ["critic"] * 6 + ["log_z"]
    assert [name for name, _ in probe.objective.seen] == once * 2
    assert [float(m["gradient_steps"]) for m in metrics] == [10, 20]
    assert module.learner.steps.taken == 20


def test_each_step_changes_the_groups_of_its_loss_alone(probe, monkeypatch):
    take, changed = GradientSteps.take, []

    def watched(self, output, what, *rest):
        before = {k: [p.detach().clone() for p in v] for k, v in self.groups.items()}
        result = take(self, output, what, *rest)
        moved = {
            k for k, v in before.items() if any(not torch.equal(a, b) for a, b in zip(v, self.groups[k], strict=True))
        }
        changed.append((what, moved))
        return result

    monkeypatch.setattr(GradientSteps, "take", watched)
    iterate(probe, 2)
    expected = {"policy": {"forward"}, "critic": {"flow"}, "log_z": {"log_z"}}
    assert len(changed) == 20
    assert all(moved == expected[what] for what, moved in changed)


def test_the_parts_of_a_pass_hold_each_trajectory_once_and_what_was_frozen_for_it(probe):
    iterate(probe, 1)
    first = probe.objective.prepared
    parts = [evaluated for name, evaluated in probe.objective.seen if name == "critic"]
    assert len(parts) == 6
    for start in (0, 3):
        rows = [evaluated[Advantage][:, 0].long() for evaluated in parts[start : start + 3]]
        assert sorted(torch.cat(rows).tolist()) == list(range(8))
        assert {len(r) for r in rows} == {2, 3}
        for r, evaluated in zip(rows, parts[start : start + 3], strict=True):
            width = evaluated.mask.shape[1]
            assert torch.equal(evaluated.mask, first.mask[r][:, :width])
            assert not first.mask[r][:, width:].any()
            assert torch.equal(evaluated[LogPFOld], first.log_pf[r][:, :width])
            assert torch.equal(evaluated.log_reward, first.log_reward[r])
            assert (evaluated.log_pf == 0).all()  # not asked for


def test_the_first_step_sees_what_prepare_saw(probe):
    iterate(probe, 1)
    steps = [evaluated for name, evaluated in probe.objective.seen if name == "policy"]
    assert torch.equal(steps[0].log_pf.detach(), steps[0][LogPFOld])
    assert torch.equal(steps[0][LogPFOld], steps[2][LogPFOld])
    assert not torch.equal(steps[1].log_pf.detach(), steps[1][LogPFOld])
    assert steps[0].log_pf.requires_grad


def test_the_anchor_is_pf_at_the_start_of_the_iteration(probe):
    at_start, expected, given = {}, [], []

    def before(batch):
        at_start.update(batch=batch, policy=probe.policy.copy())

    policy = probe.objective.policy

    def watched(evaluated):
        batch, old = at_start["batch"], at_start["policy"]
        with torch.no_grad():
            kl = probe.policy(batch.states).forward.kl(old(batch.states).forward)
        expected.append(batch.pad(kl))
        given.append(evaluated[KL].detach())
        return policy(evaluated)

    probe.objective.policy = watched
    iterate(probe, 2, before=before)
    assert len(given) == 6
    for i, (a, b) in enumerate(zip(given, expected, strict=True)):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-5)
        assert bool((a == 0).all()) == (i % 3 == 0)  # exactly zero at the anchor, and only there


@pytest.mark.parametrize(("rate", "every"), [(0.25, 1), (0.5, 2), (1.0, 3)])
def test_the_target_follows_at_its_rate(grid, rate, every, monkeypatch):
    """After each iteration copy = copy + rate (policy - copy), every so many iterations; else it stands still."""
    monkeypatch.setattr(learners, "start_critics", lambda *_: None)  # it moves originals and copies
    e = assemble(
        grid(
            objective=shipped("objective", "sac"),
            target=node("objectives.base.TargetNetwork", rate=rate, every=every),
        )
    )
    originals = {"policy": e.policy, **e.auxiliaries}
    assert set(e.auxiliaries) == {network.name for network in e.objective.networks} != set()
    expected = {k: [p.detach().double().clone() for p in n.parameters()] for k, n in originals.items()}
    history = []

    def after():
        history.append({k: [p.detach().double().clone() for p in n.parameters()] for k, n in originals.items()})

    module, _ = iterate(e, 4, after=after)
    for i, now in enumerate(history):
        if (i + 1) % every == 0:
            for k in expected:
                expected[k] = [c + rate * (p - c) for c, p in zip(expected[k], now[k], strict=True)]
    for k, parameters in expected.items():
        copies = list(module.followers.of(k).parameters())
        assert not any(c.requires_grad for c in copies)
        for c, p in zip(copies, parameters, strict=True):
            torch.testing.assert_close(c.double(), p, atol=1e-6, rtol=1e-5)
        if rate < 1:
            assert any(not torch.equal(c, p) for c, p in zip(copies, originals[k].parameters(), strict=True))


def test_the_forward_objective_reads_the_copy_of_pb(grid):
    """With backward=tlm log P_B comes from a copy that lags behind; here it never moves, so it stays uniform."""
    e = assemble(grid(backward=shipped("backward", "tlm", target_rate=1e-12)))
    seen = []
    call = type(e.objective).__call__

    class Watched(type(e.objective)):
        def __call__(self, evaluated):
            seen.append(evaluated)
            return call(self, evaluated)

    e.objective.__class__ = Watched
    batches = []
    iterate(e, 3, before=batches.append)
    environment = e.environment
    for batch, evaluated in zip(batches, seen, strict=True):
        uniform = -environment.backward_mask(batch.states).sum(1).clamp(min=1).log()
        expected = torch.where(batch.exits, 0.0, uniform.roll(-1))
        torch.testing.assert_close(evaluated[LogPB], batch.pad(expected), atol=1e-5, rtol=0)
        assert not evaluated[LogPB].requires_grad
    now = e.policy(batches[-1].states, forward=False, backward=True).backward.log_probs()
    assert not torch.allclose(now.exp().amax(1), now.exp().amin(1), atol=1e-4)  # while P_B itself has moved


@pytest.mark.parametrize(
    ("changes", "steps"),
    [
        ({}, 1),
        ({"objective": "ent_ppo", "backward": "tlm"}, 1 + 4 + 4 * 2),
        ({"objective": "rl_t"}, 1 + 1 + 1),
        ({"backward": "pessimistic"}, 8 + 1),
        ({"backward": "rl_b"}, 1 + 1),
    ],
    ids=["tb", "ent_ppo + tlm", "rl_t", "pessimistic", "rl_b"],
)
def test_gradient_steps_of_an_iteration(grid, changes, steps):
    e = assemble(grid(**{k: shipped(k, v) for k, v in changes.items()}))
    _, metrics = iterate(e, 2)
    assert [float(m["gradient_steps"]) for m in metrics] == [steps, 2 * steps]


def test_a_critic_starts_at_the_mean_return_to_go_of_the_first_batch(grid):
    """And only a critic: flows that a balance objective trains start where they are."""
    seen = []
    for objective in ("vpg", "db"):
        e = assemble(grid(objective=shipped("objective", objective)))
        untouched = e.policy.copy()
        values = {}

        def before(batch, values=values, policy=untouched):
            out = policy(batch.states)
            log_pb = policy(batch.states, forward=False, backward=True).backward
            flat = torch.where(
                batch.exits,
                batch.log_target[batch.trajectory],
                log_pb.log_prob(torch.where(batch.step > 0, batch.backward_actions.roll(1), 0)).roll(-1),
            )
            reward = batch.pad(flat - out.forward.log_prob(batch.actions))
            to_go = reward.flip(1).cumsum(1).flip(1)
            values["mean"] = float(to_go[batch.pad(torch.ones_like(batch.step), 0) > 0].mean())

        e.optimizers.rates = dict.fromkeys(e.optimizers.rates, 1e-12)
        iterate(e, 1, before=before)
        flows = e.policy.flows.detach()
        assert float(flows.std()) < 1e-6
        seen.append((float(flows.mean()), values["mean"]))
    (critic, mean), (flow, _) = seen
    assert critic == pytest.approx(mean, abs=1e-4)
    assert flow == pytest.approx(0.0, abs=1e-6)


def test_the_target_network_of_a_critic_starts_where_the_critic_does(config):
    strings = {
        "environment": node("environments.strings.Strings", alphabet="AC", length=3),
        "oracle": node("oracles.string_modes.StringModes", alphabet="AC", length=3, n_modes=2),
        "policy": node("policies.tabular.TabularPolicy"),
        "target": shipped("target", "periodic"),
    }
    e = assemble(config(**strings, objective=shipped("objective", "rpe")))
    e.optimizers.rates = dict.fromkeys(e.optimizers.rates, 1e-12)
    module, _ = iterate(e, 1)
    assert abs(float(module.policy.flows.mean())) > 0.1
    torch.testing.assert_close(module.followers.of("policy").flows, module.policy.flows)


def test_the_values_of_networks_beside_the_policy_start_there_too(grid):
    e = assemble(grid(objective=shipped("objective", "sac")))
    e.optimizers.rates = dict.fromkeys(e.optimizers.rates, 1e-12)
    module, _ = iterate(e, 1)
    for name in (network.name for network in e.objective.networks):
        flows = e.auxiliaries[name].flows.detach()
        assert float(flows.std()) < 1e-6
        assert abs(float(flows.mean())) > 0.1
        torch.testing.assert_close(module.followers.of(name).flows, flows)


@pytest.mark.parametrize("name", ["tb", "subtb", "db"])
def test_balance_objectives_take_several_steps_on_a_batch(grid, name, monkeypatch):
    """Each step sees the whole batch under the weights that the one before left, and is counted."""
    losses = []
    take = GradientSteps.take

    def watched(self, output, *rest, **more):
        losses.append(sum(loss.value.item() for loss in output.losses.values()))
        return take(self, output, *rest, **more)

    monkeypatch.setattr(GradientSteps, "take", watched)
    run = grid(objective=shipped("objective", name, epochs=4), optimizer=shipped("optimizer", "adam", lr=1e-2))
    iterate(assemble(run), 2)
    assert len(losses) == 8
    assert losses[:4] == sorted(losses[:4], reverse=True), "one batch: the loss falls from step to step"
    assert len(set(losses[:4])) == 4
    plain = assemble(grid(objective=shipped("objective", name)))
    losses.clear()
    iterate(plain, 2)
    assert len(losses) == 2
