"""A whole simulated force: people, what they do, what is recorded of it, and the truth apart."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import Conflict, PrecursorError, UsageError
from features.loads import Load, write_load
from features.synthetic import parameters as p
from features.synthetic.cases import Cases, open_cases
from features.synthetic.columns import Array, Columns
from features.synthetic.court_records import imprisonment_records, outcome_records
from features.synthetic.crime_records import involvement_records, offence_records
from features.synthetic.custody_records import bail_records, custody_records, wanted_records
from features.synthetic.dynamics import Offending, simulate
from features.synthetic.nominal_records import known_by, nominal_records
from features.synthetic.publish import identifiers, publish
from features.synthetic.safeguarding_records import (
    assessment_records,
    management_records,
    order_records,
    programme_records,
)
from features.synthetic.states import States, draw_states
from features.synthetic.streams import Streams
from features.synthetic.switches import Switches
from features.synthetic.timeline import Timeline
from features.synthetic.traits import People, draw_people

DATA_TO = date(2026, 1, 31)
# Share of the latent people who are named as suspects, by years; fitted, and lower by a fiftieth.
_YEARS = (1, 2, 3, 4, 6, 8, 10, 20)
_NAMED = (0.358, 0.421, 0.473, 0.502, 0.545, 0.566, 0.585, 0.590)


def synthesise(
    out: str | Path,
    *,
    nominals: int = 20_000,
    years: int = 6,
    seed: int = 1,
    truth: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    switches: Switches | None = None,
    data_to: date = DATA_TO,
) -> Load:
    """Simulate a force's records and write them as a load.

    Nobody in it exists. The same arguments give the same Parquet files, byte for byte, on the same
    machine with the same libraries; the number of threads and the time of day change nothing.

    Parameters
    ----------
    out : str or Path
        The folder to write; it must not exist, or be empty.
    nominals : int
        About how many people are named as suspects; victims and witnesses come on top.
    years : int
        Years of records up to `data_to`; the two years before them are recorded as well, so that
        people have histories when the first of those years begins.
    seed : int
        The seed of every random stream.
    truth : str or Path, optional
        A folder for ``truth.parquet``, what is true of the people and in no record: never in `out`.
    progress : callable, optional
        Called with the weeks done and the weeks in all.
    switches : Switches, optional
        What this world has or lacks; everything is on by default.
    data_to : date
        The last day of the records.

    Returns
    -------
    Load

    Raises
    ------
    PrecursorError
        Where a number is out of range, `out` holds something already, or `truth` lies inside it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     load = synthesise(Path(folder) / "records", nominals=40, years=1, seed=7)
    ...     load.synthetic, load.data_to.isoformat()
    (True, '2026-01-31')
    """
    out = Path(out)
    chosen = switches or Switches()
    _check(nominals, years, seed)
    file = None if truth is None else _truth_file(Path(truth), out)
    timeline = Timeline.of(years, data_to)
    streams = Streams(seed)
    people = draw_people(latent_people(nominals, years), streams["traits"])
    states = draw_states(people, timeline.months, streams["states"])
    offending = simulate(people, states, timeline, streams, chosen, progress)
    cases = open_cases(offending, people, states, timeline, chosen, streams)
    tables, numbers = _records(offending, cases, timeline, chosen, streams)
    load = write_load(
        out,
        publish(tables, numbers, timeline),
        kind="synthetic",
        data_to=data_to,
        synthetic=True,
        notes=(
            "Simulated: nobody in these records exists, and no figure from them says how well"
            " anything works on people.",
            f"nominals={nominals} years={years} seed={seed} {chosen}",
        ),
    )
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(_truth(people, states, numbers, timeline), file)
    return load


def latent_people(nominals: int, years: int) -> int:
    """Return how many people to simulate so that about so many of them are named as suspects.

    Examples
    --------
    >>> 20_000 < latent_people(20_000, 6) < latent_people(20_000, 1)
    True
    """
    return math.ceil(nominals / float(np.interp(years, _YEARS, _NAMED)))


def _check(nominals: int, years: int, seed: int) -> None:
    wrong = [
        f"{name} is {value}, not {low} to {high}"
        for name, value, low, high in (
            ("nominals", nominals, 1, 1_000_000),
            ("years", years, 1, 20),
            ("seed", seed, 0, 2**63 - 1),
        )
        if not low <= value <= high
    ]
    if wrong:
        raise UsageError("; ".join(wrong), remedy="Give whole numbers within these bounds.")


def _truth_file(folder: Path, out: Path) -> Path:
    file = folder / "truth.parquet"
    if out.resolve() in (folder.resolve(), *folder.resolve().parents):
        raise PrecursorError(
            f"the truth folder {folder} lies inside {out}",
            remedy="Name a folder elsewhere: what is true must never lie beside the records.",
            field="truth",
        )
    if file.exists():
        raise Conflict(f"{file} exists already and is left as it is", remedy="Name another folder.")
    return file


def _records(
    offending: Offending,
    cases: Cases,
    timeline: Timeline,
    switches: Switches,
    streams: Streams,
) -> tuple[dict[str, Columns], Array]:
    tables = {
        "offence": offence_records(cases, switches, streams["corrections"]),
        "involvement": involvement_records(cases, switches, streams["corrections"]),
        "custody": custody_records(cases, switches, streams["custody"]),
        "outcome": outcome_records(cases, streams["outcomes"]),
        "bail": bail_records(cases, streams["bail"]),
        "protective_order": order_records(offending, cases, streams["orders"]),
        "imprisonment": imprisonment_records(cases, streams["prison"]),
        "risk_assessment": assessment_records(cases, switches, streams["corrections"]),
        "management": management_records(offending, cases, streams["management"]),
        "programme": programme_records(offending, streams["management"]),
        "wanted": wanted_records(cases, streams["wanted"]),
    }
    last = timeline.last_day
    tables = {name: known_by(table, last) for name, table in tables.items()}
    nominals, numbers = nominal_records(cases.register, tables, switches, streams["register"])
    return {"nominal": known_by(nominals, last), **tables}, numbers


def _truth(people: People, states: States, numbers: Array, timeline: Timeline) -> pa.Table:
    """Return what is true of the latent people who are in the records."""
    seen = np.flatnonzero(numbers[: len(people)] >= 0)
    seen = seen[np.argsort(numbers[seen])]
    start = np.datetime64(timeline.start)
    exits = (start + states.exit_day[seen]).astype("datetime64[D]")
    return pa.table(
        {
            "nominal_id": identifiers("N", numbers[seen]),
            "common": people.common[seen],
            **{f"trait_{group}": people.traits[seen, g] for g, group in enumerate(p.GROUPS)},
            "severity": people.severity[seen],
            "motive": np.array(p.MOTIVES)[people.motive[seen]],
            "born_on": pa.array((start + people.born[seen]).astype("datetime64[D]")),
            "exit_on": pa.array(exits, mask=states.exit_day[seen] > timeline.last_day),
        }
    )
