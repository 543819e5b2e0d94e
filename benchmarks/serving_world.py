"""What the service is measured on: a made-up force, a model of the usual size, and its server.

    python -m benchmarks.serving_world EVENTS PEOPLE TREES

makes such a world in the folder that ``PRECURSOR_HOME`` names. What writes to it is lent a copy,
so that no measure depends on how many were taken before.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd

from benchmarks.asked import TREES
from benchmarks.force import write_force
from features.catalogue import catalogue
from features.errors import PrecursorError
from features.history import History
from features.home import home
from features.labels import label
from features.loads import Load, open_load
from features.question import Question
from models import calibration, champions, interval
from models.manifest import FORMAT
from models.risk_model import RiskModel

ROOT = Path(__file__).resolve().parent.parent
SECONDS_TO_START = 120
LEAVES, DEPTH = 31, 6
MOST_LEARNED_FROM = 20_000
DAYS_AGO = (640, 220)

QUESTION = Question.model_validate(
    {
        "name": "benchmark",
        "title": "Violence within six months (made up)",
        "outcome_words": "named as suspect in a violent offence within 6 months",
        "cohort": {"source": "suspected", "within_days": 730},
        "outcome": {"source": "suspected", "of": ["violence"]},
        "horizon_days": 182,
        "lag_days": 30,
        "abstain": {"source": "suspected", "fewer_than": 2, "known_for_days": 60},
    }
)


@dataclass(frozen=True)
class World:
    """A state folder with records, a model in force and a token."""

    home: Path

    @property
    def token(self) -> str:
        """Lets a program in."""
        return (self.home / "token").read_text(encoding="ascii")

    @property
    def load(self) -> Load:
        """The records that are served."""
        return open_load(self.home / "records" / "force")

    @property
    def booster(self) -> Path:
        """The booster's text, for the bare endpoint."""
        return self.home / "champions" / QUESTION.name / "1" / "booster.txt"

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of a process that lives in this world."""
        own = {"PRECURSOR_HOME": str(self.home), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        return {**os.environ, **own, "BENTOML_DO_NOT_TRACK": "true", **more}


def world(cache: Path, *, events: int, people: int, trees: int = TREES) -> World:
    """Make a world in a process of its own, or return the one that lies in the cache already."""
    place = cache / f"world-{events}-{people}-{trees}-model-{FORMAT}"
    made = World(place)
    if not (place / "token").exists():
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        sizes = [str(events), str(people), str(trees)]
        subprocess.run(
            [sys.executable, "-m", "benchmarks.serving_world", *sizes],
            env=made.environment(),
            check=True,
        )
    return made


@contextmanager
def lent(made: World) -> Iterator[World]:
    """Lend a copy of a world as it was made; records and model, which nobody writes, are linked."""

    def linked(source: str, target: str) -> None:
        kept = Path(source).relative_to(made.home).parts[0] in ("records", "champions")
        (os.link if kept else shutil.copy2)(source, target)

    with tempfile.TemporaryDirectory(prefix="lent-", dir=made.home.parent) as folder:
        yield World(Path(shutil.copytree(made.home, Path(folder) / "home", copy_function=linked)))


def fit(
    history: History,
    question: Question = QUESTION,
    *,
    trees: int = TREES,
    leaves: int = LEAVES,
    depth: int = DEPTH,
    days_ago: Sequence[int] = DAYS_AGO,
    most: int | None = MOST_LEARNED_FROM,
) -> RiskModel:
    """Fit a model on the load itself, quickly; what it says is about nobody.

    Parameters
    ----------
    history : History
    question : Question
    trees, leaves, depth : int
        Of the booster; a depth of -1 is none.
    days_ago : sequence of int
        The dates whose rows it learns from, in days before the day after the records end.
    most : int or None
        How many people it learns from.
    """
    wanted = catalogue(question.harm)
    people = history.people("suspected", 0)[:most]
    at = [history.load.default_as_of - timedelta(days=days) for days in days_ago]
    spine = pd.DataFrame(
        {"nominal_id": np.repeat(people, len(at)), "as_of_date": pd.to_datetime(at * len(people))}
    )
    y = label(history, question, spine)["label"].to_numpy(np.float64, na_value=np.nan)
    frame = history.matrix(spine, feature_set=wanted)
    inputs = frame[wanted.names].to_numpy(np.float64)[~np.isnan(y)]
    y = y[~np.isnan(y)]
    settings = {"objective": "binary", "num_leaves": leaves, "max_depth": depth, "verbose": -1}
    settings |= {"min_data_in_leaf": 10, "deterministic": True, "force_row_wise": True}
    settings |= {"num_threads": 1, "seed": 1}
    data = lgb.Dataset(inputs, y, feature_name=wanted.names)
    booster = lgb.train(settings, data, num_boost_round=trees)
    margin = np.asarray(booster.predict(inputs, raw_score=True))
    fitted = calibration.fit(margin, y)
    own = fitted.log_odds(margin)
    scatter = own + np.random.default_rng(0).normal(0, 0.2, (12, 1))
    return RiskModel(
        text=booster.model_to_string(),
        calibration=fitted,
        question=question,
        feature_set=wanted,
        nullable=frozenset(column.name for column in wanted.columns if column.nullable),
        interval=interval.table(own, scatter),
        training={"load": {"synthetic": True, "fingerprint": history.load.fingerprint}},
    )


def main(events: int, people: int, trees: int) -> None:
    """Make a world in the state folder; the token is written last, so that it is whole or not.

    Its cohort was scored once, as the cohort of a question in use was: everybody in it has a key,
    and the ledger holds them.
    """
    from serving.access import Access
    from serving.batch import score_batch
    from serving.kept import serve_from
    from serving.ledger import Action, Ledger

    load = write_force(home() / "records" / "force", events=events, people=people)
    history = History(load)
    model = fit(history, trees=trees)
    with Ledger.open() as ledger:
        ledger.append(
            Action.PROMOTION,
            actor="benchmark",
            role="operator",
            purpose="benchmark",
            question=QUESTION.name,
            body={"version": 1, "sha256": model.sha256},
        )
        champions.put(QUESTION.name, 1, model)
        serve_from(QUESTION.name, load)
        out = home() / "scores.parquet"
        score_batch(model, 1, history, out, ledger=ledger, actor="benchmark", role="operator")
        token = Access(ledger).issue_token("benchmark", "service", 366)
    (home() / "token").touch(mode=0o600)
    (home() / "token").write_text(token, encoding="ascii")


def free_port() -> int:
    """Return a port of loopback that nothing listens on."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: Sequence[str], port: int, log: Path, **how: object) -> Iterator[int]:
    """Run a server until the block is left; the process id is that of its group.

    Raises
    ------
    PrecursorError
        It ended, or did not answer ``/livez`` in time; its last words are in the log.
    """
    with log.open("wb") as said:
        process = subprocess.Popen(
            list(command), stdout=said, stderr=subprocess.STDOUT, start_new_session=True, **how
        )  # type: ignore[call-overload]
    try:
        deadline = time.monotonic() + SECONDS_TO_START
        while not answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise PrecursorError(
                    f"the server did not start within {SECONDS_TO_START} seconds",
                    remedy=f"See {log}.",
                )
            time.sleep(0.2)
        yield int(process.pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def answers(port: int) -> bool:
    """Return whether something on a port says that it lives."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def service(port: int, *, workers: int = 1) -> list[str]:
    """Return the command that serves a world."""
    code = f"from serving.server import serve; serve(port={port}, workers={workers})"
    return [sys.executable, "-c", code]


def bare(port: int) -> list[str]:
    """Return the command that serves the same booster and nothing else."""
    return [
        *(sys.executable, "-m", "bentoml", "serve", "benchmarks.bare:service"),
        *("--working-dir", str(ROOT), "--host", "127.0.0.1", "--port", str(port)),
    ]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
