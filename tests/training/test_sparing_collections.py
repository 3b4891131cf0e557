"""Within training the garbage collector passes over what was there before, and no longer."""

import gc

import pytest
import pytorch_lightning as pl

import molgfn
from molgfn.training.memory import sparing_collections


def test_what_is_there_is_passed_over_and_given_back():
    with sparing_collections():
        assert gc.get_freeze_count() > 1000
    assert gc.get_freeze_count() == 0

    def fail():
        with sparing_collections():
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert gc.get_freeze_count() == 0


def test_a_run_trains_so_and_leaves_nothing_frozen(tmp_path):
    counts = []

    class Count(pl.Callback):
        def on_train_batch_end(self, *_):
            counts.append(gc.get_freeze_count())

    molgfn.train("hypergrid/tb", "trainer.iterations=1", "logger.wandb=off", f"output={tmp_path}", callbacks=[Count()])
    assert counts[0] > 1000
    assert gc.get_freeze_count() == 0
