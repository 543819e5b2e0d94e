"""A force's own harm weights: a CSV of days by offence code, refused with all its faults."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
from pyarrow import csv

from features.errors import RecordsRefused

MOST_DAYS = 36_500
COLUMNS = ("offence_code", "harm")
_DAYS = re.compile(r"[0-9]{1,5}(\.[0-9]{1,2})?")
_SHOWN = 10


def own_weights(path: Path, codes: frozenset[str]) -> dict[str, int]:
    r"""Return a force's own weights by offence code, in hundredths of a day.

    Parameters
    ----------
    path : Path
        CSV in UTF-8 with a heading: `offence_code` and `harm`, in days with at most two decimals;
        other columns are ignored.
    codes : set of str
        The codes there are. Those that the file does not name carry no harm.

    Raises
    ------
    RecordsRefused
        The file cannot be read or lacks a column; a code is unknown or stands twice; a weight is no
        number of days. `violations` lists every row.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "own.csv"
    >>> _ = file.write_text("offence_code,harm\n008/65,182.5\n")
    >>> own_weights(file, frozenset({"008/65"}))
    {'008/65': 18250}
    """
    table = _text(path)
    faults, found = [], dict[str, int]()
    for row, (code, days) in enumerate(
        zip(*(table[name].to_pylist() for name in COLUMNS), strict=True), start=1
    ):
        if code not in codes:
            faults.append(f"row {row}: there is no offence code {code!a}")
        elif code in found:
            faults.append(f"row {row}: {code} stands twice")
        if not _DAYS.fullmatch(days) or float(days) > MOST_DAYS:
            faults.append(f"row {row}: {days!a} is no number of days, 0 to {MOST_DAYS}")
        else:
            whole, _, rest = days.partition(".")
            found[code] = 100 * int(whole) + int(rest.ljust(2, "0"))
    if not table.num_rows:
        faults.append("there are no rows")
    if faults:
        raise _refused(path, faults)
    return found


def _text(path: Path) -> pa.Table:
    """Read the two columns as text, whatever they look like."""
    types = csv.ConvertOptions(
        column_types=dict.fromkeys(COLUMNS, pa.string()),
        include_columns=COLUMNS,
        strings_can_be_null=False,
    )
    try:
        return csv.read_csv(path, convert_options=types)
    except (pa.ArrowInvalid, pa.ArrowKeyError) as broken:
        raise _refused(path, [str(broken).splitlines()[0]]) from broken


def _refused(path: Path, faults: list[str]) -> RecordsRefused:
    more = f" and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    return RecordsRefused(
        f"{path.name}: {'; '.join(faults[:_SHOWN])}{more}",
        remedy="Give a CSV in UTF-8 with the columns offence_code and harm, in days; rows are"
        " counted from 1 below the heading.",
        violations=faults,
    )
