"""The published lists as the pages ask for them: opened once, filtered in columns, read in lines.

Nothing here is about HTML. A list is found through its question's pointer at each request, so a new
list, a promotion or an erasure shows without a restart.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.cohort import sub_cohorts
from features.errors import NotFound, PrecursorError
from features.history import History
from features.question import Question
from features.rfg import points
from features.strands import by_mark, named_in
from models.risk_model import RiskModel
from serving.dashboards import Records
from serving.ledger import Ledger
from serving.own_view import require_own_view
from serving.pages.other_ranks import CLOSE, OtherRanks, above_the_line
from serving.pages.standing import Standing, standing
from serving.permissions import Principal
from serving.runs import PublishedList, pointed, published
from serving.stage import InShadow, may_see
from serving.stock import InForce, Stock

KEPT = 8
"""Opened lists kept in memory; more than there are questions in one force."""

SELECTED = 16
"""Answers to filters and orders kept for each list."""

ORDERS = {"score": "Score", "risen": "Moved up most"}


@dataclass(frozen=True)
class Asked:
    """What a reader asked of a list: filters, order and page; empty means all."""

    band: str = ""
    cohort: str = ""
    area: str = ""
    strand: str = ""
    status: str = ""
    order: str = "score"
    page: int = 1

    @property
    def filtered(self) -> bool:
        """Whether it is less than the whole list."""
        return bool(self.band) or self.by_records

    @property
    def by_records(self) -> bool:
        """Whether who is shown says something of their records."""
        return bool(self.cohort or self.area or self.strand or self.status)


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
    def people(self) -> frozenset[str]:
        """Everybody on the list."""
        return frozenset(self.rows["nominal_id"].to_pylist())

    @cached_property
    def insufficient(self) -> np.ndarray:
        """Positions of the people with insufficient history."""
        return np.flatnonzero(self.rows["insufficient_history"].to_numpy())

    @cached_property
    def ranked(self) -> np.ndarray:
        """Positions of the people with a score, by rank."""
        return np.flatnonzero(~self.rows["insufficient_history"].to_numpy())

    @cached_property
    def rank(self) -> np.ndarray:
        """Everybody's rank by position; NaN where there is none."""
        return np.asarray(self.rows["rank"].to_numpy(zero_copy_only=False), dtype=float)

    @property
    def spine(self) -> pd.DataFrame:
        """Everybody on the list with its date, to ask the history about."""
        people = self.rows["nominal_id"].to_numpy()
        return pd.DataFrame({"nominal_id": people, "as_of_date": self.as_of_date})

    @cached_property
    def rfg(self) -> OtherRanks | None:
        """Where recency, frequency and gravity rank everybody; None without records."""
        if self.history is None:
            return None
        rank = pc.fill_null(self.rows["rank"], 0).to_numpy()
        capacity = int(self.info.get("capacity") or 0)
        return OtherRanks.of(rank, points(self.history, self.spine), capacity)

    @cached_property
    def above(self) -> np.ndarray:
        """In what share of re-runs each would lie above the capacity line; NaN without a score."""
        found, capacity = np.full(len(self.rows), np.nan), int(self.info["capacity"])
        if not 0 < capacity < len(self.ranked):
            return found
        names = ("probability", "low", "high")
        read = self.published.columns(*names)
        score, low, high = (read[name].to_numpy()[self.ranked] for name in names)
        # halfway between the last above the line and the first below it
        line = (score[capacity - 1] + score[capacity]) / 2
        level = self.model.interval.level
        found[self.ranked] = above_the_line(score, low, high, float(line), level)
        return found

    @cached_property
    def swaps(self) -> tuple[int, int] | None:
        """The first and the last rank that may change sides of the line when it is fitted again."""
        near = self.rank[(self.above >= CLOSE) & (self.above <= 1 - CLOSE)]
        return (int(near.min()), int(near.max())) if len(near) > 1 else None

    def ready(self) -> None:
        """Work out now what pages of the whole list ask for, whatever they are filtered by."""
        _ = self.insufficient, self.ranked, self.rfg, self.swaps
        if self.history is not None:
            for name in self.question.sub_cohorts:
                self.in_cohort(name)
            for name in by_mark():
                self.in_strand(name)

    def in_cohort(self, name: str) -> np.ndarray:
        """Return who belongs to a part of the cohort."""
        return self._kept("cohort", name, lambda: self._sub_cohorts[f"cohort_{name}"].to_numpy())

    def in_strand(self, name: str) -> np.ndarray:
        """Return whom reports of two years name in a strand."""
        assert self.history is not None
        history = self.history
        return self._kept("strand", name, lambda: named_in(history, self.spine, name))

    @cached_property
    def _sub_cohorts(self) -> pd.DataFrame:
        assert self.history is not None
        return sub_cohorts(self.history, self.question, self.spine)

    def _kept(self, kind: str, name: str, worked_out: Callable[[], np.ndarray]) -> np.ndarray:
        kept: dict[tuple[str, str], np.ndarray] = self.__dict__.setdefault("_parts", {})
        if (kind, name) not in kept:
            kept[kind, name] = worked_out()
        return kept[kind, name]

    def select(self, asked: Asked) -> np.ndarray:
        """Return the positions of those who match, in the order asked for; kept for further pages.

        What is kept is as long as the list, so only the last few answers are.
        """
        return self._selected(replace(asked, page=1))

    @cached_property
    def _selected(self) -> Callable[[Asked], np.ndarray]:
        return lru_cache(SELECTED)(self._select)

    def _select(self, asked: Asked) -> np.ndarray:
        keep = ~self.rows["insufficient_history"].to_numpy()
        if asked.band:
            keep &= pc.equal(self.rows["band"], asked.band).fill_null(False).to_numpy()
        if asked.area and self.standing is not None:
            keep &= self.standing.lives_in(asked.area)
        if asked.cohort in self.question.sub_cohorts and self.history is not None:
            keep &= self.in_cohort(asked.cohort)
        if asked.strand in by_mark() and self.history is not None:
            keep &= self.in_strand(asked.strand)
        if asked.status and self.standing is not None:
            keep &= self.standing.has(asked.status)
        found = np.flatnonzero(keep)
        if asked.order != "risen" or not self.compared:
            return found
        # new ones have risen from nowhere: after those who were passed on the list before
        before = self.rows["previous_rank"].to_numpy(zero_copy_only=False).astype(float)[found]
        risen = before - self.rank[found]
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
        self.records = Records()
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

    def titles(self) -> dict[str, str]:
        """Return the titles of the questions in force, by name."""
        return {at.question.name: at.question.title for at in self.in_force()}

    def open_to(self, role: str) -> list[Question]:
        """Return the questions in force whose scores this role may see."""
        return [at.question for at in self.in_force() if may_see(role, at.question.stage)]

    def in_force_of(self, question: str) -> InForce | None:
        """Return what is in force for a question; None where nothing can be served."""
        try:
            return self.stock.get(question)
        except PrecursorError:
            return None

    def made_up(self) -> bool:
        """Return whether anything in force was trained on, or is served from, made-up people."""
        return any(at.load.synthetic or at.model.synthetic for at in self.in_force())

    def open(self, question: str, principal: Principal) -> OpenList:
        """Return a question's list, for somebody who may look at it.

        Raises
        ------
        OwnViewDue
            The analyst's own view is due first.
        PrecursorError
            As `before_own_view`.
        """
        found = self.before_own_view(question, principal.role)
        require_own_view(self.ledger, question, principal)
        return found

    def before_own_view(self, question: str, role: str) -> OpenList:
        """Return a question's list for the page that asks for own views; nothing of it is shown.

        Raises
        ------
        NotFound
            There is no such list.
        InShadow
            The question was in shadow when the list was made, and this role does not see it.
        """
        self.stock.get(question)  # a list of what is out of force is nobody's to see
        found = published(question)
        if not may_see(role, found.run.info["stage"]):
            raise InShadow(question)
        return self._open(question, found)

    def open_all(self) -> None:
        """Open every published list and the records behind it, so that nobody waits for that."""
        for at in self.in_force():
            name = at.question.name
            if pointed(name) is None:  # nobody looks at pages of it, and memory is dear
                continue
            with contextlib.suppress(PrecursorError):  # its own page says what is wrong
                self._open(name, published(name)).ready()
            self.records.of(at.load)

    @property
    def opened(self) -> dict[str, str]:
        """The run of each list that is open, by question."""
        with self._lock:
            return {name: found.run.run_id for name, (found, _) in self._opened.items()}

    def _open(self, question: str, found: PublishedList) -> OpenList:
        with self._lock:
            if question not in self._opened or self._opened[question][0] is not found:
                if len(self._opened) >= KEPT:
                    self._opened.pop(next(iter(self._opened)))
                self._opened[question] = (found, self._read(found))
            return self._opened[question][1]

    def _read(self, found: PublishedList) -> OpenList:
        info = found.run.info
        rows = found.columns(
            "score_id", "nominal_id", "rank", "previous_rank", "band", "insufficient_history"
        )
        model = self.stock.model_of(info)
        try:
            history = self.stock.history(info["load"]["fingerprint"], model.question.harm)
        except NotFound:  # the page says that the records are gone, and shows the list
            return OpenList(found, model, None, None, rows)
        at = date.fromisoformat(info["as_of_dates"][0])
        how = standing(history.load, rows["nominal_id"].to_pylist(), at)
        return OpenList(found, model, history, how, rows)
