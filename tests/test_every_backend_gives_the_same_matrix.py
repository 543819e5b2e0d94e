"""Every backend gives the same matrix, in every column and to the last bit."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from on_spark import spark_here
from worlds import DATA_TO, load, world

from features.backends.postgres import drop_copies
from features.errors import PrecursorError, UsageError
from features.forget import forget
from features.history import History
from features.loads import open_load
from features.matrix import Matrix, build
from features.question import Question

__all__ = ["spark_here"]

AFTER = DATA_TO + timedelta(days=1)
QUESTION = Question(
    name="again",
    title="Again",
    outcome_words="named again",
    cohort={"source": "suspected", "within_days": 730},
    outcome={"source": "suspected", "also": "charged"},
    horizon_days=90,
    lag_days=30,
    history_days=200,
)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> History:
    rows = world(random.Random(11), people=40, events=600)
    # ids as forces write them: order by bytes, not by any language's rules
    for table in rows.values():
        for record in table:
            for name in ("nominal_id", "record_id", "offence_id"):
                if isinstance(record.get(name), str):
                    record[name] = record[name].replace("N00", "é-").replace("N01", "Z_")
    return History(load(rows, tmp_path_factory.mktemp("world") / "records"))


def spine_of(history: History) -> pd.DataFrame:
    days = [AFTER - timedelta(days=n) for n in (0, 31, 365, 800)]
    return pd.DataFrame(
        [(who, day) for who in [*history.compiled.ids, "nobody"] for day in days],
        columns=["nominal_id", "as_of_date"],
    )


def same_pasts(one: History, other: History, spine: pd.DataFrame) -> None:
    pasts = (history.pasts(history.subjects(spine)) for history in (one, other))
    for mine, theirs in zip(*pasts, strict=True):
        pd.testing.assert_frame_equal(mine.frame(), theirs.frame(), check_exact=True)


@pytest.mark.postgres
def test_postgresql_agrees_with_duckdb(
    reference: History,
    postgres_database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PRECURSOR_RECORDS_URL", postgres_database)
    for _ in range(2):  # the second time finds the load on the server
        other = History(reference.load, backend="postgres")
        spine = spine_of(reference)
        pd.testing.assert_frame_equal(
            other.matrix(spine), reference.matrix(spine), check_exact=True
        )
        pd.testing.assert_frame_equal(
            build(other, QUESTION).frame, build(reference, QUESTION).frame, check_exact=True
        )
        same_pasts(other, reference, spine)


@pytest.mark.postgres
def test_a_copy_on_the_server_does_not_outlive_an_erasure(
    postgres_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    monkeypatch.setenv("PRECURSOR_RECORDS_URL", postgres_database)
    before = load(world(random.Random(3), people=3), tmp_path / "records")
    erased = History(before, backend="postgres").compiled.ids[0]

    def copies() -> list[str]:
        with psycopg.connect(postgres_database) as connection:
            sql = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'load%'"
            return [name for (name,) in connection.execute(sql)]

    assert len(copies()) == 1
    forget(before.path, erased)
    after = History(open_load(before.path), backend="postgres")
    assert erased not in after.compiled.ids
    assert len(copies()) == 1, "the one from before was dropped"
    assert drop_copies(before) == 1
    assert copies() == []


@pytest.mark.postgres
def test_pieces_of_any_size_hold_the_same_events(
    reference: History,
    postgres_database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PRECURSOR_RECORDS_URL", postgres_database)
    monkeypatch.setattr("features.backends.postgres.PIECE", 1000)
    spine = spine_of(reference)
    other = History(reference.load, backend="postgres")
    pd.testing.assert_frame_equal(other.matrix(spine), reference.matrix(spine), check_exact=True)


def test_a_server_that_is_not_named_or_does_not_answer_is_told_without_its_password(
    reference: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PRECURSOR_RECORDS_URL", raising=False)
    with pytest.raises(UsageError, match="PRECURSOR_RECORDS_URL"):
        History(reference.load, backend="postgres")
    monkeypatch.setenv("PRECURSOR_RECORDS_URL", "postgresql://me:s3cret@127.0.0.1:1/none")
    with pytest.raises(PrecursorError) as refused:
        History(reference.load, backend="postgres")
    assert "s3cret" not in str(refused.value)
    assert "refused" in str(refused.value)


@pytest.mark.spark
def test_spark_agrees_with_duckdb(reference: History, spark_here: None, tmp_path: Path) -> None:
    from features import spark

    for name, asked in (("own", None), ("given [1] {a,b}", spine_of(reference))):
        spark.write_matrix(reference.load, QUESTION, tmp_path / name, asked)
        found = Matrix.read(tmp_path / name)
        expected = build(reference, QUESTION, asked)
        frame = expected.frame.sort_values(["nominal_id", "as_of_date"], ignore_index=True)
        assert found.manifest == expected.manifest
        assert {path.suffix for path in tmp_path.iterdir()} == {"", ".json"}  # nothing left behind
        pd.testing.assert_frame_equal(found.frame, frame, check_exact=True, check_dtype=False)


@pytest.mark.spark
def test_spark_brings_a_person_s_records_together_by_one_shuffle(
    reference: History, spark_here: None, tmp_path: Path
) -> None:
    from features import spark
    from features.matrix import sources_of

    parts = spark.Parts(reference.load)
    spark.write_asked(spine_of(reference), tmp_path / "asked")
    rows = parts.together(sources_of(QUESTION, reference.feature_set), tmp_path / "asked")
    plan = rows._jdf.queryExecution().executedPlan().toString()
    shuffles = [line for line in plan.splitlines() if "hashpartitioning(nominal_id" in line]
    assert len(shuffles) == 1, plan


@pytest.mark.spark
def test_parts_of_any_size_hold_the_same_people(
    reference: History, spark_here: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from features import spark

    monkeypatch.setattr(spark, "PART", 100)
    (tmp_path / "many.part").mkdir()  # somebody's own
    spark.write_matrix(reference.load, QUESTION, tmp_path / "many")
    assert (tmp_path / "many.part").is_dir()
    frame = Matrix.read(tmp_path / "many").frame
    expected = build(reference, QUESTION).frame
    pd.testing.assert_frame_equal(frame, expected, check_exact=True, check_dtype=False)


def test_buckets_and_a_memory_limit_change_nothing(
    reference: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("features.backends.duckdb.BUCKET", 7)
    monkeypatch.setenv("PRECURSOR_MEMORY", "200MB")
    spine = spine_of(reference)
    small = History(reference.load)
    pd.testing.assert_frame_equal(small.matrix(spine), reference.matrix(spine), check_exact=True)
    same_pasts(small, reference, spine)
