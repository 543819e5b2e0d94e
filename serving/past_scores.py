"""The scores that a person was given before, for one question: one for each date, latest last."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from serving.ledger import Action, Ledger
from serving.need_to_know import withheld
from serving.permissions import Principal
from serving.runs import pointed
from serving.stage import may_see

MOST = 12
"""Dates that are shown at most."""


def past_scores(
    ledger: Ledger,
    payload: Mapping[str, Any],
    who: Principal,
    *,
    on_behalf_of: str | None = None,
    most: int = MOST,
) -> list[dict[str, Any]]:
    """Return a person's scores up to the one that is looked at, one for each as-of date.

    Of a batch only what became a list counts: other runs are trials. Where one date was scored
    several times, the last word counts; on the score's own date it is the score itself.

    Parameters
    ----------
    payload : mapping
        The score that is looked at, as the ledger holds it.
    who : Principal
        Left out for them are scores that were given in shadow, where they do not see those, and of
        a day by whose records the person was none of theirs.
    """
    question, at = str(payload["question"]), str(payload["as_of_date"])
    published = {
        entry.body["run_id"]
        for entry in ledger.entries(
            action=Action.PUBLISH, question=question, limit=None, sealed=True
        )
    }
    latest = pointed(question)
    published |= set() if latest is None else {latest["run_id"]}
    found: dict[str, dict[str, Any]] = {at: dict(payload)}
    person = [str(payload["nominal_id"])]
    for entry, score_id, _, said in ledger.about(person, (Action.SCORE, Action.BATCH), question):
        if score_id is None or said is None or said["as_of_date"] > at:
            continue
        trial = entry.action == Action.BATCH and entry.body["run_id"] not in published
        if not trial and may_see(who.role, said["stage"]):
            found.setdefault(said["as_of_date"], said)

    def seen(said: Mapping[str, Any]) -> bool:
        load = said["load"]["fingerprint"]
        return said["as_of_date"] == at or not withheld(ledger, load, who, person, on_behalf_of)

    latest_first = (found[day] for day in sorted(found, reverse=True) if seen(found[day]))
    return list(islice(latest_first, most))[::-1]
