"""The benchmark counts what it says it counts, and a small run of it ends with every figure."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import precursor
from benchmarks import everything, processes, table, wanted
from benchmarks.asked import Asked, Figure
from benchmarks.compiler import agreement
from benchmarks.compiler import whole as measure_whole
from benchmarks.force import as_of_dates, spine, write_force
from features.check import check
from features.errors import UsageError
from features.history import History
from features.loads import Load, open_load
from features.records import TABLES

SMALL = ["--events", "10000", "--people", "1000", "--dates", "2", "--repeats", "1"]


@pytest.fixture(scope="module")
def force(tmp_path_factory: pytest.TempPathFactory) -> Load:
    return write_force(tmp_path_factory.mktemp("force") / "records", events=20_000, people=2_000)


@settings(max_examples=15)
@given(
    people=st.integers(1, 40),
    more=st.integers(0, 300),
    seed=st.integers(0, 2**32),
    plain=st.booleans(),
)
def test_a_load_has_exactly_the_events_and_people_asked_for(
    people: int, more: int, seed: int, plain: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        load = write_force(
            Path(folder) / "f", events=people + more, people=people, seed=seed, plain=plain
        )
        history = History(load)
    assert (len(history.compiled), len(history.compiled.ids)) == (people + more, people)


def test_people_made_in_several_blocks_are_all_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.force.BLOCK", 300)
    history = History(write_force(tmp_path / "records", events=5_000, people=1_000))
    assert (len(history.compiled), len(history.compiled.ids)) == (5_000, 1_000)


def test_the_same_seed_makes_the_same_load(force: Load, tmp_path: Path) -> None:
    again = write_force(tmp_path / "again", events=20_000, people=2_000)
    other = write_force(tmp_path / "other", events=20_000, people=2_000, seed=2)
    assert again.fingerprint == force.fingerprint != other.fingerprint


def test_a_load_keeps_the_contract_of_records(force: Load) -> None:
    assert check(force.path).ok


def test_a_load_is_as_uneven_as_records_are(force: Load) -> None:
    tables = {name: pd.read_parquet(file) for name, file in force.tables.items()}
    assert set(tables) == set(TABLES)
    assert all(len(rows) for rows in tables.values())
    offences, parts = tables["offence"], tables["involvement"]
    assert offences["occurred_on"].isna().any()
    assert offences["record_id"].duplicated().any()
    assert (offences["known_on"] > offences["occurred_on"]).any()
    assert parts["superseded_on"].notna().any()
    assert tables["nominal"]["nominal_id"].duplicated().any()
    number = parts[parts["role"] == "suspect"].groupby("nominal_id").size()
    assert number.max() > 10 * number.median()


def test_a_plain_load_knows_one_time_only(tmp_path: Path) -> None:
    load = write_force(tmp_path / "records", events=3_000, people=500, plain=True)
    tables = {name: pd.read_parquet(file) for name, file in load.tables.items()}
    assert {name for name, rows in tables.items() if len(rows)} == {
        "nominal",
        "offence",
        "involvement",
    }
    for rows in (tables["offence"], tables["involvement"]):
        assert (rows["known_on"] == rows["occurred_on"]).all()
        assert rows["superseded_on"].isna().all()


def test_rows_are_those_on_record_before_each_date(force: Load) -> None:
    rows = spine(force, 3)
    nominal = pd.read_parquet(force.tables["nominal"])
    first = pd.to_datetime(nominal.groupby("nominal_id")["known_on"].min())
    days = [pd.Timestamp(day) for day in as_of_dates(3)]
    assert len(rows) == sum(int((first < day).sum()) for day in days)
    assert days[-1].date() == force.default_as_of


@pytest.mark.parametrize(("events", "people"), [(0, 0), (5, 10), (-1, 1), (10, 0)])
def test_a_force_without_people_or_with_too_few_events_is_refused(
    tmp_path: Path, events: int, people: int
) -> None:
    with pytest.raises(UsageError, match="make no force"):
        write_force(tmp_path / "records", events=events, people=people)
    assert not (tmp_path / "records").exists()


def test_every_column_asked_of_the_peer_has_a_name_there() -> None:
    (configured,) = wanted.configuration()
    theirs = {
        f"s_entity_id_{interval}_{quantity}_{metric}"
        for interval in configured["intervals"]
        for aggregate in configured["aggregates"]
        for quantity in aggregate["quantity"]
        for metric in aggregate["metrics"]
    }
    assert set(wanted.names().values()) == theirs
    assert list(wanted.names()) == wanted.columns().names


def test_a_disagreement_with_the_peer_is_found(tmp_path: Path) -> None:
    load = write_force(tmp_path / "records", events=3_000, people=500, plain=True)
    ours = tmp_path / "matrix.parquet"
    measure_whole(str(load.path), str(ours), dates=2, wanted="peer")
    names = wanted.names()
    mine = pd.read_parquet(ours)
    theirs = mine.rename(columns=names).fillna(0)
    theirs["entity_id"] = theirs.pop("nominal_id").str[1:].astype(int)
    totals = {name: int(theirs[name].sum()) for name in names.values()} | {"rows": len(theirs)}
    sample = tmp_path / "sample.csv"

    def differences() -> list[str]:
        theirs.to_csv(sample, index=False)
        return list(agreement(str(ours), str(sample), totals, names)["differences"])

    assert differences() == []
    theirs.loc[7, names["suspected_n_90d"]] += 1
    assert differences() == ["suspected_n_90d: 1 rows of the sample differ"]
    totals[names["suspected_n_ever"]] += 1
    assert len(differences()) == 2


def test_a_small_run_ends_with_every_figure_and_how_to_get_it_again() -> None:
    parts = ["whole", "events", "columns", "one", "memory", "check"]
    only = [word for part in parts for word in ("--only", part)]
    ran = CliRunner().invoke(precursor.app, ["bench", "features", *SMALL, *only, "--json"])
    assert ran.exit_code == 0, ran.output
    found = json.loads(ran.stdout)
    assert list(dict.fromkeys(figure["part"] for figure in found["figures"])) == parts
    values = {(figure["part"], figure["what"]): figure["value"] for figure in found["figures"]}
    assert values["whole", "events"] == 10_000
    assert all(value > 0 for value in values.values())
    assert (
        found["figures"][0]["command"] == f"precursor bench features --only whole {' '.join(SMALL)}"
    )
    assert set(found["circumstances"]) >= {"machine", "python", "libraries", "date"}


def bench_all(page: Path, *given: str) -> dict[str, Any]:
    """Run everything in small, and return what was found of each part."""
    asked = ["bench", "all", "--small", "--keep", str(page), "--json", *given]
    ran = CliRunner().invoke(precursor.app, asked)
    assert ran.exit_code == 0, ran.output
    return {found["part"]: found for found in json.loads(ran.stdout)["parts"]}


@pytest.fixture
def page(tmp_path: Path) -> Path:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    return page


def test_a_part_measured_again_leaves_the_others_as_they_were(page: Path) -> None:
    first = bench_all(page, "--only", "fitting", "--repeats", "3")
    assert set(first) == {"fitting"}
    assert "Not measured yet: features, service, batch, pages." in page.read_text()
    found = bench_all(page, "--only", "batch", "--repeats", "1")
    assert list(found) == ["batch", "fitting"]  # in the order of the page
    assert found["fitting"] == first["fitting"]
    times = found["fitting"]["figures"][-1]
    assert len(times["runs"]) == 3
    assert times["value"] == sorted(times["runs"])[1]
    kept = page.read_text()
    assert kept.startswith("before\n")
    assert kept.endswith("after\n")
    assert "old" not in kept
    assert everything.SMALL in kept


@pytest.mark.slow
def test_one_page_tells_every_aim_beside_what_was_found(page: Path) -> None:
    found = bench_all(page, "--repeats", "1")
    assert list(found) == list(everything.PARTS)
    kept = page.read_text()
    assert "Not measured yet" not in kept
    for of in found.values():
        for figure in of["figures"]:
            if figure["aim"] and figure["value"] is not None:
                assert f": {figure['what']} | " in kept
            assert f"`{figure['command']}`" in kept


def test_an_aim_that_is_missed_is_told_as_missed() -> None:
    figures = [
        Figure("service", "ours ÷ theirs", 2.5, "×", "≤ 2"),
        Figure("service", "in all", 3.0, "ms", "≤ 3"),
        Figure("service", "alone", 3.0, "ms"),
    ]
    found = {
        "part": "service",
        "about": "",
        "circumstances": table.circumstances(),
        "figures": [vars(one) | {"command": "precursor bench service"} for one in figures],
    }
    told = everything.markdown([found])
    title = table.TITLES["service"]
    assert f"| {title}: ours ÷ theirs | 2.5 × | ≤ 2 | **missed** |" in told
    assert f"| {title}: in all | 3 ms | ≤ 3 | met |" in told
    assert f"{title}: alone" not in told


def test_a_part_that_is_not_known_is_refused(precursor_home: Path) -> None:
    ran = CliRunner().invoke(precursor.app, ["bench", "all", "--only", "astrology"])
    assert "no part 'astrology'" in str(ran.exception)
    assert not precursor_home.exists()


def test_what_cannot_be_measured_here_is_said_and_does_not_fail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    parts = ["--only", "peer", "--only", "spark"]
    ran = CliRunner().invoke(precursor.app, ["bench", "features", *SMALL, *parts, "--json"])
    assert ran.exit_code == 0, ran.output
    peer, spark = json.loads(ran.stdout)["figures"]
    assert peer["value"] is spark["value"] is None
    assert peer["said"] == "not measured: initdb and pg_ctl not on PATH: no private PostgreSQL"
    assert "Java" in spark["said"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--only", "astrology"], "no part 'astrology'"),
        (["--events", "5"], "events 5 is less than"),
        (["--events", "20000", "--people", "30000"], "30,000 people need as many events"),
        (["--repeats", "0", "--dates", "0"], "dates 0 is less than 1; repeats 0 is less than 1"),
        (["--memory", "plenty"], "memory 'plenty'"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_made(
    precursor_home: Path, given: list[str], said: str
) -> None:
    ran = CliRunner().invoke(precursor.app, ["bench", "features", *given])
    assert said in str(ran.exception)
    assert not precursor_home.exists()


def test_a_page_that_is_not_there_is_told_before_anything_is_made(precursor_home: Path) -> None:
    ran = CliRunner().invoke(precursor.app, ["bench", "all", "--keep", "nowhere.md"])
    assert "nowhere.md: there is no such page" in str(ran.exception)
    assert not precursor_home.exists()


def test_a_page_without_a_place_for_figures_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("no place\n")
    with pytest.raises(Exception, match="the figures have no place there"):
        table.place(page)
    assert page.read_text() == "no place\n"


def test_a_failed_measure_names_the_file_with_its_words(precursor_home: Path) -> None:
    asked = ["bench", "features", *SMALL, "--only", "one"]
    CliRunner().invoke(precursor.app, asked)
    (load,) = [path for path in (precursor_home / "benchmarks").iterdir() if path.is_dir()]
    (load / "offence.parquet").write_bytes(b"not Parquet")
    ran = CliRunner().invoke(precursor.app, asked)
    assert "measure 'one' failed" in str(ran.exception)
    assert "changed since" in (precursor_home / "benchmarks" / "one.log").read_text()
    assert open_load(load).path == load


def test_what_a_process_and_its_children_hold_is_counted_together() -> None:
    code = "import subprocess, sys; b = bytearray(60_000_000); {}"
    inner = "import sys; b = bytearray(60_000_000); print(1, flush=True); sys.stdin.read()"
    outer = code.format(f"subprocess.run([sys.executable, '-c', {inner!r}])")
    with subprocess.Popen(
        [sys.executable, "-c", outer], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # the child has what it holds
        with processes.watched(process.pid) as peak:
            assert processes.children(process.pid)
        assert 0.12 < peak.gb < 0.4
        process.communicate(b"")


def test_the_command_repeats_only_what_is_not_usual() -> None:
    assert Asked().command("one") == "precursor bench features --only one"
    figures = [Figure("one", "a", 12_345.6, "s", runs=(1.0, 2.0))]
    assert "| a | 12,346 s |  | 1 to 2 |" in table.markdown(
        Asked().command, figures, table.circumstances()
    )


def test_how_near_champions_come_is_told_by_one_command(
    precursor_home: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{table.BEGIN}\n{table.END}\n")
    asked = ["domestic_abuse_high_harm=3000/2000", "iom_flex_high_harm=3000/2000"]
    sizes = ["--years", "4", "--universes", "2"]
    ran = CliRunner().invoke(
        precursor.app, ["bench", "oracles", *asked, *sizes, "--keep", str(page), "--json"]
    )
    assert ran.exit_code == 0, ran.output
    one, other = json.loads(ran.stdout)["figures"]
    assert (one["question"], other["question"]) == tuple(text.partition("=")[0] for text in asked)
    assert 0.4 < one["figures"]["model"]["auc"] < one["figures"]["full_state_oracle"]["auc"]
    worlds = list((precursor_home / "benchmarks").glob("force-*-truth/universe-*"))
    assert len(worlds) == 2  # both questions learnt from the same other worlds
    assert f"precursor bench oracles {' '.join(asked)} --years 4" in page.read_text()
    assert f"{one['share_of_record_oracle']:.1%}" in page.read_text()


def test_what_intervals_hold_is_counted_over_several_forces(
    precursor_home: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{table.BEGIN}\n{table.END}\n")
    asked = ["domestic_abuse_high_harm=3000/2000", "iom_flex_high_harm=3000/2000"]
    sizes = ["--years", "4", "--universes", "2", "--refits", "2", "--forces", "2"]
    ran = CliRunner().invoke(
        precursor.app, ["bench", "intervals", *asked, *sizes, "--keep", str(page), "--json"]
    )
    assert ran.exit_code == 0, ran.output
    one, other = json.loads(ran.stdout)["figures"]
    forces = list((precursor_home / "benchmarks").glob("force-*"))
    assert len(forces) == 3  # two, and the truth of the first
    assert {"all", "domestic_abuse"} <= {found["part"] for found in other["forces"]}
    for found in (one, other):
        assert len(found["positives"]) == 2
        rows = [part for part in found["forces"] if part["part"] == "all"]
        inside = sum(part["covered"] * part["rows"] for part in rows)
        assert found["pooled"]["all"] == pytest.approx(inside / sum(part["rows"] for part in rows))
        assert f"| {found['pooled']['all']:.0%} |" in page.read_text()
    assert f"precursor bench intervals {' '.join(asked)} --years 4 --forces 2" in page.read_text()


@pytest.mark.parametrize("part", ["oracles", "intervals"])
@pytest.mark.parametrize(
    "given",
    ["domestic_abuse_high_harm", "=1/2", "sexual_harm=1e3/5", "a=\N{ARABIC-INDIC DIGIT ONE}/2"],
)
def test_a_size_that_is_none_is_refused(given: str, part: str) -> None:
    ran = CliRunner().invoke(precursor.app, ["bench", part, given])
    assert "is no QUESTION=NOMINALS/OTHERS" in str(ran.exception)
