"""What is true of a simulated force and stands in no record, in files of its own, for tests alone.

A folder of truth holds ``truth.parquet`` (the people's traits), ``risk.parquet`` (each person's
true probability of a high-harm offence, by as-of date and horizon), ``interventions.parquet`` (who
was under what, from when to when, and its true effect) and ``manifest.json``, written last.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.errors import Conflict, PrecursorError, UsageError
from features.loads import Load
from features.question import SplitRule
from features.spine import walk_back
from features.synthetic import parameters as p
from features.synthetic.columns import NEVER, Array, Columns, happened, stack, take
from features.synthetic.dynamics import Offending
from features.synthetic.states import States
from features.synthetic.switches import Switches
from features.synthetic.timeline import Timeline
from features.synthetic.traits import People
from features.synthetic.truth_replay import LAG_DAYS, REPLAYS, RiskWitness

HORIZONS = (365,)
"""Days ahead, as the questions that come with Precursor ask; others cost a replay each."""
PEOPLE, RISK, INTERVENTIONS, MANIFEST = (
    "truth.parquet",
    "risk.parquet",
    "interventions.parquet",
    "manifest.json",
)
_EARLIEST = timedelta(days=365)
_MEANING = {
    "true": "chance of at least one high-harm offence in the horizon, recorded or not",
    "recorded": "chance of being named as suspect of one, before horizon and lag are over",
    "half": "the same from the first half of the replays alone, to tell its error by",
}


def quarters(
    timeline: Timeline, horizons: Sequence[int] = HORIZONS, *, judged: bool = True
) -> dict[date, list[int]]:
    """Return the as-of dates on which questions are judged, and the horizons asked for there.

    For each horizon the dates go back by quarters from the last one whose label is mature. The
    newest of them are a question's test part, on which alone a model is held against the truth. The
    day after the records end, on which lists are made, has all horizons.

    Parameters
    ----------
    timeline : Timeline
    horizons : sequence of int
        Days ahead.
    judged : bool
        The test part only; else the dates that questions learn from as well.

    Examples
    --------
    >>> timeline = Timeline.of(years=2, data_to=date(2026, 1, 31))
    >>> [day.isoformat() for day in quarters(timeline)]
    ['2024-08-02', '2026-02-01']
    >>> len(quarters(timeline, judged=False))
    7
    """
    tomorrow = timeline.data_to + timedelta(days=1)
    found: dict[date, list[int]] = {}
    for horizon in horizons:
        last = tomorrow - timedelta(days=horizon + LAG_DAYS)
        at = walk_back(last, _first(timeline), 3)
        tests = ceil(len(at) * SplitRule().test_share) if judged else len(at)
        for day in at[len(at) - tests :]:
            found.setdefault(day, []).append(horizon)
    found[tomorrow] = list(horizons)
    return dict(sorted(found.items()))


def _first(timeline: Timeline) -> date:
    return timeline.start + _EARLIEST


class Truth:
    """The folder in which the truth of a world is written.

    Parameters
    ----------
    folder : Path
    out : Path
        The folder of the records, which it must not lie in.
    timeline : Timeline
    switches : Switches
    asked : mapping of date to sequence of int, optional
        Horizons by as-of date; those of :func:`quarters` by default, the test part's.
    replays : int
        Futures for each label, date and person.
    """

    def __init__(
        self,
        folder: Path,
        out: Path,
        timeline: Timeline,
        switches: Switches,
        *,
        asked: Mapping[date, Sequence[int]] | None = None,
        replays: int = REPLAYS,
    ) -> None:
        self._folder, self._timeline, self._switches = folder, timeline, switches
        self._asked = quarters(timeline) if asked is None else dict(asked)
        self._replays = replays
        self._writers: dict[str, pq.ParquetWriter] = {}
        if replays < 2 or replays % 2:
            raise UsageError(
                f"replays is {replays}, not an even number from 2 on",
                remedy="Half of them are held against the other half, to tell their error.",
            )
        _refuse_unasked(self._asked, timeline)
        _refuse(folder, out)

    def witness(self, seed: int) -> RiskWitness:
        """Return who is to see a world of this seed go by, and works out its risks."""
        return RiskWitness(self._timeline, self._switches, self._asked, seed, replays=self._replays)

    def add(
        self,
        people: People,
        states: States,
        offending: Offending,
        witness: RiskWitness,
        ids: pa.Array,
    ) -> None:
        """Write what is true of some people.

        Parameters
        ----------
        ids : pyarrow.Array of str
            Their nominal ids, by their positions; null for those in no record.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        for name, table in (
            (PEOPLE, _people(people, states, self._timeline, ids)),
            (RISK, _risk(witness.found, self._timeline, ids)),
            (INTERVENTIONS, _interventions(offending, self._switches, self._timeline, ids)),
        ):
            if name not in self._writers:
                self._writers[name] = pq.ParquetWriter(self._folder / name, table.schema)
            self._writers[name].write_table(table)

    def finish(self, load: Load, seed: int, **arguments: Any) -> None:
        """Close the files and write the manifest, which says that they are whole."""
        for writer in self._writers.values():
            writer.close()
        manifest = {
            "synthetic": True,
            "words": "The truth of simulated records, for tests of method: nobody in it exists, and"
            " no figure from it says how well anything works on people.",
            "load": load.fingerprint,
            "seed": seed,
            **arguments,
            "data_to": self._timeline.data_to.isoformat(),
            "switches": asdict(self._switches),
            "in_force": self._switches.told(),
            "outcome": "high_harm",
            "lag_days": LAG_DAYS,
            "replays": self._replays,
            "asked": {at.isoformat(): list(of) for at, of in self._asked.items()},
            "risk": _MEANING,
        }
        text = json.dumps(manifest, indent=1, sort_keys=True)
        (self._folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def _refuse_unasked(asked: Mapping[date, Sequence[int]], timeline: Timeline) -> None:
    after = timeline.data_to + timedelta(days=1)
    wrong = [
        f"{at} with {list(horizons)}"
        for at, horizons in asked.items()
        if not (timeline.start <= at <= after and horizons and min(horizons) >= 1)
    ]
    if wrong or not asked:
        raise UsageError(
            f"no true risk can be worked out as of {', '.join(wrong) or 'no date at all'}",
            remedy=f"Give dates from {timeline.start} to {after}, with horizons of a day or more.",
        )


def _refuse(folder: Path, out: Path) -> None:
    if out.resolve() in (folder.resolve(), *folder.resolve().parents):
        raise PrecursorError(
            f"the truth folder {folder} lies inside {out}",
            remedy="Name a folder elsewhere: what is true must never lie beside the records.",
            field="truth",
        )
    there = [
        str(folder / name)
        for name in (PEOPLE, RISK, INTERVENTIONS, MANIFEST)
        if (folder / name).exists()
    ]
    if there:
        raise Conflict(
            f"{', '.join(there)}: there already, and left alone", remedy="Name another folder."
        )


def _days(days: Array, timeline: Timeline) -> pa.Array:
    start = np.datetime64(timeline.start)
    shown = np.where(happened(days), days, 0)
    return pa.array((start + shown).astype("datetime64[D]"), mask=~happened(days))


def _people(people: People, states: States, timeline: Timeline, ids: pa.Array) -> pa.Table:
    """Return what is true of the latent people who are in the records."""
    own = ids.slice(0, len(people))
    seen = pc.array_sort_indices(own).to_numpy()[: len(own) - own.null_count]
    stays = states.exit_day[seen] > timeline.last_day
    return pa.table(
        {
            "nominal_id": own.take(seen),
            "common": people.common[seen],
            **{f"trait_{group}": people.traits[seen, g] for g, group in enumerate(p.GROUPS)},
            "severity": people.severity[seen],
            "motive": np.array(p.MOTIVES)[people.motive[seen]],
            "born_on": _days(people.born[seen], timeline),
            "exit_on": _days(np.where(stays, NEVER, states.exit_day[seen]), timeline),
        }
    )


def _seen(ids: pa.Array, person: Array) -> Array:
    return np.asarray(ids.is_valid().to_numpy(zero_copy_only=False)[person])


def _risk(found: Sequence[Columns], timeline: Timeline, ids: pa.Array) -> pa.Table:
    names = ("person", "day", "horizon", "true", "recorded", "half")
    table = stack([dict.fromkeys(names, np.zeros(0)), *found])
    person = table["person"].astype(np.int64)
    table = take(table, _seen(ids, person))
    return pa.table(
        {
            "nominal_id": ids.take(table["person"].astype(np.int64)),
            "as_of_date": _days(table["day"].astype(np.int64), timeline),
            "horizon_days": table["horizon"].astype(np.int16),
            **{name: table[name].astype(np.float32) for name in ("true", "recorded", "half")},
        }
    )


def _interventions(
    offending: Offending, switches: Switches, timeline: Timeline, ids: pa.Array
) -> pa.Table:
    """Return who was under what, from when to when, and the rate ratio while it lasted."""
    orders, programmes, events = offending.orders, offending.programmes, offending.events
    easi, bailed = programmes["stalking"], events["conditions"] == 1
    spells = [
        ("order", orders["person"], orders["made"], orders["to"]),
        *(
            (name, *(programmes[column][rows] for column in ("person", "started", "ended")))
            for name, rows in (("programme", ~easi), ("easi", easi))
        ),
        ("bail", *(events[column][bailed] for column in ("person", "disposed", "bail_to"))),
        ("iom", *_managed(offending.management)),
    ]
    person = np.concatenate([spell[1] for spell in spells]).astype(np.int64)
    kind = np.repeat([spell[0] for spell in spells], [len(spell[1]) for spell in spells])
    ratio = np.array([switches.effect(name) for name in kind])
    seen = _seen(ids, person)
    first, last = (np.concatenate([spell[place] for spell in spells]) for place in (2, 3))
    return pa.table(
        {
            "nominal_id": ids.take(person[seen]),
            "intervention": pa.array(kind[seen], pa.string()),
            "from_on": _days(first[seen].astype(np.int64), timeline),
            "until": _days(last[seen].astype(np.int64), timeline),
            "ratio": ratio[seen].astype(np.float64),
        }
    )


def _managed(changes: Columns) -> tuple[Array, Array, Array]:
    """Return person, first and last day of each spell of offender management; the last may last."""
    order = np.lexsort((changes["day"], changes["person"]))
    person, day, opened = (changes[name][order] for name in ("person", "day", "opened"))
    at = np.flatnonzero(opened)
    after = np.minimum(at + 1, len(day) - 1)
    closed = (person[after] == person[at]) & ~opened[after]
    return person[at], day[at], np.where(closed, day[after], NEVER)
