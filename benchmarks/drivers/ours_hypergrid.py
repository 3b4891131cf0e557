"""molgfn on the hypergrid: what ``molgfn train hypergrid/tb`` does, with log, record and checkpoint."""

import task

given = task.arguments()

import tempfile  # noqa: E402

import pytorch_lightning as pl  # noqa: E402

import molgfn  # noqa: E402

meter = task.Meter(given.warm, given.iterations)


class Count(pl.Callback):
    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        meter.done(len(batch), int(batch.trajectories.lengths.sum()))


r0, r1, r2 = task.REWARD
with tempfile.TemporaryDirectory() as folder:
    molgfn.train(
        "hypergrid/tb",
        f"environment.dimensions={task.DIMENSIONS}",
        f"environment.side={task.SIDE}",
        f"oracle.r0={r0}",
        f"oracle.r1={r1}",
        f"oracle.r2={r2}",
        f"policy.hidden={task.HIDDEN}",
        f"policy.layers={task.LAYERS}",
        f"data.batch_size={task.GRID_BATCH}",
        f"optimizer.lr={task.GRID_RATE}",
        f"optimizer.lr_log_z={task.LOG_Z_RATE}",
        *task.run_of_ours(given, folder),
        *given.settings,
        callbacks=[Count()],
    )
meter.report("molgfn", "torch", "pytorch-lightning")
