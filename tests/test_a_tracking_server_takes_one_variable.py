"""`MLFLOW_TRACKING_URI` alone moves runs and registry to a PostgreSQL database."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_up_matrix import QUICK, history, question

from models import registry
from training.experiment import train


@pytest.mark.slow
def test_postgresql_holds_runs_and_registry_and_files_stay_in_the_home(
    postgres_database: str, precursor_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlalchemy as sa

    working = tmp_path / "elsewhere"
    working.mkdir()
    monkeypatch.chdir(working)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", postgres_database)
    found = train(question(), history(900), origins=2, **QUICK)
    assert found.version is not None
    registry.set_alias("made_up", registry.CHAMPION, found.version.number)

    model, number = registry.fetch("made_up", registry.CHAMPION)
    assert number == found.version.number
    assert model.text == found.model.text
    engine = sa.create_engine(postgres_database)
    with engine.connect() as connection:
        runs = connection.execute(sa.text("SELECT status, artifact_uri FROM runs")).all()
        named = connection.execute(
            sa.text("SELECT alias, version FROM registered_model_aliases WHERE name = 'made_up'")
        ).all()
    engine.dispose()
    assert len(runs) == 2  # the training, and the earlier origin below it
    assert {status for status, _ in runs} == {"FINISHED"}
    assert dict(map(tuple, named)) == {"champion": number, "challenger": number}
    artifacts = (precursor_home / "mlflow" / "artifacts").as_uri()
    assert all(place.startswith(artifacts) for _, place in runs)
    assert not (precursor_home / "mlflow" / "mlflow.db").exists()
    assert list(working.iterdir()) == []
