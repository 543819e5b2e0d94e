"""Whatever the command line is given, it ends in words and an exit code, and leaves no trace."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner
from worlds import load, world

from features.breaches import LONGEST_SHOWN, Violation
from features.check import examined
from features.errors import NotFound, PrecursorError, UsageError
from features.history import History
from features.mapping import read_mapping
from features.quality import quality
from features.quality_report import write_quality
from features.question import read_question
from precursor import app
from serving import server
from serving.ledger import Ledger
from serving.pages.door import local
from serving.permissions import operator

ROOT = Path(__file__).resolve().parent.parent
ODD_YAML = {
    "deep": "[" * 5_000 + "]" * 5_000,
    "deep mapping": "{a: " * 3_000 + "1" + "}" * 3_000,
    "no date": "name: 2026-99-99\n",
    "code": "!!python/object/apply:os.system ['true']\n",
    "null byte": "name: \0\n",
    "a tag on what it does not fit": "name: !!bool maybe\n",
    "a day that is none": "name: !!timestamp tomorrow\n",
    "a number without digits": "name: !!int ''\n",
    "an escaped null byte": '{name: "a\\0b"}',
    "half a character": '{name: "a\\ud800b"}',
    "mappings merged tenfold": "a0: &a0 {a: 1, b: 2}\n"
    + "".join(f"a{n + 1}: &a{n + 1} {{<<: [{', '.join([f'*a{n}'] * 10)}]}}\n" for n in range(20)),
    "a list as a mapping": "!!map [a, b]\n",
}


def run(*arguments: str | bytes, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "precursor.py"), *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("kind", ODD_YAML)
def test_odd_yaml_is_refused(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "odd.yaml"
    file.write_text(ODD_YAML[kind])
    for reader in (read_question, read_mapping):
        with pytest.raises(UsageError, match=r"odd\.yaml"):
            reader(file)


def test_a_folder_for_a_question_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_question(tmp_path)


def test_a_wrong_question_is_told_of_what_it_has_and_of_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "question.yaml"
    file.write_text(
        "name: damage\ntitle: Damage\noutcome_words: named again\n"
        "cohort: {source: suspected, of: [dammage_x]}\noutcome: {source: suspected}\n"
        "horizon_days: soon\ncapacity_x: 50\n",
        encoding="utf-8",
    )
    with pytest.raises(UsageError) as refused:
        read_question(file)
    told = str(refused.value)
    assert "no mark ['dammage_x']" in told
    assert "horizon_days: " in told
    assert "capacity_x: there is no entry of this name" in told
    assert "provided" not in told.lower()


def test_places_that_cannot_be_written_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    for arguments, code in (
        (("synthesise", "/proc/nowhere", "--nominals", "20", "--years", "1"), 1),
        (("ingest", "folder", str(tmp_path), "/" + "a" * 300), 1),
        (("explain", b"s\xff"), 2),
    ):
        done = run(*arguments)
        assert done.returncode == code, done.stderr
        assert "Refused: " in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("limit", ["lots", "1KB"])
def test_a_memory_that_does_not_do_is_told(
    limit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = load(world(random.Random(1), people=2, events=2), tmp_path / "records")
    monkeypatch.setenv("PRECURSOR_MEMORY", limit)
    with pytest.raises(PrecursorError, match="PRECURSOR_MEMORY is a size such as 1GB"):
        History(records)


def test_a_report_without_room_leaves_no_half_of_it(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with examined(load(world(random.Random(1)), tmp_path / "records").path) as records:
        found = quality(records, records.report())
        with pytest.raises(IsADirectoryError):
            write_quality(found, tmp_path / "report.html")
    assert not list(tmp_path.glob("*.part"))


def test_a_store_that_does_not_answer_is_told_without_its_password(tmp_path: Path) -> None:
    for address in ("http://user:secret@127.0.0.1:9", "odd://secret"):
        done = run(
            "promote",
            "domestic_abuse_high_harm",
            "1",
            "--reason",
            "test",
            MLFLOW_TRACKING_URI=address,
            PRECURSOR_HOME=str(tmp_path / "home"),
        )
        assert done.returncode == 1
        assert "MLFLOW_TRACKING_URI" in done.stderr
        assert "secret" not in done.stderr + done.stdout
        assert "Traceback" not in done.stderr


def test_what_a_command_writes_is_for_its_user_alone(tmp_path: Path) -> None:
    done = run("synthesise", str(tmp_path / "records"), "--nominals", "20", "--years", "1")
    assert done.returncode == 0, done.stderr
    written = [tmp_path / "records", *(tmp_path / "records").rglob("*")]
    assert len(written) > 10
    assert not [path for path in written if path.stat().st_mode & 0o077]


def test_serving_with_another_key_is_refused_before_anything_starts(tmp_path: Path) -> None:
    here = {"PRECURSOR_HOME": str(tmp_path / "home")}
    assert run("token", "--role", "analyst", **here).returncode == 0
    (tmp_path / "home" / "master.key").unlink()
    done = run("serve", "--port", "39417", **here)
    assert done.returncode == 1
    assert "master.key is not there" in done.stderr


def test_a_violation_repeats_little_of_a_value_and_nothing_that_moves_a_terminal() -> None:
    said = str(Violation("nominal", 1, "area", "\x1b[2J\u202e" + "x" * 100_000, "r", "is odd", "-"))
    assert len(said) < LONGEST_SHOWN + 60
    assert said.isprintable()


def test_the_operator_is_not_who_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    before = operator()
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody.else")
    assert operator() == before


@pytest.mark.parametrize("address", ["//[x", "http://[", "//evil.example", "/\\evil.example"])
def test_an_odd_address_leads_to_the_first_page(address: str) -> None:
    assert local(address) == "/"


SCORE_ID = "s0123456789abcdef0123456789abcdef"
ONLY_ASKING = (
    ("explain", SCORE_ID),
    ("replay", SCORE_ID),
    ("audit", "verify"),
    ("audit", "export", "out.jsonl"),
    ("audit", "checkpoint"),
    ("tokens",),
    ("revoke", "0a1b2c3d4e5f", "--reason", "left"),
    ("retired",),
    ("publish", "domestic_abuse_high_harm"),
    ("stage", "domestic_abuse_high_harm"),
    ("erase", "N1", "--reason", "request 7"),
    ("export-subject", "N1", "--out", "held", "--reason", "request 7"),
)


@pytest.mark.parametrize("words", ONLY_ASKING, ids=lambda words: " ".join(words[:2]))
def test_what_only_asks_makes_no_state_folder_and_says_where_it_looked(
    words: tuple[str, ...], precursor_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = CliRunner().invoke(app, list(words)).exception
    assert isinstance(refused, NotFound)
    assert refused.message == f"there is no ledger at {precursor_home / 'ledger.db'}"
    assert "PRECURSOR_HOME" in refused.remedy
    assert not list(tmp_path.iterdir())


@pytest.mark.postgres
def test_a_database_that_holds_no_ledger_is_named_and_none_is_made(
    postgres_database: str, precursor_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = postgres_database.partition("?")[0].rpartition("/")[2]
    monkeypatch.setenv("PRECURSOR_DATABASE_URL", postgres_database)
    refused = CliRunner().invoke(app, ["audit", "verify"]).exception
    assert isinstance(refused, NotFound)
    assert refused.message == f"there is no ledger at postgresql:///{name}"
    assert not precursor_home.exists()


@pytest.mark.parametrize(
    "words",
    [
        ("explain", SCORE_ID),
        ("replay", SCORE_ID),
        ("revoke", "0a1b2c3d4e5f", "--reason", "left"),
        ("erase", "N1", "--reason", "request 7"),
        ("export-subject", "N1", "--out", "held", "--reason", "request 7"),
    ],
    ids=lambda words: words[0],
)
def test_what_is_not_on_the_ledger_is_told_with_its_value_and_the_ledger(
    words: tuple[str, ...], precursor_home: Path
) -> None:
    Ledger.open().close()
    refused = CliRunner().invoke(app, list(words)).exception
    assert isinstance(refused, NotFound)
    assert words[1] in refused.message
    assert f"(the ledger is {precursor_home / 'ledger.db'})" in refused.message


@pytest.mark.parametrize("command", ["explain", "replay"])
@pytest.mark.parametrize("given", ["nothing", "N000123", SCORE_ID[:-1], SCORE_ID.upper()])
def test_what_is_no_id_of_a_score_is_told_with_where_to_find_one(command: str, given: str) -> None:
    refused = CliRunner().invoke(app, [command, given]).exception
    assert isinstance(refused, UsageError)
    assert f"SCORE_ID: '{given}' is not the id of a score" in refused.message
    assert "column score_id" in refused.remedy


def test_whoever_serves_from_another_folder_sees_that_nothing_is_in_force_there(
    precursor_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "serve", lambda *_, **__: None)  # it would not end
    done = CliRunner().invoke(app, ["serve"])
    assert done.exit_code == 0, done.output
    assert f"A new ledger begins at {precursor_home / 'ledger.db'}." in done.output
    assert f"In force in {precursor_home}: no model yet. Train one" in done.output


@pytest.mark.parametrize("command", ["serve", "demo"])
@pytest.mark.parametrize("port", ["99999", "0", "-1"])
def test_a_port_that_is_none_is_told_with_what_would_be_one(
    command: str, port: str, precursor_home: Path
) -> None:
    refused = CliRunner().invoke(app, [command, "--port", port]).exception
    assert isinstance(refused, UsageError)
    assert refused.exit_code == 2
    assert str(refused).startswith(f"--port: {port} is no port")
    assert "from 1 to 65535" in refused.remedy
    assert not precursor_home.exists()


def test_a_question_that_there_is_not_is_told_from_one_without_a_model(tmp_path: Path) -> None:
    records = load(world(random.Random(1), people=2, events=2), tmp_path / "records")
    for name, told, remedy in (
        ("nosuch", "there is no question 'nosuch'", "Questions are: broward_felony_1y, "),
        ("order_breach", "no model is registered for question 'order_breach'", "Train one"),
    ):
        words = ["score", name, str(records.path), "--out", str(tmp_path / "scores.csv")]
        done = run(*words, "--json")
        refused = json.loads(done.stdout)["error"]
        assert (done.returncode, refused["message"]) == (1, told)
        assert refused["remedy"].startswith(remedy)
        assert "promote" not in refused["remedy"]
