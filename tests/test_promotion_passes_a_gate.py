"""Whoever becomes champion has passed the gate or been forced, and can be rolled back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from made_up_matrix import QUICK, matrix, question
from made_up_registry import registry_in

from features.declare import FeatureSet
from features.errors import Conflict, NotFound, UsageError
from models import champions, dossier, registry
from models.risk_model import RiskModel
from training import promotion
from training.experiment import Result, train


@pytest.fixture
def store(precursor_home: Path) -> tuple[Result, ...]:
    """The registry in this test's home; its two trainings, oldest first."""
    return registry_in(precursor_home)


def test_a_model_that_beats_its_baselines_is_promoted_and_published(
    store: tuple[Result, ...],
) -> None:
    verdict = promotion.judge(*registry.fetch("made_up", 1))
    assert verdict.passed, verdict.reasons
    assert verdict.sha256 == store[0].model.sha256
    assert promotion.promote("made_up", 1) == verdict
    assert registry.find("made_up", "champion").number == 1
    in_force = champions.read("made_up")
    assert (in_force.version, in_force.sha256) == (1, verdict.sha256)
    assert in_force.model.synthetic
    assert registry.find("made_up", "challenger").number == 2


def test_a_model_that_does_not_is_refused_with_every_reason(store: tuple[Result, ...]) -> None:
    verdict = promotion.judge(*registry.fetch("made_up", "challenger"))
    assert verdict.refuses
    recorded: list[promotion.Verdict] = []
    with pytest.raises(Conflict, match="the gate refuses version 2") as refused:
        promotion.promote("made_up", record=recorded.append)
    assert recorded == [verdict]
    for reason in verdict.reasons:
        assert reason in refused.value.message
    assert "logistic regression on age and priors" in refused.value.message
    with pytest.raises(NotFound, match="no champion"):
        registry.fetch("made_up", registry.CHAMPION)
    assert champions.questions() == []


def test_what_cannot_be_recorded_does_not_happen(store: tuple[Result, ...]) -> None:
    def full_disk(_: object) -> None:
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        promotion.promote("made_up", 1, record=full_disk)
    assert champions.questions() == []
    promotion.promote("made_up", 1)
    promotion.promote("made_up", 2, force=True)
    with pytest.raises(OSError, match="no space"):
        promotion.rollback("made_up", record=full_disk)
    assert registry.find("made_up", "champion").number == 2
    assert champions.read("made_up").version == 2


def test_what_stands_in_the_way_is_told_before_anything_is_recorded(
    store: tuple[Result, ...], precursor_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    promotion.promote("made_up", 1)
    recorded: list[object] = []
    answers = precursor_home / "answers" / "made_up.yaml"
    answers.parent.mkdir()
    answers.write_text("nobody_asks: this\n", encoding="utf-8")
    with pytest.raises(UsageError, match="nothing asks for nobody_asks"):
        promotion.promote("made_up", 2, force=True, record=recorded.append)
    answers.unlink()
    promotion.promote("made_up", 2, force=True)

    def gone(*_: object) -> Path:
        raise OSError("the store is gone")

    monkeypatch.setattr(registry, "lay", gone)
    with pytest.raises(OSError, match="store is gone"):
        promotion.promote("made_up", 1, force=True, record=recorded.append)
    with pytest.raises(OSError, match="store is gone"):
        promotion.rollback("made_up", record=recorded.append)
    assert recorded == []
    assert champions.read("made_up").version == 2


def test_a_model_of_another_question_is_not_put_in_force(store: tuple[Result, ...]) -> None:
    client = registry.connect()
    client.create_registered_model("other")
    one = client.get_model_version("made_up", "1")
    client.create_model_version("other", one.source, run_id=one.run_id, tags=one.tags)
    for ask in (registry.fetch, promotion.promote):
        with pytest.raises(Conflict, match="'other': the model is of question 'made_up'"):
            ask("other", 1)
    with pytest.raises(Conflict, match="of question 'made_up'"):
        champions.put("other", 1, store[0].model)
    assert champions.questions() == []


def test_a_version_of_which_training_told_too_little_is_refused_in_words(
    store: tuple[Result, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = store[0].model
    for told in ((), ("evaluation",), ("evaluation", "calibration", "load")):
        training = {name: said for name, said in whole.training.items() if name in told}
        poor = replace(whole, training=training)
        monkeypatch.setattr(registry, "download", lambda _, poor=poor: (poor, None))
        with pytest.raises(Conflict, match=r"training did not tell '\w+' of it"):
            promotion.promote("made_up", 1)


def test_force_promotes_and_rollback_puts_the_previous_one_back(store: tuple[Result, ...]) -> None:
    promotion.promote("made_up", 1)
    verdict = promotion.promote("made_up", "challenger", force=True)
    assert (verdict.version, verdict.replaces, verdict.passed) == (2, 1, False)
    aliases = {version.number: version.aliases for version in registry.versions("made_up")}
    assert aliases == {1: ("previous",), 2: ("champion",)}
    assert champions.read("made_up").version == 2

    recorded: list[dict[str, object]] = []
    assert promotion.rollback("made_up", record=recorded.append) == (1, 2)
    assert recorded == [{"version": 1, "sha256": store[0].model.sha256, "replaces": 2}]
    aliases = {version.number: version.aliases for version in registry.versions("made_up")}
    assert aliases == {1: ("champion",), 2: ("previous",)}
    assert champions.read("made_up").sha256 == store[0].model.sha256


def test_each_model_that_is_needed_is_downloaded_once(
    store: tuple[Result, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    download, asked = mlflow.artifacts.download_artifacts, []

    def noted(address: str, **terms: object) -> str:
        asked.append(address)
        return str(download(address, **terms))

    monkeypatch.setattr(mlflow.artifacts, "download_artifacts", noted)
    promotion.promote("made_up", 1)
    assert asked == ["models:/made_up/1"]
    promotion.promote("made_up", 2, force=True)
    assert asked[1:] == ["models:/made_up/2", "models:/made_up/1"]  # and the one that it replaces
    promotion.rollback("made_up")
    assert asked[3:] == ["models:/made_up/1"]


def test_a_version_is_found_without_asking_for_any_other(
    store: tuple[Result, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registry keeps every training: asking for all of them takes longer with each."""
    from mlflow.tracking import MlflowClient

    promotion.promote("made_up", 1)
    one, two = registry.versions("made_up")
    assert (one.aliases, two.aliases) == (("champion",), ("challenger",))

    def none(*_: object, **__: object) -> None:
        pytest.fail("this asks for others too")

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "search_model_versions", none)
        assert [registry.find("made_up", which) for which in (1, "1", "champion")] == [one] * 3
        assert [registry.find("made_up", which) for which in (2, "challenger")] == [two] * 2
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "get_model_version", none)
        assert registry.versions("made_up") == [one, two]
    for which in ("01", "3", "previous", "best", ""):
        with pytest.raises(NotFound, match=r"registered versions: 1 \(champion\), 2 \(challenger"):
            registry.find("made_up", which)
    with pytest.raises(NotFound, match="there are models for: made_up"):
        registry.find("unheard_of", 1)


def test_a_training_is_judged_by_the_model_that_it_holds(
    store: tuple[Result, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> object:
        raise OSError("nothing is downloaded")

    with monkeypatch.context() as patch:
        patch.setattr(registry, "download", gone)
        version = train(question(), matrix(), **QUICK).version
    assert version is not None
    gate = dossier.read("made_up", version.number).entry["gate"]
    assert gate == promotion.judge(*registry.fetch("made_up", version.number)).to_data()


def test_without_a_previous_champion_there_is_nothing_to_roll_back_to(
    store: tuple[Result, ...],
) -> None:
    promotion.promote("made_up", 1)
    with pytest.raises(NotFound, match="no champion before this one"):
        promotion.rollback("made_up")
    assert champions.read("made_up").version == 1


def test_promoting_the_champion_again_changes_nothing(store: tuple[Result, ...]) -> None:
    promotion.promote("made_up", 1)
    assert promotion.promote("made_up", 1).replaces is None
    assert registry.find("made_up", 1).aliases == ("champion",)


def test_a_champion_that_cannot_be_read_is_said_and_can_be_replaced(
    store: tuple[Result, ...],
) -> None:
    import mlflow

    promotion.promote("made_up", 2, force=True)
    place = Path(mlflow.artifacts.download_artifacts("models:/made_up/2"))
    manifest = place / "artifacts" / "manifest.json"
    whole = manifest.read_bytes()
    manifest.write_bytes(whole + b" ")
    try:
        verdict = promotion.judge(*registry.fetch("made_up", 1))
        with pytest.raises(Conflict, match="champion 2 cannot be read"):
            promotion.promote("made_up", 1)
        forced = promotion.promote("made_up", 1, force=True)
    finally:
        manifest.write_bytes(whole)
    assert verdict.replaces == 2
    assert verdict.refuses
    assert forced.version == champions.read("made_up").version == 1


def test_a_withdrawn_champion_is_out_of_force_everywhere(store: tuple[Result, ...]) -> None:
    promotion.promote("made_up", 1)
    promotion.promote("made_up", 2, force=True)
    registry.withdraw("made_up", [registry.CHAMPION])
    assert champions.questions() == []
    assert registry.find("made_up", registry.PREVIOUS).number == 1  # asked for no more than one
    with pytest.raises(NotFound, match="no champion"):
        registry.fetch("made_up", registry.CHAMPION)


def _judged(model: RiskModel, monkeypatch: pytest.MonkeyPatch) -> promotion.Verdict:
    monkeypatch.setattr(promotion, "_champion", lambda question: None)
    return promotion.judge(model, 1)


def test_a_gate_that_reports_does_not_refuse(
    store: tuple[Result, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    lenient = replace(store[1].model, question=question(gates="report"))
    verdict = _judged(lenient, monkeypatch)
    assert not verdict.passed
    assert not verdict.refuses
    assert verdict.to_data()["reports_only"] is True


def test_figures_too_good_to_be_true_and_bad_calibration_are_found(
    store: tuple[Result, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    from copy import deepcopy

    training = deepcopy(dict(store[0].model.training))
    training["evaluation"]["figures"]["model"]["auc"]["value"] = 0.99
    training["calibration"]["by_halves"]["expected"] *= 2
    verdict = _judged(replace(store[0].model, training=training), monkeypatch)
    assert [check.name for check in verdict.checks if not check.passed] == [
        "calibration",
        "plausible",
    ]
    assert any("look for what leaked" in reason for reason in verdict.reasons)


def test_a_model_by_other_definitions_than_this_release_is_found(
    store: tuple[Result, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = store[0].model
    older = FeatureSet(model.feature_set.columns, {**model.feature_set.definitions, "harm": "v0"})
    verdict = _judged(replace(model, feature_set=older), monkeypatch)
    assert any("other terms: harm" in reason for reason in verdict.reasons)


def test_a_training_inside_a_run_that_mlflow_opened_belongs_to_it(
    store: tuple[Result, ...], precursor_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = registry.connect()
    place = (precursor_home / "opened").as_uri()
    opened = client.create_experiment("opened by mlflow run", artifact_location=place)
    run = client.create_run(opened)
    monkeypatch.setenv("MLFLOW_RUN_ID", run.info.run_id)
    found = train(question(), matrix(), **QUICK)
    assert found.version is not None
    assert found.version.run_id == run.info.run_id
    assert found.version.aliases == ("challenger",)
    assert client.get_run(run.info.run_id).data.metrics["model.auc"] > 0.5
