"""A ready matrix answers for every column, and the Georgia pack becomes one."""

from __future__ import annotations

import random
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from features.declare import FeatureSet
from features.errors import Conflict, NotFound, PrecursorError, RecordsRefused, UsageError
from features.ingest import ingest
from features.ingest.packs import described
from features.ready import is_ready, read_ready

AT = date(2026, 1, 1)
ENTRIES = {
    "priors": {"group": "priors", "reason": "frequency of arrests"},
    "age": {"group": "age", "reason": "offending falls with age", "words": "aged {value}"},
}


def columns(**changes: Any) -> dict[str, Any]:
    """Return the columns of a good matrix, with changes; None takes one out."""
    good: dict[str, Any] = {
        "nominal_id": ["B", "A", "C"],
        "as_of_date": [AT, AT, AT],
        "label": [1, 0, None],
        "priors": [3, 0, None],
        "age": [31.5, 22.0, 40.0],
    }
    return {key: value for key, value in {**good, **changes}.items() if value is not None}


def written(folder: Path, entries: Any = ENTRIES, **changes: Any) -> Path:
    folder.mkdir(exist_ok=True)
    text = entries if isinstance(entries, str) else yaml.safe_dump(entries)
    (folder / "columns.yaml").write_text(text, encoding="utf-8")
    pq.write_table(pa.table(columns(**changes)), folder / "matrix.parquet")
    return folder / "matrix.parquet"


def refused(file: Path) -> str:
    with pytest.raises(PrecursorError) as caught:
        read_ready(file)
    assert caught.value.code == "bad_matrix"
    return str(caught.value)


def test_a_ready_matrix_is_read_with_its_columns_groups_and_reasons(tmp_path: Path) -> None:
    file = written(tmp_path)
    assert is_ready(file)
    matrix = read_ready(file)
    assert list(matrix.frame["nominal_id"]) == ["A", "B", "C"]
    assert matrix.feature_set.names == ["priors", "age"]
    np.testing.assert_array_equal(matrix.X, [[0, 22], [3, 31.5], [np.nan, 40]])
    assert matrix.labelled().y.tolist() == [0, 1]
    assert matrix.feature_set["priors"].nullable
    assert matrix.feature_set["age"].phrase(22) == "aged 22"
    assert matrix.feature_set["priors"].phrase(3) == "priors: 3"
    assert matrix.manifest["feature_set"]["definitions"]["reasons"]["age"]
    assert FeatureSet.from_data(matrix.feature_set.to_data()) == matrix.feature_set
    assert read_ready(file).fingerprint == matrix.fingerprint


def test_another_reason_is_another_set_of_features(tmp_path: Path) -> None:
    first = read_ready(written(tmp_path)).feature_set.fingerprint
    other = {**ENTRIES, "age": {"group": "age", "reason": "another reason"}}
    assert read_ready(written(tmp_path, other)).feature_set.fingerprint != first


@pytest.mark.parametrize(
    "dates",
    [["2026-01-01"] * 3, [datetime(2026, 1, 1)] * 3, pa.array([AT] * 3, pa.date64())],
    ids=["text", "timestamp", "date64"],
)
def test_dates_may_be_written_in_any_type(dates: Any, tmp_path: Path) -> None:
    found = read_ready(written(tmp_path, as_of_date=dates)).frame["as_of_date"]
    assert set(found) == {pd.Timestamp(AT)}


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    entries = {
        "priors": {"group": "Priors!", "reason": "", "colour": "red"},
        "gone": ENTRIES["age"],
        "Sex": {"group": "ethnicity", "reason": "none"},
    }
    said = refused(
        written(
            tmp_path,
            entries,
            nominal_id=["A", "A", None],
            label=[0, 2, 1],
            Sex=[1, 0, 1],
            score=[1.0, float("inf"), 2.0],
            town=["x", "y", "z"],
        )
    )
    for part in (
        "priors.group",
        "priors.reason",
        "priors.colour",
        "'gone', which is no column of the matrix",
        "'Sex' is protected and no input",
        "'ethnicity' is protected and no input",
        "column 'age' has no entry in columns.yaml",
        "column 'score' has no entry in columns.yaml",
        "column 'score' has infinite values",
        "column 'town' holds string, not numbers",
        "column 'nominal_id' is empty in 1 rows",
        "column 'label' is neither 0 nor 1 in 1 rows",
        "1 rows are there twice, such as A on 2026-01-01",
    ):
        assert part in said, part


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"as_of_date": ["2026-13-01"] * 3}, "'as_of_date' is no date32"),
        ({"as_of_date": [None, AT, AT]}, "'as_of_date' is empty in 1 rows"),
        ({"nominal_id": ["", "A", "B"]}, "'nominal_id' is empty in 1 rows"),
        ({"label": ["yes", "no", "no"]}, "'label' holds string"),
        ({"label_charged": [0, 1, 1]}, "has a name that is no input's"),
        ({"split": [0, 1, 1]}, "has a name that is no input's"),
        ({"x" * 64: [0, 1, 1]}, "longer than 63 bytes"),
        ({"when": [AT] * 3}, "not numbers"),
    ],
)
def test_each_fault_of_a_matrix_is_told(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    assert said in refused(written(tmp_path, **changes))


@pytest.mark.parametrize("missing", ["nominal_id", "as_of_date"])
def test_a_missing_key_is_told(missing: str, tmp_path: Path) -> None:
    file = written(tmp_path)
    pq.write_table(pq.read_table(file).drop_columns([missing]), file)
    assert f"column '{missing}' is missing" in refused(file)


@pytest.mark.parametrize("text", ["", "[1, 2]", "age: [", "age: 3", "age: {reason: x y z}"])
def test_a_list_of_columns_that_is_none_is_told(text: str, tmp_path: Path) -> None:
    assert "columns.yaml" in refused(written(tmp_path, text))


def test_files_that_are_missing_or_something_else_are_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"matrix\.parquet.*columns\.yaml"):
        read_ready(tmp_path / "matrix.parquet")
    file = written(tmp_path)
    file.write_bytes(b"no parquet")
    assert "no Parquet file" in refused(file)
    pq.write_table(pa.table(columns()).slice(0, 0), file)
    assert "it has no rows" in refused(file)


def test_a_column_that_is_there_twice_is_told(tmp_path: Path) -> None:
    file = written(tmp_path)
    table = pq.read_table(file)
    pq.write_table(table.append_column("age", table["age"]), file)
    assert "column 'age' is there twice" in refused(file)


def test_a_split_of_the_people_comes_along_or_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path)
    parts = {"nominal_id": ["A", "B", "C"], "split": ["train", "test", "train"]}
    pq.write_table(pa.table(parts), tmp_path / "split.parquet")
    matrix = read_ready(file)
    assert list(matrix.frame["split"]) == ["train", "test", "train"]
    assert "split" not in matrix.feature_set.names
    parts["nominal_id"] = ["A", "A", "C"]
    pq.write_table(pa.table(parts), tmp_path / "split.parquet")
    assert "1 people into more than one part" in refused(file)
    pq.write_table(pa.table(parts).slice(0, 1), tmp_path / "split.parquet")
    assert "says nothing of 2 rows" in refused(file)


# ---- the Georgia pack ----------------------------------------------------------------------------

FORBIDDEN = (
    "gender",
    "race",
    "residence",
    "gang",
    "condition_mh",
    "condition_cog",
    "delinquency",
    "program",
    "violations",
    "drugtest",
    "employ",
    "jobs",
)


def made_up(rng: random.Random, people: int = 30) -> dict[str, list[Any]]:
    """Return a made-up pack with every column of the real one."""
    said = described("georgia")
    pack: dict[str, list[Any]] = {"ID": [f"N{n:03d}" for n in range(people)]}
    for column, entry in said["columns"].items():
        known = list(entry.get("bands") or entry.get("kinds") or ["0", "1", "2", "3 or more"])
        pack[column] = [rng.choice([*known, None]) for _ in range(people)]
    for entry in said["left_out"]:
        for column in entry["columns"]:
            pack[column] = [rng.choice(["F", "M"]) for _ in range(people)]
    pack[said["label"]] = [rng.randrange(2) for _ in range(people)]
    pack[said["split"]] = [rng.choice(["train", "test"]) for _ in range(people)]
    return pack


def write_pack(folder: Path, pack: dict[str, list[Any]]) -> Path:
    folder.mkdir(parents=True)
    pq.write_table(pa.table(pack), folder / "nij.parquet")
    return folder


def test_the_pack_becomes_a_matrix_without_what_is_no_input(tmp_path: Path) -> None:
    pack = made_up(random.Random(1))
    made = ingest("georgia", write_pack(tmp_path / "pack", pack), tmp_path / "out")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        "audit.parquet",
        "columns.yaml",
        "matrix.parquet",
        "split.parquet",
    ]
    matrix = read_ready(tmp_path / "out" / "matrix.parquet")
    assert (made.rows, made.columns) == (30, len(matrix.feature_set.names))
    for name in [*matrix.frame.columns, *matrix.feature_set.groups]:
        assert not any(word in name.lower() for word in FORBIDDEN), name
    assert matrix.frame["as_of_date"].nunique() == 1
    assert list(matrix.frame["split"]) == pack["official_split"]
    audit = pq.read_table(tmp_path / "out" / "audit.parquet").to_pydict()
    assert audit == {"nominal_id": pack["ID"], "sex": pack["Gender"], "ethnicity": pack["Race"]}


def test_what_stays_out_changes_nothing(tmp_path: Path) -> None:
    pack = made_up(random.Random(2))
    out = {column for entry in described("georgia")["left_out"] for column in entry["columns"]}
    other = {name: values[::-1] if name in out else values for name, values in pack.items()}
    first = ingest("georgia", write_pack(tmp_path / "a", pack), tmp_path / "one")
    second = ingest("georgia", write_pack(tmp_path / "b", other), tmp_path / "two")
    assert first.matrix.read_bytes() == second.matrix.read_bytes()


def test_bands_are_whole_numbers_in_order(tmp_path: Path) -> None:
    pack = made_up(random.Random(3))
    pack["Age_at_Release"] = ["18-22", "48 or older", None] + ["23-27"] * 27
    pack["Dependents"] = ["3 or more", "0", "2"] + ["1"] * 27
    pack["Prison_Offense"] = ["Violent/Sex", None, "Drug"] + ["Other"] * 27
    ingest("georgia", write_pack(tmp_path / "pack", pack), tmp_path / "out")
    rows = pq.read_table(tmp_path / "out" / "matrix.parquet").to_pylist()
    assert [row["Age_at_Release"] for row in rows[:3]] == [18, 48, None]
    assert [row["Dependents"] for row in rows[:3]] == [3, 0, 2]
    assert [row["Prison_Offense_Violent_Sex"] for row in rows[:3]] == [1, None, 0]
    assert [row["Prison_Offense_Drug"] for row in rows[:3]] == [0, None, 1]


def test_everything_that_makes_it_another_pack_is_told_at_once(tmp_path: Path) -> None:
    pack = made_up(random.Random(4))
    del pack["Prison_Years"]
    pack["Shoe_Size"] = [40] * 30
    pack["Age_at_Release"][4] = "17"
    pack["Dependents"][5] = "many"
    pack["ID"][7] = pack["ID"][6]
    pack["Recidivism_Within_3years"][8] = 3
    with pytest.raises(RecordsRefused) as caught:
        ingest("georgia", write_pack(tmp_path / "pack", pack), tmp_path / "out")
    told = {(v.row, v.column, v.value) for v in caught.value.violations}  # type: ignore[attr-defined]
    assert told == {
        (None, "Prison_Years", ""),
        (None, "Shoe_Size", ""),
        (5, "Age_at_Release", "17"),
        (6, "Dependents", "many"),
        (8, "ID", pack["ID"][6]),
        (9, "Recidivism_Within_3years", "3"),
    }
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob("*.part"))


def test_a_pack_without_labels_gives_a_matrix_to_score(tmp_path: Path) -> None:
    pack = made_up(random.Random(5))
    del pack["Recidivism_Within_3years"]
    ingest("georgia", write_pack(tmp_path / "pack", pack), tmp_path / "out")
    assert "label" not in read_ready(tmp_path / "out" / "matrix.parquet").frame


def test_what_does_not_belong_to_this_kind_is_refused(tmp_path: Path) -> None:
    source = write_pack(tmp_path / "pack", made_up(random.Random(6)))
    for options in ({"data_to": AT}, {"set_aside": True}, {"mapping": tmp_path / "m.yaml"}):
        with pytest.raises(UsageError):
            ingest("georgia", source, tmp_path / "out", **options)  # type: ignore[arg-type]
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    with pytest.raises(Conflict):
        ingest("georgia", source, tmp_path / "out")
    with pytest.raises(RecordsRefused, match="nij"):
        ingest("georgia", tmp_path / "out", tmp_path / "other")


def test_the_command_says_what_was_made_and_where(tmp_path: Path) -> None:
    import precursor

    source = write_pack(tmp_path / "pack", made_up(random.Random(7)))
    out = tmp_path / "out"
    result = CliRunner().invoke(precursor.app, ["ingest", "georgia", str(source), str(out)])
    assert result.exit_code == 0, result.output
    assert "30 rows of 30 columns" in result.output


@pytest.mark.real
def test_the_real_pack_becomes_a_ready_matrix(real_data: Path, tmp_path: Path) -> None:
    source = real_data / "nij"
    if not (source / "nij.parquet").is_file():
        pytest.skip(f"no Georgia pack at {source}")
    given = pd.read_parquet(source / "nij.parquet")
    made = ingest("georgia", source, tmp_path / "out")
    matrix = read_ready(made.matrix)
    assert len(matrix.frame) == len(given)
    by_id = given.set_index("ID").loc[matrix.frame["nominal_id"]]
    assert list(by_id["Recidivism_Within_3years"]) == list(matrix.y)
    assert list(by_id["official_split"]) == list(matrix.frame["split"])
    for name in matrix.frame.columns:
        assert not any(word in name.lower() for word in FORBIDDEN), name
    constant = [name for name in matrix.feature_set.names if matrix.frame[name].nunique() < 2]
    assert constant == []
    # ages rise with the bands of the file
    ages = pd.DataFrame(
        {"band": by_id["Age_at_Release"].to_numpy(), "age": matrix.frame["Age_at_Release"]}
    )
    assert ages.groupby("band")["age"].nunique().eq(1).all()
    assert (ages["age"] == ages["band"].str.slice(0, 2).astype(int)).all()
