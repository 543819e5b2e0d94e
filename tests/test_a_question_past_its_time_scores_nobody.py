"""Models, records and stages expire by their question's clock; then nobody is scored, in words."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import small_force
from served import NAME, Served, served
from small_force import AS_OF, DATA_TO
from typer.testing import CliRunner

from features.errors import Conflict, NotFound, UsageError
from features.labels import label
from precursor import app
from serving import stages
from serving.expiry import Expired, last_day, require_current
from serving.ledger import Action
from serving.permissions import Principal, Role
from serving.stages import Standing
from serving.stock import Stock
from training.shadow import compare, in_words

__all__ = ["served"]
DAY = timedelta(days=1)
WHO = Principal("d.ecider", Role("operator"))


def aged(served: Served, upto: date, **changes: Any) -> Any:
    """The service's model as if it had learned from records up to a day, on changed terms."""
    question = served.model.question.model_copy(update=changes)
    training = dict(served.model.training) | {"load": {"data_to": upto.isoformat()}}
    return replace(served.model, question=question, training=training)


def test_a_model_scores_up_to_its_last_day_and_no_longer(served: Served) -> None:
    model = aged(served, AS_OF - timedelta(days=365), retrain_after_days=365)
    assert last_day(model) == AS_OF  # the clock of the records: the day after they end
    require_current(model, 3, served.load, Standing("pilot"))
    older = aged(served, AS_OF - timedelta(days=366), retrain_after_days=365)
    with pytest.raises(Expired, match="version 3 learned from records up to") as refused:
        require_current(older, 3, served.load, Standing("pilot"))
    assert (refused.value.status, refused.value.code) == (503, "model_expired")
    assert "precursor train" in refused.value.remedy


def test_the_clock_of_the_calendar_ages_models_and_records(served: Served) -> None:
    terms = {"clock": "calendar", "retrain_after_days": 100, "expires_after_days": 35}
    model = aged(served, DATA_TO, **terms)
    require_current(model, 1, served.load, Standing("live"), AS_OF + 35 * DAY)
    with pytest.raises(Expired, match="the records end on") as refused:
        require_current(model, 1, served.load, Standing("live"), AS_OF + 36 * DAY)
    assert refused.value.code == "records_stale"
    with pytest.raises(Expired, match="stopped scoring"):
        require_current(model, 1, served.load, Standing("live"), DATA_TO + 101 * DAY)
    old_clock = aged(served, DATA_TO, **terms | {"clock": "records"})
    require_current(old_clock, 1, served.load, Standing("live"), AS_OF + 9999 * DAY)


def test_a_stage_ends_on_its_last_day(served: Served) -> None:
    require_current(served.model, 1, served.load, Standing("pilot", AS_OF, "panel"))
    with pytest.raises(Expired, match="its stage pilot ended on") as refused:
        require_current(served.model, 1, served.load, Standing("pilot", AS_OF - DAY, "panel"))
    assert refused.value.code == "stage_ended"


def moved(served: Served, stage: str, until: date = AS_OF + 90 * DAY, by: str = "panel") -> Any:
    return stages.move(
        served.ledger,
        served.model.question,
        stage,
        decided_by=by,
        until=until,
        today=AS_OF,
        who=WHO,
        reason="trial",
    )


def test_a_question_moves_a_step_at_a_time_and_the_service_follows(served: Served) -> None:
    person = served.people[0]
    moved(served, "shadow")
    try:
        refused = served.score(person)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "in_shadow")
        with pytest.raises(Conflict, match="more than one step"):
            moved(served, "live")
        with pytest.raises(Conflict, match="already"):
            moved(served, "shadow")
        with pytest.raises(UsageError, match="nobody decided"):
            moved(served, "pilot", by=" ")
        with pytest.raises(UsageError, match="would end on"):
            moved(served, "pilot", until=AS_OF - DAY)
        with pytest.raises(UsageError, match="no stage"):
            moved(served, "beta")
        model, _ = Stock(served.ledger).champion(NAME)
        assert model.question.stage == "shadow"
        assert model.sha256 == served.model.sha256  # the same model, down to its files
    finally:
        moved(served, "pilot", by="ethics panel, chair")
    assert served.score(person).status_code == 200
    entry = served.ledger.entries(action=Action.STAGE, limit=1)[0]
    assert entry.body["decided_by"] == "ethics panel, chair"
    assert (entry.body["before"], entry.body["stage"]) == ("shadow", "pilot")
    assert served.ledger.verify().ok


def test_a_file_alone_moves_no_question(served: Served) -> None:
    stock = Stock(served.ledger)
    before = stock.standing(served.model.question)
    place = served.home / "champions" / NAME / stages.FILE
    place.write_text('{"entry": 1, "stage": "live"}')
    assert stock.standing(served.model.question) == before


def test_the_service_says_that_a_stage_has_ended(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = {"actor": "d.ecider", "role": "operator", "purpose": "over", "question": NAME}
    past = {"stage": "pilot", "before": "pilot", "decided_by": "panel"}
    served.ledger.append(Action.STAGE, **entry, body=past | {"until": (AS_OF - DAY).isoformat()})
    (served.home / "champions" / NAME / stages.FILE).write_text("{}")
    try:
        refused = served.score(served.people[0])
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "stage_ended")
        assert (
            served.ledger.entries(action=Action.REFUSAL, limit=1)[0].body["code"] == "stage_ended"
        )
        out = served.home / "late.parquet"
        words = ["score", NAME, str(served.load.path), "--out", str(out), "--json"]
        done = CliRunner().invoke(app, words)
        assert isinstance(done.exception, Expired)
        assert not out.exists()
    finally:
        moved(served, "pilot")
    assert served.score(served.people[0]).status_code == 200


def test_the_command_shows_and_moves(served: Served) -> None:
    shown = CliRunner().invoke(app, ["stage", NAME])
    assert shown.exit_code == 0, shown.output
    assert "is at stage pilot" in shown.output
    incomplete = CliRunner().invoke(app, ["stage", NAME, "live", "--by", "panel"])
    assert isinstance(incomplete.exception, UsageError)
    until = (AS_OF + 30 * DAY).isoformat()
    words = ["stage", NAME, "live", "--by", "chief officer group", "--until", until]
    try:
        done = CliRunner().invoke(app, [*words, "--reason", "pilot evaluated"])
        assert done.exit_code == 0, done.output
        assert f"at stage live until {until}, decided by chief officer group" in done.output
    finally:
        moved(served, "pilot", until=AS_OF + 91 * DAY)


def test_shadow_scores_are_held_against_rfg_when_what_followed_is_known(served: Served) -> None:
    question, history = served.model.question, served.history
    at = pd.Timestamp(AS_OF - timedelta(days=430))
    people = history.people("suspected", 0)
    spine = pd.DataFrame({"nominal_id": people, "as_of_date": at})
    y = label(history, question, spine)["label"].fillna(0).to_numpy()
    rng = np.random.default_rng(1)
    foreseen = spine.assign(probability=np.clip(0.2 + 0.6 * y + rng.normal(0, 0.1, len(y)), 0, 1))
    found = compare(served.model, history, foreseen, draws=60)
    assert (found.mature, found.dates) == (len(people), 1)
    assert found.differences["auc"].low > 0  # it was told what followed
    assert "better than RFG" in in_words(found)
    blind = compare(served.model, history, spine.assign(probability=rng.random(len(y))), draws=60)
    assert blind.figures["rfg"]["auc"].value == found.figures["rfg"]["auc"].value
    assert blind.differences["auc"].value < 0.1


def test_what_is_not_known_yet_is_not_compared(served: Served) -> None:
    spine = pd.DataFrame({"nominal_id": served.people, "as_of_date": pd.Timestamp(AS_OF)})
    found = compare(served.model, served.history, spine.assign(probability=0.5), draws=20)
    assert (found.mature, found.figures) == (0, {})
    wait = timedelta(days=served.model.question.horizon_days + served.model.question.lag_days)
    assert found.matures_on == AS_OF + wait
    assert str(found.matures_on) in in_words(found)
    with pytest.raises(NotFound, match="nobody was scored in shadow"):
        compare(served.model, served.history, spine.iloc[:0].assign(probability=0.5))


def test_only_scores_given_before_what_followed_count_as_shadow(served: Served) -> None:
    moved(served, "shadow", until=AS_OF + 92 * DAY)
    try:
        for number, as_of in enumerate((AS_OF, AS_OF - 400 * DAY)):
            out = served.home / f"shadow-{number}.parquet"
            words = ["score", NAME, str(served.load.path), "--out", str(out)]
            done = CliRunner().invoke(app, [*words, "--as-of", as_of.isoformat()])
            assert done.exit_code == 0, done.output
    finally:
        moved(served, "pilot", until=AS_OF + 93 * DAY)
    given = stages.given_at(NAME, "shadow")
    assert set(given["as_of_date"].dt.date) == {AS_OF}
    done = CliRunner().invoke(app, ["shadow", NAME, str(served.load.path)])
    assert done.exit_code == 0, done.output
    assert "Too few to compare" in done.output
    assert stages.given_at("nothing_of_this_name", "shadow").empty


def test_the_world_is_the_small_force(served: Served) -> None:
    assert served.model.question == small_force.QUESTION
    assert Path(os.environ["PRECURSOR_HOME"]) == served.home
