"""Commands that give scores, explain them and account for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from features.console import (
    Json,
    Port,
    Purpose,
    QuestionName,
    Records,
    SpineFile,
    answer,
    day,
    in_a_folder,
    progress,
)
from features.errors import UsageError
from serving.command_ledger import asking, ledger, score_id

if TYPE_CHECKING:
    from features.history import History
    from features.loads import Load
    from serving.batch import Scored
    from serving.ledger import Ledger

app = typer.Typer()
audit_app = typer.Typer(no_args_is_help=True, help="The ledger: who did what, when and why.")
app.add_typer(audit_app, name="audit")


@app.command()
def score(
    question: QuestionName,
    records: Records,
    out: Annotated[
        Path, typer.Option("--out", help="Parquet or CSV file to write.", callback=in_a_folder)
    ],
    as_of: Annotated[str | None, typer.Option(help="Date; the day after the records end.")] = None,
    spine: SpineFile = None,
    model: Annotated[
        str | None,
        typer.Option(help="Score with this version; one that is not in force makes no list."),
    ] = None,
    backend: Annotated[str, typer.Option(help="duckdb, postgres or spark.")] = "duckdb",
    purpose: Purpose = "batch",
    as_json: Json = False,
) -> None:
    """Score a cohort, or the rows of a spine, into a ranked file with reasons.

    Example: precursor score domestic_abuse_high_harm .precursor/records/demo --out scores.parquet
    """
    from features.cohort import REASONS
    from features.loads import open_load
    from features.spine import read_spine

    if spine is not None and as_of is not None:
        raise UsageError("score: --spine has its own dates", remedy="Leave --as-of out.")
    load = open_load(records)
    rows = None if spine is None else read_spine(spine, load.default_as_of)
    at = None if as_of is None else day("--as-of", as_of)
    with ledger() as book, progress("scoring", as_json) as tell:
        done = scored(
            book,
            question,
            load,
            out,
            which=model,
            backend=backend,
            spine=rows,
            as_of=at,
            purpose=purpose,
            tell=tell,
        )
    refused = dict(done.rejections)
    found: dict[str, Any] = {"scores": str(done.out), "rejected_file": str(done.rejected)}
    found["rejected"] = refused
    found |= {"run": done.run.run_id, "scored": done.scored, "insufficient": done.insufficient}
    text = f"{done.scored:,} people scored ({done.insufficient:,} more with insufficient history,"
    text += f" {sum(refused.values()):,} rejected): {done.out}"
    for why, number in refused.items():
        text += f"\n  {number:,} {why}: {REASONS[why]}"
    if refused:
        text += f"\nWho they are stands in {done.rejected}; check their ids and dates."
    answer(found, text, as_json)
    if not done.scored + done.insufficient:
        raise typer.Exit(1)


def scored(
    book: Ledger,
    name: str,
    load: Load,
    out: Path,
    *,
    which: str | None = None,
    history: History | None = None,
    backend: str = "duckdb",
    **how: Any,
) -> Scored:
    """Score with the model in force, or with another version, which is marked so.

    The load's history is compiled with the model's harm weights, unless it was already.
    """
    from features.history import History
    from models import registry
    from serving.batch import score_batch
    from serving.expiry import require_current
    from serving.kept import serve_from, serving_named
    from serving.permissions import operator
    from serving.retirement import require_not_retired
    from serving.stock import Stock

    tell = how.pop("tell", None)
    who = operator()
    stock = Stock(book)
    given = {"ledger": book, "actor": who.actor, "role": who.role, "progress": tell, **how}
    promoted = which in (None, registry.CHAMPION)
    model, version = stock.champion(name) if promoted else registry.fetch(name, str(which))
    if promoted:
        require_current(model, version, load, stock.stage(model.question))
    else:
        require_not_retired(book, name, version)
    if backend == "spark":
        from serving.spark import score_on_spark

        done = score_on_spark(model, version, load, out, promoted=promoted, **given)
    else:
        history = history or History(load, harm=model.question.harm, backend=backend)
        done = score_batch(model, version, history, out, promoted=promoted, **given)
    if promoted and not serving_named(name):
        serve_from(name, load)
    return done


@app.command()
def publish(
    question: QuestionName,
    run: Annotated[str | None, typer.Option(help="A run; the last one by default.")] = None,
    purpose: Purpose = "list for the meeting",
    as_json: Json = False,
) -> None:
    """Make a scored run the list of its question, compared with the last of an earlier date.

    Example: precursor publish domestic_abuse_high_harm
    """
    from serving.permissions import operator
    from serving.publishing import publish as make_list

    who = operator()
    with ledger(make=False) as book:
        said = make_list(
            question, ledger=book, actor=who.actor, role=who.role, purpose=purpose, run_id=run
        )
    changes = ", ".join(f"{said[kind]:,} {kind}" for kind in ("new", "up", "down", "same", "gone"))
    answer(said, f"Run {said['run_id']} is the list of {question}: {changes}.", as_json)


ScoreId = Annotated[
    str,
    typer.Argument(metavar="SCORE_ID", help="As the scored file names it.", callback=score_id),
]


@app.command()
def explain(score_id: ScoreId, purpose: Purpose = "explain", as_json: Json = False) -> None:
    """Tell one score in words, down to the records behind each reason.

    Example: precursor explain SCORE_ID
    """
    from serving.answers import one_score
    from serving.permissions import operator
    from serving.stock import Stock
    from serving.text import score_in_words

    who = operator()
    with asking() as book:
        found = one_score(
            Stock(book), book, score_id, actor=who.actor, role=who.role, purpose=purpose
        )
    answer(found, score_in_words(found), as_json)


@app.command()
def replay(score_id: ScoreId, purpose: Purpose = "replay", as_json: Json = False) -> None:
    """Compute a past score again, from its stored inputs and from the records, and compare.

    Example: precursor replay SCORE_ID
    """
    from serving.permissions import operator
    from serving.replay import replay as recompute
    from serving.stock import Stock

    who = operator()
    with asking() as book:
        found = recompute(
            score_id,
            stock=Stock(book),
            ledger=book,
            actor=who.actor,
            role=who.role,
            purpose=purpose,
        )
    steps = {
        "inputs -> score": found.score_from_inputs,
        "records -> inputs": found.inputs_from_records,
    }
    text = "\n".join(f"{name}: {step.result}. {step.detail}" for name, step in steps.items())
    if found.now is not None:
        text += f"\nnow: {found.now['result'].replace('_', ' ')}"
        text += f", {len(found.now.get('arrived', []))} records arrived late."
    answer(found.answer(), text, as_json)
    if any(step.result == "differs" for step in steps.values()):
        raise typer.Exit(1)


@audit_app.command("verify")
def audit_verify(as_json: Json = False) -> None:
    """Verify the whole ledger: every link, every leaf; each break is named.

    Example: precursor audit verify
    """
    with ledger(make=False) as book:
        found = book.verify()
        if found.ok:  # what verified once cannot be cut off unseen later
            book.checkpoint()
    text = f"{found.entries:,} entries and {found.leaves:,} leaves verified: "
    text += "the chain holds." if found.ok else f"{len(found.breaks)} breaks."
    answer(found.as_data(), "\n".join([text, *map(str, found.breaks)]), as_json)
    if not found.ok:
        raise typer.Exit(1)


@audit_app.command("export")
def audit_export(
    out: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="File to write; must not exist.", callback=in_a_folder),
    ],
    purpose: Purpose = "export of the ledger",
    as_json: Json = False,
) -> None:
    """Write the whole ledger to one file that anybody can verify: docs/verify_export.py.

    Example: precursor audit export ledger.jsonl --purpose "inspection 2026"
    """
    from serving.ledger_export import export
    from serving.permissions import operator

    who = operator()
    with ledger(make=False) as book:
        found = export(book, out, actor=who.actor, role=who.role, purpose=purpose)
    head = found["checkpoint"]
    text = f"{found['entries']:,} entries and {found['leaves']:,} leaves are in {out}, up to "
    text += f"{head['seq']}:{head['hash']}, signed with the key {head['public_key']}."
    answer(found, text, as_json)


@audit_app.command("checkpoint")
def audit_checkpoint(as_json: Json = False) -> None:
    """Note the last entry down and print it signed: keep it on another machine.

    Example: precursor audit checkpoint --json
    """
    from serving.ledger_export import checkpoint

    with ledger(make=False) as book:
        found = checkpoint(book)
    answer(found, "\n".join(f"{name}: {value}" for name, value in found.items()), as_json)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Loopback unless you say otherwise.")] = "127.0.0.1",
    port: Port = 3000,
    records: Annotated[
        Path | None, typer.Option(help="Serve all questions from this load.")
    ] = None,
    workers: Annotated[
        int, typer.Option(min=0, max=64, help="Processes that answer; 0: as many as fit here.")
    ] = 1,
) -> None:
    """Run the service: JSON under /v1, pages under /.

    Example: precursor serve --port 3000
    """
    from features.home import home
    from features.loads import open_load
    from models import champions
    from serving.bundled import take_in
    from serving.kept import serve_from
    from serving.server import SIGN_IN
    from serving.server import serve as run

    with ledger() as book:  # here it is refused in words; a worker would be started for ever
        book.ready()
        take_in(book)
    if records is not None:
        load = open_load(records)
        for question in champions.questions():
            serve_from(question, load)
    in_force = champions.questions()
    typer.echo(
        f"In force in {home()}: {', '.join(in_force) or 'no model yet'}."
        + ("" if in_force else " Train one and promote it: precursor train, precursor promote.")
    )
    typer.echo(SIGN_IN)
    run(host, port, workers=workers)


@app.command()
def bento(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A new folder.")],
    question: Annotated[
        list[str] | None, typer.Option(help="Whose model; all in force by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Pack the service and the models in force into a folder that runs offline.

    Example: precursor bento ./precursor-bento
    """
    from serving.bundled import build

    made = build(out, question or ())
    run = f"cd {made / 'src'} && python -m serving serve"
    answer({"bento": str(made), "run": run}, f"{made}\nRun it: {run}", as_json)
