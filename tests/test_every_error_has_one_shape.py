"""Whatever is wrong with a request, the answer says code, message, field and remedy, no more."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from served import NAME, Served, served

__all__ = ["served"]

JSON = {"Content-Type": "application/json"}
GOOD = {"question": NAME, "nominal_ids": ["N0001"], "purpose": "weekly review"}


def shape(answer: object) -> dict:
    """Return an answer's error after checking its shape and headers."""
    said = answer.json()
    assert set(said) == {"error"}
    error = said["error"]
    assert set(error) == {"code", "message", "field", "remedy"}
    assert error["code"]
    assert error["message"]
    assert error["remedy"]
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "server" not in answer.headers
    assert "Traceback" not in answer.text
    return error


def post(served: Served, content: object, **headers: str) -> object:
    return served.client.post(
        "/v1/scores", content=content, headers=JSON | served.headers() | headers
    )


def without(name: str) -> dict:
    return {key: value for key, value in GOOD.items() if key != name}


BODIES = {
    "empty": b"",
    "no JSON": b"N0001",
    "half": b'{"question": "viol',
    "a list": b"[]",
    "null": b"null",
    "deep": b"[" * 50_000,
    "no UTF-8": b'{"question": "\xff"}',
    "lone surrogate": json.dumps({**GOOD, "purpose": "\ud800"}).encode(),
    "no question": json.dumps(without("question")).encode(),
    "no purpose": json.dumps(without("purpose")).encode(),
    "blank purpose": json.dumps({**GOOD, "purpose": "  "}).encode(),
    "control characters": json.dumps({**GOOD, "purpose": "a\x00b"}).encode(),
    "NaN": json.dumps({**GOOD, "as_of_date": float("nan")}).encode(),
    "infinity": b'{"question": Infinity}',
    "number for text": json.dumps({**GOOD, "purpose": 7}).encode(),
    "text for list": json.dumps({**GOOD, "nominal_ids": "N0001"}).encode(),
    "number for id": json.dumps({**GOOD, "nominal_ids": [1]}).encode(),
    "nobody": json.dumps({**GOOD, "nominal_ids": []}).encode(),
    "twice": json.dumps({**GOOD, "nominal_ids": ["N1", "N1"]}).encode(),
    "too many": json.dumps({**GOOD, "nominal_ids": [f"N{i}" for i in range(1001)]}).encode(),
    "hostile id": json.dumps({**GOOD, "nominal_ids": ["N1'; DROP TABLE x"]}).encode(),
    "id that turns the writing": json.dumps({**GOOD, "nominal_ids": ["N\u202e1"]}).encode(),
    "id with an invisible part": json.dumps({**GOOD, "nominal_ids": ["N\u200b1"]}).encode(),
    "unknown key": json.dumps({**GOOD, "model": "mine"}).encode(),
    "no date": json.dumps({**GOOD, "as_of_date": "2026-02-30"}).encode(),
    "moment for date": json.dumps({**GOOD, "as_of_date": "2026-01-01T12:00:00"}).encode(),
    "number for date": json.dumps({**GOOD, "as_of_date": 20260101}).encode(),
    "path for question": json.dumps({**GOOD, "question": "../../etc"}).encode(),
    "short question": json.dumps({**GOOD, "question": "ab"}).encode(),
    "long question": json.dumps({**GOOD, "question": "a" * 64}).encode(),
}


@pytest.mark.parametrize("kind", BODIES)
def test_a_body_that_is_not_as_described(served: Served, kind: str) -> None:
    answer = post(served, BODIES[kind])
    assert answer.status_code == 400, answer.text
    assert shape(answer)["code"] == "invalid_request"


def test_a_day_that_is_none_is_told_with_its_value_unless_it_may_name_somebody(
    served: Served,
) -> None:
    for text, told in (
        ("2026-02-30", "'2026-02-30'"),
        ("31/01/2026", "'31/01/2026'"),
        ("20260131", "'20260131'"),
        (20260131, "'20260131'"),
        ("N0001 of 2026", "what was given"),
    ):
        error = shape(post(served, json.dumps({**GOOD, "as_of_date": text}).encode()))
        assert error["message"] == f"as_of_date: {told} is not a date; write it as 2026-01-31"
        assert error["field"] == "as_of_date"


def test_an_id_of_any_script_can_be_asked_for(served: Served) -> None:
    people = ["Nø-1", "Ж42", "名前", "N\u0301", "😀"]
    answer = served.score(*people)
    assert answer.status_code == 200, answer.text
    assert answer.json()["rejected"] == [
        {"nominal_id": person, "as_of_date": "2026-02-01", "reason": "unknown"} for person in people
    ]


def test_all_mistakes_are_named_at_once(served: Served) -> None:
    wrong = {"question": 1, "nominal_ids": ["ok", ""], "why": "?"}
    error = shape(post(served, json.dumps(wrong).encode()))
    for place in ("question", "nominal_ids[1]", "purpose", "why"):
        assert f"{place}: " in error["message"]
    assert error["field"] == "question"


def test_many_mistakes_make_a_short_answer(served: Served) -> None:
    error = shape(post(served, json.dumps({**GOOD, "nominal_ids": [""] * 900}).encode()))
    assert "and 880 more" in error["message"]


def chunks() -> Iterator[bytes]:
    yield from (b"x" * 100_000 for _ in range(100))


@pytest.mark.parametrize(
    "content", [b'"' + b"x" * 10_000_000 + b'"', chunks], ids=["whole", "bits"]
)
def test_ten_megabytes_are_refused_unread(served: Served, content: object) -> None:
    answer = post(served, content() if callable(content) else content)
    assert answer.status_code == 413
    assert shape(answer)["code"] == "too_large"


@pytest.mark.parametrize(
    "kind", ["text/plain", "multipart/form-data", "application/vnd.bentoml+pickle"]
)
def test_only_json_is_read(served: Served, kind: str) -> None:
    answer = post(served, json.dumps(GOOD).encode(), **{"Content-Type": kind})
    assert answer.status_code == 415
    assert shape(answer)["code"] == "not_json"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1", 404),
        ("GET", "/v1/lists/none", 404),
        ("GET", "/v1/lists/%2e%2e", 404),
        ("GET", "/v1/scores/s%00", 404),
        ("GET", "/v1/scores/none", 404),
        ("GET", "/schema.json", 404),
        ("GET", "/healthz", 404),
        ("GET", "/v1/scores", 405),
        ("DELETE", "/v1/scores/s1", 405),
        ("POST", "/docs.json", 405),
        ("GET", f"/v1/lists/{NAME}?limit=0", 400),
        ("GET", f"/v1/lists/{NAME}?limit=1e3", 400),
        ("GET", f"/v1/lists/{NAME}?offset=-1", 400),
        ("GET", f"/v1/lists/{NAME}?page=2", 400),
        ("GET", "/v1/scores/s1?purpose=", 400),
        ("GET", "/v1/scores/s1?purpose=a&purpose=b", 400),
        ("GET", "/v1/replays/s1", 403),
        ("OPTIONS", "/v1/scores", 405),
    ],
)
def test_paths_and_methods(served: Served, method: str, path: str, status: int) -> None:
    answer = served.client.request(method, path, headers=served.headers())
    assert answer.status_code == status, answer.text
    shape(answer)
    if status == 405:
        assert method not in answer.headers["allow"].split(", ")


def test_who_is_nobody_learns_nothing(served: Served) -> None:
    known = served.client.get("/v1/scores/s1")
    unknown = served.client.get("/v1/nothing")
    assert known.status_code == unknown.status_code == 401
    assert shape(known) == shape(unknown)


def test_a_role_that_may_not_is_told_who_may(served: Served) -> None:
    answer = served.score("N0001", role="data_scientist")
    assert answer.status_code == 403
    assert "analyst, service" in shape(answer)["remedy"]


def test_an_unknown_question_is_told_the_known_ones(served: Served) -> None:
    answer = served.score("N0001", question="no_such_question")
    error = shape(answer)
    assert (answer.status_code, error["field"]) == (404, "question")
    assert NAME in error["message"]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*GOOD, "as_of_date", "x"]), inner, max_size=5)
    ),
    max_leaves=12,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wrong=st.dictionaries(st.sampled_from([*GOOD, "as_of_date"]), ANYTHING, min_size=1))
def test_no_body_makes_the_service_fail(served: Served, wrong: dict) -> None:
    answer = post(served, json.dumps(GOOD | wrong).encode())
    assert answer.status_code < 500, answer.text
    if answer.status_code != 200:
        shape(answer)
