"""A bento: built by `bentoml build`, run offline from its own folder, with its model inside."""

from __future__ import annotations

import http.client
import inspect
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import small_force
import typer
from served import NAME, put_in_force

import precursor
from benchmarks import serving_world
from features.errors import NotFound, UsageError
from features.history import History
from features.loads import Load
from models import champions
from serving.__main__ import commands
from serving.bundled import build, take_in
from serving.ledger import Action, Ledger


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Load, str]:
    """A bento, the load its model was trained on, and the model's SHA-256."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("made")
        patch.setenv("PRECURSOR_HOME", str(home))
        load = small_force.make_load(home / "records" / "small", people=60)
        model = small_force.make_model(History(load), trees=5)
        with Ledger.open() as ledger:
            put_in_force(ledger, model, 3)
        (champions.folder(NAME) / "3" / "record.json").write_text('{"title": "made up"}')
        return build(tmp_path_factory.mktemp("bento") / "precursor"), load, model.sha256


def test_it_holds_the_service_its_lock_and_its_model_and_nothing_that_trains(
    made: tuple[Path, Load, str],
) -> None:
    bento, _, sha256 = made
    assert (bento / "bento.yaml").is_file()
    assert (bento / "src" / "requirements.lock").is_file()
    assert {path.name for path in (bento / "src").iterdir() if path.is_dir()} == {
        "features",
        "models",
        "serving",
        "brought",
    }
    said = json.loads((bento / "src" / "brought" / NAME / "champion.json").read_text())
    assert (said["version"], said["sha256"]) == (3, sha256)
    assert (bento / "src" / "brought" / NAME / "3" / "record.json").is_file()
    names = [path.name for path in bento.rglob("*")]
    assert not [name for name in names if name.endswith((".pkl", ".pyc")) or name == "training"]


def test_it_answers_offline_with_its_own_model_and_without_mlflow(
    made: tuple[Path, Load, str], tmp_path: Path
) -> None:
    bento, load, sha256 = made
    home = tmp_path / "home"
    shutil.copytree(load.path, home / "records" / "small")
    elsewhere = tmp_path / "bento"
    shutil.copytree(bento, elsewhere)
    forbidden = tmp_path / "forbidden" / "mlflow"
    forbidden.mkdir(parents=True)
    (forbidden / "__init__.py").write_text("raise ImportError('no mlflow in a worker')\n")
    environment = {
        **os.environ,
        "PRECURSOR_HOME": str(home),
        "PYTHONPATH": str(forbidden.parent),
        # whatever wants to reach beyond this machine is sent to nowhere
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1",
    }
    port = serving_world.free_port()
    src = elsewhere / "src"
    command = [sys.executable, "-m", "serving", "serve", "--port", str(port)]
    with serving_world.running(command, port, tmp_path / "log", env=environment, cwd=src):
        given = subprocess.run(
            [sys.executable, "-m", "serving", "token", "--role", "service"],
            env=environment,
            cwd=src,
            check=True,
            capture_output=True,
            text=True,
        )
        headers = {
            "Authorization": f"Bearer {given.stdout.strip()}",
            "Content-Type": "application/json",
        }
        asked = {"question": NAME, "nominal_ids": ["N0001"], "purpose": "case review"}
        asked["on_behalf_of"] = "PC 1234"
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        line.request("POST", "/v1/scores", json.dumps(asked), headers)
        answer = line.getresponse()
        said = json.loads(answer.read())
        assert answer.status == 200, said
        assert said["scores"][0]["model"]["sha256"] == sha256
    log = (tmp_path / "log").read_text()
    assert "mlflow" not in log, log[-2000:]


def test_its_command_line_has_every_command_of_serving() -> None:
    def told(app: typer.Typer) -> dict[str, object]:
        group = typer.main.get_group(app)
        return {
            " ".join(path): callback
            for path, callback in _callbacks(group)
            if callback.__module__.startswith("serving.")
        }

    own = told(commands())
    assert set(own) == set(told(precursor.app))
    assert {"export-subject", "retention", "link apply", "suspend", "stage"} <= set(own)


def _callbacks(
    group: typer.core.TyperGroup, *before: str
) -> Iterator[tuple[tuple[str, ...], Callable[..., object]]]:
    for name, one in group.commands.items():
        if isinstance(one, typer.core.TyperGroup):
            yield from _callbacks(one, *before, name)
        elif one.callback is not None:
            yield (*before, name), inspect.unwrap(one.callback)


def test_a_force_that_has_a_bento_alone_answers_a_subject_and_suspends_what_it_brought(
    made: tuple[Path, Load, str], precursor_home: Path
) -> None:
    bento, load, _ = made
    shutil.copytree(load.path, precursor_home / "records" / "small")
    with Ledger.open() as ledger:
        take_in(ledger, bento / "src" / "brought")

    def run(*words: str) -> str:
        line = [sys.executable, "-m", "serving", *words]
        done = subprocess.run(line, cwd=bento / "src", capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    held = precursor_home / "held"
    run("export-subject", "N0001", "--out", str(held), "--reason", "access request 12")
    assert json.loads((held / "held.json").read_text())
    assert "scores nobody" in run("suspend", NAME, "--reason", "calibration lost")
    assert champions.questions() == []


def test_what_a_bento_brings_comes_into_force_only_where_nothing_ever_was(
    made: tuple[Path, Load, str], precursor_home: Path
) -> None:
    bento, load, sha256 = made
    brought = bento / "src" / "brought"
    with Ledger.open() as ledger:
        assert take_in(ledger, brought) == [NAME]
        kept = champions.folder(NAME) / "3" / "record.json"
        assert kept.read_text() == '{"title": "made up"}'
        entry = ledger.entries(action=Action.PROMOTION, limit=1)[0]
        assert entry.body == {"version": 3, "sha256": sha256, "brought": True}
        assert take_in(ledger, brought) == []
        ledger.append(
            Action.SUSPENSION,
            actor="t.ester",
            role="operator",
            purpose="test",
            question=NAME,
            body={"version": 3},
        )
        champions.withdraw(NAME)
        assert take_in(ledger, brought) == []
        assert champions.questions() == []
        put_in_force(ledger, small_force.make_model(History(load), trees=6), 4)
        shutil.rmtree(champions.folder(NAME))
        assert take_in(ledger, brought) == []  # the ledger has another one in force


def test_a_ledger_that_has_the_model_in_force_gets_its_files_back(
    made: tuple[Path, Load, str], precursor_home: Path
) -> None:
    bento, _, sha256 = made
    with Ledger.open() as ledger:
        take_in(ledger, bento / "src" / "brought")
        entries = ledger.head()
        shutil.rmtree(champions.folder(NAME))
        assert take_in(ledger, bento / "src" / "brought") == [NAME]
        assert ledger.head() == entries
    assert champions.read(NAME).sha256 == sha256


def test_nothing_is_built_over_something_or_from_nothing(
    precursor_home: Path, tmp_path: Path
) -> None:
    with pytest.raises(NotFound, match="nothing to pack"):
        build(tmp_path / "bento")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(UsageError, match="something lies here"):
        build(tmp_path / "full")
