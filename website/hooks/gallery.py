"""The reports of the gallery: the runs on its page, made when the site is built.

They take a minute, so what was made is kept in build/gallery and taken again until a source or the page changes.
``python gallery.py`` makes them; the build calls that, so that a run has a process of its own.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import repository

PAGE = repository.ROOT / "docs" / "gallery.md"
KEPT = repository.ROOT / "build" / "gallery"
#: what every run of the gallery is given beside its command
TRAINED = ("logger.wandb=off", "trainer.progress=none", "trainer.accelerator=cpu", "evaluation.log_pt_objects=24")
SAMPLES = 120
TITLE = re.compile(r"^\| ([A-Z][\w ]+) \|", re.MULTILINE)


class NoReport(RuntimeError):
    """A run of the gallery failed."""


def commands() -> dict[str, list[str]]:
    """Title on the page -> the words of the command that trains it."""
    text = PAGE.read_text(encoding="utf-8")
    (block,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    made = [shlex.split(line) for line in block.replace("\\\n", " ").splitlines()]
    return dict(zip(TITLE.findall(text), made, strict=True))


def name(words: list[str]) -> str:
    """What a run is called: its report's file has the same name."""
    return next(word for word in words if word.startswith("name=")).removeprefix("name=")


def reports() -> dict[str, Path]:
    """Address on the site -> file, of every report."""
    stamp = KEPT / "made_from.txt"
    source = _source()
    if not stamp.is_file() or stamp.read_text() != source:
        path = os.pathsep.join([str(repository.ROOT / "src"), os.environ.get("PYTHONPATH", "")])
        environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
        done = subprocess.run(
            [sys.executable, __file__],
            cwd=repository.ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise NoReport(done.stderr.strip()[-2000:])
        stamp.write_text(source)
    return {f"gallery/{n}.html": KEPT / f"{n}.html" for n in map(name, commands().values())}


def linked(text: str) -> str:
    """The page with the titles of its table as links to the reports."""
    for title, words in commands().items():
        text = text.replace(f"| {title} |", f"| [{title}](gallery/{name(words)}.html) |")
    return text


def make() -> None:
    """Train, evaluate, keep the reports."""
    import molgfn

    KEPT.mkdir(parents=True, exist_ok=True)
    for _, command, experiment, *overrides in commands().values():
        assert command == "train"
        with tempfile.TemporaryDirectory() as folder:
            run = molgfn.train(experiment, *overrides, *TRAINED, f"output={folder}")
            report = molgfn.evaluate(run, samples=SAMPLES).report
            shutil.copy(report, KEPT / f"{name(overrides)}.html")


def _source() -> str:
    """A hash of all that the reports are made from."""
    tops = [repository.ROOT / top for top in ("src", "configs", "experiments")]
    files = [
        PAGE,
        *sorted(
            path for top in tops for path in top.rglob("*") if path.suffix in (".py", ".yaml", ".html", ".css", ".js")
        ),
    ]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


if __name__ == "__main__":
    make()
