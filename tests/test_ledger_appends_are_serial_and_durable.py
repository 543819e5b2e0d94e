"""Workers and command line append to one chain; what was acknowledged is there after kill -9."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from ledgers import WHO, address, ledger, score, tamper  # noqa: F401 - fixtures

from features.errors import PrecursorError, UsageError
from serving.database import ADVISORY_LOCK, LedgerUnavailable
from serving.database_address import database_url
from serving.ledger import Leaf, Ledger, new_score_id

ROOT = Path(__file__).resolve().parent.parent

APPENDER = """
import sys
from serving.ledger import Leaf, Ledger, new_score_id

address, count, people = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
ledger = Ledger.open(address)
print("ready", flush=True)
sys.stdin.readline()
for number in range(count):
    leaves = [Leaf(f"N{place}", new_score_id(), {"place": place}) for place in range(people)]
    entry = ledger.append("score", actor="a", role="service", purpose="load", people=leaves)
    print(entry.seq, entry.hash, leaves[-1].score_id, flush=True)
"""


@contextmanager
def appenders(many: int, to: str, count: int, people: int) -> Iterator[list[subprocess.Popen]]:
    """Start processes that append as fast as they can, all at once."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", APPENDER, to, str(count), str(people)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for _ in range(many)
    ]
    try:
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in started:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                pipe.close()


def acknowledged(process: subprocess.Popen, begun: str = "") -> list[tuple[int, str, str]]:
    """Return what a process was told is recorded; a line cut off by its end does not count."""
    assert process.stdout is not None
    lines = (begun + process.stdout.read()).split("\n")[:-1]
    return [(int(seq), hash_, score_id) for seq, hash_, score_id in map(str.split, lines)]


def test_processes_append_to_one_chain(address: str) -> None:  # noqa: F811
    with appenders(3, address, 25, 2) as processes:
        told = [acknowledged(process) for process in processes]
    with Ledger.open(address) as opened:
        found = opened.verify()
        hashes = {entry.seq: entry.hash for entry in opened.entries(limit=None)}
    assert found.ok, found.breaks
    assert (found.entries, found.leaves) == (75, 150)
    assert sorted(seq for each in told for seq, _, _ in each) == list(range(1, 76))
    assert all(hashes[seq] == hash_ for each in told for seq, hash_, _ in each)
    assert all(each == sorted(each) for each in told), "each process sees its own in order"


def test_processes_that_start_together_make_one_ledger_and_one_master_key(
    precursor_home: Path,
) -> None:
    with appenders(4, f"sqlite:///{precursor_home / 'ledger.db'}", 1, 1) as processes:
        assert all(len(acknowledged(process)) == 1 for process in processes)
    with Ledger.open() as opened:
        assert opened.verify().ok
        assert len(opened.person("N0")) == 4
    assert not list(precursor_home.glob("master.key.*")), "no draft is left behind"


@pytest.mark.parametrize("people", [1, 400])
def test_kill_9_loses_nothing_that_was_acknowledged(address: str, people: int) -> None:  # noqa: F811
    told: list[tuple[int, str, str]] = []
    chance = random.Random(people)
    for _ in range(2):
        with appenders(2, address, 100_000, people) as processes:
            # not before each has been told of one append, however busy the machine is
            first = [process.stdout.readline() for process in processes]
            time.sleep(0.1 + chance.random() * 0.3)
            for process in processes:
                os.kill(process.pid, signal.SIGKILL)
            for process, begun in zip(processes, first, strict=True):
                told += acknowledged(process, begun)
    with Ledger.open(address) as opened:
        found = opened.verify()
        assert found.ok, found.breaks
        assert found.leaves == found.entries * people, "a killed append leaves nothing half done"
        hashes = {entry.seq: entry.hash for entry in opened.entries(limit=None)}
        assert told
        assert all(hashes[seq] == hash_ for seq, hash_, _ in told)
        for _, _, score_id in told[-20:]:
            assert opened.score(score_id)[1] == {"place": people - 1}
        opened.append("audit", **WHO)
        assert opened.verify().ok


def test_threads_append_to_one_chain(ledger: Ledger) -> None:  # noqa: F811
    def work() -> None:
        for _ in range(20):
            score(ledger, "N1", "N2")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = ledger.verify()
    assert found.ok, found.breaks
    assert found.entries == 80


def test_a_forked_child_uses_connections_of_its_own(ledger: Ledger) -> None:  # noqa: F811
    score(ledger, "N1")
    child = os.fork()
    if child == 0:
        try:
            score(ledger, "N2")
            os._exit(0)
        except BaseException:
            os._exit(1)
    score(ledger, "N3")
    assert os.waitpid(child, 0)[1] == 0
    score(ledger, "N4")
    found = ledger.verify()
    assert found.ok, found.breaks
    assert found.entries == 4


def test_sqlite_waits_for_the_disk_before_a_commit_returns(precursor_home: Path) -> None:
    with Ledger.open() as opened, opened.transaction() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


@pytest.mark.postgres
def test_postgres_waits_for_the_disk_whatever_the_server_says(
    postgres_database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PRECURSOR_MASTER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    engine = sa.create_engine(postgres_database, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("ALTER ROLE precursor SET synchronous_commit = off")
    asked = "options=-csynchronous_commit%3Doff%20-cwork_mem%3D8MB"
    url = f"{postgres_database}{'&' if '?' in postgres_database else '?'}{asked}"
    with Ledger.open(url) as opened, opened.transaction() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
        assert connection.exec_driver_sql("SHOW work_mem").scalar() == "8MB"
    with engine.connect() as connection:
        connection.exec_driver_sql("ALTER ROLE precursor RESET synchronous_commit")
    engine.dispose()


def test_what_fails_half_way_leaves_no_trace(ledger: Ledger) -> None:  # noqa: F811
    def broken() -> Iterator[Leaf]:
        yield Leaf("N1", new_score_id(), {})
        yield Leaf("N2", new_score_id(), {"value": object()})

    with pytest.raises(UsageError, match="JSON"):
        ledger.append("batch", people=broken(), **WHO)

    def given_up() -> None:
        with ledger.transaction() as connection:
            ledger.append_within(connection, "audit", **WHO)
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        given_up()
    assert ledger.entries() == []
    assert ledger.verify().ok


def test_a_locked_ledger_is_said_to_be_locked(
    ledger: Ledger,  # noqa: F811
    address: str,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("serving.ledger.READY_SECONDS", 0.2)
    ledger.ready()
    other = sa.create_engine(address)
    with other.connect() as holder:
        if holder.dialect.name == "sqlite":
            holder.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            holder.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")
        started = time.monotonic()
        with pytest.raises(LedgerUnavailable, match=r"locked|lock timeout") as refused:
            ledger.ready()
        assert time.monotonic() - started < 5
        assert refused.value.status == 503
        assert "try again" in refused.value.remedy
    other.dispose()
    ledger.ready()
    entry, _ = score(ledger, "N1")
    assert entry.seq == 1


def test_an_append_waits_for_its_turn(ledger: Ledger, address: str) -> None:  # noqa: F811
    other = sa.create_engine(address, connect_args=SHARED.get(address[:6], {}))
    with other.connect() as holder:
        if holder.dialect.name == "sqlite":
            holder.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            holder.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")
        release = threading.Timer(0.5, holder.close)
        release.start()
        started = time.monotonic()
        entry, _ = score(ledger, "N1")
        assert time.monotonic() - started > 0.4
        assert entry.seq == 1
        release.join()
    other.dispose()


SHARED = {"sqlite": {"check_same_thread": False}}


def test_a_disk_that_is_nearly_full_is_not_ready(
    precursor_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Ledger.open() as opened:
        opened.ready()
        monkeypatch.setattr("serving.database._LEAST_FREE", 1 << 60)
        with pytest.raises(LedgerUnavailable, match="full"):
            opened.ready()


def test_a_state_folder_that_cannot_be_made_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("PRECURSOR_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(LedgerUnavailable) as refused:
        Ledger.open()
    assert "write" in refused.value.remedy


def test_a_full_disk_is_said_to_be_full(precursor_home: Path) -> None:
    with Ledger.open() as opened:
        with opened.transaction() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(LedgerUnavailable, match="full") as refused:
            score(opened, *(f"N{number}" for number in range(500)))
        assert "make room" in refused.value.remedy
        assert opened.verify().entries == 0


def test_a_database_that_is_not_there_is_said_not_to_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PRECURSOR_MASTER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    with pytest.raises(LedgerUnavailable) as refused:
        Ledger.open(f"postgresql://user:secret@/ledger?host={tmp_path}")
    assert "secret" not in str(refused.value)
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://host/db", "'mysql'"),
        ("sqlite://", "memory"),
        ("nonsense secret", "cannot be read"),
        ("postgres://u:secret@127.0.0.1/db", "'postgres'"),
        ("sqlite+pysqlcipher://:secret@/a.db", "'sqlite\\+pysqlcipher'"),
        ("sqlite://user:secret@/a.db", "a third slash is missing"),
        ("sqlite://ledger.db", "a third slash is missing"),
        ("sqlite:///ledger.db?nosuch=secret", "options \\(nosuch\\)"),
        ("postgresql://u:secret@127.0.0.1/db?nosuch=1", "invalid connection option"),
        ("postgresql://u:secret@127.0.0.1:port/db", "cannot be read"),
        ("sqlite:///a\0b", "no file name"),
        ("sqlite:///\ud800", "no file name"),
        ("sqlite:////a.db?secret1=x", "has options\\."),
        ("postgresql://127.0.0.1:1/db?password=secret", "among its options \\(password\\)"),
        ("postgresql://127.0.0.1:1/db?sslpassword=secret", "\\(sslpassword\\)"),
        ("postgresql://127.0.0.1:1/db?passfile=secret", "\\(passfile\\)"),
        ("postgresql://u:p@ss?secret2=1@127.0.0.1:1/db", "invalid connection option\\. .*%40"),
        ("postgresql://u:p@ss?secret=1@127.0.0.1:1/db", "invalid connection option\\. .*%3F"),
        ("postgresql://u:p@secret@127.0.0.1:1/db", "an @ too many\\. .*%40"),
        ("postgresql://u:p@ss/secret@127.0.0.1:1/db", "an @ too many\\. .*%40"),
        ("postgresql://u:secret@127.0.0.1:1/db?conninfo=x", "\\(conninfo\\)"),
        ("postgresql://127.0.0.1:1/db?client_encoding=SQL_ASCII", "\\(client_encoding\\)"),
        ("postgresql://127.0.0.1:1/db?dbname=secret", "\\(dbname\\)"),
        ("postgresql://127.0.0.1:1/db?sslmode=a&sslmode=b", "more than once \\(sslmode\\)"),
        ("postgresql://127.0.0.1:1/db?nosuch=1&password=secret", "nosuch.*, and .*password"),
        ("postgresql://127.0.0.1:1/db?connect_timeout=secret", "connect_timeout"),
        ("postgresql://127.0.0.1:1/db?port=secret", "hosts and ports"),
        ("postgresql:///db?host=127.0.0.1:secret&host=b:1", "hosts and ports"),
        ("postgresql:///db?host=127.0.0.1&port=1,2,3", "hosts and ports"),
        ("postgresql:///db?port=1&port=2", "hosts and ports"),
        ("postgresql://u:secret\udc80@127.0.0.1:1/db", "not UTF-8"),
        ("postgresql:///db?host=secret\udc80", "not UTF-8"),
        ("postgresql://u:secret%00@127.0.0.1:1/db", "code 0"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(
    url: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=says) as refused:
        Ledger.open(url)
    assert "PRECURSOR_DATABASE_URL" in refused.value.remedy
    assert "secret" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_signs_that_are_written_escaped_are_taken() -> None:
    url = database_url("postgresql://u%40f:p%40s%3F@db/l%40b", variable="X", file="x.db")
    assert (url.username, url.password, url.host, url.database) == ("u@f", "p@s?", "db", "l@b")


def test_tables_of_a_later_release_are_told_without_the_address(address: str) -> None:  # noqa: F811
    with Ledger.open(address):
        pass
    tamper(address, "UPDATE alembic_version SET version_num = '9999'")
    url = sa.make_url(address)
    if url.get_backend_name() == "postgresql":
        url = url.set(password="hunter2").update_query_dict({"application_name": "hunter2"})
    with pytest.raises(PrecursorError, match="its tables are of version 9999") as refused:
        Ledger.open(url.render_as_string(hide_password=False))
    place = "ledger.db" if url.get_backend_name() == "sqlite" else f"database {url.database}"
    assert refused.value.message.startswith(f"{place}: ")
    assert "hunter2" not in str(refused.value)


@pytest.mark.postgres
def test_text_is_utf_8_whatever_the_address_or_the_surroundings_say(
    postgres_database: str, precursor_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRECURSOR_MASTER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    monkeypatch.setenv("PGCLIENTENCODING", "SQL_ASCII")
    address = f"{postgres_database}&options=-c%20client_encoding%3DSQL_ASCII"  # noqa: F811
    with Ledger.open(address) as opened:
        opened.append("audit", **{**WHO, "purpose": "Zo\u00eb, \u0141\u00f3d\u017a"})
        (entry,) = opened.entries()
        assert entry.purpose == "Zo\u00eb, \u0141\u00f3d\u017a"
        assert opened.verify().ok


@pytest.mark.postgres
def test_a_database_that_does_not_hold_all_text_is_refused(
    postgres_cluster: str, precursor_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRECURSOR_MASTER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    server = sa.create_engine(
        postgres_cluster.format(database="postgres"), isolation_level="AUTOCOMMIT"
    )
    with server.connect() as connection:
        for encoding in ("SQL_ASCII", "LATIN1"):
            name = f"test_{uuid4().hex}"
            connection.exec_driver_sql(
                f"CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'"
                " TEMPLATE template0"
            )
            with pytest.raises(PrecursorError, match=f"its encoding is {encoding}") as refused:
                Ledger.open(postgres_cluster.format(database=name))
            assert "ENCODING 'UTF8'" in refused.value.remedy
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    server.dispose()


def test_a_large_batch_is_one_link(ledger: Ledger) -> None:  # noqa: F811
    people = [Leaf(f"N{number}", new_score_id(), {"rank": number}) for number in range(6_000)]
    entry = ledger.append("batch", people=iter(people), question="escalation", **WHO)
    assert (entry.seq, entry.leaf_count) == (1, 6_000)
    assert ledger.score(str(people[-1].score_id))[1] == {"rank": 5_999}
    found = ledger.verify()
    assert found.ok
    assert found.leaves == 6_000
