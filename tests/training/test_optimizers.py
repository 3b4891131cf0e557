"""Algorithms of torch.optim by name, their arguments, and the course of the learning rates."""

import math

import pytest
import torch
from torch import nn

from molgfn.composing.compose import checked
from molgfn.config import build
from molgfn.errors import ConfigError
from molgfn.training.optimizers import Optimizers
from molgfn.training.schedules import Schedule


def groups():
    torch.manual_seed(0)
    shapes = {"forward": [(3, 2), (2,)], "backward": [(2, 2)], "flow": [(2,)], "log_z": [()]}
    return {name: [nn.Parameter(torch.randn(shape)) for shape in some] for name, some in shapes.items()}


def steps(optimizer, parameters, n):
    generator = torch.Generator().manual_seed(1)
    for _ in range(n):
        for p in parameters:
            p.grad = torch.randn(p.shape, generator=generator)
        optimizer.step()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("Adam", {"amsgrad": True}),
        ("AdamW", {"eps": 1e-6}),
        ("RAdam", {}),
        ("NAdam", {"momentum_decay": 0.01}),
        ("Adamax", {}),
        ("SGD", {"momentum": 0.9, "nesterov": True}),
        ("RMSprop", {"alpha": 0.9, "centered": True}),
        ("Adagrad", {"initial_accumulator_value": 0.1}),
        ("Adadelta", {"rho": 0.8}),
        ("ASGD", {}),
        ("Rprop", {"etas": [0.4, 1.1]}),
        ("Adafactor", {"d": 2.0}),
    ],
)
def test_the_steps_are_those_of_torch(name, arguments):
    ours, theirs = groups(), groups()
    decay = 0.01 if name != "Rprop" else 0.0
    settings = Optimizers(lr=1e-2, betas=None, algorithm=name, arguments=arguments, weight_decay=decay)
    optimizer, _ = settings.build(ours)
    assert type(optimizer) is getattr(torch.optim, name)
    given = {k: tuple(v) if isinstance(v, list) else v for k, v in arguments.items()}
    more = {"weight_decay": decay} if decay else {}
    rows = [{"params": p, "lr": 0.1 if k == "log_z" else 1e-2, **more} for k, p in theirs.items()]
    if decay:
        rows[-1]["weight_decay"] = 0.0  # not on log Z
    reference = getattr(torch.optim, name)(rows, foreach=False, **given)
    for which, optim in ((ours, optimizer), (theirs, reference)):
        steps(optim, [p for some in which.values() for p in some], 5)
    for a, b in zip((p for s in ours.values() for p in s), (p for s in theirs.values() for p in s), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("name", ["Adam", "AdamW", "SGD"])
def test_one_kernel_where_torch_has_one(name):
    betas = None if name == "SGD" else (0.8, 0.9)
    optimizer, _ = Optimizers(algorithm=name, betas=betas).build(groups())
    assert optimizer.defaults["fused"] is True
    assert optimizer.defaults.get("betas") == betas
    optimizer, _ = Optimizers(algorithm=name, betas=betas, arguments={"foreach": True}).build(groups())
    assert not optimizer.defaults["fused"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"algorithm": "adamw"}, "algorithm: torch.optim has no `adamw`; did you mean `AdamW`"),
        ({"algorithm": "Sophia"}, "algorithm: torch.optim has no `Sophia`; .*RMSprop"),
        (
            {"algorithm": "LBFGS", "betas": None},
            "algorithm: LBFGS cannot train a policy: it evaluates the loss several",
        ),
        ({"arguments": {"amsgard": True}}, r"arguments\.amsgard: .* did you mean `amsgrad`"),
        ({"arguments": {"momentum": 0.9}}, r"arguments\.momentum: torch\.optim\.Adam has no argument `momentum`"),
        ({"arguments": {"amsgrad": "perhaps"}}, r"arguments\.amsgrad: should be a valid boolean, .*'perhaps'"),
        ({"arguments": {"eps": -1.0}}, "arguments: Adam: Invalid epsilon value: -1.0"),
        ({"arguments": {"lr": 0.1}}, r"arguments\.lr: comes from lr, lr_backward"),
        ({"arguments": {"weight_decay": 0.1}}, r"arguments\.weight_decay: comes from weight_decay"),
        ({"arguments": {"betas": [0.9, 0.9]}}, "betas are given twice"),
        ({"betas": (0.9, 1.5)}, "arguments: Adam: Invalid beta parameter at index 1: 1.5"),
        ({"algorithm": "SGD"}, r"betas: torch\.optim\.SGD has none; set betas to null"),
        ({"algorithm": "Rprop", "betas": None, "weight_decay": 0.1}, r"weight_decay: torch\.optim\.Rprop has none"),
        ({"half_life": 10, "cosine": 10}, "half_life and cosine are two ways"),
        ({"cosine_end": 0.1}, "cosine_end is 0.1, but there is no cosine"),
    ],
)
def test_what_cannot_be_is_refused(arguments, says):
    with pytest.raises(ConfigError, match=says):
        Optimizers(**arguments)


def course(n, decay=1.0, **arguments):
    schedule = Schedule(**arguments)
    return [schedule.factor(i, decay) for i in range(n)]


def test_the_course_of_the_rates():
    assert course(4) == [1.0] * 4
    assert course(7, half_life=3)[::3] == pytest.approx([1.0, 0.5, 0.25])
    assert course(3, decay=0.5, half_life=1) == pytest.approx([1.0, 0.25, 0.0625])
    early, late = (1 + math.sqrt(0.5)) / 2, (1 - math.sqrt(0.5)) / 2
    assert course(6, cosine=4) == pytest.approx([1.0, early, 0.5, late, 0.0, 0.0])
    assert course(6, cosine=4, cosine_end=0.2)[2:] == pytest.approx([0.6, 0.2 + 0.8 * late, 0.2, 0.2])
    assert course(6, warm_up=4) == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0, 1.0])
    assert course(5, warm_up=2, half_life=1) == pytest.approx([0.5, 1.0, 1.0, 0.5, 0.25])
    assert course(5, warm_up=2, cosine=2) == pytest.approx([0.5, 1.0, 1.0, 0.5, 0.0])
    assert course(5, warm_up=2, decay=0.5) == pytest.approx([0.5, 1.0, 1.0, 0.5, 0.25])


def test_the_optimizer_follows_the_course():
    optimizer, schedule = Optimizers(lr=1e-2, lr_backward=2e-2, backward_decay=0.5, warm_up=2, cosine=4).build(groups())
    seen = []
    for _ in range(5):
        seen.append({g["name"]: g["lr"] for g in optimizer.param_groups})
        steps(optimizer, [], 1)
        schedule.step()
    factors = course(5, warm_up=2, cosine=4)
    assert [row["forward"] for row in seen] == pytest.approx([1e-2 * f for f in factors])
    assert [row["log_z"] for row in seen] == pytest.approx([0.1 * f for f in factors])
    assert seen[3]["backward"] == pytest.approx(2e-2 * factors[3] * 0.5)


def test_the_command_line_names_algorithms_and_their_arguments():
    composed = checked("quickstart", ["optimizer=adamw", "optimizer.arguments.eps=1e-6", "trainer.iterations=70"])
    assert composed["optimizer"]["arguments"] == {"eps": 1e-6, "amsgrad": False}
    composed = checked("quickstart", ["optimizer.arguments={amsgrad: true}", "optimizer.cosine=${trainer.iterations}"])
    assert composed["optimizer"]["arguments"] == {"amsgrad": True}
    assert composed["optimizer"]["cosine"] == composed["trainer"]["iterations"]
    composed = checked("quickstart", ["optimizer.algorithm=AdamW", "optimizer.weight_decay=0.01"])
    assert build(composed["optimizer"], Optimizers, "optimizer").algorithm.name == "AdamW"
    composed["optimizer"] = {**composed["optimizer"], "arguments": {"eps": 0.1, "amsgard": True}}
    with pytest.raises(ConfigError, match=r"optimizer.*arguments\.amsgard: .* did you mean `amsgrad`"):
        build(composed["optimizer"], Optimizers, "optimizer")
