"""Examples for people, run at the size of a test."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import molgfn
from molgfn.proxies.fitting import fit
from molgfn.proxies.table import read_property
from molgfn.proxies.training import FitSettings

#: objects that are sampled and measured
MOST = 30
#: what makes any run of molecules small
SMALL = (
    "trainer.iterations=3",
    "trainer.log_every=1",
    "trainer.accelerator=cpu",
    "trainer.progress=none",
    "data.batch_size=8",
    "policy.width=16",
    "policy.layers=1",
    "logger.wandb=off",
    "evaluation.log_pt_objects=2",
    "evaluation.log_pt_samples=2",
)


def small(function: Callable[..., Any]) -> Callable[..., Any]:
    """``molgfn.train`` or ``molgfn.resume`` with few iterations of small batches, whatever the example asks for."""

    def smaller(first: Any, *overrides: str, **options: Any) -> Any:
        wanted = [o for o in overrides if re.fullmatch(r"trainer\.iterations=\d+", o) is None]
        made = SMALL if function.__name__ == "train" else ("trainer.iterations=5",)
        return function(first, *made, *wanted, **options)

    return smaller


def few(function: Callable[..., Any]) -> Callable[..., Any]:
    """``molgfn.sample`` of at most ``MOST`` objects."""

    def fewer(run: Any, number: int = 100, **options: Any) -> Any:
        return function(run, min(number, MOST), **options)

    return fewer


def make_small(monkeypatch: Any) -> None:
    """Have ``molgfn`` make small runs, and sample and measure few objects."""
    for name in ("train", "resume"):
        monkeypatch.setattr(molgfn, name, small(getattr(molgfn, name)))
    monkeypatch.setattr(molgfn, "sample", few(molgfn.sample))
    evaluate = molgfn.evaluate
    monkeypatch.setattr(molgfn, "evaluate", lambda run, **options: evaluate(run, **options | {"samples": MOST}))


def small_proxy(folder: Path) -> Path:
    """A proxy for the number of atoms in chains, hardly trained, in a file in ``folder``."""
    (folder / "atoms.csv").write_text("smiles,atoms\n" + "".join(f"{'C' * n},{n}\n" for n in range(1, 31)))
    settings = FitSettings(members=3, width=8, layers=2, epochs=2, batch=8)
    path = folder / "proxy.pt"
    fit(read_property(folder / "atoms.csv", "atoms"), settings, direction="minimise", units="atoms").save(path)
    return path


def small_classifier(folder: Path) -> Path:
    """A classifier of chains that end in oxygen, hardly trained, in a file in ``folder``."""
    rows = [(f"{'C' * n}{end}", int(end == "O")) for end in ("", "O") for n in range(1, 16)]
    (folder / "alcohols.csv").write_text("smiles,alcohol\n" + "".join(f"{s},{label}\n" for s, label in rows))
    settings = FitSettings(members=3, width=8, layers=2, epochs=2, batch=8)
    path = folder / "classifier.pt"
    fit(read_property(folder / "alcohols.csv", "alcohol", task="classification"), settings).save(path)
    return path
