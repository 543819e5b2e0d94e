"""What the service tells of itself answers its keepers' questions, and is about nobody."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import pytest
from house import ROOT
from served import NAME, Served, served

from serving import traces
from serving.logs import AsJson

__all__ = ["served"]

PERSON, ACTOR, PURPOSE = "N0001", "analyst one", "weekly review"
CALLER = "0af7651916cd43dd8448eb211c80319c"


def test_spans_of_a_request_are_one_trace_and_continue_the_callers(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "spans.jsonl"
    monkeypatch.setenv(traces.VARIABLE, str(file))
    headers = {**served.headers(), "traceparent": f"00-{CALLER}-b7ad6b7169203331-01"}
    asked = {"question": NAME, "nominal_ids": [PERSON], "purpose": PURPOSE}
    answer = served.client.post("/v1/scores", json=asked, headers=headers)
    assert answer.status_code == 200
    traces.flush()
    text = file.read_text()
    spans = {span["name"]: span for span in map(json.loads, text.splitlines())}
    assert {"POST /v1/scores", "authenticate", "score", "record"} <= set(spans)
    assert {span["context"]["trace_id"] for span in spans.values()} == {f"0x{CALLER}"}
    whole = spans["POST /v1/scores"]["attributes"]
    assert whole["http.response.status_code"] == 200
    assert whole["precursor.request_id"] == answer.headers["x-request-id"]
    for name in (PERSON, ACTOR, PURPOSE):
        assert name not in text
    assert file.stat().st_mode & 0o077 == 0


def test_a_log_line_has_the_requests_id_and_nobodys_name(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "precursor"):
        answer = served.score(PERSON)
    lines = [AsJson().format(r) for r in caplog.records if r.name == "precursor.service"]
    said = json.loads(lines[-1])
    assert said["request"] == answer.headers["x-request-id"]
    assert (said["route"], said["method"], said["status"]) == ("/v1/scores", "POST", 200)
    assert {"authenticate", "in_force", "score", "record", "encode"} <= set(said["steps"])
    for name in (PERSON, ACTOR, PURPOSE):
        assert name not in lines[-1]


def test_methods_that_callers_make_up_make_no_new_figures(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "precursor"):
        for number in range(3):
            served.client.request(f"{PERSON}X{number}", "/sign-in")
            served.client.request(f"{PERSON}X{number}", "/v1/scores")
    figures = served.get("/metrics").text
    assert PERSON not in figures
    assert PERSON not in "".join(AsJson().format(record) for record in caplog.records)
    assert 'precursor_requests_total{method="other",route="page",status="405"}' in figures
    assert 'precursor_requests_total{method="other",route="unknown",status="401"}' in figures


def test_an_answer_says_what_its_steps_took(served: Served) -> None:
    told = served.score(PERSON).headers["server-timing"]
    assert re.fullmatch(r"(\w+;dur=[\d.]+(, )?)+", told)
    assert "record;dur=" in told


def test_figures_tell_how_old_things_are(served: Served) -> None:
    figures = served.get("/metrics").text
    assert f'precursor_question_ready{{question="{NAME}"}} 1.0' in figures
    assert re.search(rf'precursor_model_age_days{{question="{NAME}",version="1"}} \d', figures)
    assert re.search(rf'precursor_data_age_days{{load="\d+",question="{NAME}"}} \d', figures)
    assert 'precursor_step_seconds_bucket{le="0.001",step="record"}' in figures


def test_the_dashboard_shows_figures_that_there_are(served: Served) -> None:
    served.score(PERSON)
    figures = served.get("/metrics").text
    known = set(re.findall(r"^# TYPE (\w+)", figures, re.MULTILINE))
    board = json.loads((ROOT / "docs" / "examples" / "dashboard.json").read_text())
    words = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    used = {name for word in words for name in re.findall(r"precursor_\w+", word)}
    bare = {re.sub(r"_(bucket|sum|count)$", "", name) for name in used}
    assert len(bare) >= 8
    # counters are typed with their ending
    assert {name for name in bare if name not in known} == set()
