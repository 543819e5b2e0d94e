"""Whatever is killed while requests are answered: what was answered is on the ledger, and whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import faults, postgres


def told(found: faults.Found) -> dict[str, object]:
    return {name: count for name, count in found.data().items() if count}


@pytest.mark.parametrize(
    ("database", "kills"),
    [
        ("sqlite", 4),
        pytest.param("postgres", 4, marks=pytest.mark.postgres),
        pytest.param("sqlite", 200, marks=[pytest.mark.slow, pytest.mark.timeout(3_600)]),
        pytest.param(
            "postgres",
            200,
            marks=[pytest.mark.slow, pytest.mark.postgres, pytest.mark.timeout(3_600)],
        ),
    ],
)
def test_no_answer_is_missing_from_the_ledger(tmp_path: Path, database: str, kills: int) -> None:
    if database == "postgres" and (reason := postgres.missing()):
        pytest.skip(f"{reason} to test on")
    found = faults.run(tmp_path, kills=kills, database=database)
    assert found.kills + found.database_kills == kills
    assert len(found.answered) >= faults.ANSWERS[0] * kills, told(found)
    assert found.ok, told(found)
    assert (found.database_kills > 0) == (database == "postgres")
