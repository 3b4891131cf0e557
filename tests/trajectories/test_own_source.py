"""A source of trajectories outside the package: named in a config, drawn from, watched over, kept in a checkpoint."""

from collections import Counter
from pathlib import Path

import pytest
import torch
import yaml

from molgfn.environments.hypergrid import HyperGrid
from molgfn.errors import ConfigError, ContractError
from molgfn.experiment import assemble, train
from molgfn.oracles.synthetic.hypergrid import HyperGrid as GridOracle
from molgfn.policies.tabular import TabularPolicy
from molgfn.rewards.power import Power
from molgfn.trajectories.mixture import Sources
from molgfn.trajectories.sources.base import Context, Kind, Source
from molgfn.trajectories.sources.local_search import LocalSearch
from molgfn.trajectories.sources.on_policy import OnPolicy
from molgfn.trajectories.sources.replay import UniformReplay

OWN = '''
from dataclasses import replace

import torch

from molgfn.trajectories.sampler import Sampler
from molgfn.trajectories.sources.base import Kind, Source


class BestAgain(Source):
    """New trajectories, by P_B, to the object of greatest reward so far."""

    kind = Kind.STORED

    def __init__(self, *, share: float = 0.25) -> None:
        self.share, self.position, self.facts = share, None, {}

    @property
    def off_policy(self):
        return "goes to the best object again"

    @property
    def ready(self):
        return self.position is not None

    def draw(self, context, n):
        environment = context.policy.environment
        terminal = replace(environment.initial(n), position=self.position.expand(n, -1))
        drawn = Sampler(environment).backward(context.policy, terminal, generator=context.generator)
        facts = {key: value.expand(n) for key, value in self.facts.items()}
        return replace(drawn, **facts, keys=environment.kind.keys(terminal.position))

    def observe(self, batch):
        found = batch.fresh.trajectories
        best = int(found.log_reward.argmax())
        if not self.facts or found.log_reward[best] > self.facts["log_reward"]:
            self.position = found.terminal.position[best]
            self.facts = {"log_reward": found.log_reward[best], "log_symmetry": found.log_symmetry[best]}

    def state_dict(self):
        return {} if self.position is None else {"position": self.position, "facts": self.facts}

    def load_state_dict(self, state, environment):
        self.position, self.facts = state["position"], state["facts"]
'''


def node(target, **arguments):
    return {"_target_": f"molgfn.{target}", **arguments}


@pytest.fixture
def config(tmp_path):
    """Trajectory balance on a grid, a quarter of each batch from the source in a file of its own."""
    (tmp_path / "own.py").write_text(OWN)

    def make(iterations=6, **changes):
        return {
            "name": "own",
            "seed": 3,
            "output": str(tmp_path / "runs"),
            "environment": node("environments.hypergrid.HyperGrid", dimensions=2, side=5),
            "oracle": node("oracles.synthetic.hypergrid.HyperGrid", dimensions=2, side=5),
            "reward": node("rewards.power.Power"),
            "policy": node("policies.tabular.TabularPolicy"),
            "objective": node("objectives.balance.trajectory_balance.TrajectoryBalance"),
            "backward": node("objectives.backward.uniform.Uniform"),
            "data": node(
                "trajectories.mixture.Sources",
                batch_size=8,
                sources={
                    "policy": node("trajectories.sources.on_policy.OnPolicy"),
                    "again": {"_target_": f"{tmp_path / 'own.py'}:BestAgain"},
                },
            ),
            "optimizer": node("training.optimizers.Optimizers", lr=1e-2),
            "trainer": node(
                "training.trainer.TrainerSettings",
                iterations=iterations,
                threads=1,
                log_every=2,
                progress="none",
                accelerator="cpu",
                checkpoint_every=3,
            ),
            "logger": node("training.logs.loggers.Loggers", wandb="off"),
            "evaluation": node("evaluation.settings.EvaluationSettings"),
            **changes,
        }

    return make


def test_it_draws_its_share_once_it_can(config):
    e = assemble(config())
    batches = [e.sources.draw(e.policy, e.reward, iteration=i) for i in range(2)]
    assert [Counter(b.trajectories.source) for b in batches] == [{"policy": 8}, {"policy": 6, "again": 2}]
    first, second = (b.trajectories for b in batches)
    best = first.keys[int(first.log_reward.argmax())]
    assert [k for k, s in zip(second.keys, second.source, strict=True) if s == "again"] == [best] * 2
    assert len(batches[1].fresh) == 6
    assert batches[1].given is None
    assert e.reward.counters.raw == 14


def test_an_on_policy_objective_refuses_it_by_its_name(config):
    with pytest.raises(ConfigError, match=r"on-policy .* data\.sources\.again goes to the best object again"):
        assemble(config(objective=node("objectives.policy_gradients.ent_ppo.EntPPO")))


@pytest.mark.filterwarnings("ignore")
def test_a_resumed_run_ends_where_the_unbroken_one_does(config):
    whole = train(config())
    state = torch.load(whole.checkpoint, weights_only=True)
    half = train(config(iterations=3))
    longer = train(config(), resume=half.checkpoint)
    again = torch.load(longer.checkpoint, weights_only=True)
    assert all(torch.equal(again["state_dict"][k], v) for k, v in state["state_dict"].items())
    (there, here) = (s["TrajectoryDataModule"]["sources"]["again"] for s in (state, again))
    assert torch.equal(there["position"], here["position"])
    assert "own.py" in (Path(whole.folder) / "config.yaml").read_text()
    assert yaml.safe_load((Path(whole.folder) / "config.yaml").read_text())["data"]["sources"]["again"]


class Odd(Source):
    """Does what it is told."""

    share = 0.5

    def __init__(self, draw, kind=Kind.NEW):
        self._draw = draw
        self.kind = kind

    @property
    def off_policy(self):
        return None

    def draw(self, context: Context, n: int):
        return self._draw(context, n)


def draw(*sources, batch_size=8):
    environment = HyperGrid(dimensions=2, side=5)
    mixed = Sources(batch_size=batch_size, sources=[OnPolicy(), *sources])
    return mixed.draw(TabularPolicy(environment=environment), Power(oracle=GridOracle(side=5)), iteration=0)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda c, n: OnPolicy().draw(c, n + 1), r"source `odd` drew 5 trajectories instead of 4"),
        (lambda c, n: c.policy and _unscored(c, n), r"source `odd` drew without rewards"),
    ],
)
def test_a_source_that_breaks_its_promise_is_named(wrong, says):
    with pytest.raises(ContractError, match=says):
        draw(Odd(wrong))


def _unscored(context, n):
    from molgfn.trajectories.sampler import Sampler

    return Sampler(context.policy.environment).forward(context.policy, n)


def test_the_order_is_that_of_the_kinds_and_a_later_source_sees_what_was_drawn():
    seen = []

    def watch(context, n):
        seen.append(None if context.fresh is None else len(context.fresh))
        return OnPolicy().draw(context, n)

    given = Odd(watch, Kind.GIVEN)
    given.share = 0.25
    mixed = Sources(
        batch_size=16, sources={"g": given, "r": UniformReplay(), "l": LocalSearch(rounds=1), "p": OnPolicy()}
    )
    assert list(mixed.by_name) == ["p", "l", "r", "g"]
    environment = HyperGrid(dimensions=2, side=5)
    policy, reward = TabularPolicy(environment=environment), Power(oracle=GridOracle(side=5))
    batch = mixed.draw(policy, reward, iteration=0)
    assert batch.trajectories.source == ["p"] * 6 + ["l"] * 6 + ["g"] * 4
    assert seen == [12]
    assert (len(batch.fresh), len(batch.given)) == (12, 4)
    assert mixed.draw(policy, reward, iteration=1).trajectories.source == ["p"] * 2 + ["l"] * 2 + ["r"] * 8 + ["g"] * 4


def test_a_list_is_named_by_the_sources():
    mixed = Sources(sources=[OnPolicy(), OnPolicy(share=0.25), LocalSearch(), Odd(None), UniformReplay(share=0.125)])
    assert list(mixed.by_name) == ["policy", "policy_2", "odd", "local_search", "replay"]
