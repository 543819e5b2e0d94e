"""The database refuses changes; where it is forced, the walk over the chain finds them."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers import WHO, address, ledger, score, tamper  # noqa: F401 - fixtures

from features.errors import Conflict, NotFound, UsageError
from serving import guards, tables
from serving.chain import HASHED, canonical, entry_hash
from serving.database import MIGRATIONS, LedgerUnavailable, connect, migrate
from serving.database_address import database_url
from serving.ledger import Action, Head, Leaf, Ledger
from serving.merkle import leaf_hash, merkle_root, node_hash

FORBIDDEN = [
    "UPDATE ledger_entry SET purpose = 'another' WHERE seq = 1",
    "UPDATE ledger_leaf SET payload = subject WHERE seq = 1",
    "DELETE FROM ledger_entry WHERE seq = 2",
    "DELETE FROM ledger_leaf WHERE seq = 1 AND position = 0",
    # out of order, into an entry that stands, in place of one that stands
    "INSERT INTO ledger_entry SELECT 9, at, actor, role, action, purpose, question, body, "
    "leaf_count, root, previous_hash, hash, seal FROM ledger_entry WHERE seq = 1",
    "INSERT INTO ledger_leaf SELECT 1, 7, subject, 'other', payload, hash FROM ledger_leaf "
    "WHERE seq = 1 AND position = 0",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_database_refuses_changes(ledger: Ledger, address: str, statement: str) -> None:  # noqa: F811
    score(ledger, "N1", "N2")
    score(ledger, "N1")
    engine = sa.create_engine(address)
    with (
        pytest.raises(sa.exc.DBAPIError, match="append-only"),
        engine.begin() as connection,
    ):
        connection.exec_driver_sql(statement)
    engine.dispose()
    assert ledger.verify().ok


REPLACING = [
    "INSERT OR REPLACE INTO ledger_entry SELECT * FROM ledger_entry",
    "INSERT OR REPLACE INTO ledger_leaf SELECT * FROM ledger_leaf",
    # as if it came with the next entry, under a score id that stands
    "INSERT OR REPLACE INTO ledger_leaf SELECT 2, 0, subject, score_id, payload, hash "
    "FROM ledger_leaf",
]


@pytest.mark.parametrize("statement", REPLACING)
def test_sqlite_refuses_to_replace_rows(precursor_home: Path, statement: str) -> None:
    with Ledger.open() as opened:
        score(opened, "N1")
        engine = sa.create_engine(f"sqlite:///{precursor_home / 'ledger.db'}")
        with (
            pytest.raises(sa.exc.IntegrityError, match="append-only"),
            engine.begin() as connection,
        ):
            connection.exec_driver_sql(statement)
        engine.dispose()
        assert opened.verify().ok


@pytest.mark.postgres
@pytest.mark.parametrize(
    "statement",
    ["TRUNCATE ledger_leaf", "SET session_replication_role = replica; DELETE FROM ledger_entry"],
)
def test_postgres_refuses_to_truncate(
    postgres_database: str,
    monkeypatch: pytest.MonkeyPatch,
    statement: str,
) -> None:
    monkeypatch.setenv("PRECURSOR_MASTER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    with Ledger.open(postgres_database) as opened:
        score(opened, "N1")
        engine = sa.create_engine(postgres_database)
        with (
            pytest.raises(sa.exc.DBAPIError, match="append-only"),
            engine.begin() as connection,
        ):
            connection.exec_driver_sql(statement)
        engine.dispose()
        assert opened.verify().ok


def written(opened: Ledger, people: list[int]) -> None:
    for number, count in enumerate(people):
        score(opened, *(f"N{number}-{place}" for place in range(count)), band="High")


@pytest.fixture(scope="module")
def small_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a ledger with a few entries, to be copied and damaged."""
    folder = tmp_path_factory.mktemp("written")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRECURSOR_HOME", str(folder))
        with Ledger.open() as opened:
            written(opened, [0, 1, 3, 2, 1])
            opened.append("promotion", question="escalation", **WHO, body=PROMOTED)
    return folder


PROMOTED = {"version": 1, "sha256": "ab" * 32}
TEXTS = [column.name for column in tables.entry.c if column.name not in ("seq", "leaf_count")]


def entry_edits() -> st.SearchStrategy[tuple[str, int]]:
    value = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
    text = st.tuples(st.sampled_from(TEXTS), value).map(
        lambda edit: f"{edit[0]} = {quoted(edit[1])}"
    )
    count = st.integers(0, 9).map(lambda value: f"leaf_count = {value}")
    return st.tuples(text | count, st.integers(1, 6))


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''").replace("%", "%%") + "'"


def damaged(source: Path, where: Path, *statements: str) -> Any:
    """Copy the ledger, change it, and return what a verification finds, and whether it changed."""
    shutil.rmtree(where, ignore_errors=True)
    shutil.copytree(source, where)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRECURSOR_HOME", str(where))
        # as the head of the whole ledger was never noted down, unless a test does it
        shutil.rmtree(where / "checkpoints", ignore_errors=True)
        before = content(where)
        tamper(f"sqlite:///{where / 'ledger.db'}", *statements)
        with Ledger.open() as opened:
            return opened.verify(), content(where) != before


def content(where: Path) -> list[Any]:
    with closing(sqlite3.connect(where / "ledger.db")) as connection:
        connection.text_factory = bytes
        return [
            connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
            for table in ("ledger_entry", "ledger_leaf")
        ]


@settings(max_examples=60)
@given(edit=entry_edits())
def test_any_edit_of_an_entry_is_found(
    small_ledger: Path, tmp_path_factory: pytest.TempPathFactory, edit: tuple[str, int]
) -> None:
    assignment, seq = edit
    where = tmp_path_factory.getbasetemp() / "edited"
    found, changed = damaged(
        small_ledger, where, f"UPDATE ledger_entry SET {assignment} WHERE seq = {seq}"
    )
    assert found.ok is not changed
    assert not changed or found.breaks[0].seq in (seq, seq + 1)


@settings(max_examples=40)
@given(
    place=st.sampled_from([(2, 0), (3, 0), (3, 1), (3, 2), (4, 0), (4, 1), (5, 0)]),
    column=st.sampled_from(["subject", "payload", "hash"]),
    byte=st.integers(0, 31),
    value=st.binary(min_size=1, max_size=1),
)
def test_any_edit_of_a_leaf_is_found(
    small_ledger: Path,
    tmp_path_factory: pytest.TempPathFactory,
    place: tuple[int, int],
    column: str,
    byte: int,
    value: bytes,
) -> None:
    where = tmp_path_factory.getbasetemp() / "leaf-edited"
    found, changed = damaged(
        small_ledger,
        where,
        f"UPDATE ledger_leaf SET {column} = CAST(substr({column}, 1, {byte}) || x'{value.hex()}' "
        f"|| substr({column}, {byte} + 2) AS BLOB) "
        f"WHERE seq = {place[0]} AND position = {place[1]}",
    )
    assert found.ok is not changed
    assert not changed or (found.breaks[0].seq, found.breaks[-1].leaf) == place


OTHERS = {
    "an entry removed": ["DELETE FROM ledger_entry WHERE seq = 3"],
    "an entry and its leaves removed": [
        "DELETE FROM ledger_entry WHERE seq = 3",
        "DELETE FROM ledger_leaf WHERE seq = 3",
    ],
    "the first entry removed": ["DELETE FROM ledger_entry WHERE seq = 1"],
    "an entry removed and the gap closed": [
        "DELETE FROM ledger_entry WHERE seq = 1",
        "UPDATE ledger_entry SET seq = -seq",
        "UPDATE ledger_entry SET seq = -seq - 1",
        "UPDATE ledger_leaf SET seq = -seq",
        "UPDATE ledger_leaf SET seq = -seq - 1",
    ],
    "two entries exchanged": [
        "UPDATE ledger_entry SET seq = -2 WHERE seq = 2",
        "UPDATE ledger_entry SET seq = 2 WHERE seq = 5",
        "UPDATE ledger_entry SET seq = 5 WHERE seq = -2",
        "UPDATE ledger_leaf SET seq = -2 WHERE seq = 2",
        "UPDATE ledger_leaf SET seq = 2 WHERE seq = 5",
        "UPDATE ledger_leaf SET seq = 5 WHERE seq = -2",
    ],
    "an entry repeated at the end": [
        "INSERT INTO ledger_entry SELECT 7, at, actor, role, action, purpose, question, body, "
        "leaf_count, root, (SELECT hash FROM ledger_entry WHERE seq = 6), hash, seal "
        "FROM ledger_entry WHERE seq = 1"
    ],
    "a leaf removed": ["DELETE FROM ledger_leaf WHERE seq = 3 AND position = 1"],
    "the last leaf removed": ["DELETE FROM ledger_leaf WHERE seq = 3 AND position = 2"],
    "all leaves removed": ["DELETE FROM ledger_leaf"],
    "a leaf removed and the gap closed": [
        "DELETE FROM ledger_leaf WHERE seq = 3 AND position = 0",
        "UPDATE ledger_leaf SET position = position - 1 WHERE seq = 3 AND position = 1",
        "UPDATE ledger_leaf SET position = position - 1 WHERE seq = 3 AND position = 2",
    ],
    "two leaves exchanged": [
        "UPDATE ledger_leaf SET position = 9 WHERE seq = 3 AND position = 0",
        "UPDATE ledger_leaf SET position = 0 WHERE seq = 3 AND position = 1",
        "UPDATE ledger_leaf SET position = 1 WHERE seq = 3 AND position = 9",
    ],
    "a leaf added": [
        "INSERT INTO ledger_leaf SELECT seq, 3, subject, NULL, payload, hash FROM ledger_leaf "
        "WHERE seq = 3 AND position = 0"
    ],
    "a leaf added to an entry without": [
        "INSERT INTO ledger_leaf SELECT 1, 0, subject, NULL, payload, hash FROM ledger_leaf "
        "WHERE seq = 3 AND position = 0"
    ],
    "a leaf of no entry": [
        "INSERT INTO ledger_leaf SELECT 70, 0, subject, NULL, payload, hash FROM ledger_leaf "
        "WHERE seq = 3 AND position = 0"
    ],
    "text that is no text": ["UPDATE ledger_entry SET purpose = CAST(x'ff' AS TEXT) WHERE seq = 2"],
}


FIRST_BREAK = {
    "an entry removed": 3,
    "an entry and its leaves removed": 3,
    "the first entry removed": 1,
    "an entry repeated at the end": 7,
    "a leaf of no entry": 70,
}


@pytest.mark.parametrize("what", OTHERS)
def test_removals_insertions_and_exchanges_are_found(
    small_ledger: Path, tmp_path: Path, what: str
) -> None:
    found, changed = damaged(small_ledger, tmp_path / "copy", *OTHERS[what])
    assert changed
    assert not found.ok
    assert found.breaks[0].seq == FIRST_BREAK.get(what, found.breaks[0].seq)
    for each in found.breaks:
        assert each.seq is not None, "a break names its entry"
        assert each.what
        assert each.remedy


def test_every_break_is_listed_not_only_the_first(small_ledger: Path, tmp_path: Path) -> None:
    found, _ = damaged(
        small_ledger,
        tmp_path / "copy",
        "UPDATE ledger_entry SET actor = 'x' WHERE seq = 2",
        "UPDATE ledger_entry SET actor = 'x' WHERE seq = 4",
        "UPDATE ledger_leaf SET payload = subject WHERE seq = 3 AND position = 1",
    )
    assert {each.seq for each in found.breaks} == {2, 3, 4}
    assert found.as_data()["breaks"][0]["remedy"]


def rehashed(where: Path, seq: int, **changes: Any) -> list[str]:
    """Return statements that change an entry and make the whole chain after it fit."""
    engine = sa.create_engine(f"sqlite:///{where / 'ledger.db'}")
    with engine.connect() as connection:
        rows = connection.execute(
            sa.select(tables.entry).where(tables.entry.c.seq >= seq).order_by(tables.entry.c.seq)
        ).mappings()
        statements, previous = [], None
        for row in rows:
            fields = {name: row[name] for name in HASHED}
            fields |= changes if row["seq"] == seq else {"previous_hash": previous}
            previous = entry_hash(fields)
            told = {**changes} if row["seq"] == seq else {"previous_hash": fields["previous_hash"]}
            values = ", ".join(
                f"{name} = {quoted(value)}" for name, value in {**told, "hash": previous}.items()
            )
            statements.append(f"UPDATE ledger_entry SET {values} WHERE seq = {row['seq']}")
    engine.dispose()
    return statements


@pytest.mark.parametrize("seq", [1, 3, 6])
def test_a_chain_made_anew_without_the_key_is_found(
    small_ledger: Path, tmp_path: Path, seq: int
) -> None:
    statements = rehashed(small_ledger, seq, actor="somebody.else")
    found, _ = damaged(small_ledger, tmp_path / "copy", *statements)
    assert not found.ok
    assert found.breaks[0].seq in (seq, None)
    assert "seal" in found.breaks[0].what


def test_an_entry_of_another_branch_is_found_though_it_is_sealed(
    precursor_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Ledger.open() as opened:
        opened.append("view", **WHO)
    shutil.copytree(precursor_home, tmp_path / "branch")
    for folder, action in ((precursor_home, "export"), (tmp_path / "branch", "list")):
        monkeypatch.setenv("PRECURSOR_HOME", str(folder))
        with Ledger.open() as opened:
            opened.append(action, **WHO)
            opened.append("view", **WHO)
    monkeypatch.setenv("PRECURSOR_HOME", str(precursor_home))
    tamper(
        f"sqlite:///{precursor_home / 'ledger.db'}",
        f"ATTACH '{tmp_path / 'branch' / 'ledger.db'}' AS branch",
        "DELETE FROM main.ledger_entry WHERE seq = 2",
        "INSERT INTO main.ledger_entry SELECT * FROM branch.ledger_entry WHERE seq = 2",
    )
    with Ledger.open() as opened:
        assert [entry.action for entry in opened.entries()] == ["view", "list", "view"]
        found = opened.verify()
    assert [each.seq for each in found.breaks] == [3]
    assert "entry 2" in found.breaks[0].what


def test_a_tail_cut_off_behind_a_noted_head_is_found(
    precursor_home: Path, tmp_path: Path, small_ledger: Path
) -> None:
    cut = ["DELETE FROM ledger_entry WHERE seq > 4", "DELETE FROM ledger_leaf WHERE seq > 4"]
    found, _ = damaged(small_ledger, tmp_path / "copy", *cut)
    assert found.ok, "a chain alone cannot tell that it was longer"
    shutil.copytree(small_ledger, precursor_home)
    with Ledger.open() as opened:
        noted = opened.checkpoint()
        assert noted == opened.head()
        assert opened.verify().ok
    tamper(f"sqlite:///{precursor_home / 'ledger.db'}", *cut)
    with Ledger.open() as opened:
        found = opened.verify()
        assert [each.seq for each in found.breaks] == [6]
        assert "ends with entry 4" in found.breaks[0].what
        score(opened, "N1")
        score(opened, "N1")
        assert [each.seq for each in opened.verify().breaks] == [6], "written over is no remedy"


def test_a_head_noted_elsewhere_is_compared(ledger: Ledger) -> None:  # noqa: F811
    assert ledger.head() is None
    entry, _ = score(ledger, "N1")
    assert ledger.verify(heads=[Head(entry.seq, entry.hash)]).ok
    found = ledger.verify(heads=[Head(1, "0" * 64), Head(2, "0" * 64)])
    assert [each.seq for each in found.breaks] == [1, 2]


def test_heads_are_noted_every_hundred_entries_and_at_the_end(precursor_home: Path) -> None:
    with Ledger.open() as opened:
        for _ in range(205):
            opened.append("audit", **WHO)
    notes = [
        json.loads(line)
        for file in (precursor_home / "checkpoints").glob("*.jsonl")
        for line in file.read_text().splitlines()
    ]
    assert [note["seq"] for note in notes] == [100, 200, 205]


def test_a_guard_taken_off_is_found(ledger: Ledger, address: str) -> None:  # noqa: F811
    score(ledger, "N1")
    engine = sa.create_engine(address)
    with engine.begin() as connection:
        on = "" if connection.dialect.name == "sqlite" else " ON ledger_leaf"
        connection.exec_driver_sql(f"DROP TRIGGER ledger_leaf_no_delete{on}")
    engine.dispose()
    found = ledger.verify()
    assert ["ledger_leaf_no_delete" in each.what for each in found.breaks] == [True]


def test_a_file_that_is_no_whole_database_any_more_is_reported(precursor_home: Path) -> None:
    with Ledger.open() as opened:
        written(opened, [100] * 30)
    path = precursor_home / "ledger.db"
    whole = path.read_bytes()
    half = len(whole) // 2
    path.write_bytes(whole[:half] + b"\xff" * half)
    with Ledger.open() as opened:
        found = opened.verify()
    assert any("malformed" in each.what for each in found.breaks)
    path.write_bytes(b"\xff" * len(whole))
    with pytest.raises(LedgerUnavailable, match="not a database") as refused:
        Ledger.open()
    assert "back-up" in refused.value.remedy


def test_tampering_is_found_on_either_database(ledger: Ledger, address: str) -> None:  # noqa: F811
    written(ledger, [2, 3, 1])
    tamper(address, "UPDATE ledger_entry SET actor = 'x' WHERE seq = 2")
    assert [each.seq for each in ledger.verify().breaks] == [2]


def test_what_was_recorded_comes_back_as_it_was(ledger: Ledger) -> None:  # noqa: F811
    said = {"band": "High", "reasons": [{"text": "3 reports, é", "contribution": 0.1}], "p": None}
    entry, (first, second) = score(ledger, "N1", "N2", **said)
    assert (entry.seq, entry.leaf_count, entry.action) == (1, 2, "score")
    assert ledger.entry(1) == entry == ledger.entries()[0]
    assert ledger.score(second) == (entry, {"nominal_id": "N2", **said})
    seen = ledger.append(
        Action.VIEW, people=[Leaf("N1", payload={"score_id": first})], question=None, **WHO
    )
    assert [each.entry.seq for each in ledger.person("N1")] == [seen.seq, 1]
    assert ledger.person("N1")[1].payload == {"nominal_id": "N1", **said}
    assert [each.nominal_id for each in ledger.people(1)] == ["N1", "N2"]
    assert ledger.person("N3") == []
    assert entry.previous_hash == guards.FIRST
    assert seen.previous_hash == entry.hash
    row = {**entry.as_data(), "body": canonical(entry.body)}
    assert entry_hash(row) == entry.hash
    with pytest.raises(NotFound, match="'s0'"):
        ledger.score("s0")


def test_entries_can_be_asked_for_by_what_they_say(ledger: Ledger) -> None:  # noqa: F811
    for actor in ("first", "second"):
        for action in ("view", "list", "export"):
            ledger.append(action, actor=actor, role="analyst", purpose="p", question=actor)
    assert [e.seq for e in ledger.entries(actor="second", limit=2)] == [6, 5]
    assert [e.seq for e in ledger.entries(action=["view", "list"], before=5)] == [4, 2, 1]
    assert [e.seq for e in ledger.entries(question="first", action="list")] == [2]
    middle = ledger.entry(4).at
    assert [e.seq for e in ledger.entries(since=middle, limit=None)] == [6, 5, 4]
    assert [e.seq for e in ledger.entries(until=middle)] == [3, 2, 1]


def test_no_clear_text_about_a_person_is_in_the_databases(
    precursor_home: Path, small_ledger: Path
) -> None:
    with Ledger.open() as opened:
        score(opened, "NOMINAL-4711", reasons="reports of stalking")
    for file in precursor_home.rglob("*"):
        if file.is_file():
            held = file.read_bytes()
            assert b"NOMINAL-4711" not in held, file
            assert b"stalking" not in held, file


def test_a_checkpoint_cut_short_by_a_crash_spoils_no_other(precursor_home: Path) -> None:
    with Ledger.open() as opened:
        score(opened, "N1")
        opened.checkpoint()
        (notes,) = (precursor_home / "checkpoints").glob("*.jsonl")
        whole = notes.read_text()
        notes.write_text(whole + whole[:20])
        found = opened.verify()
        assert [each.seq for each in found.breaks] == [None]
        assert "line 2" in found.breaks[0].what
        score(opened, "N1")
        opened.checkpoint()
        assert len(opened.verify().breaks) == 1
        notes.write_text(notes.read_text().replace(whole[:20] + "\n", ""))
        assert opened.verify().ok


def test_a_state_folder_can_be_moved_with_all_that_proves_it(
    precursor_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Ledger.open() as opened:
        score(opened, "N1")
        opened.checkpoint()
    precursor_home.rename(tmp_path / "moved")
    monkeypatch.setenv("PRECURSOR_HOME", str(tmp_path / "moved"))
    tamper(f"sqlite:///{tmp_path / 'moved' / 'ledger.db'}", "DELETE FROM ledger_entry")
    with Ledger.open() as opened:
        assert 1 in [each.seq for each in opened.verify().breaks]


def test_the_chain_can_be_checked_without_our_code(small_ledger: Path) -> None:
    names = [column.name for column in tables.entry.c][:-2]
    assert names[-1] == "previous_hash"
    previous = "0" * 64
    with closing(sqlite3.connect(small_ledger / "ledger.db")) as connection:
        for *row, said in connection.execute(
            f"SELECT {', '.join(names)}, hash FROM ledger_entry ORDER BY seq"
        ):
            fields = dict(zip(names, row, strict=True))
            assert fields["previous_hash"] == previous
            text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
            assert hashlib.sha256(text.encode()).hexdigest() == said
            level = [
                hashlib.sha256(
                    b"\0" + subject + len(name).to_bytes(2, "big") + name.encode() + payload
                ).digest()
                for subject, name, payload in connection.execute(
                    "SELECT subject, coalesce(score_id, ''), payload FROM ledger_leaf "
                    "WHERE seq = ? ORDER BY position",
                    (fields["seq"],),
                )
            ]
            while len(level) > 1:
                pairs = [level[at : at + 2] for at in range(0, len(level), 2)]
                level = [
                    hashlib.sha256(b"\1" + pair[0] + pair[1]).digest() if pair[1:] else pair[0]
                    for pair in pairs
                ]
            assert fields["root"] == (level[0].hex() if level else None)
            previous = said


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"purpose": "  "}, ["purpose"]),
        ({"actor": "", "role": "", "purpose": ""}, ["actor", "role", "purpose"]),
        ({"purpose": None}, ["purpose"]),
        ({"action": "tea"}, ["'tea'"]),
        ({"purpose": "x" * 2000}, ["2000"]),
        ({"actor": "a\0b"}, ["actor"]),
        ({"actor": "\ud800"}, ["actor"]),
        ({"body": {"deep": [{"nominal_id": "N1"}]}}, ["'nominal_id'"]),
        ({"body": {"about": "N1"}, "people": [Leaf("N1")]}, ["names a person"]),
        ({"body": {"value": float("nan")}}, ["JSON"]),
        ({"people": [Leaf("N1", payload={"value": float("inf")})]}, ["JSON"]),
        ({"people": [Leaf("")]}, ["nominal id"]),
        ({"people": [Leaf("\ud800")]}, ["nominal id"]),
        ({"action": "promotion", "body": {}}, ["question", "version", "SHA-256"]),
    ],
)
def test_what_may_not_be_recorded_is_refused_with_all_faults(
    given: dict[str, Any], fields: list[str]
) -> None:
    with Ledger.open() as opened:
        with pytest.raises(UsageError) as refused:
            opened.append(**{"action": "view", **WHO, **given})
        assert opened.entries() == []
    for field in fields:
        assert field in str(refused.value)
    assert refused.value.remedy


def test_a_score_id_is_used_once(ledger: Ledger) -> None:  # noqa: F811
    _, (taken,) = score(ledger, "N1")
    with pytest.raises(Conflict, match="score id"):
        ledger.append("score", people=[Leaf("N2", taken)], **WHO)
    for others in (1, 500):
        people = [Leaf("N2", f"s{number}") for number in [0, 0, *range(1, others)]]
        with pytest.raises(Conflict, match="score id"):
            ledger.append("score", people=people, **WHO)
    assert len(ledger.entries()) == 1
    assert ledger.verify().ok


def test_the_model_in_force_is_the_last_one_promoted(ledger: Ledger) -> None:  # noqa: F811
    def put(action: str, version: int | None = None) -> None:
        body = {} if version is None else {"version": version, "sha256": f"{version:064x}"}
        ledger.append(action, question="escalation", body=body, **WHO)

    assert ledger.promoted_sha("escalation") is None
    put("promotion", 1)
    put("promotion", 2)
    assert ledger.promoted_sha("escalation") == (2, f"{2:064x}")
    put("rollback", 1)
    assert ledger.promoted_sha("escalation") == (1, f"{1:064x}")
    put("suspension")
    assert ledger.promoted_sha("escalation") is None
    put("promotion", 3)
    assert ledger.promoted_sha("escalation") == (3, f"{3:064x}")
    put("retirement")
    assert ledger.promoted_sha("escalation") is None
    assert ledger.promoted_sha("another") is None


def test_the_migrations_make_the_tables_that_queries_expect(address: str) -> None:  # noqa: F811
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    for store, metadata in (("ledger", tables.LEDGER), ("keys", tables.KEYS)):
        engine = connect(database_url(address, variable="X", file="x.db"))
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")
            tables.LEDGER.drop_all(connection)  # the keys want a database of their own
        migrate(engine, store)
        with engine.connect() as connection:
            names = {table.name for table in metadata.sorted_tables}
            context = MigrationContext.configure(
                connection,
                opts={
                    "include_name": lambda name, kind, _, names=names: (
                        kind != "table" or name in names
                    )
                },
            )
            assert compare_metadata(context, metadata) == []
            assert (
                context.get_current_revision()
                == ScriptDirectory(str(MIGRATIONS / store)).get_current_head()
            )
        engine.dispose()


def test_a_ledger_of_a_later_release_is_left_alone(ledger: Ledger, address: str) -> None:  # noqa: F811
    engine = sa.create_engine(address)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(Exception, match="version 9999") as refused:
        Ledger.open(address)
    assert "later" in refused.value.remedy  # type: ignore[attr-defined]


def by_definition(leaves: list[bytes]) -> bytes:
    """The root as RFC 6962 defines it: split at the largest power of two below the count."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(by_definition(leaves[:half]), by_definition(leaves[half:]))


@given(st.lists(st.binary(max_size=4), max_size=40))
def test_the_root_is_that_of_the_standard(contents: list[bytes]) -> None:
    leaves = [leaf_hash(content) for content in contents]
    assert merkle_root(leaves) == (by_definition(leaves) if leaves else None)


@given(st.lists(st.binary(max_size=4), min_size=1, max_size=20, unique=True), st.data())
def test_a_root_stands_for_one_list_alone(contents: list[bytes], data: st.DataObject) -> None:
    leaves = [leaf_hash(content) for content in contents]
    other = data.draw(
        st.permutations(leaves) | st.just(leaves[:-1]) | st.just([*leaves, leaves[-1]])
    )
    assert (merkle_root(other) == merkle_root(leaves)) is (other == leaves)
