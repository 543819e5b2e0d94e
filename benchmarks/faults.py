"""Killing what answers, at random moments under load: nothing answered may be missing afterwards.

Workers are killed with SIGKILL while callers keep asking; where the ledger is on PostgreSQL, so is
the whole database server, which is started again at once. Afterwards every score that a caller got
must be on the ledger as it was answered, and the chain must verify. A caller who got an error, or
nothing, was not answered; such an entry may stand on the ledger.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import random
import secrets
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import postgres, serving_world
from benchmarks.callers import Caller
from benchmarks.processes import children
from benchmarks.serving_world import QUESTION, World
from features.errors import PrecursorError
from features.history import History

DATABASES = ("sqlite", "postgres")
WORKER = b"_bentoml_impl.worker.service"
CALLERS = 4
ANSWERS = (5, 25)
"""How many answers come between two kills, drawn by lot, so that every kill meets a load."""


@dataclass
class Found:
    """What a run found; `answered` maps a score's id to the probability its caller was told."""

    kills: int = 0
    database_kills: int = 0
    refused: int = 0
    unanswered: int = 0
    answered: dict[str, float | None] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    entries: int = 0
    verified: bool = False
    other: list[int] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether all that was answered is on the ledger, and the chain verifies."""
        return self.verified and not (self.missing or self.differing or self.other)

    def data(self) -> dict[str, object]:
        """Return the counts, ready for JSON."""
        return {
            "kills of workers": self.kills,
            "kills of the database": self.database_kills,
            "scores answered": len(self.answered),
            "answered and missing from the ledger": len(self.missing),
            "answered otherwise than recorded": len(self.differing),
            "requests refused with 503": self.refused,
            "requests cut off": self.unanswered,
            "requests answered with another error": len(self.other),
            "entries of the ledger": self.entries,
            "chain verifies": self.verified,
        }


def run(
    cache: Path,
    *,
    kills: int,
    database: str = "sqlite",
    workers: int = 2,
    seed: int = 1,
    tell: Callable[[str], None] = lambda _: None,
) -> Found:
    """Kill so many times under load, and compare answers with the ledger.

    Parameters
    ----------
    cache : Path
        Where the world is kept for the next run.
    kills : int
        On PostgreSQL, every fourth is the database's.
    database : {"sqlite", "postgres"}

    Raises
    ------
    PrecursorError
        The server does not start, or there is no PostgreSQL here.
    """
    cache.mkdir(parents=True, exist_ok=True)
    made = serving_world.world(cache, events=20_000, people=2_000, trees=30)
    people = [str(who) for who in History(made.load).people("suspected", 0)]
    with (
        serving_world.lent(made) as world,
        _ledger(world, database, cache) as (environment, restart),
        _in(environment),
    ):
        token = _token(world)
        log = cache / "faults.log"
        found = _under_load(log, environment, people, token, kills, workers, seed, restart, tell)
        _compare(found)
    return found


def _under_load(
    log: Path,
    environment: Mapping[str, str],
    people: list[str],
    token: str,
    kills: int,
    workers: int,
    seed: int,
    restart: Callable[[], None] | None,
    tell: Callable[[str], None],
) -> Found:
    found, over, lock = Found(), threading.Event(), threading.Lock()
    port = serving_world.free_port()
    command = serving_world.service(port, workers=workers)
    with serving_world.running(command, port, log, env=dict(environment)) as group:
        callers = [
            threading.Thread(target=_ask, args=(port, token, people, seed + n, found, over, lock))
            for n in range(CALLERS)
        ]
        for caller in callers:
            caller.start()
        chance = random.Random(seed)
        try:
            while found.kills + found.database_kills < kills:
                _while_it_answers(found, chance)
                if restart is not None and (found.kills + found.database_kills) % 4 == 3:
                    restart()
                    found.database_kills += 1
                elif victims := workers_of(group):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(chance.choice(victims), signal.SIGKILL)
                        found.kills += 1
                tell(f"{found.kills + found.database_kills} of {kills} kills")
            _recovers(port, token, people, found)
        finally:
            over.set()
            for caller in callers:
                caller.join()
    return found


def _while_it_answers(found: Found, chance: random.Random) -> None:
    """Wait for a random number of answers, and a little longer, to meet one half done."""
    wanted = len(found.answered) + chance.randint(*ANSWERS)
    deadline = time.monotonic() + serving_world.SECONDS_TO_START
    while len(found.answered) < wanted:
        if time.monotonic() > deadline:
            raise PrecursorError(
                f"the service has not answered for {serving_world.SECONDS_TO_START} seconds",
                remedy="See faults.log in the folder of benchmarks.",
            )
        time.sleep(0.002)
    time.sleep(chance.uniform(0.0, 0.05))


def _ask(
    port: int,
    token: str,
    people: list[str],
    seed: int,
    found: Found,
    over: threading.Event,
    lock: threading.Lock,
) -> None:
    """Ask for one person after another until it is over, and keep what was answered."""
    chance = random.Random(seed)
    own = Caller(port, "/v1/scores", {"Authorization": f"Bearer {token}"})
    while not over.is_set():
        answer = own.post(_asked(chance.choice(people)))
        with lock:
            if answer.status == 200:
                for score in json.loads(answer.body)["scores"]:
                    found.answered[score["score_id"]] = score["probability"]
            elif answer.status == 503:
                found.refused += 1
            elif answer.status == 0:
                found.unanswered += 1
            else:
                found.other.append(answer.status)
        if answer.status != 200:
            time.sleep(0.05)
    own.close()


def _asked(person: str) -> dict[str, object]:
    asked = {"question": QUESTION.name, "nominal_ids": [person], "purpose": "fault test"}
    return {**asked, "on_behalf_of": "benchmark"}


def _recovers(port: int, token: str, people: list[str], found: Found) -> None:
    """Wait until it answers again after the last kill."""
    own = Caller(port, "/v1/scores", {"Authorization": f"Bearer {token}"})
    deadline = time.monotonic() + serving_world.SECONDS_TO_START
    while own.post(_asked(people[0])).status != 200:
        if time.monotonic() > deadline:
            raise PrecursorError(
                "the service did not answer again after the last kill",
                remedy="See faults.log in the folder of benchmarks.",
            )
        time.sleep(0.2)
    own.close()


def workers_of(server: int) -> list[int]:
    """Return the processes of a server that answer requests; each is a session of its own."""
    return [process for process in children(server) if WORKER in _command(process)]


def _command(process: int) -> bytes:
    with contextlib.suppress(OSError):
        return (Path("/proc") / str(process) / "cmdline").read_bytes()
    return b""


def _compare(found: Found) -> None:
    """Look every answered score up on the ledger, and verify the chain."""
    from features.errors import NotFound
    from serving.ledger import Ledger

    with Ledger.open() as ledger:
        for score_id, probability in found.answered.items():
            try:
                _, payload = ledger.score(score_id)
            except NotFound:
                found.missing.append(score_id)
                continue
            if payload is None or payload["probability"] != probability:
                found.differing.append(score_id)
        told = ledger.verify()
        found.entries, found.verified = told.entries, told.ok


def _token(world: World) -> str:
    """Return a token for this ledger, on which the world's model is in force."""
    from models import champions
    from serving.access import Access
    from serving.ledger import Action, Ledger

    said = champions.pointer(QUESTION.name)
    with Ledger.open() as ledger:
        if ledger.promoted_sha(QUESTION.name) is None:
            ledger.append(
                Action.PROMOTION,
                actor="benchmark",
                role="operator",
                purpose="benchmark",
                question=QUESTION.name,
                body={"version": said["version"], "sha256": said["sha256"]},
            )
        return Access(ledger).issue_token("benchmark", "service", 1)


@contextmanager
def _ledger(
    world: World, database: str, cache: Path
) -> Iterator[tuple[dict[str, str], Callable[[], None] | None]]:
    """Give the environment with a new, empty ledger, and what kills its database, if it can be."""
    with tempfile.TemporaryDirectory(prefix="faults-", dir=cache) as folder:
        key = base64.b64encode(secrets.token_bytes(32)).decode()
        own = {
            "PRECURSOR_DATABASE_URL": f"sqlite:///{folder}/ledger.db",
            "PRECURSOR_KEYS_URL": f"sqlite:///{folder}/keys.db",
            "PRECURSOR_MASTER_KEY": key,
        }
        if database == "sqlite":
            yield world.environment(**own), None
            return
        reason = postgres.missing()
        if reason is not None:
            raise PrecursorError(f"bench: {reason}", remedy="Install it, or use --database sqlite.")
        with postgres.cluster({"fsync": "on"}) as address:
            own["PRECURSOR_DATABASE_URL"] = address.format(database="postgres")
            place = postgres.folder_of(address)
            yield world.environment(**own), lambda: _killed(place)


def _killed(place: Path) -> None:
    """Kill a database server outright, with all its processes, and start it again."""
    first = postgres.postmaster(place)
    for process in (first, *children(first)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    options = f"-c listen_addresses= -c unix_socket_directories={place} -c fsync=on"
    for _ in range(50):
        started = subprocess.run(
            ["pg_ctl", "-D", place / "data", "-l", place / "log", "-w", "-o", options, "start"],
            user=postgres.OWNER,
            cwd="/",
            capture_output=True,
        )
        if not started.returncode:
            return
        time.sleep(0.2)
    raise PrecursorError("PostgreSQL did not start again", remedy=f"See {place / 'log'}.")


@contextmanager
def _in(environment: Mapping[str, str]) -> Iterator[None]:
    """Let this process live in a world for a while."""
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
