"""Two versions of the source side by side: python benchmarks/versions.py BEFORE AFTER [--rounds 3] [--only fragments]

BEFORE and AFTER are clones (``git worktree add ../before COMMIT``) that this interpreter's packages serve. Each
experiment is trained by each version in turn for a few and for more iterations; what the further iterations cost is
the CPU time of a training step, without start and end. Printed: AFTER / BEFORE of the medians over rounds, and
the range of the rounds' own ratios. CPU time of the process and what it started, so a busy machine blurs it little.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

#: name -> (experiment below ``experiments``, overrides, fewer and more iterations)
TASKS: dict[str, tuple[str, tuple[str, ...], tuple[int, int]]] = {
    "fragments, TB": ("quickstart.yaml", ("objective=tb", "backward=uniform", "data=on_policy"), (5, 45)),
    "fragments, Ent-PPO + TLM": ("quickstart.yaml", ("objective=ent_ppo", "backward=tlm", "data=on_policy"), (3, 13)),
    "hypergrid, TB": ("hypergrid/tb.yaml", (), (50, 1050)),
    "hypergrid, SubTB": ("hypergrid/subtb.yaml", (), (50, 1050)),
    "strings, TB": ("objectives/strings.yaml", (), (50, 1050)),
    "hypergrid, tabular": ("hypergrid/tb.yaml", ("policy=tabular",), (50, 1050)),
    "hypergrid, temperature": ("hypergrid/tb.yaml", ("condition=temperature", "reward.beta=null"), (50, 1050)),
    "hypergrid, Ent-PPO + TLM": ("hypergrid/tb.yaml", ("objective=ent_ppo", "backward=tlm"), (50, 350)),
}
ALWAYS = ("logger.wandb=off", "trainer.progress=none", "trainer.accelerator=cpu", "trainer.checkpoint_every=1000000")


def seconds(tree: Path, experiment: str, overrides: tuple[str, ...], iterations: int, threads: int) -> float:
    """CPU seconds of one run."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "molgfn", "train", str(tree / "experiments" / experiment), *overrides, *ALWAYS]
        command += [f"trainer.iterations={iterations}", f"trainer.threads={threads}", f"output={folder}"]
        environment = {**os.environ, "PYTHONPATH": str(tree / "src"), "OMP_NUM_THREADS": str(threads)}
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, cwd=folder, env=environment, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def step(tree: Path, task: str, threads: int) -> float:
    """CPU seconds of one training step."""
    experiment, overrides, (few, many) = TASKS[task]
    cost = [seconds(tree, experiment, overrides, n, threads) for n in (few, many)]
    return (cost[1] - cost[0]) / (many - few)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="", help="tasks whose name contains this")
    options = parser.parse_args()
    print("| training step | before, ms | after, ms | after / before | rounds |\n|---|---|---|---|---|")
    for task in TASKS:
        if options.only not in task:
            continue
        pairs = []
        for round_ in range(options.rounds):
            trees = [options.before.resolve(), options.after.resolve()]
            order = trees if round_ % 2 == 0 else trees[::-1]
            cost = {tree: step(tree, task, options.threads) for tree in order}
            pairs.append((cost[trees[0]], cost[trees[1]]))
        ratios = [after / before for before, after in pairs]
        before, after = (statistics.median(column) * 1e3 for column in zip(*pairs, strict=True))
        spread = f"{min(ratios):.3f} to {max(ratios):.3f}"
        print(f"| {task} | {before:.1f} | {after:.1f} | {after / before:.3f} | {spread} |", flush=True)


if __name__ == "__main__":
    main()
