"""molgfn: molecular generation with GFlowNets, as a PyTorch Lightning experiment framework.

    run = molgfn.train("quickstart", "trainer.iterations=200")
    samples = molgfn.sample(run, 100)

``compose`` makes a config, ``train`` and ``resume`` a run; ``load``, ``sample``, ``evaluate`` and ``history`` take one;
``combine`` makes one sampler of several runs; ``entropy``, ``mutual_information``, ``free_energy``, ``marginal`` and
``complete`` say more of one; ``optimise`` finds the best objects with few oracle calls, ``resume_optimisation`` goes on
with that; ``edit`` changes given objects a little; ``score`` gives values of molecules, ``draw`` shows them;
``reproduce`` is for a run that ended because something was not finite; ``errors`` has what they raise. Each is imported
when it is first asked for, so that ``import molgfn`` itself takes no time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:  # for type checkers and editors; a test compares it with what follows
    from molgfn import errors as errors
    from molgfn.api.composed import Composed as Composed
    from molgfn.api.composed import combine as combine
    from molgfn.api.editing import Edits as Edits
    from molgfn.api.editing import edit as edit
    from molgfn.api.evaluating import Evaluated as Evaluated
    from molgfn.api.evaluating import evaluate as evaluate
    from molgfn.api.foundations import complete as complete
    from molgfn.api.foundations import entropy as entropy
    from molgfn.api.foundations import free_energy as free_energy
    from molgfn.api.foundations import marginal as marginal
    from molgfn.api.foundations import mutual_information as mutual_information
    from molgfn.api.optimising import optimise as optimise
    from molgfn.api.optimising import resume_optimisation as resume_optimisation
    from molgfn.api.pictures import Picture as Picture
    from molgfn.api.pictures import draw as draw
    from molgfn.api.reproducing import reproduce as reproduce
    from molgfn.api.runs import Loaded as Loaded
    from molgfn.api.runs import Run as Run
    from molgfn.api.runs import history as history
    from molgfn.api.runs import load as load
    from molgfn.api.sampled import Sampled as Sampled
    from molgfn.api.sampling import sample as sample
    from molgfn.api.scoring import score as score
    from molgfn.api.training import compose as compose
    from molgfn.api.training import resume as resume
    from molgfn.api.training import train as train

#: name -> the module that has it
_PLACES = {
    "combine": "molgfn.api.composed",
    "complete": "molgfn.api.foundations",
    "compose": "molgfn.api.training",
    "draw": "molgfn.api.pictures",
    "edit": "molgfn.api.editing",
    "entropy": "molgfn.api.foundations",
    "evaluate": "molgfn.api.evaluating",
    "free_energy": "molgfn.api.foundations",
    "history": "molgfn.api.runs",
    "load": "molgfn.api.runs",
    "marginal": "molgfn.api.foundations",
    "mutual_information": "molgfn.api.foundations",
    "optimise": "molgfn.api.optimising",
    "reproduce": "molgfn.api.reproducing",
    "resume": "molgfn.api.training",
    "resume_optimisation": "molgfn.api.optimising",
    "sample": "molgfn.api.sampling",
    "score": "molgfn.api.scoring",
    "train": "molgfn.api.training",
    "Composed": "molgfn.api.composed",
    "Edits": "molgfn.api.editing",
    "Evaluated": "molgfn.api.evaluating",
    "Loaded": "molgfn.api.runs",
    "Picture": "molgfn.api.pictures",
    "Run": "molgfn.api.runs",
    "Sampled": "molgfn.api.sampled",
}
__all__ = [
    "Composed",
    "Edits",
    "Evaluated",
    "Loaded",
    "Picture",
    "Run",
    "Sampled",
    "__version__",
    "combine",
    "complete",
    "compose",
    "draw",
    "edit",
    "entropy",
    "errors",
    "evaluate",
    "free_energy",
    "history",
    "load",
    "marginal",
    "mutual_information",
    "optimise",
    "reproduce",
    "resume",
    "resume_optimisation",
    "sample",
    "score",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'molgfn' has no attribute {name!r}")
    import importlib

    if name not in _PLACES:
        return importlib.import_module(f"molgfn.{name}")
    found = getattr(importlib.import_module(_PLACES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
