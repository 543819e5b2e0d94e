"""What people decided about pairs of person records, and who is therefore who on which date.

A file of decisions is a log: each row says what one reviewer decided about one pair on one day, and
the latest decision on a pair holds. Nothing follows from a chain: three records are one person only
when every pair of them was decided.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import combinations, groupby
from pathlib import Path

from features.breaches import Violation
from features.errors import NotFound, RecordsRefused
from features.spreadsheet import armed

SAME, DIFFERENT, UNSURE = "same", "different", "unsure"
COLUMNS = ("nominal_id_1", "nominal_id_2", "decision", "reviewer", "decided_on")
"""Columns a file of decisions must have; the evidence beside them is not read."""

Pair = tuple[str, str]


@dataclass(frozen=True)
class Decision:
    """What one reviewer decided about one pair of person records, and when.

    Examples
    --------
    >>> Decision(("N1", "N2"), "same", "P. Reviewer", date(2026, 1, 31), 1).pair
    ('N1', 'N2')
    """

    pair: Pair
    decision: str
    reviewer: str
    decided_on: date
    row: int


@dataclass(frozen=True)
class Spell:
    """As whom one person record counts, after one day and up to another; None where it is open.

    `group` holds all records that are one person in that time.
    """

    nominal_id: str
    from_on: date | None
    to_on: date | None
    now_id: str
    group: tuple[str, ...]


def read_decisions(
    file: Path, known: Mapping[str, date], *, today: date | None = None
) -> list[Decision]:
    """Read a file of decisions, or refuse it with everything that is wrong with it.

    Parameters
    ----------
    file : Path
        CSV with the columns :data:`COLUMNS`; a row without decision, reviewer and day is one that
        nobody has reviewed yet, and is passed over.
    known : mapping of nominal_id to date
        The day on which each person record of the load became known.
    today : date, optional
        The day after which everything is the future.

    Returns
    -------
    list of Decision
        In the order of the file.

    Raises
    ------
    NotFound
        Where there is no such file.
    RecordsRefused
        Where values are bad, ids unknown, decisions contradict each other, or records are joined
        in a chain of which not every pair was decided; all of it is listed.

    Examples
    --------
    >>> read_decisions(Path("nowhere.csv"), {})
    Traceback (most recent call last):
    ...
    features.errors.NotFound: nowhere.csv does not exist. Name the file that ...
    """
    rows = _rows(file)
    problems: list[Violation] = []
    made = []
    for number, row in rows:
        wrong = list(_wrong(file, number, row, known, today or date.today()))
        problems += wrong
        if not wrong:
            pair = sorted((row["nominal_id_1"], row["nominal_id_2"]))
            day = date.fromisoformat(row["decided_on"])
            made.append(Decision((pair[0], pair[1]), row["decision"], row["reviewer"], day, number))
    problems += _twice(file, made)
    problems += _chains(file, made)
    if problems:
        shown = "\n".join(str(problem) for problem in problems[:_TOLD])
        if len(problems) > _TOLD:
            shown += f"\nAnd {len(problems) - _TOLD:,} more."
        count = f"{len(problems)} problem{'s' * (len(problems) > 1)}"
        raise RecordsRefused(
            f"{file}: {count}, nothing was written:\n{shown.removesuffix('.')}",
            remedy="Correct the decisions.",
            violations=problems,
        )
    return made


def _rows(file: Path) -> list[tuple[int, dict[str, str]]]:
    """Return the rows that somebody reviewed, each with its number, counted from 1."""
    if not file.is_file():
        raise NotFound(
            f"{file} does not exist",
            remedy="Name the file that 'precursor link propose' wrote, with decisions filled in.",
        )
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            given = [
                (number, {name: armed((row.get(name) or "").strip()) for name in COLUMNS})
                for number, row in enumerate(reader, 1)
            ]
    except (UnicodeDecodeError, csv.Error) as error:
        raise RecordsRefused(
            f"{file} cannot be read: {error}", remedy="Save it as CSV in UTF-8."
        ) from error
    if missing:
        raise RecordsRefused(
            f"{file}: no column {', '.join(missing)}",
            remedy="Keep the columns of the proposal, separated by commas.",
        )
    for _, row in given:
        row["decision"] = row["decision"].lower()
    return [(n, row) for n, row in given if any(row[name] for name in COLUMNS[2:])]


def _wrong(
    file: Path, number: int, row: Mapping[str, str], known: Mapping[str, date], today: date
) -> Iterator[Violation]:
    """Return what is wrong with one row."""

    def wrong(column: str, rule: str, problem: str, remedy: str) -> Violation:
        return Violation(file.name, number, column, row[column], rule, problem, remedy)

    for column in COLUMNS:
        if not row[column]:
            yield wrong(column, "empty", "is empty", "Fill it in, or empty the whole decision.")
    ids = [row[column] for column in COLUMNS[:2]]
    for column in COLUMNS[:2]:
        if row[column] and row[column] not in known:
            yield wrong(column, "unknown", "is no person of these records", "Correct the id.")
    if ids[0] and ids[0] == ids[1]:
        yield wrong("nominal_id_2", "itself", "is the same record", "Name two records.")
    if row["decision"] and row["decision"] not in (SAME, DIFFERENT, UNSURE):
        values = f"is none of {SAME}, {DIFFERENT}, {UNSURE}"
        yield wrong("decision", "value", values, "Use one of these.")
    if not row["decided_on"]:
        return
    try:
        day = date.fromisoformat(row["decided_on"])
    except ValueError:
        yield wrong("decided_on", "wrong_type", "is no date", "Write it as 2026-01-31.")
        return
    if day > today:
        yield wrong("decided_on", "future", "lies in the future", "Correct the date.")
    later = max((one for one in ids if one in known), key=lambda one: known[one], default=None)
    if later is not None and day <= known[later]:
        problem = f"does not lie after {known[later]}, when '{later}' became known"
        yield wrong("decided_on", "before_known", problem, "Correct the date or the id.")


def _twice(file: Path, made: Iterable[Decision]) -> Iterator[Violation]:
    """Find pairs that were decided more than once on one day."""
    first: dict[tuple[Pair, date], Decision] = {}
    for one in made:
        before = first.setdefault((one.pair, one.decided_on), one)
        if before is not one:
            yield Violation(
                file.name,
                one.row,
                "decision",
                one.decision,
                "twice",
                f"was decided '{before.decision}' in row {before.row} on the same day",
                "Leave one of the two rows.",
            )


def _chains(file: Path, made: Iterable[Decision]) -> Iterator[Violation]:
    """Find records that are joined through others although their own pair was not decided so."""
    latest = {one.pair: one for one in sorted(made, key=lambda one: (one.decided_on, one.row))}
    same = {pair for pair, one in latest.items() if one.decision == SAME}
    for group in _components(same):
        apart = [pair for pair in combinations(group, 2) if pair not in same]
        told = [
            f"{one} and {other} ({latest[one, other].decision})"
            if (one, other) in latest
            else f"{one} and {other} (not decided)"
            for one, other in apart[:_PAIRS]
        ]
        if told:
            more = f" and {len(apart) - _PAIRS:,} more pairs" if len(apart) > _PAIRS else ""
            rows = [latest[pair].row for pair in same if pair[0] in group]
            yield Violation(
                file.name,
                min(rows),
                "decision",
                SAME,
                "chain",
                "joins records of which not every pair was decided to be the same:"
                f" {', '.join(told)}{more}",
                "Decide on each pair; nothing follows from a chain.",
            )


_PAIRS = 5
_TOLD = 100


def _components(pairs: Iterable[Pair]) -> list[tuple[str, ...]]:
    """Return the groups of ids that pairs hold together, each sorted."""
    near: dict[str, set[str]] = defaultdict(set)
    for one, other in pairs:
        near[one].add(other)
        near[other].add(one)
    groups, seen = [], set()
    for start in sorted(near):
        if start in seen:
            continue
        group, left = {start}, [start]
        while left:
            new = near[left.pop()] - group
            group |= new
            left += new
        seen |= group
        groups.append(tuple(sorted(group)))
    return groups


def spells(decisions: Iterable[Decision], known: Mapping[str, date]) -> list[Spell]:
    """Return as whom each person record counts over time, for all records ever joined to another.

    A group counts as one person from the day on which the last of its pairs was decided, under the
    id that was known first.

    Parameters
    ----------
    decisions : iterable of Decision
    known : mapping of nominal_id to date

    Returns
    -------
    list of Spell
        For each record one after the other, without gaps, from the beginning to the end of time.

    Examples
    --------
    >>> made = Decision(("N1", "N2"), "same", "P. Reviewer", date(2026, 1, 31), 1)
    >>> for spell in spells([made], {"N1": date(2020, 1, 1), "N2": date(2019, 1, 1)}):
    ...     print(spell.nominal_id, spell.from_on, spell.to_on, "counts as", spell.now_id)
    N1 None 2026-01-31 counts as N1
    N1 2026-01-31 None counts as N2
    N2 None 2026-01-31 counts as N2
    N2 2026-01-31 None counts as N2
    """
    same: set[Pair] = set()
    groups: dict[str, tuple[str, ...]] = {}
    steps: dict[str, list[tuple[date | None, tuple[str, ...]]]] = {}
    ordered = sorted(decisions, key=lambda one: (one.decided_on, one.pair))
    for day, todays in groupby(ordered, key=lambda one: one.decided_on):
        for one in todays:
            (same.add if one.decision == SAME else same.discard)(one.pair)
        now = dict(_settled(same, groups))
        for one_id in sorted({*groups, *now}):
            group = now.get(one_id, (one_id,))
            if group != groups.get(one_id, (one_id,)):
                steps.setdefault(one_id, [(None, (one_id,))]).append((day, group))
        groups = now
    return [
        Spell(
            one_id,
            began,
            taken[at + 1][0] if at + 1 < len(taken) else None,
            min(group, key=lambda member: (known[member], member)),
            group,
        )
        for one_id, taken in sorted(steps.items())
        for at, (began, group) in enumerate(taken)
    ]


def _settled(
    same: set[Pair], before: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Return each id's group, where all pairs of it are decided; else the group it still forms."""

    def whole(group: tuple[str, ...]) -> bool:
        return all(pair in same for pair in combinations(group, 2))

    for group in _components(same):
        complete = whole(group)
        for one_id in group:
            held = group if complete else before.get(one_id, ())
            if held and (complete or whole(held)):
                yield one_id, held
