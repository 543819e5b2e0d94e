"""What a feature author writes: a source, what to measure, over which windows, in which words.

A declaration has no place for a time filter, a join or a query: the compiler (`features.history`)
supplies those once for all features.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from features.errors import PrecursorError

EVER: None = None
"""The window without an end: everything that was known."""

BUCKETS = (30, 90, 180, 365, 730)
"""Upper ends, in days of age, of the disjoint buckets whose unions are the windows."""

DECAY_ONE = 65_536
HALF_LIFE = 365
"""An event of today weighs `DECAY_ONE`, half of it after `HALF_LIFE` days, all integers."""

LONGEST_NAME = 63  # bytes; PostgreSQL cuts longer names off without a word

Window = int | None


def days(number: int) -> int:
    """Return a window of so many days; windows unite fixed buckets, so only those exist.

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


def window_words(window: Window) -> str:
    """Return a window as it stands in a sentence.

    Examples
    --------
    >>> window_words(90), window_words(EVER)
    ('in the last 90 days', 'on record')
    """
    return "on record" if window is None else f"in the last {window} days"


@dataclass(frozen=True)
class Measure:
    """What is taken of the records that fall into a window: a number of them, a sum, a recency.

    `kind` is one of count, sum, max, distinct, decayed (windowed, integers), recency, first, gap,
    variety (over all that is known), or years (of age). `amount` names what is summed.
    """

    kind: str
    amount: str = ""

    @property
    def nullable(self) -> bool:
        """Whether the measure is empty where there is no record (counts and sums are 0 instead)."""
        return self.kind in ("max", "recency", "first", "gap", "variety", "age", "onset")


COUNT = Measure("count")
DISTINCT = Measure("distinct")
RECENCY = Measure("recency")
FIRST = Measure("first")
GAP = Measure("gap")
VARIETY = Measure("variety")
AGE = Measure("age")
ONSET = Measure("onset")


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
        The phrase a reader sees. ``{value}`` is the value with its unit, ``{of}`` the mark in
        words, ``{window}`` the window in words.
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
        timeless = self.measure.kind in ("recency", "first", "gap", "variety", "age", "onset")
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
                            "{window}", window_words(window)
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


MARK_WORDS = {
    "": "",
    "order_breach": " of breach of an order",
    "high_harm": " of high harm",
    "indictable": " of indictable offences",
    "former_partner": " by a former partner",
    "partner": " by a partner",
    "domestic": " of domestic abuse",
    "child_present": " with a child present",
    "sexual": " of sexual offences",
    "weapon": " with a weapon mentioned",
    "weapons": " of weapon possession",
    "separation": " during a separation",
    "online": " of online offences",
    "damage": " of criminal damage",
    "injury": " of violence with injury",
    "high": " graded high",
    "medium": " graded medium",
    "bailed": " on bail",
    "released_under_investigation": " under investigation",
    "no_further_action": " without further action",
}


def mark_words(mark: str) -> str:
    """Return marks as they stand in a sentence.

    Examples
    --------
    >>> mark_words("stalking"), mark_words("domestic+violence")
    (' of stalking', ' of domestic abuse and of violence')
    """
    return " and".join(
        MARK_WORDS.get(part, f" of {part.replace('_', ' ')}") for part in mark.split("+")
    )


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

        Examples
        --------
        >>> FeatureColumn("age", "age", "aged {value}", ("year", "years"), "person", (), None,
        ...               "age", "", True).phrase(31.4)
        'aged 31 years'
        """
        shown = value / 100 if self.amount == "harm" else value
        shown = round(shown / DECAY_ONE, 1) if self.measure == "decayed" else shown
        if self.measure in ("age", "onset"):
            shown = int(shown)
        number = f"{shown:,.2f}".rstrip("0").rstrip(".")
        unit = self.unit[0] if number == "1" else self.unit[1]
        return self.words.replace("{value}", f"{number} {unit}".rstrip())


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

    @property
    def names(self) -> list[str]:
        """The column names in order."""
        return [column.name for column in self.columns]

    @property
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
        return next(column for column in self.columns if column.name == name)

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
        """Return the set that :meth:`to_data` described."""
        columns = tuple(
            FeatureColumn(**{**column, "unit": tuple(column["unit"]), "of": tuple(column["of"])})
            for column in data["columns"]
        )
        return cls(columns, dict(data["definitions"]))


def _listed(column: dict[str, Any]) -> dict[str, Any]:
    return {key: list(v) if isinstance(v, tuple) else v for key, v in column.items()}
