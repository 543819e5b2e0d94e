"""ARP, VRP and SVRP: every term of the published static vectors, and what a history makes of them.

The vectors are those of the Ministry of Justice's scoring service (licence MIT), static form. Those
without an assessment date were scored on some later day: the offence-free term is left out there.
"""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pandas as pd
import pytest
import worlds
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from features.adult import whole_years
from features.errors import UsageError
from features.history import History
from features.sources import SOURCES
from features.taxonomy import MARKS, taxonomy
from training import predictors, sanctions
from training.predictors import PREDICTORS, Sanctions, probability, terms

DATA = files("training") / "data"

ADAM = {
    "gender": "MALE",
    "dateOfBirth": "1991-07-17",
    "dateOfCurrentConviction": "2021-08-05",
    "dateAtStartOfFollowup": "2021-12-12",
    "totalNumberOfSanctionsForAllOffences": 2,
    "totalNumberOfViolentSanctions": 2,
    "ageAtFirstSanction": 21,
    "currentOffenceCode": "11618",
}
VECTORS = {
    "ARP": (
        ADAM,
        {
            "intercept": 5.01702292499072,
            "age": -2.96132507103144,
            "sex": 0.0,
            "offence": 0.038443439303773,
            "first_sanction": 0.0,
            "second_sanction": -3.06189212045904,
            "sanctions": -0.008551460256999,
            "gap": -0.388846655245651,
            "offence_free": -1.744142600199456,
            "rate": 0.0,
            "rate_squared": 0.0,
        },
        -3.109291542898093,
        4.27,
    ),
    "VRP": (
        ADAM,
        {
            "intercept": 3.12324433235579,
            "age": -2.14550975292252,
            "sex": 0.0,
            "offence": 0.099895187496763,
            "first_sanction": 0.0,
            "second_sanction": -1.10995084554834,
            "sanctions": -0.013531613548986,
            "never_violent": 0.0,
            "once_violent": 0.0,
            "violent_sanctions": 0.037058865006339,
            "gap": -0.466152106839721,
            "offence_free": -1.714206410843767,
            "rate": 0.0,
            "violent_rate": -1.551366340851716,
        },
        -3.740518685696159,
        2.32,
    ),
    "SVRP": (
        {
            "gender": "MALE",
            "assessmentDate": "2025-01-01",
            "dateOfBirth": "1980-01-01",
            "dateOfCurrentConviction": "2020-01-01",
            "dateAtStartOfFollowup": "2024-01-01",
            "totalNumberOfSanctionsForAllOffences": 1,
            "totalNumberOfViolentSanctions": 1,
            "ageAtFirstSanction": 40,
            "currentOffenceCode": "02700",
        },
        {
            "intercept": -0.970734555223987,
            "age": -1.956137730151431,
            "sex": 0.0,
            "offence": 0.175156031546492,
            "first_sanction": -2.3335499201698,
            "second_sanction": 0.0,
            "sanctions": -0.025046259001865,
            "gap": 0.0,
            "offence_free": -0.346177446185028,
            "rate": 0.0,
            "never_violent": 0.0,
            "once_violent": -0.001348853311244,
            "violent_sanctions": 0.014194774975581,
            "violent_rate": -0.851926722820928,
        },
        -6.295570680342211,
        0.18,
    ),
}


def asked(request: dict[str, object], assessed: str | None = None) -> Sanctions:
    born, begins = [str(request["dateOfBirth"])], [str(request["dateAtStartOfFollowup"])]
    current = whole_years(born, [str(request["dateOfCurrentConviction"])])
    on = [assessed or str(request.get("assessmentDate", "NaT"))]
    number = {name: np.array([float(value)]) for name, value in request.items()
              if isinstance(value, int)}  # fmt: skip
    return Sanctions(
        female=np.array([request["gender"] == "FEMALE"]),
        age=whole_years(born, begins),
        age_at_first=number["ageAtFirstSanction"],
        age_at_current=current,
        sanctions=number["totalNumberOfSanctionsForAllOffences"],
        violent=number["totalNumberOfViolentSanctions"],
        category=predictors.offence_group([str(request["currentOffenceCode"])]),
        months_free=predictors.whole_months(begins, on),
    )


@pytest.mark.parametrize("predictor", PREDICTORS)
def test_each_term_and_the_total_are_the_published_ones(predictor: str) -> None:
    request, published, total, score = VECTORS[predictor]
    people = asked(request)
    found = terms(predictor, people).iloc[0].to_dict()
    assert set(found) == set(published)
    left_out = {name for name, value in found.items() if np.isnan(value)}
    assert left_out == (set() if "assessmentDate" in request else {"offence_free"})
    for name in set(published) - left_out:
        assert found[name] == pytest.approx(published[name], abs=1e-9), name
    known = total - sum(published[name] for name in left_out)
    assert np.nansum(list(found.values())) == pytest.approx(known, abs=1e-9)
    if not left_out:
        assert round(100 * float(probability(predictor, people)[0]), 2) == score


@pytest.mark.parametrize("predictor", ["ARP", "VRP"])
def test_three_years_after_the_follow_up_began_their_whole_total_is_reproduced(
    predictor: str,
) -> None:
    request, published, total, score = VECTORS[predictor]
    for day in ("2024-12-12", "2025-09-11"):
        people = asked(request, assessed=day)
        found = terms(predictor, people).iloc[0]
        assert found["offence_free"] == pytest.approx(published["offence_free"], abs=1e-9)
        assert found.sum() == pytest.approx(total, abs=1e-9)
        assert round(100 * float(probability(predictor, people)[0]), 2) == score


@pytest.mark.parametrize(
    ("predictor", "female", "count", "first", "current", "rate", "squared"),
    [
        ("ARP", False, 18, 20, 30, -1.0764458092822229, 0.0621393752987600),
        ("ARP", True, 7, 24, 26, -1.4137472471154751, -0.0757947243395682),
        ("VRP", False, 18, 20, 30, -0.1245359119069122, None),
        ("VRP", True, 7, 24, 26, -0.3520158210104519, None),
    ],
)
def test_the_rate_of_many_sanctions_is_the_published_one(
    predictor: str,
    female: bool,
    count: int,
    first: int,
    current: int,
    rate: float,
    squared: float | None,
) -> None:
    number = [np.array([float(value)]) for value in (current, first, current, count, 0)]
    one = Sanctions(np.array([female]), *number, np.array(["x"], object), np.array([0.0]))
    found = terms(predictor, one).iloc[0]
    assert found["rate"] == pytest.approx(rate, abs=1e-9)
    if squared is not None:
        assert found["rate_squared"] == pytest.approx(squared, abs=1e-9)


def test_a_predictor_that_there_is_not_is_refused() -> None:
    with pytest.raises(UsageError, match="no predictor 'OGRS9'"):
        terms("OGRS9", asked(ADAM))


def test_a_follow_up_that_has_not_begun_adds_nothing() -> None:
    later = asked(ADAM, assessed="2021-01-01")
    assert terms("ARP", later)["offence_free"].tolist() == [0.0]


def test_every_data_file_names_its_source_licence_and_changes() -> None:
    said = yaml.safe_load((DATA / "sources.yaml").read_text(encoding="utf-8"))
    assert set(said) == {file.name for file in DATA.iterdir() if file.name.endswith(".csv")}
    for about in said.values():
        assert set(about) == {"source", "licence", "changed"}
        assert all(about.values())


def test_categories_stand_for_every_mark_and_follow_the_published_table() -> None:
    ours = pd.read_csv(str(DATA / "categories-v1.csv")).set_index("mark")
    assert set(ours.index) == set(MARKS)
    groups = pd.read_csv(str(DATA / "moj-offences-v1.csv"), dtype={"offence_code": str})
    codes = taxonomy().to_pandas().merge(groups, on="offence_code")
    assert len(codes) == len(groups)
    for mark, row in ours.iterrows():
        marked = codes[codes[mark]]
        if row["basis"] == "commonest":
            assert row["category"] == marked["category"].mode()[0], mark
        assert row["category"] in set(marked["category"]), mark
        assert bool(row["violent"]) == (marked["violent"].astype(int).mean() > 0.5), mark


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32 - 1))
def test_sanctions_equal_a_count_by_hand_of_what_was_known(seed: int) -> None:
    """Days on which a report names the person as suspect, counted one by one for each date."""
    import random
    import tempfile
    from pathlib import Path

    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        load = worlds.load(worlds.world(rng, people=3, events=25), Path(folder) / "records")
        history = History(load)
        at = [pd.Timestamp(worlds.DATA_TO) - pd.Timedelta(days=d) for d in (0, 300, 900)]
        people = [f"N{number:03d}" for number in range(3)]
        spine = pd.DataFrame(
            {"nominal_id": np.repeat(people, len(at)), "as_of_date": at * len(people)}
        )
        found = sanctions.beside(history, spine)
        for place, row in enumerate(spine.itertuples()):
            events = history.events(row.nominal_id, row.as_of_date.date())
            if events.empty:
                assert found.get("arrests_occasions", pd.Series(0, spine.index))[place] == 0
                continue
            own = events[(events["source"] == "suspected") & events["occurred_on"].notna()]
            days = pd.to_datetime(own["occurred_on"]).unique()
            if "arrests_occasions" in found:
                assert found["arrests_occasions"][place] == len(days)
                violent = own[own["marks"].map(_violent).astype(bool)]
                assert found["arrests_violent"][place] == violent["occurred_on"].nunique()
            else:
                assert not len(days)


CATEGORIES = pd.read_csv(str(DATA / "categories-v1.csv"))
SERIOUS = SOURCES["suspected"], set(CATEGORIES.loc[CATEGORIES["violent"] == 1, "mark"])


def _violent(marks: int) -> bool:
    source, serious = SERIOUS
    return any(int(marks) & source.bits((mark,)) for mark in serious)
