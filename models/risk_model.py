"""A risk model: booster, calibration and contract in one, kept as text and JSON, never a pickle."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from copy import copy
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd

from features.declare import FeatureSet
from features.errors import Conflict, NotFound, PrecursorError
from features.files import sync
from features.question import Question
from features.register import require_allowed
from features.types import Floats
from features.unfinished import scratch_folder
from models.booster_text import require_sound
from models.calibration import Calibration
from models.contract import checked, inputs, same_definitions
from models.empty import read
from models.interval import IntervalTable
from models.manifest import BOOSTER, FORMAT, MANIFEST, changed, opened, seal, sha256_of
from models.shapley import ShapleyTables

TOLERANCE = 1e-9
FEW_ROWS = 256  # waking a second thread costs more than scoring so few rows


def versions() -> dict[str, str]:
    """Return the versions that a model's figures depend on."""
    return {
        "python": platform.python_version(),
        "lightgbm": lgb.__version__,
        "numpy": np.__version__,
    }


@dataclass(frozen=True, eq=False)
class RiskModel:
    """One model that answers one question: what it predicts, from what, and how sure it is.

    Parameters
    ----------
    text : str
        LightGBM's own text of the booster; everything is computed from this text, so what is in
        memory is what is on disk.
    calibration : Calibration
    question : Question
    feature_set : FeatureSet
    nullable : frozenset of str
        Columns that were empty in some training row.
    interval : IntervalTable
    horizons : mapping of int to Calibration
        Maps of further horizons, by days; none of them crosses another.
    empty : mapping of str to float
        By column, what an empty value is read as (`models.empty`).
    versions : mapping
    training : mapping
        How it was trained, as plain data; nothing in it is about one person.
    format : int
        Of the manifest it was saved with, or is to be.
    """

    text: str = field(repr=False)
    calibration: Calibration
    question: Question
    feature_set: FeatureSet = field(repr=False)
    nullable: frozenset[str] = field(repr=False)
    interval: IntervalTable = field(repr=False)
    horizons: Mapping[int, Calibration] = field(default_factory=dict, repr=False)
    empty: Mapping[str, float] = field(default_factory=dict, repr=False)
    versions: Mapping[str, str] = field(default_factory=versions)
    training: Mapping[str, Any] = field(default_factory=dict, repr=False)
    format: int = FORMAT

    def __post_init__(self) -> None:
        require_allowed(self.feature_set.columns)
        where = f"model of '{self.question.name}'"
        require_sound(self.text, len(self.feature_set.columns), where)
        if self.booster.feature_name() != self.feature_set.names:
            raise PrecursorError(
                f"{where}: the booster's columns are not the feature set's",
                remedy="Train it again; booster and manifest belong to two models.",
            )

    @cached_property
    def booster(self) -> lgb.Booster:
        """The LightGBM booster, read from its text."""
        return lgb.Booster(model_str=self.text)

    @cached_property
    def tables(self) -> ShapleyTables | None:
        """What rows are explained with; None where LightGBM does it. Making them takes a moment."""
        return ShapleyTables.shared(self.text, self.booster) if self.format > 1 else None

    @cached_property
    def members(self) -> dict[str, list[int]]:
        """Positions of each feature group's columns, groups in the feature set's order."""
        found: dict[str, list[int]] = {group: [] for group in self.feature_set.groups}
        for place, column in enumerate(self.feature_set.columns):
            found[column.group].append(place)
        return found

    @property
    def slope(self) -> float:
        """Calibrated log-odds for each unit of margin."""
        return self.calibration.slope

    @property
    def intercept(self) -> float:
        """Calibrated log-odds at margin 0."""
        return self.calibration.intercept

    @cached_property
    def base(self) -> float:
        """Log-odds before anything is known of a person: the average over training."""
        # LightGBM's last contribution is the booster's expected margin, the same for every row
        anybody = self._predict(np.zeros((1, len(self.feature_set.columns))), contributions=True)
        return float(self.slope * anybody[0, -1] + self.intercept)

    def warm(self) -> None:
        """Do now what would else be done when the first row is explained."""
        if "tables" not in self.__dict__:
            self.contributions(np.zeros((1, len(self.feature_set.columns))))

    def at_stage(self, stage: str) -> RiskModel:
        """Return the same model, down to its files, with its question at another stage."""
        question = self.question.model_copy(update={"stage": stage})
        moved = copy(self)  # with what was worked out of it already
        moved.__dict__.update(files=self.files, question=question)
        return moved

    def as_read(self, X: Floats) -> Floats:
        """Return inputs as the booster reads them: some empty values stand for "never"."""
        return read(X, self.feature_set.names, self.empty)

    def margin(self, X: Floats, *, threads: int | None = None) -> Floats:
        """Return margins before calibration, shape (rows,), for inputs of shape (rows, columns)."""
        return self._predict(X, threads=threads)

    def log_odds(self, X: Floats) -> Floats:
        """Return calibrated log-odds, shape (rows,)."""
        return self.calibration.log_odds(self.margin(X))

    def probability(self, X: Floats) -> Floats:
        """Return calibrated probabilities, shape (rows,)."""
        return self.calibration.probability(self.margin(X))

    def by_horizon(self, X: Floats) -> dict[int, Floats]:
        """Return calibrated probabilities by horizon in days, the shortest first.

        A longer horizon never has the lower probability.
        """
        margin = self.margin(X)
        maps = {**self.horizons, self.question.horizon_days: self.calibration}
        return {days: maps[days].probability(margin) for days in sorted(maps)}

    def contributions(
        self, X: Floats, margin: Floats | None = None, *, threads: int | None = None
    ) -> tuple[float, Floats]:
        """Return what each column contributes to each row's calibrated log-odds, exactly.

        Parameters
        ----------
        X : ndarray, shape (rows, columns)
        margin : ndarray, shape (rows,), optional
            The rows' margins, if they were computed already.
        threads : int, optional
            How many LightGBM may use, where it explains; by default one for a few rows, and all
            cores for more.

        Returns
        -------
        base : float
            Log-odds before anything is known of the person: the average over training.
        contributions : ndarray, shape (rows, columns)
            ``base + contributions.sum(axis=1)`` is the row's log-odds.

        Raises
        ------
        PrecursorError
            Where a row does not add up to within 1e-9; no such score may leave.
        """
        if self.tables is None:
            found = self._predict(X, contributions=True, threads=threads)[:, :-1]
        else:
            found = self.tables.contributions(self.as_read(X))
        base, contributions = self.base, self.slope * found
        score = self.log_odds(X) if margin is None else self.calibration.log_odds(margin)
        gap = np.abs(base + contributions.sum(axis=1) - score)
        if not bool((gap < TOLERANCE).all()):
            raise PrecursorError(
                f"model of '{self.question.name}': contributions miss the score by up to"
                f" {gap.max():.3g} log-odds",
                remedy="Do not use this model; train it again and report the fault.",
                code="reasons_do_not_add_up",
            )
        return base, contributions

    def interval_for(self, probability: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Return the 90 % interval for the mean recorded risk of people with such a record."""
        return self.interval.ends(probability)

    def check(self, frame: pd.DataFrame, feature_set: FeatureSet | None = None) -> Floats:
        """Return a matrix's columns as inputs of this model, or refuse the matrix.

        Parameters
        ----------
        frame : DataFrame
            Columns are found by name; keys and labels may stand beside them.
        feature_set : FeatureSet, optional
            What the frame was computed from; refused unless it is defined as in training.
        """
        if feature_set is not None:
            same_definitions(self.feature_set, feature_set)
        return inputs(frame, self.feature_set, self.nullable)

    def checked(self, values: Floats) -> Floats:
        """Return values computed from the model's own feature set, in its order, or refuse them."""
        return checked(values, self.feature_set.names, self.nullable)

    @property
    def synthetic(self) -> bool:
        """Whether it was trained on a simulated force, so that nothing it says is about people."""
        return bool(self.training.get("load", {}).get("synthetic", False))

    @cached_property
    def files(self) -> dict[str, bytes]:
        """The two files of the model by name; equal models have equal bytes."""
        booster = self.text.encode()
        manifest = {
            "format": self.format,
            "booster_sha256": sha256_of(booster),
            "calibration": asdict(self.calibration),
            "empty": dict(self.empty),
            "feature_fingerprint": self.feature_set.fingerprint,
            "feature_set": self.feature_set.to_data(),
            "horizons": {str(days): asdict(found) for days, found in self.horizons.items()},
            "interval": self.interval.to_data(),
            "nullable": sorted(self.nullable),
            "question": self.question.to_data(),
            "training": dict(self.training),
            "versions": dict(self.versions),
        }
        sealed = {**manifest, "seal": seal(manifest)}
        text = json.dumps(sealed, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
        return {BOOSTER: booster, MANIFEST: (text + "\n").encode()}

    @cached_property
    def sha256(self) -> str:
        """SHA-256 over both files; the name under which the ledger knows this very model."""
        return sha256_of(self.files[BOOSTER] + self.files[MANIFEST])

    def save(self, folder: Path) -> None:
        """Write booster.txt and manifest.json into a folder, which is made if needed."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.files.items():
            (folder / name).write_bytes(content)

    def save_whole(self, folder: Path) -> None:
        """Write the model as a new folder, whole and on disk or not at all.

        A folder that lies there already, or that another process puts there first, stays as it is.

        Raises
        ------
        Conflict
            Another model lies there.
        NotFound
            What lies there is no model, or not all of one.
        """
        if not folder.exists():
            with scratch_folder(folder) as scratch:
                part = scratch / folder.name
                self.save(part)
                for name in self.files:
                    sync(part / name)
                try:
                    part.rename(folder)
                    return
                except OSError:  # a folder that holds something is not replaced
                    if not folder.is_dir():
                        raise
        if RiskModel.load(folder).sha256 != self.sha256:
            raise Conflict(
                f"{folder}: another model lies here",
                remedy="Move it away if it is not wanted; a model is never overwritten.",
            )

    @classmethod
    def load(cls, folder: Path, sha256: str | None = None) -> RiskModel:
        """Read a model and refuse it if a byte of it changed since it was saved.

        Parameters
        ----------
        folder : Path
        sha256 : str, optional
            What it must be, for example by the ledger; without it the manifest's own seal and
            the booster's hash in it are verified.

        Raises
        ------
        NotFound
            Where a file is missing.
        Conflict
            Where a file was changed.
        """
        folder = Path(folder)
        missing = [name for name in (BOOSTER, MANIFEST) if not (folder / name).is_file()]
        if missing:
            raise NotFound(
                f"{folder}: no {' and no '.join(missing)}",
                remedy="Give the folder of a saved model.",
            )
        booster, text = ((folder / name).read_bytes() for name in (BOOSTER, MANIFEST))
        data = opened(folder, booster, text)
        found = sha256_of(booster + text)
        if sha256 is not None and found != sha256:
            raise changed(folder, f"SHA-256 {found[:12]} where {sha256[:12]} was expected")
        feature_set = FeatureSet.from_data(data["feature_set"])
        if feature_set.fingerprint != data["feature_fingerprint"]:
            raise changed(folder / MANIFEST, "the feature set does not have its fingerprint")
        model = cls(
            text=booster.decode(),
            calibration=Calibration(**data["calibration"]),
            question=Question.model_validate(data["question"]),
            feature_set=feature_set,
            nullable=frozenset(data["nullable"]),
            interval=IntervalTable.from_data(data["interval"]),
            horizons={
                int(days): Calibration(**found) for days, found in data.get("horizons", {}).items()
            },
            empty=data.get("empty", {}),
            versions=data["versions"],
            training=data["training"],
            format=data["format"],
        )
        # the bytes that were read name the model, even where this release would write others
        model.__dict__["files"] = {BOOSTER: booster, MANIFEST: text}
        return model

    def _predict(
        self, X: Floats, *, contributions: bool = False, threads: int | None = None
    ) -> Floats:
        if not len(X):
            return np.zeros((0, len(self.feature_set.columns) + 1) if contributions else 0)
        X = self.as_read(X)
        if threads is None and len(X) <= FEW_ROWS:
            threads = 1
        more: dict[str, Any] = {} if threads is None else {"num_threads": threads}
        found = self.booster.predict(
            X, raw_score=not contributions, pred_contrib=contributions, **more
        )
        return np.asarray(found, dtype=np.float64)
