"""The feature register tells everything of each group, approves nothing by itself, and allows."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from house import ROOT
from typer.testing import CliRunner

from features import approvals
from features.catalogue import catalogue, context
from features.declare import COUNT, Feature
from features.errors import PrecursorError, UsageError
from features.register import PROTECTED, register, require_allowed
from precursor import app


def test_each_group_says_everything_of_its_own() -> None:
    found = approvals.entries()
    assert [e.group for e in found] == [*register()["groups"], *register()["context"]]
    for entry in found:
        assert all(getattr(entry, key).strip() for key, _ in approvals.COLUMNS), entry.group
        assert entry.columns > 0
    reasons = [entry.reason for entry in found if entry.kind == "input"]
    assert len(set(reasons)) > len(reasons) * 0.9  # a reason is of its group


def test_nothing_is_approved_unless_a_force_says_so(tmp_path: Path) -> None:
    nobody = approvals.entries(approvals.read_approvals())
    assert approvals.missing(nobody) == list(register()["groups"])
    file = tmp_path / "approvals.yaml"
    file.write_text("age: {approved_on: 2026-01-31, by: ethics panel}\n")
    given = approvals.entries(approvals.read_approvals(file, date(2026, 2, 1)))
    assert given[0].approved == "2026-01-31 by ethics panel"
    assert "age" not in approvals.missing(given)
    assert len(approvals.missing(given)) == len(approvals.missing(nobody)) - 1


def test_an_approvals_file_in_the_home_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRECURSOR_HOME", str(tmp_path))
    (tmp_path / "approvals.yaml").write_text("age: {approved_on: 2026-01-31, by: Réviseur}\n")
    assert approvals.read_approvals(today=date(2026, 2, 1))["age"].by == "Réviseur"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("astrology: {approved_on: 2026-01-31, by: panel}", "no group 'astrology'"),
        ("age: {approved_on: 2027-01-31, by: panel}", "lies ahead"),
        ("age: {approved_on: yesterday, by: panel}", "age.approved_on"),
        ("age: {by: panel}", "age.approved_on"),
        ("age: yes", "mapping"),
        ("- age", "mapping"),
        ("age: {approved_on: 2026-01-31, by: panel, why: x}", "why"),
    ],
)
def test_bad_approvals_are_refused_in_words(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "approvals.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=said):
        approvals.read_approvals(file, date(2026, 2, 1))


def test_what_is_not_in_the_register_is_no_input() -> None:
    require_allowed(catalogue().columns)
    outside = Feature("suspected", COUNT, "astrology", "{value}", ("", "")).columns()
    for columns in (outside, list(context().columns)):
        with pytest.raises(PrecursorError, match=r"not in the register|never an input"):
            require_allowed(columns)
    for name in sorted(PROTECTED):
        protected = Feature("suspected", COUNT, name, "{value}", ("", "")).columns()
        with pytest.raises(PrecursorError, match="is protected and no input"):
            require_allowed(protected)


@pytest.mark.parametrize("ending", sorted(approvals.WRITERS))
def test_the_register_is_written_as_page_and_file(tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"register{ending}"
    done = CliRunner().invoke(app, ["features", "--register", "--out", str(out)])
    assert done.exit_code == 0, done.output
    text = out.read_text(encoding="utf-8")
    assert all(group in text for group in register()["groups"])
    if ending == ".csv":
        rows = list(csv.DictReader(text.splitlines()))
        assert len(rows) == len(approvals.entries())
    if ending == ".json":
        assert json.loads(text)["not_yet_approved"] == list(register()["groups"])


def test_whoever_approved_is_no_formula_in_a_spreadsheet(tmp_path: Path) -> None:
    group, by = next(iter(register()["groups"])), '=HYPERLINK("http://e.vil","panel")'
    out = tmp_path / "register.csv"
    found = [replace(entry, approved=by) for entry in approvals.entries() if entry.group == group]
    approvals.write_register(found, out)
    (row,) = csv.DictReader(out.read_text(encoding="utf-8").splitlines())
    assert row["approved"] == f"'{by}"
    assert row["group"] == group


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="ends in"):
        approvals.write_register(approvals.entries(), tmp_path / "register.docx")


def test_the_page_of_the_documents_is_the_register() -> None:
    page = (ROOT / "docs" / "register.md").read_text(encoding="utf-8")
    assert approvals.as_markdown(approvals.entries()) in page
