"""Golden replays: every released model gives, from stored inputs, the figures it gave then.

A folder under ``tests/golden/`` holds a model as a release saved it, or in a format that comes with
the next one, and scores of made-up people with their inputs. It is made once, by running this file
with the folder's name, and never changed after: a difference is an incident, no reason to make it
anew.
"""

from __future__ import annotations

import json
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from models.manifest import FORMAT
from models.risk_model import RiskModel
from serving.chain import canonical
from serving.replay import EQUAL, NOT_REPLAYABLE, from_inputs
from serving.text import score_in_words

GOLDEN = Path(__file__).resolve().parent / "golden"
RELEASES = sorted(path for path in GOLDEN.glob("*") if path.is_dir())
KEPT = 12


def payloads(release: Path) -> list[dict[str, Any]]:
    return list(json.loads((release / "scores.json").read_text(encoding="utf-8")))


def test_every_format_of_a_manifest_is_replayed() -> None:
    formats = {RiskModel.load(release).format for release in RELEASES}
    assert formats == set(range(1, FORMAT + 1))


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
def test_a_released_model_is_read_and_gives_the_same_figures(release: Path) -> None:
    model = RiskModel.load(release)
    for payload in payloads(release):
        assert payload["model"]["sha256"] == model.sha256
        found = from_inputs(payload, model)
        wanted = NOT_REPLAYABLE if payload["insufficient_history"] else EQUAL
        assert found.result == wanted, (payload["score_id"], found)


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
def test_a_released_score_can_still_be_told_in_words(release: Path) -> None:
    for payload in payloads(release):
        said = score_in_words(payload)
        assert payload["nominal_id"] in said
        if not payload["insufficient_history"]:
            assert f"; {payload['raw']:+.4f} with those of all groups, listed here or not." in said


def make(release: Path) -> None:
    """Write a release's golden files: a small model and some scores of a made-up force."""
    import small_force

    from features.cohort import cohort
    from features.history import History
    from serving.scoring import score_people

    with tempfile.TemporaryDirectory() as folder:
        history = History(small_force.make_load(Path(folder) / "records"))
        model = small_force.make_model(history, trees=12)
        spine = cohort(history, small_force.QUESTION, [date(2026, 2, 1)])
        scores, _ = score_people(model, 1, history, spine)
    model.save(release)
    kept = sorted(scores, key=lambda score: score.insufficient_history)
    chosen = [*kept[: KEPT - 1], kept[-1]]
    text = canonical([score.payload() for score in chosen])
    (release / "scores.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    place = GOLDEN / sys.argv[1]
    place.mkdir(parents=True)
    make(place)
