"""What changed between two releases of a question's model, from their records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.record_facts import interval

Changes = dict[str, Any]


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Changes:
    """Return what differs between two records, figures first.

    Parameters
    ----------
    before, now : mapping
        As `training.record.record` returns them.

    Returns
    -------
    dict
        `against` (version), `figures`, `groups` that entered and left, `question` entries and
        `fields` whose text is another.
    """
    old, new = before["figures"], now["figures"]
    figures = [
        {
            "what": metric.replace("_", " "),
            "before": _shown(old, metric),
            "now": _shown(new, metric),
        }
        for metric in {**old["metrics"], **new["metrics"]}
    ]
    for key in ("rows", "people", "positives", "trees", "data_to"):
        figures.append({"what": key.replace("_", " "), "before": old[key], "now": new[key]})
    asked = [
        {"what": key, "before": old["question"].get(key), "now": new["question"].get(key)}
        for key in sorted({*old["question"], *new["question"]})
        if old["question"].get(key) != new["question"].get(key)
    ]
    texts, was = _texts(now), _texts(before)
    return {
        "against": before["version"],
        "figures": [row for row in figures if row["before"] != row["now"]],
        "groups": {
            "entered": sorted(set(new["groups"]) - set(old["groups"])),
            "left": sorted(set(old["groups"]) - set(new["groups"])),
        },
        "question": asked,
        "fields": [
            {"number": number, "title": title, "before": was.get((number, title), ""), "now": text}
            for (number, title), text in texts.items()
            if was.get((number, title)) != text
        ],
    }


def _shown(figures: Mapping[str, Any], metric: str) -> str:
    found = figures["metrics"].get(metric)
    return "not told" if found is None else interval(found)


def _texts(said: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    return {
        (field["number"], field["title"]): field["text"]
        for section in said["sections"]
        for field in section["fields"]
    }


def in_words(found: Changes) -> str:
    """Return the changes as lines to print.

    Examples
    --------
    >>> print(in_words({"against": 2, "figures": [{"what": "trees", "before": 90, "now": 120}],
    ...     "groups": {"entered": ["bail"], "left": []}, "question": [], "fields": []}))
    Against version 2:
      trees: 90, now 120
      groups in use: entered bail
      0 fields of the record read differently
    """
    lines = [f"Against version {found['against']}:"]
    lines += [
        f"  {row['what'].replace('_', ' ')}: {row['before']}, now {row['now']}"
        for row in [*found["figures"], *found["question"]]
    ]
    moved = [f"{how} {', '.join(names)}" for how, names in found["groups"].items() if names]
    if moved:
        lines.append(f"  groups in use: {'; '.join(moved)}")
    return "\n".join([*lines, f"  {len(found['fields'])} fields of the record read differently"])
