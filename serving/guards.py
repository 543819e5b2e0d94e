"""What makes the database itself refuse to change or remove what the ledger holds."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.engine import Connection

FIRST = "0" * 64
"""What the first entry names as the hash before it."""

_SQLITE = {
    f"{table}_no_{verb.lower()}": (
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: {verb} refused'); END"
    )
    for table in ("ledger_entry", "ledger_leaf")
    for verb in ("UPDATE", "DELETE")
} | {
    # INSERT OR REPLACE would remove rows without the triggers above being asked.
    "ledger_entry_follows": (
        "CREATE TRIGGER ledger_entry_follows BEFORE INSERT ON ledger_entry "
        "WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM ledger_entry) "
        "OR NEW.previous_hash IS NOT coalesce("
        f"(SELECT hash FROM ledger_entry ORDER BY seq DESC LIMIT 1), '{FIRST}') "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: an entry follows the last'); END"
    ),
    "ledger_leaf_follows": (
        "CREATE TRIGGER ledger_leaf_follows BEFORE INSERT ON ledger_leaf "
        "WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM ledger_entry) "
        "OR EXISTS (SELECT 1 FROM ledger_leaf WHERE seq = NEW.seq AND position = NEW.position) "
        "OR EXISTS (SELECT 1 FROM ledger_leaf WHERE score_id = NEW.score_id) "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: leaves come with their entry'); END"
    ),
}

_POSTGRES_BODIES = {
    "ledger_refuses": ("BEGIN RAISE EXCEPTION 'the ledger is append-only: % refused', TG_OP; END"),
    "ledger_entry_follows": (
        "BEGIN IF NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM ledger_entry) "
        "OR NEW.previous_hash <> coalesce("
        f"(SELECT hash FROM ledger_entry ORDER BY seq DESC LIMIT 1), '{FIRST}') "
        "THEN RAISE EXCEPTION 'the ledger is append-only: an entry follows the last'; END IF; "
        "RETURN NEW; END"
    ),
    "ledger_leaf_follows": (
        "BEGIN IF EXISTS (SELECT 1 FROM added WHERE seq <> "
        "(SELECT coalesce(max(seq), 0) + 1 FROM ledger_entry)) "
        "THEN RAISE EXCEPTION 'the ledger is append-only: leaves come with their entry'; END IF; "
        "RETURN NULL; END"
    ),
}

_POSTGRES_TRIGGERS = {
    f"{table}_no_{verb.lower()}": (
        table,
        "ledger_refuses",
        f"BEFORE {verb} ON {table} FOR EACH STATEMENT",
    )
    for table in ("ledger_entry", "ledger_leaf")
    for verb in ("UPDATE", "DELETE", "TRUNCATE")
} | {
    "ledger_entry_follows": (
        "ledger_entry",
        "ledger_entry_follows",
        "BEFORE INSERT ON ledger_entry FOR EACH ROW",
    ),
    # One look per statement, not per row: a batch adds a hundred thousand leaves at once.
    "ledger_leaf_follows": (
        "ledger_leaf",
        "ledger_leaf_follows",
        "AFTER INSERT ON ledger_leaf REFERENCING NEW TABLE AS added FOR EACH STATEMENT",
    ),
}


def install(connection: Connection) -> None:
    """Create the guards on tables that have none yet."""
    if connection.dialect.name == "sqlite":
        for statement in _SQLITE.values():
            connection.exec_driver_sql(statement)
        return
    for function, body in _POSTGRES_BODIES.items():
        head = f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql"
        connection.exec_driver_sql(f"{head} AS $guard${body};$guard$".replace("%", "%%"))
    for name, (table, function, when) in _POSTGRES_TRIGGERS.items():
        connection.exec_driver_sql(f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION {function}()")
        # ALWAYS: it also fires in a session that plays the part of a replica.
        connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


def missing(connection: Connection) -> Iterator[str]:
    """Yield the name of every guard that was removed, replaced or switched off."""
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        )
        found = {name: sql for name, sql in rows}
        yield from (name for name, sql in _SQLITE.items() if found.get(name) != sql)
        return
    rows = connection.exec_driver_sql(
        "SELECT t.tgname, t.tgenabled::text, p.proname, p.prosrc FROM pg_trigger t "
        "JOIN pg_proc p ON p.oid = t.tgfoid "
        "WHERE t.tgrelid IN ('ledger_entry'::regclass, 'ledger_leaf'::regclass)"
    )
    stands = {
        name
        for name, enabled, function, source in rows
        if enabled == "A" and source == _POSTGRES_BODIES.get(function, "") + ";"
    }
    yield from (name for name in _POSTGRES_TRIGGERS if name not in stands)
