"""What a request's values are made of: an id, a line of text, a day."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from features.names import ID, ID_WORDS, is_id

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LIKE_A_DATE = re.compile(r"[0-9TZ:./+-]{1,32}")


def _visible(value: str) -> str:
    if not is_id(value):
        raise ValueError(f"an id is {ID_WORDS}")
    return value


def _dated(value: object) -> date | None:
    """Return a day, or refuse what is none; it is repeated where it cannot be about anybody."""
    if value is None or type(value) is date:
        return value
    text = value if isinstance(value, str) else str(value)
    if isinstance(value, str) and _DAY.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    told = f"'{text}'" if _LIKE_A_DATE.fullmatch(text) else "what was given"
    raise ValueError(f"{told} is not a date; write it as 2026-01-31")


NominalId = Annotated[str, AfterValidator(_visible), Field(json_schema_extra={"pattern": ID})]
"""A person record's id, exactly as ingested: 1 to 128 visible characters of any script."""

LONGEST_PURPOSE = 500
"""Characters of what something is for, at most."""

LONGEST_REASON = 1_000
"""Characters of a reason, at most."""

Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\x00-\x1f\x7f]*$")
]
"""One line of text that says something."""

Day = Annotated[date, BeforeValidator(_dated)]
"""A day as YYYY-MM-DD."""
