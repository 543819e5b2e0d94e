"""The card of a model: what it answers, how it was judged, and what it is not for, on one page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.risk_model import RiskModel


def card(model: RiskModel, report: Mapping[str, Any]) -> str:
    """Return a model's card as Markdown, as the registry shows it beside the version.

    Parameters
    ----------
    model : RiskModel
    report : mapping
        Of its training.
    """
    asked, split = model.question, report["split"]
    load = model.training["load"]
    lines = [
        f"# {asked.title}",
        "",
        report["verdict"],
        "",
        *(["**Made-up people: no figure here is performance on people.**", ""] * model.synthetic),
        f"- **Predicts** the probability of being {asked.outcome_words}, over"
        f" {asked.horizon_days} days. {asked.description.strip()}",
        f"- **Learned from** {report['training']['rows']:,} rows of"
        f" {report['training']['people']:,} people before {split['train_before']}; records end on"
        f" {load.get('data_to', 'a date that is not known')}.",
        f"- **Judged on** {report['test']['rows']:,} rows from {split['test_from']},"
        f" {report['test']['positives']:,} with the outcome, at a capacity of {asked.capacity}.",
        f"- **Inputs**: {len(model.feature_set.columns)} columns in {len(model.feature_set.groups)}"
        " groups; sex, ethnicity, names and places are not among them.",
        f"- **Intervals** are for the mean recorded risk of people with such a record"
        f" ({model.interval.level:.0%}); no range for one person's fate.",
        f"- **Groups**: {_groups(report)}",
        f"- **Leakage proof**: {_proof(report)}",
        f"- **Other horizons**: {', '.join(f'{days} days' for days in model.horizons) or 'none'};"
        " asked from Python, told by no page.",
        "- **Not for**: deciding about anybody. It ranks records for people who decide; reports are"
        " not proof, and what nobody reports is not seen.",
        "",
        f"Features `{model.feature_set.fingerprint[:12]}`, matrix"
        f" `{report['matrix_fingerprint'][:12]}`, files `{model.sha256[:12]}`.",
    ]
    return "\n".join(lines) + "\n"


def _groups(report: Mapping[str, Any]) -> str:
    found = report.get("fairness")
    if found is None:
        return "not audited."
    if not found["findings"]:
        return f"{found['tested']} tested; in none do predictions part from records beyond chance."
    names = ", ".join(finding["group"] for finding in found["findings"])
    return f"{found['tested']} tested; predictions part from records for {names}."


def _proof(report: Mapping[str, Any]) -> str:
    found = report.get("leakage")
    if found is None:
        return "none was made."
    passed = "passed" if found["passed"] else "failed"
    return f"{passed}, {found['rows']:,} histories of {found['as_of_date']} compiled again."
