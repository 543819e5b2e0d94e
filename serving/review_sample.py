"""A sample near the line, drawn by lot: people on both sides of it, reviewed without their score.

Who stands just above the line and who just below it is close to chance. Where somebody who does not
know on which side they stand reviews some of both, what they find is about the line and not about
being listed. The lot is worked out from a secret of the ledger, so nobody can choose or foresee it.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from features.errors import Conflict, RecordsRefused, UsageError
from features.files import is_new, replacing
from features.spreadsheet import filled_in
from serving.given import given
from serving.ledger import Action, Leaf, Ledger
from serving.permissions import Principal
from serving.runs import FROZEN, published
from serving.safe_csv import cell, written
from serving.stage import SHADOW

LISTED, UNLISTED = "listed", "unlisted"
COLUMNS = ("nominal_id", "as_of_date", "would_list", "reason")
SAID = {"yes": True, "no": False, "": None}
"""What a reviewer writes under `would_list`; nothing where somebody was not reviewed."""


def given_lists(question: str) -> pd.DataFrame:
    """Return every list that a question was given, with ranks, as `serving.given` tells them.

    Only lists that were published, and not in shadow.
    """
    return given(question, "rank", lambda info: info["stage"] != SHADOW, having=FROZEN)


def draw(
    ledger: Ledger, question: str, people: int, out: Path, *, who: Principal, purpose: str
) -> dict[str, Any]:
    """Draw people near the line of the list in force, and write who they are, on the ledger first.

    Half of them stand above the line and half below it. The file names them by id, in the order of
    their ids, and tells neither rank nor side; the ledger has both.

    Parameters
    ----------
    people : int
        How many; an even number from 2 on.
    out : Path
        CSV file, which must not exist.

    Returns
    -------
    dict
        entry, run_id, how many were `drawn`, and `of` how many on each side.

    Raises
    ------
    NotFound
        No list is published for this question.
    Conflict
        The list's sample was drawn before, or the file exists.
    UsageError
        Too many for the ranks near the line.
    """
    listed = published(question)
    capacity, run_id = int(listed.run.info["capacity"]), listed.run.run_id
    for entry in ledger.entries(
        action=Action.REVIEW_SAMPLE, question=question, limit=None, sealed=True
    ):
        if entry.body["run_id"] == run_id:
            raise Conflict(
                f"the sample of list {run_id} was drawn on {entry.at[:10]} (entry {entry.seq})",
                remedy="A lot is drawn once; the next list has its own.",
                code="drawn",
            )
    is_new(out)
    width = max(capacity // 2, 20)
    rows = listed.columns("nominal_id", "as_of_date", "rank").to_pandas()
    near = rows[(rows["rank"] - capacity).between(1 - width, width)]
    near = near.assign(
        side=near["rank"].le(capacity).map({True: LISTED, False: UNLISTED}),
        lot=_lots(ledger, run_id, near["nominal_id"].to_list()),
    )
    of = {side: int((near["side"] == side).sum()) for side in (LISTED, UNLISTED)}
    each = people // 2
    if people < 2 or people % 2 or each > min(of.values()):
        raise UsageError(
            f"{people} people cannot be drawn: {of[LISTED]} stand near the line above it and"
            f" {of[UNLISTED]} below",
            remedy="Give an even number, half of which stand on either side.",
            field="people",
        )
    drawn = near.sort_values("lot").groupby("side").head(each).sort_values("nominal_id")
    entry = ledger.append(
        Action.REVIEW_SAMPLE,
        actor=who.actor,
        role=who.role,
        purpose=purpose,
        question=question,
        body={"run_id": run_id, "drawn": len(drawn), "of": of, "width": width},
        people=[
            Leaf(row["nominal_id"], None, {"review_sample": row["side"], "rank": int(row["rank"])})
            for row in drawn.to_dict("records")
        ],
    )
    lines = [(row.nominal_id, str(row.as_of_date)[:10], "", "") for row in drawn.itertuples()]
    with replacing(out) as part:
        part.write_bytes(written(COLUMNS, lines))
    return {"entry": entry.seq, "run_id": run_id, "drawn": len(drawn), "of": of}


def _lots(ledger: Ledger, run_id: str, people: list[str]) -> list[bytes]:
    key = hmac.digest(ledger.secret("review sample"), run_id.encode(), "sha256")
    return [hmac.digest(key, person.encode(), "sha256") for person in people]


def returned(ledger: Ledger, question: str, files: Sequence[Path]) -> pd.DataFrame:
    """Return what reviewers wrote into samples, with the side that each person stood on.

    Parameters
    ----------
    files : sequence of Path
        Samples as `draw` wrote them, with yes or no under `would_list`. Whoever was erased since
        is passed over: nobody knows any more where they stood.

    Returns
    -------
    DataFrame
        `side` and `would_list` (True, False, or None where nothing was said), and nobody's id.

    Raises
    ------
    UsageError
        A file cannot be read, or lacks a column.
    RecordsRefused
        Rows are wrong; all of them are listed.
    """
    stood: dict[tuple[str, str], str] = {}
    erased = False
    for leaf in ledger.recorded(Action.REVIEW_SAMPLE, question):
        if leaf.nominal_id is None or leaf.payload is None:
            erased = True
        else:
            at = str(leaf.entry.body["run_id"])[:10]  # a run's name begins with its date
            stood.setdefault((str(cell(leaf.nominal_id)), at), leaf.payload["review_sample"])
    faults, found, seen = [], [], set()
    remedy = "Give the file that 'precursor review-sample' wrote, filled in."
    for file in files:
        rows = filled_in(file, COLUMNS, field="reviewed", remedy=remedy)
        for number, row in enumerate(rows.to_dict("records"), 1):
            place, key = f"{file}, row {number}", (row["nominal_id"], row["as_of_date"])
            said = row["would_list"].strip().lower()
            if key in seen:
                faults.append(f"{place}: {key[0]} on {key[1]} stands there twice")
            seen.add(key)
            if key not in stood and not erased:
                faults.append(f"{place}: {key[0]} on {key[1] or 'no date'} was not drawn")
            if said not in SAID:
                faults.append(f"{place}: would_list '{row['would_list']}' is neither yes nor no")
            elif key in stood:
                found.append((stood[key], SAID[said]))
    if faults:
        raise RecordsRefused(
            f"question '{question}': {'; '.join(faults[:50])}",
            remedy="Keep persons and dates (YYYY-MM-DD) as they were drawn, and write yes, no or"
            " nothing under would_list.",
        )
    return pd.DataFrame(found, columns=["side", "would_list"], dtype=object)
