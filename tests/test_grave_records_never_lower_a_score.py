"""Adding a report of high harm, of a breach or of strangulation never makes anybody look safer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from features.catalogue import catalogue
from features.history import History
from features.loads import Load, write_load
from features.matrix import build
from features.records import TABLES
from features.synthetic import synthesise
from training.experiment import Result, train
from training.questions import question

HISTORIES = 1_000
CODES = {
    "high harm": {"offence_code": "class/rape"},
    "breach": {"offence_code": "008/31"},
    "strangulation": {"offence_code": "class/violence_with_injury", "strangulation": True},
}


@pytest.fixture(scope="module")
def force(tmp_path_factory: pytest.TempPathFactory) -> Load:
    folder = tmp_path_factory.mktemp("force")
    return synthesise(folder / "records", nominals=2_500, years=6, seed=4)


@pytest.fixture(scope="module")
def trained(force: Load) -> Result:
    simple = ("base_rate", "prior_count", "harm_365", "logistic_age_priors")
    asked = question("domestic_abuse_high_harm").model_copy(update={"baselines": simple})
    rows = build(History(force), asked)
    return train(asked, rows, register=False, origins=1, refits=2, draws=20, threads=1)


def spine(force: Load) -> pd.DataFrame:
    """A thousand people with a report on record, each as of the day after the records end.

    Who has nothing on record is in no cohort; a first report moves the age at it and the time
    since, which are held to no direction.
    """
    history = History(force)
    people = sorted(history.people("suspected", 0))
    rows = pd.DataFrame({"nominal_id": people, "as_of_date": pd.Timestamp(force.default_as_of)})
    told = history.matrix(rows, feature_set=catalogue().subset(["suspected_n_ever"]))
    on_record = told["suspected_n_ever"].to_numpy() > 0
    return rows[on_record].head(HISTORIES).reset_index(drop=True)


def scores(load: Load, result: Result, rows: pd.DataFrame) -> np.ndarray:
    model = result.model
    frame = History(load).matrix(rows, feature_set=model.feature_set)
    return model.log_odds(frame[model.feature_set.names].to_numpy(np.float64))


def added(
    force: Load, rows: pd.DataFrame, out: Any, relationship: str | None, **offence: Any
) -> Load:
    """The same records with one more report for each of some people, within 90 days.

    With a relationship, the report has a victim who was nobody's before.
    """
    tables = {name: force.connect().table(name).drop("load").to_pyarrow() for name in TABLES}
    last = force.data_to
    more: dict[str, list[dict[str, Any]]] = {"offence": [], "involvement": []}
    for number, nominal_id in enumerate(rows["nominal_id"]):
        day = last - timedelta(days=number % 88 + 1)
        when = {"occurred_on": day, "known_on": day}
        more["offence"].append(
            {"record_id": f"zz{number:05d}", "reference": f"ZZ/{number}"} | when | offence
        )
        part = {"offence_id": f"zz{number:05d}", "nominal_id": nominal_id, "role": "suspect"}
        more["involvement"].append({"record_id": f"zz{number:05d}"} | part | when)
        if relationship is not None:
            harmed = {"nominal_id": f"zz{number:05d}", "role": "victim"}
            harmed |= {"relationship": relationship, "record_id": f"zv{number:05d}"}
            more["involvement"].append(part | harmed | when)
    for name, records in more.items():
        schema = tables[name].schema
        extra = pa.Table.from_pylist(records, schema=schema)
        tables[name] = pa.concat_tables([tables[name], extra])
    return write_load(
        out, tables, kind=force.kind, data_to=force.data_to, synthetic=force.synthetic
    )


@pytest.mark.parametrize("relationship", [None, "former_partner", "stranger"])
@pytest.mark.parametrize("what", CODES)
def test_a_grave_report_within_90_days_never_lowers_a_score(
    force: Load, trained: Result, tmp_path: Any, what: str, relationship: str | None
) -> None:
    rows = spine(force)
    assert len(rows) == HISTORIES
    before = scores(force, trained, rows)
    after = scores(
        added(force, rows, tmp_path / "more", relationship, **CODES[what]), trained, rows
    )
    lowered = np.flatnonzero(after < before - 1e-12)
    listed = [f"{rows['nominal_id'][at]}: {after[at] - before[at]:.3f}" for at in lowered]
    assert not listed, listed
    assert (after > before).mean() > 0.5
