"""A run, from its config to its last checkpoint: assembled and checked (``assembling``), then trained (``running``)."""

from molgfn.compatibility import unused_scalarisation
from molgfn.experiment.assembling import (
    Experiment,
    assemble,
    misfits,
    readings_of,
    reward_of,
)
from molgfn.experiment.running import Run, train

__all__ = ["Experiment", "Run", "assemble", "misfits", "readings_of", "reward_of", "train", "unused_scalarisation"]
