"""The transparency record as a page and as Markdown: it stands alone, nothing is fetched for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from features.standing_page import template


def page(said: Mapping[str, Any]) -> str:
    """Return a record as one HTML page that needs nothing else."""
    return template("training", "record.html").render(said=said)


def markdown(said: Mapping[str, Any]) -> str:
    """Return a record as Markdown, in the same order as the page."""
    lines = [f"# {said['title']}, version {said['version']}", ""]
    lines.append(f"{said['standard']}. Written on {said['written_on']} from the model's own run.")
    if said["synthetic"]:
        lines += ["", "**Made-up people: no figure here is performance on people.**"]
    lines += ["", "## Not answered yet", ""]
    lines += [f"- {f['number']} {f['title']} (`{f['key']}`)" for f in said["missing"]]
    lines += [] if said["missing"] else ["Nothing."]
    if said["not_yet_approved"]:
        lines += ["", f"Groups not yet approved: {', '.join(said['not_yet_approved'])}."]
    for section in said["sections"]:
        lines += ["", f"## {section['title']}"]
        for field in section["fields"]:
            lines += ["", f"### {field['number']} {field['title']}", "", field["text"]]
    lines += ["", "## Notice for a person who is scored", "", "\n\n".join(said["notice"])]
    lines += ["", "## Data protection impact assessment: figures", ""]
    lines += [*_table(said["dpia"]["figures"]), "", *_table(said["dpia"]["less_intrusive"]), ""]
    lines += [*_table(said["dpia"]["data"]), "", *_answers(said["dpia"]["answers"])]
    lines += ["## Equality impact assessment: figures", "", said["equality"]["summary"], ""]
    for attribute, rows in said["equality"]["tables"].items():
        lines += [f"### By {attribute.replace('_', ' ')}", "", *_table(rows), ""]
    lines += _answers(said["equality"]["answers"])
    lines += ["## Feature groups", "", *_table(said["register"]), ""]
    if said["changes"] is not None:
        lines += [f"## Changes since version {said['changes']['against']}", ""]
        lines += [*_table(said["changes"]["figures"]), "", *_table(said["changes"]["question"]), ""]
        for how, names in said["changes"]["groups"].items():
            lines += [f"Groups that {how}: {', '.join(names) or 'none'}.", ""]
        for field in said["changes"]["fields"]:
            lines += [f"- {field['number']} {field['title']} reads differently."]
        lines.append("")
    lines += ["## Model card", "", said["card"].replace("# ", "### ", 1).strip()]
    return "\n".join(lines) + "\n"


def _answers(rows: Sequence[Mapping[str, str]]) -> list[str]:
    return [line for row in rows for line in (f"**{row['title']}.** {row['text']}", "")]


def _table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not rows:
        return []
    head = list(rows[0])
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return lines + [
        "| " + " | ".join(str(row[key]).replace("|", "\\|") for key in head) + " |" for row in rows
    ]
