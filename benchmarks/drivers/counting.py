"""Meters a run of molgfn in each of its processes, which import this file."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytorch_lightning as pl
import task


class Count(pl.Callback):
    """Writes what this process did into ``folder`` when the run ends; ``total`` adds the processes up."""

    def __init__(self, meter: task.Meter, folder: str) -> None:
        self.meter, self.folder = meter, folder

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.meter.done(len(batch), int(batch.trajectories.terminal.n.sum()))

    def on_train_end(self, trainer, pl_module):
        plain = {name: value for name, value in asdict(self.meter).items() if name != "cpu"}  # a clock of this process
        Path(self.folder, f"meter-{trainer.global_rank}.json").write_text(json.dumps(plain))


def total(folder: str) -> task.Meter:
    """Of all processes: work and CPU time are added up, and the slowest says how long it took."""
    meters = [task.Meter(**json.loads(path.read_text())) for path in sorted(Path(folder).glob("meter-*.json"))]
    cpu = sum(meter.end[1] - meter.start[1] for meter in meters)
    slowest = max(meter.end[0] - meter.start[0] for meter in meters)
    return replace(
        meters[0],
        count=min(meter.count for meter in meters),
        trajectories=sum(meter.trajectories for meter in meters),
        size=sum(meter.size for meter in meters),
        start=(0.0, 0.0),
        end=(slowest, cpu),
    )
