"""Commands of the lowest floor: records in, checked, compiled into a matrix."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.console import Json, Records, answer, day, progress

if TYPE_CHECKING:
    from features.breaches import Violation
    from features.check import Report
    from features.history import History

app = typer.Typer()


def opened(records: Path) -> History:
    """Open a load read-only and compile its history."""
    from features.history import History
    from features.loads import open_load

    return History(open_load(records))


@app.command()
def synthesise(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write; must not exist.")],
    nominals: Annotated[int, typer.Option(min=1, help="About how many named suspects.")] = 20_000,
    years: Annotated[int, typer.Option(min=1, max=20, help="Years of records.")] = 6,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same bytes.")] = 1,
    truth: Annotated[Path | None, typer.Option(help="Folder for the truth, outside OUT.")] = None,
    as_json: Json = False,
) -> None:
    """Write the records of a made-up force.

    Example: precursor synthesise .precursor/records/demo --nominals 20000 --years 6 --seed 1
    """
    from features.synthetic import synthesise as make

    with progress("simulating", as_json) as tell:
        load = make(out, nominals=nominals, years=years, seed=seed, truth=truth, progress=tell)
    found = {"records": str(load.path), "data_to": load.data_to, "synthetic": True}
    answer(found, f"Synthetic records up to {load.data_to} are in {load.path}.", as_json)


@app.command()
def ingest(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="folder or broward.")],
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="Folder to read.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write; must not exist.")],
    mapping: Annotated[Path | None, typer.Option(help="YAML that maps files and columns.")] = None,
    data_to: Annotated[str | None, typer.Option(help="Last day the records cover.")] = None,
    set_aside: Annotated[bool, typer.Option(help="Put bad rows aside, listed, and go on.")] = False,
    as_json: Json = False,
) -> None:
    """Turn a source into canonical records: one load.

    Example: precursor ingest folder exports/2026-01 .precursor/records/2026-01
    """
    from features.ingest import ingest as take_in

    given = None if data_to is None else day("--data-to", data_to)
    load = take_in(kind, source, out, mapping=mapping, data_to=given, set_aside=set_aside)
    aside = len(load.set_aside())
    found = {"records": str(load.path), "data_to": load.data_to, "set_aside": aside}
    text = f"Records up to {load.data_to} are in {load.path}; {aside} were set aside or handled"
    answer(found, f"{text}: 'precursor check {load.path}' lists them.", as_json)


@app.command()
def check(
    records: Records,
    most: Annotated[int, typer.Option(min=0, help="Violations to print of each rule.")] = 5,
    as_json: Json = False,
) -> None:
    """List every violation of a load or folder, with table, row, value and remedy.

    Example: precursor check .precursor/records/demo
    """
    from features.check import check as examine

    report = examine(records)
    answer(report.as_json(), in_words(report, most), as_json)
    if not report.ok:
        raise typer.Exit(1)


def in_words(report: Report, most: int) -> str:
    """Return a report as text: what stands, what was set aside, the first violations of each rule.

    Examples
    --------
    >>> from datetime import date
    >>> from features.check import Report
    >>> in_words(Report(Path("records"), date(2026, 1, 31)), 5)
    'records: no violations; the records are good.'
    """
    if not report.violations:
        return f"{report.path}: no violations; the records are good."
    by_rule: dict[tuple[str, ...], list[Violation]] = defaultdict(list)
    for found in report.violations:
        by_rule[found.severity, found.table, found.column, found.rule].append(found)
    lines = []
    for entry in report.summary():
        place = ".".join(filter(None, (entry["table"], entry["column"])))
        lines.append(f"{entry['severity']}: {place}, rule {entry['rule']}: {entry['count']:,}")
        same = by_rule[entry["severity"], entry["table"], entry["column"], entry["rule"]]
        lines += [f"  {violation}" for violation in same[:most]]
        if len(same) > most > 0:
            lines.append(f"  and {len(same) - most:,} more (--most N, or --json for all)")
    number = f"{len(report.violations):,} violations"
    lines.append(
        f"{report.path}: {number}; none of them keeps the records from being used."
        if report.ok
        else f"{report.path}: {number}; errors stand. Mend the source and ingest it again."
    )
    return "\n".join(lines)
