"""molgfn on sEH fragments: what ``molgfn train seh`` does, with proxy, log, record and checkpoint."""

import task

given = task.arguments("--vocabulary", "--weights")

import tempfile  # noqa: E402

import pytorch_lightning as pl  # noqa: E402

import molgfn  # noqa: E402

meter = task.Meter(given.warm, given.iterations)


class Count(pl.Callback):
    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        meter.done(len(batch), int(batch.trajectories.terminal.n.sum()))


with tempfile.TemporaryDirectory() as folder:
    molgfn.train(
        "seh",
        f"environment.vocabulary={given.vocabulary}",
        f"environment.max_fragments={task.FRAGMENTS}",
        f"oracle.weights={given.weights}",
        f"reward.beta={task.BETA}",
        f"policy.width={task.WIDTH}",
        f"policy.layers={task.TRUNK}",
        f"data.batch_size={task.FRAGMENT_BATCH}",
        f"optimizer.lr={task.FRAGMENT_RATE}",
        *task.run_of_ours(given, folder),
        callbacks=[Count()],
    )
meter.report("molgfn", "torch", "rdkit")
