"""A bento: the service packed with its models, to be run offline from its own folder.

`build` packs what serves (features, models, serving), the lock of its dependencies, and the
champions in force with their transparency records. `take_in` is the other end: a service that
starts from a bento puts what it brought where models in force lie. What the ledger says goes before
what a bento brings: a model comes into force by being brought only where no model of its question
ever was.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from features.errors import NotFound, PrecursorError, UsageError
from features.home import home
from models import champions
from models.risk_model import RiskModel
from serving.chain import IN_FORCE, OUT_OF_FORCE, Action
from serving.ledger import Ledger
from serving.permissions import operator

ROOT = Path(__file__).resolve().parent.parent
BROUGHT = ROOT / "brought"
"""Where a bento's models lie: beside the packages, in its ``src`` folder."""

PACKED = ("features", "models", "serving")
LOCK = "requirements.lock"

BENTOFILE: dict[str, Any] = {
    "service": "serving.service:service",
    "name": "precursor",
    "include": ["features/", "models/", "serving/", "brought/", LOCK],
    "exclude": ["__pycache__/", "*.pyc"],
    # its own lock would be resolved with another interpreter's versions, and needs a network
    "python": {"requirements_txt": LOCK, "lock_packages": False},
}


def build(out: Path, questions: Sequence[str] = ()) -> Path:
    """Pack the service and the models in force into a folder that runs by itself.

    Parameters
    ----------
    out : Path
        A folder that does not exist yet, or is empty.
    questions : sequence of str
        Whose models; those of all questions in force by default.

    Returns
    -------
    Path
        The bento's folder.

    Raises
    ------
    UsageError
        Something lies in OUT already.
    NotFound
        No model is in force.
    PrecursorError
        BentoML could not build; its last words are told.
    """
    out = Path(out).absolute()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out}: something lies here", remedy="Name a new folder.", field="out")
    named = list(questions) or champions.questions()
    if not named:
        raise NotFound(
            "no question has a model in force, so there is nothing to pack",
            remedy="Promote one: precursor promote QUESTION challenger --reason TEXT.",
        )
    with tempfile.TemporaryDirectory(prefix="precursor-bento-") as folder:
        context, store = Path(folder) / "context", Path(folder) / "store"
        context.mkdir()
        for package in PACKED:
            shutil.copytree(ROOT / package, context / package, ignore=_unwanted)
        shutil.copy(ROOT / LOCK, context / LOCK)
        for question in named:
            _pack(question, context / "brought" / question)
        (context / "bentofile.yaml").write_text(json.dumps(BENTOFILE), encoding="utf-8")
        made = _built(context, store)
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(made, out, dirs_exist_ok=True)
    return out


def _unwanted(_folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "__pycache__" or name.startswith(".")]


def _pack(question: str, place: Path) -> None:
    found = champions.read(question)  # refused if a byte was changed since the promotion
    found.model.save(place / str(found.version))
    champions.carry_record(
        champions.folder(question) / str(found.version), place / str(found.version)
    )
    said = {"question": question, "version": found.version, "sha256": found.sha256}
    (place / champions.POINTER).write_text(json.dumps(said), encoding="utf-8")


def _built(context: Path, store: Path) -> Path:
    own = {"BENTOML_HOME": str(store), "BENTOML_DO_NOT_TRACK": "true", "PYTHONPATH": str(context)}
    ran = subprocess.run(
        [sys.executable, "-m", "bentoml", "build", "--output", "tag", str(context)],
        env=os.environ | own,
        cwd=context,
        capture_output=True,
        text=True,
    )
    made = [path.parent for path in (store / "bentos" / "precursor").glob("*/bento.yaml")]
    if ran.returncode or len(made) != 1:
        raise PrecursorError(
            f"BentoML did not build ({' '.join((ran.stderr or ran.stdout).split())[-400:]})",
            remedy="Mend what it says, and try again.",
        )
    return made[0]


def take_in(ledger: Ledger, brought: Path = BROUGHT) -> list[str]:
    """Put the models that a bento brought in their place; return the questions now in force by it.

    Raises
    ------
    Conflict
        A file of a model is not the one that was packed.
    """
    if not brought.is_dir():
        return []
    taken = []
    with _alone():
        for pointer in sorted(brought.glob(f"*/{champions.POINTER}")):
            said = json.loads(pointer.read_text(encoding="utf-8"))
            if _take(ledger, pointer.parent, said):
                taken.append(str(said["question"]))
    return taken


def _take(ledger: Ledger, place: Path, said: dict[str, Any]) -> bool:
    question, version = str(said["question"]), int(said["version"])
    recorded = ledger.promoted_sha(question)
    ever = ledger.entries(action=IN_FORCE | OUT_OF_FORCE, question=question, limit=1, sealed=True)
    if ever and recorded != (version, said["sha256"]):
        return False
    if question in champions.questions():
        return False
    model = RiskModel.load(place / str(version), sha256=said["sha256"])
    if not ever:
        who = operator()
        ledger.append(
            Action.PROMOTION,
            actor=who.actor,
            role=who.role,
            purpose="brought by a bento",
            question=question,
            body={"version": version, "sha256": said["sha256"], "brought": True},
        )
    champions.carry_record(place / str(version), champions.put(question, version, model))
    return True


@contextmanager
def _alone() -> Iterator[None]:
    """Let one worker at a time do it."""
    home().mkdir(mode=0o700, parents=True, exist_ok=True)
    with (home() / ".brought.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
