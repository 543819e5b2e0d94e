"""The truth of a simulated force, opened for the one load that it is the truth of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.errors import NotFound, PrecursorError
from features.loads import Load
from features.question import OutcomeRule, Question
from features.synthetic import Switches
from features.synthetic.truth import MANIFEST, RISK

AGAIN = "Simulate both anew: precursor synthesise OUT --truth DIR."


@dataclass(frozen=True)
class Truth:
    """The truth of one load.

    Attributes
    ----------
    folder : Path
    told : dict
        What its manifest says: seed, size, switches, dates and horizons.
    """

    folder: Path
    told: dict[str, Any]

    @property
    def switches(self) -> Switches:
        """The switches of the world it is the truth of."""
        given = dict(self.told["switches"])
        if isinstance(given["drift"], list):
            given["drift"] = tuple(given["drift"])
        return Switches(**given)

    @property
    def data_to(self) -> date:
        """The last day of the records."""
        return date.fromisoformat(self.told["data_to"])

    def risk(self, question: Question) -> pd.DataFrame:
        """Return each person's true risk on each date, as a question means it.

        Returns
        -------
        DataFrame
            `nominal_id`, `as_of_date`, `true`, `recorded`, `half`.

        Raises
        ------
        PrecursorError
            The question's outcome, horizon or lag is another than the truth was worked out for.
        """
        self.require(question)
        table = pq.read_table(
            self.folder / RISK, filters=pc.field("horizon_days") == question.horizon_days
        )
        found: pd.DataFrame = table.drop_columns("horizon_days").to_pandas()
        found["as_of_date"] = pd.to_datetime(found["as_of_date"])
        return found

    def require(self, question: Question) -> None:
        """Refuse a question that the truth has no answer to, with all that is in the way."""
        horizons = {horizon for of in self.told["asked"].values() for horizon in of}
        rule = question.outcome
        wrong = []
        if not isinstance(rule, OutcomeRule) or (rule.source, rule.of) != (
            "suspected",
            (self.told["outcome"],),
        ):
            wrong.append(
                "its outcome is another than being named as suspect in a"
                f" {self.told['outcome'].replace('_', '-')} offence"
            )
        if question.horizon_days not in horizons:
            known = ", ".join(map(str, sorted(horizons)))
            wrong.append(f"its horizon is {question.horizon_days} days, and the truth has {known}")
        if question.lag_days != self.told["lag_days"]:
            wrong.append(f"its lag is {question.lag_days} days, not {self.told['lag_days']}")
        if wrong:
            raise PrecursorError(
                f"{self.folder} cannot judge question '{question.name}': {'; '.join(wrong)}",
                remedy="Train without --truth, or ask a question it was worked out for.",
                field="truth",
            )


def open_truth(folder: str | Path, load: Load) -> Truth:
    """Open the truth of a load.

    Raises
    ------
    NotFound
        There is none in the folder, or it was not finished.
    PrecursorError
        It is the truth of other records.

    Examples
    --------
    >>> import tempfile
    >>> from features.synthetic import synthesise
    >>> with tempfile.TemporaryDirectory() as at:
    ...     load = synthesise(Path(at) / "records", nominals=20, years=1, truth=Path(at) / "truth")
    ...     open_truth(Path(at) / "truth", load).told["nominals"]
    20
    """
    file = Path(folder) / MANIFEST
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as missing:
        raise NotFound(
            f"{file}: there is no truth here", remedy=AGAIN, field="truth", code="no_truth"
        ) from missing
    except (OSError, ValueError) as unread:
        raise PrecursorError(
            f"{file}: cannot be read as the manifest of a truth ({unread})",
            remedy=AGAIN,
            field="truth",
        ) from unread
    if not isinstance(told, dict) or told.get("load") != load.fingerprint:
        raise PrecursorError(
            f"{folder} is the truth of other records than {load.path}",
            remedy=f"Name the folder that was written with these records. {AGAIN}",
            field="truth",
        )
    return Truth(Path(folder), told)
