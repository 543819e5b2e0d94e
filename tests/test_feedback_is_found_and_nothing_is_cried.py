"""Listed people who are recorded more because they are listed are found, and nobody else is."""

from __future__ import annotations

import json
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import small_force
import worlds
from scipy.special import expit
from served import ME, NAME, put_in_force
from typer.testing import CliRunner, Result

from features import kept_reports
from features.dashboards.known import Known
from features.errors import Conflict, NotFound, RecordsRefused, UsageError
from features.history import History
from features.loads import Load, write_load
from features.records import TABLES
from features.synthetic import synthesise
from precursor import app
from serving.batch import score_batch
from serving.kept import serve_from
from serving.ledger import Action, Ledger
from serving.publishing import publish
from serving.review_sample import given_lists
from training.feedback import FOUND, NOT_FOUND, UNLIKE, told, watch

CAPACITY = 150
DATES = [date(2024, 2, 1), date(2024, 8, 1), date(2025, 2, 1)]


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@cache
def force() -> Load:
    """A made-up force in which nobody is looked at more for being listed."""
    out = Path(mkdtemp(prefix="feedback-")) / "records"
    return synthesise(out, nominals=2500, years=5, seed=11)


@cache
def lists(seed: int) -> pd.DataFrame:
    """Lists by what was recorded in two years, with some chance in them, as a model has it."""
    chance, found = np.random.default_rng(seed), []
    for at in DATES:
        with Known(force(), at) as known:
            since = {"since": at - timedelta(days=730)}
            people = known.ask(
                "SELECT nominal_id, count(*) AS n FROM named WHERE named_on >= $since"
                " GROUP BY nominal_id ORDER BY nominal_id",
                since,
            )
        score = -3 + 0.8 * np.log1p(people["n"]) + chance.normal(0, 0.5, len(people))
        people = people.assign(as_of_date=pd.Timestamp(at), probability=expit(score))
        order = people["probability"].rank(ascending=False, method="first")
        found.append(people.assign(rank=order.astype(int)).drop(columns="n"))
    return pd.concat(found, ignore_index=True)


def looked_at(load: Load, given: pd.DataFrame, days: tuple[int, int], rate: float) -> Load:
    """The same records, and minor reports more of those listed, between two days from the list."""
    chance = np.random.default_rng(5)
    on_list = given[given["rank"] <= CAPACITY]
    tables = {name: pq.read_table(file) for name, file in load.tables.items()}
    rows: dict[str, list[dict[str, object]]] = {"offence": [], "involvement": []}
    for row in on_list.itertuples():
        for _ in range(chance.poisson(rate)):
            day = row.as_of_date.date() + timedelta(days=int(chance.integers(*days)))
            number = len(rows["offence"])
            when = {"occurred_on": day, "known_on": day, "load": 1}
            said = {"record_id": f"LO{number}", "reference": f"L{number}"}
            rows["offence"].append(said | when | {"offence_code": "class/shoplifting"})
            part = {"record_id": f"LI{number}", "offence_id": f"LO{number}", "role": "suspect"}
            rows["involvement"].append(part | when | {"nominal_id": row.nominal_id})
    for name, more in rows.items():
        added = pa.Table.from_pylist(more, schema=tables[name].schema)
        tables[name] = pa.concat_tables([tables[name], added])
    out = Path(mkdtemp(prefix="feedback-")) / "records"
    kept = {name: tables[name].select([c.name for c in TABLES[name].columns]) for name in tables}
    return write_load(out, kept, kind="test", data_to=load.data_to, synthetic=True)


def test_more_reports_after_being_listed_are_found_and_told_from_risk() -> None:
    given = lists(1)
    found = watch(looked_at(force(), given, (0, 183), 0.6), given, CAPACITY)
    assert found.verdict == FOUND
    assert found.ratios["attention"].low > 1
    assert found.ratios["attention"].high > found.ratios["attention"].value
    risk = found.ratios.get("risk")
    assert risk is None or risk.low < 1 < risk.high
    assert found.dates == tuple(DATES)
    assert "recorded more often than people like them" in told(found).verdict
    assert found.to_data()["cannot_show"]
    json.dumps(found.to_data(), allow_nan=False)


def test_without_it_no_wolf_is_cried() -> None:
    verdicts = [watch(force(), lists(seed), CAPACITY).verdict for seed in range(1, 9)]
    assert verdicts.count(FOUND) <= 1, verdicts  # each may err in one of forty
    assert NOT_FOUND in verdicts


def test_two_sides_that_were_never_alike_are_not_judged() -> None:
    given = lists(1)
    found = watch(looked_at(force(), given, (-183, 0), 1.0), given, CAPACITY)
    assert found.verdict == UNLIKE
    assert "nothing can be read" in told(found).text()


def test_what_cannot_be_known_yet_is_said() -> None:
    given = lists(1)
    with pytest.raises(NotFound, match="no list was given yet"):
        watch(force(), given.iloc[:0], CAPACITY)
    new = given.assign(as_of_date=pd.Timestamp(force().default_as_of))
    with pytest.raises(NotFound, match="not on record yet") as refused:
        watch(force(), new, CAPACITY)
    assert "records up to" in refused.value.remedy
    assert watch(force(), given.head(30), CAPACITY).verdict == "too few"


@pytest.fixture
def published_list(precursor_home: Path) -> Load:
    """A force with a list in force that was made half a year before its newest records."""
    until = small_force.DATA_TO - timedelta(days=200)
    rows = small_force.rows(people=150)
    early = {
        name: [row for row in table if row["known_on"] <= until] for name, table in rows.items()
    }
    first = write_load(
        precursor_home / "records" / "early",
        worlds.tables(early),
        kind="synthetic",
        data_to=until,
        synthetic=True,
    )
    load = small_force.make_load(precursor_home / "records" / "late", people=150)
    history = History(first)
    model = small_force.make_model(History(load), trees=5)
    with Ledger.open() as book:
        put_in_force(book, model, 1)
        serve_from(NAME, first)
        score_batch(model, 1, history, precursor_home / "out.csv", ledger=book, **ME)
        publish(NAME, ledger=book, **ME, purpose="meeting")
    return load


def test_the_command_reads_the_lists_that_were_given_and_keeps_what_it_found(
    published_list: Load,
) -> None:
    assert len(given_lists(NAME)) > small_force.QUESTION.capacity
    done = run("watch", NAME, str(published_list.path))
    assert done.exit_code in (0, 3), done.output
    assert "What this cannot show" in done.output
    (name,) = kept_reports.names(kept_reports.FEEDBACK, NAME)
    kept = kept_reports.read(kept_reports.FEEDBACK, NAME, name)
    assert (kept["version"], kept["width"]) == (1, 20)
    assert kept_reports.Told(**kept["told"]).text() in done.output


def test_a_review_sample_is_drawn_once_by_lot_and_tells_no_side(
    published_list: Load, tmp_path: Path
) -> None:
    out = tmp_path / "sample.csv"
    done = run("review-sample", NAME, "--out", str(out), "--people", "10", "--reason", "quarter")
    assert done.exit_code == 0, done.output
    drawn = pd.read_csv(out, encoding="utf-8-sig")
    assert list(drawn) == ["nominal_id", "as_of_date", "would_list", "reason"]
    assert drawn["nominal_id"].is_monotonic_increasing
    ranks = given_lists(NAME).set_index("nominal_id")["rank"]
    sides = ranks[drawn["nominal_id"]] <= small_force.QUESTION.capacity
    assert (sides.sum(), len(sides)) == (5, 10)
    with Ledger.open() as book:
        (entry,) = book.entries(action=Action.REVIEW_SAMPLE)
        assert (entry.leaf_count, entry.purpose, entry.body["drawn"]) == (10, "quarter", 10)
        told = {leaf.nominal_id: leaf.payload for leaf in book.people(entry.seq)}
        assert set(told) == set(drawn["nominal_id"])
        assert book.verify().ok
    again = run("review-sample", NAME, "--out", str(tmp_path / "b.csv"), "--reason", "better one")
    assert isinstance(again.exception, Conflict)
    assert again.exception.code == "drawn"


def test_a_sample_that_cannot_be_drawn_leaves_nothing(published_list: Load, tmp_path: Path) -> None:
    out = tmp_path / "sample.csv"
    for people in ("3", "1000"):
        words = ("--out", str(out), "--people", people, "--reason", "x")
        assert isinstance(run("review-sample", NAME, *words).exception, UsageError)
    missing = run("review-sample", "no_such", "--out", str(out), "--reason", "x")
    assert isinstance(missing.exception, NotFound)
    assert not out.exists()
    with Ledger.open() as book:
        assert not book.entries(action=Action.REVIEW_SAMPLE)


def draw(out: Path, people: int = 20) -> pd.DataFrame:
    words = ("--out", str(out), "--people", str(people), "--reason", "quarter")
    assert run("review-sample", NAME, *words).exit_code == 0
    return pd.read_csv(out, encoding="utf-8-sig", dtype=str, keep_default_na=False)


def listed(drawn: pd.DataFrame) -> pd.Series[bool]:
    ranks = given_lists(NAME).set_index("nominal_id")["rank"]
    return pd.Series(ranks[drawn["nominal_id"]].to_numpy() <= small_force.QUESTION.capacity)


@pytest.mark.parametrize("knowing", [True, False])
def test_what_blind_reviewers_say_is_told_for_both_sides(
    published_list: Load, tmp_path: Path, knowing: bool
) -> None:
    drawn = draw(tmp_path / "sample.csv")
    side = listed(drawn)
    other = pd.Series(np.arange(len(drawn)) % 2 == 0)
    drawn["would_list"] = (side if knowing else other).map({True: "Yes", False: "no"})
    drawn.loc[side.idxmax(), "would_list"] = ""
    drawn.to_csv(tmp_path / "filled.csv", index=False)
    reviewed = str(tmp_path / "filled.csv")
    done = run("watch", NAME, str(published_list.path), "--reviewed", reviewed, "--json")
    assert done.exit_code in (0, 3), done.output
    said = json.loads(done.stdout)["reviews"]
    assert said["counts"]["listed"]["drawn"] == said["counts"]["unlisted"]["drawn"] == 10
    assert said["counts"]["listed"]["reviewed"] == 9
    assert (said["chance"] < 0.05) is knowing
    if knowing:
        assert said["shares"]["listed"]["value"] == 1
        assert said["shares"]["unlisted"]["value"] == 0
        assert said["shares"]["listed"]["low"] > said["shares"]["unlisted"]["high"]
    (name,) = kept_reports.names(kept_reports.FEEDBACK, NAME)
    kept = kept_reports.read(kept_reports.FEEDBACK, NAME, name)
    assert "Reviewers who knew neither score nor side" in kept["told"]["after"][0]
    assert len(kept["told"]["listed"]) >= 2 + len(said["counts"])
    assert not any(person in json.dumps(kept) for person in drawn["nominal_id"])


def test_reviews_that_cannot_be_read_are_refused_with_every_reason(
    published_list: Load, tmp_path: Path
) -> None:
    drawn = draw(tmp_path / "sample.csv")
    drawn.loc[0, "would_list"] = "perhaps"
    drawn.loc[1, "nominal_id"] = "N-nobody"
    drawn.loc[2, "as_of_date"] = "01/02/2026"
    pd.concat([drawn, drawn.tail(1)]).to_csv(tmp_path / "filled.csv", index=False)
    asked = ("watch", NAME, str(published_list.path), "--reviewed")
    refused = run(*asked, str(tmp_path / "filled.csv")).exception
    assert isinstance(refused, RecordsRefused)
    for words in ("row 1: would_list 'perhaps'", "N-nobody", "01/02/2026", "row 21: "):
        assert words in refused.message
    drawn.drop(columns="would_list").to_csv(tmp_path / "short.csv", index=False)
    for name, words in (("short.csv", "no column would_list"), ("none.csv", "cannot be read")):
        wrong = run(*asked, str(tmp_path / name)).exception
        assert isinstance(wrong, UsageError)
        assert words in wrong.message
    assert not kept_reports.names(kept_reports.FEEDBACK, NAME)
