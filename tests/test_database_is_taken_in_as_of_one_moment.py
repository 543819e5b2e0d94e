"""A database is taken in as of one moment, read-only, without its password in any word or file."""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import psycopg
import pyarrow.parquet as pq
import pytest
import yaml
from record_folders import Rows, faultless, write_csv

from features.backends.postgres import Postgres
from features.errors import NotFound, PrecursorError, RecordsRefused, UsageError
from features.ingest import ingest
from features.ingest.stores import PASSWORD, address, open_store
from features.loads import Load
from features.records import TABLES

TYPES = {"string": "TEXT", "date": "DATE", "int64": "BIGINT", "boolean": "BOOLEAN"}


@pytest.fixture(autouse=True)
def no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (PASSWORD, "PGPASSWORD"):
        monkeypatch.delenv(name, raising=False)


def fill(connection: Any, rows: Rows, mark: str = "?") -> None:
    """Make every canonical table in a database, typed, and put rows into it."""
    for name, contract in TABLES.items():
        columns = [c for c in contract.columns if c.name != "load"]
        fields = ", ".join(f'"{c.name}" {TYPES[c.type]}' for c in columns)
        connection.execute(f'CREATE TABLE "{name}" ({fields})')
        for row in rows[name]:
            values = [row[c.name] or None for c in columns]
            marks = ", ".join([mark] * len(values))
            connection.execute(f'INSERT INTO "{name}" VALUES ({marks})', values)


def server(database: str) -> psycopg.Connection:
    return psycopg.connect(database, autocommit=True)


@pytest.fixture
def filled(postgres_database: str) -> str:
    with server(postgres_database) as connection:
        fill(connection, faultless(random.Random(1)), "%s")
    return postgres_database


def alike(load: Load, rows: Rows, tmp_path: Path) -> None:
    """The load holds what a folder of the same rows gives."""
    folder = ingest("folder", write_csv(tmp_path / "as-csv", rows), tmp_path / "as-folder")
    for name in TABLES:
        assert pq.read_table(load.tables[name]).equals(pq.read_table(folder.tables[name])), name


def test_a_postgresql_database_is_taken_in_like_a_folder(filled: str, tmp_path: Path) -> None:
    load = ingest("database", filled, tmp_path / "out")
    assert load.kind == "database"
    alike(load, faultless(random.Random(1)), tmp_path)
    assert [path.name for path in tmp_path.glob(".*")] == []


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_database_file_is_taken_in_like_a_folder(kind: str, tmp_path: Path) -> None:
    rows, file = faultless(random.Random(2)), tmp_path / f"it's {kind}"
    connection: Any = sqlite3.connect(file) if kind == "sqlite" else duckdb.connect(str(file))
    fill(connection, rows)
    connection.commit()
    connection.close()
    before = file.read_bytes()
    alike(ingest("database", str(file), tmp_path / "out"), rows, tmp_path)
    assert file.read_bytes() == before


def mapping_to(folder: Path, **tables: Any) -> Path:
    file = folder / "mapping.yaml"
    said = {"tables": tables, "timezone": "Europe/London"}
    file.write_text(yaml.safe_dump(said, allow_unicode=True), encoding="utf-8")
    return file


HOSTILE = 'x"; DROP TABLE offence; --'


def test_schemas_views_other_types_and_strange_names_are_read(filled: str, tmp_path: Path) -> None:
    with server(filled) as connection:
        connection.execute("CREATE SCHEMA police")
        connection.execute("CREATE TYPE police.kind AS ENUM ('S', 'V')")
        connection.execute(
            """
            CREATE TABLE police.crimes (id uuid, code text, at timestamptz, "x""; DROP TABLE
            offence; --" numeric, kind police.kind, name text)
            """.replace("TABLE\n            offence", "TABLE offence")
        )
        crime = uuid4()
        connection.execute(
            "INSERT INTO police.crimes VALUES (%s, '008/65', '2020-07-01 23:30+00', 7, 'S', 'Ann')",
            [crime],
        )
        connection.execute("CREATE VIEW police.seen AS SELECT * FROM police.crimes")
        connection.execute("DELETE FROM involvement")
        for table in ("custody", "bail", "protective_order", "risk_assessment", "outcome"):
            connection.execute(f"DELETE FROM {table}")
    mapping = mapping_to(
        tmp_path,
        offence={
            "table": "police.seen",
            "columns": {
                "record_id": "id",
                "reference": HOSTILE,
                "offence_code": "code",
                "known_on": "at",
                "grade": "kind",
            },
            "codes": {"grade": {"S": "summary", "V": "other"}},
        },
    )
    load = ingest("database", filled, tmp_path / "out", mapping=mapping)
    (found,) = pq.read_table(load.tables["offence"]).to_pylist()
    assert found["record_id"] == str(crime)
    assert float(found["reference"]) == 7
    assert (found["grade"], found["known_on"]) == ("summary", date(2020, 7, 2))


def test_what_the_mapping_does_not_name_never_leaves_the_database(
    filled: str, tmp_path: Path
) -> None:
    with server(filled) as connection:
        connection.execute("ALTER TABLE nominal ADD COLUMN surname text DEFAULT 'Secretperson'")
    load = ingest("database", filled, tmp_path / "out")
    written = b"".join(path.read_bytes() for path in load.path.iterdir())
    assert b"Secretperson" not in written
    assert b"surname" not in written


def test_all_tables_are_as_of_one_moment(filled: str) -> None:
    with open_store(filled) as store:
        first = sum(batch.num_rows for batch in store.read("nominal", ["record_id"])[1])
        with server(filled) as other:
            other.execute("DELETE FROM involvement")
            other.execute("DELETE FROM nominal")
        again = sum(batch.num_rows for batch in store.read("nominal", ["record_id"])[1])
        links = sum(batch.num_rows for batch in store.read("involvement", ["record_id"])[1])
    assert first == again > 0
    assert links > 0


def test_nothing_can_be_written_to_the_source(filled: str) -> None:
    with pytest.raises(PrecursorError, match="read-only"), open_store(filled) as store:
        store.backend.raw_sql("DELETE FROM nominal")  # type: ignore[attr-defined]


def test_missing_tables_and_columns_are_all_told(filled: str, tmp_path: Path) -> None:
    with server(filled) as connection:
        connection.execute("ALTER TABLE offence DROP COLUMN offence_code")
        connection.execute("ALTER TABLE nominal DROP COLUMN known_on")
    mapping = mapping_to(tmp_path, bail={"table": "BAIL; DROP TABLE nominal"})
    with pytest.raises(RecordsRefused) as caught:
        ingest("database", filled, tmp_path / "out", mapping=mapping)
    assert {(v.table, v.rule, v.column or v.value) for v in caught.value.violations} >= {  # type: ignore[attr-defined]
        ("offence", "missing_column", "offence_code"),
        ("nominal", "missing_column", "known_on"),
        ("bail", "missing_table", "BAIL; DROP TABLE nominal"),
    }
    assert not (tmp_path / "out").exists()
    assert list(tmp_path.glob(".*")) == []


# ---- passwords -----------------------------------------------------------------------------------

SECRET = "correct-horse-battery"


@pytest.fixture
def locked(filled: str) -> Iterator[str]:
    """An account of the server that needs its password."""
    role = f"reader_{uuid4().hex}"
    with server(filled) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{SECRET}'")
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
        (hba,) = connection.execute("SHOW hba_file").fetchone() or ("",)
        rules = Path(hba).read_text(encoding="utf-8")
        Path(hba).write_text(f"local all {role} scram-sha-256\n{rules}", encoding="utf-8")
        connection.execute("SELECT pg_reload_conf()")
        yield filled.replace("precursor@", f"{role}@", 1)
        Path(hba).write_text(rules, encoding="utf-8")
        connection.execute("SELECT pg_reload_conf()")
        connection.execute(f"DROP OWNED BY {role}")
        connection.execute(f"DROP ROLE {role}")


def until_asked(address: str) -> None:
    """Wait until the server asks this account for its password."""
    for _ in range(200):
        try:
            psycopg.connect(address).close()
        except psycopg.OperationalError:
            return
        time.sleep(0.05)
    raise AssertionError("the server never asked for a password")


@pytest.mark.parametrize("name", [PASSWORD, "PGPASSWORD"])
def test_the_password_comes_from_the_environment(
    name: str, locked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    until_asked(locked)
    monkeypatch.setenv(name, SECRET)
    load = ingest("database", locked, tmp_path / "out")
    assert all(SECRET.encode() not in path.read_bytes() for path in load.path.iterdir())


def test_a_wrong_password_is_told_and_not_repeated(
    locked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    until_asked(locked)
    monkeypatch.setenv(PASSWORD, "wrong-secret-word")
    with pytest.raises(PrecursorError) as caught:
        ingest("database", locked, tmp_path / "out")
    assert "password authentication failed" in str(caught.value)
    assert "wrong-secret-word" not in repr(caught.value) + str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.exit_code == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "source",
    [
        f"postgresql://reader:{SECRET}@localhost/crime",
        f"postgresql://reader@localhost/crime?password={SECRET}",
        f"postgres://reader:{SECRET}@[::1/crime",
        f"mysql://reader:{SECRET}@localhost/crime",
        f"postgresql://reader:{SECRET}@host:port/crime",
    ],
)
def test_an_address_with_a_password_is_refused_and_not_repeated(source: str) -> None:
    with pytest.raises(UsageError) as caught:
        address(source)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "source",
    [
        f"host=localhost user=reader password={SECRET}",
        f"postgresql:/reader:{SECRET}@localhost/crime",
    ],
)
def test_what_is_nearly_an_address_is_not_repeated_either(source: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        ingest("database", source, tmp_path / "out")
    assert SECRET not in str(caught.value)


def test_an_address_under_another_kind_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="kind 'database'") as caught:
        ingest("folder", f"postgresql://reader:{SECRET}@localhost/crime", tmp_path / "out")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("password", [f"{SECRET}%zz", f"{SECRET} x", f"x@{SECRET}"])
def test_the_address_of_the_records_is_not_repeated(password: str, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "source", faultless(random.Random(1)))
    load = ingest("folder", source, tmp_path / "out")
    with pytest.raises(UsageError, match="PRECURSOR_RECORDS_URL") as caught:
        Postgres(load, url=f"postgresql://reader:{password}@127.0.0.1:1/crime")
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("mysql://reader@localhost/crime", "'mysql' is no kind"),
        ("postgresql://reader@localhost/crime?options=-c", "unknown parameters options"),
        ("://", "no address"),
    ],
)
def test_an_address_of_something_else_is_refused(source: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said):
        ingest("database", source, tmp_path / "out")


# ---- what goes wrong -----------------------------------------------------------------------------


def test_a_database_that_goes_away_leaves_nothing(filled: str, tmp_path: Path) -> None:
    with server(filled) as connection:
        connection.execute("ALTER TABLE wanted RENAME TO circulated")
        connection.execute(
            "CREATE VIEW wanted AS SELECT n::text AS record_id, pg_sleep(1)::text AS reason"
            " FROM generate_series(1, 1000000) n"  # days, were it not cut off
        )
    stopped = threading.Event()

    def cut_off() -> None:
        with server(filled) as other:
            while not stopped.wait(0.02):
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE wait_event = 'PgSleep' AND datname = current_database()"
                )

    thread = threading.Thread(target=cut_off)
    thread.start()
    try:
        with pytest.raises(PrecursorError, match="Nothing was written") as caught:
            ingest("database", filled, tmp_path / "out")
    finally:
        stopped.set()
        thread.join()
    assert caught.value.code == "source_unavailable"
    assert not (tmp_path / "out").exists()
    assert list(tmp_path.glob(".*")) == []


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    source = f"postgresql://reader@/crime?host={tmp_path}&connect_timeout=2"
    with pytest.raises(PrecursorError, match="Check address and account"):
        ingest("database", source, tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\0garbage" * 40])
def test_a_file_that_is_no_database_is_told(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "some.db"
    file.write_bytes(content)
    with pytest.raises(PrecursorError, match=r"some\.db"):
        ingest("database", str(file), tmp_path / "out")
    with pytest.raises(NotFound):
        ingest("database", str(tmp_path / "none.db"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_empty_database_is_refused(postgres_database: str, tmp_path: Path) -> None:
    with pytest.raises(RecordsRefused, match="no canonical table"):
        ingest("database", postgres_database, tmp_path / "out")


def test_text_that_is_none_is_not_repeated(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "records.db") as lite:
        lite.execute("CREATE TABLE nominal (nominal_id)")
        lite.execute("INSERT INTO nominal VALUES (CAST(x'ff' || 'Smith' AS BLOB))")
    with pytest.raises(PrecursorError, match="Could not decode to UTF-8") as caught:
        ingest("database", tmp_path / "records.db", tmp_path / "out")
    assert "Smith" not in str(caught.value)


def test_a_view_of_a_database_file_reads_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("record_id\nsecret\n", encoding="utf-8")
    with duckdb.connect(str(tmp_path / "crime.db")) as connection:
        connection.execute(
            f"CREATE VIEW nominal AS SELECT * FROM read_csv('{tmp_path}/secret.csv')"
        )
    with pytest.raises(PrecursorError, match="disabled"):
        ingest("database", str(tmp_path / "crime.db"), tmp_path / "out")


def test_a_day_that_python_cannot_hold_is_told(filled: str, tmp_path: Path) -> None:
    with server(filled) as connection:
        connection.execute("UPDATE nominal SET born_on = 'infinity' WHERE record_id = 'N1'")
    with pytest.raises(PrecursorError, match="infinity"):
        ingest("database", filled, tmp_path / "out")


def test_files_belong_to_folders_and_tables_to_databases(filled: str, tmp_path: Path) -> None:
    files = mapping_to(tmp_path, offence={"file": "CRIMES.csv"})
    with pytest.raises(UsageError, match=r"CRIMES\.csv"):
        ingest("database", filled, tmp_path / "out", mapping=files)
    tables = mapping_to(tmp_path, offence={"table": "crimes"})
    folder = write_csv(tmp_path / "in", faultless(random.Random(3)))
    with pytest.raises(UsageError, match="crimes"):
        ingest("folder", folder, tmp_path / "out", mapping=tables)


def test_the_copy_is_its_users_alone(
    filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    real = pq.ParquetWriter

    def watched(file: Any, *given: Any, **more: Any) -> Any:
        seen.append(os.stat(Path(file).parent).st_mode & 0o777)
        return real(file, *given, **more)

    monkeypatch.setattr(pq, "ParquetWriter", watched)
    ingest("database", filled, tmp_path / "out")
    assert set(seen[: len(TABLES)]) == {0o700}
