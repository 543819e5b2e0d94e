"""Protective orders, programmes and offender management, and what they truly do to offending."""

from __future__ import annotations

from copy import copy

import numpy as np

from features.synthetic import kinds
from features.synthetic import parameters as p
from features.synthetic.columns import NEVER, Array, Columns, happened, stack, take
from features.synthetic.justice import BAILED
from features.synthetic.rows import spread
from features.synthetic.switches import Switches
from features.synthetic.timeline import DAPO_START, EASI_START, Timeline

DVPO, DAPO, NON_MOLESTATION, RESTRAINING, STALKING_ORDER, SEXUAL_ORDER = range(6)
_WEEKS = np.array([[4, 5], [12, 53], [26, 53], [52, 53], [26, 53]])
_POINTS = np.array([2.0, 1.5, 1.0, 2.0, 2.0, 1.5])


class Interventions:
    """The interventions in force, week by week, and the record of those that there were.

    Parameters
    ----------
    people : int
        Number of latent people.
    timeline : Timeline
    switches : Switches
        Without `interventions` everything is assigned and nothing has an effect.
    rng : numpy.random.Generator
    """

    def __init__(
        self, people: int, timeline: Timeline, switches: Switches, rng: np.random.Generator
    ) -> None:
        self._rng = rng
        self._switches = switches
        self._easi_start = timeline.day(EASI_START)
        self._dapo_start = timeline.day(DAPO_START)
        self._places = max(1, round(p.IOM_PEOPLE * people / p.FULL_SCALE))
        self._order = np.full(people, -1, dtype=np.int64)
        spans = ("order", "programme", "easi", "bail")
        self._from = {name: np.full(people, NEVER, dtype=np.int64) for name in spans}
        self._to = {name: np.full(people, NEVER, dtype=np.int64) for name in spans}
        self._score = np.zeros(people)
        self._managed = np.zeros(people, dtype=bool)
        self._orders: list[Columns] = []
        self._programmes: list[Columns] = []
        self._changes: list[Columns] = []
        self._made = 0

    def fork(self, people: Array, rng: np.random.Generator) -> Interventions:
        """Return a copy for some of the people, who may be given several times over."""
        twin = copy(self)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                setattr(twin, name, value[people])
            elif isinstance(value, dict):
                setattr(twin, name, {span: days[people] for span, days in value.items()})
            elif isinstance(value, list):
                setattr(twin, name, list(value))
        twin._rng = rng
        return twin

    def widen(self, times: int) -> None:
        """Give offender management so many times as many places."""
        self._places *= times

    def ratio(self, day: int) -> Array | None:
        """Return the true rate ratios of a day, people by groups; None where all are 1."""
        if not self._switches.interventions:
            return None
        effect = self._switches.effect
        ratios = np.ones((len(self._score), 6))
        ratios[self._on("order", day), : p.NSH] *= effect("order")
        ratios[self._on("programme", day), : p.NSH] *= effect("programme")
        ratios[self._on("easi", day), p.DAS : p.SEX] *= effect("easi")
        ratios[self._on("bail", day), : p.SEX] *= effect("bail")
        ratios[self._managed] *= effect("iom")
        return ratios

    def _on(self, name: str, day: int) -> Array:
        on: Array = (self._from[name] <= day) & (day < self._to[name])
        return on

    def order_over(self, person: Array, day: Array) -> Array:
        """Return the number of the order that bound each person on a day, or -1."""
        bound = (self._from["order"][person] <= day) & (day < self._to["order"][person])
        return np.where(bound, self._order[person], -1)

    def order_kind(self, order: Array) -> Array:
        """Return the kind of each order by its number."""
        made = stack(self._orders)["kind"] if self._orders else np.zeros(1, dtype=np.int64)
        return made[order]

    def assign(self, events: Columns) -> None:
        """Bail, make orders and start programmes for a week's named suspects.

        The events are given conditions (1 yes, 0 no, -1 not said or no bail) and bail_to.
        """
        self._bail(events)
        events = take(events, happened(events["named"]))
        if len(events["person"]):
            self._make_orders(events)
            self._start_programmes(events)

    def _bail(self, events: Columns) -> None:
        rng, k = self._rng, len(events["person"])
        bailed = events["disposal"] == BAILED
        drawn = rng.choice(np.array([1, 0, -1]), k, p=np.array(p.BAIL_CONDITIONS))
        events["conditions"] = np.where(bailed, drawn, -1)
        days = 28 + spread(k, p.BAIL_DAYS, p.BAIL_SPREAD, rng)
        until = np.where(happened(events["charged"]), events["charged"], events["disposed"] + days)
        events["bail_to"] = np.where(bailed, until, NEVER)
        rows = np.flatnonzero(events["conditions"] == 1)
        # The latest bail counts where two overlap.
        person = events["person"][rows]
        self._from["bail"][person] = events["disposed"][rows]
        self._to["bail"][person] = until[rows]

    def _targeted(self, chance: Array, person: Array, eligible: Array) -> Array:
        """Return chances that favour, as the rule says, those who were lately recorded for more."""
        rows = np.flatnonzero(eligible)
        if self._switches.selection != "risk-targeted" or len(rows) < 2:
            return chance
        score = self._score[person[rows]]
        rank = np.empty(len(rows))
        rank[np.argsort(score, kind="stable")] = np.arange(len(rows))
        share = np.zeros(len(chance))
        share[rows] = 2 * rank / (len(rows) - 1)
        return np.asarray(chance * share)

    def _make_orders(self, events: Columns) -> None:
        rng, group, stalking = self._rng, events["group"], events["stalking"]
        k = len(group)
        able = (group <= p.DAS) | ((group == p.NSH) & stalking)
        graver = p.SERIOUS_ORDER if self._switches.selection == "usual" else 1.0
        chance = np.where(events["serious"], graver, 1.0) * p.ORDER_CHANCE
        chance = self._targeted(chance, events["person"], able)
        wanted = (rng.random(k) < chance) & able
        made = events["named"] + rng.integers(1, 15, k)
        domestic = rng.choice(3, k, p=np.array([0.50, 0.32, 0.18]))
        kind = np.array([DVPO, NON_MOLESTATION, RESTRAINING])[domestic]
        kind = np.where((kind == DVPO) & (made >= self._dapo_start) & (domestic == 0), DAPO, kind)
        stalks = (stalking & (rng.random(k) < 0.4)) | (group == p.NSH)
        kind = np.where(stalks, STALKING_ORDER, kind)
        low, high = _WEEKS[kind].T
        to = made + 7 * rng.integers(low, high)
        free = self._to["order"][events["person"]] < made
        rows = np.flatnonzero(wanted & free)
        rows = rows[np.unique(events["person"][rows], return_index=True)[1]]
        if not len(rows):
            return
        person = events["person"][rows]
        number = self._made + np.arange(len(rows))
        self._made += len(rows)
        self._order[person] = number
        self._from["order"][person] = made[rows]
        self._to["order"][person] = to[rows]
        self._orders.append(
            {
                "order": number,
                "event": events["event"][rows],
                "person": person,
                "kind": kind[rows],
                "made": made[rows],
                "to": to[rows],
            }
        )

    def _start_programmes(self, events: Columns) -> None:
        rng, k = self._rng, len(events["person"])
        chance = rng.random((2, k))
        arrested = happened(events["arrested"])
        abuse = (events["group"] <= p.DAS) & arrested
        stalks = np.isin(events["group"], [p.DAS, p.NSH]) & (events["named"] >= self._easi_start)
        for able, drawn, share in (
            (abuse, chance[0], p.PROGRAMME_CHANCE),
            (stalks, chance[1], p.EASI_CHANCE),
        ):
            able &= drawn < self._targeted(np.full(k, share), events["person"], able)
        for name, chosen, weeks, since in (
            ("programme", abuse, p.PROGRAMME_WEEKS, events["arrested"]),
            ("easi", stalks, p.EASI_WEEKS, events["named"]),
        ):
            start = since + rng.integers(14, 61, k)
            left = rng.random(k) < 0.3
            to = start + np.where(left, (7 * weeks * rng.random(k)).astype(np.int64), 7 * weeks)
            rows = np.flatnonzero(chosen & (self._to[name][events["person"]] < start))
            rows = rows[np.unique(events["person"][rows], return_index=True)[1]]
            if not len(rows):
                continue
            person = events["person"][rows]
            self._from[name][person] = start[rows]
            self._to[name][person] = to[rows]
            self._programmes.append(
                {
                    "person": person,
                    "stalking": np.full(len(rows), name == "easi"),
                    "started": start[rows],
                    "ended": to[rows],
                    "left": left[rows],
                }
            )

    def review(self, events: Columns, day: int, monthly: bool) -> None:
        """Add a week's named offences to the management score; monthly, choose who is managed.

        Those with the highest scores are taken on, up to the places there are, and kept until
        they fall below four times that rank.
        """
        self._score *= 0.5 ** (1 / p.IOM_HALF_LIFE_WEEKS)
        named = happened(events["named"]) & (events["named"] <= day)
        points = np.where(events["serious"], 10.0, _POINTS[events["group"]])
        np.add.at(self._score, events["person"][named], points[named])
        if not monthly:
            return
        rank = np.empty(len(self._score), dtype=np.int64)
        rank[np.argsort(-self._score, kind="stable")] = np.arange(len(self._score))
        known = self._score > 1.0
        managed = known & ((rank < self._places) | (self._managed & (rank < 4 * self._places)))
        changed = np.flatnonzero(managed != self._managed)
        if len(changed):
            opened = managed[changed]
            self._changes.append(
                {"person": changed, "day": np.full(len(changed), day), "opened": opened}
            )
        self._managed = managed

    @property
    def orders(self) -> Columns:
        """The orders made: number, the offence that led to it, person, kind, first and last day."""
        empty = np.zeros(0, dtype=np.int64)
        names = ("order", "event", "person", "kind", "made", "to")
        return stack([{name: empty for name in names}, *self._orders])

    @property
    def programmes(self) -> Columns:
        """The programmes started: person, if for stalking, first and last day, if left early."""
        empty = np.zeros(0, dtype=np.int64)
        none = np.zeros(0, dtype=bool)
        first = {"person": empty, "stalking": none, "started": empty, "ended": empty, "left": none}
        return stack([first, *self._programmes])

    @property
    def management(self) -> Columns:
        """The changes of offender management: person, day, opened or else closed."""
        empty = np.zeros(0, dtype=np.int64)
        return stack(
            [{"person": empty, "day": empty, "opened": np.zeros(0, dtype=bool)}, *self._changes]
        )


def breach_kind(order_kind: Array) -> Array:
    """Return the kind of offence that breaking an order of each kind is.

    Examples
    --------
    >>> kinds.CODES[breach_kind(np.array([NON_MOLESTATION]))[0]]
    '066/39'
    """
    breaches: Array = kinds.BREACH_OF[order_kind]
    return breaches
