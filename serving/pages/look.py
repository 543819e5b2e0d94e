"""One score that somebody has a page of: on the list in force, or asked for on its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from starlette.requests import Request

from features.errors import NotFound
from serving.answers import readable
from serving.chain import Leaf
from serving.pages.door import Visitor
from serving.pages.identity import Identity, identity
from serving.pages.lists import Lists, OpenList
from serving.pages.recorded import viewed
from serving.pages.standing import standing
from serving.pseudonyms import pseudonymous
from serving.runs import PublishedList, Run


@dataclass(frozen=True)
class Looked:
    """A score with where it stands: its list, its line, and who it is about.

    `row` is the line of the list; of a score that was asked for on its own it has no rank.
    """

    found: OpenList
    row: Mapping[str, Any]
    position: int
    payload: Mapping[str, Any]
    person: Identity
    listed: bool

    @property
    def question(self) -> str:
        """Name of the question."""
        return str(self.payload["question"])

    @property
    def score_id(self) -> str:
        """The score's name."""
        return str(self.payload["score_id"])

    @property
    def href(self) -> str:
        """Address of the person's page."""
        return f"/lists/{self.question}/{self.score_id}"


def look(lists: Lists, request: Request, visitor: Visitor) -> Looked:
    """Return the score that an address names, for whoever may see it.

    Raises
    ------
    NotFound
        There is no such score of this question.
    Gone
        The person was erased.
    InShadow
        The question was in shadow when the score was given.
    OwnViewDue
        The analyst's own view is due first.
    NeedToKnow
        The person is restricted, or outside the areas of whoever asks.
    """
    question, score_id = request.path_params["question"], request.path_params["score_id"]
    missing = NotFound(
        "there is no such score of this question",
        remedy="Open the person from the priority list; a new list has new ids.",
        field="score_id",
    )
    principal = visitor.principal
    try:
        entry, payload = readable(lists.ledger, score_id, principal)
    except NotFound:
        raise missing from None
    if entry.question != question:
        raise missing
    try:
        found = lists.open(question, principal)
        position = found.position(score_id)
    except NotFound:
        found, position, listed = alone(lists, payload), 0, False
        row = found.rows.to_pylist()[0]
    else:
        listed = True
        (row,) = found.lines(found.at(position))
    hidden = pseudonymous(principal.role)
    return Looked(found, row, position, payload, identity(found, row, position, hidden), listed)


def looked_at(lists: Lists, visitor: Visitor, looked: Looked, what: str, **more: Any) -> None:
    """Put on the ledger that a page about a score is looked at."""
    seen = [Leaf(str(looked.payload["nominal_id"]), None, {"viewed": looked.score_id})]
    viewed(lists, visitor, what, looked.question, people=seen, **more)


def alone(lists: Lists, payload: Mapping[str, Any]) -> OpenList:
    """Return a list of one line, for a score that stands on no list in force."""
    said, load = payload["model"], payload["load"]
    at = date.fromisoformat(payload["as_of_date"])
    info = {
        "question": payload["question"],
        "model": said,
        "load": load,
        "as_of_dates": [payload["as_of_date"]],
        "expires_on": payload["expires_on"],
        "mean_probability": None,
        "scored": None,
    }
    rows = pa.table(
        {
            "score_id": [payload["score_id"]],
            "nominal_id": [payload["nominal_id"]],
            "rank": pa.array([None], pa.int64()),
            "previous_rank": pa.array([None], pa.int64()),
            "band": pa.array([payload["band"]], pa.string()),
            "insufficient_history": [payload["insufficient_history"]],
        }
    )
    content = pa.BufferOutputStream()
    pq.write_table(rows, content)
    held = content.getvalue()
    metadata = pq.read_metadata(pa.BufferReader(held))
    run = PublishedList(Run(Path(payload["score_id"]), info), {"previous": None}, held, metadata)
    model = lists.stock.model_of(payload)
    try:
        history = lists.stock.history(load["fingerprint"], model.question.harm)
    except NotFound:  # the page says that the records are gone, and shows the score
        return OpenList(run, model, None, None, rows)
    how = standing(history.load, [payload["nominal_id"]], at)
    return OpenList(run, model, history, how, rows)
