"""What the sampler of a loop learns is R / Z over molecules, exactly, once everything is known."""

import pytest
from tests.optimise.small import config_of

from molgfn.acquisition.known import Known
from molgfn.evaluation.exact.answers import compare, exact_terminal
from molgfn.optimising import streams
from molgfn.optimising.assembling import assemble
from molgfn.optimising.learning.base import Lesson
from molgfn.optimising.worth import worth_of


@pytest.mark.slow
def test_a_sampler_that_learnt_from_all_there_is_is_exact():
    """By replay alone, without a trajectory of its own, and over molecules that several trees build."""
    config = config_of(
        "optimise/fragments_gp_ga", "learning.rank_weight=10.0", "oracle=qed", "reward.beta=4",
        "environment.max_fragments=3",
        "environment.vocabulary=[[C, [0]], [CC, [0, 1]], [CCC, [0, 2]], [CCO, [0, 1]]]", "environment.max_atoms=null",
        "policy.width=32", "policy.layers=2", "learning.batch_size=64", "learning.updates=1000", "optimizer.lr=3e-3",
        "optimizer.lr_log_z=0.05", "optimizer.half_life=250",
    )  # fmt: skip
    parts = assemble(config)
    target = parts.sampler.experiment.exact_target()
    keys = list(target.keys)
    known = Known(parts.kind)
    scores = parts.reward(parts.kind.parse(keys), keys)
    known.add(parts.kind.parse(keys), keys, worth_of(scores, parts.reward), 1, ["test"] * len(keys), scores)
    parts.acquisition.fit(known)
    lesson = Lesson(known, parts.acquisition, streams.numbers(0, 1, "test"), streams.tensors(0, 1, "test"))
    learnt = parts.learning.learn(parts.sampler, lesson)
    assert (learnt["outside"], learnt["learnt_from"]) == (0, len(keys))
    found = compare(target, exact_terminal(parts.sampler.policy.eval(), target.graph))
    assert len(keys) > 30
    assert found.tv < 0.03
