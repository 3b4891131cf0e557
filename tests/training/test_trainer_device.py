"""A device that is not here is refused before anything is made."""

import pytest
import torch

from molgfn.errors import ConfigError
from molgfn.training.trainer import TrainerSettings


@pytest.mark.parametrize("accelerator", ["gpu", "cuda", "mps"])
def test_a_device_that_is_not_here_is_refused(accelerator, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ConfigError, match=f"trainer.accelerator={accelerator}: torch sees no such device"):
        TrainerSettings(accelerator=accelerator).require_device()
    for usable in ("auto", "cpu"):
        TrainerSettings(accelerator=usable).require_device()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    TrainerSettings(accelerator="gpu").require_device()
