"""Commands that measure everything that has an aim, and the history compiler by its parts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.asked import Asked
from features.console import Json, answer

app = typer.Typer()
USUAL = Asked()


@app.command("all")
def bench_all(
    only: Annotated[
        list[str] | None,
        typer.Option(help="features, service, batch, fitting or pages; may be repeated."),
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each measure; medians count.")] = 3,
    small: Annotated[
        bool, typer.Option(help="In small, to see that it works; the figures say nothing.")
    ] = False,
    keep: Annotated[Path | None, typer.Option(help="Page to put the figures into.")] = None,
    as_json: Json = False,
) -> None:
    """Measure everything that has an aim, each beside its peer, and write one page of it.

    What each part found is kept, so that a part measured again leaves the others as they were.

    Example: precursor bench all --only service --only batch
    """
    from rich.console import Console

    from benchmarks import everything, table
    from features.home import home

    if keep is not None:
        table.place(keep)
    cache = home() / "benchmarks" / ("small" if small else "")
    sizes = (everything.Sizes.small if small else everything.Sizes.usual)(cache, repeats)
    parts = everything.run(only or [], sizes, table.step)
    if keep is not None:
        table.keep(keep, everything.markdown(parts))
    if as_json:
        answer({"parts": parts}, "", as_json)
        return
    for found in parts:
        figures = everything.figures(found)
        Console().print(table.terminal(figures, found["circumstances"]))


@app.command("features")
def bench_features(
    events: Annotated[int, typer.Option(help="Rows of the compiled history.")] = USUAL.events,
    people: Annotated[int, typer.Option(help="People on record.")] = USUAL.people,
    dates: Annotated[int, typer.Option(help="As-of dates, half a year apart.")] = USUAL.dates,
    repeats: Annotated[
        int, typer.Option(help="Repeats of each measure; medians count.")
    ] = USUAL.repeats,
    memory: Annotated[
        str, typer.Option(help="A limit on the database, to finish within.")
    ] = USUAL.memory,
    seed: Annotated[int, typer.Option(min=0)] = USUAL.seed,
    only: Annotated[list[str] | None, typer.Option(help="One part alone; may be repeated.")] = None,
    as_json: Json = False,
) -> None:
    """Measure the history compiler, and triage on PostgreSQL beside it.

    Example: precursor bench features --only peer --repeats 1
    """
    from benchmarks import table
    from benchmarks.running import run
    from features.home import home

    parts, cache = tuple(only or USUAL.only), home() / "benchmarks"
    asked = Asked(events, people, dates, repeats, memory, seed, parts, cache)
    figures = []
    for figure in run(asked, table.step):
        figures.append(figure)
        typer.echo(f"{figure.what}: {figure.shown()}", err=True)
    table.tell(figures, as_json, asked)
