"""Once more the iteration at which a run ended because losses or gradients were not finite."""

from __future__ import annotations

import logging
from pathlib import Path

import torch

from molgfn.api.own_files import own_files
from molgfn.errors import CheckpointError
from molgfn.experiment import assemble
from molgfn.paths import local
from molgfn.rewards.base import Scores
from molgfn.runs.checkpoint import KEY, PROCESSES, files_of, read
from molgfn.runs.not_finite import NAME
from molgfn.trajectories.plain import of_plain
from molgfn.trajectories.rewarded import Batch, Rewarded

logger = logging.getLogger("molgfn")


def reproduce(run: str | Path) -> dict[str, torch.Tensor]:
    """Take the last iteration of a run that ended because losses or gradients were not finite, from the same state.

    For a debugger, or for a look at ``not_finite.pt`` itself, which ``torch.load`` reads (``state`` has ``batch``,
    ``networks``, ``optimizer``; ``molgfn`` the config). Only for runs of your own: it builds what the config names.

    Of a run of several processes the file has the batch of all of them, which is taken by this process.

    Args:
        run: the run folder, or its ``not_finite.pt``.

    Returns:
        The metrics of the iteration, where here everything in it is finite.

    Raises:
        NotFiniteError: as in the run.
        CheckpointError: there is no such file, or it cannot be used.
    """
    place = local(run)
    path = place / NAME if place.is_dir() else place
    content = read(path)
    if not isinstance(state := content.get("state"), dict):
        raise CheckpointError(f"{path}: no {NAME} of a run: it has no `state`")
    if (processes := content[KEY].get(PROCESSES, 1)) > 1:
        logger.info(
            "%s: of a run of %d processes; this one takes the whole batch, those of the first process first. What P_B "
            "draws by itself, and the last digits, are not those of the run",
            path,
            processes,
        )
    experiment = assemble(own_files(content[KEY]["config"], files_of(content), path, None, {}, strict=True))
    learner, environment = experiment.learner(), experiment.environment
    precision = experiment.trainer.precision
    if precision == "64-true":
        for network in (*learner.networks.values(), *learner.frozen.values()):
            network.double()
    learner.restore(state)
    blank = environment.initial(1)
    batch, fresh = of_plain(state["batch"], blank), of_plain(state["fresh"], blank)
    nothing = Scores(torch.zeros(len(fresh), dtype=torch.float64), torch.full((len(fresh),), torch.nan))
    drawn = Batch(batch, Rewarded(fresh, environment.objects(fresh.terminal), nothing))
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16-mixed"):
        return learner.step(drawn)
