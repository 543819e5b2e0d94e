"""What is held about a person as one page that needs nothing else, for handing over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

TITLES = {
    "scores": "Scores",
    "views": "Who looked",
    "copies": "Copies taken",
    "decisions": "Decisions by people",
    "challenges": "Disputed records",
    "other": "Else on the ledger",
}
_STYLE = (
    "body{font-family:sans-serif;margin:2rem;max-width:75rem}table{border-collapse:collapse}"
    "th,td{border:1px solid #b1b4b6;padding:.3rem;text-align:left;vertical-align:top}"
    "td{overflow-wrap:anywhere}"
)


def as_page(said: Mapping[str, Any]) -> str:
    """Return the export as HTML.

    Examples
    --------
    >>> empty = {name: [] for name in (*TITLES, "free_text", "before_handing_over")}
    >>> page = as_page(empty | {"nominal_id": "<N1>", "made_at": "2026-02-01", "records": {},
    ...     "records_up_to": {}, "files": {}})
    >>> "&lt;N1&gt;" in page, "<N1>" in page
    (True, False)
    """
    who = escape(str(said["nominal_id"]))
    parts = [
        f"<h1>What is held about {who}</h1>",
        f"<p>Made at {escape(str(said['made_at']))}. Other people are struck out; those who used"
        " the product are told by role.</p>",
        "<h2>Before this is handed over</h2>",
        _list(said["before_handing_over"]),
        "<h3>Texts in somebody's own words</h3>",
        _table(said["free_text"]),
        "<h2>Records</h2>",
        *(
            f"<p>{escape(path)}: up to {escape(day)}</p>"
            for path, day in said["records_up_to"].items()
        ),
    ]
    for name, rows in said["records"].items():
        parts += [f"<h3>{escape(name.replace('_', ' ').capitalize())}</h3>", _table(rows)]
    for name, title in TITLES.items():
        parts += [f"<h2>{title}</h2>", _table(said[name])]
    parts.append("<h2>Lines in files</h2>")
    for path, rows in said["files"].items():
        parts += [f"<h3>{escape(path)}</h3>", _table(rows)]
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>What is held about'
        f" {who}</title><style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "<p>Nothing.</p>"
    names = list(dict.fromkeys(name for row in rows for name in row))
    head = "".join(f'<th scope="col">{escape(name.replace("_", " "))}</th>' for name in names)
    lines = "".join(
        "<tr>" + "".join(f"<td>{_cell(row.get(name))}</td>" for name in names) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"


def _cell(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, Mapping):
        parts = "".join(
            f"<dt>{escape(str(key).replace('_', ' '))}</dt><dd>{_cell(each)}</dd>"
            for key, each in value.items()
        )
        return f"<dl>{parts}</dl>"
    if isinstance(value, list):
        if any(isinstance(each, Mapping) for each in value):
            return "<ul>" + "".join(f"<li>{_cell(each)}</li>" for each in value) + "</ul>"
        return ", ".join(_cell(each) for each in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return escape(str(value))


def _list(lines: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"
