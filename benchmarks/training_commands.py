"""Commands that measure fitting, and how near what is fitted comes to the best there can be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from features.console import Json, answer
from features.errors import UsageError

if TYPE_CHECKING:
    from features.question import Question

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
    from benchmarks import fitting, table
    from features.home import home

    if large:
        file = home() / "benchmarks" / f"matrix-{rows}-{columns}-{seed}.parquet"
        figures = fitting.large(file, rows, columns, seed)
    else:
        figures = fitting.run(rows, columns, repeats, seed, table.step)
    table.tell(figures, as_json)


Asked = Annotated[
    list[str],
    typer.Argument(
        metavar="QUESTION=NOMINALS/OTHERS",
        help="Repeatable: a question, the size of its force, and that of the other worlds.",
    ),
]
Years = Annotated[int, typer.Option(min=3, help="Years of records.")]
Universes = Annotated[int, typer.Option(min=2, help="Other worlds to learn from.")]
Seed = Annotated[int, typer.Option(min=0)]
Keep = Annotated[Path | None, typer.Option(help="Page to put the figures into.")]


@app.command("oracles")
def bench_oracles(
    asked: Asked,
    years: Years = 10,
    universes: Universes = 3,
    seed: Seed = 1,
    keep: Keep = None,
    as_json: Json = False,
) -> None:
    """Measure how near champions come to the record oracle on large simulated forces.

    Example: precursor bench oracles domestic_abuse_high_harm=20000/20000 --years 6
    """
    from benchmarks import oracles, table
    from features.home import home

    sizes = _sized(asked)
    if keep is not None:
        table.place(keep)
    found = []
    for of, nominals, others in sizes:
        records, truth = oracles.force(home() / "benchmarks", nominals, years, seed, table.step)
        found.append(
            oracles.nearness(
                of, records, truth, universes=universes, universe_nominals=others, tell=table.step
            )
        )
        typer.echo(found[-1].line, err=True)
    given = f"--years {years} --universes {universes} --seed {seed}"
    lines = (oracles.HEAD, *(one.line for one in found))
    plain = [
        {"question": one.question, "rows": one.rows, "positives": one.positives}
        | {"trees": one.trees, "goal": oracles.GOAL}
        | one.distance.to_data()
        for one in found
    ]
    _told(f"precursor bench oracles {' '.join(asked)} {given}", lines, plain, keep, as_json)


@app.command("intervals")
def bench_intervals(
    asked: Asked,
    years: Years = 8,
    forces: Annotated[int, typer.Option(min=1, help="Forces, of seeds in a row.")] = 6,
    universes: Universes = 3,
    refits: Annotated[int, typer.Option(min=2, help="Refits behind each interval.")] = 12,
    seed: Seed = 1,
    keep: Keep = None,
    as_json: Json = False,
) -> None:
    """Measure how often intervals hold the record oracle's value on simulated forces.

    Example: precursor bench intervals domestic_abuse_high_harm=20000/40000 --forces 4
    """
    from benchmarks import intervals, table
    from features.home import home

    sizes = _sized(asked)
    if keep is not None:
        table.place(keep)
    found = []
    for of, nominals, others in sizes:
        found.append(
            intervals.held(
                of,
                home() / "benchmarks",
                nominals,
                years=years,
                seeds=range(seed, seed + forces),
                universes=universes,
                universe_nominals=others,
                refits=refits,
                tell=table.step,
            )
        )
        typer.echo(found[-1].line, err=True)
    given = f"--years {years} --forces {forces} --universes {universes} --refits {refits}"
    command = f"precursor bench intervals {' '.join(asked)} {given} --seed {seed}"
    lines = (intervals.HEAD, *(one.line for one in found))
    _told(command, lines, [one.to_data() for one in found], keep, as_json)


def _told(
    command: str,
    lines: Sequence[str],
    plain: list[dict[str, Any]],
    keep: Path | None,
    as_json: bool,
) -> None:
    """Print a table, and keep it with the command that made it where a page is given."""
    from benchmarks import table

    about, text = table.circumstances(), "\n".join(lines)
    if keep is not None:
        table.keep(keep, f"Measured on {about['date']} by `{command}`:\n\n{text}")
    answer({"circumstances": about, "figures": plain}, text, as_json)


def _sized(asked: list[str]) -> list[tuple[Question, int, int]]:
    from training.questions import question

    return [(question(name), nominals, others) for name, nominals, others in map(_sizes, asked)]


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
