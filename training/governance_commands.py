"""Commands that account for what is done: models, published figures, interventions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from features.console import Json, QuestionName, Records, answer, in_a_folder, progress

app = typer.Typer()


@app.command()
def consistency(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a heading a column.")],
    one_threshold: Annotated[
        bool, typer.Option(help="Rates are at one threshold of the score whose AUC is told.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Find figures in a published table that cannot be true together, whatever was rounded off.

    Example: precursor consistency published.csv
    """
    from training.consistency_tables import REMEDY, check_rows, read_table

    rows = read_table(file)
    found = check_rows(rows, threshold=one_threshold)
    named = {fault.row for fault in found}
    text = f"{len(rows):,} rows: nothing in them is impossible; they may be wrong all the same."
    if found:
        text = "\n".join([f"{len(named)} of {len(rows)} rows cannot be true:", *map(str, found)])
        text += f"\n{REMEDY}"
    answer({"rows": len(rows), "faults": [vars(fault) for fault in found]}, text, as_json)
    if found:
        raise typer.Exit(1)


@app.command()
def record(
    question: QuestionName,
    version: Annotated[
        str, typer.Option(help="A number, 'champion' or 'challenger'.")
    ] = "champion",
    out: Annotated[
        Path | None, typer.Option(help="Folder for record.html, record.json and record.md.")
    ] = None,
    answers: Annotated[
        Path | None, typer.Option(help="YAML of answers; HOME/answers/QUESTION.yaml.")
    ] = None,
    approvals: Annotated[
        Path | None, typer.Option(help="YAML of approved groups; HOME/approvals.yaml.")
    ] = None,
    against: Annotated[str | None, typer.Option(help="A release to tell changes against.")] = None,
    blank: Annotated[
        Path | None,
        typer.Option(
            help="Write a file of answers to fill in, and nothing else.", callback=in_a_folder
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the transparency record of a model: ATRS, card, notice, figures for assessments.

    Example: precursor record domestic_abuse_high_harm --out record --against previous
    """
    from features.errors import UsageError
    from training import answers as asked
    from training import record as book
    from training.record_changes import in_words
    from training.record_pages import markdown

    if blank is not None:
        if blank.exists():
            raise UsageError(
                f"{blank}: something lies here", remedy="Name a new file.", field="blank"
            )
        blank.write_text(asked.blank(question), encoding="utf-8")
        found = {"answers": str(blank), "asked": list(asked.asked())}
        answer(found, f"{len(asked.asked())} answers are asked for in {blank}.", as_json)
        return
    said = book.of_version(question, version, answers=answers, approved=approvals, against=against)
    if out is None:
        answer(said, markdown(said), as_json)
        return
    written = [str(file) for file in book.write(said, out)]
    text = f"Version {said['version']} of {question} is recorded in {', '.join(written)}."
    if said["missing"]:
        text += f"\nNot answered yet, and not made up ({len(said['missing'])}): "
        text += ", ".join(field["key"] for field in said["missing"]) + "."
    if said["not_yet_approved"]:
        text += f"\nFeature groups not yet approved: {', '.join(said['not_yet_approved'])}."
    if said["changes"] is not None:
        text += f"\n{in_words(said['changes'])}"
    answer(said | {"written": written}, text, as_json)


@app.command("evaluate-intervention")
def evaluate_intervention(
    study: Annotated[
        str, typer.Argument(metavar="STUDY", help="Name of a study, or its YAML file.")
    ],
    records: Records,
    as_json: Json = False,
) -> None:
    """Estimate what a programme or an order did to what is recorded afterwards.

    Example: precursor evaluate-intervention domestic_abuse_programme .precursor/records/demo
    """
    from features.dashboards import evaluations
    from features.history import History
    from features.loads import open_load
    from training.effects import evaluate
    from training.effects_words import in_words
    from training.study import study as find
    from training.trial import trial

    asked, load = find(study), open_load(records)
    with progress("compiling histories", as_json) as tell:
        rows = trial(History(load), asked, tell)
    found = evaluate(asked, rows, synthetic=load.synthetic)
    said = in_words(found)
    # the pages show what is kept; they fit nothing themselves
    evaluations.keep(found.to_data(), said, load)
    answer(found.to_data(), said, as_json)
