"""The force's offending, week by week: a marked self-exciting process over all people at once.

Each person offends in each group at a rate made of traits, age and states, and of what he or she
did lately; nobody offends from prison. A week's offences are drawn exactly from the sum of all
rates (the superposition of Poisson processes), so that a week costs one pass over the people.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from features.synthetic import kinds
from features.synthetic import parameters as p
from features.synthetic.columns import NEVER, Array, Columns, expit, happened, stack, take
from features.synthetic.interventions import Interventions, breach_kind
from features.synthetic.justice import prosecute
from features.synthetic.observation import observe
from features.synthetic.states import States
from features.synthetic.streams import Streams
from features.synthetic.switches import Switches
from features.synthetic.timeline import CONCEPT_DRIFT, COUNTING_RULE, STRANGULATION_ACT, Timeline
from features.synthetic.traits import YEAR, People, age_curve


@dataclass(frozen=True)
class Offending:
    """Everything that happened in a world, known to the force or not.

    Attributes
    ----------
    events : Columns
        The offences in order of time: event (number), person, group, day, serious, stalking,
        kind, strangled, excitation, relation, partner, substance, order (the one it broke, or
        -1), and the columns of :func:`observe` and :func:`prosecute`.
    orders, programmes, management : Columns
        See :class:`Interventions`.
    """

    events: Columns
    orders: Columns
    programmes: Columns
    management: Columns


class Witness(Protocol):
    """Somebody who sees a world go by; it must not change it, nor draw from its streams."""

    def before(self, engine: Engine, week: int) -> None:
        """See the world as it stands at the start of a week."""

    def after(self, events: Columns, week: int) -> None:
        """See the offences of a week, with all that followed from them."""


def simulate(
    people: People,
    states: States,
    timeline: Timeline,
    streams: Streams,
    switches: Switches,
    progress: Callable[[int, int], None] | None = None,
    witness: Witness | None = None,
) -> Offending:
    """Run a world from its first week to its last.

    Parameters
    ----------
    people, states, timeline, streams, switches
        The world.
    progress : callable, optional
        Called with the weeks done and the weeks in all.
    witness : Witness, optional
        Told of each week before and after it.

    Returns
    -------
    Offending
    """
    engine = Engine(people, states, timeline, streams, switches)
    weeks = []
    for week in range(timeline.weeks):
        if witness is not None:
            witness.before(engine, week)
        weeks.append(engine.step(week))
        if witness is not None:
            witness.after(weeks[-1], week)
        if progress is not None:
            progress(week + 1, timeline.weeks)
    if witness is not None:  # the day after the last is a day to ask about, too
        witness.before(engine, timeline.weeks)
        witness.after(take(weeks[-1], np.zeros(0, dtype=np.int64)), timeline.weeks)
    acts = engine.interventions
    return Offending(stack(weeks), acts.orders, acts.programmes, acts.management)


class Engine:
    """The state of a world at the start of a week, and how a week changes it."""

    def __init__(
        self,
        people: People,
        states: States,
        timeline: Timeline,
        streams: Streams,
        switches: Switches,
    ) -> None:
        self.people, self.states, self.timeline = people, states, timeline
        self.streams, self.switches = streams, switches
        self.interventions = Interventions(
            len(people), timeline, switches, streams["interventions"]
        )
        self.recorded = timeline.recorded(switches.drift)
        self.circumstances = timeline.circumstances(switches.drift)
        self.fading = np.exp(-1 / p.MEMORY_WEEKS)
        self.rising = p.BRANCHING * (1 - self.fading)
        self.base = self._base(0)
        mean = np.linalg.inv(np.eye(6) - p.BRANCHING) - np.eye(6)
        # Summed by hand: a matrix product may differ in the last bit with the number of threads.
        self.excitation: Array = (self.base[:, :, None] * mean).sum(axis=1)
        self.prison_until = np.full(len(people), NEVER, dtype=np.int64)
        self.sentences: dict[int, list[tuple[Array, Array]]] = {}
        self.turned = False
        self.count = 0

    def _base(self, month: int) -> Array:
        """Return the rate per week, people by groups, that traits, age and states make."""
        relation = self.states.relation[month]
        rate = p.BASE_RATE / 52 * self.people.rate
        rate *= age_curve((28 * month - self.people.born) / YEAR)
        rate *= np.where(self.states.active[month], 1.0, p.DORMANT)[:, None]
        rate *= np.where(self.states.substance[month][:, None], p.SUBSTANCE_RATIO, 1.0)
        for group, ratios in p.RELATION_RATIO.items():
            rate[:, group] *= ratios[relation]
        base: Array = rate
        return base

    def step(self, week: int) -> Columns:
        """Return the offences of a week, with all that followed from them."""
        rate = self.rate(week)
        events = self.observed(self.mark(*self.draw(rate), week), week)
        self.follow(events, week)
        return events

    def rate(self, week: int) -> Array:
        """Return the rate of offending in a week, people by groups; terms that begin now do."""
        day = 7 * week
        turns = self.timeline.day(CONCEPT_DRIFT)
        self.turned = self.switches.concept_drift and day >= turns
        if week % 4 == 0 and week:
            self.base = self._base(week // 4)
        for person, until in self.sentences.pop(week, []):
            self.prison_until[person] = np.maximum(self.prison_until[person], until)
        rate = self.base
        ratio = self.interventions.ratio(day)
        if ratio is not None:
            rate = rate * ratio
        free = (self.prison_until <= day) & (self.states.exit_day > day)
        rate = (rate + self.excitation) * free[:, None] * self.circumstances[week]
        return np.asarray(rate)

    def observed(self, events: Columns, week: int) -> Columns:
        """Return a week's offences with what the force saw of them and did about them."""
        rule = self.switches.drifts("counting-rule")
        rule &= 7 * week >= self.timeline.day(COUNTING_RULE)
        events |= observe(
            events,
            self.people,
            self.recorded[week],
            rule,
            self.switches,
            self.streams["observation"],
        )
        self._break_orders(events)
        events |= prosecute(
            events, self.people, self.states.exit_day, self.switches, self.streams["justice"]
        )
        return events

    def follow(self, events: Columns, week: int) -> None:
        """Let a week's offences bring on others, prison terms and interventions."""
        self.excitation *= self.fading
        np.add.at(self.excitation, events["person"], self.rising[events["group"]])
        self._imprison(events, week)
        self.interventions.assign(events)
        self.interventions.review(events, 7 * week + 6, monthly=week % 4 == 3)

    def draw(self, rate: Array) -> tuple[Array, Array]:
        """Draw who offends in which group, as often as the rates say."""
        rng = self.streams["offending"]
        cumulated = np.cumsum(rate.ravel())
        total = float(cumulated[-1])
        places = np.sort(rng.random(rng.poisson(total))) * total
        cells = np.minimum(np.searchsorted(cumulated, places, side="right"), rate.size - 1)
        return cells // 6, cells % 6

    def mark(self, person: Array, group: Array, week: int, first: int = 0) -> Columns:
        """Draw what a week's offences are like; they fall on its days from `first` on."""
        rng, month, k = self.streams["marks"], week // 4, len(person)
        day = 7 * week + rng.integers(first, 7, k)
        relation = self.states.relation[month][person]
        substance = self.states.substance[month][person]
        excitation = self.excitation[person, group]
        serious = rng.random(k) < self.high_harm(person, group, relation, substance, excitation)
        stalking = rng.random(k) < self._stalking(person, group, relation)
        grave = rng.random(k) < expit(p.GRAVE + p.GRAVE_SEVERITY * self.people.severity[person])
        kind = kinds.draw_kinds(group, serious, grave, stalking, rng)
        strangled = kind == kinds.kind(kinds.STRANGULATION)
        unlegislated = strangled & (day < self.timeline.day(STRANGULATION_ACT))
        kind = np.where(unlegislated, kinds.kind(kinds.ACTUAL_BODILY_HARM), kind)
        event = self.count + np.arange(k)
        self.count += k
        return {
            "event": event,
            "person": person,
            "group": group,
            "day": day,
            "serious": serious,
            "stalking": stalking,
            "kind": kind,
            "strangled": strangled,
            "excitation": excitation,
            "relation": relation,
            "partner": self.states.partner[month][person],
            "substance": substance,
        }

    def high_harm(
        self, person: Array, group: Array, relation: Array, substance: Array, excitation: Array
    ) -> Array:
        """Return the chance that each offence is one of high harm."""
        severity = self.people.severity[person]
        separated = (relation == p.SEPARATED) & (group == p.DAV)
        common = (
            (p.CONCEPT_SUBSTANCE if self.turned else p.SERIOUS_SUBSTANCE) * substance
            + p.SERIOUS_EXCITED * np.log1p(40 * excitation)
            + p.SERIOUS_FEMALE * self.people.female[person]
            + (p.CONCEPT_SEPARATED if self.turned else p.SERIOUS_SEPARATED) * separated
        )
        if self.switches.interactions:
            common = common + p.SERIOUS_INTERACTION * (separated & substance & (severity > 0.5))
        chance = np.zeros(len(person))
        for g, intercept in p.SERIOUS.items():
            own = group == g
            chance[own] = expit(intercept + p.SERIOUS_SEVERITY[g] * severity[own] + common[own])
        return chance

    def _stalking(self, person: Array, group: Array, relation: Array) -> Array:
        """Return the chance that each offence, if harassment, amounts to stalking."""
        separated = relation == p.SEPARATED
        trait = p.STALKING_TRAIT * self.people.traits[person, p.DAS]
        known = expit(p.STALKING + trait + p.STALKING_SEPARATED * separated)
        predatory = self.people.motive[person] == p.PREDATORY
        other = np.where(predatory, p.STALKING_PREDATORY, p.STALKING_STRANGER)
        return np.where(group == p.DAS, known, np.where(group == p.NSH, other, 0.0))

    def _break_orders(self, events: Columns) -> None:
        """Find the recorded offences that broke an order; some are recorded as just that."""
        rng, k = self.streams["interventions"], len(events["person"])
        order = self.interventions.order_over(events["person"], events["day"])
        domestic = (events["group"] <= p.DAS) & happened(events["named"])
        broke = domestic & (order >= 0) & (rng.random(k) < 0.95)
        events["order"] = np.where(broke, order, -1)
        recoded = broke & ~events["serious"] & (rng.random(k) < 0.45)
        if recoded.any():
            breach = breach_kind(self.interventions.order_kind(np.where(recoded, order, 0)))
            events["kind"] = np.where(recoded, breach, events["kind"])
            events["stalking"] &= ~recoded

    def _imprison(self, events: Columns, week: int) -> None:
        sentenced = take(events, happened(events["prison_from"]))
        begins = np.maximum(-(-sentenced["prison_from"] // 7), week + 1)
        for start in np.unique(begins):
            rows = begins == start
            self.sentences.setdefault(int(start), []).append(
                (sentenced["person"][rows], sentenced["prison_to"][rows])
            )
