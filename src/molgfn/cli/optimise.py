"""``molgfn optimise``: the best objects with few oracle calls."""

from __future__ import annotations

from pathlib import Path

import click
import yaml


@click.command(short_help="Find the best objects with few oracle calls.")
@click.argument("experiment", required=False)
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--resume", type=click.Path(path_type=Path), metavar="RUN", help="Go on with a run that was stopped.")
@click.option("--check", "only_check", is_flag=True, help="Check the config, print it composed, and stop.")
def optimise(experiment: str | None, overrides: tuple[str, ...], resume: Path | None, only_check: bool) -> None:
    """Spend a budget of oracle calls on the objects of EXPERIMENT that are most worth one.

    Rounds of: fit a model to all that was scored, train the sampler (where there is one), propose many candidates
    without a call, choose a few, score these. An experiment starts from `optimise` instead of `train`:

    \b
      defaults:
        - optimise
        - override /oracle: celecoxib_rediscovery
        - _self_
      scoring:
        budget: 1000

    Every call is recorded with who proposed it and why it was chosen (`calls.csv` in the run folder, beside
    `summary.yaml` and `report.html`). A run that was stopped, killed or out of budget goes on with --resume, bit for
    bit on a CPU. Printed first is the track: A, no label outside the budget; B, with a prescreen, whose labels are
    counted.

    \b
    Examples:
      molgfn optimise optimise/gp_ga
      molgfn optimise optimise/gp_ga oracle=qed scoring.budget=500 seed=3
      molgfn optimise optimise/gp_ga acquisition=random candidates.proposers.graph_ga=null
      molgfn optimise --resume runs/gp_ga-20260102-030405 scoring.budget=2000

    \b
    Exit codes: 0 fine, 1 the run failed, 2 wrong usage or config, 3 unusable input file or checkpoint,
    130 interrupted with Ctrl-C (what was called up to the last whole round is kept).
    """
    from molgfn.api.optimising import compose_optimisation, resumed_optimisation
    from molgfn.optimising.assembling import assemble
    from molgfn.optimising.running import optimise as run
    from molgfn.optimising.summary import summary_lines

    if resume is not None:
        config, at = resumed_optimisation(resume, [*([experiment] if experiment else []), *overrides])
    elif experiment is None:
        raise click.UsageError("which experiment? Give a .yaml file, or a shipped name such as `optimise/gp_ga`.")
    elif "=" in experiment:
        raise click.UsageError(f"the experiment file comes first, before `{experiment}`.")
    else:
        config, at = compose_optimisation(experiment, *overrides), None
    if only_check:
        assemble(config)
        click.echo(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), nl=False)
        return
    result = run(config, resume=at, tell=_told)
    click.echo(f"run folder: {result.folder}")
    for line in summary_lines(result.summary):
        click.echo(line, err=True)


def _told(row: dict[str, float]) -> None:
    """A line for each round, where somebody looks on."""
    from molgfn.optimising.progress import of_the_best

    mean = of_the_best(10, int(row["scored"]))
    click.echo(
        f"round {row['round']:,.0f}: {row['calls']:,.0f} calls, {row['candidates']:,.0f} candidates, best "
        f"{row['best']:.4g}, mean of {mean} {row['mean_top10']:.4g}",
        err=True,
    )
