"""Dashboards: every figure is that of the records, nobody small is shown, every view is written."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import worlds
import yaml
from dashboards_world import BLIND, NAME, force
from pages_world import PURPOSE, World

from features.dashboards import custody, dangerous, evaluations, orders, outstanding, stalking
from features.dashboards.known import POSITIVE, Known
from features.dashboards.periods import Period, periods
from features.records import DISPOSALS
from serving.ledger import Action
from serving.pages.standing import standing

assert force  # a fixture

FIGURES = ("stalking", "volumes", "custody", "interventions")
PEOPLE = ("outstanding", "orders", "dangerous", "stalking/people")
YEAR = Period(2025, worlds.DATA_TO)
ON = date(2025, 9, 1)


def known_world(tmp_path: Path, **tables: list[dict[str, Any]]) -> Known:
    """A handful of records, each column that does not matter left empty."""
    rows: worlds.Rows = {name: [] for name in worlds.TABLES}
    for name, given in tables.items():
        for number, row in enumerate(given):
            key = {"record_id": row.get("nominal_id") if name == "nominal" else f"{name}{number}"}
            rows[name].append({**key, "occurred_on": ON, "known_on": ON, **row})
    return Known(worlds.load(rows, tmp_path / "records"))


def report(offence: str, who: str, *victims: str, code: str = "class/stalking", **more: Any) -> Any:
    offence_row = {"record_id": offence, "reference": offence, "offence_code": code, **more}
    parts = [{"offence_id": offence, "nominal_id": who, "role": "suspect"}]
    parts += [
        {"offence_id": offence, "nominal_id": v, "role": "victim", "relationship": "former_partner"}
        for v in victims
    ]
    return offence_row, parts


def reports(*made: Any) -> dict[str, list[dict[str, Any]]]:
    return {
        "offence": [offence for offence, _ in made],
        "involvement": [part for _, parts in made for part in parts],
    }


def test_each_stalker_counts_once_by_group_type_and_gravest_nature(tmp_path: Path) -> None:
    found = stalking.people(
        known_world(
            tmp_path,
            **reports(
                report("O1", "A", "V1", domestic=True, following=True, online=True),
                report("O2", "A", "V1", code="class/harassment"),
                report("O3", "B", "V1", "V2", online=True),
                report("O4", "C", code="class/harassment", domestic=True, threats_to_kill=True),
                report("O5", "D", "V3", code="class/harassment", domestic=True),
                report("O6", "D", "V3", unwanted_contact=True),
                report("O7", "E", "V4", code="class/shoplifting"),
            ),
            protective_order=[
                {"nominal_id": "D", "episode_id": "P1", "event": "breached", "kind": "restraining"}
            ],
        ),
        YEAR,
    ).set_index("nominal_id")
    assert found[["group", "type", "nature"]].to_dict("index") == {
        "A": {"group": "stalking_domestic", "type": "former_partner", "nature": "following"},
        "B": {"group": "stalking_other", "type": "several", "nature": "online"},
        "C": {"group": "harassment_domestic", "type": "not_recorded", "nature": "threats"},
        "D": {"group": "stalking_other", "type": "former_partner", "nature": "breach"},
    }


def test_a_crime_counts_by_the_day_of_its_first_record_and_only_once_known(tmp_path: Path) -> None:
    first, part = report("O1", "A")
    corrected = {**first, "superseded_on": date(2025, 12, 1)}
    later = {**first, "known_on": date(2025, 12, 1), "domestic": True}
    late, late_part = report("O2", "B", known_on=worlds.DATA_TO + timedelta(days=1))
    known = known_world(tmp_path, offence=[corrected, later, late], involvement=[*part, *late_part])
    found = known.ask("SELECT offence_id, recorded_on, domestic FROM crime")
    assert found.to_dict("records") == [
        {"offence_id": "O1", "recorded_on": pd.Timestamp(ON), "domestic": True}
    ]


def test_a_stay_in_custody_without_an_end_is_other_or_no_outcome(tmp_path: Path) -> None:
    stay = {"nominal_id": "A", "offence_id": "O1", "episode_id": "C1"}
    again = {"nominal_id": "A", "offence_id": "O1", "episode_id": "C2"}
    found = custody.stays(
        known_world(
            tmp_path,
            **reports(report("O1", "A", domestic=True)),
            custody=[
                {**stay, "event": "detained"},
                {**stay, "event": "disposed", "disposal": "bailed"},
                {**again, "event": "detained"},
            ],
            bail=[
                {**stay, "event": "granted", "conditions": "yes"},
                {**stay, "event": "breached"},
            ],
        ),
        YEAR,
    ).set_index("episode_id")
    assert found["end"].to_dict() == {"C1": "bailed", "C2": "other"}
    assert found.loc["C1", ["conditions", "breach"]].tolist() == ["yes", "breached"]
    assert set(DISPOSALS) == set(custody.ENDS)


def test_outstanding_is_wanted_or_neither_arrested_nor_dealt_with(tmp_path: Path) -> None:
    found = outstanding.people(
        known_world(
            tmp_path,
            **reports(
                report("O1", "A", weapon=True),
                report("O2", "B"),
                report("O3", "C"),
            ),
            custody=[
                {"nominal_id": "B", "offence_id": "O2", "episode_id": "C1", "event": "detained"}
            ],
            outcome=[{"nominal_id": "C", "offence_id": "O3", "result": "no_further_action"}],
            wanted=[
                {"nominal_id": "D", "episode_id": "W1", "event": "circulated", "reason": "bench"},
                {"nominal_id": "E", "episode_id": "W2", "event": "circulated"},
                {"nominal_id": "E", "episode_id": "W2", "event": "cancelled"},
            ],
        )
    ).set_index("nominal_id")
    assert found["wanted"].to_dict() == {"A": False, "D": True}
    assert outstanding.tags(found.loc["A"]) == ["Weapon", "Stalking"]


def test_a_dangerous_person_is_adult_and_outside_mappa_and_marac(tmp_path: Path) -> None:
    born = {name: date(1980, 1, 1) for name in "ABCD"} | {"E": date(2012, 1, 1), "F": None}
    management = [
        {"nominal_id": "B", "episode_id": "M1", "event": "opened", "scheme": "MAPPA"},
        {"nominal_id": "C", "episode_id": "M2", "event": "opened", "scheme": "MARAC"},
        {"nominal_id": "C", "episode_id": "M2", "event": "closed", "scheme": "MARAC"},
        {"nominal_id": "D", "episode_id": "M3", "event": "opened", "scheme": "PDP"},
    ]
    found = dangerous.people(
        known_world(
            tmp_path,
            **reports(*(report(f"O{who}", who, code="class/rape") for who in "ABCDEF")),
            nominal=[{"nominal_id": who, "born_on": day} for who, day in born.items()],
            management=management,
        )
    ).set_index("nominal_id")
    assert found["pdp"].to_dict() == {"A": False, "C": False, "D": True}


@pytest.mark.parametrize(
    ("at", "grown"),
    [(date(2026, 2, 28), False), (date(2026, 3, 1), True), (date(2026, 3, 2), True)],
)
def test_born_on_29_february_a_dangerous_person_is_adult_on_1_march(
    tmp_path: Path, at: date, grown: bool
) -> None:
    """As whoever is scored: see `features.adult`."""
    nominal = {"record_id": "A", "nominal_id": "A", "born_on": date(2008, 2, 29), "known_on": ON}
    offence, parts = report("O", "A", code="class/rape")
    when = {"occurred_on": ON, "known_on": ON}
    rows: worlds.Rows = {name: [] for name in worlds.TABLES}
    rows |= {
        "nominal": [nominal],
        "offence": [offence | when],
        "involvement": [{"record_id": "I", **part, **when} for part in parts],
    }
    with Known(worlds.load(rows, tmp_path / "records"), at) as known:
        assert len(dangerous.people(known)) == grown


def test_what_is_in_force_is_what_the_person_page_says(force: World) -> None:
    with Known(force.load) as known:
        told = {
            "order": set(orders.orders(known)["nominal_id"]),
            "bail": set(orders.bail(known)["nominal_id"])
            | set(orders.under_investigation(known)["nominal_id"]),
        }
        wanted = outstanding.people(known)
        told["wanted"] = set(wanted.loc[wanted["wanted"], "nominal_id"])
        everybody = known.ask("SELECT nominal_id FROM person ORDER BY 1")["nominal_id"].tolist()
    how = standing(force.load, everybody, force.load.default_as_of)
    for css, people in told.items():
        beside = {who for who, has in zip(everybody, how.has(css), strict=True) if has}
        assert people, css
        assert people == beside, css


def lines(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


def figures_of(page: str) -> list[list[str]]:
    """Cells of every table of figures on a page, as a reader sees them."""
    rows = re.findall(r'(?s)<tr class="govuk-table__row.*?</tr>', page)
    cells = [re.findall(r"(?s)<t[hd] .*?>(.*?)</t[hd]>", row) for row in rows]
    return [
        [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", cell)).split()) for cell in row]
        for row in cells
    ]


def test_custody_columns_make_a_hundred_or_are_counts(force: World) -> None:
    """Check 27."""
    found = figures_of(force.client("reviewer").get("/dashboards/custody?period=2024-25").text)
    whole = [row for row in found if row[0] in custody.ENDS.values()]
    assert len(whole) == 6
    checked = 0
    for column in range(1, 4):
        shares = [re.match(r"(\d+)%", row[column]) for row in whole]
        if all(shares):
            assert sum(int(share[1]) for share in shares if share) == 100
            checked += 1
        else:  # something is withheld: no percentage may tell of it
            assert not any(shares)
    assert [sum(custody.per_cent(parts)) for parts in ([1, 2, 4], [0, 0, 9], [5] * 6)] == [100] * 3


@pytest.mark.parametrize("name", FIGURES)
def test_no_figure_from_1_to_9_is_shown_on_a_page_or_in_its_file(force: World, name: str) -> None:
    """Check 27."""
    client = force.client("reviewer")
    for query in ("", "?area=area-1", "?period=2024-25", "?group=harassment_other"):
        page = client.get(f"/dashboards/{name}{query}")
        assert page.status_code == 200
        small = [
            cell
            for row in figures_of(page.text)
            for cell in row[1:]
            if re.fullmatch(r"[1-9]|\d+% [1-9]", cell)
        ]
        assert small == [], query
        assert "/lists/" not in page.text.replace('href="/lists"', ""), "nobody is named"
    if name != "interventions":
        told = lines(client.get(f"/dashboards/{name}.csv").content)
        assert not [cell for line in told for cell in line[2:] if re.fullmatch("[1-9]", cell)]


def test_every_view_and_every_file_is_on_the_ledger_before_it_is_answered(force: World) -> None:
    client = force.client("analyst")
    for name in (*FIGURES, *PEOPLE):
        for suffix, action in (("", None), (".csv", Action.EXPORT)):
            answer = client.get(f"/dashboards/{name}{suffix}")
            assert answer.status_code == 200, name
            assert answer.headers["cache-control"] == "no-store"
            (entry,) = force.ledger.entries(limit=1)
            wanted = action or (Action.LIST if name in PEOPLE else Action.VIEW)
            assert (entry.action, entry.actor, entry.purpose) == (wanted, "analyst one", PURPOSE)
            assert entry.body["what"].startswith(f"dashboard {name}")
            assert entry.body["load"] == force.load.fingerprint
            if name in PEOPLE:
                shown = {line[1] for line in lines(answer.content)} if suffix else set()
                on_it = {leaf.nominal_id for leaf in force.ledger.people(entry.seq)}
                assert on_it
                assert not suffix or on_it <= shown


def test_roles_see_what_is_theirs(force: World) -> None:
    paths = [f"/dashboards/{name}" for name in (*FIGURES, *PEOPLE)]
    opens = {
        role: [path.rpartition("dashboards/")[2] for path in paths if client.get(path).is_success]
        for role in ("analyst", "supervisor", "reviewer", "data_scientist")
        for client in [force.client(role)]
    }
    assert opens == {
        "analyst": [*FIGURES, *PEOPLE],
        "supervisor": [*FIGURES, *PEOPLE],
        "reviewer": [*FIGURES],
        "data_scientist": [],
    }
    supervisor = force.client("supervisor")
    assert supervisor.get("/dashboards/outstanding.csv").status_code == 403
    assert ".csv" not in supervisor.get("/dashboards/outstanding").text
    assert supervisor.get("/dashboards/custody.csv").status_code == 200


def test_whoever_need_not_know_somebody_does_not_see_them(
    force: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = force.client("analyst")
    before = lines(client.get("/dashboards/outstanding.csv").content)
    person = before[1][1]
    file = tmp_path / "need.yaml"
    file.write_text(yaml.safe_dump({"restricted": [person]}))
    monkeypatch.setenv("PRECURSOR_NEED_TO_KNOW", str(file))
    after = client.get("/dashboards/outstanding.csv")
    assert person not in after.text
    assert "are left out" in client.get("/dashboards/outstanding").text
    file.write_text(yaml.safe_dump({"areas": {"analyst one": ["area-1"]}}))
    found = lines(client.get("/dashboards/outstanding.csv").content)
    areas = {line[2] for line in found if line[0] != "Note"} - {"Area"}
    assert areas == {"area-1"}


def test_a_drill_leads_to_as_many_people_as_the_cell_says(force: World) -> None:
    client = force.client("analyst")
    page = client.get("/dashboards/stalking").text
    cells = re.findall(
        r'<a class="govuk-link" href="(/dashboards/stalking/people[^"]*)">([\d,]+)<', page
    )
    assert cells
    for href, number in cells:
        address = html.unescape(href).replace("/people?", "/people.csv?")
        found = [line for line in lines(client.get(address).content)[1:] if line[0] != "Note"]
        assert len(found) == int(number.replace(",", "")), href


def test_bad_addresses_are_answered_as_if_nothing_was_chosen(force: World) -> None:
    client = force.client("analyst")
    for name in (*FIGURES, *PEOPLE):
        bad = (
            "period=9999&area=%00<b>&group=x&list=nobody&page=-1&page=99999999&show=!&left=a&tag=;"
        )
        answer = client.get(f"/dashboards/{name}?{bad}")
        assert answer.status_code == 200, name
        assert "<b>" not in answer.text


def test_an_interventions_page_shows_what_a_command_kept(
    force: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = force.client("supervisor")
    assert "precursor evaluate-intervention" in client.get("/dashboards/interventions").text
    ratio = {"value": 0.7, "low": 0.5, "high": float("nan")}
    study = {"name": "orders_9", "title": "Orders", "measure": "count", "horizon_days": 182}
    found = {
        "study": study | {"outcome_words": "reports of domestic abuse"},
        "effects": {"count": {"ratio": ratio}},
        "unadjusted": {"ratio": dict.fromkeys(ratio, 1.0)},
        "people": 900,
        "rows": 1200,
        "treated": 80,
        "synthetic": True,
    }
    file = evaluations.keep(found, "Orders: x.\n\nWhat this rests on: much.", force.load)
    bad = file.with_name("broken.json")
    bad.write_text("{")
    try:
        page = client.get("/dashboards/interventions").text
        seen = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())
        assert "Orders" in seen
        assert f"load {force.load.fingerprint[:12]}" in seen
        assert "What this rests on: much." in seen
        assert "Synthetic records" in seen
        assert "broken.json cannot be read" in seen
        assert (
            json.loads(file.read_text())["evaluation"]["effects"]["count"]["ratio"]["high"] is None
        )
    finally:
        file.unlink()
        bad.unlink()


def test_an_own_view_comes_before_any_dashboard_with_scores(force: World) -> None:
    client = force.client("analyst")
    for name in ("stalking", *PEOPLE):
        for suffix in ("", ".csv"):
            path = f"/dashboards/{name}{suffix}?list={BLIND}"
            answer = client.get(path, follow_redirects=False)
            assert answer.status_code in (303, 409), name
            assert "Rank" not in answer.text
            assert force.client("supervisor").get(f"/dashboards/{name}?list={BLIND}").is_success
    assert client.get(f"/dashboards/custody?list={BLIND}").status_code == 200


def test_periods_never_overlap() -> None:
    found = periods(date(2026, 4, 1))
    assert found[0].name == "2026-27"
    assert found[1].whole
    for later, earlier in pairwise(found):
        assert earlier.until == later.since
    assert POSITIVE == ("charged", "cautioned", "out_of_court")
    assert NAME == "stalking_escalation"
