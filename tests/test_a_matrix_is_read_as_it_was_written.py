"""A matrix is read as it was written, and never as two halves of two."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from worlds import load, world

from features.errors import Conflict, NotFound, PrecursorError
from features.files import sha256
from features.history import History
from features.matrix import Matrix, build, write_matrix
from features.matrix_file import manifest_path, table_of, writing
from features.question import Question

QUESTION = Question(
    name="again",
    title="Again",
    outcome_words="named again",
    cohort={"source": "suspected", "within_days": 730},
    outcome={"source": "suspected"},
    horizon_days=90,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Matrix, Matrix]:
    rows = world(random.Random(1), people=6, events=60)
    history = History(load(rows, tmp_path_factory.mktemp("made") / "records"))
    spine = pd.DataFrame({"nominal_id": ["N001", "N002"], "as_of_date": ["2025-01-01"] * 2})
    return build(history, QUESTION, spine), build(history, QUESTION, spine[:1])


def test_rows_manifest_and_fingerprint_come_back(
    made: tuple[Matrix, Matrix], tmp_path: Path
) -> None:
    made[0].write(tmp_path / "rows.parquet")
    found = Matrix.read(tmp_path / "rows.parquet")
    pd.testing.assert_frame_equal(found.frame, made[0].frame, check_dtype=False)
    assert found.feature_set == made[0].feature_set
    assert found.manifest == made[0].manifest


def test_rows_under_another_matrix_s_manifest_are_refused(
    made: tuple[Matrix, Matrix], tmp_path: Path
) -> None:
    made[0].write(tmp_path / "rows.parquet")
    made[1].write(tmp_path / "other.parquet")
    manifest_path(tmp_path / "other.parquet").replace(manifest_path(tmp_path / "rows.parquet"))
    with pytest.raises(PrecursorError, match="not the ones that rows"):
        Matrix.read(tmp_path / "rows.parquet")


def test_a_missing_half_is_named(made: tuple[Matrix, Matrix], tmp_path: Path) -> None:
    made[0].write(tmp_path / "rows.parquet")
    manifest_path(tmp_path / "rows.parquet").unlink()
    with pytest.raises(NotFound, match=r"rows\.parquet\.json"):
        Matrix.read(tmp_path / "rows.parquet")


@pytest.mark.parametrize("text", ["{", "[]", "[1]", '{"feature_set": 1}', '{"feature_set": {}}'])
def test_a_manifest_that_is_none_is_told_in_words(
    text: str, made: tuple[Matrix, Matrix], tmp_path: Path
) -> None:
    file = tmp_path / "rows.parquet"
    made[0].write(file)
    if text.startswith('{"'):
        text = json.dumps(json.loads(text) | {"rows_sha256": sha256(file)})
    manifest_path(file).write_text(text)
    with pytest.raises(PrecursorError, match="Make the matrix again"):
        Matrix.read(file)


def test_a_column_of_text_is_no_input(made: tuple[Matrix, Matrix], tmp_path: Path) -> None:
    name = made[0].feature_set.names[0]
    frame = made[0].frame.assign(**{name: "many"})
    Matrix(frame, made[0].feature_set, made[0].manifest).write(tmp_path / "rows.parquet")
    with pytest.raises(PrecursorError, match=f"{name} hold no numbers"):
        Matrix.read(tmp_path / "rows.parquet")


def test_a_folder_is_not_written_over(made: tuple[Matrix, Matrix], tmp_path: Path) -> None:
    (tmp_path / "rows.parquet").mkdir()
    for out in (tmp_path / "rows.parquet", Path("/")):
        with pytest.raises(Conflict, match="is a folder"):
            made[0].write(out)
    assert [file.name for file in tmp_path.iterdir()] == ["rows.parquet"]


def test_a_second_run_at_once_is_refused(made: tuple[Matrix, Matrix], tmp_path: Path) -> None:
    out = tmp_path / "rows.parquet"
    with writing(out, made[0].manifest) as write:
        write(table_of(made[0].frame))
        with pytest.raises(Conflict, match="another process"):
            made[1].write(out)
    assert len(Matrix.read(out).frame) == len(made[0].frame)
    assert sorted(file.name for file in tmp_path.iterdir()) == [out.name, out.name + ".json"]


def test_what_is_written_piece_by_piece_is_what_is_built_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = History(load(world(random.Random(2), people=20, events=200), tmp_path / "records"))
    monkeypatch.setattr("features.history.CHUNK", 7)
    whole = build(history, QUESTION)
    manifest = write_matrix(history, QUESTION, tmp_path / "rows.parquet")
    found = Matrix.read(tmp_path / "rows.parquet")
    pd.testing.assert_frame_equal(found.frame, whole.frame, check_exact=True, check_dtype=False)
    assert found.manifest == whole.manifest == manifest
    assert found.fingerprint == whole.fingerprint
    assert pq.ParquetFile(tmp_path / "rows.parquet").num_row_groups > 1


KILLED = """
import sys
sys.path.append("tests")
import features.history
from features.history import History
from features.loads import open_load
from features.matrix import write_matrix
from test_a_matrix_is_read_as_it_was_written import QUESTION

features.history.CHUNK = 3
def tell(done, of):
    print(done, flush=True)
    if len(sys.argv) == 4:
        sys.stdin.readline()
write_matrix(History(open_load(sys.argv[1])), QUESTION, sys.argv[2], progress=tell)
"""


def test_a_killed_run_leaves_no_half_file_and_the_next_one_is_whole(tmp_path: Path) -> None:
    records = load(world(random.Random(2), people=20, events=200), tmp_path / "records").path
    out = tmp_path / "out" / "rows.parquet"
    command = [sys.executable, "-c", KILLED, str(records), str(out)]
    here = {"cwd": Path(__file__).parents[1], "stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([*command, "halting"], **here) as running:
        for _ in range(3):  # three pieces are on their way when it is killed
            assert running.stdout.readline()
            running.stdin.write(b"\n")
            running.stdin.flush()
        running.kill()
    with pytest.raises(NotFound):
        Matrix.read(out)
    assert not manifest_path(out).exists()
    subprocess.run(command, check=True, **{**here, "stdin": subprocess.DEVNULL})
    assert [file.name for file in sorted(out.parent.iterdir())] == [out.name, out.name + ".json"]
    assert len(Matrix.read(out).frame) > 3


def test_a_folder_that_stands_is_not_written_over_by_workers(tmp_path: Path) -> None:
    from features import spark

    records = load(world(random.Random(2), people=5, events=20), tmp_path / "records")
    (tmp_path / "there").mkdir()
    with pytest.raises(Conflict, match="exists already"):
        spark.write_matrix(records, QUESTION, tmp_path / "there")
