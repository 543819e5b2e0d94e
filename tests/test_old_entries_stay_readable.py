"""What an earlier release wrote on the ledger is read by this one."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.chain import Entry, Leaf, LedgerDamaged
from serving.keys import PersonKey
from serving.leaves import open_leaf, seal_leaf

KEY = PersonKey.of(b"k" * 32, "N1")
ENTRY = Entry(
    *(1, "2026-02-01T09:00:00.000000Z", "a", "analyst", "score", "p", "q", {"inputs": ["x", "y"]}),
    *(1, None, "0" * 64, "0" * 64),
)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def opened(sealed: bytes, score_id: str | None = "s1", **body: Any) -> Any:
    row = SimpleNamespace(payload=sealed, score_id=score_id, position=0)
    return open_leaf(cast("Any", row), replace(ENTRY, body={**ENTRY.body, **body}), KEY)


def zipped(told: dict[str, Any], level: int = 1, window: int = 12) -> bytes:
    """A leaf as it was packed before: zlib's own stream, of any level and window."""
    packed = zlib.compressobj(level, zlib.DEFLATED, window, 5)
    return KEY.seal(packed.compress(json.dumps(told).encode()) + packed.flush(), b"s1")


@pytest.mark.parametrize("window", [9, 12, 15])
@pytest.mark.parametrize("level", [1, 9])
def test_a_leaf_from_before_is_opened(level: int, window: int) -> None:
    told = {"nominal_id": "N1", "payload": {"band": "High", "inputs": [1.0, None]}}
    found = opened(zipped(told, level, window))
    assert found.nominal_id == "N1"
    assert found.payload == {"band": "High", "inputs": {"x": 1.0, "y": None}}


def test_what_an_entry_says_of_all_its_scores_each_of_them_gets_back() -> None:
    shared = {"question": "q", "model": {"version": "3"}}
    own = {"band": "High", "inputs": [1.0, None], "groups": [0.5]}
    sealed = seal_leaf(Leaf("N1", "s1", own), KEY).payload
    found = opened(sealed, shared=shared, groups=["age"]).payload
    assert found == {**own, **shared, "inputs": {"x": 1.0, "y": None}, "groups": {"age": 0.5}}
    refused = seal_leaf(Leaf("N2", None, {"rejected": "under_18"}), KEY).payload
    assert opened(refused, None, shared=shared).payload == {"rejected": "under_18"}


@given(payload=st.dictionaries(st.text().filter(lambda key: key != "inputs"), PLAIN))
def test_a_leaf_of_today_is_opened_as_it_was_said(payload: dict[str, Any]) -> None:
    sealed = seal_leaf(Leaf("N1", "s1", payload), KEY)
    assert opened(sealed.payload).payload == payload


def test_one_that_was_altered_is_refused_however_it_was_packed() -> None:
    leaf = seal_leaf(Leaf("N1", "s1", {"band": "High"}), KEY).payload
    for sealed in (leaf, zipped({"nominal_id": "N1", "payload": {}})):
        with pytest.raises(LedgerDamaged, match="altered"):
            opened(sealed[:-1] + bytes([sealed[-1] ^ 1]))
