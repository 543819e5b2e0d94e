"""Whoever tells how old somebody is tells the same, from the birthday on."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import worlds

from features.adult import ADULT, YEAR, adult_sql, adulthood, birthday, told_years, whole_years
from features.attributes import age_band, of_matrix
from features.cohort import adult
from features.declare import AGE, Feature, FeatureSet
from features.history import History
from features.matrix import Matrix
from models.words import phrase

BORN = np.arange("1930-01-01", "2014-01-01", dtype="datetime64[D]")
DAY = np.timedelta64(1, "D")
AGED = FeatureSet(tuple(Feature("person", AGE, "age", "aged {value}", ("year", "years")).columns()))


def told(born: np.ndarray, at: np.ndarray) -> np.ndarray:
    days, place = np.unique((at - born).astype(np.int64), return_inverse=True)
    return np.array([told_years(one / YEAR) for one in days])[place]


def test_on_no_birthday_is_anybody_told_to_be_as_old_as_the_day_before() -> None:
    for years in range(86):
        on = birthday(BORN, years)
        assert (whole_years(BORN, on) == years).all()
        assert (told(BORN, on) == years).all(), years
        assert (told(BORN, on + DAY) == years).all()
        if years:
            assert (whole_years(BORN, on - DAY) == years - 1).all()
            assert (told(BORN, on - 2 * DAY) == years - 1).all()


def test_no_number_of_days_alone_tells_a_birthday_from_the_day_before() -> None:
    """Why the day before may be told as the birthday: 6,574 days are both."""
    on = birthday(BORN, ADULT)
    assert set((on - BORN).astype(int)) & set((on - DAY - BORN).astype(int)) == {6574}


def test_who_is_18_today_is_adult_and_18_wherever_it_is_said(tmp_path: Path) -> None:
    born = np.array(["2005-03-01", "2004-02-29", "1998-03-01"], "datetime64[D]")
    at = np.array(["2023-03-01", "2022-03-01", "2023-03-01"], "datetime64[D]")
    assert adult(born, at).all()
    rows: worlds.Rows = {name: [] for name in worlds.TABLES}
    for number, day in enumerate(born):
        known = {"born_on": day.astype(object), "known_on": date(2020, 1, 1)}
        rows["nominal"].append({"record_id": f"P{number}", "nominal_id": f"N{number}"} | known)
    spine = pd.DataFrame({"nominal_id": ["N0", "N1", "N2"], "as_of_date": at})
    frame = History(worlds.load(rows, tmp_path / "records")).matrix(spine, feature_set=AGED)
    said = [phrase(AGED.columns[0], value) for value in frame["person_age"]]
    assert said == ["aged 18 years", "aged 18 years", "aged 25 years"]
    found, _ = of_matrix(tmp_path / "matrix.parquet", Matrix(frame, AGED, {}))
    assert found is not None
    assert found["age_band"].tolist() == ["18-24", "18-24", "25-34"]
    assert found["age_band"].tolist() == age_band(born, at).tolist()


def test_an_age_that_was_not_counted_in_days_is_taken_as_it_came(tmp_path: Path) -> None:
    at = np.full(4, np.datetime64("2023-03-01"))
    frame = pd.DataFrame({"nominal_id": list("abcd"), "as_of_date": at})
    frame["person_age"] = [25.0, 24.9, np.nan, 18.0]
    found, _ = of_matrix(tmp_path / "matrix.parquet", Matrix(frame, AGED, {}))
    assert found is not None
    assert found["age_band"].tolist() == ["25-34", "18-24", "unknown", "18-24"]


def test_the_database_and_the_array_name_the_same_day() -> None:
    leap = pd.DataFrame({"born_on": BORN[(np.datetime64("2003-01-01") <= BORN)]})
    with duckdb.connect() as connection:
        connection.register("people", leap)
        grown = f"SELECT CAST({adult_sql('born_on')} AS DATE) AS day FROM people"
        found = connection.execute(grown).df()["day"].to_numpy().astype("datetime64[D]")
    assert (found == adulthood(leap["born_on"].to_numpy())).all()
