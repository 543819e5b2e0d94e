"""The questions as data scientists see them: versions, backtests, what the gate found, the runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from features import kept_reports
from models import champions, dossier
from models.words import date_words
from serving.access import Permission, require
from serving.approvals_trail import Approval, approvals
from serving.chain import IN_FORCE
from serving.experiment_links import RunLink, run_link
from serving.pages import words
from serving.pages.chosen import registered
from serving.pages.door import Visitor
from serving.pages.over_lists import ListPages
from serving.pages.recorded import viewed
from serving.pages.said import moment, title
from serving.retirement import register

METRICS = {
    "auc": "AUC",
    "recall": "Outcomes captured at capacity",
    "precision": "Precision at capacity",
    "brier": "Brier score",
}
"""What is shown of each method, and under which heading."""

MODEL = "model"


@dataclass(frozen=True)
class Version:
    """One version as the pages show it."""

    number: int
    role: str
    registered: str
    auc: str
    recall: str
    verdict: str
    gate: str
    synthetic: bool
    link: RunLink


class Questions(ListPages):
    """The pages of the questions."""

    def index(self, request: Request, visitor: Visitor) -> Response:
        """Answer with every question that a model was registered for."""
        require(visitor.principal, Permission.QUESTIONS)
        viewed(self._lists, visitor, "questions")
        titles = self._lists.titles()
        stages = {at.question.name: at.question.stage for at in self._lists.in_force()}
        found = []
        for name in sorted({*dossier.questions(), *titles}):
            versions = self._versions(name)
            champion = next((one for one in versions if one.role == CHAMPION), None)
            challenger = next((one for one in versions if one.role == CHALLENGER), None)
            found.append(
                {
                    "name": name,
                    "title": title(name, titles),
                    "stage": stages.get(name, "not in force"),
                    "champion": champion,
                    "challenger": challenger,
                    "number": len(versions),
                }
            )
        context = {"questions": found, "retired": len(register(self._lists.ledger))}
        return self._answer(request, "questions.html", context)

    def show(self, request: Request, visitor: Visitor) -> Response:
        """Answer with one question's versions, and one of them in detail."""
        require(visitor.principal, Permission.QUESTIONS)
        titles = self._lists.titles()
        name = registered(request.path_params["question"], titles)
        versions = self._versions(name)
        wanted = request.query_params.get("version", "")
        chosen = next((one for one in versions if str(one.number) == wanted), None)
        if chosen is None and versions:
            chosen = next((one for one in versions if one.role == CHALLENGER), versions[0])
        kept = None if chosen is None else dossier.read(name, chosen.number)
        viewed(self._lists, visitor, "question", name)
        report = {} if kept is None else kept.report
        trail = approvals(self._lists.ledger, name)
        context = {
            "name": name,
            "title": title(name, titles),
            "in_force": name in titles,
            "reports": sum(len(kept_reports.names(kind, name)) for kind in kept_reports.KINDS),
            "versions": versions,
            "chosen": chosen,
            "fault": "" if kept is None else kept.fault,
            "report": report,
            "heads": list(METRICS.values()),
            "methods": methods(report),
            "origins": origins(report),
            "gate": None
            if kept is None or chosen is None
            else gate(kept.entry, trail, chosen.number),
            "baselines": [
                (_method(report, method), note)
                for method, note in report.get("baselines", {}).items()
            ],
        }
        made_up = bool(report.get("synthetic")) or None
        return self._answer(request, "question.html", context, made_up=made_up)

    def _versions(self, question: str) -> list[Version]:
        """Return a question's versions that are told of here, the newest first."""
        trail = approvals(self._lists.ledger, question)
        once = {one.version for one in trail if one.what in IN_FORCE}
        now = champions.pointer(question)["version"] if question in champions.questions() else None
        known = dossier.versions(question)
        found = []
        for number in known:
            kept = dossier.read(question, number)
            role = ROLE_OF[number == now, number in once, number == known[0]]
            found.append(_version(question, kept, role))
        return found


CHAMPION, CHALLENGER = "Champion", "Challenger"
ROLE_OF = {
    (now, once, newest): CHAMPION
    if now
    else "Was in force"
    if once
    else CHALLENGER
    if newest
    else "Not promoted"
    for now in (True, False)
    for once in (True, False)
    for newest in (True, False)
}


def _version(question: str, kept: dossier.Dossier, role: str) -> Version:
    figures = kept.report.get("evaluation", {}).get("figures", {}).get(MODEL, {})
    made = kept.entry.get("registered_at")
    checks = (kept.entry.get("gate") or {}).get("checks", ())
    failed = sum(not check["passed"] for check in checks)
    return Version(
        number=kept.version,
        role=role,
        registered="Not recorded" if not made else date_words(date.fromisoformat(str(made)[:10])),
        auc=shown(figures.get("auc")),
        recall=shown(figures.get("recall")),
        verdict=str(kept.report.get("verdict", kept.fault)),
        gate="Not recorded"
        if not checks
        else f"{failed} of {len(checks)} checks failed"
        if failed
        else f"All {len(checks)} checks passed",
        synthetic=bool(kept.report.get("synthetic")),
        link=run_link(question, kept.entry),
    )


def shown(figure: Mapping[str, float | None] | None, digits: int = 3) -> str:
    """Return a figure with its interval.

    Examples
    --------
    >>> shown({"value": 0.7241, "low": 0.5811, "high": 0.8329}), shown(None)
    ('0.724 (0.581 to 0.833)', 'Not known')
    """
    if not figure or figure.get("value") is None:
        return "Not known"
    value = f"{figure['value']:.{digits}f}"
    if figure.get("low") is None or figure.get("high") is None:
        return value
    return f"{value} ({figure['low']:.{digits}f} to {figure['high']:.{digits}f})"


def _method(report: Mapping[str, Any], name: str) -> str:
    said = str(report.get("methods", {}).get(name, words.spoken(name)))
    return f"{said[:1].upper()}{said[1:]}"


def methods(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every method judged on the same rows, the model first, then by AUC."""
    figures = report.get("evaluation", {}).get("figures", {})
    gaps = report.get("evaluation", {}).get("differences", {})

    def order(name: str) -> tuple[bool, float]:
        value = (figures[name].get("auc") or {}).get("value")
        return name != MODEL, -(value or 0.0)

    return [
        {
            "name": _method(report, name),
            "figures": [shown(figures[name].get(metric)) for metric in METRICS],
            "gap": "" if name == MODEL else shown(gaps.get(name, {}).get("auc")),
        }
        for name in sorted(figures, key=order)
    ]


def origins(report: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the backtest: each origin's figures, all of them together, and why it ends there."""
    kept = report.get("backtest")
    if not kept:
        return None
    return {
        "lines": [
            {
                "tested": f"{_day(origin['test_from'])} to {_day(origin['test_to'])}",
                "trained": _day(origin["train_before"]),
                "rows": f"{origin['training_rows']:,}",
                **_origin(origin["evaluation"], report),
            }
            for origin in kept["origins"]
        ],
        "pooled": _origin(kept["pooled"], report),
        "stopped": kept.get("stopped", ""),
    }


def _origin(evaluation: Mapping[str, Any], report: Mapping[str, Any]) -> dict[str, Any]:
    figures = evaluation["figures"]
    rivals = {
        name: (by_metric.get("auc") or {}).get("value") or 0.0
        for name, by_metric in figures.items()
        if name not in (MODEL, "champion")
    }
    best = max(rivals, key=lambda name: rivals[name], default=None)
    return {
        "judged": f"{evaluation['rows']:,} rows, {evaluation['positives']:,} with the outcome",
        "figures": [shown(figures[MODEL].get(metric)) for metric in METRICS],
        "best": "" if best is None else f"{_method(report, best)}: {shown(figures[best]['auc'])}",
    }


def gate(entry: Mapping[str, Any], trail: Sequence[Approval], version: int) -> list[dict[str, Any]]:
    """Return what the gate said of a version: when it was registered, and at each promotion."""
    found = []
    if entry.get("gate"):
        found.append(
            {
                "when": "When it was registered",
                "checks": _failed_first(entry["gate"]["checks"]),
                "refuses": entry["gate"].get("refuses", False),
                "reports_only": entry["gate"].get("reports_only", False),
            }
        )
    found += [
        {
            "when": f"{one.words} by {one.actor} on {moment(one.at)}",
            "checks": _failed_first(one.checks),
            "refuses": False,
            "reports_only": False,
        }
        for one in trail
        if one.version == version and one.checks
    ]
    return found


def _failed_first(checks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(checks, key=lambda check: bool(check["passed"]))


def _day(text: Any) -> str:
    return date_words(date.fromisoformat(str(text)[:10]))
