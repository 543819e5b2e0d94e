"""Files with people in them: the loads and the tables that this installation knows of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from features.below import below
from features.errors import NotFound, PrecursorError, UsageError
from features.files import all_there
from features.home import home
from features.loads import FILES, manifest
from serving.runs import FROZEN, ROWS
from serving.table_of_people import DAMAGED, HEADINGS, TABLES, lines_of, why


def loads(further: Iterable[Path], missed: list[str]) -> list[Path]:
    """Return the folders of all loads that this installation knows of.

    Parameters
    ----------
    missed : list of str
        Takes what is there and cannot be read, with the reason.
    """
    paths = {file.parent for file in (home() / "records").glob("*/load.json")}
    for file in (home() / "loads").glob("*.json"):
        try:
            paths.add(Path(json.loads(file.read_text(encoding="utf-8"))["path"]))
        except DAMAGED as wrong:
            missed.append(f"{file}: {why(wrong)}")
    paths |= {path for path in further if path.is_dir()}
    found = []
    for path in sorted(paths):
        try:
            manifest(path)
        except NotFound:  # it was moved or removed since, or is a folder of other tables
            continue
        except PrecursorError as wrong:
            missed.append(f"{path}: {why(wrong)}")
            continue
        found.append(path)
    return found


def files(further: Iterable[Path], found: Iterable[Path]) -> Iterator[Path]:
    """Yield tables that are none of a load or a run: scored files, matrices, whatever has ids.

    Parameters
    ----------
    found : iterable of Path
        The loads that are read as such, as :func:`loads` returns them.
    """
    found = list(found)
    ours = {(path / name).resolve() for path in found for name in FILES}
    for run in (home() / "runs").glob("*/*"):
        ours |= {(run / name).resolve() for name in (ROWS, FROZEN)}
    for place in (home(), *found, *further):
        for path in [place] if place.is_file() else _tables(place):
            if path.resolve() not in ours:
                ours.add(path.resolve())
                yield path


def _tables(folder: Path) -> Iterator[Path]:
    return (path for path in below(folder) if path.name.lower().endswith(TABLES) and path.is_file())


def readable(also: Iterable[Path]) -> list[Path]:
    """Return what was named, if all of it can be searched for people; or refuse it, all at once.

    Raises
    ------
    UsageError
        Something is not there, cannot be read to its end, or has no column of ids.
    """
    further = all_there(also, field="also")
    wrong: list[str] = []
    for path in further:
        if path.is_dir():
            try:
                manifest(path)
            except NotFound:
                if not any(_tables(path)):
                    wrong.append(f"{path}: neither a load nor a folder with tables")
            except PrecursorError as broken:
                wrong.append(why(broken))
        for table in [path] if path.is_file() else _tables(path):
            try:
                if lines_of(table, "") is None and path.is_file():
                    wrong.append(f"{path}: no column {', '.join(HEADINGS[:3])}")
            except OSError as failed:
                wrong.append(f"{table}: {failed.strerror or why(failed)}")
            except DAMAGED as failed:
                wrong.append(f"{table}: {why(failed)}")
    if wrong:
        raise UsageError(
            "nobody was erased, for these cannot be searched: " + "; ".join(wrong),
            remedy="Give CSV (UTF-8, UTF-16 or Windows-1252) or Parquet with a column nominal_id,"
            " mend what is cut short, or leave them out and remove the person there by hand.",
            field="also",
        )
    return further
