"""The true risk of high harm: the world taken as it stands on a date, and lived on many times over.

A replay starts from everything that is so on that date, recorded or not, and draws the future anew:
states, offences, what is seen of them, courts, prison and interventions. The offences that would
count are left out as they are drawn, and the rate at which they would have come is summed up
instead: the chance that none comes is the mean of exp(-sum), exactly, and far less noisy than
counting. For the true label no high harm happens in a replay; for the recorded one only what would
not have been recorded, and its suspect named, by the latest day that counts.

The people of a replay are those named as suspect before the date. Places in offender management
are therefore contested among them alone, which touches some in a thousand, and them slightly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta

import numpy as np

from features.synthetic import parameters as p
from features.synthetic.columns import Array, Columns, happened, stack, take
from features.synthetic.dynamics import Engine
from features.synthetic.interventions import Interventions
from features.synthetic.states import States, draw_again
from features.synthetic.streams import Streams
from features.synthetic.switches import Switches
from features.synthetic.timeline import Timeline
from features.synthetic.traits import People
from features.synthetic.truth_chances import Chances, high_harm

TRUE, RECORDED = 0, 1
_NOT_YET = np.int64(2**62)
LAG_DAYS = 183
REPLAYS = 4


@dataclass(frozen=True)
class Moment:
    """A world as it stands at the start of a week."""

    people: People
    states: States
    switches: Switches
    excitation: Array
    prison_until: Array
    sentences: Mapping[int, list[tuple[Array, Array]]]
    interventions: Interventions

    @classmethod
    def of(cls, engine: Engine) -> Moment:
        """Take a copy of all that a week changes."""
        interventions = engine.interventions
        return cls(
            engine.people,
            engine.states,
            engine.switches,
            engine.excitation.copy(),
            engine.prison_until.copy(),
            dict(engine.sentences),
            interventions.fork(np.arange(len(engine.people)), np.random.default_rng(0)),
        )


class Futures(Engine):
    """Many futures of some people, side by side as if they were people of one world.

    Parameters
    ----------
    moment : Moment
    who : integer array
        Positions of the people.
    copies : int
        How many futures of each.
    week : int
        The first week.
    timeline : Timeline
        Reaching as far as the last horizon.
    streams : Streams
    """

    def __init__(
        self,
        moment: Moment,
        who: Array,
        copies: int,
        week: int,
        timeline: Timeline,
        streams: Streams,
    ) -> None:
        of = np.tile(who, copies)
        self.people = People(
            **{field.name: getattr(moment.people, field.name)[of] for field in fields(People)}
        )
        self.states = draw_again(
            moment.states,
            self.people,
            of,
            min(week // 4, len(moment.states.active) - 1),
            timeline.months,
            streams["states"],
        )
        self.timeline, self.streams, self.switches = timeline, streams, moment.switches
        self.interventions = moment.interventions.fork(of, streams["interventions"])
        self.interventions.widen(copies)
        self.recorded = timeline.recorded(moment.switches.drift)
        self.circumstances = timeline.circumstances(moment.switches.drift)
        self.fading = np.exp(-1 / p.MEMORY_WEEKS)
        self.rising = p.BRANCHING * (1 - self.fading)
        self.base = self._base(week // 4)
        self.excitation = moment.excitation[of]
        self.prison_until = moment.prison_until[of]
        self._places = np.full(len(moment.people), -1, dtype=np.int64)
        self._places[who] = np.arange(len(who))
        self._copies, self._each = copies, len(who)
        self.sentences = {
            later: [(who, until) for who, until in (self._spread(*term) for term in terms)]
            for later, terms in moment.sentences.items()
        }
        self.turned = False
        self.count = 0

    def _spread(self, person: Array, *columns: Array) -> list[Array]:
        """Return positions here of people of the world, and their values, for every future."""
        place = self._places[person]
        here = place >= 0
        shifts = self._each * np.arange(self._copies)[:, None]
        spread = (shifts + place[here]).ravel()
        return [spread, *(np.tile(column[here], self._copies) for column in columns)]

    def taken_in(self, events: Columns) -> Columns:
        """Return offences of the world as offences of every future."""
        names = [name for name in events if name != "person"]
        columns = self._spread(events["person"], *(events[name] for name in names))
        return dict(zip(["person", *names], columns, strict=True))


class RiskWitness:
    """Works out the true risk on given dates while a world is simulated.

    Parameters
    ----------
    timeline : Timeline
        The world's.
    switches : Switches
        The world's.
    asked : mapping of date to sequence of int
        The horizons asked for on each as-of date, in days.
    seed : int
        The world's seed; replays draw from streams of their own.
    lag : int
        Days after the horizon within which a suspect's name still counts.
    replays : int
        How many futures for each of the two labels; at least 2.

    Attributes
    ----------
    found : list of Columns
        A table for each date and horizon: person, day, horizon, true, recorded, and half, which is
        `recorded` from the first half of the futures alone.
    """

    def __init__(
        self,
        timeline: Timeline,
        switches: Switches,
        asked: Mapping[date, Sequence[int]],
        seed: int,
        *,
        lag: int = LAG_DAYS,
        replays: int = REPLAYS,
    ) -> None:
        self._seed, self._lag, self._replays = seed, lag, replays
        self._asked: dict[int, list[tuple[int, tuple[int, ...]]]] = {}
        furthest = timeline.weeks
        for at, horizons in sorted(asked.items()):
            day = timeline.day(at)
            self._asked.setdefault(day // 7, []).append((day, tuple(sorted(horizons))))
            furthest = max(furthest, (day + max(horizons)) // 7 + 1)
        more = timedelta(days=7 * (furthest - timeline.weeks))
        self._timeline = replace(timeline, weeks=furthest, data_to=timeline.data_to + more)
        self._chances = Chances(self._timeline, switches)
        self._named = np.zeros(0, dtype=np.int64)
        self._moment: Moment | None = None
        self.found: list[Columns] = []

    def before(self, engine: Engine, week: int) -> None:
        """Keep the world as it stands before a week in which a date lies."""
        if not len(self._named):
            self._named = np.full(len(engine.people), _NOT_YET)
        self._moment = Moment.of(engine) if week in self._asked else None

    def after(self, events: Columns, week: int) -> None:
        """Replay from the dates of the week that has just been simulated."""
        named = happened(events["named"])
        np.minimum.at(self._named, events["person"][named], events["named"][named])
        if self._moment is None:
            return
        for day, horizons in self._asked[week]:
            who = np.flatnonzero(self._named < day)
            if len(who):
                early = take(events, events["day"] < day)
                sums = self._replay(self._moment, who, early, day, horizons)
                self.found += [
                    self._risk(who, day, horizon, summed)
                    for horizon, summed in zip(horizons, sums, strict=True)
                ]

    def _risk(self, who: Array, day: int, horizon: int, summed: Array) -> Columns:
        none = np.exp(-summed.reshape(2, self._replays, len(who)))
        true, recorded = 1 - none.mean(axis=1)
        return {
            "person": who,
            "day": np.full(len(who), day),
            "horizon": np.full(len(who), horizon),
            "true": true,
            "recorded": recorded,
            "half": 1 - none[RECORDED, : self._replays // 2].mean(axis=0),
        }

    def _replay(
        self, moment: Moment, who: Array, early: Columns, day: int, horizons: tuple[int, ...]
    ) -> Array:
        """Return the summed rates of counted offences, (horizons, people times futures)."""
        streams = Streams(int(np.random.SeedSequence([self._seed, day]).generate_state(1)[0]))
        copies, start = 2 * self._replays, day // 7
        world = Futures(moment, who, copies, start, self._timeline, streams)
        only_recorded = np.repeat([False, True], self._replays * len(who))
        summed = np.zeros((len(horizons), len(only_recorded)))
        latest = day + horizons[-1] + self._lag
        for week in range(start, (day + horizons[-1] - 1) // 7 + 1):
            first = max(day - 7 * week, 0)
            rate = world.rate(week)
            self._sum_up(world, rate, only_recorded, week, day, horizons, summed)
            drawn = world.mark(*world.draw(rate * ((7 - first) / 7)), week, first)
            counts = high_harm()[drawn["kind"]]
            drawn = take(drawn, only_recorded[drawn["person"]] | ~counts)
            drawn = world.observed(drawn, week)
            known = happened(drawn["named"]) & (drawn["named"] < latest)
            drawn = take(
                drawn, ~(known & high_harm()[drawn["kind"]]) | ~only_recorded[drawn["person"]]
            )
            if first:
                drawn = stack([world.taken_in({name: early[name] for name in drawn}), drawn])
            world.follow(drawn, week)
        return summed

    def _sum_up(
        self,
        world: Futures,
        rate: Array,
        only_recorded: Array,
        week: int,
        day: int,
        horizons: tuple[int, ...],
        summed: Array,
    ) -> None:
        """Add a week's rates of the offences that would count."""
        n, month = len(only_recorded), week // 4
        everybody = np.arange(n)
        relation, substance = world.states.relation[month], world.states.substance[month]
        half = n // 2
        ethnicity = world.people.ethnicity[half:]
        happens = self._chances.happens(week)
        spans = [(max(day, 7 * week), min(day + h, 7 * week + 7)) for h in horizons]
        counted = [
            self._chances.comes_to_count(week, first, last, day + horizon + self._lag)
            for horizon, (first, last) in zip(horizons, spans, strict=True)
            if first < last
        ]
        for group in p.SERIOUS:
            grave = rate[:, group] * world.high_harm(
                everybody,
                np.full(n, group),
                relation,
                substance,
                world.excitation[:, group],
            )
            # shorter horizons are over first: those that run are the last ones
            for place in range(1, len(counted) + 1):
                first, last = spans[-place]
                share = (last - first) / 7
                summed[-place, :half] += share * happens[group] * grave[:half]
                summed[-place, half:] += share * counted[-place][group][ethnicity] * grave[half:]
