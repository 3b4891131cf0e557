"""RGFN, or SCENT, on reactions: the trainer of koziarskilab/SCENT, which holds both, without metrics and log."""

import task

given = task.arguments("--checkout", "--config", "--reactions")

import os  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402

os.chdir(given.checkout)  # its configurations name files from here
sys.path.insert(0, given.checkout)

import gin  # noqa: E402
import torch  # noqa: E402
from rgfn.trainer.logger.dummy_logger import DummyLogger  # noqa: E402
from rgfn.trainer.metrics.metric_base import MetricsBase, MetricsList  # noqa: E402
from rgfn.trainer.trainer import Trainer  # noqa: E402
from rgfn.utils.helpers import seed_everything  # noqa: E402

torch.set_num_threads(given.threads)
seed_everything(given.seed)
meter = task.Meter(given.warm, given.iterations)


class Count(MetricsBase):
    """Called once an iteration, after the step of the optimizer."""

    def compute_metrics(self, trajectories_container):
        drawn = trajectories_container.forward_trajectories
        states = drawn.get_last_states_flat()
        meter.done(len(states), sum(getattr(state, "num_reactions", 0) for state in states))
        return {}


@gin.configurable
class Silent(DummyLogger):
    """Theirs that logs nothing lacks a method that its trainer calls."""

    def log_files(self, *given, **named):
        pass


with tempfile.TemporaryDirectory() as folder:
    settings = {
        "user_root_dir": f"'{folder}'",
        "run_name": "'benchmark'",
        "max_num_reactions": given.reactions,
        "hidden_dim": task.REACTION_WIDTH,
        "beta": task.REACTION_BETA,
        "TrajectoryBalanceOptimizer.lr": task.REACTION_RATE,
        "Trainer.device": "'cpu'",
        "Trainer.logger": "@Silent()",
        "Trainer.n_iterations": given.warm + given.iterations + 1,  # after its last one it writes and validates
        "Trainer.train_forward_n_trajectories": task.REACTION_BATCH,
        "Trainer.train_replay_buffer": "None",
        "Trainer.train_replay_n_trajectories": 0,
        "Trainer.train_metrics": "()",
        "Trainer.valid_metrics": "()",
        "Trainer.valid_sampler": "None",
    }
    gin.parse_config_files_and_bindings([f"configs/{given.config}.gin"], [f"{k} = {v}" for k, v in settings.items()])
    trainer = Trainer()
    trainer.train_metrics = MetricsList([Count()])
    trainer.train()
meter.report("torch", "torch-geometric", "rdkit")
