"""How fast the service answers, beside a bare endpoint with the same booster in the same run."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import callers, serving_world
from benchmarks.asked import EVENTS, PEOPLE, TREES, Figure
from benchmarks.callers import Answer, Caller, quantile
from benchmarks.serving_world import QUESTION, World
from features.errors import PrecursorError, UsageError
from features.history import History
from models.risk_model import RiskModel

WARM_UP = 50
CALLERS = 4


@dataclass(frozen=True)
class Asked:
    """Sizes of a run.

    Attributes
    ----------
    events, people : int
        Of the records that are served.
    requests : int
        At a steady rate, each for another person; as many again, as fast as they are answered.
    rate : float
        Requests a second.
    trees : int
        Of the booster: each of at most 31 leaves and a depth of 6.
    workers : int
        Processes that answer.

    Examples
    --------
    >>> Asked(requests=0)
    Traceback (most recent call last):
    ...
    features.errors.UsageError: bench: requests 0 is less than 100. What is smaller tells nothing.
    """

    events: int = EVENTS
    people: int = PEOPLE
    requests: int = 1_200
    rate: float = 20.0
    trees: int = TREES
    workers: int = 1

    def __post_init__(self) -> None:
        least = {"events": 10_000, "people": 1_000, "requests": 100, "trees": 1, "workers": 1}
        wrong = [
            f"{name} {getattr(self, name):,} is less than {smallest:,}"
            for name, smallest in least.items()
            if getattr(self, name) < smallest
        ]
        if not 0 < self.rate <= 1_000:
            wrong.append(f"rate {self.rate} is not between 0 and 1,000")
        if wrong:
            raise UsageError(f"bench: {'; '.join(wrong)}", remedy="What is smaller tells nothing.")

    def command(self) -> str:
        """Return the command that measures this again.

        Examples
        --------
        >>> Asked(rate=40.0).command()
        'precursor bench service --rate 40.0'
        """
        usual = Asked()
        given = [
            f" --{name} {value}"
            for name, value in vars(self).items()
            if value != getattr(usual, name)
        ]
        return f"precursor bench service{''.join(given)}"


def run(asked: Asked, cache: Path, tell: Callable[[str], None]) -> Iterator[Figure]:
    """Measure, and yield the figures, ratios first.

    Raises
    ------
    PrecursorError
        A server does not start, or a request is not answered.
    """
    cache.mkdir(parents=True, exist_ok=True)
    tell("making or finding the records and the model")
    made = serving_world.world(cache, events=asked.events, people=asked.people, trees=asked.trees)
    people, rows = _people(made, WARM_UP + 2 * asked.requests)
    with (
        serving_world.lent(made) as world,
        tempfile.TemporaryDirectory(prefix="precursor-bench-", dir=cache) as folder,
    ):
        tell("the bare endpoint")
        bare_ms, bare_rate = _bare(asked, world, rows, Path(folder))
        tell("the service")
        answers, ours_rate = _ours(asked, world, people, Path(folder))
    yield from _figures(asked, bare_ms, bare_rate, answers, ours_rate)


def _people(world: World, number: int) -> tuple[list[str], list[list[float]]]:
    """Return people in the cohort, drawn by lot, and ready rows for the bare endpoint."""
    history = History(world.load)
    model = RiskModel.load(world.booster.parent)
    everybody = history.people("suspected", 0)
    drawn = np.random.default_rng(1).permutation(everybody)[: 2 * number]
    at = np.full(len(drawn), history.latest)
    rows = history.dense(history.asked(drawn, at), model.feature_set)
    counts = rows[:, model.feature_set.names.index("suspected_n_730d")]
    kept = np.flatnonzero(counts > 0)
    if not len(kept):
        raise PrecursorError("bench: nobody is in the cohort", remedy="Ask for more people.")
    kept = np.resize(kept, number)
    return [str(drawn[place]) for place in kept], [rows[place].tolist() for place in kept]


def _bare(
    asked: Asked, world: World, rows: Sequence[list[float]], folder: Path
) -> tuple[list[float], float]:
    port = serving_world.free_port()
    home = folder / "bentoml"
    environment = world.environment(PRECURSOR_BARE=str(world.booster), BENTOML_HOME=str(home))
    # NaN is no JSON; the booster takes its empty values as nothing on record
    requests = [{"inputs": [0.0 if x != x else x for x in row]} for row in rows]
    with serving_world.running(
        serving_world.bare(port), port, folder.parent / "bare.log", env=environment
    ):
        return _measured(asked, lambda: Caller(port, "/score", {}), requests)[1:]


def _ours(
    asked: Asked, world: World, people: Sequence[str], folder: Path
) -> tuple[list[Answer], float]:
    port = serving_world.free_port()
    bearer = {"Authorization": f"Bearer {world.token}"}
    requests = [
        {
            "question": QUESTION.name,
            "nominal_ids": [person],
            "purpose": "benchmark",
            "on_behalf_of": "benchmark",
        }
        for person in people
    ]
    command = serving_world.service(port, workers=asked.workers)
    with serving_world.running(
        command, port, folder.parent / "service.log", env=world.environment()
    ):
        answers, _, rate = _measured(asked, lambda: Caller(port, "/v1/scores", bearer), requests)
    return answers, rate


def _measured(
    asked: Asked, caller: Callable[[], Caller], requests: Sequence[Any]
) -> tuple[list[Answer], list[float], float]:
    first, steady = requests[:WARM_UP], requests[WARM_UP : WARM_UP + asked.requests]
    warming = caller()
    for one in first:
        warming.post(one)
    warming.close()
    answers = callers.steadily(caller, steady, asked.rate)
    wrong = [answer for answer in answers if answer.status != 200]
    if wrong:
        raise PrecursorError(
            f"bench: {len(wrong)} of {len(answers)} requests were not answered"
            f" (status {wrong[0].status})",
            remedy="See the server's log in the folder of benchmarks.",
        )
    fast = requests[WARM_UP + asked.requests :]
    seconds, failed = callers.at_once(caller, fast, CALLERS)
    if failed:
        raise PrecursorError(
            f"bench: {failed} of {len(fast)} requests were not answered",
            remedy="See the server's log in the folder of benchmarks.",
        )
    return answers, [answer.ms for answer in answers], len(fast) / seconds


def _figures(
    asked: Asked,
    bare_ms: list[float],
    bare_rate: float,
    answers: list[Answer],
    ours_rate: float,
) -> Iterator[Figure]:
    ours_ms = [answer.ms for answer in answers]
    record = [answer.steps["record"] for answer in answers]
    score = [answer.steps["score"] for answer in answers]
    records = [
        sum(len(reason["records"]) for person in said for reason in person["reasons"])
        for said in (json.loads(answer.body)["scores"] for answer in answers)
    ]
    yield Figure(
        "service", "median: ours ÷ the bare endpoint's", median(ours_ms) / median(bare_ms), "×"
    )
    yield Figure(
        "service",
        "slowest hundredth: ours ÷ the bare endpoint's",
        quantile(ours_ms, 0.99) / quantile(bare_ms, 0.99),
        "×",
    )
    yield Figure("service", "requests a second, bare ÷ ours", bare_rate / ours_rate, "×")
    rate = f"at {asked.rate:g} a second"
    yield Figure(
        "service", f"one person scored, explained, recorded, {rate}", median(ours_ms), "ms", "≤ 15"
    )
    yield Figure("service", "the slowest hundredth of these", quantile(ours_ms, 0.99), "ms", "≤ 50")
    yield Figure("service", "of it: recording, with the durable commit", median(record), "ms")
    yield Figure("service", "its slowest hundredth", quantile(record, 0.99), "ms")
    yield Figure("service", "of it: history, score, reasons and records", median(score), "ms")
    yield Figure("service", "its slowest hundredth", quantile(score, 0.99), "ms")
    yield Figure("service", f"the bare endpoint, {rate}", median(bare_ms), "ms")
    yield Figure("service", "its slowest hundredth", quantile(bare_ms, 0.99), "ms")
    yield Figure("service", f"requests a second, {CALLERS} callers", ours_rate, "")
    yield Figure("service", f"requests a second, bare, {CALLERS} callers", bare_rate, "")
    yield Figure("service", "records told for one person", float(median(records)), "")
    yield Figure("service", "events in the records", float(asked.events), "")
