"""Models, records and stages expire by their question's clock; then nobody is scored, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from served import NAME, Served, put_in_force, served
from small_force import AS_OF, DATA_TO
from typer.testing import CliRunner

from features.errors import Conflict, NotFound, UsageError
from features.labels import label
from precursor import app
from serving import stages
from serving.answers import scores
from serving.expiry import Expired, last_day, require_current
from serving.kept import serve_from
from serving.ledger import Action, Ledger
from serving.permissions import Principal, Role
from serving.schema import ScoreRequest
from serving.stage import InShadow
from serving.stages import CurrentStage
from serving.stock import Stock
from training.shadow import compare, told

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
    require_current(model, 3, served.load, CurrentStage("pilot"))
    older = aged(served, AS_OF - timedelta(days=366), retrain_after_days=365)
    with pytest.raises(Expired, match="version 3 learned from records up to") as refused:
        require_current(older, 3, served.load, CurrentStage("pilot"))
    assert (refused.value.status, refused.value.code) == (503, "model_expired")
    assert "precursor train" in refused.value.remedy


def test_the_clock_of_the_calendar_ages_models_and_records(served: Served) -> None:
    terms = {"clock": "calendar", "retrain_after_days": 100, "expires_after_days": 35}
    model = aged(served, DATA_TO, **terms)
    require_current(model, 1, served.load, CurrentStage("live"), AS_OF + 35 * DAY)
    with pytest.raises(Expired, match="the records end on") as refused:
        require_current(model, 1, served.load, CurrentStage("live"), AS_OF + 36 * DAY)
    assert refused.value.code == "records_stale"
    with pytest.raises(Expired, match="stopped scoring"):
        require_current(model, 1, served.load, CurrentStage("live"), DATA_TO + 101 * DAY)
    old_clock = aged(served, DATA_TO, **terms | {"clock": "records"})
    require_current(old_clock, 1, served.load, CurrentStage("live"), AS_OF + 9999 * DAY)


def test_a_stage_ends_on_its_last_day(served: Served) -> None:
    require_current(served.model, 1, served.load, CurrentStage("pilot", AS_OF, "panel"))
    with pytest.raises(Expired, match="its stage pilot ended on") as refused:
        require_current(served.model, 1, served.load, CurrentStage("pilot", AS_OF - DAY, "panel"))
    assert refused.value.code == "stage_ended"


@dataclass(frozen=True)
class Desk:
    """The small force with a home and a ledger of its own: decisions on stages stay in them."""

    home: Path
    served: Served
    ledger: Ledger
    stock: Stock

    def score(self, role: str = "analyst") -> dict[str, Any]:
        """Ask for the first person's score, as the service does."""
        asked = ScoreRequest(
            question=NAME, nominal_ids=[self.served.people[0]], purpose="weekly review"
        )
        return scores(self.stock, self.ledger, asked, actor="t.ester", role=role)[1]


@pytest.fixture
def desk(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("PRECURSOR_HOME", str(tmp_path))
    with Ledger.open() as ledger:
        put_in_force(ledger, served.model, 1)
        serve_from(NAME, served.load)
        yield Desk(tmp_path, served, ledger, Stock(ledger))


def moved(desk: Desk, stage: str, until: date = AS_OF + 90 * DAY, by: str = "panel") -> Any:
    return stages.move(
        desk.ledger,
        desk.served.model.question,
        stage,
        decided_by=by,
        until=until,
        today=AS_OF,
        who=WHO,
        reason="trial",
    )


def test_a_question_moves_a_step_at_a_time_and_the_service_follows(desk: Desk) -> None:
    assert desk.score()["scores"]
    moved(desk, "shadow")
    with pytest.raises(InShadow):
        desk.score()
    assert desk.ledger.entries(action=Action.REFUSAL, limit=1)[0].body["code"] == "in_shadow"
    given = desk.score("reviewer")["scores"][0]
    _, said = desk.ledger.score(given["score_id"])
    assert said is not None
    assert said["stage"] == "shadow"
    with pytest.raises(Conflict, match="more than one step"):
        moved(desk, "live")
    with pytest.raises(Conflict, match="already"):
        moved(desk, "shadow")
    with pytest.raises(UsageError, match="nobody decided"):
        moved(desk, "pilot", by=" ")
    with pytest.raises(UsageError, match="would end on"):
        moved(desk, "pilot", until=AS_OF - DAY)
    with pytest.raises(UsageError, match="no stage"):
        moved(desk, "beta")
    model, _ = desk.stock.champion(NAME)
    assert model.question.stage == "shadow"
    assert model.sha256 == desk.served.model.sha256  # the same model, down to its files
    moved(desk, "pilot", by="ethics panel, chair")
    assert desk.score()["scores"]
    entry = desk.ledger.entries(action=Action.STAGE, limit=1)[0]
    assert entry.body["decided_by"] == "ethics panel, chair"
    assert (entry.body["before"], entry.body["stage"]) == ("shadow", "pilot")
    assert desk.ledger.verify().ok


def test_a_file_alone_moves_no_question(desk: Desk) -> None:
    before = desk.stock.stage(desk.served.model.question)
    place = desk.home / "champions" / NAME / stages.FILE
    place.write_text('{"entry": 1, "stage": "live"}')
    assert desk.stock.stage(desk.served.model.question) == before


def test_the_service_says_that_a_stage_has_ended(desk: Desk) -> None:
    moved(desk, "pilot", until=AS_OF)
    assert desk.score()["scores"]
    entry = {"actor": "d.ecider", "role": "operator", "purpose": "over", "question": NAME}
    past = {"stage": "pilot", "before": "pilot", "decided_by": "panel"}
    desk.ledger.append(Action.STAGE, **entry, body=past | {"until": (AS_OF - DAY).isoformat()})
    (desk.home / "champions" / NAME / stages.FILE).write_text("{}")
    with pytest.raises(Expired, match="its stage pilot ended on"):
        desk.score()
    assert desk.ledger.entries(action=Action.REFUSAL, limit=1)[0].body["code"] == "stage_ended"
    out = desk.home / "late.parquet"
    words = ["score", NAME, str(desk.served.load.path), "--out", str(out), "--json"]
    done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, Expired)
    assert not out.exists()
    moved(desk, "pilot")
    assert desk.score()["scores"]


def test_the_command_shows_and_moves(desk: Desk) -> None:
    shown = CliRunner().invoke(app, ["stage", NAME])
    assert shown.exit_code == 0, shown.output
    assert "is at stage pilot without an end, as its file says" in shown.output
    incomplete = CliRunner().invoke(app, ["stage", NAME, "live", "--by", "panel"])
    assert isinstance(incomplete.exception, UsageError)
    until = (AS_OF + 30 * DAY).isoformat()
    words = ["stage", NAME, "live", "--by", "chief officer group", "--until", until]
    done = CliRunner().invoke(app, [*words, "--reason", "pilot evaluated"])
    assert done.exit_code == 0, done.output
    assert f"at stage live until {until}, decided by chief officer group" in done.output


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
    assert "better than RFG" in told(found).text()
    blind = compare(served.model, history, spine.assign(probability=rng.random(len(y))), draws=60)
    assert blind.figures["rfg"]["auc"].value == found.figures["rfg"]["auc"].value
    assert blind.differences["auc"].value < 0.1


def test_what_is_not_known_yet_is_not_compared(served: Served) -> None:
    spine = pd.DataFrame({"nominal_id": served.people, "as_of_date": pd.Timestamp(AS_OF)})
    found = compare(served.model, served.history, spine.assign(probability=0.5), draws=20)
    assert (found.mature, found.figures) == (0, {})
    wait = timedelta(days=served.model.question.horizon_days + served.model.question.lag_days)
    assert found.matures_on == AS_OF + wait
    assert str(found.matures_on) in told(found).text()
    with pytest.raises(NotFound, match="nobody was scored in shadow"):
        compare(served.model, served.history, spine.iloc[:0].assign(probability=0.5))


def test_only_scores_given_before_what_followed_count_as_shadow(desk: Desk) -> None:
    moved(desk, "shadow")
    for number, as_of in enumerate((AS_OF, AS_OF - 400 * DAY)):
        out = desk.home / f"shadow-{number}.parquet"
        words = ["score", NAME, str(desk.served.load.path), "--out", str(out)]
        done = CliRunner().invoke(app, [*words, "--as-of", as_of.isoformat()])
        assert done.exit_code == 0, done.output
    given = stages.given_at(NAME, "shadow")
    assert set(given["as_of_date"].dt.date) == {AS_OF}
    done = CliRunner().invoke(app, ["shadow", NAME, str(desk.served.load.path)])
    assert done.exit_code == 0, done.output
    assert "Too few to compare" in done.output
    assert stages.given_at(NAME, "live").empty
    assert stages.given_at("nothing_of_this_name", "shadow").empty
