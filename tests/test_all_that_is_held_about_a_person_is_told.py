"""A subject-access export tells all that is held about one person, and nothing of others."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import small_force
import worlds
from served import ME, NAME, put_in_force
from typer.testing import CliRunner, Result

from features.errors import Conflict, NotFound, UsageError
from features.history import History
from features.loads import write_load
from precursor import app
from serving.batch import score_batch
from serving.kept import remember_load, serve_from
from serving.ledger import Action, Leaf, Ledger
from serving.subject_access import gather

WHO, OTHER = "N0001", "N0002"
ANALYST = {"actor": "PC 4711", "role": "analyst"}


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def force(precursor_home: Path) -> Path:
    """A force in which two people had a part in one offence, and one was scored and decided on."""
    rows = small_force.rows(people=60)
    mine = [row for row in rows["involvement"] if row["nominal_id"] == WHO]
    theirs = {"record_id": "shared", "nominal_id": OTHER, "role": "victim"}
    rows["involvement"].append(mine[0] | theirs | {"relationship": "partner"})
    load = write_load(
        precursor_home / "records" / "small",
        worlds.tables(rows),
        kind="synthetic",
        data_to=small_force.DATA_TO,
        synthetic=True,
    )
    history = History(load)
    model = small_force.make_model(history, trees=5)
    with Ledger.open() as book:
        put_in_force(book, model, 1)
        serve_from(NAME, load)
        score_batch(model, 1, history, precursor_home / "out.csv", ledger=book, **ME)

        def say(action: Action, payload: dict[str, Any], purpose: str = "weekly review") -> None:
            book.append(
                action, **ANALYST, purpose=purpose, question=NAME, people=[Leaf(WHO, None, payload)]
            )

        say(Action.VIEW, {"viewed": "s1"})
        say(Action.DECISION, {"decided": {"reason": f"lives with {OTHER}, says PC 4711"}})
        say(Action.CHALLENGE, {"challenged": {"record": {"table": "offence", "record_id": "O1"}}})
        say(Action.LINKING, {"linking": {"reviewer": "P. Reviewer", "decision": "same"}})
        book.append(
            Action.VIEW, **ANALYST, purpose="other", question=NAME, people=[Leaf(OTHER, None, {})]
        )
    return precursor_home


def test_records_scores_views_decisions_and_challenges_are_told_once(
    force: Path, tmp_path: Path
) -> None:
    done = run("export-subject", WHO, "--out", str(tmp_path / "held"), "--reason", "request 12")
    assert done.exit_code == 0, done.output
    said = json.loads((tmp_path / "held" / "held.json").read_text())
    own = pd.read_parquet(force / "records" / "small" / "involvement.parquet")
    parts = own[own["nominal_id"] == WHO]
    assert len(said["records"]["nominal"]) == 1
    assert len(said["records"]["offence"]) == parts["offence_id"].nunique()
    assert len(said["records"]["involvement"]) == len(parts) + 1
    assert [len(said[kind]) for kind in ("scores", "views", "decisions", "challenges")] == [1] * 4
    assert said["scores"][0]["said"]["probability"] > 0
    assert said["scores"][0]["said"]["inputs"]
    (scored,) = [rows for path, rows in said["files"].items() if path.endswith("out.csv")]
    assert scored[0]["nominal_id"] == WHO
    assert "section 45(4)" in " ".join(said["before_handing_over"])
    with Ledger.open() as book:
        (entry,) = book.entries(action=Action.EXPORT)
        assert (entry.purpose, entry.leaf_count) == ("request 12", 1)
        assert entry.body["lines"]["scores"] == 1
        assert book.verify().ok
    # asked again, the first export is part of what is held
    run("export-subject", WHO, "--out", str(tmp_path / "again"), "--reason", "request 13")
    assert len(json.loads((tmp_path / "again" / "held.json").read_text())["copies"]) == 1


def test_files_of_any_kind_are_told_and_those_that_cannot_be_read_named(
    force: Path, tmp_path: Path
) -> None:
    (force / "due.csv").write_text(f'nominal_id,why\n"{WHO}",old\n{OTHER},x\n', "utf-8-sig")
    (force / "saved.CSV").write_bytes(f"why;nominal_id\nZo\xeb;{WHO}\n".encode("cp1252"))
    pairs = f"nominal_id_1,nominal_id_2,evidence\n{OTHER},{WHO},same birthday\n"
    (force / "pairs.csv").write_text(pairs, "utf-8")
    whole = next((force / "runs").glob("*/*/*.parquet")).read_bytes()
    (force / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    done = run("export-subject", WHO, "--out", str(tmp_path / "held"), "--reason", "request 12")
    assert done.exit_code == 0, done.output
    said = json.loads((tmp_path / "held" / "held.json").read_text())
    told = {Path(path).name: rows for path, rows in said["files"].items()}
    assert told["due.csv"] == [{"nominal_id": WHO, "why": "old"}]
    assert told["saved.CSV"] == [{"why": "Zo\xeb", "nominal_id": WHO}]
    (pair,) = told["pairs.csv"]
    assert (pair["nominal_id_2"], pair["evidence"]) == (WHO, "same birthday")
    assert OTHER not in json.dumps(pair)
    assert "cut.parquet cannot be read" in " ".join(said["before_handing_over"])


def test_a_torn_load_elsewhere_is_named_and_hides_nothing_else(force: Path, tmp_path: Path) -> None:
    elsewhere = small_force.make_load(tmp_path / "elsewhere", people=30, seed=9)
    remember_load(elsewhere)
    (elsewhere.path / "load.json").write_text("{", encoding="utf-8")
    done = run("export-subject", WHO, "--out", str(tmp_path / "held"), "--reason", "request 12")
    assert done.exit_code == 0, done.output
    said = json.loads((tmp_path / "held" / "held.json").read_text())
    assert len(said["records"]["nominal"]) == 1
    (named,) = [text for text in said["before_handing_over"] if "elsewhere" in text]
    assert str(elsewhere.path / "load.json") in named
    assert "Look into it by hand" in named
    assert "elsewhere" in (tmp_path / "held" / "held.html").read_text()
    with Ledger.open() as book, pytest.raises(NotFound, match="nothing here is about") as nobody:
        gather("N-nobody", ledger=book)
    assert str(elsewhere.path) in nobody.value.remedy  # they may be in what cannot be read


def test_a_load_that_lacks_a_table_is_named_and_its_others_are_searched(
    force: Path, tmp_path: Path
) -> None:
    other = small_force.make_load(force / "records" / "other", people=30, seed=9)
    (other.path / "offence.parquet").unlink()
    done = run("export-subject", WHO, "--out", str(tmp_path / "held"), "--reason", "request 12")
    assert done.exit_code == 0, done.output
    said = json.loads((tmp_path / "held" / "held.json").read_text())
    assert len(said["records"]["nominal"]) == 1
    assert list(said["records_up_to"]) == [str(force / "records" / "small")]
    (named,) = [text for text in said["before_handing_over"] if "offence.parquet" in text]
    assert str(other.path) in named
    assert str(other.path / "nominal.parquet") in said["files"]


def test_others_are_struck_out_and_staff_are_told_by_role(force: Path, tmp_path: Path) -> None:
    run("export-subject", WHO, "--out", str(tmp_path / "held"), "--reason", "request 12")
    for file in ("held.json", "held.html"):
        text = (tmp_path / "held" / file).read_text()
        assert OTHER not in text
        assert "P. Reviewer" not in text
        assert not any(f"N{i:04d}" in text for i in range(60) if f"N{i:04d}" != WHO)
    said = json.loads((tmp_path / "held" / "held.json").read_text())
    beside = [row for row in said["records"]["involvement"] if row["nominal_id"] != WHO]
    assert beside[0]["nominal_id"] == "[another person]"
    assert "relationship" not in beside[0]
    assert said["views"][0]["by"] == "analyst"
    # what somebody wrote is marked: a name in the middle of a sentence is for people to find
    assert {"lives with [another person], says PC 4711"} <= {
        one["text"] for one in said["free_text"]
    }
    with_staff = tmp_path / "staff"
    run("export-subject", WHO, "--out", str(with_staff), "--reason", "request 12", "--staff")
    assert "PC 4711 (analyst)" in (with_staff / "held.json").read_text()


def test_after_an_erasure_nothing_is_held_and_the_chain_verifies(
    force: Path, tmp_path: Path
) -> None:
    done = run("erase", WHO, "--reason", "erasure request 7")
    assert done.exit_code == 0, done.output
    refused = run("export-subject", WHO, "--out", str(tmp_path / "held"), "--reason", "request 14")
    assert isinstance(refused.exception, NotFound)
    assert "or they were erased" in refused.exception.message
    assert not (tmp_path / "held").exists()
    for file in force.rglob("*"):
        if file.suffix in (".csv", ".json"):
            assert WHO not in file.read_text(encoding="utf-8"), file
    assert run("audit", "verify").exit_code == 0
    done = run("export-subject", OTHER, "--out", str(tmp_path / "held"), "--reason", "request 15")
    assert done.exit_code == 0
    assert WHO not in (tmp_path / "held" / "held.json").read_text()


def test_nothing_leaves_that_is_not_on_the_ledger(force: Path, tmp_path: Path) -> None:
    held = tmp_path / "held"
    for words, why in (
        (("N-nobody", "--out", str(held), "--reason", "x"), NotFound),
        ((WHO, "--out", str(held), "--reason", " "), UsageError),
        ((WHO, "--out", str(tmp_path), "--reason", "x"), Conflict),
        ((WHO, "--out", str(held / "deep" / "er"), "--reason", "x"), UsageError),
        ((WHO, "--out", str(held), "--reason", "x", "--also", "/nowhere"), UsageError),
    ):
        assert isinstance(run("export-subject", *words).exception, why)
    assert not held.exists()
    assert run("export-subject", WHO, "--out", str(held), "--reason", "x").exit_code == 0
    assert stat.S_IMODE(held.stat().st_mode) == 0o700
