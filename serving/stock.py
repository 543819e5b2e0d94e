"""What is in force: for each question its champion and its load, opened once and checked.

A worker holds no more than this. It asks at every request whether a pointer has moved, which costs
two small files, and whether the ledger has put a model in force or out of it, which costs a small
query; a promotion or a new load is taken up without a restart, and a model that the ledger does
not have in force, by its SHA-256, is refused. What puts a model in force or out of it counts from
the next request on; a new load is compiled beside the one in use, and used once it is ready.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from features.catalogue import catalogue
from features.errors import Conflict, NotFound, PrecursorError
from features.history import History
from features.loads import Load, open_load
from features.question import Question
from features.turns import erasures
from models import champions
from models.contract import same_definitions
from models.risk_model import RiskModel
from serving.chain import IN_FORCE
from serving.kept import find_load, find_model, serving_from
from serving.ledger import Ledger, Promoted
from serving.stages import CurrentStage, changed, decided

_Key = tuple[str, str]
"""A load's fingerprint and the list of harm weights: what a compiled history depends on."""

MOST_LOADS = 4
"""Loads kept compiled; the one asked for longest ago makes room for another."""

AGAIN_AFTER = 15.0
"""Seconds after which a new load that could not be opened is tried again."""

SETTLES = 5.0
"""Seconds within which the pointer follows the ledger when another model comes into force."""


class NotInForce(Conflict):
    """What lies in the champions' folder may not be served (status 503)."""

    status = 503
    code = "model_refused"


@dataclass(frozen=True)
class InForce:
    """One question as it is served: its champion, the history of its load, and its stage."""

    question: Question
    model: RiskModel
    version: int
    history: History
    stage: CurrentStage = field(default_factory=lambda: CurrentStage("pilot"))

    @property
    def load(self) -> Load:
        """The load of records that scores are made from."""
        return self.history.load


class QuestionNotInForce(NotFound):
    """No model was promoted here for a question of this name, if there is one."""

    code = "question_not_in_force"

    def __init__(self, question: str, known: str) -> None:
        super().__init__(
            f"question '{question}' is not in force here; in force: {known}",
            remedy="Ask one of these; another is put in force by promoting a model of it.",
            field="question",
        )
        self.question = question


def require_in_force(ledger: Ledger, question: str) -> Promoted:
    """Return which model the ledger has in force for a question, whatever files say.

    Raises
    ------
    QuestionNotInForce
        None is, or it was suspended or retired.
    """
    found = ledger.promoted_sha(question)
    if found is None:
        raise QuestionNotInForce(question, ", ".join(champions.questions()) or "none")
    return found


class Stock:
    """Champions and loads by question, for all threads of a worker.

    Parameters
    ----------
    ledger : Ledger
        Says which model files were promoted.
    warm : bool
        Make models and loads ready for explanations when they are opened, not when one is first
        asked for.
    """

    def __init__(self, ledger: Ledger, *, warm: bool = False) -> None:
        self._ledger = ledger
        self._warm = warm
        self._lock = threading.Lock()
        self._decided: dict[str, tuple[int, CurrentStage | None]] = {}
        self._recorded: dict[str, tuple[int, Promoted | None, float]] = {}
        self._models: dict[str, tuple[tuple[int, str], RiskModel]] = {}
        self._earlier: RiskModel | None = None
        self._histories: OrderedDict[_Key, History] = OrderedDict()
        self._in_use: dict[tuple[str, str], _Key] = {}
        self._making: set[_Key] = set()
        self._erasures = erasures()
        self._failed: dict[_Key, tuple[float, PrecursorError]] = {}

    def questions(self) -> list[str]:
        """Return the questions that have a champion, by name."""
        return champions.questions()

    def knows(self, question: str | None) -> bool:
        """Return whether a question has a champion or had one: its name was not made up."""
        return question in champions.ever_in_force()

    def get(self, question: str) -> InForce:
        """Return a question's champion with the history of its load.

        Raises
        ------
        NotFound
            No model is in force for it, or there are no records.
        NotInForce
            The ledger has no model in force, or another one; the model's files are not those that
            were promoted, or its features are not this release's.
        """
        named = self._named(question)
        where = serving_from(question)
        with self._lock:  # a champion is read and a load compiled once, however many ask
            self._forget_erased()
            model = self._model(question, named)
            history = self._latest(question, where, model.question.harm)
        if self._warm:
            model.warm()  # who asks other questions does not wait for a new champion
        return InForce(model.question, model, named[0], history, self.stage(model.question))

    def stage(self, question: Question) -> CurrentStage:
        """Return at which stage the ledger has a question; asked anew when it was moved."""
        at = changed(question.name)
        known = self._decided.get(question.name)
        if known is None or known[0] != at:
            known = (at, decided(self._ledger, question.name))
            self._decided[question.name] = known
        return known[1] or CurrentStage(question.stage)

    def ready(self) -> None:
        """Return if every question in force can be answered; raise the first that cannot.

        Raises
        ------
        PrecursorError
            A model's files are gone or changed, or a new load cannot be read.
        """
        promoted = self._ledger.entries(action=IN_FORCE, limit=None, sealed=True)
        lost = {str(entry.question) for entry in promoted} - set(self.questions())
        for question in sorted(lost):
            if self._ledger.promoted_sha(question) is not None:
                raise self._unknown(question)
        for question in self.questions():
            self.get(question)
        with self._lock:
            for _, failed in self._failed.values():
                raise failed

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

    def model_of(self, said: Mapping[str, Any]) -> RiskModel:
        """Return the model that a score, or a run, is of: the one in force, held here, if it is.

        Raises
        ------
        NotFound, Conflict
            Its files are no longer kept, or were changed.
        """
        named, question = said["model"], str(said["question"])
        try:
            champion = self.champion(question)[0]
        except PrecursorError:  # nothing is in force; the files of the model are kept
            champion = None
        if champion is not None and champion.sha256 == named["sha256"]:
            return champion
        found = self._earlier  # a score's page asks for its model several times
        if found is None or found.sha256 != named["sha256"]:
            found = self._earlier = find_model(question, int(named["version"]), named["sha256"])
        return found

    def history_of(self, said: Mapping[str, Any]) -> History:
        """Return the history that a score, or a run, was made from, with its model's weights.

        Raises
        ------
        NotFound, Conflict, RecordsRefused
            The load or the model is no longer kept, or was changed.
        """
        return self.history(said["load"]["fingerprint"], self.model_of(said).question.harm)

    def history(self, fingerprint: str, harm: str) -> History:
        """Return the history of any load that was scored from, with a list of harm weights."""
        key = (fingerprint, harm)
        with self._lock:
            self._forget_erased()
            if key not in self._histories:
                return self._history(find_load(fingerprint).path, key)
            self._histories.move_to_end(key)
            return self._histories[key]

    def _forget_erased(self) -> None:
        """Drop what was compiled before the last erasure; it may still hold who was erased."""
        found = erasures()
        if found != self._erasures:
            self._histories.clear()
            self._in_use.clear()
            self._erasures = found

    def _named(self, question: str) -> tuple[int, str]:
        """Return the version that the pointer names and the ledger has in force.

        The pointer is a plain file, and moves after the ledger: it is never enough by itself.
        While another model comes into force, who asks waits for the pointer to follow.
        """
        while True:
            if question not in self.questions():
                raise self._unknown(question)
            said = champions.pointer(question)
            named = int(said["version"]), str(said["sha256"])
            recorded, seen = self._in_force(question)
            if recorded is not None and tuple(recorded) == named:
                return named
            served = question in self._models and self._models[question][0] == named
            if recorded is None or not served or time.monotonic() - seen > SETTLES:
                raise _not_in_force(question, named, recorded)
            time.sleep(0.01)

    def _in_force(self, question: str) -> tuple[Promoted | None, float]:
        """Return what the ledger has in force, and since when that is known here."""
        at = self._ledger.force_changed(question)
        known = self._recorded.get(question)
        if known is None or known[0] != at:
            known = (at, self._ledger.promoted_sha(question), time.monotonic())
            self._recorded[question] = known
        return known[1:]

    def _unknown(self, question: str) -> PrecursorError:
        recorded = self._ledger.promoted_sha(question)
        if recorded is not None:
            return NotInForce(
                f"question '{question}': version {recorded.version} is in force, and its files are"
                f" gone from {champions.folder(question)}",
                remedy="Restore the folder from a back-up, or promote the version again.",
            )
        known = ", ".join(self.questions()) or "none"
        return QuestionNotInForce(question, known)

    def _model(self, question: str, named: tuple[int, str]) -> RiskModel:
        if question in self._models and self._models[question][0] == named:
            return self._at_stage(question, self._models[question][1])
        version, sha256 = named
        try:
            model = RiskModel.load(champions.folder(question) / str(version), sha256=sha256)
            champions.require_question(model, question)
            same_definitions(model.feature_set, catalogue(model.question.harm))
        except (NotFound, Conflict) as refused:
            raise NotInForce(
                f"question '{question}': {refused.message}", remedy=refused.remedy
            ) from refused
        self._models[question] = (named, model)
        return self._at_stage(question, model)

    def _at_stage(self, question: str, model: RiskModel) -> RiskModel:
        """Return a champion as the ledger has its question: scores name the stage they are of."""
        stage = self.stage(model.question).stage
        if model.question.stage != stage:
            model = model.at_stage(stage)
            self._models[question] = (self._models[question][0], model)
        return model

    def _latest(self, question: str, where: Mapping[str, Any], harm: str) -> History:
        """Return the history to answer from: a new load's once it stands, until then the last."""
        path, key = Path(where["path"]), (str(where["fingerprint"]), harm)
        last = self._in_use.get((question, harm))
        if key in self._histories or last is None or last not in self._histories:
            history = self._history(path, key)
            self._in_use[question, harm] = key
            return history
        since, failed = self._failed.get(key, (float("-inf"), None))
        if key not in self._making and time.monotonic() - since > AGAIN_AFTER:
            self._making.add(key)
            threading.Thread(target=self._make, args=(path, key), daemon=True).start()
        if failed is not None:
            raise failed
        self._histories.move_to_end(last)
        return self._histories[last]

    def _make(self, path: Path, key: _Key) -> None:
        """Open a load beside those in use; nobody waits for it.

        What was read before somebody was erased is let go: it would bring them back.
        """
        before = erasures()
        try:
            history = self._opened(path, key)
        except PrecursorError as refused:
            failed: PrecursorError | None = refused
        except Exception as fault:  # whatever it is, it is told where the load would be used
            failed = NotInForce(
                f"{path}: the load cannot be read ({type(fault).__name__})",
                remedy="Check it: precursor check RECORDS.",
                code="records_refused",
            )
        else:
            failed = None
        with self._lock:
            self._making.discard(key)
            self._failed.pop(key, None)
            if failed is None and erasures() == before:
                self._keep(key, history)
            elif failed is not None:
                self._failed[key] = (time.monotonic(), failed)

    def _history(self, path: Path, key: _Key) -> History:
        if key not in self._histories:
            self._keep(key, self._opened(path, key))
        self._histories.move_to_end(key)
        return self._histories[key]

    def _keep(self, key: _Key, history: History) -> None:
        self._histories[key] = history
        while len(self._histories) > MOST_LOADS:
            self._histories.popitem(last=False)

    def _opened(self, path: Path, key: _Key) -> History:
        load = open_load(path)
        if load.fingerprint != key[0]:
            raise NotInForce(
                f"{path}: another load lies here than the one that was named",
                remedy="Name it anew: precursor serve --records RECORDS.",
                code="records_changed",
            )
        history = History(load, harm=key[1])
        if self._warm:
            history.warm()
        return history


def _not_in_force(question: str, named: tuple[int, str], recorded: Promoted | None) -> NotInForce:
    version, sha256 = named
    said = "none" if recorded is None else f"version {recorded.version}"
    return NotInForce(
        f"question '{question}': version {version} ({sha256[:12]}) is not the model that"
        f" the ledger has in force ({said})",
        remedy=f"Promote it: precursor promote {question} {version} --reason TEXT.",
    )
