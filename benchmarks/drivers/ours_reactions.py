"""molgfn on reactions: what ``molgfn train reactions/textbook`` does with another library, with log and record."""

import task

given = task.arguments("--library", "--reactions")

import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402

import pytorch_lightning as pl  # noqa: E402

import molgfn  # noqa: E402
from molgfn.environments.reactions.nodes import REACT  # noqa: E402

meter = task.Meter(given.warm, given.iterations)


class Count(pl.Callback):
    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        meter.done(len(batch), int((batch.trajectories.actions[:, 0] >= REACT).sum()))


with tempfile.TemporaryDirectory() as folder:
    molgfn.train(
        "reactions/textbook",
        f"environment.library={Path(given.library) / 'data' / 'small'}",
        f"environment.max_reactions={given.reactions}",
        "oracle=qed",
        "reward=boltzmann",
        f"reward.beta={task.REACTION_BETA}",
        f"policy.width={task.REACTION_WIDTH}",
        f"data.batch_size={task.REACTION_BATCH}",
        f"optimizer.lr={task.REACTION_RATE}",
        *task.run_of_ours(given, folder),
        *given.settings,
        callbacks=[Count()],
    )
meter.report("molgfn", "torch", "rdkit")
