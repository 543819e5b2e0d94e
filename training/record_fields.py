"""What is generated for each field of the transparency record: one model's facts, in sentences.

A paragraph that would read the same for any model is no record: each says what this model is, with
figures of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from features.question import BANDS
from features.register import register
from training.evaluation import MODEL
from training.fairness import CAPACITY
from training.record_facts import Facts, interval, percent


def _name(f: Facts) -> str:
    return f"{f.model.question.title}, version {f.version} ({f.model.question.name})"


def _description(f: Facts) -> str:
    asked = f.model.question
    said = f"Estimates how likely each of {f.cohort} is to be {asked.outcome_words}."
    if asked.description:
        said += f" {asked.description.strip()}"
    return (
        f"{said} It orders people for {asked.capacity} places a list; people decide who is worked"
        f" with. {f.training['verdict']}"
    )


def _detailed(f: Facts) -> str:
    return (
        f"{f.training['trees']} shallow boosted trees over {len(f.model.feature_set.columns)}"
        f" columns in {len(f.model.feature_set.groups)} groups of the feature register,"
        f" {len(f.used)} of them in use; most splits are on {_list(f.groups[:4])}. Trained on"
        f" {f.part['rows']:,} rows of {f.part['people']:,} people, {f.part['positives']:,} of them"
        f" with the outcome; calibrated so that {f.figure('expected')} were predicted where"
        f" {f.figure('observed')} were recorded."
    )


def _scope(f: Facts) -> str:
    asked = f.model.question
    abstains = (
        "It scores everybody in the cohort."
        if asked.abstain == "never"
        else f"It abstains where fewer than {asked.abstain.fewer_than} events are on record"
        f" and the first is less than {asked.abstain.known_for_days} days old."
    )
    return (
        f"Cohort: {f.cohort}. Outcome: {f.outcome}, within {asked.horizon_days} days, if known"
        f" {asked.lag_days} days after. {abstains} Out of scope: any other question, anybody under"
        f" 18, and use without a person's decision. On the rows it was judged on, the outcome was"
        f" recorded for {f.figure('observed')}."
    )


def _benefit(f: Facts) -> str:
    cells = f.cells()
    said = (
        f"At capacity its lists held {cells['tp']:,.0f} of {cells['tp'] + cells['fn']:,.0f}"
        f" recorded outcomes ({f.figure('recall')} of them); {f.figure('precision')} of those"
        " listed had one."
    )
    for name in ("rfg", "harm_365"):
        if name in f.evaluation["figures"]:
            said += (
                f" By {f.rival(name)} the same lists would have held {f.figure('recall', name)}."
            )
    return said + " What working with a listed person changes is not known from these figures."


def _alternatives(f: Facts) -> str:
    lines = [
        f"{f.rival(name)}: AUC {f.figure('auc', name)}; the model differs by"
        f" {interval(f.evaluation['differences'][name]['auc'])}"
        for name in f.rivals
        if name in f.evaluation["differences"]
    ]
    return f"Judged on the same rows, with AUC {f.figure('auc')}, beside {'; '.join(lines)}."


def _provided(f: Facts) -> str:
    bands = f.model.question.bands
    cuts = f"{bands.medium:.0%}, {bands.high:.0%} and {bands.very_high:.0%}"
    return (
        f"A probability over {f.model.question.horizon_days} days with a"
        f" {f.model.interval.level:.0%} interval from {f.model.interval.refits} refits, a band"
        f" ({', '.join(BANDS)}; cuts at {cuts}), and reasons from {len(f.groups)} groups down to"
        f" the records. Their quality: {_calibration(f)}"
    )


def _frequency(f: Facts) -> str:
    reference = f.training.get("reference") or {}
    each = reference.get("rows_a_date")
    number = "a number not recorded" if each is None else f"about {each:,.0f}"
    asked = f.model.question
    return (
        f"A list every {asked.cadence_months} months of {number} people, {asked.capacity} of them"
        f" at capacity; a score is valid for {asked.expires_after_days} days."
    )


def _architecture(f: Facts) -> str:
    return (
        "Records are compiled into point-in-time histories, scored by one model file on the force's"
        " own machines, and every score is put on a tamper-evident ledger first. Model files"
        f" {f.model.sha256[:16]}; features {f.model.feature_set.fingerprint[:16]}; matrix"
        f" {f.training['matrix_fingerprint'][:16]}."
    )


def _input(f: Facts) -> str:
    sources = sorted({register()["groups"][g]["source"] for g in f.groups if _known(g)})
    given = "; ".join(sources) or "columns that came with a ready matrix"
    return f"{given}. Groups in use: {_list(f.groups)}; {sum(n for _, n in f.used):,} splits."


def _output(f: Facts) -> str:
    return (
        f"For each of {f.cohort}: the probability of being {f.model.question.outcome_words}. In the"
        f" test part the mean was {f.figure('expected')}, Brier score {f.figure('brier')}."
    )


def _maintenance(f: Facts) -> str:
    end = "a day not recorded" if f.expires is None else f"{f.expires}"
    return (
        f"Scores nobody after {end} unless trained again. Drift is held against"
        f" {f.part['people']:,} people's rows, by group; limits that lead to review, retraining and"
        " suspension stand in docs/audits.md."
    )


def _models(f: Facts) -> str:
    horizons = [f.model.question.horizon_days, *f.model.horizons]
    return (
        f"One booster of {f.training['trees']} trees (seed {f.training['seed']}), calibrated with"
        f" slope {f.model.slope:.3f} and intercept {f.model.intercept:.3f}, for"
        f" {', '.join(f'{days} days' for days in sorted(horizons))}."
    )


def _task(f: Facts) -> str:
    return (
        f"To rank and to estimate the chance of {f.outcome} within {f.model.question.horizon_days}"
        f" days, recorded for {f.evaluation['positives']:,} of {f.evaluation['rows']:,} test rows."
    )


def _columns(f: Facts) -> str:
    total = sum(splits for _, splits in f.used)
    top = [f"{name} ({splits / total:.0%} of splits)" for name, splits in f.used[:10]]
    protected = (
        "age is an input" if "age" in f.groups else "no protected characteristic is an input"
    )
    return f"{len(f.used)} columns in use. The most used: {', '.join(top)}. By record, {protected}."


def _model_architecture(f: Facts) -> str:
    chosen = f.training["parameters"]
    keys = ("num_leaves", "max_depth", "learning_rate", "min_data_in_leaf", "lambda_l2")
    said = ", ".join(f"{key} {chosen[key]}" for key in keys if key in chosen)
    return (
        f"Gradient-boosted decision trees (LightGBM {f.model.versions['lightgbm']}),"
        f" {f.training['trees']} trees, {said}; sigmoid calibration."
    )


def _performance(f: Facts) -> str:
    cells = f.cells()
    return (
        f"{f.training['verdict']} Judged {f.split}, on {f.evaluation['rows']:,} rows of"
        f" {f.evaluation['people']:,} people with 95 % intervals over people: AUC"
        f" {f.figure('auc')}, Brier {f.figure('brier')}, precision at capacity"
        f" {f.figure('precision')}, outcomes captured {f.figure('recall')}. Confusion matrix at"
        f" capacity: {cells['tp']:,.0f} true and {cells['fp']:,.0f} false positives,"
        f" {cells['fn']:,.0f} false and {cells['tn']:,.0f} true negatives. {_calibration(f)}"
        + (
            " The people are made up: none of this is performance on people."
            if f.model.synthetic
            else ""
        )
    )


def _calibration(f: Facts) -> str:
    halves = f.training["calibration"]["by_halves"]
    if halves is None:
        return "too few outcomes to judge calibration apart from what calibrated it."
    return (
        f"by halves of the test people, {halves['expected']:.1%} predicted and"
        f" {halves['observed']:.1%} recorded, slope {halves['slope']:.2f}."
    )


def _datasets(f: Facts) -> str:
    return (
        f"Training: {f.part['rows']:,} rows. Test: {f.evaluation['rows']:,} rows {f.split}; they"
        f" also fitted the final calibration. Load {str(f.load.get('fingerprint', ''))[:16]}."
    )


def _development(f: Facts) -> str:
    kind = "a simulated force: nobody in them exists" if f.model.synthetic else "a force's own"
    return (
        f"Records of {kind}, up to {f.ends or 'a day not recorded'}; load"
        f" {str(f.load.get('fingerprint', 'not recorded'))[:16]}, matrix"
        f" {f.training['matrix_fingerprint'][:16]}."
    )


def _modality(f: Facts) -> str:
    return (
        f"Tabular: {len(f.model.feature_set.columns)} numeric columns,"
        f" {len(f.model.nullable)} of them empty where nothing is on record, for"
        f" {f.part['rows']:,} rows of a person and a date."
    )


def _quantities(f: Facts) -> str:
    return (
        f"{f.part['rows']:,} training rows of {f.part['people']:,} people, {f.part['positives']:,}"
        f" with the outcome{_wider(f)}; {f.evaluation['rows']:,} test rows of"
        f" {f.evaluation['people']:,} people, {f.evaluation['positives']:,} with the outcome."
    )


def _wider(f: Facts) -> str:
    found = f.training.get("wider") or {"rows": 0}
    return (
        f", and {found['rows']:,} of a wider cohort that the trees learned from too"
        if found["rows"]
        else ""
    )


def _sensitive(f: Facts) -> str:
    inputs = "Age is an input. " if "age" in f.groups else ""
    return (
        f"{inputs}Sex, ethnicity, religion, nationality, disability, sexual orientation, names and"
        f" areas are no inputs. For audit alone, over {f.evaluation['people']:,} people:"
        f" {_audited(f)}"
    )


def _audited(f: Facts) -> str:
    if f.fairness is None:
        return "none was read; the model is not audited by group."
    shares = [f"{n} ({share:.1%} unknown)" for n, share in f.fairness["unknown"].items()]
    return f"{', '.join(shares)}; {f.fairness['tested']} groups tested."


def _completeness(f: Facts) -> str:
    reference = f.training.get("reference") or {}
    who = [
        f"{name} " + ", ".join(f"{value} {share:.0%}" for value, share in shares.items())
        for name, shares in (reference.get("groups") or {}).items()
    ]
    people = f"By group: {'; '.join(who)}." if who else "Who the people are was not told."
    return (
        f"{people} {len(f.model.nullable)} of {len(f.model.feature_set.columns)} columns were empty"
        f" in some training row; {f.part['positives'] / f.part['rows']:.1%} of rows have the"
        f" outcome. What nobody reports is not in the records. {_events(f)}"
    )


def _events(f: Facts) -> str:
    known = [f"{event['name']} ({event['first']})" for event in f.training.get("events", [])]
    return f"Known in the years of these rows: {'; '.join(known) or 'no change of counting'}."


def _operational(f: Facts) -> str:
    known = [g for g in f.groups if _known(g)]
    said = "; ".join(f"{g}: {register()['groups'][g]['source']}" for g in known)
    return f"{said or 'A ready matrix'}. {len(f.used)} columns are read for each person scored."


def _operational_sensitive(f: Facts) -> str:
    sensitive = [f"{g} ({register()['groups'][g]['sensitivity']})" for g in f.groups if _known(g)]
    return (
        f"By group, the most used of {sum(splits for _, splits in f.used):,} splits first:"
        f" {'; '.join(sensitive) or _list(f.groups)}. {_audited(f)}"
    )


def _processing(f: Facts) -> str:
    return (
        f"Only records known before the day of scoring count. {len(f.model.feature_set.columns)}"
        f" columns are compiled; {f.training['trees']} trees are summed, and calibrated by"
        f" {f.model.slope:.3f} times the sum and {f.model.intercept:+.3f}. {_proof(f)}"
    )


def _proof(f: Facts) -> str:
    proof = f.training.get("leakage")
    if proof is None:
        return "No leakage proof was made."
    passed = "passed" if proof["passed"] else "FAILED"
    return f"Leakage proof {passed} on {proof['rows']:,} histories of {proof['as_of_date']}."


def _risks(f: Facts) -> str:
    cells = f.cells()
    said = [
        f"Needless listing: {cells['fp']:,.0f} of {f.listed:,} listed had no recorded outcome.",
        f"Missed: {cells['fn']:,.0f} of {cells['tp'] + cells['fn']:,.0f} outcomes were not listed;"
        " a low score is no all-clear.",
        "Records are not offending: reports follow who reports and who is known to police.",
    ]
    if f.fairness is None:
        said.append("Differences between groups are unknown: the model was not audited.")
    elif f.fairness["findings"]:
        for one in f.fairness["findings"]:
            said.append(
                f"{one['group']}: {one['calibration']:.2f} predicted for each recorded outcome,"
                f" {one['others']:.2f} among others."
            )
    else:
        said.append(
            f"{f.fairness['tested']} groups were tested; in none do predictions part from records"
            " beyond chance."
        )
    for rate in ("false_alarms", "miss_rate"):
        gap = _widest(f, rate)
        if gap is not None:
            said.append(gap)
    return " ".join(said)


def _widest(f: Facts, rate: str) -> str | None:
    if f.fairness is None:
        return None
    shown = [
        (group["at"][CAPACITY][rate], ", ".join(group["who"].values()))
        for table in f.fairness["tables"].values()
        for group in table
        if group["at"][CAPACITY][rate] is not None
    ]
    if len(shown) < 2:
        return None
    low, high = (pick(shown, key=lambda one: one[0]["value"]) for pick in (min, max))
    words = rate.replace("_", " ")
    return f"Widest {words}: {high[1]} {percent(high[0])}, {low[1]} {percent(low[0])}."


def _known(group: str) -> bool:
    return group in register()["groups"]


def _list(names: list[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in names)


GENERATED: Mapping[str, Callable[[Facts], str]] = {
    "name": _name,
    "description": _description,
    "detailed_description": _detailed,
    "scope": _scope,
    "benefit": _benefit,
    "alternatives": _alternatives,
    "provided_information": _provided,
    "frequency": _frequency,
    "architecture": _architecture,
    "system_input": _input,
    "system_output": _output,
    "maintenance": _maintenance,
    "models": _models,
    "model_name": lambda f: f"{f.model.question.name}, files {f.model.sha256[:16]}",
    "model_version": lambda f: (
        f"{f.version}, of records to {f.ends or 'a day not recorded'}, SHA-256 {f.model.sha256}"
    ),
    "model_task": _task,
    "model_input": _columns,
    "model_output": lambda f: (
        f"Log-odds and their probability; AUC {f.figure('auc', MODEL)},"
        f" calibrated slope {f.model.slope:.3f}, and what each of {len(f.groups)} groups adds."
    ),
    "model_architecture": _model_architecture,
    "model_performance": _performance,
    "datasets": _datasets,
    "development_data": _development,
    "data_modality": _modality,
    "data_quantities": _quantities,
    "sensitive_attributes": _sensitive,
    "completeness": _completeness,
    "operational_sources": _operational,
    "operational_sensitive": _operational_sensitive,
    "processing": _processing,
    "risks": _risks,
}
"""By field, what writes it."""
