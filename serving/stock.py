"""What is in force: for each question its champion and its load, opened once and checked.

A worker holds no more than this. It asks at every request whether a pointer has moved, which costs
two small files; a promotion or a new load is taken up without a restart, and a model that the
ledger does not know by its SHA-256 is refused.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from features.catalogue import catalogue
from features.errors import Conflict, NotFound
from features.history import History
from features.loads import Load, open_load
from features.question import Question
from features.taxonomy import HARM
from models import published
from models.contract import same_definitions
from models.risk_model import RiskModel
from serving.kept import find_load, serving_from
from serving.ledger import Ledger

MOST_LOADS = 4
"""Loads kept compiled; the one asked for longest ago makes room for another."""


class NotInForce(Conflict):
    """What lies in the champions' folder may not be served (status 503)."""

    status = 503
    code = "model_refused"


@dataclass(frozen=True)
class InForce:
    """One question as it is served: its champion, and the history of its load."""

    question: Question
    model: RiskModel
    version: int
    history: History

    @property
    def load(self) -> Load:
        """The load of records that scores are made from."""
        return self.history.load


class Stock:
    """Champions and loads by question, for all threads of a worker.

    Parameters
    ----------
    ledger : Ledger
        Says which model files were promoted.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._models: dict[str, tuple[tuple[int, str], RiskModel]] = {}
        self._histories: OrderedDict[tuple[str, str], History] = OrderedDict()

    def questions(self) -> list[str]:
        """Return the questions that have a champion, by name."""
        return published.questions()

    def get(self, question: str) -> InForce:
        """Return a question's champion with the history of its load.

        Raises
        ------
        NotFound
            No model is in force for it, or there are no records.
        NotInForce
            The model's files are not those that were promoted, or its features are not this
            release's.
        """
        named = self._named(question)
        where = serving_from(question)
        with self._lock:  # a champion is read and a load compiled once, however many ask
            model = self._model(question, named)
            key = (str(where["fingerprint"]), model.question.harm)
            history = self._history(Path(where["path"]), key)
        return InForce(model.question, model, named[0], history)

    def champion(self, question: str) -> tuple[RiskModel, int]:
        """Return a question's champion and its version, for a batch that brings its own load.

        Raises
        ------
        NotFound, NotInForce
            As :meth:`get`.
        """
        named = self._named(question)
        with self._lock:
            return self._model(question, named), named[0]

    def history(self, fingerprint: str, harm: str = HARM) -> History:
        """Return the history of any load that was scored from, by its fingerprint."""
        key = (fingerprint, harm)
        with self._lock:
            if key not in self._histories:
                return self._history(find_load(fingerprint).path, key)
            self._histories.move_to_end(key)
            return self._histories[key]

    def _named(self, question: str) -> tuple[int, str]:
        if question not in self.questions():
            raise self._unknown(question)
        said = published.pointer(question)
        return int(said["version"]), str(said["sha256"])

    def _unknown(self, question: str) -> NotFound:
        known = ", ".join(self.questions()) or "none"
        return NotFound(
            f"question '{question}' is not in force here; in force: {known}",
            remedy=f"Ask one of these, or promote a model for it: precursor promote {question}"
            " challenger --reason TEXT.",
            field="question",
            code="question_not_in_force",
        )

    def _model(self, question: str, named: tuple[int, str]) -> RiskModel:
        if question in self._models and self._models[question][0] == named:
            return self._models[question][1]
        version, sha256 = named
        recorded = self._ledger.promoted_sha(question)
        if recorded is None or tuple(recorded) != named:
            said = "none" if recorded is None else f"version {recorded.version}"
            raise NotInForce(
                f"question '{question}': version {version} ({sha256[:12]}) is not the model that"
                f" the ledger has in force ({said})",
                remedy=f"Promote it: precursor promote {question} {version} --reason TEXT.",
            )
        try:
            model = RiskModel.load(published.folder(question) / str(version), sha256=sha256)
            same_definitions(model.feature_set, catalogue(model.question.harm))
        except (NotFound, Conflict) as refused:
            raise NotInForce(
                f"question '{question}': {refused.message}", remedy=refused.remedy
            ) from refused
        self._models[question] = (named, model)
        return model

    def _history(self, path: Path, key: tuple[str, str]) -> History:
        if key not in self._histories:
            load = open_load(path)
            if load.fingerprint != key[0]:
                raise NotInForce(
                    f"{path}: another load lies here than the one that was named",
                    remedy="Name it anew: precursor serve --records RECORDS.",
                    code="records_changed",
                )
            self._histories[key] = History(load, harm=key[1])
            while len(self._histories) > MOST_LOADS:
                self._histories.popitem(last=False)
        self._histories.move_to_end(key)
        return self._histories[key]
