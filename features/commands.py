"""Commands of the lowest floor: records in, checked, compiled into a matrix."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.console import Json, Records, answer, day, in_a_folder, progress
from features.force_command import synthesise

if TYPE_CHECKING:
    from features.check import Report
    from features.history import History

app = typer.Typer()
app.command()(synthesise)


def opened(records: Path) -> History:
    """Open a load read-only and compile its history."""
    from features.history import History
    from features.loads import open_load

    return History(open_load(records))


@app.command()
def ingest(
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help="folder, database, broward, chicago or georgia.")
    ],
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Folder to read; or a database: postgresql://USER@HOST/NAME without a password"
            " (that is PRECURSOR_SOURCE_PASSWORD), or a SQLite or DuckDB file.",
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write; must not exist.")],
    mapping: Annotated[
        Path | None, typer.Option(help="YAML that maps files, columns, codes and dates.")
    ] = None,
    data_to: Annotated[str | None, typer.Option(help="Last day the records cover.")] = None,
    set_aside: Annotated[bool, typer.Option(help="Put bad rows aside, listed, and go on.")] = False,
    as_json: Json = False,
) -> None:
    """Turn a source into canonical records: one load; georgia becomes a ready matrix.

    Example: precursor ingest folder exports/2026-01 .precursor/records/2026-01
    """
    from features.ingest import ingest as take_in
    from features.loads import Load, manifest
    from features.reading import REQUIRED

    given = None if data_to is None else day("--data-to", data_to)
    taken = take_in(kind, source, out, mapping=mapping, data_to=given, set_aside=set_aside)
    if not isinstance(taken, Load):
        rows = f"{taken.rows:,} rows of {taken.columns} columns are in {taken.matrix}"
        found = {"matrix": str(taken.matrix), "rows": taken.rows, "columns": taken.columns}
        answer(found, f"{rows}; 'precursor train QUESTION --matrix' takes them.", as_json)
        return
    aside = len(taken.set_aside())
    tables = manifest(taken.path)["tables"]
    held = {name: about["rows"] for name, about in tables.items() if about["rows"]}
    held = dict.fromkeys(REQUIRED, 0) | held
    found = {
        "records": str(taken.path),
        "data_to": taken.data_to,
        "rows": held,
        "set_aside": aside,
    }
    text = f"Records up to {taken.data_to} are in {taken.path}: " + ", ".join(
        f"{name} {count:,}" for name, count in held.items()
    )
    told = f"{aside:,} were set aside or handled" if aside else "nothing was set aside"
    lost = [name for name in REQUIRED if aside and not held[name]]
    if lost:
        told += f". Nothing is left of {', '.join(lost)}: nobody can be scored from this"
    answer(found, f"{text}; {told}. 'precursor check {taken.path}' tells more.", as_json)


@app.command()
def check(
    records: Records,
    most: Annotated[int, typer.Option(min=0, help="Violations to list of each rule.")] = 5,
    everything: Annotated[
        Path | None,
        typer.Option(
            "--all", help="Write every violation: FILE.csv or .parquet.", callback=in_a_folder
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            help="Write a quality report: FILE.html, or .json alone.", callback=in_a_folder
        ),
    ] = None,
    mapping: Annotated[Path | None, typer.Option(help="YAML that maps files and columns.")] = None,
    as_json: Json = False,
) -> None:
    """Count every violation of a load or folder; list the first, with table, row, value, remedy.

    Example: precursor check .precursor/records/demo --report quality.html
    """
    from features.breach_list import refuse_unfit, write_list
    from features.check import examined
    from features.quality import quality
    from features.quality_report import write_quality

    for file, suffixes in ((everything, (".csv", ".parquet")), (report, (".html", ".json"))):
        if file is not None:
            refuse_unfit(file, records, suffixes)
    with (
        progress("checking", as_json) as tell,
        examined(records, mapping=mapping, progress=tell) as opened,
    ):
        found = opened.report(most)
        if everything is not None:
            write_list(opened, everything)
        if report is not None:
            write_quality(quality(opened, found), report)
    text = in_words(found, most)
    written = [str(file) for file in (everything, report) if file is not None]
    if written:
        text += f"\nWritten: {', '.join(written)}. Keep them as you keep the records."
    answer(found.as_json() | {"written": written}, text, as_json)
    if not found.ok:
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
    from features.check import errors_first

    if not report.findings:
        return f"{report.path}: no violations; the records are good."
    lines = []
    for found in errors_first(report.findings):
        lines.append(f"{found.severity}: {found.place}, rule {found.rule}: {found.count:,}")
        lines += [f"  {violation}" for violation in found.examples[:most]]
        if found.count > most > 0:
            lines.append(f"  and {found.count - most:,} more (--most N, or --all FILE for all)")
    number = f"{report.count:,} violation{'s' * (report.count != 1)}"
    lines.append(
        f"{report.path}: {number}; none of them keeps the records from being used."
        if report.ok
        else f"{report.path}: {number}; errors stand. Mend the source and ingest it again."
    )
    return "\n".join(lines)
