"""The Broward pack: every row used or accounted for, nothing of the future, nothing forbidden."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable
from copy import deepcopy
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_pack import Pack, made_up, write_pack

from features.check import check
from features.errors import RecordsRefused, UsageError
from features.ingest import ingest
from features.ingest.broward import pack as said
from features.loads import Load
from features.taxonomy import taxonomy

DAY = timedelta(days=1)


def frame(load: Load, name: str) -> pd.DataFrame:
    return pq.read_table(load.tables[name]).to_pandas()


def days(values: pd.Series) -> pd.Series:
    return pd.to_datetime(values)


def take_in(pack: Pack, folder: Path, **options: Any) -> Load:
    return ingest("broward", write_pack(folder / "pack", pack), folder / "out", **options)


# ---- made-up packs -------------------------------------------------------------------------------


def test_each_fault_of_the_pack_is_listed_with_what_was_done(tmp_path: Path) -> None:
    pack = made_up(random.Random(1))
    load = take_in(pack, tmp_path)
    aside = load.set_aside()
    stays = aside[aside["table"].isin(["jail_stays", "prison_terms"])]
    assert {(row.table, row.column, row.rule) for row in stays.itertuples()} >= {
        ("jail_stays", "in_custody", "duplicate"),
        ("jail_stays", "out_custody", "ends_before_it_begins"),
        ("jail_stays", "out_custody", "ends_after_data_to"),
        ("jail_stays", "in_custody", "overlapping_stay"),
        ("prison_terms", "out_custody", "sentinel_date"),
        ("prison_terms", "in_custody", "after_data_to"),
    }
    for row in aside.itertuples():
        assert row.done
        assert row.remedy
        value = pack[row.table][row.row - 1][row.column]
        assert str(value) == row.value
    report = check(load.path)
    assert report.ok
    assert {v.rule for v in report.violations if v.severity == "warning"} == {"overlapping_stay"}


def test_a_stay_without_an_end_has_no_release(tmp_path: Path) -> None:
    prison = frame(take_in(made_up(random.Random(1)), tmp_path), "imprisonment")
    released = prison[prison["event"] == "released"]
    received = prison[prison["event"] == "received"]
    assert set(released["episode_id"]) < set(received["episode_id"])
    assert max(prison["known_on"]) <= date(2016, 3, 31)
    both = released.merge(received, on="episode_id", suffixes=("", "_in"))
    served = (days(both["occurred_on"]) - days(both["occurred_on_in"])).dt.days
    assert (served == both["days_served"]).all()
    assert received["days_served"].isna().all()


FORBIDDEN = {
    "persons": ["juv_fel_count"],
    "arrests": ["date_lo", "n_felony_charges", "charge_words"],
    "t1_units": ["n_prior_filings"],
    "t2_screenings": ["decile_score"],
}


@settings(max_examples=4)
@given(seed=st.integers(0, 10**6))
def test_what_must_not_be_read_changes_nothing(seed: int) -> None:
    pack = made_up(random.Random(seed))
    changed = deepcopy(pack)
    for name, columns in FORBIDDEN.items():
        for row in changed[name]:
            for column in columns:
                row[column] = type(row[column])(*_other(row[column]))
    for row in changed["arrests"]:
        if row["date_quality"] != "age_only":
            row["date_hi"] += 9 * DAY
    with tempfile.TemporaryDirectory() as folder:
        first = take_in(pack, Path(folder) / "a")
        second = take_in(changed, Path(folder) / "b")
    assert first.fingerprint == second.fingerprint


def _other(value: object) -> tuple[Any, ...]:
    if isinstance(value, date):
        return (1999, 9, 9)
    return (7,) if isinstance(value, int) else ("other",)


def visible(load: Load, name: str, person: str, as_of: date) -> list[dict[str, Any]]:
    table = frame(load, name)
    mine = table[(table["nominal_id"] == person) & (table["known_on"] < as_of)]
    return mine.drop(columns=["load"]).to_dict("records")


@settings(max_examples=6)
@given(seed=st.integers(0, 10**6))
def test_what_later_arrests_brought_into_the_pack_is_not_known_before_them(seed: int) -> None:
    """The pack holds a filing only because a later arrest mentions it: cut later arrests off."""
    rng = random.Random(seed)
    pack = made_up(rng)
    # as in the pack itself, no filing lies on or after its person's last arrest
    last = {row["person_id"]: row["arrest_date"] for row in pack["arrests"]}
    pack["charge_filings"] = [
        row for row in pack["charge_filings"] if row["filed_date"] < last[row["person_id"]]
    ] or pack["charge_filings"][:1]
    person = rng.choice(sorted(last))
    mine = [row for row in pack["arrests"] if row["person_id"] == person]
    cut = rng.choice(mine)["arrest_date"]
    earlier = deepcopy(pack)
    earlier["arrests"] = [
        row for row in earlier["arrests"] if row["person_id"] != person or row["arrest_date"] <= cut
    ]
    earlier["charge_filings"] = [
        row
        for row in earlier["charge_filings"]
        if row["person_id"] != person or row["filed_date"] < cut
    ] or earlier["charge_filings"][:1]
    kept = {row["arrest_id"] for row in earlier["arrests"]}
    earlier["t1_units"] = [row for row in earlier["t1_units"] if row["arrest_id"] in kept]
    with tempfile.TemporaryDirectory() as folder:
        whole = take_in(pack, Path(folder) / "a")
        part = take_in(earlier, Path(folder) / "b")
        for name in ("outcome", "custody", "involvement"):
            assert visible(whole, name, person, cut + DAY) == visible(part, name, person, cut + DAY)


def test_labels_are_the_days_highest_of_dated_arrests_of_adults(tmp_path: Path) -> None:
    for seed in range(3):
        pack = made_up(random.Random(seed), people=25)
        load = take_in(pack, tmp_path / str(seed))
        born = {row["person_id"]: row["birth_month"] for row in pack["persons"]}
        label = {row["arrest_id"]: row["felony_charge_1y"] for row in pack["t1_units"]}
        wanted: dict[tuple[str, date], int] = {}
        for row in pack["arrests"]:
            as_of, birth = row["arrest_date"] + DAY, born[row["person_id"]]
            adult = (birth.year + 18, birth.month, birth.day) <= (
                as_of.year,
                as_of.month,
                as_of.day,
            )
            if row["date_quality"] != "age_only" and adult:
                key = (row["person_id"], as_of)
                wanted[key] = max(wanted.get(key, 0), label[row["arrest_id"]])
        labels = load.labels()
        assert labels is not None
        assert set(labels["outcome"]) == {"felony_charge_1y", "violent_2y"}
        labels = labels[labels["outcome"] == "felony_charge_1y"]
        keys = zip(labels["nominal_id"], labels["as_of_date"], strict=True)
        assert dict(zip(keys, labels["label"], strict=True)) == wanted
        spine = load.spine()
        assert spine is not None
        assert set(zip(spine["nominal_id"], spine["as_of_date"], strict=True)) == set(wanted)


def test_screenings_give_labels_where_the_published_table_keeps_them(tmp_path: Path) -> None:
    pack = made_up(random.Random(6))
    labels = take_in(pack, tmp_path).labels()
    assert labels is not None
    kept = [row for row in pack["t2_screenings"] if row["propublica_ok"] and row["follow_up_ok"]]
    found = labels[labels["outcome"] == "violent_2y"]
    assert set(zip(found["nominal_id"], found["as_of_date"], found["label"], strict=True)) == {
        (row["person_id"], row["screening_date"] + DAY, row["y_violent_2y"]) for row in kept
    }
    assert 0 < len(kept) < len(pack["t2_screenings"])


@pytest.mark.parametrize("how", ["no units", "no label column"])
def test_a_pack_without_labels_still_gives_rows_to_score(how: str, tmp_path: Path) -> None:
    pack = made_up(random.Random(4))
    full = take_in(pack, tmp_path / "full")
    del pack["t2_screenings"]
    if how == "no units":
        del pack["t1_units"]
    else:
        for row in pack["t1_units"]:
            del row["felony_charge_1y"]
    bare = take_in(pack, tmp_path / "bare")
    assert bare.labels() is None
    assert bare.fingerprint == full.fingerprint
    pd.testing.assert_frame_equal(bare.spine(), full.spine())
    assert not (bare.path / "labels.parquet").exists()


@pytest.mark.parametrize("name", list(said()["optional"]))
def test_each_optional_file_may_be_missing(name: str, tmp_path: Path) -> None:
    pack = made_up(random.Random(5))
    del pack[name]
    load = take_in(pack, tmp_path)
    assert check(load.path).ok


def _nobody(pack: Pack) -> None:
    pack["arrests"][0]["person_id"] = "P99"


def _no_date(pack: Pack) -> None:
    pack["arrests"][0]["arrest_date"] = None


def _twice(pack: Pack) -> None:
    pack["arrests"].append(dict(pack["arrests"][0]))


def _same_person(pack: Pack) -> None:
    pack["persons"].append(dict(pack["persons"][0]))


def _quality(pack: Pack) -> None:
    pack["arrests"][0]["date_quality"] = "Z"


def _no_column(pack: Pack) -> None:
    for row in pack["arrests"]:
        del row["offence_classes"]


def _no_persons(pack: Pack) -> None:
    del pack["persons"]


def _filings_without_counts(pack: Pack) -> None:
    for row in pack["charge_filings"]:
        del row["n_felony"]


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (_nobody, "unknown_reference"),
        (_no_date, "empty"),
        (_twice, "key"),
        (_same_person, "key"),
        (_quality, "value"),
        (_no_column, "missing_column"),
        (_no_persons, "missing_table"),
        (_filings_without_counts, "missing_column"),
    ],
)
def test_a_pack_that_is_not_the_pack_is_refused(
    spoil: Callable[[Pack], None], rule: str, tmp_path: Path
) -> None:
    pack = made_up(random.Random(6))
    spoil(pack)
    with pytest.raises(RecordsRefused) as refused:
        take_in(pack, tmp_path)
    assert rule in {violation.rule for violation in refused.value.violations}
    assert not (tmp_path / "out").exists()


def test_a_class_without_a_code_is_kept_and_told(tmp_path: Path) -> None:
    pack = made_up(random.Random(7))
    pack["arrests"][0]["offence_classes"] = "theft;piracy"
    load = take_in(pack, tmp_path)
    assert "unknown_class" in set(load.set_aside()["rule"])
    offences = frame(load, "offence")
    mine = offences[offences["reference"] == pack["arrests"][0]["arrest_id"]]
    assert set(mine["offence_code"]) == {"class/theft", "class/other"}


def test_an_earlier_last_day_leaves_the_rest_out(tmp_path: Path) -> None:
    last = date(2011, 6, 30)
    load = take_in(made_up(random.Random(8)), tmp_path, data_to=last)
    assert load.data_to == last
    assert check(load.path).ok
    assert "after_data_to" in set(load.set_aside()["rule"])


def test_the_pack_takes_no_mapping_and_nothing_else_is_the_pack(tmp_path: Path) -> None:
    source = write_pack(tmp_path / "pack", made_up(random.Random(9)))
    with pytest.raises(UsageError, match="no mapping"):
        ingest("broward", source, tmp_path / "out", mapping=tmp_path / "m.yaml")
    shutil.rmtree(source)
    source.mkdir()
    with pytest.raises(RecordsRefused, match="persons"):
        ingest("broward", source, tmp_path / "out")


def test_every_code_the_pack_can_get_is_in_the_taxonomy() -> None:
    codes = set(taxonomy()["offence_code"].to_pylist())
    classes = said()["classes"]
    assert {*classes.values(), said()["without_class"]} <= codes
    assert {f"{classes[name]}_high" for name in said()["high_harm_classes"]} <= codes


# ---- the pack itself -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(real_data: Path) -> Path:
    source = real_data / "compas"
    if not (source / "arrests.parquet").is_file():
        pytest.skip(f"no Broward pack at {source}")
    return source


@pytest.fixture(scope="module")
def load(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Load:
    return ingest("broward", real, tmp_path_factory.mktemp("broward") / "out")


def source(real: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(real / f"{name}.parquet")


@pytest.mark.real
def test_the_real_pack_checks_clean_and_its_faults_are_listed(load: Load) -> None:
    report = check(load.path)
    assert report.ok
    counts = load.set_aside().groupby(["table", "rule"]).size()
    for place in (
        ("jail_stays", "ends_before_it_begins"),
        ("jail_stays", "ends_after_data_to"),
        ("jail_stays", "overlapping_stay"),
        ("prison_terms", "sentinel_date"),
        ("prison_terms", "after_data_to"),
        ("arrests", "ambiguous_date"),
        ("arrests", "dated_by_age"),
    ):
        assert counts[place] > 0


@pytest.mark.real
def test_every_real_row_is_used_or_accounted_for(load: Load, real: Path) -> None:
    aside = load.set_aside()
    dropped = aside[aside["done"].str.startswith("Not used")].groupby("table")["row"].nunique()
    assert len(frame(load, "nominal")) == len(source(real, "persons"))
    assert len(frame(load, "custody")) == len(source(real, "arrests"))
    assert len(frame(load, "outcome")) == len(source(real, "charge_filings"))
    received = frame(load, "imprisonment").query("event == 'received'")
    for name, kind in (("jail_stays", "remand"), ("prison_terms", "prison")):
        stays = len(source(real, name)) - dropped.get(name, 0)
        assert (received["kind"] == kind).sum() == stays
    open_ended = aside["done"].str.contains("no release row written").sum()
    assert len(frame(load, "imprisonment")) == 2 * len(received) - open_ended


@pytest.mark.real
def test_the_real_high_harm_flag_can_be_recovered(load: Load, real: Path) -> None:
    codes = taxonomy().to_pandas().set_index("offence_code")["high_harm"]
    offences = frame(load, "offence")
    flagged = set(offences.loc[offences["offence_code"].map(codes), "reference"])
    arrests = source(real, "arrests")
    assert flagged == set(arrests.loc[arrests["high_harm"] == 1, "arrest_id"])


@pytest.mark.real
def test_real_labels_agree_with_an_independent_count(load: Load, real: Path) -> None:
    units = source(real, "t1_units").merge(
        source(real, "arrests")[["arrest_id", "date_quality"]], on="arrest_id"
    )
    units = units.merge(source(real, "persons")[["person_id", "birth_month"]], on="person_id")
    as_of = units["as_of"] + pd.Timedelta(days=1)
    eighteen = units["birth_month"] + pd.DateOffset(years=18)
    units = units.assign(as_of_date=as_of)[
        (eighteen <= as_of) & (units["date_quality"] != "age_only")
    ]
    # nor anybody whom the pack, which knows the day of birth, counts as younger
    days_of = units.groupby(["person_id", "as_of_date"])
    wanted = days_of["felony_charge_1y"].max()[days_of["age_years"].min() >= 18].reset_index()
    labels = load.labels()
    assert labels is not None
    labels = labels[labels["outcome"] == "felony_charge_1y"]
    assert len(labels) == len(wanted)
    got = labels.assign(as_of_date=days(labels["as_of_date"])).merge(
        wanted,
        left_on=["nominal_id", "as_of_date"],
        right_on=["person_id", "as_of_date"],
        validate="one_to_one",
    )
    assert (got["label"] == got["felony_charge_1y"]).all()
    assert len(got) == len(wanted)


@pytest.mark.real
def test_real_labels_of_screenings_agree_with_an_independent_count(load: Load, real: Path) -> None:
    screened = source(real, "t2_screenings")
    screened = screened[screened["propublica_ok"] & screened["follow_up_ok"]]
    wanted = screened.assign(as_of_date=screened["screening_date"] + pd.Timedelta(days=1))
    wanted = wanted.groupby(["person_id", "as_of_date"])["y_violent_2y"].max().dropna()
    labels = load.labels()
    assert labels is not None
    violent = labels[labels["outcome"] == "violent_2y"]
    got = violent.assign(as_of_date=days(violent["as_of_date"])).merge(
        wanted.reset_index(),
        left_on=["nominal_id", "as_of_date"],
        right_on=["person_id", "as_of_date"],
        validate="one_to_one",
    )
    assert len(got) == len(violent) == len(wanted)
    assert (got["label"] == got["y_violent_2y"]).all()


@pytest.mark.real
def test_everyone_to_score_is_known_on_that_day(load: Load) -> None:
    spine = load.spine()
    assert spine is not None
    known = frame(load, "nominal").set_index("nominal_id")["known_on"]
    assert (days(spine["nominal_id"].map(known)) < days(spine["as_of_date"])).all()
    assert not spine.duplicated().any()


@pytest.mark.real
def test_no_real_filing_foretells_an_arrest(load: Load) -> None:
    """Whether somebody was arrested again must not show in the filings of the day."""
    filings = frame(load, "outcome")
    spine = load.spine()
    assert spine is not None
    last = spine.groupby("nominal_id")["as_of_date"].transform("max") == spine["as_of_date"]
    seen = spine.reset_index().merge(filings[["nominal_id", "occurred_on", "known_on"]])
    seen = seen[seen["known_on"] < seen["as_of_date"]]
    recent = seen[days(seen["occurred_on"]) >= days(seen["as_of_date"]) - pd.Timedelta(days=1)]
    share = np.zeros(len(spine))
    share[recent["index"].unique()] = 1
    assert share[last].mean() == share[~last].mean() == 0


@pytest.mark.real
def test_a_real_pack_without_labels_gives_the_same_rows(
    load: Load, real: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "pack"
    bare.mkdir()
    for name in ("persons", "arrests"):
        shutil.copyfile(real / f"{name}.parquet", bare / f"{name}.parquet")
    units = pq.read_table(real / "t1_units.parquet").drop_columns(["felony_charge_1y"])
    pq.write_table(units, bare / "t1_units.parquet")
    taken = ingest("broward", bare, tmp_path / "out")
    assert taken.labels() is None
    assert pa.Table.from_pandas(taken.spine()).equals(pa.Table.from_pandas(load.spine()))
