"""Lines of the lists for managers: what is in force for a person, in words."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from serving.pages import words
from serving.pages.dashboard_view import Cell
from serving.pages.desk import on
from serving.pages.standing import order_words

Row = Sequence[Cell]
"""Cells of one line, who it is and the score aside."""


def order_line(row: pd.Series) -> Row:
    """Return the cells of an order: kind, made, ends, breaches."""
    ends = Cell("No end date recorded: check")
    if not pd.isna(row["days_left"]):
        days = words.count(int(row["days_left"]), "day", "days")
        ends = Cell(on(row["until"]), note=f"{days} left")
    return (Cell(order_words(row["kind"])), Cell(on(row["since"])), ends, _breaches(row))


def bail_line(row: pd.Series) -> Row:
    """Return the cells of bail: conditions, granted, days, breaches."""
    said = {"yes": "With conditions", "no": "Without conditions: review"}
    conditions = said.get(row["conditions"], "Not recorded")
    return (Cell(conditions), Cell(on(row["since"])), _days(row), _breaches(row))


def rui_line(row: pd.Series) -> Row:
    """Return the cells of a release under investigation: when, days."""
    return (Cell(on(row["since"])), _days(row))


def unprotected_line(row: pd.Series) -> Row:
    """Return the cells of what little is in force for somebody with a high score."""
    tags = [("Bail, no conditions on record", "bail")] if row["bail_without"] else []
    tags += [("Released under investigation", "bail")] if row["rui"] else []
    return (Cell("" if tags else "None recorded", tags=tags),)


def _days(row: pd.Series) -> Cell:
    if pd.isna(row["days"]):
        return Cell("Not known")
    return Cell(f"{int(row['days']):,}", number=int(row["days"]))


def _breaches(row: pd.Series) -> Cell:
    return Cell(str(int(row["breaches"])) if row["breaches"] else "None recorded")
