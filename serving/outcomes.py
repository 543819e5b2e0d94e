"""What came of decisions: overrides and agreements beside what was recorded afterwards, by group.

A decision changes what follows it, so none of this says whether it was right: somebody taken on may
have been kept from offending by just that. It shows reviewers where people depart from the scores,
for whom, and what followed either way.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from scipy.stats import binomtest

from features.attributes import attributes
from features.disclosure import suppressed
from features.history import History
from features.labels import label
from features.question import Question
from serving.ledger import Action, Ledger
from serving.permissions import Principal


def reviewed(
    ledger: Ledger,
    question: Question,
    history: History,
    decisions: pd.DataFrame,
    principal: Principal,
    *,
    purpose: str,
) -> dict[str, Any]:
    """Return a question's decisions beside what followed, by subgroup; the look is recorded.

    Parameters
    ----------
    history : History
        Of the load that outcomes and subgroups are read from.
    decisions : DataFrame
        The question's, as `serving.decisions.told` returns them.

    Returns
    -------
    dict
        `question`, `decisions` (scores that were decided on), `load`, `data_to`, and `groups` as
        `by_group` returns them.
    """
    load = history.load
    rows = joined(decisions, history, question)
    groups = attributes(load, rows[["nominal_id", "as_of_date"]]) if len(rows) else rows[[]]
    found = by_group(rows, groups)
    ledger.append(
        Action.AUDIT,
        actor=principal.actor,
        role=principal.role,
        purpose=purpose,
        question=question.name,
        body={
            "what": "decisions and outcomes",
            "load": load.fingerprint,
            "decisions": len(rows),
        },
    )
    return {
        "question": question.name,
        "decisions": len(rows),
        "load": load.fingerprint,
        "data_to": load.data_to.isoformat(),
        "groups": found,
    }


def joined(decisions: pd.DataFrame, history: History, question: Question) -> pd.DataFrame:
    """Return decisions with `followed`: 1 or 0 once the outcome is mature, empty before.

    Parameters
    ----------
    decisions : DataFrame
        As `serving.decisions.told` returns them; of several decisions on one score the last counts.
    history : History
        Of a load that reaches beyond the decisions.
    """
    last = decisions.drop_duplicates("score_id", keep="last").reset_index(drop=True)
    if last.empty:
        return last.assign(followed=pd.Series(dtype=float))
    found = label(history, question, last[["nominal_id", "as_of_date"]])
    return last.assign(followed=found["label"].to_numpy())


def by_group(rows: pd.DataFrame, groups: pd.DataFrame) -> list[dict[str, Any]]:
    """Return, for each group and each kind of decision, how many and what followed.

    Parameters
    ----------
    rows : DataFrame
        As `joined` returns them.
    groups : DataFrame
        One column an attribute, in the rows' order.

    Returns
    -------
    list of dict
        attribute, group, decision ("agree", "higher" or "lower"), and unless `suppressed`:
        decisions, mature, expected (the mean probability of the mature ones), followed (their
        share), low and high (its 95 % Wilson interval). Suppressed are cells about too few people.
    """
    way = rows["direction"].where(rows["kind"] != "agree", "agree")
    table = groups.assign(everybody="all")
    found: list[dict[str, Any]] = []
    for attribute in ("everybody", *groups.columns):
        cells = pd.DataFrame({"group": table[attribute].to_numpy(), "decision": way.to_numpy()})
        counted = cells.value_counts(sort=False).rename("n").reset_index()
        mask = suppressed(counted[["group", "decision"]], counted["n"].to_numpy())
        for cell, hide in zip(counted.to_dict("records"), mask, strict=True):
            said = {"attribute": attribute, "group": cell["group"], "decision": cell["decision"]}
            own = rows[((cells["group"] == cell["group"]) & (way.to_numpy() == cell["decision"]))]
            found.append(said | ({"suppressed": True} if hide else _figures(own)))
    return found


def _figures(own: pd.DataFrame) -> dict[str, Any]:
    mature = own[own["followed"].notna()]
    said: dict[str, Any] = {"suppressed": False, "decisions": len(own), "mature": len(mature)}
    if mature.empty:
        return said | dict.fromkeys(("expected", "followed", "low", "high"))
    positive, number = int(mature["followed"].sum()), len(mature)
    interval = binomtest(positive, number).proportion_ci(0.95, "wilson")
    expected = pd.to_numeric(mature["probability"]).mean()
    return said | {
        "expected": None if pd.isna(expected) else float(expected),
        "followed": positive / number,
        "low": float(interval.low),
        "high": float(interval.high),
    }
