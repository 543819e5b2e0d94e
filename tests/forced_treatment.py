"""What an intervention truly does in a made-up force: the same people with it and without it.

A world is stopped on some days; those who are eligible then live on twice, many times over each:
once the programme or order is forced on them, once it is kept from them for as long as the study's
window. What is recorded of them afterwards, under both, is the true effect that an evaluation must
find.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

import numpy as np

from features.synthetic import parameters as p
from features.synthetic.columns import Array, Columns, happened
from features.synthetic.dynamics import Engine, simulate
from features.synthetic.interventions import _WEEKS, DVPO, NON_MOLESTATION, RESTRAINING
from features.synthetic.states import draw_states
from features.synthetic.streams import Streams
from features.synthetic.switches import Switches
from features.synthetic.timeline import Timeline
from features.synthetic.traits import draw_people
from features.synthetic.truth_replay import Futures, Moment
from features.synthetic.world import DATA_TO, latent_people
from training.study import Study

LATEST = {"programme": 47, "order": 14}
"""Days within which it begins, about as in the records: both follow an offence of late."""


@dataclass
class Forced:
    """Sees a world go by and finds out, on given days, what the intervention would do."""

    study: Study
    timeline: Timeline
    weeks: tuple[int, ...]
    copies: int
    seen: list[Columns] = field(default_factory=list)
    counts: list[tuple[float, float]] = field(default_factory=list)
    moment: Moment | None = None

    @property
    def name(self) -> str:
        """What the simulator calls it."""
        return {"programme": "programme", "protective_order": "order"}[self.study.treatment.table]

    @property
    def makes_eligible(self) -> str:
        """What of a domestic offence makes its suspect eligible: the arrest, or being named."""
        return "arrested" if self.name == "programme" else "named"

    def before(self, engine: Engine, week: int) -> None:
        """Live on from here, where this is one of the days."""
        if week in self.weeks:
            who = self._eligible(engine, 7 * week)
            moment = Moment.of(engine)
            given, kept = (self._after(moment, who, week, forced=f) for f in (True, False))
            self.counts.append((given, kept))

    def after(self, events: Columns, week: int) -> None:
        """Remember who was arrested for domestic abuse, or named in it, and when."""
        chosen = (events["group"] <= p.DAS) & happened(events[self.makes_eligible])
        self.seen.append(
            {"person": events["person"][chosen], "on": events[self.makes_eligible][chosen]}
        )

    def _eligible(self, engine: Engine, day: int) -> Array:
        person, on = (np.concatenate([w[of] for w in self.seen[-26:]]) for of in ("person", "on"))
        # a week is how finely the simulator steps: after an event means in the week after it
        days = 7 if self.study.time_zero == "events" else 30
        lately: Array = np.unique(person[(on >= day - days) & (on < day)])
        had = engine.interventions._from[self.name][lately]
        return lately[(had < day - self.study.washout_days) | (had >= day)]

    def _after(self, moment: Moment, who: Array, week: int, *, forced: bool) -> float:
        # the same seed under both: what differs is the intervention, and chance from there on
        streams = Streams(1000 + week)
        last = (7 * week + self.study.window_days + self.study.horizon_days) // 7 + 1
        more = timedelta(days=7 * max(0, last + 1 - self.timeline.weeks))
        timeline = replace(
            self.timeline,
            weeks=max(self.timeline.weeks, last + 1),
            data_to=self.timeline.data_to + more,
        )
        world = Futures(moment, who, self.copies, week, timeline, streams)
        acts, day, n = world.interventions, 7 * week, len(who) * self.copies
        rng = np.random.default_rng(week)
        start = day + rng.integers(0, LATEST[self.name], n)
        weeks = self._weeks(rng, n)
        closed = np.full(n, day + self.study.window_days)
        acts._from[self.name] = start if forced else closed
        acts._to[self.name] = start + (7 * weeks).astype(np.int64) if forced else closed
        begins, ends = closed[0], closed[0] + self.study.horizon_days
        found = 0
        for later in range(week, last):
            events = world.step(later)
            counted = (events["group"] <= p.DAS) & happened(events["named"])
            counted &= (events["day"] >= begins) & (events["day"] < ends)
            found += int(counted.sum())
        return found / n

    def _weeks(self, rng: np.random.Generator, n: int) -> Array:
        """Draw for how many weeks it lasts, as the simulator does."""
        if self.name == "programme":
            left = rng.random(n) < 0.3
            return np.where(left, p.PROGRAMME_WEEKS * rng.random(n), p.PROGRAMME_WEEKS)
        kind = rng.choice([DVPO, NON_MOLESTATION, RESTRAINING], n, p=[0.50, 0.32, 0.18])
        return np.asarray(rng.integers(*_WEEKS[kind].T))


def true_ratio(
    study: Study, switches: Switches, *, nominals: int, years: int, seed: int, copies: int = 60
) -> float:
    """Return how many times as many reports there are with the intervention as without it."""
    timeline, streams = Timeline.of(years, DATA_TO), Streams(seed)
    people = draw_people(latent_people(nominals, years), streams["traits"])
    states = draw_states(people, timeline.months, streams["states"])
    # fewer people are eligible in a week than in a month: more moments, or the truth is a lottery
    apart = 6 if study.time_zero == "events" else 40
    weeks = tuple(range(170, timeline.weeks - 80, apart))
    witness = Forced(study, timeline, weeks, copies)
    simulate(people, states, timeline, streams, switches, witness=witness)
    given, kept = np.sum(witness.counts, axis=0)
    return float(given / kept)
