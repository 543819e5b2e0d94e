"""What lies in the state folder is believed where the ledger says the same, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
from served import Served, served
from typer.testing import CliRunner

from features.errors import Conflict
from models import champions
from precursor import app
from serving.keys import KeysRefused
from serving.ledger import Action, Ledger
from serving.publishing import publish
from serving.runs import POINTER, SCORED, folder, pointed, write_run

__all__ = ["served"]

WHO = {"actor": "a.nalyst", "role": "analyst", "purpose": "weekly review"}


def one(ledger: Ledger) -> None:
    ledger.append(Action.SERVED, **WHO)


def test_a_list_that_was_never_recorded_is_not_published(served: Served) -> None:
    info = {"question": "made_elsewhere", "promoted": True, "as_of_dates": ["2026-02-01"]}
    info["created_at"] = "2026-02-01"
    run = write_run(SCORED.empty_table(), info, run_id="2026-02-01-elsewhere").keep()
    with pytest.raises(Conflict, match="not the one that the ledger has"):
        publish("made_elsewhere", ledger=served.ledger, run_id=run.run_id, **WHO)
    assert pointed("made_elsewhere") is None


def test_lost_keys_are_not_replaced_by_new_ones(precursor_home: Path) -> None:
    with Ledger.open() as ledger:
        one(ledger)
    for file in precursor_home.glob("keys.db*"):
        file.rename(file.with_name(f"kept-{file.name}"))
    with pytest.raises(KeysRefused, match=r"^keys\.db holds no keys"):
        Ledger.open()
    for file in precursor_home.glob("kept-keys.db*"):
        file.replace(file.with_name(file.name.removeprefix("kept-")))
    with Ledger.open() as ledger:
        assert ledger.verify().ok


def test_a_ledger_that_is_gone_is_missed(precursor_home: Path) -> None:
    with Ledger.open() as ledger:
        one(ledger)
    for file in precursor_home.glob("ledger.db*"):
        file.unlink()
    told = CliRunner().invoke(app, ["audit", "verify"])
    assert told.exit_code == 1
    assert "names it, but the ledger ends with entry 0" in told.output
    with Ledger.open() as ledger:
        assert not ledger.verify().ok


@pytest.mark.parametrize("text", ["", "{", "[7]", "null", '{"version": "../x"}', "[" * 100_000])
def test_a_pointer_that_says_nothing(text: str, precursor_home: Path) -> None:
    for file, reader in (
        (champions.folder("some_question") / champions.POINTER, champions.pointer),
        (folder("some_question") / POINTER, pointed),
    ):
        file.parent.mkdir(parents=True)
        file.write_text(text)
        if reader is champions.pointer or not text.startswith('{"'):
            with pytest.raises(Conflict):
                reader("some_question")
