"""Each switch of the made-up force does what it says, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from features.commands import app
from features.errors import Conflict, UsageError
from features.identities import read_identities
from features.loads import Load, manifest
from features.synthetic import Switches, synthesise
from features.synthetic.parameters import EFFECTS

PLAIN = Switches.off()


def world(folder: Path, switches: Switches, nominals: int = 1_500, years: int = 1, seed: int = 2):
    """Return a force and a way to ask it."""
    load = synthesise(folder, nominals=nominals, years=years, seed=seed, switches=switches)
    connection = duckdb.connect()
    for name, file in load.tables.items():
        connection.execute(f"create view {name} as select * from '{file}'")
    return load, lambda query: connection.execute(query).fetchall()


def suspects_by_ethnicity(ask, which: str = "true") -> dict[str, int]:
    return dict(
        ask(
            "select n.ethnicity, count(*) from involvement i join nominal n using (nominal_id)"
            " join offence o on o.record_id = i.offence_id"
            f" where i.role = 'suspect' and {which} group by 1"
        )
    )


def test_a_group_is_recorded_as_often_as_asked(tmp_path: Path) -> None:
    _, even = world(tmp_path / "even", PLAIN)
    _, uneven = world(tmp_path / "uneven", Switches.off(bias={"Black": 2.0}))
    before, after = suspects_by_ethnicity(even), suspects_by_ethnicity(uneven)
    ratio = (after["Black"] / before["Black"]) / (after["White"] / before["White"])
    assert 1.8 < ratio < 2.25


def test_reports_of_a_group_of_victims_are_recorded_as_often_as_asked(tmp_path: Path) -> None:
    _, even = world(tmp_path / "even", PLAIN)
    _, uneven = world(tmp_path / "uneven", Switches.off(victims={"Asian": 0.5}))
    ratios = []
    for which in ("o.domestic", "not o.domestic"):
        before, after = (suspects_by_ethnicity(ask, which) for ask in (even, uneven))
        ratios.append((after["Asian"] / before["Asian"]) / (after["White"] / before["White"]))
    assert 0.42 < ratios[0] < 0.6
    assert 0.85 < ratios[1] < 1.15


def test_each_part_of_drift_goes_alone(tmp_path: Path) -> None:
    def blanks(parts: tuple[str, ...]) -> dict[bool, float]:
        switches = Switches(drift=parts)
        _, ask = world(tmp_path / parts[0], switches, nominals=700, years=4)
        return dict(
            ask(
                "select known_on < date '2022-01-01', avg((weapon is null)::int) from offence"
                " where known_on between '2021-04-01' and '2022-12-31' group by 1"
            )
        )

    alone, without = blanks(("go-live",)), blanks(("lockdown", "counting-rule"))
    assert alone[True] > 0.38 > 0.22 > alone[False]
    assert abs(without[True] - without[False]) < 0.05


def test_recording_grows_and_theft_falls_in_lockdown_when_they_are_to(tmp_path: Path) -> None:
    def domestic_growth(parts: tuple[str, ...]) -> float:
        _, ask = world(tmp_path / "-".join(["x", *parts]), Switches.off(drift=parts), years=6)
        [(first, last)] = ask(
            "select count(*) filter (known_on < '2019-04-01'),"
            " count(*) filter (known_on >= '2022-04-01' and known_on < '2023-04-01')"
            " from offence where domestic and known_on >= '2018-04-01'"
        )
        return last / first

    assert domestic_growth(("recording",)) > 2
    assert domestic_growth(()) < 1.5


def test_a_marker_that_should_say_yes_is_missing_more_often(tmp_path: Path) -> None:
    shares = []
    for by_value in (False, True):
        switches = Switches(missing_by_value=by_value, drift=False)
        _, ask = world(tmp_path / str(by_value), switches)
        [(yes,)] = ask("select avg(separation::int) from offence where domestic")
        shares.append(yes)
    assert shares[1] < 0.93 * shares[0]


def test_without_effects_interventions_are_recorded_and_change_nothing(tmp_path: Path) -> None:
    switches = Switches.off()
    none = Switches.off(interventions=True, effects=dict.fromkeys(EFFECTS, 1.0))
    loads = [
        synthesise(tmp_path / name, nominals=400, years=2, seed=3, switches=given)
        for name, given in (("off", switches), ("one", none))
    ]
    assert loads[0].fingerprint == loads[1].fingerprint
    assert pq.read_metadata(loads[0].tables["programme"]).num_rows > 0


def test_an_effect_lowers_what_those_under_it_do(tmp_path: Path) -> None:
    def repeats(ratio: float) -> float:
        switches = Switches.off(interventions=True, effects={"bail": ratio})
        _, ask = world(tmp_path / str(ratio), switches, nominals=4_000, years=4, seed=5)
        [(rate,)] = ask(
            "select count(distinct o.record_id) / count(distinct b.record_id) from bail b"
            " left join involvement i on i.nominal_id = b.nominal_id and i.role = 'suspect'"
            " left join offence o on o.record_id = i.offence_id and o.domestic"
            " and o.occurred_on > b.occurred_on and o.occurred_on <= b.occurred_on + 28"
            " where b.event = 'granted' and b.conditions = 'yes'"
        )
        return float(rate)

    assert repeats(0.05) < 0.75 * repeats(1.0)


def test_those_at_risk_are_chosen_when_the_rule_says_so(tmp_path: Path) -> None:
    earlier = {}
    for rule in ("randomised", "risk-targeted"):
        switches = Switches.off(selection=rule)
        _, ask = world(tmp_path / rule, switches, nominals=3_000, years=4, seed=4)
        [(mean,)] = ask(
            "select avg((select count(*) from involvement i where i.nominal_id = p.nominal_id"
            " and i.role = 'suspect' and i.known_on < p.occurred_on)) from programme p"
            " where p.event = 'started'"
        )
        earlier[rule] = mean
    assert earlier["risk-targeted"] > 1.15 * earlier["randomised"]


def test_concept_drift_begins_when_it_says(tmp_path: Path) -> None:
    files = []
    for drifts in (False, True):
        load, _ = world(
            tmp_path / str(drifts), Switches.off(concept_drift=drifts), nominals=600, years=4
        )
        offences = pd.read_parquet(load.tables["offence"])
        before = offences[offences["known_on"].astype(str) < "2024-04-01"]
        columns = ["occurred_on", "known_on"]
        files.append((before[columns].reset_index(drop=True), len(offences)))
    pd.testing.assert_frame_equal(files[0][0], files[1][0])
    assert files[0][1] != files[1][1]


@pytest.fixture(scope="module")
def doubled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Load, Path]:
    folder = tmp_path_factory.mktemp("doubled")
    switches = Switches(duplicates=0.05)
    load = synthesise(
        folder / "records",
        nominals=500,
        years=2,
        seed=6,
        switches=switches,
        truth=folder / "truth",
    )
    return load, folder / "truth"


def test_the_truth_tells_which_records_are_of_one_person(doubled: tuple[Load, Path]) -> None:
    load, truth = doubled
    pairs = pq.read_table(truth / "duplicates.parquet").to_pandas()
    people = pq.read_table(load.tables["nominal"]).to_pandas().drop_duplicates("nominal_id")
    assert 0.02 < len(pairs) / len(people) < 0.08
    assert pairs["nominal_id"].is_unique
    assert set(pairs["nominal_id"]).isdisjoint(pairs["same_as"])
    assert set(pairs.to_numpy().ravel()) <= set(people["nominal_id"])
    told = people.set_index("nominal_id")
    one, two = (told.loc[pairs[name]] for name in ("nominal_id", "same_as"))
    same = one["born_on"].to_numpy() == two["born_on"].to_numpy()
    assert 0.4 < same.mean() < 0.9


def test_each_crime_of_a_person_is_filed_under_one_record(doubled: tuple[Load, Path]) -> None:
    load, truth = doubled
    connection = duckdb.connect()
    tables = load.tables
    [(both, first, second)] = connection.execute(
        f"with pairs as (from '{truth}/duplicates.parquet'),"
        f" suspects as (select distinct nominal_id, offence_id from '{tables['involvement']}')"
        " select (select count(*) from pairs join suspects a using (nominal_id)"
        "   join suspects b on b.nominal_id = same_as and b.offence_id = a.offence_id),"
        " (select count(*) from pairs join suspects s on s.nominal_id = same_as),"
        " (select count(*) from pairs join suspects using (nominal_id))"
    ).fetchall()
    assert both == 0
    assert min(first, second) > 20
    strays = connection.execute(
        f"select count(*) from '{tables['custody']}' c anti join '{tables['involvement']}' i"
        " on c.nominal_id = i.nominal_id and c.offence_id = i.offence_id"
    ).fetchall()
    assert strays == [(0,)]


def test_made_up_identities_can_be_linked_by(doubled: tuple[Load, Path]) -> None:
    load, truth = doubled
    known = pq.read_table(load.tables["nominal"])["nominal_id"].unique().to_pylist()
    with duckdb.connect() as connection:
        columns = read_identities(connection, truth / "identities.parquet", known)
        assert set(columns) == {"forename", "surname", "born_on", "postcode", "pnc_id"}
        [(alike,)] = connection.execute(
            f"select avg((a.surname = b.surname)::int) from '{truth}/duplicates.parquet' p"
            " join identities a on a.nominal_id = p.nominal_id"
            " join identities b on b.nominal_id = p.same_as"
        ).fetchall()
    assert 0.6 < alike < 1


def test_a_folder_with_such_files_is_left_alone(doubled: tuple[Load, Path], tmp_path: Path) -> None:
    _, truth = doubled
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / "identities.parquet").write_bytes(
        (truth / "identities.parquet").read_bytes()
    )
    with pytest.raises(Conflict, match="identities"):
        synthesise(tmp_path / "records", nominals=10, years=1, truth=tmp_path / "truth")
    assert not (tmp_path / "records").exists()


def test_the_command_takes_every_switch_and_tells_them(tmp_path: Path) -> None:
    out = tmp_path / "records"
    words = [
        "synthesise", str(out), "--nominals", "40", "--years", "1", "--json",
        "--bias", "Black=2", "--bias", "Asian=0.5", "--victims", "Asian=0.8",
        "--drift", "go-live,lockdown", "--concept-drift", "--effect", "easi=0.5",
        "--selection", "risk-targeted", "--missing-by-value", "--duplicates", "0.03",
        "--no-interactions", "--no-faults", "--report", str(tmp_path / "report.html"),
    ]  # fmt: skip
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["synthetic"] is True
    assert (tmp_path / "report.html").is_file()
    told = json.loads(manifest(out)["notes"][-1].removeprefix("switches: "))
    assert told["bias"] == {"Black": 2.0, "Asian": 0.5}
    assert told["victims"] == {"Asian": 0.8}
    assert told["drift"] == ["go-live", "lockdown"]
    assert told["effects"]["easi"] == 0.5
    assert told["effects"]["order"] == EFFECTS["order"]
    assert (told["selection"], told["duplicates"]) == ("risk-targeted", 0.03)
    assert (told["concept_drift"], told["missing_by_value"]) == (True, True)
    assert (told["interactions"], told["faults"]) == (False, False)


def test_plain_turns_everything_off_and_stands_alone(tmp_path: Path) -> None:
    out = tmp_path / "records"
    words = ["synthesise", str(out), "--nominals", "30", "--years", "1", "--plain"]
    assert CliRunner().invoke(app, words).exit_code == 0
    told = json.loads(manifest(out)["notes"][-1].removeprefix("switches: "))
    assert not any(told[name] for name in ("bias", "drift", "interventions", "faults"))
    assert set(told["effects"].values()) == {1.0}
    refused = CliRunner().invoke(app, [*words, "--drift", "none"])
    assert isinstance(refused.exception, UsageError)


@pytest.mark.parametrize(
    "words",
    [
        ("--bias", "Black"),
        ("--bias", "Black=twice"),
        ("--bias", "Martian=2"),
        ("--bias", "Black=0"),
        ("--bias", "Black=nan"),
        ("--bias", "Black=2", "--bias", "Black=3"),
        ("--drift", "weather"),
        ("--drift", "all,none"),
        ("--effect", "prayer=0.5"),
        ("--selection", "favourites"),
        ("--report", "report.pdf"),
    ],
)
def test_what_no_switch_means_is_refused_before_anything_is_written(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    out = tmp_path / "records"
    done = CliRunner().invoke(app, ["synthesise", str(out), "--nominals", "20", *words])
    assert isinstance(done.exception, UsageError)
    assert done.exception.remedy
    assert not out.exists()


def test_all_wrong_switches_are_told_at_once() -> None:
    with pytest.raises(UsageError) as refused:
        Switches(
            bias={"x": 2.0}, victims={"Asian": -1.0}, drift=("y",), selection="z", duplicates=1
        )
    assert all(word in str(refused.value) for word in ("'x'", "-1.0", "'y'", "'z'", "duplicates"))
