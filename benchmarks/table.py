"""Figures as a table: for a terminal, for programs, and for the page that is kept."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks import postgres
from benchmarks.asked import Asked, Figure
from features.console import answer
from features.errors import NotFound

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"

_LIBRARIES = (
    *("duckdb", "numpy", "pandas", "pyarrow", "ibis-framework", "lightgbm", "bentoml", "pyspark"),
)

TITLES = {
    "peer": "Beside triage 6.0.0 on PostgreSQL",
    "whole": "The whole matrix",
    "events": "Twice the events",
    "columns": "Twice the columns",
    "one": "One person's row",
    "memory": "Little memory",
    "check": "Checking records",
    "spark": "Spark",
    "service": "One person through the service",
    "batch": "A batch with reasons",
    "fitting": "Fitting",
    "pages": "Pages of a list",
}
"""What each part is called on the page."""


def circumstances() -> dict[str, str]:
    """Return the machine, the versions and the day, which every figure needs beside it.

    Examples
    --------
    >>> sorted(circumstances())[:3]
    ['date', 'libraries', 'machine']
    """
    found = []
    for name in _LIBRARIES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"no {name}")
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    reason = postgres.missing()
    return {
        "machine": f"{os.cpu_count()} × {_processor()}, {gigabytes:.0f} GiB, {platform.system()}",
        "python": platform.python_version(),
        "libraries": ", ".join(found),
        "postgres": reason or postgres.version(),
        "date": datetime.now(UTC).date().isoformat(),
    }


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def step(words: str) -> None:
    """Say on the way what is measured now."""
    typer.echo(f"  {words}", err=True)


def tell(figures: Sequence[Figure], as_json: bool, asked: Asked | None = None) -> None:
    """Print a run: as plain data for programs, else as a table for a terminal.

    Parameters
    ----------
    asked : Asked, optional
        Of a run of the compiler: its figures are told with the command of each.
    """
    about = circumstances()
    if not as_json:
        Console().print(terminal(figures, about))
        return
    found: dict[str, Any] = {"circumstances": about, "figures": [vars(one) for one in figures]}
    if asked is not None:
        given = {name: str(value) for name, value in vars(asked).items() if name != "cache"}
        commands = [vars(one) | {"command": asked.command(one.part)} for one in figures]
        found |= {"asked": given, "figures": commands}
    answer(found, "", as_json)


def terminal(figures: Sequence[Figure], about: dict[str, str]) -> Table:
    """Return a run as a table for a terminal."""
    table = Table(title=f"{about['machine']}, Python {about['python']}, {about['date']}")
    table.add_column("part")
    table.add_column("what")
    table.add_column("median", justify="right")
    table.add_column("aim", justify="right")
    part = ""
    for figure in figures:
        if part and figure.part != part:
            table.add_section()
        table.add_row("" if figure.part == part else figure.part, *_cells(figure))
        part = figure.part
    return table


def markdown(
    command: Callable[[str], str], figures: Sequence[Figure], about: dict[str, str]
) -> str:
    """Return a run as Markdown: the circumstances, then a table for each part with its command.

    Examples
    --------
    >>> figures = [Figure("whole", "in all", 41.25, "s", "≤ 60", runs=(41.0, 41.25, 44.0))]
    >>> print(markdown(Asked().command, figures, circumstances()).splitlines()[-1])
    | in all | 41.2 s | ≤ 60 | 41 to 44 |
    """
    lines = [
        f"Measured on {about['date']}: {about['machine']}; Python {about['python']};",
        f"{about['libraries']}; {about['postgres']}.",
    ]
    for part in dict.fromkeys(figure.part for figure in figures):
        lines += ["", f"**{TITLES[part]}** · `{command(part)}`", ""]
        lines += ["| what | median | aim | runs |", "| --- | ---: | ---: | ---: |"]
        for figure in figures:
            if figure.part == part:
                lines.append(f"| {' | '.join((*_cells(figure), _spread(figure)))} |")
    return "\n".join(lines)


def _cells(figure: Figure) -> tuple[str, str, str]:
    return figure.what, figure.shown(), figure.aim


def _spread(figure: Figure) -> str:
    return f"{min(figure.runs):.3g} to {max(figure.runs):.3g}" if figure.runs else ""


def place(page: Path) -> tuple[str, str]:
    """Return what stands before and after the figures of a page.

    Raises
    ------
    NotFound
        Where there is no page, or it lacks the marks.
    """
    if not page.is_file():
        raise NotFound(f"{page}: there is no such page", remedy="Name docs/benchmarks.md.")
    before, begun, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not begun or not ended:
        raise NotFound(
            f"{page}: the figures have no place there",
            remedy=f"Write {BEGIN} and {END} on lines of their own.",
        )
    return before, after


def keep(page: Path, text: str) -> None:
    """Put a run into a page, in the place of the one that stood between the two marks."""
    before, after = place(page)
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")
