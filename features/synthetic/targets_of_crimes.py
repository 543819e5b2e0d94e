"""Published figures about crimes: volumes, domestic shares, outcomes, and how custody ended."""

from __future__ import annotations

from datetime import date

import numpy as np

from features.records import DISPOSALS
from features.synthetic.parameters import PUBLISHED_DISPOSALS
from features.synthetic.targets import (
    BOARD,
    Target,
    between,
    count_target,
    share_of,
    share_target,
)

_PRESS = "recorded crime by police force area, as reported in the press"
_YEARS_OF_ABUSE = "domestic abuse crimes by financial year, as reported in the press"
_CUSTODY = (date(2021, 4, 1), date(2022, 3, 1))


def _year(first: int) -> tuple[date, date]:
    return date(first, 4, 1), date(first + 1, 4, 1)


_2021 = (date(2021, 1, 1), date(2022, 1, 1))


def volumes() -> list[Target]:
    """Return how many crimes there are, and how many of them are domestic."""
    found = []
    for first, stalking, harassment in ((2021, 666, 3_900), (2020, 516, 2_949)):
        year = f"{first}/{first - 1999}"
        for name, value, percent in (("stalking", stalking, 8), ("harassment", harassment, 5)):
            words = f"{name} crimes in {year}"
            found.append(
                count_target("Volumes", words, value, percent, BOARD, name, _year(first), months=12)
            )
    harassing = "(stalking OR harassment)"
    words = "stalking and harassment crimes in 2019/20"
    found.append(count_target("Volumes", words, 22_541, 5, _PRESS, harassing, _year(2019)))
    for first, value in (
        (2014, 17_000),
        (2016, 22_549),
        (2018, 34_000),
        (2019, 41_535),
        (2020, 57_652),
        (2021, 94_000),
    ):
        words = f"domestic abuse crimes in {first}/{first - 1999}"
        found.append(
            count_target("Volumes", words, value, 5, _YEARS_OF_ABUSE, "domestic", _year(first))
        )
    return [
        *found,
        count_target(
            "Volumes", "violence against the person in 2021", 157_489, 4, _PRESS, "violence", _2021
        ),
        count_target("Volumes", "all crimes in 2021", 347_135, 4, _PRESS, "true", _2021),
        count_target("Volumes", "sexual offences in 2021", 11_129, 5, _PRESS, "sexual", _2021),
        share_target(
            "Shares",
            "rape among sexual offences in 2021",
            37,
            3,
            _PRESS,
            share_of("rape", "crimes", "sexual", _2021),
            _2021,
        ),
        share_target(
            "Shares",
            "domestic among violence against the person in 2021",
            43,
            3,
            _PRESS,
            share_of("domestic", "crimes", "violence", _2021),
            _2021,
        ),
        share_target(
            "Shares",
            "domestic among stalking in 2021/22",
            90,
            2,
            BOARD,
            share_of("domestic", "crimes", "stalking", _year(2021)),
            _year(2021),
        ),
        share_target(
            "Shares",
            "domestic among harassment in 2021/22",
            22.5,
            2,
            BOARD,
            share_of("domestic", "crimes", "harassment", _year(2021)),
            _year(2021),
        ),
    ]


def outcomes() -> list[Target]:
    """Return what crimes led to."""
    found = []
    for name, value in (("stalking", 3.2), ("harassment", 2.1)):
        query = (
            "SELECT g, sum((EXISTS (FROM outcome_last r WHERE r.offence_id = c.offence_id AND"
            " r.result IN ('charged', 'cautioned', 'out_of_court')))::int), count(*)"
            f" FROM crimes c WHERE {name} AND {between('known_on', *_year(2021))} GROUP BY g"
        )
        words = f"{name} crimes of 2021/22 with a charge, caution or out-of-court outcome"
        found.append(share_target("Outcomes", words, value, 0.6, BOARD, query, _year(2021)))
    charged = (
        "SELECT g, sum((EXISTS (FROM outcome_last r WHERE r.offence_id = c.offence_id AND"
        " r.result = 'charged'))::int), count(*) FROM crimes c"
        f" WHERE rape AND {between('known_on', *_year(2020))} GROUP BY g"
    )
    parliament = "answer to a parliamentary question, 2021"
    words = "rapes of 2020/21 with a charge"
    found.append(share_target("Outcomes", words, 1.4, 1, parliament, charged, _year(2020)))
    query = (
        "SELECT any_value(c.g) AS g, date_diff('day', c.known_on, min(r.occurred_on)) AS n"
        " FROM crimes c JOIN outcome_last r USING (offence_id)"
        " WHERE c.rape AND r.result = 'charged' GROUP BY c.offence_id, c.known_on"
    )
    long = (date(2019, 1, 1), date(2024, 1, 1))
    words = "days from report to charge in rape cases, median"
    return [
        *found,
        Target(
            "Outcomes",
            words,
            467,
            467,
            110,
            parliament,
            *long,
            lambda found, _: found.statistic(query, lambda days: float(np.median(days))),
            "days",
            "The custody table leaves no room for it: 4% of rape arrests end in a charge at once,"
            " and those alone are as many as the 1.4% of rapes that were charged at all.",
        ),
    ]


def custody() -> list[Target]:
    """Return how many arrests there are, and how they ended, the unlisted part included."""
    found = []
    for name, where, count, points in (
        ("stalking_harassment", "sh", 2_777, 3),
        ("rape", "rape", 1_109, 4),
        ("domestic_abuse", "domestic", 12_833, 5),
    ):
        plain = name.replace("_", " and " if name[0] == "s" else " ")
        words = f"arrests for {plain}, April 2021 to February 2022"
        found.append(count_target("Custody", words, count, 7, BOARD, where, _CUSTODY, "arrests"))
        for disposal, share in zip(
            DISPOSALS,
            PUBLISHED_DISPOSALS[name],
            strict=True,
        ):
            how = disposal.replace("_", " ")
            words = f"{plain}: {how if disposal != 'other' else 'other, the part not listed'}"
            query = share_of(
                f"disposal = '{disposal}'", "arrests", f"{where} AND disposal IS NOT NULL", _CUSTODY
            )
            found.append(
                share_target("Custody", words, 100 * share, points, BOARD, query, _CUSTODY)
            )
    return found
