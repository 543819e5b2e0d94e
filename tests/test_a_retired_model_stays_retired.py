"""A retired model is on the register with what became of its scores, and never comes back."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pandas as pd
import pytest
from made_up_registry import registry_in
from served import ME, Served, served
from typer.testing import CliRunner, Result

from features.errors import Conflict, NotFound
from features.files import write_json
from models import champions, registry
from precursor import app
from serving.batch import score_batch
from serving.ledger import Action, Ledger
from serving.permissions import Principal, Role
from serving.retirement import as_csv, as_page, register, retire
from serving.runs import folder
from serving.stock import Stock

__all__ = ["served"]

NAME = "made_up"
WHO = Principal("s.cientist", Role("operator"))


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def store(precursor_home: Path) -> Path:
    """Two registered versions; the first is in force, and scored somebody."""
    registry_in(precursor_home)
    done = run("promote", NAME, "1", "--reason", "first model")
    assert done.exit_code == 0, done.output
    body = {"model": {"version": 1}, "scored": 12, "expires_on": "2026-03-08", "run_id": "r1"}
    with Ledger.open() as book:
        book.append(
            Action.BATCH, actor="a", role="analyst", purpose="week", question=NAME, body=body
        )
    folder(NAME).mkdir(parents=True)
    write_json(folder(NAME) / "list.json", {"run_id": "r1"})
    return precursor_home


def test_the_model_in_force_stops_and_the_register_says_what_became_of_its_scores(
    store: Path,
) -> None:
    done = run("retire", NAME, "champion", "--reason", "learned from lost records")
    assert done.exit_code == 0, done.output
    assert "learned from lost records" in done.output
    assert "12 scores given, the last expires on 2026-03-08" in done.output
    assert "scores nobody until another model is promoted" in done.output
    assert champions.questions() == []
    with pytest.raises(NotFound, match="no champion"):
        registry.fetch(NAME, registry.CHAMPION)
    with Ledger.open() as book:
        (one,) = register(book)
        assert (one.version, one.was_in_force, one.its_list_stood) == (1, True, True)
        assert one.in_force_since == one.retired_on
        assert book.promoted_sha(NAME) is None
        with pytest.raises(NotFound, match="not in force"):
            Stock(book).get(NAME)
        assert book.verify().ok


def test_it_is_never_promoted_rolled_back_to_or_scored_with_again(store: Path) -> None:
    assert run("promote", NAME, "2", "--force", "--reason", "second").exit_code == 0
    # the first is `previous` now; to retire it leaves the second in force
    done = run("retire", NAME, "previous", "--reason", "replaced")
    assert done.exit_code == 0, done.output
    assert "not in force when it was retired" in done.output
    assert champions.pointer(NAME)["version"] == 2
    with Ledger.open() as book:
        assert book.promoted_sha(NAME) is not None
        assert book.promoted_sha(NAME).version == 2  # type: ignore[union-attr]
        Stock(book).champion(NAME)
    for words in (
        ("promote", NAME, "1", "--force", "--reason", "again"),
        ("rollback", NAME, "--reason", "again"),
    ):
        refused = run(*words)
        assert refused.exit_code != 0
    assert isinstance(run("promote", NAME, "1", "--reason", "again").exception, Conflict)
    registry.set_alias(NAME, "previous", 1)  # set by hand: the ledger still knows
    again = run("rollback", NAME, "--reason", "again").exception
    assert isinstance(again, Conflict)
    assert again.code == "retired"
    assert champions.pointer(NAME)["version"] == 2


def test_a_retirement_that_was_interrupted_is_finished_by_saying_it_again(store: Path) -> None:
    def killed() -> None:
        raise OSError("killed")

    with Ledger.open() as book:
        sha256 = champions.pointer(NAME)["sha256"]
        with pytest.raises(OSError, match="killed"):
            retire(book, NAME, 1, sha256, who=WHO, reason="old", stop=killed)
        assert book.promoted_sha(NAME) is None  # nobody is scored from the first moment on
    again = run("retire", NAME, "1", "--reason", "old")
    assert isinstance(again.exception, Conflict)
    assert "retired on" in again.exception.message
    assert champions.questions() == []
    with Ledger.open() as book:
        assert len(register(book)) == 1


@pytest.mark.parametrize("version", ["1", "2"])
def test_the_files_of_the_version_alone_go_where_a_promotion_was_killed_before_its_alias(
    store: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    def killed(*_: object) -> None:
        raise OSError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(registry, "set_alias", killed)
        run("promote", NAME, "2", "--force", "--reason", "second")
    assert champions.pointer(NAME)["version"] == 2
    assert registry.find(NAME, registry.CHAMPION).number == 1
    done = run("retire", NAME, version, "--reason", "it leaks")
    assert done.exit_code == 0, done.output
    assert champions.questions() == ([] if version == "2" else [NAME])
    with Ledger.open() as book:
        if version == "2":
            assert book.promoted_sha(NAME) is None
        else:
            assert Stock(book).champion(NAME)[1] == 2


def test_the_register_is_a_page_a_table_and_data(store: Path, tmp_path: Path) -> None:
    assert "No model was retired yet" in run("retired").output
    run("retire", NAME, "1", "--reason", "<b>bold</b>, and a comma")
    page, table = tmp_path / "r.html", tmp_path / "r.csv"
    assert run("retired", "--out", str(page)).exit_code == 0
    assert run("retired", "--out", str(table)).exit_code == 0
    assert "&lt;b&gt;bold" in page.read_text()
    assert "<b>bold" not in page.read_text()
    assert '"<b>bold</b>, and a comma"' in table.read_text()
    (one,) = json.loads(run("retired", "--json").output)["retired"]
    assert (one["question"], one["scores"]) == (NAME, 12)
    refused = run("retired", "--out", str(tmp_path / "r.doc"))
    assert "ends in .html, .csv, .json" in str(refused.exception)
    assert as_csv([]).startswith('\ufeff"question","version"')
    assert "No model was retired yet" in as_page([])


def test_a_reason_on_the_register_is_no_formula_in_a_spreadsheet(
    store: Path, tmp_path: Path
) -> None:
    run("retire", NAME, "1", "--reason", "=cmd|' /C calc'!A0")
    table = tmp_path / "r.csv"
    assert run("retired", "--out", str(table)).exit_code == 0
    with table.open(encoding="utf-8-sig", newline="") as lines:
        (row,) = csv.DictReader(lines)
    assert row["reason"] == "'=cmd|' /C calc'!A0"
    assert (row["version"], row["scores"]) == ("1", "12")


def test_what_does_not_exist_or_has_no_reason_is_not_retired(store: Path) -> None:
    assert isinstance(run("retire", NAME, "9", "--reason", "x").exception, NotFound)
    assert run("retire", NAME, "1").exit_code == 2
    assert "purpose is empty" in str(run("retire", NAME, "1", "--reason", " ").exception)
    assert champions.pointer(NAME)["version"] == 1


def test_the_register_knows_until_when_what_was_scored_on_request_and_on_several_days_counts(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = ("2025-06-01", "2026-01-01")
    rows = pd.DataFrame({"nominal_id": ["N0001"] * 2, "as_of_date": pd.to_datetime(days)})
    out = tmp_path / "scores.csv"
    score_batch(served.model, 1, served.history, out, ledger=served.ledger, **ME, spine=rows)
    expiries = sorted(pd.read_csv(out)["expires_on"])
    (score,) = served.score("N0001").json()["scores"]
    assert expiries[0] < expiries[1] < score["expires_on"]
    asked, listed = served.ledger.entries(action=(Action.SCORE, Action.BATCH), limit=2)
    monkeypatch.setenv("PRECURSOR_HOME", str(tmp_path / "home"))
    before = {key: value for key, value in asked.body.items() if key != "expires_on"}
    bodies = {1: [listed.body], 2: [listed.body, asked.body], 3: [before]}  # 3: of a release before
    with Ledger.open() as book:
        for number, said in bodies.items():
            for body in said:
                model = {**body["model"], "version": number}
                book.append(
                    Action.SCORE, **ME, purpose="p", question=NAME, body={**body, "model": model}
                )
        found = [
            retire(book, NAME, number, "0" * 64, who=WHO, reason="old", stop=lambda: None)
            for number in bodies
        ]
    assert [one.scores for one in found] == [2, 3, 1]
    assert [one.last_expires_on for one in found] == [expiries[1], score["expires_on"], ""]


def test_the_day_it_came_into_force_is_known_however_much_was_promoted_since(
    store: Path,
) -> None:
    with Ledger.open() as book:
        other = {"version": 2, "sha256": "0" * 64}
        for _ in range(101):
            book.append(
                Action.PROMOTION, actor="a", role="operator", purpose="p", question=NAME, body=other
            )
        one = retire(book, NAME, 1, "0" * 64, who=WHO, reason="old", stop=lambda: None)
    assert one.in_force_since == one.retired_on
