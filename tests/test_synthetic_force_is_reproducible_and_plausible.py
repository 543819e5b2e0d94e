"""The simulated force: the same seed gives the same bytes, and its records look like a force's."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.check import check
from features.errors import Conflict, PrecursorError, UsageError
from features.loads import Load, open_load
from features.records import TABLES
from features.synthetic import Switches, synthesise
from features.taxonomy import taxonomy

STRANGULATION = "008/77"


@pytest.fixture(scope="module")
def force(tmp_path_factory: pytest.TempPathFactory) -> Load:
    folder = tmp_path_factory.mktemp("force")
    return synthesise(
        folder / "records", nominals=2_000, years=4, seed=11, truth=folder / "elsewhere"
    )


@pytest.fixture(scope="module")
def ask(force: Load):
    connection = duckdb.connect()
    for name, file in force.tables.items():
        connection.execute(f"create view {name} as select * from '{file}'")
    connection.register("taxonomy", taxonomy())
    for name in TABLES:  # what stands at the end, one row for each record
        connection.execute(
            f"create view {name}_last as select distinct on (record_id) * from {name}"
            " order by record_id, known_on desc"
        )
    return lambda query: connection.execute(query).fetchall()


def parquet(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.glob("*.parquet"))}


def test_one_seed_gives_one_world_to_the_byte(tmp_path: Path) -> None:
    def world(name: str, seed: int) -> dict[str, bytes]:
        out = tmp_path / name
        synthesise(out, nominals=150, years=1, seed=seed, truth=tmp_path / f"{name}-truth")
        return parquet(out) | parquet(tmp_path / f"{name}-truth")

    first, again, other = world("first", 3), world("again", 3), world("other", 4)
    assert first == again
    assert first["truth.parquet"] != other["truth.parquet"]
    assert all(first[f"{name}.parquet"] != other[f"{name}.parquet"] for name in TABLES)
    one, two = (open_load(tmp_path / name) for name in ("first", "again"))
    assert one.fingerprint == two.fingerprint


def test_another_process_gives_the_same_world(tmp_path: Path) -> None:
    code = (
        "import sys; from features.synthetic import synthesise;"
        "synthesise(sys.argv[1], nominals=60, years=1, seed=5)"
    )
    for name in ("1", "2"):
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / name)],
            check=True,
            env={**os.environ, "PYTHONHASHSEED": name, "OPENBLAS_NUM_THREADS": name},
            cwd=Path(__file__).resolve().parent.parent,
        )
    assert parquet(tmp_path / "1") == parquet(tmp_path / "2")


@settings(max_examples=12)
@given(
    nominals=st.integers(1, 80),
    seed=st.integers(0, 2**32),
    switches=st.builds(Switches, *[st.booleans()] * 5),
    data_to=st.dates(date(2012, 1, 1), date(2026, 1, 1)),
)
def test_any_small_world_is_a_load_without_violations(
    tmp_path_factory: pytest.TempPathFactory,
    nominals: int,
    seed: int,
    switches: Switches,
    data_to: date,
) -> None:
    out = tmp_path_factory.mktemp("world") / "records"
    try:
        load = synthesise(
            out, nominals=nominals, years=1, seed=seed, switches=switches, data_to=data_to
        )
    except UsageError:
        assert nominals < 5
        assert not out.exists()
        return
    assert load.synthetic
    assert load.data_to == data_to
    assert [str(found) for found in check(out).violations] == []


def test_a_force_with_nobody_on_record_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nobody came to be on record .*people 1, years 1") as few:
        synthesise(tmp_path / "records", nominals=1, years=1, seed=109)
    assert "more people" in few.value.remedy
    assert not (tmp_path / "records").exists()


def test_a_large_world_has_no_violations_either(force: Load) -> None:
    assert [str(found) for found in check(force.path).violations] == []


def test_it_has_about_as_many_named_suspects_as_asked_for(ask) -> None:
    [(suspects,)] = ask("select count(distinct nominal_id) from involvement where role = 'suspect'")
    assert abs(suspects - 2_000) < 150


def test_nothing_is_known_too_early_or_too_late(ask) -> None:
    for name in TABLES:
        [(early, late, turned)] = ask(
            "select count(*) filter (known_on < occurred_on),"
            " count(*) filter (greatest(known_on, superseded_on) > date '2026-01-31'),"
            f" count(*) filter (superseded_on <= known_on) from {name}"
        )
        assert (name, early, late, turned) == (name, 0, 0, 0)


def test_late_reports_are_common_and_very_late_ones_sexual(ask) -> None:
    late = dict(
        ask(
            "select sexual, avg((known_on > occurred_on + 30)::int) from offence_last"
            " join taxonomy using (offence_code) group by sexual"
        )
    )
    assert 0.01 < late[False] < 0.15
    assert late[True] > 0.3


def test_every_value_of_every_event_occurs(ask) -> None:
    rare = {"sexual_harm_prevention", "other"}
    for name, table in TABLES.items():
        for column in table.columns:
            found = {value for (value,) in ask(f"select distinct {column.name} from {name}")}
            missing = set(column.values) - found - (rare if column.name == "kind" else set())
            if (name, column.name) == ("offence", "grade"):
                missing -= {"other"}
            assert (name, column.name, missing) == (name, column.name, set())


def test_a_correction_follows_on_the_day_its_predecessor_ends(ask) -> None:
    for name in ("nominal", "offence", "involvement", "custody", "risk_assessment"):
        [(corrected, gaps)] = ask(
            "select count(*), count(*) filter (previous <> known_on) from"
            " (select known_on, lag(superseded_on) over w as previous, row_number() over w as n"
            f" from {name} window w as (partition by record_id order by known_on)) where n > 1"
        )
        assert (name, gaps) == (name, 0)
        assert corrected > 0


def test_crimes_are_cancelled_and_suspects_eliminated_without_successor(ask) -> None:
    [(cancelled, crimes)] = ask("select count(superseded_on), count(*) from offence_last")
    assert 0.003 < cancelled / crimes < 0.03
    [(eliminated,)] = ask(
        "select count(*) from involvement_last i join offence_last o on o.record_id = i.offence_id"
        " where i.role = 'suspect' and i.superseded_on is not null and o.superseded_on is null"
    )
    assert eliminated > 0
    [(standing,)] = ask(
        "select count(*) from involvement_last i join offence_last o on o.record_id = i.offence_id"
        " where i.superseded_on is null and o.superseded_on is not null"
    )
    assert standing == 0


def test_details_are_missing_more_often_after_the_change_of_system(ask) -> None:
    gaps = dict(
        ask(
            "select known_on < date '2022-01-01', avg((strangulation is null)::int)"
            " from offence_last where known_on between '2021-04-01' and '2022-12-31' group by 1"
        )
    )
    assert gaps[True] > 0.35 > 0.25 > gaps[False] > 0.05


def test_strangulation_has_a_code_from_the_day_of_the_act(ask) -> None:
    [(before, after)] = ask(
        "select count(*) filter (occurred_on < '2022-06-07'),"
        " count(*) filter (occurred_on >= '2022-06-07') from offence"
        f" where offence_code = '{STRANGULATION}'"
    )
    assert before == 0
    assert after > 0


def test_terms_in_prison_do_not_overlap_and_are_counted_on_release(ask) -> None:
    assert ask("select count(*) from imprisonment where event='received' and days_served > 0") == [
        (0,)
    ]
    [(wrong,)] = ask(
        "select count(*) from imprisonment a join imprisonment b using (nominal_id, episode_id)"
        " where a.event = 'received' and b.event = 'released'"
        " and b.days_served <> b.occurred_on - a.occurred_on"
    )
    assert wrong == 0
    [(inside,)] = ask(
        "select count(*) from custody c join"
        " (select a.nominal_id, a.occurred_on as since, b.occurred_on as until"
        " from imprisonment a left join imprisonment b on a.nominal_id = b.nominal_id"
        " and a.episode_id = b.episode_id and b.event = 'released' where a.event = 'received') t"
        " using (nominal_id) where c.event = 'detained' and c.occurred_on >= since"
        " and c.occurred_on < coalesce(until, date '2026-01-31')"
    )
    assert inside == 0


def test_a_charge_precedes_its_verdict(ask) -> None:
    [(verdicts, orphans)] = ask(
        "select count(*), count(*) filter (c.known_on is null or c.known_on > v.known_on)"
        " from outcome v left join outcome c on c.nominal_id = v.nominal_id"
        " and c.offence_id = v.offence_id and c.result = 'charged'"
        " where v.result in ('convicted', 'acquitted')"
    )
    assert verdicts > 0
    assert orphans == 0


def test_people_are_plausible(ask) -> None:
    ages = (
        "select date_diff('year', n.born_on, o.occurred_on) as age, i.role, o.offence_code"
        " from involvement_last i join nominal_last n using (nominal_id)"
        " join offence_last o on o.record_id = i.offence_id where n.born_on is not null"
    )
    [(youngest, minors)] = ask(
        f"select min(age), avg((age < 18)::int) from ({ages}) where role = 'suspect'"
    )
    assert youngest >= 9
    assert 0.02 < minors < 0.25
    [(victims,)] = ask(
        f"select max(age) from ({ages}) where role = 'victim'"
        " and offence_code in ('019/07', '019/16', '020/06')"
    )
    assert victims <= 17
    [(undated, of)] = ask("select count(*) - count(born_on), count(*) from nominal_last")
    assert 0.01 < undated / of < 0.06
    [(both,)] = ask(
        "select count(distinct s.nominal_id) from involvement s join involvement v using"
        " (nominal_id) where s.role = 'suspect' and v.role = 'victim'"
    )
    assert both > 100
    [(own,)] = ask(
        "select count(*) from involvement s join involvement v using (nominal_id, offence_id)"
        " where s.role = 'suspect' and v.role <> 'suspect'"
    )
    assert own == 0


def test_domestic_partners_recur_as_the_same_victim(ask) -> None:
    [(repeat,)] = ask(
        "select avg((n > 1)::int) from (select count(distinct v.offence_id) as n"
        " from involvement s join involvement v using (offence_id)"
        " where s.role = 'suspect' and v.role = 'victim'"
        " and v.relationship in ('partner', 'former_partner')"
        " group by s.nominal_id, v.nominal_id)"
    )
    assert 0.1 < repeat < 0.5


def test_high_harm_is_rare_and_comes_from_severity(force: Load, ask) -> None:
    [(high,)] = ask(
        "select avg(high_harm::int) from offence_last join taxonomy using (offence_code)"
    )
    assert 0.01 < high < 0.06
    truth = pq.read_table(force.path.parent / "elsewhere" / "truth.parquet")
    named = {
        person
        for (person,) in ask(
            "select distinct nominal_id from involvement i join offence_last o"
            " on o.record_id = i.offence_id join taxonomy using (offence_code)"
            " where role = 'suspect' and high_harm and not sexual"
        )
    }
    grave = pc.is_in(truth["nominal_id"], pc.cast(list(named), "string"))
    mean = [pc.mean(truth.filter(rows)["severity"]).as_py() for rows in (grave, pc.invert(grave))]
    assert mean[0] - mean[1] > 0.3


def test_bias_changes_who_is_named_and_nothing_else(tmp_path: Path) -> None:
    shares = []
    for bias in (True, False):
        load = synthesise(
            tmp_path / str(bias), nominals=1_500, years=1, seed=2, switches=Switches(bias=bias)
        )
        people = pq.read_table(load.tables["nominal"]).to_pandas().drop_duplicates("nominal_id")
        held = pq.read_table(load.tables["custody"]).to_pandas()
        held = held[held["event"] == "detained"].merge(people, on="nominal_id")
        shares.append((held["ethnicity"] == "Black").mean())
    assert shares[0] > 1.3 * shares[1]


def test_without_faults_nothing_is_corrected_or_missing(tmp_path: Path) -> None:
    load = synthesise(
        tmp_path / "records", nominals=200, years=1, seed=6, switches=Switches(faults=False)
    )
    for file in load.tables.values():
        assert pq.read_table(file)["superseded_on"].null_count == pq.read_metadata(file).num_rows
    offences = pq.read_table(load.tables["offence"])
    assert offences["strangulation"].null_count == 0
    assert pq.read_table(load.tables["nominal"])["born_on"].null_count == 0


@pytest.mark.parametrize("inside", [".", "deep/er", "../records/truth"])
def test_the_truth_never_lies_beside_the_records(tmp_path: Path, inside: str) -> None:
    out = tmp_path / "records"
    with pytest.raises(PrecursorError, match="lies inside") as refused:
        synthesise(out, nominals=10, years=1, truth=out / inside)
    assert "elsewhere" in refused.value.remedy
    assert not out.exists()


def test_the_truth_is_about_people_in_the_records_and_is_not_overwritten(
    force: Load, tmp_path: Path
) -> None:
    elsewhere = force.path.parent / "elsewhere"
    truth = pq.read_table(elsewhere / "truth.parquet")
    nominals = pq.read_table(force.tables["nominal"])["nominal_id"]
    assert pc.all(pc.is_in(truth["nominal_id"], nominals)).as_py()
    assert {"common", "severity", "trait_DAV", "exit_on"} <= set(truth.column_names)
    assert not set(truth.column_names) - {"nominal_id", "born_on"} & {
        column.name for table in TABLES.values() for column in table.columns
    }
    with pytest.raises(Conflict):
        synthesise(tmp_path / "again", nominals=10, years=1, truth=elsewhere)


def test_numbers_out_of_range_are_refused_together(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        synthesise(tmp_path / "records", nominals=0, years=99, seed=-1)
    assert all(name in str(refused.value) for name in ("nominals is 0", "years is 99", "seed"))
    assert not (tmp_path / "records").exists()
