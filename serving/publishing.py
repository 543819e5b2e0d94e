"""Publishing: a run becomes the list that the meeting works from, frozen and on the ledger."""

from __future__ import annotations

from typing import Any

from features.errors import Conflict
from features.turns import changing, turn
from serving.ledger import Action, Ledger
from serving.runs import find_run, freeze, point

SAID = frozenset({"model", "load", "promoted", "stage", "own_view", "capacity", "as_of_dates"})
"""What a run says of itself and must say as the ledger has it, for things follow from it."""


def publish(
    question: str,
    *,
    ledger: Ledger,
    actor: str,
    role: str,
    purpose: str = "list for the meeting",
    run_id: str | None = None,
) -> dict[str, Any]:
    """Make a run the list of its question; by default the run that was made last.

    Returns
    -------
    dict
        run_id, previous, and how many people are new, up, down, the same, or gone since the list
        before.

    Raises
    ------
    NotFound
        There is no such run.
    Conflict
        The run's model was not in force, or none is any more; it holds several as-of dates; or its
        rows are not those on the ledger.
    """
    with turn():
        find_run(question, run_id)  # of what is not there nothing is made
    with changing(question), turn():  # who is erased meanwhile would be frozen as they were
        return _published(question, ledger, actor, role, purpose, run_id)


def _published(
    question: str, ledger: Ledger, actor: str, role: str, purpose: str, run_id: str | None
) -> dict[str, Any]:
    run = find_run(question, run_id)
    if not run.info["promoted"]:
        raise Conflict(
            f"run {run.run_id} was scored with version {run.info['model']['version']}, which was"
            " not in force",
            remedy=f"Promote it and score again, or name another run of '{question}'.",
            code="not_promoted",
        )
    ended = [  # only the last part's entry has it
        entry.body
        for entry in ledger.entries(action=Action.BATCH, question=question, limit=None, sealed=True)
        if entry.body["run_id"] == run.run_id and "run_sha256" in entry.body
    ]
    on_record = [body["run_sha256"] for body in ended]
    on_record += [  # the same rows, less who was erased since
        entry.body["runs"].get(run.run_id)
        for entry in ledger.entries(action=Action.ERASURE_REACH, limit=None, sealed=True)
    ]
    described = all(run.info[name] == body[name] for body in ended for name in SAID & body.keys())
    if run.info["sha256"] not in on_record or not described:
        raise Conflict(
            f"run {run.run_id} is not the one that the ledger has",
            remedy="Score again; only what was recorded as it was scored becomes the list.",
            code="run_changed",
        )
    model, in_force = run.info["model"], ledger.promoted_sha(question)
    if in_force is None:
        raise Conflict(
            f"question '{question}': no model is in force any more, so nothing becomes its list",
            remedy="Promote a version, and score with it.",
            code="nothing_in_force",
        )
    if (model["version"], model["sha256"]) != tuple(in_force):  # it may have been taken back
        raise Conflict(
            f"run {run.run_id} was scored with version {model['version']}; version"
            f" {in_force.version} is in force now",
            remedy=f"Score again: precursor score {question} RECORDS --out FILE.",
            code="another_in_force",
        )
    said = freeze(run)
    ledger.append(
        Action.PUBLISH,
        actor=actor,
        role=role,
        purpose=purpose,
        question=question,
        body={**said, "people": run.info["people"], "run_sha256": run.info["sha256"]},
    )
    point(run, said)
    return said
