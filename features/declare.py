"""What a feature author writes: a source, what to measure, over which windows, in which words.

A declaration has no place for a time filter, a join or a query: the compiler (`features.history`)
supplies those once for all features.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from features.adult import told_years
from features.errors import PrecursorError
from features.register import require_allowed
from features.wording import compared_words, mark_words, window_words

EVER: None = None
"""The window without an end: everything that was known."""

BUCKETS = (30, 90, 180, 365, 730)
"""The windows there are, in days; few, so that columns stay comparable from group to group."""

DECAY_ONE = 65_536
HALF_LIFE = 365
"""An event of today weighs `DECAY_ONE`, half of it after `HALF_LIFE` days, all integers."""

LONGEST_NAME = 63  # bytes; PostgreSQL cuts longer names off without a word

Window = int | None


def days(number: int) -> int:
    """Return a window of so many days, one of `BUCKETS`.

    Examples
    --------
    >>> days(90)
    90
    """
    if number not in BUCKETS:
        raise PrecursorError(
            f"catalogue: window days({number}) is not one of {', '.join(map(str, BUCKETS))}",
            remedy="Use one of these, or EVER; a new length is added to BUCKETS.",
        )
    return number


@dataclass(frozen=True)
class Measure:
    """What is taken of the records that fall into a window: a number of them, a sum, a recency.

    Parameters
    ----------
    kind : str
        - ``count``, ``sum``, ``max`` (of an amount) in a window;
        - ``distinct``: different other persons met in a window, ``repeated``: those met in at
          least two events of it;
        - ``decayed``: an amount of all dated events, each halved for every year since;
        - ``recency``, ``first``: days since the most recent and the first dated event; ``gap``:
          mean days between dated events; ``variety``: entropy of the kinds on record;
        - ``age`` and ``onset``: age in years, and at the first dated event;
        - ``change``: events in a window, less those in the window of equal length before it;
        - ``at_liberty``: days of a window neither in prison nor on remand;
        - ``standing``: episodes begun and not ended; ``run``: events alike since the last that was
          different.
    amount : str
        What is summed; for ``standing`` the mark of an ended episode (in place of the first mark
        that the feature asks for), for ``run`` the mark that all events of the series carry.

    Examples
    --------
    >>> Measure("sum", "harm").nullable, Measure("max", "harm").nullable
    (False, True)
    """

    kind: str
    amount: str = ""

    @property
    def nullable(self) -> bool:
        """Whether the measure is empty where there is no record (counts and sums are 0 instead)."""
        return self.kind in NULLABLE


COUNT = Measure("count")
DISTINCT = Measure("distinct")
RECENCY = Measure("recency")
FIRST = Measure("first")
GAP = Measure("gap")
VARIETY = Measure("variety")
AGE = Measure("age")
ONSET = Measure("onset")
REPEATED = Measure("repeated")
CHANGE = Measure("change")
AT_LIBERTY = Measure("at_liberty")

NULLABLE = frozenset({"max", "recency", "first", "gap", "variety", "age", "onset"})
"""Measures that are empty where there is no record; counts and sums are 0 instead."""

TIMELESS = NULLABLE - {"max"} | {"standing", "run"}
"""Measures over all that is on record: they take no window, and their names carry none."""

MEASURES = (
    NULLABLE
    | TIMELESS
    | {"count", "sum", "distinct", "repeated", "decayed", "change", "at_liberty"}
)
"""Every measure there is."""


@dataclass(frozen=True)
class Feature:
    """One declaration of the catalogue; it yields a column for each mark and window.

    Parameters
    ----------
    source : str
        A source of `features.sources`.
    measure : Measure
    group : str
        Feature group; it must stand in the register with a reason.
    of : sequence of str
        Marks: one column (or set of windows) for each; ``""`` means all records of the source, and
        ``"domestic+violence"`` records that carry both marks.
    windows : sequence of int or None
    words : str
        The phrase a reader sees. ``{value}`` is the value with its unit (of a change "2 more
        reports"), ``{of}`` the mark in words, ``{window}`` the window in words (of a change the
        two windows that are compared).
    unit : tuple of str
        Singular and plural.

    Examples
    --------
    >>> reports = Feature("suspected", COUNT, group="reports", of=("", "violence"),
    ...                   windows=(days(90), EVER), unit=("report", "reports"),
    ...                   words="{value}{of} naming this person as suspect {window} (not proven)")
    >>> [column.name for column in reports.columns()]
    ['suspected_n_90d', 'suspected_n_ever', 'suspected_violence_n_90d', 'suspected_violence_n_ever']
    >>> reports.columns()[2].phrase(2)
    '2 reports of violence naming this person as suspect in the last 90 days (not proven)'
    """

    source: str
    measure: Measure
    group: str
    words: str
    unit: tuple[str, str]
    of: Sequence[str] = ("",)
    windows: Sequence[Window] = (EVER,)

    def columns(self) -> list[FeatureColumn]:
        """Return the columns that this declaration yields, marks first, windows within."""
        short = {"count": "n", "distinct": "distinct", "sum": f"{self.measure.amount}_sum"}
        short |= {"max": f"{self.measure.amount}_max", "decayed": f"{self.measure.amount}_decayed"}
        measured = short.get(self.measure.kind, self.measure.kind)
        timeless = self.measure.kind in TIMELESS
        said_window = compared_words if self.measure.kind == "change" else window_words
        found = []
        for mark in self.of:
            for window in self.windows:
                ending = "" if timeless else f"_{'ever' if window is None else f'{window}d'}"
                middle = f"_{mark.replace('+', '_')}" if mark else ""
                found.append(
                    FeatureColumn(
                        name=f"{self.source}{middle}_{measured}{ending}",
                        group=self.group,
                        words=self.words.replace("{of}", mark_words(mark)).replace(
                            "{window}", said_window(window)
                        ),
                        unit=self.unit,
                        source=self.source,
                        of=tuple(mark.split("+")) if mark else (),
                        window=window,
                        measure=self.measure.kind,
                        amount=self.measure.amount,
                        nullable=self.measure.nullable,
                    )
                )
        return found


@dataclass(frozen=True)
class FeatureColumn:
    """One column of a matrix: its name, group, words, and what it was computed from."""

    name: str
    group: str
    words: str
    unit: tuple[str, str]
    source: str
    of: tuple[str, ...]
    window: Window
    measure: str
    amount: str
    nullable: bool

    def phrase(self, value: float) -> str:
        """Return the column's value in words, for one person.

        Harm is stored in hundredths of a day, decayed sums in units of `DECAY_ONE`; shown are days.

        See Also
        --------
        FeatureColumn.figure : The value alone.

        Examples
        --------
        >>> FeatureColumn("age", "age", "aged {value}", ("year", "years"), "person", (), None,
        ...               "age", "", True).phrase(31.4)
        'aged 31 years'
        >>> change = Feature("custody", CHANGE, "arrests", "{value} {window}", windows=(days(90),),
        ...                  unit=("arrest", "arrests")).columns()[0]
        >>> change.phrase(-1)
        '1 fewer arrest in the last 90 days than in the 90 days before'
        """
        return self.words.replace("{value}", self.figure(value))

    def figure(self, value: float) -> str:
        """Return the column's value alone, with its unit.

        Examples
        --------
        >>> count = Feature("custody", COUNT, "arrests", "{value} on record", ("arrest", "arrests"))
        >>> count.columns()[0].figure(2)
        '2 arrests'
        """
        shown = value / 100 if self.amount == "harm" else value
        shown = round(shown / DECAY_ONE, 1) if self.measure == "decayed" else shown
        if self.measure in ("age", "onset"):
            shown = told_years(shown)
        fewer = self.measure == "change" and shown < 0
        number = f"{abs(shown) if fewer else shown:,.2f}".rstrip("0").rstrip(".")
        unit = self.unit[0] if number == "1" else self.unit[1]
        if self.measure == "change":
            number += " fewer" if fewer else " more"
        return f"{number} {unit}".rstrip()

    @property
    def silent(self) -> float:
        """The value of somebody of whom nothing is on record; it is told to nobody as a reason.

        Examples
        --------
        >>> free = Feature("imprisonment", AT_LIBERTY, "imprisonment", "{value}", ("day", "days"),
        ...                windows=(days(365),)).columns()[0]
        >>> free.name, free.silent
        ('imprisonment_at_liberty_365d', 365)
        """
        return self.window or 0 if self.measure == "at_liberty" else 0


@dataclass(frozen=True)
class FeatureSet:
    """The ordered columns of a matrix, with one fingerprint for all that defines them.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from features.catalogue import catalogue
    >>> small = catalogue().subset(["person_age", "suspected_n_365d"])
    >>> FeatureSet.from_data(small.to_data()) == small
    True
    >>> reworded = tuple(replace(column, words="{value}") for column in small.columns)
    >>> FeatureSet(reworded, small.definitions).fingerprint == small.fingerprint
    True
    """

    columns: tuple[FeatureColumn, ...]
    definitions: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        twice = sorted({name for name in names if names.count(name) > 1})
        long = [name for name in names if len(name.encode()) > LONGEST_NAME]
        if twice or long:
            raise PrecursorError(
                f"catalogue: columns named twice: {twice}; longer than 63 bytes: {long}",
                remedy="Give each column a short name of its own.",
            )

    @cached_property
    def names(self) -> list[str]:
        """The column names in order."""
        return [column.name for column in self.columns]

    @cached_property
    def _by_name(self) -> Mapping[str, FeatureColumn]:
        return {column.name: column for column in self.columns}

    @cached_property
    def groups(self) -> list[str]:
        """The feature groups in order of first appearance."""
        return list(dict.fromkeys(column.group for column in self.columns))

    @property
    def fingerprint(self) -> str:
        """SHA-256 over everything that defines the columns' values; a model is bound to it.

        Words and units are left out: a mended sentence changes no score, and a model keeps the
        words it was trained with in its manifest.
        """
        data = self.to_data()
        for column in data["columns"]:
            del column["words"], column["unit"]
        text = json.dumps(data, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def __getitem__(self, name: str) -> FeatureColumn:
        try:
            return self._by_name[name]
        except KeyError:
            raise KeyError(f"feature set: there is no column '{name}'") from None

    def subset(
        self, names: Sequence[str] | None = None, *, groups: Sequence[str] | None = None
    ) -> FeatureSet:
        """Return the set with only these columns (by name, or by group), in this one's order."""
        wanted = set(self.names if names is None else names)
        missing = sorted(wanted - set(self.names)) + sorted(set(groups or ()) - set(self.groups))
        if missing:
            raise PrecursorError(
                f"feature set: no such column or group: {', '.join(missing)}",
                remedy=f"Groups are: {', '.join(self.groups)}.",
            )
        kept = tuple(
            column
            for column in self.columns
            if column.name in wanted and (groups is None or column.group in groups)
        )
        return FeatureSet(kept, self.definitions)

    def to_data(self) -> dict[str, Any]:
        """Return the set as plain data, as a model's manifest carries it."""
        return {
            "columns": [_listed(asdict(column)) for column in self.columns],
            "definitions": dict(self.definitions),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> FeatureSet:
        """Return the set that :meth:`to_data` described, as matrices and models carry it.

        Raises
        ------
        PrecursorError
            Where a column is made from records that are context only, or its group is not in the
            register: whatever a manifest says, it brings no such column into a matrix or a model.
        """
        columns = tuple(
            FeatureColumn(**{**column, "unit": tuple(column["unit"]), "of": tuple(column["of"])})
            for column in data["columns"]
        )
        require_allowed(columns)
        return cls(columns, dict(data["definitions"]))


def _listed(column: dict[str, Any]) -> dict[str, Any]:
    return {key: list(v) if isinstance(v, tuple) else v for key, v in column.items()}
