"""The registry: every trained model under its question's name in MLflow, and who is champion.

MLflow is imported when a function is called, never when this module is: a service that merely
scores reads `models.champions` and needs no MLflow. The store is SQLite under the state folder
unless ``MLFLOW_TRACKING_URI`` points elsewhere.
"""

from __future__ import annotations

import logging
import os
import re
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import numpy as np
import pandas as pd

from features.errors import NotFound, PrecursorError, UsageError
from features.home import home
from features.names import NAME
from models import champions, dossier
from models.manifest import BOOSTER, MANIFEST, sha256_of
from models.risk_model import RiskModel

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.tracking import MlflowClient

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
ALIASES = (CHAMPION, CHALLENGER, PREVIOUS)

OURS = "PRECURSOR_MLFLOW_STORE"
"""Variable that remembers which store was chosen for lack of another."""

QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}


@dataclass(frozen=True)
class Version:
    """One entry of the registry: a version of a question's model, and what it is called."""

    question: str
    number: int
    aliases: tuple[str, ...]
    sha256: str
    run_id: str
    synthetic: bool


def connect() -> MlflowClient:
    """Return a client of the store in use, which is made where it does not exist yet."""
    for quiet, value in QUIET.items():
        os.environ.setdefault(quiet, value)
    import mlflow

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    address = elsewhere()
    if address is None:
        store = home() / "mlflow"
        store.mkdir(parents=True, exist_ok=True)
        address = f"sqlite:///{store / 'mlflow.db'}"
        os.environ[OURS] = address
    if mlflow.get_tracking_uri() != address:
        mlflow.set_tracking_uri(address)
    return mlflow.MlflowClient()


def elsewhere() -> str | None:
    """Return the store that ``MLFLOW_TRACKING_URI`` names, or None where the home's own is used.

    MLflow sets the variable itself once a store is chosen; that does not count as a wish.
    """
    named = os.environ.get("MLFLOW_TRACKING_URI")
    return named if named and named != os.environ.get(OURS) else None


def experiment(question: str) -> str:
    """Return the id of a question's experiment, made where needed.

    A server of MLflow's says where artifacts go. A database alone would let them fall into the
    working folder, so there they go under the home.
    """
    client = connect()
    found = client.get_experiment_by_name(question)
    if found is not None:
        return str(found.experiment_id)
    if (elsewhere() or "").startswith(("http://", "https://")):
        return str(client.create_experiment(question))
    artifacts = home() / "mlflow" / "artifacts" / question
    artifacts.mkdir(parents=True, exist_ok=True)
    return str(client.create_experiment(question, artifact_location=artifacts.as_uri()))


def made_up(model: RiskModel) -> pd.DataFrame:
    """Return two invented rows that the model accepts: no real person's row is ever logged.

    One has nothing on record, the other small round numbers.
    """
    columns = model.feature_set.columns
    nothing = [np.nan if column.name in model.nullable else 0.0 for column in columns]
    something = [float(place % 4 + 1) for place, _ in enumerate(columns)]
    frame = pd.DataFrame([nothing, something], columns=model.feature_set.names)
    for column in columns:
        if column.measure == "age":
            frame[column.name] = [30.0, 40.0]
    return frame


def log(model: RiskModel, card: str = "", report: bytes | None = None) -> Version:
    """Log a model to the active MLflow run and register it under its question's name.

    It is logged as text, JSON and the code of `models/scorer.py`, which loads in an environment
    without Precursor.

    Parameters
    ----------
    model : RiskModel
    card : str
        What the registry shows beside the version, in Markdown.
    report : bytes, optional
        What training told (`models.dossier`); the manifest names it by its SHA-256.

    Returns
    -------
    Version
        Without an alias; `set_alias` gives it one.

    Raises
    ------
    PrecursorError
        Where no MLflow run is active.
    """
    client = connect()
    import mlflow
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    run = mlflow.active_run()
    if run is None:
        raise PrecursorError(
            "registry: no MLflow run is active",
            remedy="Log the model inside 'with mlflow.start_run():'.",
        )
    outputs = ["probability", "log_odds", "base", *(f"group:{g}" for g in model.feature_set.groups)]
    signature = ModelSignature(
        inputs=Schema([ColSpec(DataType.double, name) for name in model.feature_set.names]),
        outputs=Schema([ColSpec(DataType.double, name) for name in outputs]),
    )
    with tempfile.TemporaryDirectory() as temporary:
        model.save(Path(temporary))
        files = {"booster": BOOSTER, "manifest": MANIFEST}
        if report is not None:
            (Path(temporary) / dossier.REPORT).write_bytes(report)
            files["report"] = dossier.REPORT
        info = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(Path(__file__).with_name("scorer.py")),
            artifacts={name: str(Path(temporary) / file) for name, file in files.items()},
            signature=signature,
            input_example=made_up(model),
            pip_requirements=[
                f"{name}=={version}"
                for name, version in (
                    ("lightgbm", model.versions["lightgbm"]),
                    ("numpy", model.versions["numpy"]),
                    ("pandas", pd.__version__),
                    ("mlflow", mlflow.__version__),
                )
            ],
        )
    return _registered(client, model, str(info.model_id), str(run.info.run_id), card)


def _registered(
    client: MlflowClient, model: RiskModel, model_id: str, run_id: str, card: str
) -> Version:
    name = model.question.name
    if not client.search_registered_models(f"name = '{_plain(name)}'"):
        client.create_registered_model(name, description=model.question.title)
    made = client.create_model_version(
        name,
        source=f"models:/{model_id}",
        run_id=run_id,
        model_id=model_id,
        description=card,
        tags={"sha256": model.sha256, "synthetic": str(model.synthetic).lower()},
    )
    return _version(client.get_model_version(name, made.version))


def set_alias(question: str, alias: str, version: int) -> None:
    """Give a version an alias; whichever version had it loses it."""
    connect().set_registered_model_alias(question, alias, str(version))


def remove_alias(question: str, alias: str) -> None:
    """Take an alias away; nothing happens where no version has it, or none is registered."""
    client = connect()
    # a bento brings a model into force that no registry beside it knows
    if client.search_registered_models(f"name = '{_plain(question)}'"):
        client.delete_registered_model_alias(question, alias)


def withdraw(question: str, aliases: Sequence[str], *, version: int | None = None) -> None:
    """Take a question's champion out of force, or a version for good; and aliases away.

    For services it is out of force first, so that what fails halfway scores nobody. The file that
    they read counts, not an alias: that is set last, after what a killed promotion had moved.

    Parameters
    ----------
    version : int, optional
        Only this one: where another is in force it stays so.
    """
    champions.withdraw(question, version)
    for alias in aliases:
        remove_alias(question, alias)


def versions(question: str) -> list[Version]:
    """Return a question's registered versions, the oldest first.

    Raises
    ------
    NotFound
        Where no model is registered under this name.
    """
    client = connect()
    found = client.search_model_versions(f"name = '{_plain(question)}'")
    if not found:
        known = sorted(model.name for model in client.search_registered_models())
        raise NotFound(
            f"no model is registered for question '{question}'"
            + (f"; there are models for: {', '.join(known)}" if known else ""),
            remedy=f"Train one: precursor train {question} RECORDS.",
            field="question",
            code="no_model",
        )
    named = client.get_registered_model(question).aliases  # a search does not say them
    return sorted(
        (_version(v, [a for a, n in named.items() if str(n) == str(v.version)]) for v in found),
        key=lambda version: version.number,
    )


def find(question: str, which: str | int) -> Version:
    """Return a question's version by number or alias.

    Parameters
    ----------
    which : str or int
        A number, ``champion``, ``challenger`` or ``previous``.

    Raises
    ------
    NotFound
        Where the question has no models, or none that is called so; the remedy is the command.
    """
    client, wanted = connect(), str(which)
    from mlflow.exceptions import MlflowException

    ask = client.get_model_version_by_alias if wanted in ALIASES else client.get_model_version
    try:
        if wanted in ALIASES or re.fullmatch("[1-9][0-9]{0,8}", wanted):
            return _version(ask(_plain(question), wanted))
    except MlflowException as missing:
        if missing.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
    known = versions(question)
    named = [f"{v.number} ({', '.join(v.aliases)})" if v.aliases else str(v.number) for v in known]
    listed = ", ".join(named)
    if wanted == CHAMPION:
        raise NotFound(
            f"question '{question}' has no champion; registered versions: {listed}",
            remedy=f"Promote one: precursor promote {question} {known[-1].number} --reason TEXT.",
            field="question",
            code="no_champion",
        )
    if wanted == PREVIOUS:
        raise NotFound(
            f"question '{question}' has had no champion before this one; registered versions:"
            f" {listed}",
            remedy=f"Promote another: precursor promote {question} VERSION --reason TEXT.",
            field="version",
            code="no_version",
        )
    raise NotFound(
        f"question '{question}' has no version '{wanted}'; registered versions: {listed}",
        remedy=f"Name one of these, or train another: precursor train {question} RECORDS.",
        field="version",
        code="no_version",
    )


def fetch(question: str, which: str | int) -> tuple[RiskModel, int]:
    """Return a question's model by number or alias, and its version number.

    Raises
    ------
    NotFound
        As :func:`find`.
    Conflict
        Where its files are not those that were registered, or are of another question.
    """
    version = find(question, which)
    model, _ = download(version)
    return model, version.number


def download(version: Version) -> tuple[RiskModel, bytes | None]:
    """Return a version's model, and the report beside it if it was registered with one.

    Raises
    ------
    Conflict
        As :func:`fetch`.
    """
    import mlflow

    with tempfile.TemporaryDirectory() as temporary:
        place = mlflow.artifacts.download_artifacts(
            f"models:/{version.question}/{version.number}", dst_path=temporary
        )
        files = Path(place) / "artifacts"
        model = RiskModel.load(files, sha256=version.sha256 or None)
        champions.require_question(model, version.question)
        report = files / dossier.REPORT
        return model, report.read_bytes() if report.is_file() else None


def lay(version: Version, model: RiskModel, report: bytes | None) -> Path:
    """Put what was downloaded of a version where services read it: model and report.

    It is not in force by that; `models.champions.point` makes it so.
    """
    if version.number not in dossier.versions(version.question):  # trained on another machine
        tell(version, report)
    return champions.lay(version.question, version.number, model)


def tell(version: Version, report: bytes | None, gate: Mapping[str, Any] | None = None) -> None:
    """Keep what training told of a version where services can show it (`models.dossier`).

    Parameters
    ----------
    gate : mapping, optional
        The verdict of the gate when the version was registered.
    """
    client, store = connect(), elsewhere() or ""
    found = client.get_run(version.run_id).info if version.run_id else None
    made = client.get_model_version(version.question, str(version.number)).creation_timestamp
    at = datetime.fromtimestamp((made or 0) / 1000, UTC)
    entry = {
        "question": version.question,
        "version": version.number,
        "sha256": version.sha256,
        "run_id": version.run_id,
        "experiment_id": "" if found is None else found.experiment_id,
        "store": _address(store) if store.startswith(("http://", "https://")) else "",
        "registered_at": at.isoformat(timespec="seconds"),
        "gate": None if gate is None else dict(gate),
        dossier.SEALED: None if report is None else sha256_of(report),
    }
    dossier.put(version.question, version.number, report, entry)


def _address(store: str) -> str:
    """Return a tracking server's address without the name and password that may stand in it."""
    parts = urlsplit(store)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _version(entry: ModelVersion, called: Collection[str] | None = None) -> Version:
    aliases = entry.aliases if called is None else called
    return Version(
        question=entry.name,
        number=int(entry.version),
        aliases=tuple(alias for alias in ALIASES if alias in aliases),
        sha256=entry.tags.get("sha256", ""),
        run_id=entry.run_id or "",
        synthetic=entry.tags.get("synthetic") == "true",
    )


def _plain(question: str) -> str:
    if not re.fullmatch(NAME, question):
        raise UsageError(
            f"'{question}' is no question's name",
            remedy="Names are 3 to 63 small letters, digits and underscores, a letter first.",
            field="question",
        )
    return question
