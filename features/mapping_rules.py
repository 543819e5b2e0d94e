"""The rules about what a mapping says: its codes, its date formats, its choice of rows."""

from __future__ import annotations

from features.breaches import ERROR, WARNING, Rule

MAPPING_RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule(
            "unmapped_code",
            ERROR,
            "is none of the mapping's codes: {known}",
            "Add the code to the mapping, or state otherwise.",
        ),
        Rule(
            "no_such_date",
            ERROR,
            "is no such date as {known} describes",
            "Correct the date, or state the date_format of this column.",
        ),
        Rule(
            "only_finds_nothing",
            WARNING,
            "has none of the values asked for with only: {known}",
            "Correct the values, or leave the source out.",
        ),
        Rule(
            "unused_rows",
            WARNING,
            "has rows that no source of the mapping takes: {known}",
            "Add a source that takes them, if they are wanted.",
        ),
    )
}
"""All of them by name."""
