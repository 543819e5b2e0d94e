"""The Chicago pack: late recording is kept, and outcomes are known at closure."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.check import check
from features.errors import RecordsRefused, UsageError
from features.history import History
from features.ingest import ingest
from features.ingest.packs import described
from features.labels import label
from features.loads import Load
from features.question import Question
from features.taxonomy import taxonomy

Pack = dict[str, list[dict[str, Any]]]

CATEGORIES = ("Excessive Force", "Traffic", "Domestic Violence", "Something New", None)
FINDINGS = ("SUSTAINED", "Not Sustained", None, "ADDITIONAL INVESTIGATION REQUESTED")


def made_up(rng: random.Random, people: int = 9) -> Pack:
    """Return a made-up pack with each fault of the real one somewhere."""
    pack: Pack = {"accused_events": [], "complaints": []}
    for number in range(40):
        incident = date(2004, 1, 1) + timedelta(days=rng.randrange(3000))
        made = incident + timedelta(days=rng.choice((0, 1, 40, 900)))
        closed = made + timedelta(days=rng.randrange(800)) if number % 4 else None
        pack["complaints"].append(
            {
                "cr_id": f"K{number}",
                "incident_date": incident,
                "complaint_date": made,
                "closed_date": closed,
                "beat": float(rng.randrange(2500)),
            }
        )
        for person in rng.sample(range(people), rng.randrange(1, 4)):
            pack["accused_events"].append(
                {
                    "accused_id": f"C{person}",
                    "cr_id": f"K{number}",
                    "complaint_code": f"0{number % 7}A",
                    "allegation_category": rng.choice(CATEGORIES),
                    "complaint_status": "Case Final",
                    "final_finding": rng.choice(FINDINGS),
                    "gender": "FEMALE",
                    "race": "WHITE",
                    "birth_year": None if person == 0 else 1960.0 + 5 * (person % 4),
                }
            )
    complaints, first = pack["complaints"], pack["accused_events"][0]
    complaints[1]["incident_date"] = None
    complaints[2]["incident_date"] = complaints[2]["complaint_date"] + timedelta(days=3)
    complaints[3]["closed_date"] = complaints[3]["complaint_date"] - timedelta(days=3)
    pack["accused_events"] += [
        first | {"final_finding": "SUSTAINED"},
        first | {"cr_id": "K999"},
    ]
    return pack


def write_pack(folder: Path, pack: Pack) -> Path:
    folder.mkdir(parents=True)
    for name, rows in pack.items():
        columns = {
            column: [
                value.isoformat() if isinstance(value := row.get(column), date) else value
                for row in rows
            ]
            for column in dict.fromkeys(key for row in rows for key in row)
        }
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    return folder


def take_in(pack: Pack, folder: Path, **options: Any) -> Load:
    return ingest("chicago", write_pack(folder / "pack", pack), folder / "out", **options)


def frame(load: Load, name: str) -> pd.DataFrame:
    return pq.read_table(load.tables[name]).to_pandas()


def test_every_complaint_is_known_when_it_was_made_and_its_end_when_it_was_closed(
    tmp_path: Path,
) -> None:
    pack = made_up(random.Random(1))
    load = take_in(pack, tmp_path)
    made = {row["cr_id"]: row for row in pack["complaints"]}
    offences = frame(load, "offence").set_index("record_id")
    assert len(offences)
    for row in offences.itertuples():
        assert row.known_on == made[row.reference]["complaint_date"]
    outcomes = frame(load, "outcome")
    assert set(outcomes["result"]) == {"out_of_court", "no_further_action"}
    for row in outcomes.itertuples():
        closed = made[offences.loc[row.offence_id, "reference"]]["closed_date"]
        assert row.occurred_on == row.known_on == closed
    assert check(load.path).ok


def test_everybody_named_is_named_once_for_a_category_of_a_complaint(tmp_path: Path) -> None:
    pack = made_up(random.Random(2))
    load = take_in(pack, tmp_path)
    wanted = {
        (row["accused_id"], row["cr_id"], row["allegation_category"] or "none")
        for row in pack["accused_events"]
        if row["cr_id"] != "K999"
    }
    links = frame(load, "involvement")
    got = [tuple([row.nominal_id, *row.offence_id.split("/", 1)]) for row in links.itertuples()]
    assert sorted(got) == sorted(wanted)
    assert set(links["role"]) == {"suspect"}


def test_the_gravest_finding_of_a_repeated_row_counts(tmp_path: Path) -> None:
    pack = made_up(random.Random(3))
    first = pack["accused_events"][0]
    pack["complaints"][0]["closed_date"] = date(2015, 1, 1)
    first["final_finding"] = "UNFOUNDED"
    outcomes = frame(take_in(pack, tmp_path), "outcome")
    mine = outcomes[outcomes["nominal_id"] == first["accused_id"]]
    category = first["allegation_category"] or "none"
    (result,) = mine.loc[mine["offence_id"] == f"{first['cr_id']}/{category}", "result"]
    assert result == "out_of_court"


def test_each_fault_is_listed_with_what_was_done(tmp_path: Path) -> None:
    load = take_in(made_up(random.Random(4)), tmp_path)
    aside = load.set_aside()
    assert {(row.table, row.column, row.rule) for row in aside.itertuples()} >= {
        ("accused_events", "cr_id", "unknown_reference"),
        ("accused_events", "complaint_code", "duplicate"),
        ("accused_events", "allegation_category", "empty"),
        ("accused_events", "final_finding", "unknown_class"),
        ("complaints", "incident_date", "empty"),
        ("complaints", "incident_date", "known_before_it_occurred"),
        ("complaints", "closed_date", "ends_before_it_begins"),
    }
    assert aside["done"].str.len().min() > 0


def test_an_id_that_stands_for_many_people_is_not_used(tmp_path: Path) -> None:
    pack = made_up(random.Random(5))
    like = pack["complaints"][5]
    pack["complaints"] += [like | {"cr_id": f"J{n}"} for n in range(1002)]
    event = pack["accused_events"][0]
    pack["accused_events"] += [
        event | {"accused_id": "junk", "cr_id": f"J{n}"} for n in range(1002)
    ]
    load = take_in(pack, tmp_path)
    assert "junk" not in set(frame(load, "nominal")["nominal_id"])
    assert (load.set_aside()["rule"] == "junk_person").sum() == 1002


def test_an_earlier_last_day_knows_nothing_later(tmp_path: Path) -> None:
    last = date(2008, 6, 30)
    load = take_in(made_up(random.Random(6)), tmp_path, data_to=last)
    assert load.data_to == last
    for name in ("nominal", "offence", "involvement", "outcome"):
        assert max(frame(load, name)["known_on"]) <= last
    assert check(load.path).ok


def _twice(pack: Pack) -> None:
    pack["complaints"].append(dict(pack["complaints"][0]))


def _no_date(pack: Pack) -> None:
    pack["complaints"][0]["complaint_date"] = None


def _no_column(pack: Pack) -> None:
    for row in pack["accused_events"]:
        del row["final_finding"]


def _no_complaints(pack: Pack) -> None:
    del pack["complaints"]


def _no_such_day(pack: Pack) -> None:
    pack["complaints"][0]["incident_date"] = "2009-02-31"


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (_twice, "key"),
        (_no_date, "empty"),
        (_no_column, "missing_column"),
        (_no_complaints, "missing_table"),
        (_no_such_day, "unreadable"),
    ],
)
def test_a_pack_that_is_not_the_pack_is_refused(
    spoil: Callable[[Pack], None], rule: str, tmp_path: Path
) -> None:
    pack = made_up(random.Random(7))
    spoil(pack)
    with pytest.raises(RecordsRefused) as refused:
        take_in(pack, tmp_path)
    assert rule in {violation.rule for violation in refused.value.violations}  # type: ignore[attr-defined]
    assert not (tmp_path / "out").exists()
    with pytest.raises(UsageError, match="no mapping"):
        ingest("chicago", tmp_path, tmp_path / "out", mapping=tmp_path / "m.yaml")


def test_every_code_the_pack_can_get_is_in_the_taxonomy() -> None:
    said = described("chicago")
    codes = taxonomy().to_pandas().set_index("offence_code")["high_harm"]
    assert {*said["categories"].values(), said["without_category"]} <= set(codes.index)
    serious = {name for name, code in said["categories"].items() if codes[code]}
    assert {"Excessive Force", "Domestic Violence", "Sexual Misconduct"} < serious
    assert "Traffic" not in serious


def test_no_word_of_ours_calls_these_people_what_they_are_not() -> None:
    from importlib.resources import files

    for name in ("chicago.py", "chicago.yaml"):
        text = (files("features.ingest") / name).read_text(encoding="utf-8").lower()
        for word in ("offender", "perpetrator", "criminal"):
            assert text.count(word) == text.count(f"nobody in it is an {word}") + text.count(
                f"nobody in this pack is an {word}"
            ), (name, word)


# ---- the pack itself -----------------------------------------------------------------------------

SERIOUS = Question(
    name="chicago_serious_complaint_2y",
    title="Serious complaint within two years",
    outcome_words="named in a serious complaint within two years",
    cohort={"source": "suspected", "of": [], "within_days": 730},
    outcome={"source": "suspected", "of": ["high_harm"]},
    horizon_days=730,
    lag_days=183,
)


@pytest.fixture(scope="module")
def real(real_data: Path) -> Path:
    source = real_data / "chicago"
    if not (source / "complaints.parquet").is_file():
        pytest.skip(f"no Chicago pack at {source}")
    return source


@pytest.fixture(scope="module")
def load(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Load:
    return ingest("chicago", real, tmp_path_factory.mktemp("chicago") / "out")


def source(real: Path) -> pd.DataFrame:
    """Return the pack as one table, without the id that stands for many."""
    events = pd.read_parquet(real / "accused_events.parquet")
    many = events.groupby("accused_id")["cr_id"].nunique()
    events = events[~events["accused_id"].isin(many.index[many > 1000])]
    both = events.merge(pd.read_parquet(real / "complaints.parquet"), on="cr_id")
    for column in ("incident_date", "complaint_date", "closed_date"):
        both[column] = pd.to_datetime(both[column])
    return both


@pytest.mark.real
def test_every_real_row_is_used_or_accounted_for(load: Load, real: Path) -> None:
    both = source(real)
    assert check(load.path).ok
    category = both["allegation_category"].fillna("none")
    named = both.assign(category=category)[["accused_id", "cr_id", "category"]].drop_duplicates()
    assert len(frame(load, "involvement")) == len(named)
    assert len(frame(load, "nominal")) == both["accused_id"].nunique()
    junk = (load.set_aside()["rule"] == "junk_person").sum()
    assert junk + len(both) == len(pd.read_parquet(real / "accused_events.parquet"))


@pytest.mark.real
def test_real_complaints_become_known_as_late_as_they_did(load: Load, real: Path) -> None:
    both = source(real).drop_duplicates("cr_id")
    late = (both["complaint_date"] - both["incident_date"]).dt.days
    offences = frame(load, "offence").drop_duplicates("reference")
    ours = pd.to_datetime(offences["known_on"]) - pd.to_datetime(offences["occurred_on"])
    assert sorted(ours.dt.days.dropna()) == sorted(late[late >= 0])
    outcomes = frame(load, "outcome")
    assert (outcomes["known_on"] == outcomes["occurred_on"]).all()


@pytest.mark.real
def test_what_followed_agrees_with_an_independent_count(load: Load, real: Path) -> None:
    both = source(real)
    at = pd.Timestamp("2013-01-01")
    people = sorted(both.loc[both["complaint_date"] < at, "accused_id"].unique())
    spine = pd.DataFrame({"nominal_id": people, "as_of_date": at})
    got = label(History(load), SERIOUS, spine).set_index("nominal_id")["label"]
    codes = described("chicago")["categories"]
    serious = both["allegation_category"].map(codes).fillna("").str.endswith("_high")
    end = at + pd.Timedelta(days=730)
    occurred = both["incident_date"].where(both["incident_date"] <= both["complaint_date"])
    within = (occurred >= at) & (occurred < end)
    known = both["complaint_date"] < end + pd.Timedelta(days=183)
    followed = set(both.loc[serious & within & known, "accused_id"])
    assert got.to_dict() == {person: float(person in followed) for person in people}
    assert got.sum() > 0
