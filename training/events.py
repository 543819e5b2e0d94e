"""Dated events that are known to have changed offending or its recording, each with its source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from features.errors import PrecursorError, UsageError
from features.yaml_file import faults, read_yaml

OTHER, COUNTING_RULE = "event", "counting rule"


@dataclass(frozen=True)
class Event:
    """Something dated that is known to have changed offending or its recording.

    Attributes
    ----------
    name : str
    first, last : date
    kind : str
        ``counting rule`` where what counts as a crime changed, else ``event``.
    source : str
        Where it can be looked up; empty where nobody said.
    """

    name: str
    first: date
    last: date
    kind: str = OTHER
    source: str = ""

    def to_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "name": self.name,
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "kind": self.kind,
            "source": self.source,
        }

    @property
    def words(self) -> str:
        """The event with its days, as a report names it.

        Examples
        --------
        >>> Event("new rule", date(2023, 6, 1), date(2023, 6, 1), COUNTING_RULE).words
        '2023-06-01: new rule (counting rule)'
        """
        last = "" if self.first == self.last else f" to {self.last.isoformat()}"
        kind = f" ({self.kind})" if self.kind != OTHER else ""
        return f"{self.first.isoformat()}{last}: {self.name}{kind}"


def between(events: Sequence[Event], first: date, last: date) -> tuple[Event, ...]:
    """Return the events that lie, in part at least, between two days.

    Examples
    --------
    >>> [e.name for e in between(read_events(), date(2023, 1, 1), date(2024, 1, 1))]
    ['counting rule for stalking and harassment beside graver crimes']
    """
    return tuple(event for event in events if event.last >= first and event.first <= last)


class _Event(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    first: date
    last: date | None = None
    kind: Literal["event", "counting rule"] = "event"
    source: str = ""


def read_events(path: Path | None = None) -> list[Event]:
    """Return the known events that come with Precursor, and those of a force's own file.

    Raises
    ------
    UsageError
        Where the file cannot be read.
    PrecursorError
        Where entries are wrong; all of them are listed.

    Examples
    --------
    >>> [event.name for event in read_events()][-1][:13]
    'counting rule'
    """
    own = Path(str(files("training").joinpath("known_events.yaml")))
    return [event for file in (own, path) if file is not None for event in _read(file)]


def _read(path: Path) -> list[Event]:
    entries = read_yaml(path, "events")
    if not isinstance(entries, list):
        raise UsageError(
            f"{path}: events are a list, not {type(entries).__name__}",
            remedy="Begin each entry with '- name: ...'.",
            field="events",
        )
    found, found_wrong = [], []
    for number, entry in enumerate(entries, start=1):
        try:
            event = _Event.model_validate(entry)
        except ValidationError as wrong:
            found_wrong += [f"entry {number}: {fault}" for fault in faults(wrong)]
            continue
        last = event.last or event.first
        if last < event.first:
            found_wrong.append(f"entry {number}: ends on {last}, before it begins on {event.first}")
        found.append(Event(event.name, event.first, last, event.kind, event.source))
    if found_wrong:
        raise PrecursorError(
            f"{path.name}: {'; '.join(found_wrong)}", remedy="Mend these entries.", field="events"
        )
    return found
