"""What entries of the ledger and kept reports say, as pairs of words: names, dates, yes and no."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from models.words import date_words
from serving.pages import words

NAMES = {
    "as_of_date": "as known before",
    "as_of_dates": "as known before",
    "at": "when",
    "as_json": "as JSON",
    "base_rate": "average in training",
    "challenge": "number of the dispute",
    "challenged": "number of the dispute",
    "code": "why refused",
    "created_at": "made at",
    "data_to": "records up to",
    "due": "waiting",
    "expires_on": "expires on",
    "file_sha256": "SHA-256 of the file",
    "fingerprint": "SHA-256",
    "gone": "no longer on the list",
    "horizon_days": "days looked ahead",
    "lag_days": "days allowed for recording",
    "judged_band": "grade of the analyst",
    "known_on": "known on",
    "leaf_count": "parts about people",
    "load": "records",
    "mean_probability": "average score",
    "of": "out of",
    "on_behalf_of": "asked on behalf of",
    "over": "what it ended",
    "own_view": "own view asked for",
    "previous": "list before",
    "rejected_sha256": "SHA-256 of those not scored",
    "run_id": "list",
    "run_sha256": "SHA-256 of the scores",
    "score_drift_psi": "drift of scores (PSI)",
    "score_id": "score",
    "sha256": "SHA-256",
    "sign_off_due": "waits for a supervisor",
    "token_id": "token",
    "what": "what",
}
"""Fields that their own name does not tell well; of the others it is spoken as it is."""

_TIME = r"[T ](\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|\+00:00)"
_DAY = re.compile(rf"\b(\d{{4}})-(\d\d)-(\d\d)(?:{_TIME})?(?![\w-])")


def moment(at: str) -> str:
    """Return a moment of the ledger in words.

    Examples
    --------
    >>> moment("2026-11-03T09:30:12.000000Z")
    '3 November 2026, 09:30:12 UTC'
    """
    return f"{date_words(date.fromisoformat(at[:10]))}, {at[11:19]} UTC"


def dated(said: str) -> str:
    """Return a text with its dates as the pages write them; what is part of a name stays.

    Examples
    --------
    >>> dated("more will be known from 2027-08-02"), dated("2026-02-01-9f3c")
    ('more will be known from 2 August 2027', '2026-02-01-9f3c')
    """

    def told(found: re.Match[str]) -> str:
        try:
            day = date(int(found[1]), int(found[2]), int(found[3]))
        except ValueError:  # 2026-13-45 is no date, whatever it is
            return found[0]
        return date_words(day) + (f", {found[4]} UTC" if found[4] else "")

    return _DAY.sub(told, said)


def title(question: str, titles: Mapping[str, str]) -> str:
    """Return a question's title; of one that is not in force its name in words.

    Examples
    --------
    >>> title("again", {"again": "Again within a year"}), title("old_one", {})
    ('Again within a year', 'Old one')
    """
    return titles.get(question) or words.first_large(words.spoken(question))


def name(field: str) -> str:
    """Return a field's name in words.

    Examples
    --------
    >>> name("lag_days"), name("would_select")
    ('days allowed for recording', 'would select')
    """
    return NAMES.get(field, words.spoken(field))


def facts(
    said: Mapping[str, Any], without: frozenset[str] = frozenset(), before: str = ""
) -> Iterator[tuple[str, str]]:
    """Yield what a mapping says as pairs of words, mappings within it part by part.

    Examples
    --------
    >>> list(facts({"model": {"version": 3}, "expires_on": "2026-11-03", "forced": False}))
    [('Model: version', '3'), ('Expires on', '3 November 2026'), ('Forced', 'no')]
    """
    for field, value in said.items():
        if field in without:
            continue
        place = f"{before}{name(str(field))}"
        if isinstance(value, Mapping):
            yield from facts(value, without, f"{place}: ")
        elif isinstance(value, list):
            yield words.first_large(place), "; ".join(text(one) for one in value) or "None"
        else:
            yield words.first_large(place), text(value)


def text(value: Any) -> str:
    """Return a value in words.

    Examples
    --------
    >>> text({"name": "auc", "passed": True}), text(None), text("2026-11-03")
    ('name auc, passed yes', 'Not recorded', '3 November 2026')
    >>> text(0.3610023203780317), text(1_284)
    ('0.361002', '1284')
    """
    if isinstance(value, Mapping):
        return ", ".join(f"{name(str(field))} {text(one)}" for field, one in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"  # to the last bit in the file
    return "Not recorded" if value is None or value == "" else dated(str(value))
