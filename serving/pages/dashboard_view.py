"""What a dashboard shows, apart from HTML: filters, sections and tables in words, and its file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup

from serving.pages.paging import Filter, links
from serving.safe_csv import written

WITHHELD = "Withheld"
"""Stands for a number under 10, and for one that would give such a number away."""


SUPPRESSED = (
    "Withheld: a number under 10, or one from which such a number could be worked out. Nought is"
    " shown as 0."
)


@dataclass(frozen=True)
class Cell:
    """One cell: what it says, and perhaps where it leads, tags, a band, a line more."""

    text: str
    href: str = ""
    tags: Sequence[tuple[str, str]] = ()
    band: str = ""
    note: str = ""
    number: int | float | None = None

    @property
    def plain(self) -> Any:
        """What a file says in its place: numbers stay numbers."""
        if self.number is not None:
            return self.number
        parts = [self.text, *(tag for tag, _ in self.tags), self.note]
        return "; ".join(part for part in parts if part)


def number(value: int | None, href: str = "") -> Cell:
    """Return a count; withheld where there is none to be shown.

    Examples
    --------
    >>> number(1284).text, number(None).text
    ('1,284', 'Withheld')
    """
    return Cell(WITHHELD if value is None else f"{value:,}", href, number=value)


@dataclass(frozen=True)
class Table:
    """A table: its name, its heads, and rows whose first cell is their head."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    people: bool = False
    strong: frozenset[int] = frozenset()
    sub: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Section:
    """A part of a dashboard under a heading of its own."""

    title: str
    table: Table | None = None
    lead: Sequence[str] = ()
    chart: Markup | None = None
    after: Sequence[str] = ()
    empty: str = ""


@dataclass(frozen=True)
class View:
    """One dashboard."""

    name: str
    title: str
    lead: Sequence[str]
    sections: Sequence[Section]
    filters: Sequence[Filter] = ()
    warnings: Sequence[str] = ()
    csv: bool = True
    back: tuple[str, str] | None = None
    page: int = 1
    pages: int = 1
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The address without what was chosen."""
        return f"/dashboards/{self.name}"

    @property
    def query(self) -> dict[str, str]:
        """What was chosen, as the address carries it."""
        chosen = {each.name: each.chosen for each in self.filters}
        return {name: value for name, value in {**chosen, **self.more}.items() if value}

    def href(self, page: int = 1, *, file: bool = False) -> str:
        """Return the address of a page, or of the file, with the same filters."""
        query = {**self.query, **({"page": str(page)} if page > 1 else {})}
        return f"{self.path}{'.csv' if file else ''}" + (f"?{urlencode(query)}" if query else "")

    @property
    def links(self) -> dict[str, Any] | None:
        """Links to the other pages, as GOV.UK's pagination takes them."""
        return links("Pages", self.page, self.pages, self.href)


def file(view: View, said: Sequence[str]) -> bytes:
    """Return a dashboard's tables as CSV: the same words and numbers as on its page.

    Parameters
    ----------
    said : sequence of str
        What the file must say of itself: marking, records, choice of filters.
    """
    return written(["Table", *_heads(view)], _lines(view, said))


def _heads(view: View) -> list[str]:
    found = [section.table for section in view.sections if section.table is not None]
    return _columns(found[0]) if len(found) == 1 else []


def _columns(table: Table) -> list[str]:
    """Return a table's heads as a file has them: where people live is a column of its own."""
    first, *rest = table.heads
    return [first, *(["Area"] if table.people else []), *rest]


def _lines(view: View, said: Sequence[str]) -> Iterator[Sequence[Any]]:
    tables = [section.table for section in view.sections if section.table is not None]
    for table in tables:
        if len(tables) > 1:
            yield [table.caption, *_columns(table)]
        for first, *rest in table.rows:
            own = [first.text, first.note] if table.people else [first.plain]
            yield [table.caption, *own, *(cell.plain for cell in rest)]
    for line in said:
        yield ["Note", line]
