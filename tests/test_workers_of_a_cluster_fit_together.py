"""Workers that each hold some of the people grow the trees that one machine grows from all."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pytest
from on_spark import spark_here
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from features.errors import PrecursorError
from features.matrix import Matrix
from features.matrix_file import write_manifest
from features.synthetic import synthesise
from models.empty import read
from training import constraints, fit
from training.questions import question

__all__ = ["spark_here"]

pytestmark = pytest.mark.spark

QUICK = {"learning_rate": 0.1}
BEFORE = date(2100, 1, 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, spark_here: None) -> Path:
    """A matrix as Spark writes it, in two parts of its people."""
    from features.spark import write_matrix

    place = tmp_path_factory.mktemp("cluster")
    force = synthesise(place / "records", nominals=2_500, years=6, seed=2)
    out = place / "matrix"
    write_matrix(force, question("domestic_abuse_high_harm"), out)
    whole = Matrix.read(out)
    manifest = whole.manifest
    parts = place / "parts"
    parts.mkdir()
    person = whole.frame["nominal_id"].rank(method="dense").astype(int) % 2
    for number in (0, 1):
        whole.frame[person == number].to_parquet(parts / f"part-{number}.parquet", index=False)
    write_manifest(parts, manifest, parts)
    return parts


def margins(text: str, rows: fit.Rows) -> np.ndarray:
    names = rows.feature_set.names
    seen = read(rows.X, names, constraints.empty(rows.feature_set))
    return np.asarray(lgb.Booster(model_str=text).predict(seen, raw_score=True))


def test_trees_of_two_workers_rank_as_those_of_one_machine(folder: Path) -> None:
    from training.cluster import fit_parts

    matrix = Matrix.read(folder).labelled()
    rows = fit.Rows.of(matrix.frame, matrix.feature_set)
    alone = fit.fit(rows, **QUICK)
    together = fit_parts(folder, BEFORE, workers=2, **QUICK)
    assert together.trees == alone.trees  # decided on the same rows: the sample holds them all
    assert together.text != alone.text
    assert "[machines: ]" in together.text
    assert "127.0.0.1" not in together.text
    one, two = (margins(fitted.text, rows) for fitted in (alone, together))
    assert spearmanr(one, two).statistic > 0.95
    assert roc_auc_score(rows.y, two) == pytest.approx(roc_auc_score(rows.y, one), abs=0.02)
    # half of the people alone teach something else: the other worker's rows did count
    half = fit.fit(
        fit.Rows.of(matrix.frame.head(len(matrix.frame) // 2), matrix.feature_set),
        **QUICK,
    )
    assert spearmanr(one, margins(half.text, rows)).statistic < spearmanr(one, two).statistic


def test_what_cannot_be_shared_or_is_not_there_is_said(folder: Path) -> None:
    from training.cluster import fit_parts

    with pytest.raises(PrecursorError, match="2 parts cannot be shared among 3 workers"):
        fit_parts(folder, BEFORE, workers=3)
    with pytest.raises(PrecursorError, match="no labelled row lies before 1999-01-01"):
        fit_parts(folder, date(1999, 1, 1))
