"""One training, whole: matrix, split, baselines, fit, calibration, evaluation, intervals, registry.

The booster that is registered is the one that was judged, so that anybody can check its figures;
once judged, its probabilities are calibrated on the test part (`training.recalibration`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.errors import PrecursorError
from features.further import DAYS_FREE
from features.matrix import Matrix
from features.question import Question
from features.types import Floats, Tell
from models import dossier, registry
from models.manifest import sha256_of
from models.risk_model import RiskModel
from training import (
    competing_events,
    fairness_truth,
    fairness_words,
    fidelity,
    fit,
    mitigation,
    people_folds,
    promotion,
    recalibration,
    report,
    stability,
    tracking,
    tuning,
)
from training.backtest import ORIGINS, backtest
from training.certainty import certainty, covered
from training.certainty import in_words as certainty_in_words
from training.contest import Contest, bands, beyond, contest
from training.evaluation import MODEL, Evaluation, evaluate, gain
from training.fairness import Fairness, audit
from training.horizons import horizons
from training.horizons import in_words as horizons_in_words
from training.leakage import Proof
from training.reference import reference
from training.splits import Split, of_part, temporal
from training.told import also, calibration_of, report_of, training_of, wider_of

if TYPE_CHECKING:
    from training.oracles_distance import Oracles


REFITS = 12
DRAWS = 500
SEED = 20


@dataclass(frozen=True)
class Result:
    """What a training came to.

    Attributes
    ----------
    model : RiskModel
    evaluation : Evaluation
    report : dict
        Plain data; `report["verdict"]` is the first sentence.
    text : str
        The report to print.
    version : Version or None
        The entry in the registry; None where none was asked for.
    fairness : Fairness or None
        The audit by group; None where nobody told who the people are.
    """

    model: RiskModel
    evaluation: Evaluation
    report: dict[str, Any]
    text: str
    version: registry.Version | None
    fairness: Fairness | None = None


def train(
    question: Question,
    matrix: Matrix,
    *,
    protected: pd.DataFrame | None = None,
    beside: pd.DataFrame | None = None,
    wider: Matrix | None = None,
    oracles: Oracles | None = None,
    proof: Proof | None = None,
    register: bool = True,
    refits: int = REFITS,
    draws: int = DRAWS,
    seed: int = SEED,
    origins: int = ORIGINS,
    tune: int = 0,
    threads: int | None = None,
    progress: Tell | None = None,
    **changes: Any,
) -> Result:
    """Train a question's model, judge it beside its baselines, and register it as challenger.

    Parameters
    ----------
    question : Question
    matrix : Matrix
        With labels; rows without a mature label are left out.
    protected : DataFrame, optional
        Who the people of the matrix's rows are (`features.attributes`), for the fairness audit.
    beside : DataFrame, optional
        What published predictors need to know of the matrix's rows (`training.sanctions.beside`).
    wider : Matrix, optional
        With labels; the rows of the wider cohort that the question's trees learn from too.
    oracles : Oracles, optional
        What can be known of a simulated force: the report then says how near the model comes.
    proof : Proof, optional
        The leakage proof of the matrix (`training.leakage`); the gate asks for it.
    register : bool
        Log the run to MLflow and register the model.
    refits : int
        Halves of the people to fit again on, for the 90 % intervals of scores; at least 2.
    draws : int
        Samples of people for the intervals of figures.
    seed : int
    origins : int
        Origins of the backtest at most, the registered model's among them; 1 leaves it out.
    tune : int
        Trials of a search for better parameters (`training.tuning`); 0 takes the house's.
    threads : int, optional
        For LightGBM; the model is the same with any number.
    progress : callable, optional
        Called with a line of text at each step.
    **changes
        LightGBM parameters other than the house's.

    Returns
    -------
    Result

    Raises
    ------
    PrecursorError
        Where the matrix was made for another question, or has too few rows for an honest split;
        or where `oracles` find that the model knows more than the records do.
    """
    say = progress or (lambda _: None)
    _same_question(question, matrix)
    work, order = _ordered(of_part(matrix, question))
    aside = None if beside is None else beside.iloc[order].reset_index(drop=True)
    terms = {"beside": aside, "threads": threads, "seed": seed, **changes}
    if wider is not None:
        _same_question(question.wider or question, wider)
        wider = beyond(work, _ordered(wider)[0])
        terms |= {"wider": wider}
    search: tuning.Search | None = None
    house = terms
    if question.split.temporal:
        split = temporal(work.frame, question)
        if tune:
            search = tuning.tune(
                question, work, split, tune, seed=seed, wider=wider, threads=threads, progress=say
            )
            terms = terms | search.parameters
        say(f"fitting on {split.train.sum():,} rows, judging on {split.test.sum():,}")
        held = contest(question, work, split, **terms)
    else:  # all rows share one date, or too few have the outcome to be split in time
        held = people_folds.contest_over_people(question, work, progress=say, **terms)
        split, origins = held.split, 1
    searched = None if search is None else asdict(search)
    fitted, judged, margin = held.fitted, held.judged, held.margin
    distance = best = None
    if oracles is not None:
        rest = Matrix(work.frame[split.test], work.feature_set, work.manifest)
        distance, best = oracles.judge(rest, held.scores[MODEL])
    say(f"judging beside the baselines, {draws:,} samples of people for the intervals")
    evaluation = evaluate(judged, held.scores, draws=draws, seed=seed)
    held_before = backtest(
        question,
        work,
        held,
        evaluation,
        origins=origins,
        draws=draws,
        seed=seed,
        progress=say,
        terms=house,
    )
    refitted = fit.refits(held.rows, fitted, held.X, count=refits, seed=seed, progress=progress)
    registered = recalibration.final(margin, judged.y, fitted.calibration)
    final = registered.probability(margin)  # what people will be told and put in bands by
    further = horizons(work, held, registered, question.horizon_days, seed)
    people = None if protected is None else protected.iloc[order].reset_index(drop=True)
    groups = missed = None
    remedies: list[mitigation.Option] = []
    if people is not None:
        say("judging by group of people")
        who = people[split.test]
        groups = audit(judged, final, who, bands(question), draws=draws, seed=seed)
        remedies = mitigation.options(judged, final, who, draws=draws, seed=seed)
        if oracles is not None:
            missed = fairness_truth.unseen(oracles.risk, work.frame[split.test], who, final)
    say("judging sub-cohorts, time in prison and stability")
    told = report_of(
        question,
        work,
        split,
        evaluation,
        held.notes,
        calibration={
            "as_trained": calibration_of(evaluation, fitted.calibration),
            "by_halves": recalibration.by_halves(margin, judged, fitted.calibration),
            "registered": {"slope": registered.slope, "intercept": registered.intercept},
        },
        also=also(held, work, draws, seed),
        backtest=held_before.to_data(),
        horizons=[horizon.to_data() for horizon in further],
        competing_events=_competing(held, work, draws, seed),
        stability=_stability(held, question),
        fairness=None if groups is None else groups.to_data(),
        mitigation=[option.to_data() for option in remedies],
        missed_by_fairness=None if missed is None else fairness_truth.to_data(missed),
        oracles=None if distance is None else distance.to_data(),
        search=searched,
        wider=wider_of(question, wider, held.rows),
        leakage=None if proof is None else proof.to_data(),
        people_folds=people_folds.judged(
            question, work, draws=draws, seed=seed, progress=say, terms=terms
        ),
    )
    model = RiskModel(
        text=fitted.text,
        calibration=registered,
        question=question,
        feature_set=work.feature_set,
        nullable=frozenset(np.array(work.feature_set.names)[np.isnan(held.rows.X).any(axis=0)]),
        interval=recalibration.interval_table(margin, refitted, judged, fitted.calibration, seed),
        horizons={horizon.days: horizon.calibration for horizon in further},
        empty=fitted.empty,
        training=training_of(work, fitted, evaluation, told, seed)
        | {"fairness": None if groups is None else groups.to_data(compact=True)}
        | {"reference": _reference(work, fitted, split, final, people)}
        | {"leakage": told["leakage"]},
    )
    text = report.text(told, evaluation) + held_before.text
    text += report.section([] if search is None else [search.text])
    text += report.section(people_folds.in_words(told["people_folds"]))
    text += report.section(horizons_in_words(further))
    text += report.section(competing_events.in_words(told["competing_events"]))
    text += report.section(stability.in_words(told["stability"]))
    say("judging explanations and intervals")
    told["explanations"] = fidelity.fidelity(model, held.rows, fitted, held.X)
    text += report.section(fidelity.in_words(told["explanations"]))
    certain = certainty(
        model,
        held,
        work.frame[split.test],
        final,
        None if people is None else people[split.test].reset_index(drop=True),
        draws=draws,
        seed=seed,
    )
    certain["coverage"] = [] if best is None else covered(model, held, work, final, *best)
    told |= certain
    text += report.section(certainty_in_words(certain))
    text += report.section([] if proof is None else [proof.text])
    text += fairness_words.text(groups) + report.section(mitigation.in_words(remedies))
    text += "" if missed is None else fairness_truth.text(missed)
    text += "" if distance is None else distance.text
    kept = dossier.packed(told)
    model = replace(model, training={**model.training, dossier.SEALED: sha256_of(kept)})
    if not register:
        return Result(model, evaluation, told, text, None, groups)
    say("registering")
    shares = gain(judged, held.scores)
    with tracking.run(question.name):
        version = tracking.record(model, evaluation, told, text, shares, held.X, kept)
    registry.set_alias(question.name, registry.CHALLENGER, version.number)
    entry = registry.find(question.name, version.number)
    registry.tell(entry, kept, promotion.judge(model, version.number).to_data())
    return Result(model, evaluation, told, text, entry, groups)


def _ordered(matrix: Matrix) -> tuple[Matrix, npt.NDArray[np.int64]]:
    """Labelled rows by person and date, and where they stood: their order changes the trees."""
    known = matrix.frame["label"].notna() if "label" in matrix.frame else np.zeros(0)
    frame = matrix.labelled().frame.set_index(pd.Index(np.flatnonzero(known)))
    frame = frame.sort_values(["nominal_id", "as_of_date"], kind="stable")
    work = Matrix(frame.reset_index(drop=True), matrix.feature_set, matrix.manifest)
    return work, frame.index.to_numpy()


def _competing(held: Contest, work: Matrix, draws: int, seed: int) -> dict[str, Any] | None:
    """The figures without those who were in prison; None where the rows came with their labels."""
    if DAYS_FREE not in work.frame:
        return None
    free = work.frame.loc[held.split.test, DAYS_FREE].to_numpy(np.float64)
    return competing_events.without_prison(held.judged, free, held.scores, draws=draws, seed=seed)


def _stability(held: Contest, question: Question) -> list[dict[str, Any]]:
    """How steady the lists of the test dates are; none where rows make one list."""
    lists = held.judged.lists
    if lists is None:
        return []
    at = lists.astype("datetime64[D]")
    return stability.stability(held.judged.people, at, held.scores, question.capacity)


DEFINES_ROWS = ("name", "cohort", "outcome", "horizon_days", "lag_days", "feature_groups")
"""What of a question decides rows, labels and columns: a matrix made by another lies about it."""


def _same_question(question: Question, matrix: Matrix) -> None:
    own, made_for = question.to_data(), matrix.manifest.get("question", {})
    different = [
        f"{key} {made_for[key]!r} where the question now says {own[key]!r}"
        for key in DEFINES_ROWS
        if key in made_for and made_for[key] != own[key]
    ]
    if different:
        raise PrecursorError(
            f"matrix: it was made for another question: {'; '.join(different)}",
            remedy=f"Make one: precursor matrix {question.name} RECORDS OUT.",
        )


def _reference(
    work: Matrix, fitted: fit.Fit, split: Split, final: Floats, people: pd.DataFrame | None
) -> dict[str, Any]:
    """What the drift monitor will hold later rows against: the columns that the trees use."""
    uses = fitted.uses()
    used = sorted((name for name in uses if uses[name]), key=lambda name: -uses[name])
    y = work.y[split.test]
    return reference(work.frame, used, final, y, split.test, split.train, people)
