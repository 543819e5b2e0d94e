"""Records under the later counting rule: harassment beside a graver crime is not counted apart.

Until June 2023 the Home Office Counting Rules had stalking, harassment and the like recorded beside
other crimes of the same person; since then the principal crime alone counts. What is counted before
and after is therefore not the same. Here all records of a load are brought under the later rule, so
that what rests on the rule can be told.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from features.loads import Load, write_load
from features.records import TABLES
from features.taxonomy import taxonomy

WITHIN_DAYS = 7
"""Recorded so soon after a graver crime of the same suspect, an offence is taken to be beside it.

Records do not say which crimes were reported together, so this is an approximation.
"""

_BESIDE = """
SELECT DISTINCT offence.record_id
FROM offence
JOIN codes AS lesser USING (offence_code)
JOIN involvement AS part ON part.offence_id = offence.record_id AND part.role = 'suspect'
JOIN involvement AS other ON other.nominal_id = part.nominal_id AND other.role = 'suspect'
    AND other.known_on BETWEEN part.known_on - $within AND part.known_on
JOIN offence AS graver ON graver.record_id = other.offence_id
JOIN codes AS more ON more.offence_code = graver.offence_code
WHERE lesser.apart AND NOT more.apart AND more.harm > lesser.harm
"""


def principal_only(load: Load, out: Path) -> tuple[Load, int]:
    """Write a load without stalking and harassment that were recorded beside a graver crime.

    With such an offence goes all that hangs on it. Only what was known before it decides, so a
    history as of a date still holds nothing of what came later.

    Parameters
    ----------
    load : Load
    out : Path
        The folder to write.

    Returns
    -------
    Load
        The records that are left.
    int
        How many offences are not counted apart any more.

    Examples
    --------
    >>> import tempfile
    >>> from features.synthetic import synthesise
    >>> folder = Path(tempfile.mkdtemp())
    >>> whole = synthesise(folder / "records", nominals=200, years=2, seed=7)
    >>> left, uncounted = principal_only(whole, folder / "principal")
    >>> left.data_to == whole.data_to, uncounted > 0
    (True, True)
    """
    codes = taxonomy()
    with duckdb.connect() as connection:
        for name, file in load.tables.items():
            connection.execute(TABLES[name].view_sql(file))
        connection.register("all_codes", codes)
        connection.execute(
            "CREATE TABLE codes AS SELECT offence_code, harm, stalking OR harassment AS apart"
            " FROM all_codes"
        )
        connection.execute(f"CREATE TABLE beside AS {_BESIDE}", {"within": WITHIN_DAYS})
        counted = connection.execute("SELECT count(*) FROM beside").fetchone()
        tables = {}
        for name, table in TABLES.items():
            column = "record_id" if name == "offence" else "offence_id"
            where = f"WHERE {column} NOT IN (FROM beside)" if column in table else ""
            if where and name != "offence":
                where += f" OR {column} IS NULL"
            tables[name] = connection.execute(f'SELECT * FROM "{name}" {where}').to_arrow_table()
    written = write_load(
        out,
        tables,
        kind=load.kind,
        data_to=load.data_to,
        synthetic=load.synthetic,
        number=load.number,
    )
    return written, counted[0] if counted else 0
