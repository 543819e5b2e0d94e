"""Published figures about people: how harm is spread over them, who repeats, who is arrested."""

from __future__ import annotations

from datetime import date

from features.synthetic.measures import top_share
from features.synthetic.targets import Target, between, share_of, share_target

# The studies are from before the recording of domestic abuse grew, so they are compared with the
# first years in which people here have two years of history.
_DOMESTIC = (date(2016, 4, 1), date(2021, 4, 1))
_SEVEN = (date(2016, 4, 1), date(2023, 4, 1))
_FIRST = (date(2016, 4, 1), date(2018, 4, 1))
_ORDERS = (date(2020, 1, 1), date(2025, 1, 1))
_THAMES = "Barnham and others 2017, Thames Valley"
_SUFFOLK = "Bland and Ariel 2015, Suffolk"
_NORTHANTS = "a Cambridge study of Northamptonshire"
_MEDIANS = (
    "Harm here is the median of an offence's subgroup: ten days for a common assault, which is one"
    " day on the full table the studies used, and the same for an attempted murder as for an actual"
    " bodily harm. So much harm is in common crimes, and the gravest weigh too little."
)


def harm() -> list[Target]:
    """Return how few people and couples most harm comes from."""
    offenders = (
        "SELECT g, sum(harm) AS n FROM suspects"
        f" WHERE {between('known_on', *_SEVEN)} GROUP BY nominal_id, g"
    )
    dyads = (
        "SELECT g, sum(harm) AS n FROM dyads"
        f" WHERE {between('known_on', *_DOMESTIC)} GROUP BY nominal_id, victim, g"
    )
    return [
        Target(
            "Harm",
            "domestic couples that make up 80% of domestic harm",
            2,
            5,
            1,
            f"{_SUFFOLK}; another study 5%",
            *_DOMESTIC,
            lambda found, _: found.statistic(dyads, top_share),
            why=_MEDIANS,
        ),
        Target(
            "Harm",
            "offenders that make up 80% of harm in seven years",
            7,
            7,
            2,
            _NORTHANTS,
            *_SEVEN,
            lambda found, _: found.statistic(offenders, top_share),
            why=_MEDIANS,
        ),
    ]


def _after(days: int, condition: str, of: str, span: tuple[date, date]) -> str:
    """Ask how many people named for something are named again within some days."""
    return (
        "WITH first AS (SELECT nominal_id, g, min(named_on) AS day FROM suspects"
        f" WHERE {of} GROUP BY nominal_id, g HAVING {between('day', *span)})"
        " SELECT f.g, sum((EXISTS (FROM suspects s WHERE s.nominal_id = f.nominal_id"
        f" AND s.occurred_on > f.day AND s.named_on <= f.day + {days} AND {condition}))::int),"
        " count(*) FROM first f GROUP BY f.g"
    )


def repeats() -> list[Target]:
    """Return how many repeat, and how many of the gravest were unknown before."""
    span = (_FIRST[0], date(2020, 4, 1))
    dyads = (
        "SELECT g, sum((n = 1)::int), count(*) FROM (SELECT g, count(DISTINCT offence_id) AS n"
        f" FROM dyads WHERE {between('known_on', *_DOMESTIC)} GROUP BY nominal_id, victim, g)"
        " GROUP BY g"
    )
    serial = (
        "SELECT g, sum((n > 1)::int), count(*) FROM (SELECT g, count(DISTINCT victim) AS n"
        f" FROM dyads WHERE {between('known_on', *_DOMESTIC)} GROUP BY nominal_id, g) GROUP BY g"
    )
    unknown = (
        "SELECT s.g, sum((NOT EXISTS (FROM suspects b WHERE b.nominal_id = s.nominal_id AND"
        " b.domestic AND b.named_on < s.occurred_on))::int), count(*) FROM suspects s"
        " WHERE s.domestic AND s.high_harm AND"
        f" {between('s.named_on', date(2022, 1, 1), date(2026, 1, 1))} GROUP BY s.g"
    )
    orders = (
        "SELECT hash(m.nominal_id) % 40 AS g, sum((EXISTS (FROM protective_order_last b WHERE"
        " b.nominal_id = m.nominal_id AND b.episode_id = m.episode_id AND"
        " b.event = 'breached'))::int), count(*) FROM protective_order_last m"
        f" WHERE m.event = 'made' AND {between('m.occurred_on', *_ORDERS)}"
        " AND m.kind IN ('domestic_violence_protection', 'domestic_abuse_protection',"
        " 'non_molestation', 'restraining') GROUP BY 1"
    )
    stalkers = "stalking"
    return [
        share_target(
            "Repeats",
            "domestic perpetrators named again within two years",
            22.4,
            5,
            _THAMES,
            _after(730, "s.domestic", "domestic", _FIRST),
            span,
        ),
        share_target(
            "Repeats",
            "domestic perpetrators named for high harm within two years",
            1.7,
            0.6,
            f"{_THAMES}: share above ten harm-days, a proxy",
            _after(730, "s.domestic AND s.high_harm", "domestic", _FIRST),
            span,
            why="The published figure is of harm above ten days on the full table; ours is of"
            " high-harm offences, which the weights in use here can tell apart.",
        ),
        share_target(
            "Repeats",
            "domestic couples with one crime only",
            76,
            5,
            _SUFFOLK,
            dyads,
            _DOMESTIC,
        ),
        share_target(
            "Repeats",
            "domestic perpetrators with more than one victim",
            (4, 20),
            0,
            "a review of serial perpetrators",
            serial,
            _DOMESTIC,
        ),
        share_target(
            "Repeats",
            "high-harm domestic crimes whose suspect was unknown for domestic abuse",
            (37, 50),
            10,
            f"{_SUFFOLK}; Chalkley, Dorset",
            unknown,
            (date(2018, 1, 1), date(2026, 1, 1)),
        ),
        share_target(
            "Repeats",
            "orders against domestic abuse that are breached",
            25,
            6,
            "a quarter of protection orders, as reported in the press",
            orders,
            _ORDERS,
            why="Our orders include non-molestation and restraining orders, which last longer than"
            " the four weeks of those that were counted, and can be broken for longer.",
        ),
        share_target(
            "Repeats",
            "stalkers named again for stalking, harassment or domestic abuse within four years",
            49,
            10,
            "Rosenfeld 2003",
            _after(1461, "(s.stalking OR s.harassment OR s.domestic)", stalkers, _FIRST),
            (_FIRST[0], date(2022, 4, 1)),
        ),
        share_target(
            "Repeats",
            "stalkers named for violence or a sexual offence within four years",
            (35, 39),
            5,
            "reviews of stalking violence",
            _after(1461, "s.violent", stalkers, _FIRST),
            (_FIRST[0], date(2022, 4, 1)),
            why="Nine in ten stalkers here are former partners, who are violent more often than the"
            " clinical and court samples of the reviews.",
        ),
        *_reoffending(),
    ]


def _reoffending() -> list[Target]:
    """Return who is convicted or cautioned again within a year and half for the court."""
    source = "proven reoffending statistics, July 2019 and July 2011 cohorts"
    span = (date(2019, 4, 1), date(2024, 4, 1))
    proven = (
        "WITH proven AS (SELECT nominal_id, occurred_on AS day,"
        " row_number() OVER (PARTITION BY nominal_id ORDER BY occurred_on, record_id) - 1 AS n"
        " FROM outcome_last WHERE result IN ('convicted', 'cautioned')),"
        " entry AS (SELECT nominal_id, min(day) AS day, arg_min(n, day) AS n FROM proven WHERE"
        f" {between('day', date(2019, 4, 1), date(2022, 4, 1))} GROUP BY nominal_id)"
        " SELECT hash(e.nominal_id) % 40 AS g, sum((EXISTS (FROM proven p JOIN suspects s USING"
        " (nominal_id) WHERE p.nominal_id = e.nominal_id AND s.occurred_on > e.day AND"
        " s.occurred_on <= e.day + 365 AND p.day > s.occurred_on AND p.day <= e.day + 548))::int),"
        " count(*) FROM entry e WHERE {which} GROUP BY 1"
    )
    why = (
        "Records here go back two years before the years asked for, so that people with long"
        " criminal careers enter with few earlier convictions; and a few offend very often."
    )
    return [
        share_target(
            "Repeats", words, value, points, source, proven.format(which=which), span, why=why
        )
        for words, value, points, which in (
            ("proven reoffending in a year, no earlier conviction", 10.5, 2.5, "e.n = 0"),
            ("proven reoffending in a year, eleven or more earlier", 47, 8, "e.n > 10"),
            ("proven reoffending in a year, everybody", 26, 4, "true"),
        )
    ]


def arrests() -> list[Target]:
    """Return who is arrested, by sex and ethnicity, against the census."""
    span = (date(2020, 4, 1), date(2021, 4, 1))
    three = (date(2019, 4, 1), date(2022, 4, 1))
    # 8.1% of the population are Black and 61.4% White.
    ratio = (
        "SELECT g, sum((ethnicity = 'Black')::int) / 8.1, sum((ethnicity = 'White')::int) / 61.4"
        f" FROM arrests WHERE {between('occurred_on', *three)} GROUP BY g"
    )
    women = (
        "SELECT d.g, sum((n.sex = 'female')::int), count(*) FROM dyads d JOIN nominal_last n"
        f" ON n.nominal_id = d.victim WHERE n.sex IS NOT NULL AND {between('d.known_on', *three)}"
        " GROUP BY d.g"
    )
    men = (
        "SELECT s.g, sum((n.sex = 'male')::int), count(*) FROM suspects s JOIN nominal_last n"
        f" USING (nominal_id) WHERE s.domestic AND n.sex IS NOT NULL AND"
        f" {between('s.known_on', *three)} GROUP BY s.g"
    )
    return [
        share_target(
            "Arrests",
            "arrests of Black people for one of White people, per head",
            3.3,
            0.4,
            "national figures 2020/21 with the census of the region",
            ratio,
            three,
            1.0,
            "times",
        ),
        share_target(
            "Arrests",
            "men among the arrested",
            84.6,
            4,
            "22 men and 4 women in a thousand, national figures",
            share_of("sex = 'male'", "arrests", "sex IS NOT NULL", span),
            span,
        ),
        share_target(
            "Arrests",
            "women among domestic victims",
            74,
            4,
            "Office for National Statistics, November 2021",
            women,
            three,
        ),
        share_target(
            "Arrests",
            "men among domestic suspects",
            78,
            4,
            "assumed, after the sex of victims",
            men,
            three,
        ),
    ]
