"""A whole simulated force: people, what they do, what is recorded of it, and the truth apart."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from features.errors import UsageError
from features.loads import Load, refuse_existing, write_load
from features.synthetic.block import simulate_block, sizes
from features.synthetic.doubles_files import DoublesFiles
from features.synthetic.publish import LONG, SHORT, Numbering, publish
from features.synthetic.switches import Switches
from features.synthetic.timeline import Timeline
from features.synthetic.truth import Truth
from features.synthetic.truth_replay import REPLAYS

DATA_TO = date(2026, 1, 31)
# Share of the latent people who are named as suspects, by years; fitted.
_YEARS = (1, 2, 3, 4, 6, 8, 10, 20)
_NAMED = (0.402, 0.470, 0.525, 0.558, 0.605, 0.628, 0.638, 0.655)


def synthesise(
    out: str | Path,
    *,
    nominals: int = 20_000,
    years: int = 6,
    seed: int = 1,
    truth: str | Path | None = None,
    truth_at: Mapping[date, Sequence[int]] | None = None,
    replays: int = REPLAYS,
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
        About how many people are named as suspects; victims and witnesses come on top. They are
        simulated in blocks of 20,000, and only one block is held in memory.
    years : int
        Years of records up to `data_to`; the two years before them are recorded as well, so that
        people have histories when the first of those years begins.
    seed : int
        The seed of every random stream.
    truth : str or Path, optional
        A folder for what is true of the people and in no record (see
        :mod:`features.synthetic.truth`), for which person records are of one person, and for
        made-up names to link them by: never in `out`.
    truth_at : mapping of date to sequence of int, optional
        The as-of dates of the true risks and their horizons in days; by default those that
        questions with a horizon of a year are judged on (`features.synthetic.truth.quarters`).
    replays : int
        Futures behind each true risk, for each of the two labels; even.
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
        Where a number is out of range, `out` holds something already, `truth` lies inside it, or
        the force is so small that nobody came to be on record.

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
    refuse_existing(out)
    timeline = Timeline.of(years, data_to)
    told = (
        None
        if truth is None
        else Truth(Path(truth), out, timeline, chosen, asked=truth_at, replays=replays)
    )
    doubles = None if truth is None else DoublesFiles(Path(truth))
    size = {"nominals": nominals, "years": years}
    load = write_load(
        out,
        _pieces(size, timeline, seed, chosen, told, doubles, progress),
        kind="synthetic",
        data_to=data_to,
        synthetic=True,
        notes=(
            "Simulated: nobody in these records exists, and no figure from them says how well"
            " anything works on people.",
            f"nominals={nominals} years={years} seed={seed}",
            f"switches: {json.dumps(chosen.told())}",
        ),
    )
    if told is not None and doubles is not None:
        doubles.close()
        told.finish(load, seed, **size)
    return load


def _pieces(
    size: dict[str, int],
    timeline: Timeline,
    seed: int,
    switches: Switches,
    truth: Truth | None,
    doubles: DoublesFiles | None,
    progress: Callable[[int, int], None] | None,
) -> Iterator[dict[str, pa.Table]]:
    """Simulate block after block; only one is held in memory."""
    blocks = sizes(size["nominals"])
    numbering = Numbering(LONG if len(blocks) > 1 else SHORT)
    for number, nominals in enumerate(blocks):

        def tell(done: int, of: int, before: int = number) -> None:
            if progress is not None:
                progress(before * of + done, len(blocks) * of)

        own = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
        witness = None if truth is None else truth.witness(own)
        latent = latent_people(nominals, size["years"])
        block = simulate_block(number, latent, timeline, seed, switches, tell, witness)
        ids = numbering.ids("nominal", block.numbers)
        tables = publish(block.tables, block.numbers, timeline, numbering)
        if not tables["nominal"].num_rows:
            raise UsageError(
                f"nobody came to be on record in this force (people {nominals}, years"
                f" {size['years']}, seed {seed})",
                remedy="Ask for more people, more years or another seed.",
                field="nominals",
            )
        if truth is not None and witness is not None and doubles is not None:
            truth.add(block.people, block.states, block.offending, witness, ids)
            doubles.add(block, ids, tables["nominal"])
        del block, witness
        yield tables


def latent_people(nominals: int, years: int) -> int:
    """Return how many people to simulate so that about so many of them are named as suspects.

    Examples
    --------
    >>> 20_000 < latent_people(20_000, 6) < latent_people(20_000, 1)
    True
    """
    return math.ceil(nominals / float(np.interp(years, _YEARS, _NAMED)))


def latent_in_all(nominals: int, years: int) -> int:
    """Return how many people a force of any size is simulated from, all its blocks together.

    Examples
    --------
    >>> latent_in_all(30_000, 6) >= latent_people(30_000, 6)
    True
    """
    return sum(latent_people(size, years) for size in sizes(nominals))


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
