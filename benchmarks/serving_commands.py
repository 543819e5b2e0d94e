"""Commands that measure the service, and try to break it."""

from __future__ import annotations

from typing import Annotated

import typer

from benchmarks.asked import EVENTS, PEOPLE, TREES
from features.console import Json, answer
from features.errors import UsageError

app = typer.Typer()


@app.command("service")
def bench_service(
    events: Annotated[int, typer.Option(help="Rows of the compiled history.")] = EVENTS,
    people: Annotated[int, typer.Option(help="People on record.")] = PEOPLE,
    requests: Annotated[int, typer.Option(help="Requests at the steady rate.")] = 1_200,
    rate: Annotated[float, typer.Option(help="Requests a second.")] = 20.0,
    trees: Annotated[int, typer.Option(help="Trees of the booster.")] = TREES,
    workers: Annotated[int, typer.Option(help="Processes that answer.")] = 1,
    as_json: Json = False,
) -> None:
    """Measure the service, and a bare endpoint with the same booster beside it.

    Example: precursor bench service --requests 200
    """
    from benchmarks import serving, table
    from features.home import home

    asked = serving.Asked(events, people, requests, rate, trees, workers)
    figures = list(serving.run(asked, home() / "benchmarks", table.step))
    table.tell(figures, as_json)


@app.command("faults")
def bench_faults(
    kills: Annotated[int, typer.Option(min=1, help="How often something is killed.")] = 200,
    database: Annotated[str, typer.Option(help="sqlite or postgres.")] = "sqlite",
    workers: Annotated[int, typer.Option(min=1, help="Processes that answer.")] = 2,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    as_json: Json = False,
) -> None:
    """Kill workers, and the database, under load: no answered score may be missing afterwards.

    Example: precursor bench faults --kills 20 --database postgres
    """
    from benchmarks import faults
    from features.home import home

    if database not in faults.DATABASES:
        known = " or ".join(faults.DATABASES)
        raise UsageError(f"--database {database}: is not known", remedy=f"Say {known}.")
    found = faults.run(
        home() / "benchmarks", kills=kills, database=database, workers=workers, seed=seed
    )
    lines = [f"{number!s:>9}  {what}" for what, number in found.data().items()]
    answer(found.data(), "\n".join(lines), as_json)
    if not found.ok:
        raise typer.Exit(1)


@app.command("soak")
def bench_soak(
    minutes: Annotated[float, typer.Option(min=0.2, help="How long.")] = 60.0,
    rate: Annotated[float, typer.Option(min=0.1, help="Requests a second.")] = 20.0,
    workers: Annotated[int, typer.Option(min=1, help="Processes that answer.")] = 1,
    as_json: Json = False,
) -> None:
    """Ask steadily for an hour: neither memory nor open files may grow, and all is answered.

    Example: precursor bench soak --minutes 5
    """
    from benchmarks import soak
    from features.home import home

    found = soak.run(home() / "benchmarks", seconds=60 * minutes, rate=rate, workers=workers)
    lines = [f"{number:>10,.1f}  {what}" for what, number in found.data().items()]
    grown = found.growth()
    lines += [f"GREW: {words}" for words in grown] or ["Nothing grew."]
    answer(found.data() | {"grew": grown}, "\n".join(lines), as_json)
    if grown:
        raise typer.Exit(1)


@app.command("score")
def bench_score(
    rows: Annotated[int, typer.Option(min=1_000, help="Rows to score.")] = 50_000,
    events: Annotated[int, typer.Option(help="Rows of the compiled history.")] = EVENTS,
    people: Annotated[int, typer.Option(help="People on record.")] = PEOPLE,
    trees: Annotated[int, typer.Option(help="Trees of the booster.")] = TREES,
    as_json: Json = False,
) -> None:
    """Measure a batch with reasons beside LightGBM's own contributions for the same rows.

    Example: precursor bench score --rows 10000
    """
    from benchmarks import batch, table
    from features.home import home

    where = home() / "benchmarks"
    figures = list(batch.run(where, rows=rows, events=events, people=people, trees=trees))
    table.tell(figures, as_json)


@app.command("pages")
def bench_pages(
    people: Annotated[
        int, typer.Option(min=100, help="On record; about half are scored.")
    ] = 210_000,
    requests: Annotated[int, typer.Option(min=1, help="Requests for each page.")] = 20,
    trees: Annotated[int, typer.Option(help="Trees of the booster.")] = 50,
    as_json: Json = False,
) -> None:
    """Measure pages of a priority list at the server, each view on the ledger before its answer.

    Example: precursor bench pages --people 2000 --requests 5
    """
    from benchmarks import pages, table
    from features.home import home

    where = home() / "benchmarks"
    figures = list(pages.run(where, people=people, requests=requests, trees=trees))
    table.tell(figures, as_json)
