"""What was known, when: the two conditions by which time enters a history, and nothing else does.

Every history, label, cohort and list of records behind a reason asks these two functions. A feature
author cannot write a time filter, because no feature declaration has a place for one.
"""

from __future__ import annotations

from typing import Any, cast

import ibis.expr.types as ir


def visible(record: Any, at: ir.DateValue) -> ir.BooleanValue:
    """Return whether a record was known, and not yet corrected, just before a date.

    Parameters
    ----------
    record : ibis table or anything with `known_on` and `superseded_on` date columns
    at : ibis date expression
        The moment of knowledge, exclusive: what became known on that very day does not count.

    Examples
    --------
    >>> import ibis
    >>> record = ibis.table({"known_on": "date", "superseded_on": "date"}, name="record")
    >>> visible(record, ibis.date("2026-01-01")).type()
    Boolean(nullable=True)
    """
    known = record.known_on < at
    standing = record.superseded_on.isnull() | (record.superseded_on >= at)
    return cast(ir.BooleanValue, known & standing)


def before(record: Any, at: ir.DateValue) -> ir.BooleanValue:
    """Return whether a record is past on a date: it occurred before, or nobody knows when.

    The windows themselves (``as_of_date - window <= occurred_on < as_of_date``) are unions of the
    disjoint age buckets of :mod:`features.history`; a record without `occurred_on` has no age and
    counts in EVER only.

    Examples
    --------
    >>> import ibis
    >>> record = ibis.table({"occurred_on": "date"}, name="record")
    >>> before(record, ibis.date("2026-01-01")).type()
    Boolean(nullable=True)
    """
    return cast(ir.BooleanValue, record.occurred_on.isnull() | (record.occurred_on < at))
