"""The true risk of a simulated force: what it expects is what then happens, in any world."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from features.cohort import cohort
from features.errors import Conflict, NotFound, PrecursorError, UsageError
from features.force_command import synthesise as synthesise_command
from features.history import History
from features.labels import label
from features.loads import Load
from features.synthetic import Switches, synthesise
from features.synthetic.columns import happened
from features.synthetic.dynamics import simulate
from features.synthetic.states import draw_states
from features.synthetic.streams import Streams
from features.synthetic.timeline import Timeline
from features.synthetic.traits import draw_people
from features.synthetic.truth import quarters
from features.synthetic.truth_chances import high_harm
from features.synthetic.truth_replay import LAG_DAYS, RiskWitness
from training.oracles_truth import open_truth
from training.questions import question
from training.splits import temporal

DATA_TO = date(2026, 1, 31)
AT = date(2024, 2, 14)
QUESTIONS = ("domestic_abuse_high_harm", "stalking_escalation", "iom_flex_high_harm")


def lived(seed: int, switches: Switches, horizons=(182, 365), at: date = AT):  # type: ignore[no-untyped-def]
    """Return the risks of a world, and for each whether a high-harm offence came and counted."""
    timeline, streams = Timeline.of(3, DATA_TO), Streams(seed)
    people = draw_people(6_000, streams["traits"])
    states = draw_states(people, timeline.months, streams["states"])
    witness = RiskWitness(timeline, switches, {at: horizons}, seed)
    events = simulate(people, states, timeline, streams, switches, witness=witness).events
    grave = high_harm()[events["kind"]]
    for risk in witness.found:
        day, horizon = risk["day"][0], risk["horizon"][0]
        came = grave & (events["day"] >= day) & (events["day"] < day + horizon)
        counted = came & happened(events["named"])
        counted &= events["named"] < day + horizon + LAG_DAYS
        yield risk, *(np.isin(risk["person"], events["person"][rows]) for rows in (came, counted))


@pytest.mark.parametrize(
    "switches",
    [Switches(), Switches.off(), Switches(concept_drift=True, effects={"order": 0.3})],
    ids=["usual", "everything off", "drifting concept"],
)
def test_what_is_expected_is_what_happens_in_fresh_worlds(switches: Switches) -> None:
    sums: dict[tuple[int, str], list[float]] = {}
    for seed in range(300, 303):
        for risk, came, counted in lived(seed, switches):
            for name, happened_then in (("true", came), ("recorded", counted)):
                p = risk[name]
                found = [p.sum(), happened_then.sum(), (p * (1 - p)).sum()]
                key = (int(risk["horizon"][0]), name)
                sums[key] = (np.array(sums.get(key, [0, 0, 0])) + found).tolist()
    assert len(sums) == 4
    for key, (expected, observed, variance) in sums.items():
        assert abs(observed - expected) < 3 * np.sqrt(variance), (key, expected, observed)
        assert expected > 30


def test_it_is_calibrated_from_the_lowest_risks_to_the_highest() -> None:
    p, y = [], []
    for seed in range(310, 312):
        for risk, came, _ in lived(seed, Switches(), horizons=(365,)):
            p.append(risk["true"])
            y.append(came)
    chance, happened_then = np.concatenate(p), np.concatenate(y)
    for band in np.array_split(np.argsort(chance), 5):
        spread = np.sqrt((chance[band] * (1 - chance[band])).sum())
        assert abs(happened_then[band].sum() - chance[band].sum()) < 3.5 * spread + 1


def test_a_longer_horizon_is_riskier_and_a_record_is_never_likelier_than_the_deed() -> None:
    short, long = (risk for risk, *_ in lived(320, Switches()))
    assert (short["person"] == long["person"]).all()
    assert long["true"].mean() > 1.4 * short["true"].mean()
    assert 0 < short["recorded"].mean() < 0.6 * short["true"].mean()
    for risk in (short, long):
        for name in ("true", "recorded", "half"):
            assert ((risk[name] >= 0) & (risk[name] < 1)).all()


def test_to_watch_a_world_changes_nothing_in_it() -> None:
    timeline, switches = Timeline.of(1, DATA_TO), Switches()

    def events(watched: bool):  # type: ignore[no-untyped-def]
        streams = Streams(5)
        people = draw_people(800, streams["traits"])
        states = draw_states(people, timeline.months, streams["states"])
        witness = RiskWitness(timeline, switches, {AT: (90,)}, 5) if watched else None
        return simulate(people, states, timeline, streams, switches, witness=witness).events

    alone, watched = events(False), events(True)
    assert all((alone[name] == watched[name]).all() for name in alone)


@pytest.fixture(scope="module")
def force(tmp_path_factory: pytest.TempPathFactory) -> tuple[Load, Path]:
    folder = tmp_path_factory.mktemp("force")
    load = synthesise(
        folder / "records",
        nominals=6_000,
        years=4,
        seed=23,
        truth=folder / "truth",
        truth_at={AT: [365], DATA_TO + timedelta(days=1): [182, 365]},
        replays=2,
        switches=Switches(duplicates=0.0),
    )
    return load, folder / "truth"


@pytest.mark.parametrize("name", QUESTIONS)
def test_labels_made_from_the_records_agree_with_the_recorded_risk(
    force: tuple[Load, Path], name: str
) -> None:
    load, folder = force
    asked, history = question(name), History(load)
    rows = label(history, asked, cohort(history, asked, [AT]))
    known = rows.merge(open_truth(folder, load).risk(asked), on=["nominal_id", "as_of_date"])
    assert len(known) == len(rows) > 100
    p = known["recorded"].to_numpy(np.float64)
    assert abs(known["label"].sum() - p.sum()) < 3 * np.sqrt((p * (1 - p)).sum())
    assert known.loc[known["label"] == 1, "recorded"].mean() > 1.5 * p.mean()


def test_the_folder_says_what_it_is(force: tuple[Load, Path]) -> None:
    load, folder = force
    told = json.loads((folder / "manifest.json").read_text())
    assert told["synthetic"] is True
    assert "nobody in it exists" in told["words"]
    assert (told["seed"], told["load"]) == (23, load.fingerprint)
    assert told["switches"]["duplicates"] == 0.0
    assert told["in_force"]["effects"]["programme"] == 0.70
    risk = pq.read_table(folder / "risk.parquet").to_pandas()
    assert set(risk.groupby("as_of_date")["horizon_days"].unique().map(tuple)) == {
        (365,),
        (182, 365),
    }
    spells = pq.read_table(folder / "interventions.parquet").to_pandas()
    assert set(spells["intervention"]) == {"order", "programme", "easi", "bail", "iom"}
    assert (spells["ratio"] == spells["intervention"].map(told["in_force"]["effects"])).all()
    ended = spells.dropna(subset="until")
    assert (pd.to_datetime(ended["until"]) >= pd.to_datetime(ended["from_on"])).all()


def test_the_truth_of_other_records_is_refused(force: tuple[Load, Path], tmp_path: Path) -> None:
    load, folder = force
    other = synthesise(tmp_path / "records", nominals=20, years=1)
    with pytest.raises(PrecursorError, match="truth of other records"):
        open_truth(folder, other)
    with pytest.raises(NotFound, match="no truth here"):
        open_truth(tmp_path / "nowhere", load)
    (tmp_path / "manifest.json").write_text("[1,")
    with pytest.raises(PrecursorError, match="cannot be read"):
        open_truth(tmp_path, load)


def test_a_question_that_the_truth_has_no_answer_to_is_refused_with_all_reasons(
    force: tuple[Load, Path],
) -> None:
    load, folder = force
    asked = question("stalking_escalation").model_copy(
        update={
            "horizon_days": 30,
            "lag_days": 10,
            "outcome": question("stalking_escalation").outcome.model_copy(
                update={"of": ("stalking",)}
            ),
        }
    )
    with pytest.raises(PrecursorError) as refused:
        open_truth(folder, load).risk(asked)
    for words in ("outcome is another", "horizon is 30 days", "lag is 10 days"):
        assert words in str(refused.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"replays": 3},
        {"replays": 0},
        {"truth_at": {}},
        {"truth_at": {AT: []}},
        {"truth_at": {AT: [0]}},
        {"truth_at": {date(1999, 1, 1): [365]}},
        {"truth_at": {date(2030, 1, 1): [365]}},
    ],
)
def test_what_cannot_be_worked_out_is_refused_before_anything_is_written(
    tmp_path: Path,
    wrong: dict,  # type: ignore[type-arg]
) -> None:
    with pytest.raises(UsageError):
        synthesise(tmp_path / "records", nominals=20, years=1, truth=tmp_path / "truth", **wrong)
    assert list(tmp_path.iterdir()) == []


def test_a_truth_is_not_overwritten(force: tuple[Load, Path], tmp_path: Path) -> None:
    with pytest.raises(Conflict, match="left alone"):
        synthesise(tmp_path / "records", nominals=20, years=1, truth=force[1])


@pytest.mark.parametrize("years", [3, 6, 10])
def test_its_dates_are_those_on_which_questions_are_judged_and_on_which_lists_are_made(
    years: int,
) -> None:
    timeline, asked = Timeline.of(years, DATA_TO), question("domestic_abuse_high_harm")
    *judged, lists = quarters(timeline)
    assert lists == DATA_TO + timedelta(days=1)
    assert judged[-1] == DATA_TO + timedelta(days=1 - 365 - LAG_DAYS)
    everywhere = quarters(timeline, judged=False)
    assert set(judged) < set(everywhere)
    assert min(everywhere) >= timeline.start + timedelta(days=365)
    labelled = [at for at in everywhere if at != lists]
    frame = pd.DataFrame(
        {
            "nominal_id": "N",
            "as_of_date": np.repeat(labelled, 200),
            "label": [0, 1] * 100 * len(labelled),
        }
    )
    frame["as_of_date"] = pd.to_datetime(frame["as_of_date"])
    if years > 3:  # else no label of a training part is mature before the test part
        split = temporal(frame, asked)
        assert set(frame.loc[split.test, "as_of_date"].dt.date) <= set(judged)


def test_further_horizons_have_their_own_dates() -> None:
    found = quarters(Timeline.of(6, DATA_TO), (182, 365, 730), judged=False)
    assert {horizon for horizons in found.values() for horizon in horizons} == {182, 365, 730}
    assert found[DATA_TO + timedelta(days=1)] == [182, 365, 730]


def test_the_command_writes_the_truth_that_was_asked_for(tmp_path: Path) -> None:
    door = CliRunner()
    app = typer.Typer()
    app.command()(synthesise_command)
    size = ["--nominals", "20", "--years", "2"]
    wanted = ["--truth-horizon", "182", "--truth-horizon", "91", "--truth-everywhere"]
    refused = door.invoke(app, [str(tmp_path / "none"), *size, *wanted])
    assert isinstance(refused.exception, UsageError)
    assert "--truth DIR" in refused.exception.remedy
    assert list(tmp_path.iterdir()) == []
    made = door.invoke(
        app, [str(tmp_path / "records"), *size, "--truth", str(tmp_path / "truth"), *wanted]
    )
    assert made.exit_code == 0, made.output
    told = json.loads((tmp_path / "truth" / "manifest.json").read_text())
    assert told["asked"]["2026-02-01"] == [91, 182]
    assert len(told["asked"]) > 10
