"""What one entry of the ledger says, and how it is bound to the entry before it."""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

from features.errors import PrecursorError, UsageError


class LedgerDamaged(PrecursorError):
    """What the ledger holds is not what was written (status 500)."""

    code = "ledger_damaged"
    status = 500


class Action(StrEnum):
    """What can be recorded; every entry is one of these, and nothing else leaves.

    Examples
    --------
    >>> Action("score") is Action.SCORE
    True
    >>> Action.ERASURE.words
    "a person's key was destroyed, and with it what the ledger says about them"
    """

    words: str

    def __new__(cls, value: str, words: str) -> Action:  # noqa: D102
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    SCORE = "score", "people were scored on request"
    BATCH = "batch", "a cohort, or part of one, was scored"
    VIEW = "view", "a person's page or a recorded score was looked at"
    LIST = "list", "a page of a list was looked at"
    EXPORT = "export", "a copy was taken out of the service"
    DECISION = "decision", "somebody agreed with a score or overrode it, with a reason"
    OWN_VIEW = "own_view", "an own view was given before the score, or skipped as urgent"
    SIGN_OFF = "sign_off", "a supervisor agreed with somebody's decision or did not"
    SELECTION = "selection", "a person was selected from a list, reviewed or de-selected"
    CHALLENGE = "challenge", "a record was disputed and the person scored without it"
    REVIEW_SAMPLE = "review_sample", "people near the line were drawn by lot, to be reviewed blind"
    SETTLEMENT = "settlement", "what was found about a disputed record was said"
    REPLAY = "replay", "a score was computed again and compared"
    AUDIT = "audit", "the ledger itself was read or verified"
    REFUSAL = "refusal", "something was asked for and not given"
    PUBLISH = "publish", "a scored run became the list"
    PROMOTION = "promotion", "a model came into force for a question"
    ROLLBACK = "rollback", "an earlier model came back into force"
    SUSPENSION = "suspension", "a question stopped being scored for the time being"
    RETIREMENT = "retirement", "a model stopped for good; it is never in force again"
    STAGE = "stage", "a question was moved to another stage: shadow, pilot or live"
    ERASURE = "erasure", "a person's key was destroyed, and with it what the ledger says about them"
    ERASURE_REACH = "erasure_reach", "an erased person was taken out of records, runs and files"
    LINKING = "linking", "person records were brought together, or parted, by decision"
    BREAK_GLASS = "break_glass", "somebody looked without a need to know, for a stated cause"
    SERVED = "served", "the service started, with these models and this load"
    TOKEN_ISSUED = "token_issued", "a token was issued"
    TOKEN_REVOKED = "token_revoked", "a token's access was ended early"
    LINK_ISSUED = "link_issued", "a one-use sign-in link was made"
    SIGN_IN = "sign_in", "somebody signed in"
    SIGN_OUT = "sign_out", "somebody signed out"


IN_FORCE = frozenset({Action.PROMOTION, Action.ROLLBACK})
"""Actions that put a model in force; their body names its version and its SHA-256."""

OUT_OF_FORCE = frozenset({Action.SUSPENSION, Action.RETIREMENT})
"""Actions after which no model is in force for the question; a retirement of one that was not in
force leaves the other where it is."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """What is to be recorded about one person.

    Parameters
    ----------
    nominal_id : str
    score_id : str, optional
        The name the score can be asked for by; once in the whole ledger.
    payload : mapping or bytes
        Plain JSON values, or the JSON of an object, made of nothing else, as it is to be kept.

    Examples
    --------
    >>> Leaf("N1").payload
    {}
    """

    nominal_id: str
    score_id: str | None = None
    payload: Mapping[str, Any] | bytes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry's number and hash: note it down elsewhere, and a cut-off tail will show.

    Examples
    --------
    >>> Head(2, "ab" * 32).seq
    2
    """

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One link of the chain, as it was recorded.

    Attributes
    ----------
    seq : int
        Its number, from 1, without gaps.
    at : str
        When, in UTC, ISO 8601 to the microsecond.
    actor, role, action, purpose : str
    question : str or None
    body : dict
        What was done, nothing of it about one person.
    leaf_count : int
        How many people it is about.
    root : str or None
        The Merkle root over their leaves, in hexadecimal; None when there are none.
    previous_hash, hash : str
        SHA-256 in hexadecimal; ``hash`` covers every field above and ``previous_hash``.
    """

    seq: int
    at: str
    actor: str
    role: str
    action: str
    purpose: str
    question: str | None
    body: dict[str, Any]
    leaf_count: int
    root: str | None
    previous_hash: str
    hash: str

    def as_data(self) -> dict[str, Any]:
        """Return the entry as plain JSON values."""
        return asdict(self)


# made once: `json.dumps` would make one for each call
_PLAIN = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_SORTED = json.JSONEncoder(separators=(",", ":"), allow_nan=False, sort_keys=True)


def plain_json(data: Any, *, sort_keys: bool = False) -> str:
    r"""Return JSON without spaces, all beyond ASCII escaped.

    Raises
    ------
    UsageError
        If a value is not plain JSON; NaN and infinities are not.

    Examples
    --------
    >>> plain_json({"b": 1.5, "a": [None, "é"]})
    '{"b":1.5,"a":[null,"\\u00e9"]}'
    """
    try:
        return (_SORTED if sort_keys else _PLAIN).encode(data)
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(
            f"a value to be recorded is not plain JSON: {error}",
            remedy="Record text, whole and finite numbers, true, false, null, lists and objects.",
        ) from error


def canonical(data: Any) -> str:
    """Return JSON that is the same, to the byte, for the same values: keys are sorted.

    Examples
    --------
    >>> canonical({"b": 1, "a": 2})
    '{"a":2,"b":1}'
    """
    return plain_json(data, sort_keys=True)


def entry_hash(fields: Mapping[str, Any]) -> str:
    """Return an entry's hash: SHA-256 over the canonical JSON of its fields.

    Parameters
    ----------
    fields : mapping
        seq, at, actor, role, action, purpose, question, body (the stored text, not the object),
        leaf_count, root and previous_hash; whatever else is in the mapping does not count.

    Examples
    --------
    >>> row = dict.fromkeys(HASHED)
    >>> entry_hash(row) == entry_hash({**row, "hash": "does not count"})
    True
    """
    return sha256(canonical({name: fields[name] for name in HASHED}).encode()).hexdigest()


HASHED = (
    "seq",
    "at",
    "actor",
    "role",
    "action",
    "purpose",
    "question",
    "body",
    "leaf_count",
    "root",
    "previous_hash",
)
"""The fields that an entry's hash covers."""


def seal(key: bytes, entry: str) -> str:
    """Return the mark that only a holder of the ledger's own key can put on an entry's hash.

    The chain shows that something was changed; the seal keeps who can write to the database,
    but has no key, from making a new chain that would verify.

    Examples
    --------
    >>> len(seal(b"k" * 32, "0" * 64))
    64
    """
    return hmac.digest(key, entry.encode(), "sha256").hex()


SCORE_ID = r"s[0-9a-f]{32}"
"""What :func:`new_score_id` makes, as a pattern."""


def new_score_id() -> str:
    """Return a name for a score that nobody can guess and that any URL can carry.

    Nor does one tell anything: a batch is told in the order of ids, so that even the second in
    which a score was made would say who stands near whom.

    Examples
    --------
    >>> len(new_score_id()), new_score_id().isalnum()
    (33, True)
    """
    return "s" + secrets.token_hex(16)


def utc_now() -> datetime:
    """Return this moment in UTC.

    Examples
    --------
    >>> utc_now().tzinfo
    datetime.timezone.utc
    """
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """Return a moment as the ledger writes it, which sorts as text.

    Examples
    --------
    >>> stamp(datetime(2026, 2, 1, 9, 30, tzinfo=UTC))
    '2026-02-01T09:30:00.000000Z'
    """
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
