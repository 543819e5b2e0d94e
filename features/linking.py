"""Finding person records that may be one person: candidates for people to decide on, never more.

Splink weighs the evidence: how much likelier an agreement, or a disagreement, is between records of
one person than between records of two. How often one person's own records agree is stated here, so
that a proposal can be repeated and questioned; how often two persons' do is counted in the file.
"""

from __future__ import annotations

import csv
import importlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from features.decisions import COLUMNS, Pair, read_decisions
from features.errors import PrecursorError, UsageError
from features.files import replacing
from features.identities import read_identities
from features.loads import Load, open_load
from features.merges import first_known
from features.spreadsheet import disarmed
from features.tabular import parquet
from features.turns import Turns

SURE = 0.5
"""Candidates less likely than this are not proposed unless they are asked for."""

MOST = 10_000
"""How many candidates are proposed at most: people have to read them."""

NEVER_SURE = 0.9999
"""The highest probability that is shown: the weight beside it goes on telling pairs apart."""

SAMPLED = 1_000_000
"""How many pairs are drawn to count how often two persons' records agree."""

AGREE: dict[str, tuple[float, ...]] = {
    "forename": (0.80, 0.06, 0.03, 0.03, 0.08),
    "surname": (0.80, 0.06, 0.03, 0.02, 0.09),
    "born_on": (0.90, 0.05, 0.02, 0.01, 0.01, 0.01),
    "postcode": (0.45, 0.10, 0.20, 0.20, 0.05),
    "pnc_id": (0.95, 0.03, 0.02),
}
"""How often records of one person agree at each level of a comparison, from equal to different.

Stated, not learnt: there are too few known duplicates in a force's file to learn them from.
"""

BLOCKS: tuple[tuple[str, ...], ...] = (
    ("pnc_id",),
    ("born_on", "surname"),
    ("born_on", "forename"),
    ("born_on", "postcode"),
    ("surname", "forename"),
    ("surname", "postcode"),
)
"""Two records are compared at all when they are equal in all columns of one of these."""

_SURELY = (("pnc_id",), ("forename", "surname", "born_on"))
"""Pairs equal in one of these are taken for the same person when duplicates are counted."""

_RECALL = 0.7
"""The share of duplicates that such pairs are assumed to be."""


@dataclass(frozen=True)
class Proposal:
    """What was proposed: how many pairs, compared by which columns, and how many were left out."""

    pairs: int
    columns: tuple[str, ...]
    left_out: int


def propose(
    records: str | Path,
    identities: Path,
    out: Path,
    *,
    at_least: float = SURE,
    most: int = MOST,
    decided: Path | None = None,
    seed: int = 1,
) -> Proposal:
    """Write pairs of person records that may be one person, with the evidence, to be decided.

    Parameters
    ----------
    records : str or Path
        A load.
    identities : Path
        Names, dates of birth and the like; see :func:`features.identities.read_identities`.
    out : Path
        The CSV file to write: the likeliest pairs first, with empty columns for the decision.
    at_least : float
        The probability from which a pair is proposed.
    most : int
        The number of pairs proposed at most.
    decided : Path, optional
        Decisions taken earlier; pairs in it are not proposed again.
    seed : int
        Which pairs are drawn for counting.

    Raises
    ------
    PrecursorError
        Where Splink is not installed, `out` exists (it may hold decisions), or somebody was erased
        meanwhile.

    Examples
    --------
    >>> propose("nowhere", Path("identities.csv"), Path("pairs.xlsx"))
    Traceback (most recent call last):
    ...
    features.errors.UsageError: pairs.xlsx is no .csv file. Name a file that ends in .csv.
    """
    if out.suffix != ".csv":
        raise UsageError(f"{out.name} is no .csv file", remedy="Name a file that ends in .csv.")
    if out.exists():
        raise PrecursorError(
            f"{out} exists already and may hold decisions", remedy="Name another file."
        )
    load = open_load(records)
    turns = Turns(load)
    splink = _splink()
    with duckdb.connect() as connection:
        known = first_known(connection, load)
        columns = read_identities(connection, identities, known)
        before = {one.pair for one in read_decisions(decided, known)} if decided else set()
        found = _candidates(splink, connection, columns, at_least, seed)
        kept = [one for one in found if _pair(one) not in before]
        together = _named_together(connection, load, kept[:most])
    with turns.turn():
        _write(out, kept[:most], columns, together)
    return Proposal(min(len(kept), most), columns, len(kept) - min(len(kept), most))


def _splink() -> Any:
    try:
        return importlib.import_module("splink")
    except ModuleNotFoundError as missing:
        raise PrecursorError(
            "linking needs Splink, which is not installed",
            remedy="Install it: pip install 'precursor[link]'.",
            code="not_installed",
        ) from missing


def _candidates(
    splink: Any,
    connection: duckdb.DuckDBPyConnection,
    columns: Sequence[str],
    at_least: float,
    seed: int,
) -> list[dict[str, Any]]:
    """Return the likeliest pair of rows of each two person records, the likeliest first."""
    (rows,) = connection.execute("SELECT count(*) FROM identities").fetchone() or (0,)
    blocks = [block for block in BLOCKS if set(block) <= set(columns)]
    if rows < 2 or not blocks:
        return []
    data = splink.DuckDBAPI(connection=connection).register("identities")
    settings = _weighed(splink, connection, data, columns, blocks, rows, seed)
    linker = splink.Linker(data, settings, log_level="ERROR")
    predicted = linker.inference.predict(threshold_match_probability=at_least)
    predicted.as_duckdbpyrelation().create_view("_predicted")
    table = connection.execute(
        "SELECT * FROM _predicted QUALIFY row_number() OVER (PARTITION BY"
        " least(nominal_id_l, nominal_id_r), greatest(nominal_id_l, nominal_id_r)"
        " ORDER BY match_weight DESC, unique_id_l, unique_id_r) = 1"
        " ORDER BY match_weight DESC, least(nominal_id_l, nominal_id_r),"
        " greatest(nominal_id_l, nominal_id_r)"
    ).to_arrow_table()
    labels = {
        comparison["output_column_name"]: [
            level["label_for_charts"]
            for level in reversed(comparison["comparison_levels"])
            if not level.get("is_null_level")
        ]
        for comparison in settings["comparisons"]
    }
    return [row | {"labels": labels} for row in table.to_pylist()]


def _weighed(
    splink: Any,
    connection: duckdb.DuckDBPyConnection,
    data: Any,
    columns: Sequence[str],
    blocks: Iterable[Sequence[str]],
    rows: int,
    seed: int,
) -> dict[str, Any]:
    """Return Splink's settings with every weight filled in: stated ones, and those counted."""
    library = importlib.import_module("splink.comparison_library")
    made: dict[str, Callable[[], Any]] = {
        "forename": lambda: library.NameComparison("forename"),
        "surname": lambda: library.NameComparison("surname"),
        "born_on": lambda: library.DateOfBirthComparison("born_on", input_is_string=False),
        "postcode": lambda: library.PostcodeComparison("postcode"),
        "pnc_id": lambda: library.LevenshteinAtThresholds("pnc_id", [1]),
    }
    creator = splink.SettingsCreator(
        link_type="dedupe_only",
        comparisons=[made[name]() for name in columns],
        blocking_rules_to_generate_predictions=[_rule(block) for block in blocks],
        retain_intermediate_calculation_columns=True,
        additional_columns_to_retain=["nominal_id"],
    )
    linker = splink.Linker(data, creator, log_level="ERROR")
    linker.training.estimate_u_using_random_sampling(max_pairs=SAMPLED, seed=seed)
    settings: dict[str, Any] = json.loads(json.dumps(linker.misc.save_model_to_json()))
    drawn = min(SAMPLED, rows * (rows - 1) / 2)
    for comparison in settings["comparisons"]:
        levels = [one for one in comparison["comparison_levels"] if not one.get("is_null_level")]
        stated = AGREE[comparison["output_column_name"]]
        for level, agree in zip(levels, stated, strict=True):
            level["m_probability"] = agree
            # what was never seen between two persons is rarer than one in all pairs drawn
            level["u_probability"] = max(level.get("u_probability") or 0, 1 / (drawn + 1))
    linked = _surely(connection, columns) / _RECALL
    all_pairs = rows * (rows - 1) / 2
    prior = min(max(linked, 1) / all_pairs, 0.5)
    return settings | {"probability_two_random_records_match": prior}


def _surely(connection: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> int:
    """Count the pairs of rows that are taken for the same person."""
    asked = [
        f"SELECT l.unique_id AS one, r.unique_id AS other FROM identities l"
        f" JOIN identities r ON {_rule(block)} AND l.unique_id < r.unique_id"
        for block in _SURELY
        if set(block) <= set(columns)
    ]
    if not asked:
        return 0
    found = connection.execute(f"SELECT count(*) FROM ({' UNION '.join(asked)})").fetchone()
    return int(found[0]) if found else 0


def _rule(block: Sequence[str]) -> str:
    equal = " AND ".join(f"l.{name} = r.{name}" for name in block)
    return f"{equal} AND l.nominal_id <> r.nominal_id"


def _pair(found: Mapping[str, Any]) -> Pair:
    one, other = sorted((str(found["nominal_id_l"]), str(found["nominal_id_r"])))
    return one, other


def _named_together(
    connection: duckdb.DuckDBPyConnection, load: Load, found: Iterable[Mapping[str, Any]]
) -> dict[Pair, int]:
    """Return in how many offences two were both named, which speaks against being one person."""
    pairs = [_pair(one) for one in found]
    ids = {name: pa.array([pair[at] for pair in pairs], pa.string()) for at, name in _SIDES}
    connection.register("_pairs", pa.table(ids))
    part = parquet(load.tables["involvement"])
    rows = connection.execute(
        "SELECT one, other, count(DISTINCT a.offence_id) FROM _pairs"
        f" JOIN {part} a ON a.nominal_id = one JOIN {part} b ON b.nominal_id = other"
        " AND a.offence_id = b.offence_id GROUP BY ALL"
    ).fetchall()
    return {(one, other): count for one, other, count in rows}


_SIDES = ((0, "one"), (1, "other"))


def evidence(found: Mapping[str, Any], column: str) -> str:
    """Return what one comparison found, both values and how much likelier it makes one person.

    Examples
    --------
    >>> evidence(
    ...     {
    ...         "surname_l": "SMITH",
    ...         "surname_r": "SMYTH",
    ...         "gamma_surname": 1,
    ...         "mw_surname": 5.0,
    ...         "labels": {"surname": ["All other", "Nearly equal"]},
    ...     },
    ...     "surname",
    ... )
    'SMITH | SMYTH: nearly equal, 32 times more likely to be one person'
    """
    values = [found[f"{column}_l"], found[f"{column}_r"]]
    if None in values:
        return f"{values[0] or 'not recorded'} | {values[1] or 'not recorded'}: says nothing"
    label = str(found["labels"][column][found[f"gamma_{column}"]])
    weight = found[f"mw_{column}"] + (found.get(f"mw_tf_adj_{column}") or 0)
    times = 2 ** abs(weight)
    often = f"{times:,.0f}" if times >= 10 else f"{times:.1f}"
    side = "more" if weight >= 0 else "less"
    said = label[:1].lower() + label[1:]
    return f"{values[0]} | {values[1]}: {said}, {often} times {side} likely to be one person"


def _write(
    out: Path,
    found: Iterable[Mapping[str, Any]],
    columns: Sequence[str],
    together: Mapping[Pair, int],
) -> None:
    names = [*COLUMNS[:2], "probability", "weight", *columns, "shared_offences", *COLUMNS[2:]]
    out.parent.mkdir(parents=True, exist_ok=True)
    with replacing(out) as part, part.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(names)
        for one in found:
            pair = _pair(one)
            told = [evidence(one, column) for column in columns]
            writer.writerow(
                [
                    *map(disarmed, pair),
                    f"{min(one['match_probability'], NEVER_SURE):.4f}",
                    f"{one['match_weight']:.1f}",
                    *map(disarmed, told),
                    together.get(pair, 0),
                    *("",) * len(COLUMNS[2:]),
                ]
            )
