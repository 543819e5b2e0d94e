"""A long steady load: memory, open files and answers must be at the end what they were early on."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import serving_world
from benchmarks.callers import Answer, Caller, quantile, steadily
from benchmarks.faults import workers_of
from benchmarks.serving_world import QUESTION
from features.errors import PrecursorError
from features.history import History

EARLY = 0.25
"""The part of the time after which what is in use counts as settled."""
MOST_GROWN = 1.10
MOST_MB = 32.0
"""Growth is what is beyond both: a tenth, and so many megabytes."""


@dataclass(frozen=True)
class Sample:
    """What the workers hold at a moment, all together."""

    seconds: float
    megabytes: float
    files: int
    threads: int


@dataclass(frozen=True)
class Soaked:
    """What a soak found."""

    answers: list[Answer]
    samples: list[Sample]

    def _of(self, name: str) -> tuple[float, float]:
        """Return the median early on (after settling) and at the end."""
        end = self.samples[-1].seconds
        settled = [s for s in self.samples if EARLY * end <= s.seconds <= 2 * EARLY * end]
        last = [s for s in self.samples if s.seconds >= (1 - EARLY) * end]
        early, late = ([float(getattr(s, name)) for s in part] for part in (settled, last))
        return median(early), median(late)

    def data(self) -> dict[str, float]:
        """Return the figures, ready for JSON."""
        ms = [answer.ms for answer in self.answers]
        third = len(ms) // 3
        found = {
            "requests": float(len(ms)),
            "not answered": float(sum(answer.status != 200 for answer in self.answers)),
            "median ms, first third": median(ms[:third]),
            "median ms, last third": median(ms[-third:]),
            "slowest hundredth ms": quantile(ms, 0.99),
        }
        for name in ("megabytes", "files", "threads"):
            found[f"{name}, settled"], found[f"{name}, at the end"] = self._of(name)
        return found

    def growth(self) -> list[str]:
        """Return in words what grew; empty if nothing did."""
        found = []
        before, after = self._of("megabytes")
        if after > MOST_GROWN * before and after - before > MOST_MB:
            found.append(f"memory grew from {before:.0f} to {after:.0f} MB")
        for name in ("files", "threads"):
            before, after = self._of(name)
            if after > before + 2:
                found.append(f"{name} grew from {before:.0f} to {after:.0f}")
        failed = sum(answer.status != 200 for answer in self.answers)
        if failed:
            found.append(f"{failed} requests were not answered")
        return found


def run(
    cache: Path,
    *,
    seconds: float,
    rate: float = 20.0,
    workers: int = 1,
    tell: Callable[[str], None] = lambda _: None,
) -> Soaked:
    """Ask steadily for so long, and look at what the workers hold meanwhile.

    Raises
    ------
    PrecursorError
        The server does not start.
    """
    cache.mkdir(parents=True, exist_ok=True)
    made = serving_world.world(cache, events=100_000, people=10_000)
    people = [str(who) for who in History(made.load).people("suspected", 0)]
    chance = random.Random(1)
    asked = [
        {
            "question": QUESTION.name,
            "nominal_ids": [chance.choice(people)],
            "purpose": "soak",
            "on_behalf_of": "benchmark",
        }
        for _ in range(max(100, int(seconds * rate)))
    ]
    port = serving_world.free_port()
    samples: list[Sample] = []
    over = threading.Event()
    command = serving_world.service(port, workers=workers)
    with (
        serving_world.lent(made) as world,
        serving_world.running(command, port, cache / "soak.log", env=world.environment()) as group,
    ):
        bearer = {"Authorization": f"Bearer {world.token}"}

        def look() -> None:
            began = time.monotonic()
            while not over.wait(max(0.2, seconds / 200)):
                samples.append(_sample(group, time.monotonic() - began))
                tell(f"{samples[-1].megabytes:.0f} MB, {samples[-1].files} files")

        looking = threading.Thread(target=look)
        looking.start()
        try:
            answers = steadily(lambda: Caller(port, "/v1/scores", bearer), asked, rate)
        finally:
            over.set()
            looking.join()
    if len(samples) < 8:
        raise PrecursorError("soak: too short to tell anything", remedy="Give it a minute.")
    return Soaked(answers, samples)


def _sample(group: int, seconds: float) -> Sample:
    pages = files = threads = 0
    for process in workers_of(group):
        with contextlib.suppress(OSError):
            folder = Path("/proc") / str(process)
            status = dict(
                line.split(":", 1) for line in (folder / "status").read_text().splitlines()
            )
            pages += int(status["RssAnon"].split()[0])
            threads += int(status["Threads"])
            files += len(list((folder / "fd").iterdir()))
    return Sample(seconds, pages / 1024, files, threads)
