"""The feature register as a force answers for it: each group, and who approved it when.

What a group is, serves and is known to distort comes with Precursor (`features.register`). Whether
it may be used is for a force to say, in a short file of its own; nothing is approved by default.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from html import escape
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, RootModel

from features.catalogue import catalogue, context
from features.errors import UsageError
from features.files import write_as
from features.home import home
from features.register import register
from features.spreadsheet import disarmed
from features.yaml_file import read_model

NOT_YET = "not yet approved"
COLUMNS = (
    ("group", "group"),
    ("kind", "kind"),
    ("words", "what it is"),
    ("source", "made from"),
    ("reason", "why"),
    ("purpose", "what it serves"),
    ("sensitivity", "sensitivity"),
    ("bias", "known bias"),
    ("approved", "approved"),
)
"""Columns of the register as a page or a file shows it."""


class Approval(BaseModel):
    """The day a group was approved as an input, and by whom: a role or a panel."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    approved_on: date
    by: Annotated[str, Field(min_length=2)]


class _Approvals(RootModel[dict[str, Approval]]):
    """Approvals by group."""


@dataclass(frozen=True)
class Entry:
    """One group of the register, with its approval in words.

    Attributes
    ----------
    group, kind : str
        Kind is ``input``, or ``context``: shown and never an input.
    words, source, reason, purpose, sensitivity, bias : str
    approved : str
        The day and by whom, or `NOT_YET`.
    columns : int
        How many columns the group has.
    """

    group: str
    kind: str
    words: str
    source: str
    reason: str
    purpose: str
    sensitivity: str
    bias: str
    approved: str
    columns: int


def read_approvals(file: Path | None = None, today: date | None = None) -> dict[str, Approval]:
    """Return a force's approvals: of a file, or of ``HOME/approvals.yaml`` where that exists.

    Raises
    ------
    UsageError
        Where it cannot be read, names a group that the register does not have, or a day to come.
    """
    place = file or home() / "approvals.yaml"
    if file is None and not place.is_file():
        return {}
    found = read_model(
        _Approvals, place, "approvals", "Write 'group: {approved_on: 2026-01-31, by: NAME}'."
    )
    known = {*register()["groups"], *register()["context"]}
    last = today or date.today()
    wrong = [f"there is no group '{name}'" for name in found.root if name not in known]
    wrong += [
        f"{name}: {a.approved_on} lies ahead"
        for name, a in found.root.items()
        if a.approved_on > last
    ]
    if wrong:
        raise UsageError(
            f"{place}: {'; '.join(wrong)}",
            remedy="Name groups of the register, each with the day it was approved.",
            field="approvals",
        )
    return dict(found.root)


def entries(approvals: Mapping[str, Approval] | None = None) -> list[Entry]:
    """Return the whole register, inputs first.

    Examples
    --------
    >>> found = entries({"age": Approval(approved_on=date(2026, 1, 31), by="ethics panel")})
    >>> found[0].approved, found[1].approved
    ('2026-01-31 by ethics panel', 'not yet approved')
    >>> {entry.kind for entry in found}
    {...'context'...}
    """
    given = approvals or {}
    found = []
    for kind, place, columns in (
        ("input", "groups", catalogue()),
        ("context", "context", context()),
    ):
        for group, said in register()[place].items():
            own = given.get(group)
            approved = NOT_YET if own is None else f"{own.approved_on} by {own.by}"
            number = sum(column.group == group for column in columns.columns)
            found.append(Entry(group, kind, **said, approved=approved, columns=number))
    return found


def missing(found: Sequence[Entry]) -> list[str]:
    """Return the input groups that nobody has approved yet.

    Examples
    --------
    >>> missing(entries())[:2]
    ['age', 'onset']
    """
    return [e.group for e in found if e.kind == "input" and e.approved == NOT_YET]


def as_markdown(found: Sequence[Entry]) -> str:
    """Return the register as a table of Markdown."""
    lines = [" | ".join(words for _, words in COLUMNS), "|".join("---" for _ in COLUMNS)]
    lines += [" | ".join(_cell(entry, key) for key, _ in COLUMNS) for entry in found]
    return "\n".join(f"| {line} |" if " | " in line else f"|{line}|" for line in lines) + "\n"


def _cell(entry: Entry, key: str) -> str:
    value = str(getattr(entry, key)).replace("|", "\\|")
    return f"`{value}`" if key == "group" else value


def as_page(found: Sequence[Entry]) -> str:
    """Return the register as one HTML page that needs nothing else."""
    head = "".join(f'<th scope="col">{words}</th>' for _, words in COLUMNS)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(str(getattr(e, key)))}</td>" for key, _ in COLUMNS) + "</tr>"
        for e in found
    )
    lacking = missing(found)
    said = (
        f"{len(lacking)} of {sum(e.kind == 'input' for e in found)} input groups are {NOT_YET}."
        if lacking
        else "Every input group is approved."
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Feature register'
        "</title><style>body{font-family:sans-serif;margin:2rem}table{border-collapse:collapse}"
        "th,td{border:1px solid #b1b4b6;padding:.4rem;text-align:left;vertical-align:top}</style>"
        f"</head><body><h1>Feature register</h1><p>{said} What is not in this table cannot be an"
        f" input.</p><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></body>"
        "</html>\n"
    )


def as_csv(found: Sequence[Entry]) -> str:
    """Return the register as CSV; a force's own words cannot run as a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([key for key, _ in COLUMNS])
    writer.writerows([disarmed(str(getattr(e, key))) for key, _ in COLUMNS] for e in found)
    return text.getvalue()


def as_json(found: Sequence[Entry]) -> str:
    """Return the register as JSON, with its version and what nobody has approved yet."""
    said = {
        "version": register()["version"],
        "groups": [asdict(entry) for entry in found],
        "not_yet_approved": missing(found),
    }
    return json.dumps(said, ensure_ascii=False, indent=1) + "\n"


WRITERS = {".md": as_markdown, ".html": as_page, ".csv": as_csv, ".json": as_json}


def write_register(found: Sequence[Entry], file: Path) -> None:
    """Write the register to a file; its ending says how.

    Raises
    ------
    UsageError
        For any other ending.
    """
    write_as(found, file, WRITERS)
