"""What is noted of a crime: the markers, of which many are left blank, and the DASH grades."""

from __future__ import annotations

import numpy as np

from features.synthetic import kinds
from features.synthetic import parameters as p
from features.synthetic.columns import Array, Columns, expit
from features.synthetic.parties import FAMILY
from features.synthetic.switches import Switches
from features.synthetic.timeline import Timeline
from features.synthetic.traits import People

BLANK = -1


def draw_markers(
    crimes: Columns,
    people: People,
    timeline: Timeline,
    switches: Switches,
    rng: np.random.Generator,
) -> Columns:
    """Note the markers of each crime: 1 yes, 0 no, -1 left blank.

    They are noisy signs of severity, state and seriousness, never copies of them.

    Parameters
    ----------
    crimes : Columns
        Recorded crimes with their victims.
    people, timeline, switches, rng
        The world.

    Returns
    -------
    Columns
        One int8 column for each marker of the offence table.
    """
    group, kind, serious = crimes["group"], crimes["kind"], crimes["serious"]
    k = len(group)
    severity = people.severity[crimes["person"]]
    relational = (crimes["victim"] >= 0) & (crimes["relationship"] <= FAMILY)
    domestic = (group <= p.DAS) | (relational & (group == p.SEX))
    separated = crimes["relation"] == p.SEPARATED
    bodily = np.isin(group, [p.DAV, p.VIO])
    tight = expit(-3.3 + 0.8 * severity + 1.2 * serious) * np.where(group == p.DAV, 1.0, 0.15)
    armed = expit(-3.0 + 0.5 * severity + 1.0 * serious)
    threat = expit(-3.2 + 0.6 * severity + 0.6 * serious)
    chances = {
        "domestic": domestic.astype(float),
        "online": np.select(
            [kinds.OFTEN_ONLINE[kind], kinds.SOMETIMES_ONLINE[kind]], [0.9, 0.4], 0.01
        ),
        "strangulation": np.where(crimes["strangled"], 0.97, np.where(bodily, tight, 0.0)),
        "weapon": np.where(kinds.ARMED[kind], 0.7, np.where(bodily, armed, 0.01)),
        "threats_to_kill": np.where(
            kind == kinds.kind(kinds.THREATS_TO_KILL), 1.0, np.where(group <= p.VIO, threat, 0.0)
        ),
        "separation": np.where(group <= p.DAS, np.where(separated, 0.7, 0.06), 0.0),
        "child_present": np.where(group == p.DAV, 0.32, 0.02),
        "following": np.select(
            [kinds.STALKING[kind], kinds.HARASSING[kind], group <= p.DAS], [0.45, 0.08, 0.03], 0.002
        ),
        "unwanted_contact": np.select(
            [kinds.STALKING[kind], kinds.HARASSING[kind], group <= p.DAS], [0.65, 0.45, 0.08], 0.004
        ),
    }
    blank = timeline.missing(crimes["known"], switches.drift)
    noted: Columns = {}
    for name, chance in chances.items():
        drawn = rng.random((2, k))
        values = np.where(drawn[0] < chance, 1, 0)
        unsaid = drawn[1] < (0.02 if name in ("domestic", "online") else blank)
        if switches.missing_by_value and name not in ("domestic", "online"):
            unsaid = drawn[1] < np.where(values == 1, 2.0, 0.9) * blank
        noted[name] = np.where(unsaid & switches.faults, BLANK, values).astype(np.int8)
    return noted


def draw_assessments(
    crimes: Columns,
    people: People,
    timeline: Timeline,
    switches: Switches,
    rng: np.random.Generator,
) -> Columns:
    """Grade domestic reports with a named suspect by DASH, a noisy view of the danger.

    Returns
    -------
    Columns
        grade ("standard", "medium", "high", or "" without an assessment) and ticks (-1 unknown).
    """
    k = len(crimes["person"])
    view = (
        0.5 * people.severity[crimes["person"]]
        + 0.5 * (crimes["relation"] == p.SEPARATED)
        + 1.0 * crimes["serious"]
        + 1.3 * rng.standard_normal(k)
    )
    grade = np.select([view > 2.1, view > 0.9], ["high", "medium"], "standard")
    ticks = np.rint(5 + 2.5 * view + 2.0 * rng.standard_normal(k)).clip(0, 27).astype(np.int64)
    drawn = rng.random((2, k))
    if switches.faults:
        missing: Array = drawn[0] < timeline.missing(crimes["known"], switches.drift)
        grade = np.where(missing, "", grade)
        ticks = np.where(drawn[1] < 0.2, BLANK, ticks)
    return {"grade": grade, "ticks": ticks}
