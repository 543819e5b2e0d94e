"""What compiles a history: DuckDB inside this process, a PostgreSQL server, or Spark.

Each runs the same expressions (`features.compile`); the sweep over what they hand over is the same,
and so is the matrix, to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable

from features.compiled import Database
from features.errors import UsageError
from features.loads import Load
from features.taxonomy import HARM


def _duckdb(load: Load, harm: str) -> Database:
    from features.backends.duckdb import DuckDB

    return DuckDB(load, harm)


def _postgres(load: Load, harm: str) -> Database:
    from features.backends.postgres import Postgres

    return Postgres(load, harm)


BACKENDS: dict[str, Callable[[Load, str], Database]] = {"duckdb": _duckdb, "postgres": _postgres}
"""How each kind of backend is opened for a load."""


def open_backend(name: str, load: Load, harm: str = HARM) -> Database:
    """Open a load in the backend of a name.

    Raises
    ------
    UsageError
        There is no such backend.

    Examples
    --------
    >>> open_backend("abacus", None)
    Traceback (most recent call last):
    ...
    features.errors.UsageError: there is no backend 'abacus'. Use one of: duckdb, postgres.
    """
    if name not in BACKENDS:
        raise UsageError(
            f"there is no backend '{name}'", remedy=f"Use one of: {', '.join(BACKENDS)}."
        )
    return BACKENDS[name](load, harm)
