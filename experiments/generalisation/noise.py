"""What does one wrong edge cost, near the root and near the leaves?

    python experiments/generalisation/noise.py -o FOLDER [--noise 0.5] [--most 60]
        [NAME=EXPERIMENT ...]

The space of each experiment file is listed and given the flows that match R exactly (P_B uniform), so that total
variation is 0. Then the flow of one edge is made larger by ``noise`` nats, and total variation over objects is computed
anew, by dynamic programming over all states; edge by edge, at most ``most`` of each depth, drawn with seed 0. Writes
``noise.csv`` (mean, least and largest by depth) and ``noise.svg``, and prints the table.

Reference: Silva et al., "When do GFlowNets learn the right distribution?", arXiv 2411.05899 (a violation of balance
near the root costs more than the same near the leaves).
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from matplotlib.figure import Figure

from molgfn.composing.compose import checked
from molgfn.evaluation.exact.answers import solve_flows
from molgfn.evaluation.exact.edge_noise import EdgeNoise, edge_noise
from molgfn.experiment import assemble
from molgfn.study.pictures.style import colour_of, plain, save

HERE = Path(__file__).parent
SPACES = {
    "16 x 16 grid": HERE.parent / "hypergrid" / "tb.yaml",
    "301 molecules": HERE / "lengths.yaml",
    "171 molecules": HERE.parent / "exact_fragments" / "ambiguous.yaml",
}
COLUMNS = ("space", "depth", "edges", "mean", "least", "largest")


def measured(experiment: str | Path, noise: float, most: int) -> EdgeNoise:
    """Every edge of the space in turn, the others as they should be."""
    target = assemble(checked(str(experiment))).exact_target()
    flows = solve_flows(target.graph, target.log_target)
    return edge_noise(target, flows.log_pf, flows.log_stop, noise=noise, most=most)


def picture(found: dict[str, EdgeNoise], noise: float, path: Path) -> None:
    """Mean by depth, with the range of all edges behind it."""
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axis = figure.add_subplot()
    for number, (name, of) in enumerate(found.items()):
        rows = of.by_depth()
        depth, (_, mean, least, largest) = list(rows), zip(*rows.values(), strict=True)
        axis.fill_between(depth, least, largest, color=colour_of(number), alpha=0.12, lw=0)
        axis.plot(depth, mean, color=colour_of(number), marker="o", ms=3, label=name)
    axis.set_yscale("log")
    axis.set_xlabel("depth of the state that the edge leaves")
    axis.set_ylabel(f"total variation, one edge off by {noise:g} nat")
    axis.legend(frameon=False)
    plain(axis)
    save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spaces", nargs="*", metavar="NAME=EXPERIMENT", help="default: a grid and two fragment spaces")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the results")
    parser.add_argument("--noise", type=float, default=0.5, help="nats")
    parser.add_argument("--most", type=int, default=60, help="edges of each depth")
    args = parser.parse_args()
    for word in args.spaces:
        if "=" not in word:
            parser.error(f"`{word}`: should be NAME=EXPERIMENT")
    spaces = dict(word.split("=", 1) for word in args.spaces) or SPACES
    found = {name: measured(experiment, args.noise, args.most) for name, experiment in spaces.items()}
    args.output.mkdir(parents=True, exist_ok=True)
    rows = [(name, depth, *numbers) for name, of in found.items() for depth, numbers in of.by_depth().items()]
    with (args.output / "noise.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows((*row[:3], *(f"{number:.6g}" for number in row[3:])) for row in rows)
    print("| " + " | ".join(COLUMNS) + " |\n| --- |" + " ---: |" * (len(COLUMNS) - 1))
    for name, depth, edges, *numbers in rows:
        print(f"| {name} | {depth} | {edges} | {' | '.join(f'{number:.3g}' for number in numbers)} |")
    picture(found, args.noise, args.output / "noise.svg")


if __name__ == "__main__":
    main()
