"""Drift, ranges of ranks and shadow as a data scientist asks for them: whole commands, kept."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import small_force
import yaml
from made_up_matrix import QUICK
from typer.testing import CliRunner, Result

from features import kept_reports
from features.errors import NotFound, UsageError
from features.history import History
from features.loads import Load
from features.matrix import build
from models import champions, registry
from precursor import app
from serving.ledger import Action, Ledger
from training.experiment import train
from training.limits import Limits

NAME = small_force.QUESTION.name


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.fixture(scope="module")
def force(tmp_path_factory: pytest.TempPathFactory) -> Load:
    return small_force.make_load(tmp_path_factory.mktemp("force") / "late", people=200)


@pytest.fixture
def trained(force: Load, precursor_home: Path) -> Load:
    """A registered model, trained on the force as it was known more than a year before its end."""
    terms = {"baselines": ("base_rate",), "gates": "report", "clock": "records"}
    asked = small_force.QUESTION.model_copy(update=terms)
    rows = build(History(force), asked)
    train(asked, rows, origins=1, **QUICK)
    done = run("promote", NAME, "1", "--reason", "first model")
    assert done.exit_code == 0, done.output
    return force


def test_the_commands_run_on_a_registered_model_and_keep_what_they_find(trained: Load) -> None:
    records = str(trained.path)
    staged = run(
        *("stage", NAME, "shadow", "--by", "panel", "--until", "2030-01-01", "--reason", "first")
    )
    assert staged.exit_code == 0, staged.output  # before anything was scored or served
    nothing = run("shadow", NAME, records)
    assert isinstance(nothing.exception, NotFound)

    ranged = run("sensitivity", NAME, records, "--seeds", "1", "--json")
    assert ranged.exit_code == 0, ranged.output
    said = json.loads(ranged.output[ranged.output.index("{") :])
    table = pd.read_parquet(said["kept"])
    assert (table["best"] <= table["worst"]).all()
    with Ledger.open() as book:
        (entry,) = book.entries(action=Action.EXPORT)
        assert entry.leaf_count == len(table)


def test_drift_ends_by_its_level_and_its_report_is_kept(trained: Load, tmp_path: Path) -> None:
    model, _ = registry.fetch(NAME, 1)
    file = tmp_path / f"{NAME}.yaml"
    file.write_text(yaml.safe_dump(model.question.model_dump(mode="json", exclude_none=True)))
    done = run("drift", str(file), str(trained.path), "--version", "1", "--json")
    said = json.loads(done.output[done.output.index("{") :])
    codes = {"stable": 0, "watch": 0, "review": 3, "retrain": 4, "suspend": 5}
    assert done.exit_code == codes[said["level"]], done.output
    (name,) = kept_reports.names(kept_reports.DRIFT, NAME)
    kept = kept_reports.read(kept_reports.DRIFT, NAME, name)
    assert (kept["level"], kept["version"]) == (said["level"], 1)
    backwards = ("--from", "2026-01-01", "--to", "2025-01-01")
    refused = run("drift", str(file), str(trained.path), "--version", "1", *backwards)
    assert isinstance(refused.exception, UsageError)


def test_act_suspends_at_the_gravest_level_alone_and_says_what_it_did(
    trained: Load, tmp_path: Path
) -> None:
    model, _ = registry.fetch(NAME, 1)
    file, strict = tmp_path / f"{NAME}.yaml", tmp_path / "limits.yaml"
    file.write_text(yaml.safe_dump(model.question.model_dump(mode="json", exclude_none=True)))

    def acts(limits: str, *period: str) -> list[str]:
        strict.write_text(limits)
        given = ("--version", "1", "--limits", str(strict), "--act")
        done = run("drift", str(file), str(trained.path), *given, *period)
        said = done.output.splitlines()[-1]
        (*_, last) = kept_reports.names(kept_reports.DRIFT, NAME)
        assert kept_reports.read(kept_reports.DRIFT, NAME, last)["done"] == [said]
        return [str(done.exit_code), said]

    never = {kind: {"watch": 1e9} for kind in Limits.model_fields}
    assert acts(yaml.safe_dump(never)) == ["0", "Nothing is suspended: the level is stable."]
    assert NAME in champions.questions()
    longer_ago = ("--from", "2010-01-01", "--to", "2022-01-01")
    told = f"Version 1 of {NAME} is suspended, and on the ledger."
    at_once = {kind: {"suspend": 1e-9} for kind in never}
    assert acts(yaml.safe_dump(at_once), *longer_ago) == ["5", told]
    assert NAME not in champions.questions()
    with Ledger.open() as book:
        (entry,) = book.entries(action=Action.SUSPENSION)
    assert entry.purpose == "drift of version 1: suspend"
