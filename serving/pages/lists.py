"""The published lists as the pages ask for them: opened once, filtered in columns, read in lines.

Nothing here is about HTML. A list is found through its question's pointer at each request, so a new
list, a promotion or an erasure shows without a restart.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.errors import NotFound, PrecursorError
from features.history import History
from features.question import Question
from models.risk_model import RiskModel
from serving.kept import find_model
from serving.ledger import Ledger
from serving.pages.standing import Standing, standing
from serving.runs import PublishedList, pointed, published
from serving.stage import InShadow, may_see
from serving.stock import InForce, Stock

KEPT = 8
"""Opened lists kept in memory; more than there are questions in one force."""

ORDERS = {"score": "Score", "risen": "Moved up most"}


@dataclass(frozen=True)
class Asked:
    """What a reader asked of a list: filters, order and page; empty means all."""

    band: str = ""
    area: str = ""
    status: str = ""
    order: str = "score"
    page: int = 1


@dataclass(frozen=True, eq=False)
class OpenList:
    """One published list: its lines in columns, its model, and how the people on it stand.

    `history` and `standing` are None where the records that it was made from are gone.
    """

    published: PublishedList
    model: RiskModel
    history: History | None
    standing: Standing | None
    rows: pa.Table

    @property
    def question(self) -> Question:
        """The question as it stood when the list was made."""
        return self.model.question

    @property
    def info(self) -> Mapping[str, Any]:
        """What the run says of itself."""
        return self.published.run.info

    @property
    def as_of_date(self) -> date:
        """The list's moment of knowledge, exclusive."""
        return date.fromisoformat(self.info["as_of_dates"][0])

    @property
    def known_to(self) -> date:
        """The last day whose knowledge the list uses: of the records, or before its as-of date."""
        data_to = date.fromisoformat(self.info["load"]["data_to"])
        return min(data_to, self.as_of_date - timedelta(days=1))

    @property
    def compared(self) -> bool:
        """Whether there was a list before, so that changes mean something."""
        return self.published.said.get("previous") is not None

    @cached_property
    def insufficient(self) -> np.ndarray:
        """Positions of the people with insufficient history."""
        return np.flatnonzero(self.rows["insufficient_history"].to_numpy())

    @cached_property
    def ranked(self) -> np.ndarray:
        """Positions of the people with a score, by rank."""
        return np.flatnonzero(~self.rows["insufficient_history"].to_numpy())

    def select(self, asked: Asked) -> np.ndarray:
        """Return the positions of those who match, in the order asked for."""
        keep = ~self.rows["insufficient_history"].to_numpy()
        if asked.band:
            keep &= pc.equal(self.rows["band"], asked.band).fill_null(False).to_numpy()
        if asked.area and self.standing is not None:
            keep &= self.standing.lives_in(asked.area)
        if asked.status and self.standing is not None:
            keep &= self.standing.has(asked.status)
        found = np.flatnonzero(keep)
        if asked.order != "risen" or not self.compared:
            return found
        # new ones have risen from nowhere: after those who were passed on the list before
        before = self.rows["previous_rank"].to_numpy(zero_copy_only=False).astype(float)[found]
        risen = before - self.rows["rank"].to_numpy(zero_copy_only=False).astype(float)[found]
        return found[np.lexsort((found, -np.nan_to_num(risen, nan=0.5)))]

    def position(self, score_id: str) -> int:
        """Return where a score stands on the list, or refuse an id that does not."""
        found = int(pc.index(self.rows["score_id"], score_id).as_py())
        if found < 0:
            raise NotFound(
                "there is no such score on this list",
                remedy="Open the person from the priority list; a new list has new ids.",
                field="score_id",
            )
        return found

    @staticmethod
    def at(position: int) -> np.ndarray:
        """Return one position as `lines` takes it."""
        return np.array([position])

    def lines(self, positions: np.ndarray) -> list[dict[str, Any]]:
        """Return whole lines at some positions, in the order given."""
        rising = np.unique(positions)
        found = dict(zip(rising.tolist(), self.published.take(rising), strict=True))
        return [found[position] for position in positions.tolist()]


class Lists:
    """Which lists there are, and each one opened, for all threads of a worker.

    Parameters
    ----------
    stock : Stock
    ledger : Ledger
    """

    def __init__(self, stock: Stock, ledger: Ledger) -> None:
        self.stock = stock
        self.ledger = ledger
        self._lock = threading.Lock()
        self._opened: dict[str, tuple[PublishedList, OpenList]] = {}

    def questions(self, role: str) -> list[Question]:
        """Return the questions with a list that this role may see, by title.

        A question in shadow is scored and compared; no analyst sees it.
        """
        found = []
        for at in self.in_force():
            name = at.question.name
            if pointed(name) is None:
                continue
            try:
                info = published(name).run.info
            except PrecursorError:  # its own page says why; the others go on
                continue
            if may_see(role, info["stage"]):
                found.append(at.question)
        return sorted(found, key=lambda question: question.title)

    def in_force(self) -> list[InForce]:
        """Return every question that is in force and can be served."""
        found = []
        for name in self.stock.questions():
            try:
                found.append(self.stock.get(name))
            except PrecursorError:  # its own page says why; the others go on
                continue
        return found

    def made_up(self) -> bool:
        """Return whether anything in force was trained on, or is served from, made-up people."""
        return any(at.load.synthetic or at.model.synthetic for at in self.in_force())

    def open(self, question: str, role: str) -> OpenList:
        """Return a question's list.

        Raises
        ------
        NotFound
            There is no such list.
        InShadow
            The question was in shadow when the list was made, and this role does not see it.
        """
        in_force = self.stock.get(question)
        found = published(question)
        if not may_see(role, found.run.info["stage"]):
            raise InShadow(question)
        with self._lock:
            if question not in self._opened or self._opened[question][0] is not found:
                if len(self._opened) >= KEPT:
                    self._opened.pop(next(iter(self._opened)))
                self._opened[question] = (found, self._read(found, in_force.model))
            return self._opened[question][1]

    def _read(self, found: PublishedList, champion: RiskModel) -> OpenList:
        info = found.run.info
        rows = found.columns(
            "score_id", "nominal_id", "rank", "previous_rank", "band", "insufficient_history"
        )
        said = info["model"]
        model = (
            champion
            if champion.sha256 == said["sha256"]
            else find_model(found.run.question, int(said["version"]), said["sha256"])
        )
        try:
            history = self.stock.history(info["load"]["fingerprint"])
        except NotFound:  # the page says that the records are gone, and shows the list
            return OpenList(found, model, None, None, rows)
        at = date.fromisoformat(info["as_of_dates"][0])
        how = standing(history.load, rows["nominal_id"].to_pylist(), at)
        return OpenList(found, model, history, how, rows)
