"""Which records came, went or were corrected between two scores of one person.

The words of a change tell figures; these tell what is behind them, where the records themselves
say it: what was withdrawn is on no list of records any more, and only here is it named.
"""

from __future__ import annotations

from collections.abc import Sequence

from features.sources import CONTEXT, OTHERS
from features.trail import Past

MOST_NAMED = 3
"""Records of one kind that are named; the others are counted."""

_CONTENT = ("occurred_on", "marks", "harm", "who", "status", "detail")

_NOT_HERE = frozenset((*OTHERS, *CONTEXT))  # about others, or nothing that a score is made of


def between(before: Past, now: Past, *, named: bool) -> tuple[list[str], bool]:
    """Return in words what came on record, was corrected or withdrawn, and whether anything came.

    Parameters
    ----------
    before, now : Past
        The person's visible past on both dates, as `History.pasts_on` returns it.
    named : bool
        Whether the references of records may be told.

    Examples
    --------
    >>> import pyarrow as pa
    >>> columns = ["record_table", "record_id", "reference", "source", *_CONTENT]
    >>> rows = [["offence", name, f"CR/{name}", *["x"] * 7] for name in ("1", "2", "3")]
    >>> old, new = (
    ...     Past(pa.Table.from_pylist([dict(zip(columns, row)) for row in given]))
    ...     for given in (rows[:2], rows[1:])
    ... )
    >>> between(old, new, named=True)[0]
    ['1 record came in since: CR/3.', '1 record was withdrawn since and counts no more: CR/1.']
    """
    old, new = _by_record(before), _by_record(now)
    came = [new[key][0] for key in new if key not in old]
    gone = [old[key][0] for key in old if key not in new]
    mended = [new[key][0] for key in new if key in old and new[key][1] != old[key][1]]
    told = [
        _told(came, "came in since", "came in since", named),
        _told(mended, "was corrected since", "were corrected since", named),
        _told(
            gone,
            "was withdrawn since and counts no more",
            "were withdrawn since and count no more",
            named,
        ),
    ]
    return [sentence for sentence in told if sentence], bool(came)


def _by_record(past: Past) -> dict[tuple[str, str], tuple[str, set[tuple[str, ...]]]]:
    """Return each record's reference and what it says; one record makes several events."""
    found: dict[tuple[str, str], tuple[str, set[tuple[str, ...]]]] = {}
    told = ("record_table", "record_id", "reference", "source", *_CONTENT)
    for table, record_id, reference, source, *said in zip(
        *(past[name] for name in told), strict=True
    ):
        if source not in _NOT_HERE:
            _, others = found.setdefault((table, record_id), (str(reference or record_id), set()))
            others.add((source, *map(str, said)))
    return found


def _told(records: Sequence[str], one: str, several: str, named: bool) -> str:
    if not records:
        return ""
    names = list(dict.fromkeys(records))  # several records of one crime share its reference
    number = len(records)
    text = f"{number:,} record{'s' * (number != 1)} {one if number == 1 else several}"
    if not named:
        return f"{text}."
    of = f", of {len(names):,} reference{'s' * (len(names) != 1)}" if len(names) < number else ""
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return f"{text}{of}: {', '.join(names[:MOST_NAMED])}{more}."
