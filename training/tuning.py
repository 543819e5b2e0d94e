"""Searching LightGBM's parameters with Optuna, inside the training part and by folds of people.

The test part is never looked at. A trial is dropped early where its folds so far are worse than
the median of the trials before. Every trial is a run of MLflow below one run of the search. What
was tried is kept in the state folder under the question and the matrix: a search that was killed
goes on where it stopped, and asking for more trials adds to those there are.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from features.errors import UsageError
from features.home import home
from features.matrix import Matrix
from features.question import Question
from features.types import Tell
from models import registry
from training.contest import training_rows
from training.fit import (
    FOLDS,
    MOST_TREES,
    PARAMETERS,
    PATIENCE,
    Rows,
    as_read,
    parameters_for,
    threads_for,
)
from training.splits import Split, folds

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial

SEED = 20
FEWEST_TO_PRUNE = 5
"""Trials that are finished before any other is dropped early."""


@dataclass(frozen=True)
class Search:
    """What a search came to.

    Attributes
    ----------
    parameters : dict
        Of the best trial: what is not the house's.
    loss : float
        Mean log-loss over folds of people of the best trial.
    house : float or None
        The same of the house's own parameters; None where that trial was killed.
    finished, pruned : int
        Trials, of all sessions.
    run_id : str
        Of the search in MLflow.
    """

    parameters: dict[str, Any]
    loss: float
    house: float | None
    finished: int
    pruned: int
    run_id: str

    @property
    def text(self) -> str:
        """The search in one sentence."""
        house = "unknown" if self.house is None else f"{self.house:.5f}"
        return (
            f"Search: {self.finished} trials finished and {self.pruned} dropped early; log-loss"
            f" {self.loss:.5f} by folds of people, {house} with the house's parameters. Earlier"
            " origins of the backtest keep the house's, since the search saw what followed them."
        )


def tune(
    question: Question,
    work: Matrix,
    split: Split,
    trials: int,
    *,
    seed: int = SEED,
    wider: Matrix | None = None,
    threads: int | None = None,
    progress: Tell | None = None,
) -> Search:
    """Search parameters until so many trials have been tried in all.

    Parameters
    ----------
    question : Question
    work : Matrix
        Labelled rows by person and date.
    split : Split
        Only its training part is used.
    trials : int
        In all, with those of earlier sessions on the same rows; the first one is the house's own.
    seed : int
    wider : Matrix, optional
        Labelled rows of the wider cohort that the trees learn from too.
    threads : int, optional
    progress : callable, optional
        Called with a line of text after each trial.

    Raises
    ------
    UsageError
        Where Optuna is not installed, or fewer than one trial is asked for.
    """
    if trials < 1:
        raise UsageError("tune: ask for at least one trial", remedy="--tune 20", field="tune")
    if find_spec("optuna") is None:
        raise UsageError(
            "tune: Optuna is not installed",
            remedy="Install the extra 'science', or train without --tune.",
            field="tune",
        )
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder = home() / "tuning"
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{question.name}-{work.fingerprint[:16]}"
    name += "" if wider is None else f"-{wider.fingerprint[:16]}"
    study = optuna.create_study(
        study_name=name,
        storage=f"sqlite:///{folder / 'trials.db'}",
        load_if_exists=True,
        direction="minimize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=FEWEST_TO_PRUNE),
    )
    done = _done(study)
    # a search that goes on draws on, instead of drawing what it drew before
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials))
    if not study.trials:
        study.enqueue_trial({key: PARAMETERS[key] for key in SPACE})
    rows = training_rows(work, split, wider)
    given = {"seed": seed, "num_threads": threads_for(rows) if threads is None else threads}
    run_id = _run(study, question, len(done))

    def tell(_: Study, trial: FrozenTrial) -> None:
        if progress is not None:
            loss = "dropped early" if trial.value is None else f"{trial.value:.5f}"
            progress(f"trial {trial.number + 1}: {loss}")

    study.optimize(
        lambda trial: _tried(trial, rows, given, run_id),
        n_trials=max(0, trials - len(done)),
        callbacks=[tell],
    )
    found = Search(
        parameters=dict(study.best_params),
        loss=float(study.best_value),
        house=_house(study),
        finished=sum(trial.state.name == "COMPLETE" for trial in study.trials),
        pruned=sum(trial.state.name == "PRUNED" for trial in study.trials),
        run_id=run_id,
    )
    client = registry.connect()
    client.log_metric(run_id, "log_loss", found.loss)
    if found.house is not None:
        client.log_metric(run_id, "log_loss_house", found.house)
    client.set_terminated(run_id)
    return found


SPACE: Mapping[str, tuple[float, float, bool]] = {
    # lower end, upper end, on a logarithmic scale; whole numbers where the house's value is one
    "num_leaves": (4, 32, True),
    "max_depth": (2, 6, False),
    "learning_rate": (0.01, 0.1, True),
    "min_data_in_leaf": (20, 400, True),
    "feature_fraction": (0.1, 0.9, False),
    "bagging_fraction": (0.5, 1.0, False),
    "lambda_l2": (0.1, 100.0, True),
}
"""What is searched. Trees stay shallow, since exact explanations of deep ones cost five times as
much."""


def _drawn(trial: Trial) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, (low, high, log) in SPACE.items():
        if isinstance(PARAMETERS[name], int):
            found[name] = trial.suggest_int(name, int(low), int(high), log=log)
        else:
            found[name] = trial.suggest_float(name, low, high, log=log)
    return found


def _tried(trial: Trial, rows: Rows, given: Mapping[str, Any], parent: str) -> float:
    """One trial: its folds one by one, each reported so that it can be dropped, and its run."""
    import optuna

    client = registry.connect()
    experiment = client.get_run(parent).info.experiment_id
    tags = {"mlflow.parentRunId": parent}
    run = client.create_run(experiment, run_name=f"trial {trial.number + 1}", tags=tags)
    run_id, drawn = run.info.run_id, _drawn(trial)
    for name, value in drawn.items():
        client.log_param(run_id, name, value)
    chosen = parameters_for(rows.feature_set, {**given, **drawn})
    fold, losses = folds(rows.people, FOLDS), []
    try:
        for at in range(FOLDS):
            losses.append(_loss(rows, chosen, fold != at))
            client.log_metric(run_id, "log_loss", float(np.mean(losses)), step=at)
            trial.report(float(np.mean(losses)), at)
            if at + 1 < FOLDS and trial.should_prune():
                client.set_tag(run_id, "pruned", "true")
                raise optuna.TrialPruned
    except optuna.TrialPruned:
        client.set_terminated(run_id)
        raise
    except BaseException:
        client.set_terminated(run_id, "KILLED")
        raise
    client.set_terminated(run_id)
    return float(np.mean(losses))


def _loss(rows: Rows, chosen: Mapping[str, Any], inside: npt.NDArray[np.bool_]) -> float:
    """Learn from the rows inside, wider ones too, and judge the question's own rows outside."""
    outside = ~inside
    outside[len(rows.y) - rows.wider :] = False
    X = as_read(rows.X, rows.feature_set)
    names = rows.feature_set.names
    train = lgb.Dataset(X[inside], rows.y[inside], feature_name=names, params=dict(chosen))
    held = train.create_valid(X[outside], rows.y[outside])
    booster = lgb.train(
        dict(chosen),
        train,
        num_boost_round=MOST_TREES,
        valid_sets=[held],
        callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
    )
    return float(booster.best_score["valid_0"]["binary_logloss"])


def _done(study: Study) -> list[FrozenTrial]:
    return [trial for trial in study.trials if trial.state.name in ("COMPLETE", "PRUNED")]


def _house(study: Study) -> float | None:
    """The loss of the trial that had the house's own parameters; None where it was killed."""
    for trial in study.trials:
        own = all(trial.params.get(key) == PARAMETERS[key] for key in SPACE)
        if own and trial.value is not None:
            return float(trial.value)
    return None


def _run(study: Study, question: Question, done: int) -> str:
    """Return the run of a search, opened anew where it was opened before."""
    client = registry.connect()
    known = study.user_attrs.get("mlflow_run")
    experiment = registry.experiment(question.name)
    if known is not None and _exists(known):
        for left in client.search_runs(
            [client.get_run(known).info.experiment_id],
            filter_string=f"tags.`mlflow.parentRunId` = '{known}' and status = 'RUNNING'",
        ):
            client.set_terminated(left.info.run_id, "KILLED")
        client.update_run(known, status="RUNNING")
        return str(known)
    parent = os.environ.get("MLFLOW_RUN_ID")
    tags = {"mlflow.parentRunId": parent} if parent else {}
    run = client.create_run(experiment, run_name=f"search of {question.name}", tags=tags)
    study.set_user_attr("mlflow_run", run.info.run_id)
    client.log_param(run.info.run_id, "trials_before", done)
    return str(run.info.run_id)


def _exists(run_id: str) -> bool:
    from mlflow.exceptions import MlflowException

    try:
        return bool(registry.connect().get_run(run_id).info.lifecycle_stage == "active")
    except MlflowException:
        return False
