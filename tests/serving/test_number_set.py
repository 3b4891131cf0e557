"""The set of numbers does what a set does, and takes little memory."""

import random
import tracemalloc

import torch

from molgfn.serving.number_set import NumberSet


def test_it_is_a_set():
    chance, reference, ours = random.Random(0), set(), NumberSet()
    ends = [-(2**63), 2**63 - 1, 0, -1]
    for number in [*ends, *(chance.randrange(-(2**63), 2**63) for _ in range(5000)), *range(-50, 50)]:
        for _ in range(chance.randint(1, 2)):
            ours.add(number)
            reference.add(number)
        assert number in ours
        assert len(ours) == len(reference)
    assert all((number in ours) == (number in reference) for number in range(-100, 100))
    assert all(number in ours for number in reference)
    assert ours.tensor().tolist() == sorted(reference)
    again = NumberSet(ours.tensor())
    assert again.tensor().equal(ours.tensor())
    assert NumberSet(torch.tensor([3, 3, 1])).tensor().tolist() == [1, 3]
    assert len(NumberSet()) == len(NumberSet().tensor()) == 0


def test_it_takes_little_memory():
    chance = random.Random(0)
    numbers = [chance.randrange(2**63) for _ in range(30_000)]
    sizes = []
    for kind in (NumberSet, set):
        tracemalloc.start()
        held = kind()
        for number in numbers:
            held.add(int(str(number)))  # a number of its own
        sizes.append(tracemalloc.get_traced_memory()[0] / len(held))
        tracemalloc.stop()
    assert sizes[0] < 24
    assert sizes[0] < sizes[1] / 3
