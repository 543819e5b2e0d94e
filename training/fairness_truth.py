"""What an audit of records must miss, told by the truth of a simulated force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.disclosure import suppressed

JUDGED = ("sex", "ethnicity")


@dataclass(frozen=True)
class Unseen:
    """What only the truth of a simulated force tells of one group.

    Attributes
    ----------
    group : str
    people : int
    recorded_share : float
        Of the outcomes that truly happened, the share that came to be recorded.
    others_share : float
        The same for everybody else.
    by_records, by_truth : float
        How high the group's scores are beside everybody else's: for the same recorded outcomes,
        and for the same true ones.
    """

    group: str
    people: int
    recorded_share: float
    others_share: float
    by_records: float
    by_truth: float


def against_truth(
    attribute: npt.ArrayLike,
    people: npt.ArrayLike,
    probability: npt.ArrayLike,
    recorded: npt.ArrayLike,
    true: npt.ArrayLike,
) -> list[Unseen]:
    """Return what an audit of records must miss, from the truth of a simulated force.

    Parameters
    ----------
    attribute : array of str, shape (rows,)
    people : array of str, shape (rows,)
    probability : array, shape (rows,)
        What the model says.
    recorded, true : array, shape (rows,)
        For each row the outcome, or its probability: as it is recorded, and as it happens.

    Returns
    -------
    list of Unseen
        One a group of at least ten people.

    Examples
    --------
    >>> who, names = ["A"] * 20 + ["B"] * 20, np.arange(40).astype(str)
    >>> told = np.repeat([0.1, 0.05], 20)
    >>> found = against_truth(who, names, told, told, np.full(40, 0.2))
    >>> [(each.group, each.recorded_share, round(each.by_truth, 9)) for each in found]
    [('A', 0.5, 2.0), ('B', 0.25, 0.5)]
    """
    groups, place = np.unique(np.asarray(attribute, dtype=str), return_inverse=True)
    names = np.asarray(people, dtype=str)
    number = [len(np.unique(names[place == one])) for one in range(len(groups))]
    hidden = suppressed(pd.DataFrame({"group": groups}), number)
    given = (np.asarray(amount, dtype=np.float64) for amount in (probability, recorded, true))
    said, seen, happened = (np.bincount(place, weights=amount) for amount in given)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = seen / happened, (seen.sum() - seen) / (happened.sum() - happened)
        records = (said / seen) / ((said.sum() - said) / (seen.sum() - seen))
        truth = (said / happened) / ((said.sum() - said) / (happened.sum() - happened))
    return [
        Unseen(
            group=str(groups[one]),
            people=number[one],
            recorded_share=float(share[0][one]),
            others_share=float(share[1][one]),
            by_records=float(records[one]),
            by_truth=float(truth[one]),
        )
        for one in np.flatnonzero(~hidden)
    ]


def truth_in_words(found: Sequence[Unseen], missed_by: float = 0.1) -> list[str]:
    """Return what the truth adds to an audit of records, in words.

    Parameters
    ----------
    found : sequence of Unseen
    missed_by : float
        How far a group's recorded share may lie from everybody else's before it is named.

    Examples
    --------
    >>> truth_in_words([Unseen("B", 20, 0.25, 0.5, 1.0, 0.5)])[1][:74]
    'B: 25% of what truly happened was recorded, beside 50% for everybody else.'
    """
    lines = ["What only the truth of this simulated force shows, and an audit of records misses:"]
    for each in found:
        ratio = each.recorded_share / each.others_share
        if np.isfinite(ratio) and abs(ratio - 1) > missed_by:
            lines.append(
                f"{each.group}: {each.recorded_share:.0%} of what truly happened was recorded,"
                f" beside {each.others_share:.0%} for everybody else. By the records their scores"
                f" are {each.by_records:.2f} times as high as everybody else's; by the truth"
                f" {each.by_truth:.2f} times. The audit of records cannot see the difference."
            )
    if len(lines) == 1:
        lines.append("Nothing: every group is recorded about as fully as the others.")
    return lines


def unseen(
    risk: pd.DataFrame, frame: pd.DataFrame, protected: pd.DataFrame, probability: npt.ArrayLike
) -> dict[str, list[Unseen]]:
    """Return by attribute what an audit of some rows must miss.

    Parameters
    ----------
    risk : DataFrame
        `nominal_id`, `as_of_date`, `true`, `recorded`: true chances, for rows of which it is known.
    frame, protected : DataFrame
        Keys of the rows, and who the people are.
    probability : array, shape (rows,)
    """
    rows = frame[["nominal_id", "as_of_date"]].reset_index(drop=True)
    rows = pd.concat([rows, protected.reset_index(drop=True)], axis=1)
    known = rows.assign(p=np.asarray(probability)).merge(risk, on=["nominal_id", "as_of_date"])
    return {
        name: against_truth(
            known[name], known["nominal_id"], known["p"], known["recorded"], known["true"]
        )
        for name in JUDGED
    }


def text(found: Mapping[str, Sequence[Unseen]]) -> str:
    """Return what the truth adds, as the last part of a training's report.

    Examples
    --------
    >>> print(text({"sex": []}).strip().splitlines()[-1])
    Nothing: every group is recorded about as fully as the others.
    """
    return "\n" + "\n".join(truth_in_words([one for each in found.values() for one in each])) + "\n"


def to_data(found: Mapping[str, Sequence[Unseen]]) -> dict[str, Any]:
    """Return it as plain data."""
    return {name: [asdict(each) for each in groups] for name, groups in found.items()}
