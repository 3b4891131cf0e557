"""RxnFlow on reactions: its own trainer, its own files made of the library by its own script.

Ways back are looked for in a process of its own, whose CPU time counts. torch-scatter, which has to be compiled, is
stood in for by torch-geometric where it is not installed: it sums a few thousand numbers once an iteration.
"""

import task

given = task.arguments("--checkout", "--library", "--reactions")

import os  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from functools import partial  # noqa: E402
from importlib.util import find_spec  # noqa: E402
from pathlib import Path  # noqa: E402
from types import ModuleType  # noqa: E402

sys.path[:0] = [str(Path(given.checkout) / "src"), str(Path(given.checkout) / "data" / "scripts")]
os.environ["WANDB_MODE"] = "disabled"

import torch  # noqa: E402

if find_spec("torch_scatter") is None:
    from torch_geometric.utils import scatter

    sys.modules["torch_scatter"] = stand_in = ModuleType("torch_scatter")
    stand_in.scatter = scatter
    stand_in.scatter_sum = stand_in.scatter_add = partial(scatter, reduce="sum")

    def scatter_max(src, index, dim=0, dim_size=None):
        return scatter(src, index, dim, dim_size, "max"), None  # who asks for the places fails

    stand_in.scatter_max = scatter_max

from _b_smi_to_env import get_block_data  # noqa: E402
from rxnflow.config import Config, init_empty  # noqa: E402
from rxnflow.envs.action import RxnActionType  # noqa: E402
from rxnflow.tasks.qed import QEDTrainer  # noqa: E402

torch.set_num_threads(given.threads)
REACTIONS = RxnActionType.UniRxn, RxnActionType.BiRxn


def cpu() -> float:
    """Seconds of this process and of its workers."""
    workers = trainer.env.retro_analyzer.pool._processes  # of a pool of the standard library, which does not tell
    return time.process_time() + sum(_seconds(pid) for pid in workers)


def _seconds(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


class Count:
    """A hook of its sampler, called once a batch, which is between two iterations."""

    def __call__(self, trajs, rewards, obj_props, cond_info):
        meter.done(len(trajs), sum(action.action in REACTIONS for t in trajs for _, action in t["traj"]))
        return {}


def files(folder: Path) -> str:
    """What it reads, of a library with SCENT's two files."""
    library = Path(given.library) / "data" / "small"
    blocks = (library / "fragments.txt").read_text().split()
    templates = (library / "templates.txt").read_text().splitlines()
    (folder / "blocks.smi").write_text("".join(f"{smiles}\tb{i}\n" for i, smiles in enumerate(blocks)))
    (folder / "templates.txt").write_text("".join(line.replace(" ", "") + "\n" for line in templates if line.strip()))
    get_block_data(str(folder / "blocks.smi"), str(folder / "templates.txt"), str(folder / "environment"), 1)
    return str(folder / "environment")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        config = init_empty(Config())
        config.log_dir = str(Path(place) / "log")
        config.env_dir = files(Path(place))
        config.device = "cpu"
        config.seed = given.seed
        config.print_every = 1_000_000
        config.validate_every = 0
        config.num_final_gen_steps = 0
        config.num_training_steps = given.warm + given.iterations
        config.num_workers_retrosynthesis = 1
        config.algo.max_len = int(given.reactions) + 1
        config.algo.num_from_policy = task.REACTION_BATCH
        config.algo.action_subsampling.sampling_ratio = 1.0
        config.model.num_emb = task.REACTION_WIDTH
        config.opt.learning_rate = task.REACTION_RATE
        config.cond.temperature.sample_dist = "constant"
        config.cond.temperature.dist_params = [task.REACTION_BETA]
        trainer = QEDTrainer(config)
        meter = task.Meter(given.warm, given.iterations, cpu=cpu)
        trainer.sampling_hooks.append(Count())
        trainer.run()
        trainer.terminate()
    meter.report("torch", "torch-geometric", "rdkit")
