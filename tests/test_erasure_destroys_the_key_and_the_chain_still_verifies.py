"""What is recorded about a person can be read while their key exists, and never after."""

from __future__ import annotations

import base64
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers import WHO, address, ledger, score, tamper  # noqa: F401 - fixtures

from features.errors import NotFound, UsageError
from serving.chain import LedgerDamaged
from serving.database import connect
from serving.keys import KeysRefused, KeyStore, PersonKey, master_key
from serving.ledger import Ledger

REASON = {"actor": "d.p.officer", "role": "operator", "purpose": "erasure request 7"}


def test_after_an_erasure_nothing_can_be_read_and_the_chain_verifies(ledger: Ledger) -> None:  # noqa: F811
    before, (gone, stays) = score(ledger, "N1", "N2", band="High")
    score(ledger, "N1", band="Lower")
    erased = ledger.erase("N1", **REASON)
    assert erased.action == "erasure"
    assert erased.purpose == REASON["purpose"]
    assert ledger.score(gone) == (before, None)
    assert ledger.person("N1") == []
    assert [each.nominal_id for each in ledger.people(before.seq)] == [None, "N2"]
    assert ledger.score(stays)[1] == {"nominal_id": "N2", "band": "High"}
    found = ledger.verify()
    assert found.ok, found.breaks
    assert (found.leaves, found.erased) == (3, 2)
    with pytest.raises(NotFound):
        ledger.erase("N1", **REASON)
    with pytest.raises(NotFound):
        ledger.erase("nobody", **REASON)


def test_a_person_recorded_again_has_another_key(ledger: Ledger) -> None:  # noqa: F811
    _, (before,) = score(ledger, "N1")
    ledger.erase("N1", **REASON)
    _, (after,) = score(ledger, "N1")
    assert ledger.score(before)[1] is None
    assert ledger.score(after)[1] == {"nominal_id": "N1"}
    assert [each.score_id for each in ledger.person("N1")] == [after]
    assert ledger.verify().ok
    ledger.erase("N1", **REASON)
    assert ledger.score(after)[1] is None
    assert ledger.verify().ok


def test_another_process_sees_the_erasure_at_once(ledger: Ledger, address: str) -> None:  # noqa: F811
    _, (gone,) = score(ledger, "N1")
    with Ledger.open(address) as other:
        assert other.score(gone)[1] is not None
        ledger.erase("N1", **REASON)
        assert other.score(gone)[1] is None


def test_no_byte_of_the_key_stays_in_the_store(precursor_home: Path) -> None:
    with Ledger.open() as opened:
        score(opened, *(f"N{number}" for number in range(300)))
        with closing(sqlite3.connect(precursor_home / "keys.db")) as keys:
            wrapped = {bytes(key) for (key,) in keys.execute("SELECT wrapped FROM person_key")}
        opened.erase("N7", **REASON)
        with closing(sqlite3.connect(precursor_home / "keys.db")) as keys:
            left = {bytes(key) for (key,) in keys.execute("SELECT wrapped FROM person_key")}
        (destroyed,) = wrapped - left
        for file in precursor_home.glob("keys.db*"):
            assert destroyed[12:28] not in file.read_bytes(), file


def test_the_erasure_is_recorded_before_the_key_goes(
    ledger: Ledger,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, (gone,) = score(ledger, "N1")
    with monkeypatch.context() as patch:
        patch.setattr(KeyStore, "erase", killed)
        with pytest.raises(KeyboardInterrupt):
            ledger.erase("N1", **REASON)
    found = ledger.verify()
    assert [each.seq for each in found.breaks] == [2]
    assert "Run the erasure again" in found.breaks[0].remedy
    ledger.erase("N1", **REASON)
    assert ledger.score(gone)[1] is None
    assert ledger.verify().ok


def killed(*_: object) -> bool:
    raise KeyboardInterrupt


def test_keys_that_came_back_with_a_back_up_are_found(precursor_home: Path) -> None:
    with Ledger.open() as opened:
        score(opened, "N1", "N2")
    for file in precursor_home.glob("keys.db*"):
        shutil.copy(file, file.with_name("back-up-" + file.name))
    with Ledger.open() as opened:
        opened.erase("N1", **REASON)
        assert opened.verify().ok
    for file in precursor_home.glob("keys.db*"):
        file.unlink()
    for file in precursor_home.glob("back-up-keys.db*"):
        shutil.copy(file, file.with_name(file.name.removeprefix("back-up-")))
    with Ledger.open() as opened:
        found = opened.verify()
        assert [each.seq for each in found.breaks] == [2]
        assert "back-up of the keys" in found.breaks[0].remedy


def test_a_key_lost_without_an_erasure_is_no_erasure(precursor_home: Path) -> None:
    with Ledger.open() as opened:
        _, (lost,) = score(opened, "N1")
        with closing(sqlite3.connect(precursor_home / "keys.db")) as keys, keys:
            keys.execute("DELETE FROM person_key")
        with pytest.raises(LedgerDamaged, match="lost"):
            opened.score(lost)
        found = opened.verify()
        assert [(each.seq, each.leaf) for each in found.breaks] == [(1, 0)]
        assert "key store" in found.breaks[0].remedy


def test_a_payload_moved_to_another_score_does_not_open(ledger: Ledger, address: str) -> None:  # noqa: F811
    _, (first,) = score(ledger, "N1", band="High")
    _, (second,) = score(ledger, "N1", band="Lower")
    tamper(
        address,
        "UPDATE ledger_leaf SET payload = (SELECT payload FROM ledger_leaf WHERE seq = 1) "
        "WHERE seq = 2",
    )
    assert ledger.score(first)[1] == {"nominal_id": "N1", "band": "High"}
    with pytest.raises(LedgerDamaged, match="altered"):
        ledger.score(second)


def test_the_key_store_does_not_say_whose_keys_it_holds(precursor_home: Path) -> None:
    with Ledger.open() as opened:
        score(opened, "NOMINAL-4711")
    for file in precursor_home.iterdir():
        if file.is_file():
            assert b"4711" not in file.read_bytes()
            assert file.stat().st_mode & 0o077 == 0, f"{file} is its owner's alone"


@settings(max_examples=50)
@given(
    content=st.binary(max_size=200),
    about=st.binary(max_size=40),
    other=st.binary(max_size=40),
    nominal_ids=st.tuples(st.text(max_size=9), st.text(max_size=9)),
)
def test_a_seal_opens_only_with_its_key_and_as_what_it_was(
    content: bytes, about: bytes, other: bytes, nominal_ids: tuple[str, str]
) -> None:
    key = PersonKey.of(os.urandom(32), nominal_ids[0])
    another = PersonKey.of(os.urandom(32), nominal_ids[1])
    sealed = key.seal(content, about)
    assert key.open(sealed, about) == content
    assert key.seal(content, about) != sealed
    assert key.subject != another.subject
    with pytest.raises(InvalidTag):
        another.open(sealed, about)
    if other != about:
        with pytest.raises(InvalidTag):
            key.open(sealed, other)


def fresh_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


def test_another_master_key_opens_nothing_and_harms_nothing(
    ledger: Ledger,  # noqa: F811
    address: str,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, (recorded,) = score(ledger, "N1")
    right = os.environ.get("PRECURSOR_MASTER_KEY")
    wrong = fresh_key()
    monkeypatch.setenv("PRECURSOR_MASTER_KEY", wrong)
    with pytest.raises(KeysRefused, match="not the one") as refused:
        Ledger.open(address)
    assert wrong not in str(refused.value)
    assert "unharmed" in refused.value.remedy
    if right:
        monkeypatch.setenv("PRECURSOR_MASTER_KEY", right)
    else:
        monkeypatch.delenv("PRECURSOR_MASTER_KEY")
    with Ledger.open(address) as opened:
        assert opened.score(recorded)[1] == {"nominal_id": "N1"}


@pytest.mark.parametrize(
    "value",
    [
        "",
        "not base64!",
        "c2hvcnQ=",
        base64.b64encode(bytes(32)).decode(),
        "é" * 44,
        fresh_key()[:40],
    ],
    ids=["empty", "no base64", "short", "all zeros", "no ASCII", "cut off"],
)
def test_a_value_that_is_no_key_is_refused_and_not_repeated(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRECURSOR_MASTER_KEY", value)
    with pytest.raises(KeysRefused, match="PRECURSOR_MASTER_KEY") as refused:
        Ledger.open()
    assert "base64" in refused.value.remedy
    assert not value or value not in str(refused.value)


def test_a_master_key_from_the_environment_leaves_no_file(
    precursor_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = fresh_key()
    monkeypatch.setenv("PRECURSOR_MASTER_KEY", key.replace("+", "-").replace("/", "_"))
    with Ledger.open() as opened:
        _, (recorded,) = score(opened, "N1")
    assert not (precursor_home / "master.key").exists()
    monkeypatch.setenv("PRECURSOR_MASTER_KEY", key)
    with Ledger.open() as opened:
        assert opened.score(recorded)[1] is not None


def test_a_lost_master_key_is_not_replaced_by_a_new_one(precursor_home: Path) -> None:
    with Ledger.open() as opened:
        score(opened, "N1")
    kept = (precursor_home / "master.key").rename(precursor_home / "kept")
    with pytest.raises(KeysRefused, match="not there") as refused:
        Ledger.open()
    assert "back-up" in refused.value.remedy
    assert not (precursor_home / "master.key").exists()
    kept.rename(precursor_home / "master.key")
    with Ledger.open() as opened:
        assert opened.verify().ok


def test_a_master_key_that_others_can_read_is_refused(precursor_home: Path) -> None:
    key = master_key(create=True)
    assert (precursor_home / "master.key").stat().st_mode & 0o777 == 0o600
    assert master_key(create=True) == key
    (precursor_home / "master.key").chmod(0o640)
    with pytest.raises(KeysRefused, match="others") as refused:
        master_key(create=True)
    assert "chmod 600" in refused.value.remedy


@pytest.mark.postgres
def test_on_postgres_no_master_key_is_made_up(postgres_database: str, precursor_home: Path) -> None:
    with pytest.raises(KeysRefused, match="PRECURSOR_MASTER_KEY"):
        Ledger.open(postgres_database)
    assert not (precursor_home / "master.key").exists()


@pytest.mark.postgres
def test_keys_can_be_kept_on_postgres_too(
    postgres_database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PRECURSOR_MASTER_KEY", fresh_key())
    monkeypatch.setenv("PRECURSOR_KEYS_URL", postgres_database)
    with Ledger.open() as opened:
        _, (gone, stays) = score(opened, "N1", "N2")
        opened.erase("N1", **REASON)
        assert opened.score(gone)[1] is None
        assert opened.score(stays)[1] is not None
        assert opened.verify().ok


def test_the_ledger_and_its_keys_are_never_in_one_database(address: str) -> None:  # noqa: F811
    with pytest.raises(UsageError, match="one database") as refused:
        Ledger.open(address, keys_url=address)
    assert "PRECURSOR_KEYS_URL" in refused.value.remedy


@pytest.mark.parametrize("link", ["../", "symbolic", "hard"])
def test_nor_where_two_names_are_of_one_file(precursor_home: Path, link: str) -> None:
    file, other = precursor_home / "ledger.db", precursor_home / "other.db"
    precursor_home.mkdir(exist_ok=True)
    file.touch()
    if link == "../":
        other = precursor_home / ".." / precursor_home.name / "ledger.db"
    elif link == "symbolic":
        other.symlink_to(file)
    else:
        other.hardlink_to(file)
    with pytest.raises(UsageError, match="one database"):
        Ledger.open(f"sqlite:///{file}", keys_url=f"sqlite:///{other}")
    assert file.stat().st_size == 0


@pytest.mark.postgres
@pytest.mark.parametrize("other", ["as another program", "through a link", "in another schema"])
@pytest.mark.parametrize("first", ["ledger", "keys"])
def test_nor_where_two_addresses_lead_to_one_database(
    postgres_database: str,
    other: str,
    first: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PRECURSOR_MASTER_KEY", fresh_key())
    again = sa.make_url(postgres_database)
    if other == "through a link":
        (tmp_path / "link").symlink_to(str(again.query["host"]))
        again = again.update_query_dict({"host": str(tmp_path / "link")})
    elif other == "in another schema":
        with connect(again.set(drivername="postgresql+psycopg")).begin() as connection:
            connection.exec_driver_sql("CREATE SCHEMA apart")
        again = again.update_query_dict({"options": "-c search_path=apart"})
    else:
        again = again.update_query_dict({"application_name": "keys"})
    url, keys_url = postgres_database, again.render_as_string(hide_password=False)
    if first == "keys":
        Ledger.open(keys_url=url).close()
        url, keys_url = keys_url, f"sqlite:///{tmp_path / 'keys.db'}"
    with pytest.raises(UsageError, match="one database") as refused:
        Ledger.open(url, keys_url=keys_url)
    assert "PRECURSOR_KEYS_URL" in refused.value.remedy


def test_nor_where_the_two_files_are_taken_for_each_other(tmp_path: Path) -> None:
    one, other = (f"sqlite:///{tmp_path / name}" for name in ("ledger.db", "keys.db"))
    Ledger.open(one, keys_url=other).close()
    with pytest.raises(UsageError, match="one database"):
        Ledger.open(other, keys_url=one)
    Ledger.open(one, keys_url=other).close()
