"""Commands that measure fitting, and how near what is fitted comes to the best there can be."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from features.console import Json, answer
from features.errors import UsageError

app = typer.Typer()


@app.command("fitting")
def bench_fitting(
    rows: Annotated[int, typer.Option(min=1_000, help="Rows of the matrix.")] = 100_000,
    columns: Annotated[int, typer.Option(min=10, help="Columns of the matrix.")] = 150,
    repeats: Annotated[int, typer.Option(min=1, help="Repeats; medians count.")] = 3,
    large: Annotated[bool, typer.Option(help="Instead: from a file of so many rows.")] = False,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    as_json: Json = False,
) -> None:
    """Measure fitting, and bare LightGBM on the same matrix beside it.

    Example: precursor bench fitting --rows 20000 --repeats 1
    """
    from rich.console import Console

    from benchmarks import fitting, table
    from features.home import home

    if large:
        file = home() / "benchmarks" / f"matrix-{rows}-{columns}-{seed}.parquet"
        figures = fitting.large(file, rows, columns, seed)
    else:
        figures = fitting.run(
            rows, columns, repeats, seed, lambda words: typer.echo(f"  {words}", err=True)
        )
    about = table.circumstances()
    if as_json:
        answer({"circumstances": about, "figures": [vars(one) for one in figures]}, "", as_json)
    else:
        Console().print(table.terminal(figures, about))


@app.command("oracles")
def bench_oracles(
    asked: Annotated[
        list[str],
        typer.Argument(
            metavar="QUESTION=NOMINALS/OTHERS",
            help="Repeatable: a question, the size of its force, and that of the other worlds.",
        ),
    ],
    years: Annotated[int, typer.Option(min=3, help="Years of records.")] = 10,
    universes: Annotated[int, typer.Option(min=2, help="Other worlds to learn from.")] = 3,
    refits: Annotated[
        int, typer.Option(min=0, help="Refits for intervals, held against the oracle too.")
    ] = 0,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    keep: Annotated[Path | None, typer.Option(help="Page to put the figures into.")] = None,
    as_json: Json = False,
) -> None:
    """Measure how near champions come to the record oracle on large simulated forces.

    Example: precursor bench oracles domestic_abuse_high_harm=20000/20000 --years 6
    """
    from benchmarks import oracles, table
    from features.home import home
    from training.questions import question

    sizes = [(question(name), nominals, others) for name, nominals, others in map(_sizes, asked)]
    if keep is not None:
        table.place(keep)

    def tell(words: str) -> None:
        typer.echo(f"  {words}", err=True)

    found = []
    for of, nominals, others in sizes:
        records, truth = oracles.force(home() / "benchmarks", nominals, years, seed, tell)
        found.append(
            oracles.nearness(
                of,
                records,
                truth,
                universes=universes,
                universe_nominals=others,
                refits=refits,
                tell=tell,
            )
        )
        typer.echo(found[-1].line, err=True)
    about = table.circumstances()
    text = "\n".join((oracles.HEAD, *(one.line for one in found)))
    if refits:
        text += "\n\n" + "\n".join((oracles.COVERED, *(one.covered for one in found)))
    if keep is not None:
        given = f"--years {years} --universes {universes} --refits {refits} --seed {seed}"
        command = f"precursor bench oracles {' '.join(asked)} {given}"
        table.keep(keep, f"Measured on {about['date']} by `{command}`:\n\n{text}")
    plain = [
        {"question": one.question, "rows": one.rows, "positives": one.positives}
        | {"trees": one.trees, "goal": oracles.GOAL, "coverage": one.coverage}
        | one.distance.to_data()
        for one in found
    ]
    answer({"circumstances": about, "figures": plain}, text, as_json)


def _sizes(text: str) -> tuple[str, int, int]:
    """Return the question and the two sizes of QUESTION=NOMINALS/OTHERS."""
    name, _, sizes = text.partition("=")
    force, _, others = sizes.partition("/")
    if not (name and force.isascii() and force.isdigit() and others.isascii() and others.isdigit()):
        raise UsageError(
            f"'{text}' is no QUESTION=NOMINALS/OTHERS",
            remedy="Write it as in: domestic_abuse_high_harm=300000/200000",
        )
    return name, int(force), int(others)
