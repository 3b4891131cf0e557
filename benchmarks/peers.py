"""molgfn beside other GFlowNet libraries, on the same work, in turn: python benchmarks/peers.py [--rounds 3] ...

Hypergrid 20^4 (trajectory balance, batch 16, MLP 2 x 256) against gfnx and torchgfn, which are installed from a package
index, each into an environment of its own below --cache; sEH fragments (72 fragments, at most 9, trunk 4 x 128, batch
64, with the proxy) against recursionpharma/gflownet, which is on no index: --recursion names a checkout, and --python
an environment that has what its pyproject.toml asks for; reactions of SCENT's small library (batch 64, QED) against
RGFN, SCENT and RxnFlow, of which --scent and --rxnflow name checkouts, whose requirements are installed with the torch
of a package index in place of theirs. Each measurement is a process of its own that is held to so
many cores and trains some iterations before the clock starts; in each round all libraries take their turn, ours first
and then the others. A ratio is ours over theirs in one round, the median over the rounds, and it is given by the clock
and by CPU time, which other processes on the machine disturb less. Beside it stands the size of what was made
(transitions of a trajectory, fragments of a molecule): who makes smaller objects has less to do.

    python benchmarks/peers.py --rounds 3 --threads 1 2
    python benchmarks/peers.py --peers recursion --recursion ../gflownet --python recursion=../env/bin/python \\
        --vocabulary fragments.json --weights best_params.pkl.gz --settings trainer.precision=bf16-products

    python benchmarks/peers.py --scent ../SCENT --rxnflow ../RxnFlow --peers rgfn scent rxnflow --rounds 5

What the drivers do is in ``benchmarks/drivers``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

DRIVERS = Path(__file__).parent / "drivers"


@dataclass(frozen=True)
class Task:
    """What all libraries do.

    Attributes:
        title: of its table.
        ours: the driver of molgfn.
        unit: what the size of an object is counted in.
        iterations, warm: of a measurement, and before it.
        files: options of the command line that our driver takes -> what the driver calls them.
    """

    title: str
    ours: str
    unit: str
    iterations: int
    warm: int
    files: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Peer:
    """Another library.

    Attributes:
        task: what it is compared on.
        driver: file in ``drivers``.
        requirements: what pip installs for it; empty where it wants an environment that is there.
        options: options of the command line that its driver takes -> what the driver calls them.
        words: further words of its driver.
        checkouts: options that it cannot do without.
        environment: name of its environment; None: its own.
    """

    task: str
    driver: str
    requirements: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    words: tuple[str, ...] = ()
    checkouts: tuple[str, ...] = ()
    environment: str | None = None


_SCENT = partial(
    Peer,
    "reactions",
    "scent_reactions.py",
    (
        *("torch==2.13.0", "torch-geometric==2.5.3", "torchmetrics==1.2.0", "gin-config==0.5.0", "numpy==1.26.4"),
        *("more-itertools==10.1.0", "pandas==2.1.4", "rdkit==2023.9.5", "openpyxl==3.1.4", "wurlitzer==3.1.0"),
        *("wandb", "tqdm", "typing-extensions", "requests"),
    ),
    options=(("scent", "checkout"), ("reactions", "reactions")),
    checkouts=("scent",),
    environment="scent",
)
TASKS = {
    "hypergrid": Task(
        "hypergrid 20^4, trajectory balance, batch 16, MLP 2 x 256, uniform P_B",
        "ours_hypergrid.py",
        "transition",
        iterations=200,
        warm=100,
    ),
    "fragments": Task(
        "sEH fragments (72, at most 9), trajectory balance, batch 64, trunk 4 x 128, with the proxy",
        "ours_fragments.py",
        "fragment",
        iterations=10,
        warm=2,
        files=(("vocabulary", "vocabulary"), ("weights", "weights")),
    ),
    "reactions": Task(
        "reactions of SCENT small (418 blocks, 112 templates), trajectory balance, batch 64, width 64, QED",
        "ours_reactions.py",
        "reaction",
        iterations=3,
        warm=1,
        files=(("scent", "library"), ("reactions", "reactions")),
    ),
}
PEERS = {
    "gfnx": Peer(
        "hypergrid",
        "gfnx_hypergrid.py",
        ("gfnx==0.0.1", "jax==0.6.2", "jaxlib==0.6.2", "equinox==0.13.8", "optax==0.2.8"),
    ),
    "torchgfn": Peer("hypergrid", "torchgfn_hypergrid.py", ("torchgfn==2.4.1", "torch==2.13.0")),
    "recursion": Peer(
        "fragments",
        "recursion_fragments.py",
        options=(("recursion", "checkout"), ("weights", "weights")),
        checkouts=("recursion", "weights"),
    ),
    "rgfn": _SCENT(words=("--config", "rgfn_test")),
    "scent": _SCENT(words=("--config", "scent_test")),
    "rxnflow": Peer(
        "reactions",
        "rxnflow_reactions.py",
        (
            *("torch==2.13.0", "torch-geometric==2.8.0", "numpy==1.26.4", "rdkit==2023.9.6", "omegaconf==2.3.0"),
            *("wandb", "tensorboard", "gitpython", "botorch", "gdown", "pandas", "networkx", "setuptools<82"),
        ),
        options=(("rxnflow", "checkout"), ("scent", "library"), ("reactions", "reactions")),
        checkouts=("rxnflow", "scent"),
    ),
}
OURS = "molgfn"


class Unavailable(Exception):
    """Why a library cannot be measured, in one sentence."""


@dataclass(frozen=True)
class Measured:
    """One measurement: ``size`` is summed over ``trajectories``, times are of all iterations, in seconds."""

    iterations: int
    trajectories: int
    size: int
    seconds: float
    cpu: float
    versions: Mapping[str, str]

    @property
    def each(self) -> float:
        """Size of an object, the mean."""
        return self.size / self.trajectories


@dataclass
class Row:
    """A library in a table, with what was measured of it, round by round."""

    name: str
    rounds: list[Measured]

    def median(self, of: str, over: str) -> float:
        """Of a quotient of two attributes over the rounds."""
        return statistics.median(getattr(m, of) / getattr(m, over) for m in self.rounds)

    def ratio(self, other: Row, of: str, over: str) -> float:
        """The median over the rounds of this library's quotient over another's in the same round."""
        pairs = zip(self.rounds, other.rounds, strict=True)
        return statistics.median(
            (getattr(a, of) / getattr(a, over)) / (getattr(b, of) / getattr(b, over)) for a, b in pairs
        )


def parsed(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; what does not fit together is said at once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", nargs="+", choices=PEERS, help="default: gfnx torchgfn, and recursion where given")
    parser.add_argument("--rounds", type=_count, default=3)
    parser.add_argument("--threads", type=_count, nargs="+", default=[1])
    parser.add_argument("--iterations", type=_count, help="of a measurement; default: 200 on the hypergrid, else 10")
    parser.add_argument("--warm", type=_count, help="iterations before the clock starts; default: 100, else 2")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "molgfn-peers", help="environments")
    parser.add_argument("--python", nargs="*", default=[], metavar="PEER=FILE", help="environments that are there")
    parser.add_argument("--recursion", type=_there, help="checkout of recursionpharma/gflownet")
    parser.add_argument("--scent", type=_there, help="checkout of koziarskilab/SCENT: its library, RGFN and SCENT")
    parser.add_argument("--rxnflow", type=_there, help="checkout of SeonghwanSeo/RxnFlow")
    parser.add_argument("--reactions", type=_count, default=2, help="most reactions of a molecule; default: 2")
    parser.add_argument("--vocabulary", help="of molgfn on fragments; default: bengio2021, which is fetched")
    parser.add_argument("--weights", type=_there, help="of the sEH proxy (best_params.pkl.gz), for both")
    parser.add_argument("--settings", nargs="+", default=[], metavar="KEY=VALUE", help="of molgfn, beside the task's")
    given = parser.parse_args(words)
    given.peers = given.peers or [
        name for name, peer in PEERS.items() if all(getattr(given, option) for option in peer.checkouts[:1])
    ]
    given.vocabulary = given.vocabulary or "bengio2021"
    pythons = {}
    for text in given.python:
        name, _, file = text.partition("=")
        if name not in PEERS or not file:
            parser.error(f"--python {text}: it takes PEER=FILE, where PEER is one of {', '.join(PEERS)}")
        if not Path(file).is_file():
            parser.error(f"--python {text}: there is no such file")
        pythons[name] = Path(file).absolute()  # not resolved: an environment's interpreter is a link
    given.python = pythons
    for name in given.peers:
        peer = PEERS[name]
        lacking = [f"--{option}" for option in peer.checkouts if getattr(given, option) is None]
        if not peer.requirements and name not in pythons:
            lacking.append(f"--python {name}=FILE")
        if lacking:
            parser.error(f"{name} is on no package index; it needs {' and '.join(lacking)}")
    return given


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def _there(text: str) -> Path:
    path = Path(text)
    if not path.exists():
        raise argparse.ArgumentTypeError(f"there is no {text}")
    return path.resolve()


def interpreter(name: str, given: argparse.Namespace) -> Path:
    """The interpreter of a peer's environment, which is made where it is not there.

    Raises:
        Unavailable: it cannot be installed.
    """
    if name in given.python:
        return given.python[name]
    peer = PEERS[name]
    folder = given.cache.expanduser() / (peer.environment or name)
    python, stamp = folder / "bin" / "python", folder / "installed.txt"
    wanted = "\n".join(peer.requirements)
    if stamp.is_file() and stamp.read_text() == wanted:
        return python
    print(f"installing {' '.join(peer.requirements)} into {folder}", file=sys.stderr)
    _must([sys.executable, "-m", "venv", "--clear", str(folder)], f"{name}: no environment could be made")
    _must([str(python), "-m", "pip", "install", "-q", *peer.requirements], f"{name} could not be installed")
    stamp.write_text(wanted)
    return python


def _must(command: Sequence[str], problem: str) -> str:
    """What a command prints.

    Raises:
        Unavailable: it fails; with its last line.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise Unavailable(f"{problem}: {last[0] if last else f'exit status {done.returncode}'}")
    return done.stdout


def command(name: str, python: Path, threads: int, given: argparse.Namespace) -> list[str]:
    """What measures a library once; ``molgfn TASK`` is ours."""
    if name.startswith(OURS):
        task = TASKS[name.split()[1]]
        driver, options, more = task.ours, task.files, ()
    else:
        task, driver, options = TASKS[PEERS[name].task], PEERS[name].driver, PEERS[name].options
        more = PEERS[name].words
    words = [str(python), str(DRIVERS / driver), "--threads", str(threads), "--seed", str(given.seed)]
    words += ["--iterations", str(given.iterations or task.iterations), "--warm", str(given.warm or task.warm)]
    for here, there in options:
        words += [f"--{there}", str(getattr(given, here) or "null")]
    words += more
    return [*words, "--settings", *given.settings] if given.settings and name.startswith(OURS) else words


def measure(name: str, python: Path, threads: int, given: argparse.Namespace) -> Measured:
    """One measurement in a process of its own.

    Raises:
        Unavailable: the driver fails.
    """
    lines = _must(command(name, python, threads, given), f"{name} stopped").strip().splitlines()
    return Measured(**json.loads(lines[-1]))


def compare(task: str, peers: Sequence[str], threads: int, given: argparse.Namespace) -> tuple[list[Row], list[str]]:
    """Rows of ours and of the peers, measured in turn; and why others are not there."""
    ours = f"{OURS} {task}"
    pythons, problems = {ours: Path(sys.executable)}, []
    for name in peers:
        try:
            pythons[name] = interpreter(name, given)
        except Unavailable as problem:
            problems.append(str(problem))
    rows = {name: Row(name, []) for name in pythons}
    for turn in range(given.rounds):
        for name in list(rows):
            try:
                rows[name].rounds.append(measure(name, pythons[name], threads, given))
            except Unavailable as problem:
                problems.append(str(problem))
                del rows[name]
                if name == ours:
                    return [], problems
        print(f"{task}, {threads} threads: round {turn + 1} of {given.rounds}", file=sys.stderr)
    return list(rows.values()), problems


def table(task: Task, threads: int, rows: Sequence[Row]) -> Table:
    """Of rows, ours first."""
    rounds = f"{threads} thread{'s' * (threads > 1)}, {len(rows[0].rounds)} round{'s' * (len(rows[0].rounds) > 1)}"
    found = Table(title=f"{task.title}; {rounds}", caption="; ".join(map(_versions, rows)))
    for word in (
        "library",
        "iterations/s",
        "trajectories/s",
        f"{task.unit}s each",
        f"{task.unit}s/s",
        "CPU ms/iteration",
    ):
        found.add_column(word, justify="left" if word == "library" else "right")
    for word in ("iterations", "trajectories", f"{task.unit}s", "iterations by CPU"):
        found.add_column(f"ours / theirs: {word}", justify="right")
    ours = rows[0]
    for row in rows:
        speeds = [m.iterations / m.seconds for m in row.rounds]
        ratios = [""] * 4
        if row is not ours:
            by_clock = [ours.ratio(row, of, "seconds") for of in ("iterations", "trajectories", "size")]
            ratios = [f"{ratio:.2f}" for ratio in (*by_clock, ours.ratio(row, "iterations", "cpu"))]
        found.add_row(
            row.name.split()[0],
            f"{statistics.median(speeds):.1f} ({min(speeds):.1f} to {max(speeds):.1f})",
            f"{row.median('trajectories', 'seconds'):.0f}",
            f"{row.median('size', 'trajectories'):.1f}",
            f"{row.median('size', 'seconds'):.0f}",
            f"{1000 * row.median('cpu', 'iterations'):.1f}",
            *ratios,
        )
    return found


def _versions(row: Row) -> str:
    return ", ".join(f"{package} {version}" for package, version in row.rounds[0].versions.items())


def machine() -> str:
    """What all was measured on."""
    names = [line.split(":")[1].strip() for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name")]
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg()) if hasattr(os, "getloadavg") else "?"
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}; load {load}"


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.is_file() else []


def main(words: Sequence[str] | None = None) -> None:
    given = parsed(words)
    console = Console(width=200)
    console.print(machine(), highlight=False)
    for task in dict.fromkeys(PEERS[name].task for name in given.peers):
        for threads in given.threads:
            peers = [name for name in given.peers if PEERS[name].task == task]
            rows, problems = compare(task, peers, threads, given)
            if rows:
                console.print(table(TASKS[task], threads, rows))
                if given.settings:
                    console.print(f"{OURS} with {' '.join(given.settings)}", highlight=False, markup=False)
            for problem in problems:
                console.print(f"not measured: {problem}", highlight=False, markup=False, soft_wrap=True)


if __name__ == "__main__":
    main()
