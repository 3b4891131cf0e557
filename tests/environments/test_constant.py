"""A table that is made once for each device and type."""

import torch

from molgfn.environments.constant import Constant

CPU = torch.device("cpu")


def test_one_copy_for_each_type():
    table = Constant(torch.eye(3))
    assert table.on(CPU, torch.float64) is table.on(CPU, torch.float64)
    assert table.on(CPU, torch.int64).dtype == torch.int64
    assert torch.equal(table.on(CPU, torch.float64), torch.eye(3, dtype=torch.float64))


def test_whoever_asks_first_it_is_for_all():
    table = Constant(torch.eye(3))
    with torch.inference_mode():
        table.on(CPU, torch.float64)
    assert not table.on(CPU, torch.float64).is_inference()
