"""How long and on what a run trains."""

from __future__ import annotations

from typing import Annotated, Literal

import pytorch_lightning as pl
from pydantic import Field
from pytorch_lightning import callbacks as lightning

from molgfn.errors import ConfigError
from molgfn.paths import InputFile
from molgfn.training.limits import Limits

Count = Annotated[int, Field(ge=1)]
Precision = Literal["32-true", "64-true", "bf16-mixed", "bf16-products"]
Profiler = Literal["simple", "advanced", "pytorch"]
StrategyName = Literal["auto", "gloo", "nccl"]
#: callbacks of Lightning for what a run does by itself -> the setting that says how
_OWN: dict[type[pl.Callback], str] = {
    lightning.Checkpoint: "a run keeps its checkpoints itself (trainer.checkpoint_every)",
    lightning.ProgressBar: "a run shows its progress itself (trainer.progress)",
    lightning.WeightAveraging: "a run averages weights itself (optimizer.ema_decay)",
}


class TrainerSettings:
    """Length, device and rhythm of a run.

    Args:
        iterations: batches to train on.
        accelerator: device kind, as Lightning names it.
        devices: devices of a machine, each with a process of its own that draws its share of every batch; "auto": the
            GPUs of the machine, or the processes that a launcher started; None is one.
        nodes: machines; their processes are started by torchrun or srun. "auto": as many as the launcher says; None is
            one.
        strategy: how the processes talk: "gloo", or "nccl" between CUDA devices; "auto" and None take what goes with
            the device.
        precision: floating-point precision, as Lightning names it; or "bf16-products": only the matrix products in the
            trunk of a graph transformer in bfloat16, for CPUs with units for it (AMX) and large batches.
        threads: intra-op threads of torch on a CPU; None leaves torch's choice.
        log_every: iterations between rows of metrics.csv.
        checkpoint_every: iterations between checkpoints (one is also written at the end and when interrupted).
        checkpoint_minutes: and at the latest after so many minutes; null goes by iterations alone.
        pictures_every: iterations between pictures of the best molecules so far.
        exact_every: iterations between exact measurements of P_T against R/Z, in spaces that can be listed; a multiple
            of ``log_every``; of the weights that train, not of their average; None for none.
        init_from: a checkpoint or run folder whose weights the policy starts from, such as those of a pre-training;
            of the same environment and policy. Log Z starts anew. None starts from random weights.
        progress: show progress: "auto" draws a live display on a terminal and prints a line now and then elsewhere.
        give_up: iterations in a row with a step that could not be taken, because a loss or its gradient was not finite,
            after which the run ends with what reproduces it in ``not_finite.pt`` (``molgfn.reproduce``); the weights
            stay as they were. 1 ends it at the first.
        requeue: in a SLURM job: after SIGUSR1 (``sbatch --signal=USR1@120``) put the job back into the queue, and go on
            with its run when it starts again; None does neither.
        freeze: what of the networks does not train: parameter groups (forward, backward, flow, log_z, or a further
            network of the objective), parameters or modules by name, or patterns of names (``encoder.*``).
        callbacks: Lightning callbacks; what one writes into ``pl_module.row`` becomes a column of metrics.csv.
        profiler: Lightning's profiler, whose report goes to ``profile`` in the run folder; None for none.
        reward_calls: objects scored, each time that they are, after which the run ends, with the iteration that reaches
            them; None for no limit. ``scoring.budget`` counts different objects.
        gradient_steps: steps of the optimizer after which it ends likewise; None for no limit.
        seconds: of training, what is measured on the way included, after which it ends likewise; None for no limit.
        keep_rollout: the first gradient step on a batch takes what the trunk of the policy computed in the rollout,
            instead of computing it again: the same numbers but for rounding. Where one rollout draws the whole batch,
            the policy records (a graph transformer, on a CPU), and nothing has trained in between; elsewhere all is
            computed again. True refuses a run where it cannot be, None and False do not; False never does it.

    Raises:
        ConfigError: ``exact_every`` is between rows of metrics, or a callback does what the run itself does.
    """

    def __init__(
        self,
        *,
        iterations: Count = 1000,
        accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps"] = "auto",
        precision: Precision = "32-true",
        threads: Count | None = None,
        log_every: Count = 10,
        checkpoint_every: Count = 500,
        checkpoint_minutes: Annotated[float, Field(gt=0)] | None = 10.0,
        pictures_every: Count = 500,
        exact_every: Count | None = None,
        init_from: InputFile | None = None,
        progress: Literal["auto", "live", "lines", "none"] = "auto",
        give_up: Count = 10,
        requeue: bool | None = None,
        freeze: list[str] | None = None,
        callbacks: list[pl.Callback] | None = None,
        profiler: Profiler | None = None,
        devices: Count | Literal["auto"] | None = None,
        nodes: Count | Literal["auto"] | None = None,
        strategy: StrategyName | None = None,
        keep_rollout: bool | None = None,
        reward_calls: Count | None = None,
        gradient_steps: Count | None = None,
        seconds: Annotated[float, Field(gt=0)] | None = None,
    ) -> None:
        if exact_every is not None and exact_every % log_every:
            raise ConfigError(f"exact_every ({exact_every}) should be a multiple of log_every ({log_every})")
        for callback in callbacks or []:
            require_place(callback)
        self.iterations = iterations
        self.accelerator = accelerator
        self.precision: Precision = precision
        self.threads = threads
        self.log_every = log_every
        self.checkpoint_every = checkpoint_every
        self.checkpoint_minutes = checkpoint_minutes
        self.pictures_every = pictures_every
        self.exact_every = exact_every
        self.init_from = init_from
        self.progress = progress
        self.give_up = give_up
        self.requeue = bool(requeue)
        self.freeze = freeze or []
        self.callbacks = callbacks or []
        self.profiler: Profiler | None = profiler
        self.devices: int | Literal["auto"] = devices or 1
        self.nodes: int | Literal["auto"] = nodes or 1
        self.strategy: StrategyName = strategy or "auto"
        self.keep_rollout = keep_rollout
        self.limits = Limits(reward_calls, gradient_steps, seconds)

    def require_device(self, processes: int = 1) -> None:
        """Refuse a device that is not here, before there is a run folder.

        Args:
            processes: of this machine, each with a device of its own.

        Raises:
            ConfigError: saying what is missing.
        """
        import torch

        missing = {
            "gpu": not (torch.cuda.is_available() or torch.backends.mps.is_available()),
            "cuda": not torch.cuda.is_available(),
            "mps": not torch.backends.mps.is_available(),
        }
        if missing.get(self.accelerator, False):
            raise ConfigError(
                f"trainer.accelerator={self.accelerator}: torch sees no such device here; use auto or cpu, or install "
                "a torch that is built for the device"
            )
        if processes > 1 and self.on_cuda and (there := torch.cuda.device_count()) < processes:
            raise ConfigError(
                f"trainer.devices: {processes} processes of this machine need a GPU each, but torch sees {there}; "
                "lower trainer.devices"
            )
        if processes > 1 and not self.on_cuda and self.accelerator not in {"auto", "cpu"}:
            raise ConfigError(
                f"trainer.devices: several processes go with CUDA devices or with accelerator=cpu, not with "
                f"accelerator={self.accelerator} on this machine"
            )

    @property
    def on_cuda(self) -> bool:
        """Whether the run trains on CUDA devices of this machine."""
        import torch

        return self.accelerator in {"auto", "gpu", "cuda"} and torch.cuda.is_available()

    @property
    def backend(self) -> Literal["gloo", "nccl"]:
        """What ``strategy`` comes to here.

        Raises:
            ConfigError: nccl without CUDA devices.
        """
        if self.strategy == "nccl" and not self.on_cuda:
            raise ConfigError("trainer.strategy=nccl: that is for CUDA devices, and there are none here; use auto")
        if self.strategy == "auto":
            return "nccl" if self.on_cuda else "gloo"
        return self.strategy


def require_place(callback: pl.Callback) -> None:
    """Refuse a callback for what a run does by itself.

    Raises:
        ConfigError: saying which setting is meant.
    """
    for kind, reason in _OWN.items():
        if isinstance(callback, kind):
            raise ConfigError(f"callbacks: {type(callback).__name__} has no place here: {reason}")
