"""recursionpharma/gflownet on sEH fragments: its own trainer, with its record of all molecules."""

import task

given = task.arguments("--checkout", "--weights")

import functools  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402

sys.path.insert(0, str(Path(given.checkout) / "src"))

import torch  # noqa: E402
from gflownet.config import Config, init_empty  # noqa: E402
from gflownet.models import bengio2021flow  # noqa: E402
from gflownet.tasks.seh_frag import SEHFragTrainer  # noqa: E402

torch.set_num_threads(given.threads)
bengio2021flow.load_original_model = functools.partial(
    bengio2021flow.load_original_model, location=Path(given.weights)
)  # a file instead of a download
meter = task.Meter(given.warm, given.iterations)


class Count:
    """A hook of its sampler, called once a batch, which is between two iterations."""

    def __call__(self, trajs, rewards, flat_rewards, extra_info):
        meter.done(len(trajs), sum(len(t["result"].nodes) for t in trajs))
        return {}


with tempfile.TemporaryDirectory() as folder:
    config = init_empty(Config())
    config.log_dir = folder
    config.device = "cpu"
    config.overwrite_existing_exp = True
    config.seed = given.seed
    config.num_workers = 0
    config.print_every = 1_000_000
    config.validate_every = 0
    config.num_final_gen_steps = 0
    config.num_training_steps = given.warm + given.iterations
    config.algo.num_from_policy = task.FRAGMENT_BATCH
    config.algo.max_nodes = task.FRAGMENTS
    config.model.num_emb = task.WIDTH
    config.model.num_layers = task.TRUNK
    config.opt.learning_rate = task.FRAGMENT_RATE
    config.cond.temperature.sample_dist = "constant"
    config.cond.temperature.dist_params = [task.BETA]
    trainer = SEHFragTrainer(config, print_config=False)
    trainer.sampling_hooks.append(Count())
    trainer.run()
meter.report("torch", "torch-geometric", "rdkit")
